"""How large a customer is: which figure of a load is its size, and what that means for its peak alone.

A file's kW may be the peak of one home, what many draw each, or what the load's customers draw together; the
same 2 kW are three different homes. So the meaning is chosen, per customer class.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from capacity.demand.coincidence_method import Coincidence
from capacity.toml_file import read_figures

_SHIPPED = Path(__file__).with_name("customer_size.toml")

Basis = Literal[
    "single_peak", "coincident", "after_diversity", "annual_kwh", "service_kw", "floor_area", "home_area",
    "admd", "fixed",
]  # fmt: skip
# Column of a load that each basis reads; none for what is fixed per customer.
COLUMN_OF: dict[Basis, str] = {
    "single_peak": "p_kw",
    "coincident": "p_kw",
    "after_diversity": "p_kw",
    "annual_kwh": "annual_kwh",
    "service_kw": "service_kw",
    "floor_area": "floor_area_m2",
    "home_area": "floor_area_m2",
}
# Halvings of a peak: to the last digit of a number.
_HALVINGS = 60
# Figures each basis cannot do without.
_NEEDED: dict[Basis, str] = {
    "annual_kwh": "full_load_h",
    "floor_area": "w_per_m2",
    "home_area": "home_kw",
    "admd": "admd_kw",
    "fixed": "single_kw",
}


class SizeBasis(BaseModel):
    """Which figure of a load is the size of its customers.

    Attributes
    ----------
    basis
        "single_peak": p_kw is what its customers draw one by one, added up. "coincident": p_kw is what all
        its customers draw together. "after_diversity": p_kw is what they draw as part of very many.
        "annual_kwh": energy over `full_load_h` is what they draw as part of very many. "service_kw":
        contracted capacity, of which `used_share` is drawn. "floor_area": `w_per_m2` per square metre alone.
        "home_area": kW of one home alone by its floor area, steps `home_kw` (up to m2, kW). "admd":
        `admd_kw` per customer as part of very many, whatever the file says. "fixed": `single_kw` alone.
    floor_area_m2
        Of a customer whose area is not known; without it such a customer has no size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    basis: Basis
    source: str = Field(min_length=1)
    full_load_h: float | None = Field(default=None, gt=0.0, le=8784.0)
    used_share: float = Field(default=1.0, gt=0.0, le=1.0)
    w_per_m2: float | None = Field(default=None, ge=0.0)
    home_kw: tuple[tuple[float, float], ...] | None = None
    floor_area_m2: float | None = Field(default=None, gt=0.0)
    admd_kw: float | None = Field(default=None, ge=0.0)
    single_kw: float | None = Field(default=None, ge=0.0)

    @model_validator(mode="after")
    def _complete(self) -> SizeBasis:
        needed = _NEEDED.get(self.basis)
        if needed and not getattr(self, needed) and getattr(self, needed) != 0.0:
            raise ValueError(f"basis {self.basis} needs {needed}")
        steps = self.home_kw or ()
        if any(right[0] <= left[0] or right[1] < left[1] for left, right in pairwise(steps)):
            raise ValueError("home_kw must be steps (up to m2, kW) that ascend")
        return self

    @property
    def column(self) -> str:
        """Column of a load that it reads; "" for what is fixed per customer."""
        return COLUMN_OF.get(self.basis, "")

    def figure_of(self, loads: pd.DataFrame, count: np.ndarray) -> np.ndarray:
        """The figure per customer that the basis reads; NaN where the load has none, 1 where none is read.

        Parameters
        ----------
        loads
            Rows with the columns of `COLUMN_OF`.
        count
            Customers per row; figures of a load are shared equally, its floor area is that of each.
        """
        if not self.column:
            return np.ones(len(loads))
        figure = loads[self.column].to_numpy(dtype=float)
        if self.column != "floor_area_m2":
            return figure / count
        return (
            figure if self.floor_area_m2 is None else np.where(np.isnan(figure), self.floor_area_m2, figure)
        )

    def peak_kw(self, figure: np.ndarray, count: np.ndarray, method: Coincidence) -> np.ndarray:
        """Peak of one customer alone [kW], so that the method gives what the figure means.

        A method that does not follow the peaks of customers (by energy, by number) leaves it as it is.
        """
        many = method.many_factor if method.follows_peak else 1.0
        match self.basis:
            case "single_peak":
                return figure
            case "coincident":
                return alone_kw(method, count, figure * count) if method.follows_peak else figure
            case "after_diversity":
                return figure / many
            case "annual_kwh":
                return figure / (self.full_load_h or np.nan) / many
            case "service_kw":
                return figure * self.used_share
            case "floor_area":
                return figure * (self.w_per_m2 or 0.0) / 1e3
            case "home_area":
                return _by_steps(figure, self.home_kw or ())
            case "admd":
                return figure * (self.admd_kw or 0.0) / many
            case "fixed":
                return figure * (self.single_kw or 0.0)


def alone_kw(method: Coincidence, count: np.ndarray, together_kw: np.ndarray) -> np.ndarray:
    """What each of n equal customers draws alone [kW], if all n draw a given power together [kW], by halving.

    Examples
    --------
    >>> from capacity.demand.coincidence import Rusck
    >>> alone_kw(Rusck(g_inf=0.2, source="Rusck 1956"), np.array([100.0]), np.array([280.0])).round(9)
    array([10.])
    """
    low, high = np.zeros(len(count)), np.array(together_kw, dtype=float)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        equal = pd.DataFrame({"customers": count, "peak_kw": middle})
        enough = method.peak_kw(method.weights(equal)) >= together_kw
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return (low + high) / 2.0


def default_sizes() -> dict[str, SizeBasis]:
    """Basis per customer class, as `customer_size.toml` has them with their sources."""
    return dict(_defaults().size)


class _Defaults(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    size: dict[str, SizeBasis]


@cache
def _defaults() -> _Defaults:
    return read_figures(_SHIPPED, _Defaults, subject="customer_size", rule="bad_figure")


def _by_steps(area_m2: np.ndarray, steps: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Value of the first step that reaches up to each area; that of the last beyond it."""
    tops, values = np.array(steps).T
    at = np.minimum(np.searchsorted(tops, area_m2), len(tops) - 1)
    return np.where(np.isnan(area_m2), np.nan, values[at])
