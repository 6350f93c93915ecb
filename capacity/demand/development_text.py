"""Homes, floors and phases of a development as people write them into one cell of a table.

homes    12x85=heat_pump; 6x120; 4=direct_electric     count, floor area of one [m2], heating
floors   shop=400; office=250                          use and floor area [m2]
phases   2027=0.4; 2030=0.6                            year and share of the whole
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Heating = Literal["other", "heat_pump", "direct_electric"]
HEATINGS: tuple[str, ...] = get_args(Heating)
# Phases have to add up to all of a site within the rounding of what people write.
SHARE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class HomeGroup:
    """Homes of one kind.

    Attributes
    ----------
    floor_area_m2
        Of one home; None: as the assumptions have it.
    """

    count: int
    floor_area_m2: float | None = None
    heating: Heating = "other"

    @property
    def words(self) -> str:
        """What the group is, for a table of parts."""
        size = "" if self.floor_area_m2 is None else f" of {self.floor_area_m2:g} m2"
        return f"homes{size}"


def parse_homes(text: str) -> tuple[HomeGroup, ...]:
    """Read homes like "12x85=heat_pump; 6x120; 4=direct_electric".

    Raises
    ------
    ValueError
        The text is not of that form.

    Examples
    --------
    >>> parse_homes("12x85=heat_pump; 6")[0]
    HomeGroup(count=12, floor_area_m2=85.0, heating='heat_pump')
    """
    return tuple(_home_group(piece) for piece in _pieces(text))


def _home_group(piece: str) -> HomeGroup:
    amount, _, heating = (word.strip() for word in piece.partition("="))
    count, _, area = amount.replace("X", "x").partition("x")
    heating = heating or "other"
    if heating not in HEATINGS:
        raise ValueError(f"{heating!r} is no heating; write one of: {', '.join(HEATINGS)}")
    try:
        return HomeGroup(int(count), float(area) if area.strip() else None, heating)  # type: ignore[arg-type]
    except ValueError:
        raise ValueError(f"{piece!r} names no homes; write COUNTxM2=HEATING like 12x85=heat_pump") from None


def write_homes(homes: tuple[HomeGroup, ...]) -> str:
    """Write homes so that `parse_homes` reads them again."""
    return "; ".join(
        f"{group.count}{'' if group.floor_area_m2 is None else f'x{group.floor_area_m2!r}'}={group.heating}"
        for group in homes
    )


def parse_floors(text: str) -> tuple[tuple[str, float], ...]:
    """Read floor areas like "shop=400; office=250".

    Raises
    ------
    ValueError
        The text is not of that form.
    """
    floors = []
    for piece in _pieces(text):
        use, _, area = (word.strip() for word in piece.partition("="))
        try:
            floors.append((use, float(area)))
        except ValueError:
            raise ValueError(f"{piece!r} names no floor area; write USE=M2 like shop=400") from None
    return tuple(floors)


def write_floors(floors: tuple[tuple[str, float], ...]) -> str:
    """Write floor areas so that `parse_floors` reads them again."""
    return "; ".join(f"{use}={area!r}" for use, area in floors)


def parse_phases(text: str | None, year: int | None) -> dict[int, float]:
    """Read phases like "2027=0.4; 2030=0.6"; without text all of it in the year.

    Raises
    ------
    ValueError
        Neither says when, or the text is not of that form, or its shares do not add up to 1.
    """
    if not text:
        if year is None:
            raise ValueError("no year of connection and no phases")
        return {int(year): 1.0}
    phases: dict[int, float] = {}
    for piece in _pieces(text):
        start, _, share = piece.partition("=")
        phases[int(start)] = phases.get(int(start), 0.0) + float(share)
    if min(phases.values(), default=0.0) <= 0.0 or abs(sum(phases.values()) - 1.0) > SHARE_TOLERANCE:
        raise ValueError(f"shares of phases have to be above 0 and add up to 1: {text}")
    return dict(sorted(phases.items()))


def write_phases(phases: tuple[tuple[int, float], ...]) -> str:
    """Write phases so that `parse_phases` reads them again."""
    return "; ".join(f"{year}={share!r}" for year, share in phases)


def _pieces(text: str) -> Iterator[str]:
    return filter(None, (piece.strip() for piece in text.split(";")))
