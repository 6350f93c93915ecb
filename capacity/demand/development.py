"""Demand of a development: the coincident peak of homes, heating, charging and floors; what roofs feed in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from capacity.assumptions import Assumptions
from capacity.demand.coincidence import Coincidence, Rusck
from capacity.demand.development_text import HEATINGS, SHARE_TOLERANCE, Heating, HomeGroup
from gis import InputError
from gis.findings import make_findings
from gis.schema import BATTERY_USES, SITE_STATES, SITE_SUPPLIES, SITE_VOLTAGES

__all__ = [
    "PART_COLUMNS", "Development", "Heating", "HomeGroup", "charging_kw", "coincident_kw", "demand_parts",
    "heat_pump_count", "refuse_unknown_uses", "together_kw",
]  # fmt: skip
# Name, count, demand [kW], feed-in [kW], profile, source.
_Part = tuple[str, float, float, float, str, str]

# profile: what its power follows over a year (`gridmodel.standard_profiles.demand_profiles`).
PART_COLUMNS = ("part", "count", "p_kw", "feed_in_kw", "profile", "source")
Supply = Literal["firm", "flexible"]
Voltage = Literal["any", "low", "medium"]
BatteryPurpose = Literal["self_consumption", "market"]
_FIGURES = (
    "dwellings", "heat_pumps", "ev_points", "floor_area_m2", "demand_kw", "pv_kw", "battery_kw",
    "battery_kwh",
)  # fmt: skip
_STATED = "the application"


@dataclass(frozen=True)
class Development:
    """What an applicant asks for, and where.

    Attributes
    ----------
    place
        Point or polygon in the CRS of the network.
    dwellings, heat_pumps
        Homes of usual size of which nothing more is told, and heat pumps beside those of `homes`.
    floor_area_m2
        Floor area of no stated use, beside `floors`.
    demand_kw
        Demand stated by the applicant [kW], on top of what is counted: industry, building power.
    homes
        Further homes by floor area and heating.
    floors
        Use (`Assumptions.floor_use`) and floor area [m2].
    pv_kw
        Rated power of modules.
    battery_use
        What the battery is for: the assumptions say what of it counts as demand and as feed-in.
    managed_charging
        The site holds its charging points to what the grid guarantees under control.
    phases
        Year and share of the whole, in order; none: all at once.
    status, applied_on
        State of the application and its day: the order of the queue.
    """

    place: BaseGeometry
    site_id: str = "site"
    name: str = "the site"
    dwellings: int = 0
    heat_pumps: int = 0
    ev_points: int = 0
    floor_area_m2: float = 0.0
    demand_kw: float = 0.0
    homes: tuple[HomeGroup, ...] = ()
    floors: tuple[tuple[str, float], ...] = ()
    pv_kw: float = 0.0
    battery_kw: float = 0.0
    battery_kwh: float = 0.0
    battery_use: BatteryPurpose = "self_consumption"
    managed_charging: bool = False
    phases: tuple[tuple[int, float], ...] = ()
    supply: Supply = "firm"
    voltage: Voltage = "any"
    status: str = "enquiry"
    applied_on: date | None = None

    def __post_init__(self) -> None:
        """Refuse what is no demand.

        Raises
        ------
        InputError
            A figure is negative or not finite, or a word is none of its list; every such one is named.
        """
        faults = [*_faulty_figures(self), *_faulty_words(self)]
        if faults:
            names, messages, values = zip(*faults, strict=True)
            ids = [self.site_id] * len(names)
            raise InputError(
                "sites", make_findings("out_of_range", "sites", ids, list(messages), values=values)
            )

    @property
    def home_count(self) -> int:
        """All homes of the site."""
        return self.dwellings + sum(group.count for group in self.homes)

    @property
    def home_groups(self) -> tuple[HomeGroup, ...]:
        """All homes by kind; those of which nothing is told come first."""
        plain = (HomeGroup(self.dwellings),) if self.dwellings else ()
        return plain + tuple(group for group in self.homes if group.count)

    def share(self, share: float) -> Development:
        """The same site with a share (0..1) of everything, all at once.

        What is counted is rounded to whole ones: of all homes together as well as of each kind.
        """
        counts = [self.dwellings, *(group.count for group in self.homes)]
        ends = [round(share * end) for end in accumulate(counts)]
        dwellings, *homes = (end - begin for begin, end in pairwise([0, *ends]))
        return replace(
            self,
            dwellings=dwellings,
            homes=tuple(replace(g, count=n) for g, n in zip(self.homes, homes, strict=True)),
            floors=tuple((use, area_m2 * share) for use, area_m2 in self.floors),
            heat_pumps=round(self.heat_pumps * share),
            ev_points=round(self.ev_points * share),
            phases=(),
            **{name: getattr(self, name) * share for name in _SCALED},
        )


_SCALED = ("floor_area_m2", "demand_kw", "pv_kw", "battery_kw", "battery_kwh")


def _faulty_figures(asked: Development) -> list[tuple[str, str, object]]:
    """Name, message and value of figures that are none; of homes, floors and phases too."""
    figures: dict[str, float] = {name: getattr(asked, name) for name in _FIGURES}
    figures |= {f"count of homes {n}": group.count for n, group in enumerate(asked.homes, start=1)}
    figures |= {
        f"floor area of homes {n}": group.floor_area_m2
        for n, group in enumerate(asked.homes, start=1)
        if group.floor_area_m2 is not None
    }
    figures |= {f"floor area of {use}": area_m2 for use, area_m2 in asked.floors}
    return [
        (name, f"{name} must be a number >= 0; correct it", value)
        for name, value in figures.items()
        if not 0.0 <= value < math.inf
    ]


def _faulty_words(asked: Development) -> list[tuple[str, str, object]]:
    """Name, message and value of choices that are none, and of phases that are not the whole."""
    given: list[tuple[str, str, tuple[str, ...]]] = [
        ("supply", asked.supply, SITE_SUPPLIES),
        ("voltage", asked.voltage, SITE_VOLTAGES),
        ("battery_use", asked.battery_use, BATTERY_USES),
        ("status", asked.status, SITE_STATES),
        *(("heating", group.heating, HEATINGS) for group in asked.homes),
    ]
    faults: list[tuple[str, str, object]] = [
        (name, f"{name} must be one of: {', '.join(allowed)}", word)
        for name, word, allowed in given
        if word not in allowed
    ]
    shares = [share for _, share in asked.phases]
    if shares and (min(shares) <= 0.0 or abs(sum(shares) - 1.0) > SHARE_TOLERANCE):
        faults.append(("phases", "shares of phases must be above 0 and add up to 1", shares))
    return faults


def coincident_kw(count: int, admd_kw: float, g_inf: float) -> float:
    """Peak of a number of equal customers, after Rusck.

    g(n) = g_inf + (1 - g_inf) / sqrt(n); the after-diversity demand is the single peak times g_inf.

    Parameters
    ----------
    count
        Number of customers.
    admd_kw
        Demand per customer when very many draw together [kW].
    g_inf
        Coincidence of very many, 0..1.

    Returns
    -------
    float
        Peak of all together [kW].

    References
    ----------
    S. Rusck, "The simultaneous demand in distribution network supplying domestic consumers",
    ASEA Journal 10 (1956).

    Examples
    --------
    >>> coincident_kw(100, admd_kw=2.0, g_inf=0.2)
    280.0
    >>> coincident_kw(1, admd_kw=2.0, g_inf=0.2)
    10.0
    """
    return together_kw(count, admd_kw / g_inf, Rusck(g_inf=g_inf, source="Rusck 1956"))


def together_kw(count: int, alone_kw: float, method: Coincidence) -> float:
    """Peak of a number of equal customers [kW], after any method of the registry.

    Parameters
    ----------
    alone_kw
        What one of them draws alone [kW]. A method by number of dwellings leaves it aside.

    Raises
    ------
    InputError
        The method needs the customers' energy, which an application does not have.
    """
    return float(_apart_kw([(count, alone_kw)], method)[0])


def _refuse_energy(method: Coincidence) -> None:
    if "annual_kwh" in method.needs:
        message = (
            "coincidence by energy has nothing to go by here; name a method by kW or number of dwellings"
        )
        raise InputError("assumptions", make_findings("bad_figure", "assumptions", ["coincidence"], message))


def demand_parts(development: Development, assumptions: Assumptions) -> pd.DataFrame:
    """Demand and feed-in of a development by part.

    Returns
    -------
    DataFrame
        Columns `PART_COLUMNS`; p_kw adds up to the demand, feed_in_kw to the most that is fed in (as if
        nothing were drawn) [kW]. Parts of nothing are left out.

    Raises
    ------
    InputError
        Floor area is of a use that the assumptions do not know.
    """
    parts = [
        *_home_parts(development, assumptions),
        *_heating_parts(development, assumptions),
        _charging_part(development, assumptions),
        *_floor_parts(development, assumptions),
        (
            "stated by the applicant, kW",
            development.demand_kw,
            development.demand_kw,
            0.0,
            "industrial",
            _STATED,
        ),
        _solar_part(development, assumptions),
        _battery_part(development, assumptions),
    ]
    table = pd.DataFrame([part for part in parts if part[1]], columns=list(PART_COLUMNS))
    return table.astype({"count": float, "p_kw": float, "feed_in_kw": float})


def _home_parts(development: Development, assumptions: Assumptions) -> list[_Part]:
    """Homes of each kind: their share of what all homes draw together."""
    home, size = assumptions.home, assumptions.home_size
    alone_kw = home.admd_kw / home.method.many_factor
    by_kind: dict[str, tuple[int, float]] = {}
    for group in development.home_groups:
        count, _ = by_kind.get(group.words, (0, 0.0))
        by_kind[group.words] = count + group.count, alone_kw * size.factor(group.floor_area_m2)
    together = _apart_kw(list(by_kind.values()), home.method)
    source = f"{home.source}; by size: {size.source}" if development.homes else home.source
    return [
        (words, count, p_kw, 0.0, "residential", source)
        for (words, (count, _)), p_kw in zip(by_kind.items(), together, strict=True)
    ]


def _heating_parts(development: Development, assumptions: Assumptions) -> list[_Part]:
    pump, direct = assumptions.heat_pump, assumptions.direct_heating
    pumps = heat_pump_count(development)
    pumps_kw = together_kw(pumps, pump.admd_kw / pump.method.many_factor, pump.method)
    heated = [group for group in development.homes if group.heating == "direct_electric" and group.count]
    usual_m2 = assumptions.home_size.usual_m2
    heaters = [
        (group.count, (group.floor_area_m2 or usual_m2) * direct.w_per_m2 / 1e3 / direct.method.many_factor)
        for group in heated
    ]
    count = sum(group.count for group in heated)
    return [
        ("heat pumps", pumps, pumps_kw, 0.0, "heat_pump", pump.source),
        (
            "direct electric heating",
            count,
            float(_apart_kw(heaters, direct.method).sum()),
            0.0,
            "heat_pump",
            direct.source,
        ),
    ]


def heat_pump_count(development: Development) -> int:
    """Heat pumps of a development, one per home heated so beside those counted apart."""
    of_homes = sum(group.count for group in development.homes if group.heating == "heat_pump")
    return development.heat_pumps + of_homes


def charging_kw(development: Development, assumptions: Assumptions) -> float:
    """What the charging points draw together [kW]; managed ones never more than free ones."""
    point, count = assumptions.ev_point, development.ev_points
    free_kw = together_kw(count, point.rated_kw, point.method)
    held_kw = assumptions.managed_charging.together_kw(count)
    return min(free_kw, held_kw) if development.managed_charging else free_kw


def _charging_part(development: Development, assumptions: Assumptions) -> _Part:
    managed = development.managed_charging
    words = "charging points, managed" if managed else "charging points"
    source = assumptions.managed_charging.source if managed else assumptions.ev_point.source
    return words, development.ev_points, charging_kw(development, assumptions), 0.0, "ev", source


def _floor_parts(development: Development, assumptions: Assumptions) -> list[_Part]:
    area, uses = assumptions.floor_area, assumptions.floor_use
    refuse_unknown_uses([development], assumptions)
    any_kw = development.floor_area_m2 * area.w_per_m2 / 1e3
    return [
        ("floor area, m2", development.floor_area_m2, any_kw, 0.0, "commercial", area.source),
        *(
            (
                f"{use}, m2",
                area_m2,
                area_m2 * uses[use].w_per_m2 / 1e3,
                0.0,
                uses[use].profile,
                uses[use].source,
            )
            for use, area_m2 in development.floors
        ),
    ]


def refuse_unknown_uses(developments: Iterable[Development], assumptions: Assumptions) -> None:
    """Refuse floor area of uses that the assumptions do not know.

    Raises
    ------
    InputError
        There is one; every one is named with its site.
    """
    unknown = [
        (one.site_id, use)
        for one in developments
        for use, _ in one.floors
        if use not in assumptions.floor_use
    ]
    if unknown:
        ids, uses = zip(*unknown, strict=True)
        message = (
            f"no demand is known for floor area of this use; take one of: {', '.join(assumptions.floor_use)}"
        )
        raise InputError("sites", make_findings("unreadable_cell", "sites", ids, message, values=uses))


def _solar_part(development: Development, assumptions: Assumptions) -> _Part:
    fed_kw = development.pv_kw * assumptions.pv.feed_in_share
    return "solar, kW", development.pv_kw, 0.0, fed_kw, "pv", assumptions.pv.source


def _battery_part(development: Development, assumptions: Assumptions) -> _Part:
    kw, rule = development.battery_kw, assumptions.battery[development.battery_use]
    return "battery, kW", kw, kw * rule.charging_share, kw * rule.discharging_share, "battery", rule.source


def _apart_kw(groups: Sequence[tuple[int, float]], method: Coincidence) -> np.ndarray:
    """What groups (count, kW of one alone) draw of the coincident peak of all, in the proportion of sizes."""
    _refuse_energy(method)
    if not groups:
        return np.zeros(0)
    weights = method.weights(pd.DataFrame(groups, columns=["customers", "peak_kw"]))
    whole = weights.sum(axis=0, keepdims=True)
    size = whole[0, 0]
    return np.asarray(method.peak_kw(whole)[0] * (weights[:, 0] / size if size else weights[:, 0]))
