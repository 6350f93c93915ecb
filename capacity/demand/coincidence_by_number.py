"""Methods of coincidence that follow a printed table by number of customers, read from `coincidence.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from capacity.demand.coincidence_method import Method
from capacity.demand.curves import by_number, require_curve

SHIPPED = Path(__file__).with_name("coincidence.toml")


class Din18015(Method):
    """DIN 18015-1: the power of n dwellings after a curve, with or without electric water heating.

    P(S) = F(n) x cos_phi. Dwellings count equal; what one draws alone plays no part, so growth of demand does
    not show: give more dwellings, or another method. Between the points of the curve straight lines hold,
    beyond them the last slope.

    Examples
    --------
    >>> homes = pd.DataFrame({"customers": [3, 7]})
    >>> Din18015(electric_water_heating=False).together_kw(homes)
    55.0
    >>> Din18015(electric_water_heating=True).together_kw(homes)
    107.0
    """

    method: Literal["din_18015"] = "din_18015"
    needs: ClassVar[tuple[str, ...]] = ()
    follows_peak: ClassVar[bool] = False
    electric_water_heating: bool
    curve: tuple[tuple[float, float], ...]
    cos_phi: float = Field(default=1.0, gt=0.0, le=1.0)

    @model_validator(mode="before")
    @classmethod
    def _shipped(cls, given: object) -> object:
        electric = isinstance(given, dict) and given.get("electric_water_heating")
        water = "with" if electric else "without"
        return _with_table(given, "curve", f"din_18015_{water}_water_heating")

    @field_validator("curve")
    @classmethod
    def _concave(cls, curve: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        require_curve(curve, name="curve")
        return curve

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        return customers["customers"].to_numpy(dtype=float)[:, None]

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return self.cos_phi * by_number(sums[:, 0], self.curve)


class DemandFactor(Method):
    """Demand factor by number of homes, as in Chinese codes: P(n) = n x p x K(n).

    Homes of several sizes stand in layers: of n homes the first 4 kW coincide as those of n, the next 2 kW as
    those of the homes that have them, and so on: P(S) = sum over layers of kW x N x K(N). A home between two
    levels fills its layer in part, what it has above the highest is not diversified; both on the safe side.
    Where the printed factors are not those of a concave N x K(N), the least such curve above them is taken;
    beyond the table the last factor goes on.

    Examples
    --------
    >>> homes = pd.DataFrame({"customers": [9, 15], "peak_kw": [8.0, 4.0]})
    >>> method = DemandFactor()
    >>> method.together_kw(homes.iloc[:1])  # 9 x 8 kW x 0.9
    64.8
    >>> round(method.together_kw(homes), 6)  # 24 x 4 kW x 0.65 + 9 x 4 kW x 0.9
    94.8
    """

    method: Literal["demand_factor"] = "demand_factor"
    factors: tuple[tuple[float, float], ...]
    levels_kw: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _shipped(cls, given: object) -> object:
        return _with_table(_with_table(given, "factors", "jgj_242_2011"), "levels_kw", "shandong_2010")

    @field_validator("factors")
    @classmethod
    def _falling(cls, factors: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if not all(0.0 < factor <= 1.0 for _, factor in factors):
            raise ValueError("factors must lie above 0 and not above 1")
        require_curve([(homes, homes * factor) for homes, factor in factors], name="homes x factor")
        return factors

    @field_validator("levels_kw")
    @classmethod
    def _ascending(cls, levels_kw: tuple[float, ...]) -> tuple[float, ...]:
        if levels_kw[0] <= 0.0 or any(np.diff(levels_kw) <= 0.0):
            raise ValueError("levels_kw must be above 0 and ascend")
        return levels_kw

    @property
    def many_factor(self) -> float:
        return self.factors[-1][1]

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        count, peak_kw = (customers[name].to_numpy(dtype=float) for name in ("customers", "peak_kw"))
        tops = np.array(self.levels_kw)
        floors = np.concatenate([[0.0], tops[:-1]])
        filled = np.clip((peak_kw[:, None] - floors) / (tops - floors), 0.0, 1.0)
        above_kw = np.maximum(peak_kw - tops[-1], 0.0)
        return np.column_stack([count * peak_kw, count[:, None] * filled, count * above_kw])

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        layers_kw = np.diff([0.0, *self.levels_kw])
        curve = [(homes, homes * factor) for homes, factor in self.factors]
        together = by_number(sums[:, 1:-1], curve, beyond=self.many_factor)
        return np.asarray(together @ layers_kw + sums[:, -1])


def _with_table(given: object, field: str, name: str) -> object:
    """Fill a field from a shipped table, and the source from its, where they are not given."""
    if not isinstance(given, dict) or field in given:
        return given
    table = shipped_tables()[name]
    sources = [str(given["source"])] if "source" in given else []
    return given | {field: table["values"], "source": "; ".join([*sources, str(table["source"])])}


@cache
def shipped_tables() -> dict[str, dict[str, object]]:
    """Tables of `coincidence.toml`: values, unit and source per name."""
    tables: dict[str, dict[str, object]] = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["table"]
    return tables
