"""Coincidence: how much customers draw together, by how many they are. A registry of methods.

A method turns each customer into additive quantities (`weights`) and their sum over any set of customers into
the coincident peak of the set (`peak_kw`). Two things make it physics: more customers never have a smaller
peak together, and never a larger one than their parts alone. Both hold for unequal customers too, which is
why formulas for n equal customers stand here as norms: Rusck's as sum + root of squares, a curve by number
as layers. `docs/demand.md` has them side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from capacity.demand.coincidence_by_number import SHIPPED, DemandFactor, Din18015
from capacity.demand.coincidence_method import Coincidence, Method
from capacity.toml_file import read_figures
from gis.feeders import Supply
from gridmodel.demand_model import BusDemand

# What a bus draws below this share of what flows through it is rounding of the sums.
ROUNDING_SHARE = 1e-12


class _Sum(Method):
    """All figures at once."""

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        return (customers["customers"] * customers["peak_kw"]).to_numpy(dtype=float)[:, None]

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return sums[:, 0]


class AsGiven(_Sum):
    """No diversity: every load draws its figure at once, as in a plain load flow of the file.

    P(S) = sum of p_i.

    Examples
    --------
    >>> AsGiven().together_kw(pd.DataFrame({"customers": [1, 2], "peak_kw": [10.0, 5.0]}))
    20.0
    """

    method: Literal["as_given"] = "as_given"
    source: str = "the network's own figures, taken as coincident"


class Measured(_Sum):
    """Customers with readings of their own: their sum, no formula.

    P(S) = sum of p_i, where p_i is the largest reading of a customer; the group, a customer each, has its
    readings over it as profile (`gridmodel.meter_file`). So every hour adds up to what was read.

    Examples
    --------
    >>> Measured(source="meters of 2025").together_kw(pd.DataFrame({"customers": [1], "peak_kw": [7.2]}))
    7.2
    """

    method: Literal["measured"] = "measured"


class Rusck(Method):
    """Rusck 1956: P(S) = g_inf x sum of p_i + (1 - g_inf) x root of the sum of p_i^2.

    For n equal customers n x p x (g_inf + (1 - g_inf) / sqrt(n)).

    References
    ----------
    S. Rusck, "The simultaneous demand in distribution network supplying domestic consumers",
    ASEA Journal 10 (1956).

    Examples
    --------
    >>> homes = pd.DataFrame({"customers": [1, 99], "peak_kw": [10.0, 10.0]})
    >>> rusck = Rusck(g_inf=0.2, source="Rusck 1956")
    >>> rusck.peak_kw(rusck.weights(homes).sum(axis=0, keepdims=True))
    array([280.])
    """

    method: Literal["rusck"] = "rusck"
    g_inf: float = Field(gt=0.0, le=1.0)

    @property
    def many_factor(self) -> float:
        return self.g_inf

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        return _power_sums(customers, 2)

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return np.asarray(self.g_inf * sums[:, 0] + (1.0 - self.g_inf) * np.sqrt(sums[:, 1]))


class Pylovo(Method):
    """pylovo: P(S) = g_inf x sum of p_i + (1 - g_inf) x fourth root of the sum of p_i^4.

    For n equal customers n x p x (g_inf + (1 - g_inf) x n^-0.75). In pylovo g_inf is 0.07 for homes, 0.6 for
    public and 0.5 for commercial customers, and p the installed power (a home: 30 kW).

    References
    ----------
    G. Kerber, "Aufnahmefaehigkeit von Niederspannungsverteilnetzen", dissertation, TU Muenchen 2011;
    B. Reveron Baecker et al., Sustainable Energy, Grids and Networks 41 (2025) 101617, equation 4.

    Examples
    --------
    >>> pylovo = Pylovo(g_inf=0.07, source="pylovo")
    >>> round(pylovo.together_kw(pd.DataFrame({"customers": [16], "peak_kw": [30.0]})), 3)
    89.4
    """

    method: Literal["pylovo"] = "pylovo"
    g_inf: float = Field(gt=0.0, le=1.0)

    @property
    def many_factor(self) -> float:
        return self.g_inf

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        return _power_sums(customers, 4)

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return np.asarray(self.g_inf * sums[:, 0] + (1.0 - self.g_inf) * sums[:, 1] ** 0.25)


class Velander(Method):
    """Velander: P(S) = k1 x W + k2 x sqrt(W), W the annual energy of the set [kWh].

    The constants are the user's, fitted to the customers of one class in one country. The first part is the
    mean of many, the second the spread about it.

    References
    ----------
    S. Velander, "Methods of operational analysis used in the electric supply industry", Teknisk Tidskrift
    82 (1952).

    Examples
    --------
    >>> homes = pd.DataFrame({"customers": [100], "annual_kwh": [4000.0]})
    >>> velander = Velander(k1_kw_per_kwh=0.0003, k2_kw_per_root_kwh=0.025, source="an example")
    >>> round(velander.together_kw(homes), 3)
    135.811
    """

    method: Literal["velander"] = "velander"
    needs: ClassVar[tuple[str, ...]] = ("annual_kwh",)
    follows_peak: ClassVar[bool] = False
    k1_kw_per_kwh: float = Field(gt=0.0)
    k2_kw_per_root_kwh: float = Field(ge=0.0)

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        return (customers["customers"] * customers["annual_kwh"]).to_numpy(dtype=float)[:, None]

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return np.asarray(self.k1_kw_per_kwh * sums[:, 0] + self.k2_kw_per_root_kwh * np.sqrt(sums[:, 0]))


class ClassConstants(BaseModel):
    """Velander's constants of one customer class."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    customer_class: str = Field(min_length=1)
    k1_kw_per_kwh: float = Field(gt=0.0)
    k2_kw_per_root_kwh: float = Field(ge=0.0)


class StrandAxelsson(Method):
    """Velander for classes mixed: P(S) = sum of k1_c x W_c + root of the sum of k2_c^2 x W_c.

    Means add up, spreads add up as squares; of one class it is Velander's formula. The class of a row is its
    column `customer_class` where there is one, else its group. In a load flow every group has a profile of
    its own, so groups are not mixed under one root: their spreads add up plainly, on the safe side. To mix
    classes, give them one group.

    Examples
    --------
    >>> constants = [
    ...     {"customer_class": "residential", "k1_kw_per_kwh": 0.0003, "k2_kw_per_root_kwh": 0.03},
    ...     {"customer_class": "commercial", "k1_kw_per_kwh": 0.0004, "k2_kw_per_root_kwh": 0.04},
    ... ]
    >>> method = StrandAxelsson(constants=constants, source="an example")
    >>> street = pd.DataFrame({"group": ["residential", "commercial"], "customers": [4, 1],
    ...                        "annual_kwh": [2500.0, 10000.0]})
    >>> round(method.together_kw(street), 6)  # 3 + 4 kW, and root of 3^2 + 4^2 kW
    12.0
    """

    method: Literal["strand_axelsson"] = "strand_axelsson"
    needs: ClassVar[tuple[str, ...]] = ("annual_kwh",)
    follows_peak: ClassVar[bool] = False
    constants: tuple[ClassConstants, ...] = Field(min_length=1)

    @field_validator("constants")
    @classmethod
    def _once(cls, constants: tuple[ClassConstants, ...]) -> tuple[ClassConstants, ...]:
        if len({one.customer_class for one in constants}) < len(constants):
            raise ValueError("give the constants of every class once")
        return constants

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        named = customers["customer_class" if "customer_class" in customers else "group"]
        kwh = (customers["customers"] * customers["annual_kwh"]).to_numpy(dtype=float)
        k1 = named.map({one.customer_class: one.k1_kw_per_kwh for one in self.constants})
        k2 = named.map({one.customer_class: one.k2_kw_per_root_kwh for one in self.constants})
        return np.column_stack([k1.to_numpy(dtype=float) * kwh, k2.to_numpy(dtype=float) ** 2 * kwh])

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return np.asarray(sums[:, 0] + np.sqrt(sums[:, 1]))


METHODS: tuple[type[Method], ...] = (
    AsGiven, Measured, Rusck, Pylovo, Velander, StrandAxelsson, Din18015, DemandFactor,
)  # fmt: skip
AnyMethod = Annotated[
    AsGiven | Measured | Rusck | Pylovo | Velander | StrandAxelsson | Din18015 | DemandFactor,
    Field(discriminator="method"),
]


class _Defaults(BaseModel):
    """`coincidence.toml`: a method per group, and the tables that methods by number read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    method: dict[str, AnyMethod]
    table: dict[str, dict[str, object]]


def default_methods() -> dict[str, Coincidence]:
    """Method per customer class and technology group, as `coincidence.toml` has them with their sources.

    Examples
    --------
    >>> default_methods()["residential"].method
    'rusck'
    """
    return dict(_defaults().method)


@cache
def _defaults() -> _Defaults:
    return read_figures(SHIPPED, _Defaults, subject="coincidence", rule="bad_figure")


def coincident_kva(supply: Supply, customers: pd.DataFrame, method: Coincidence) -> np.ndarray:
    """What each bus draws so that every element carries the coincident peak of all customers behind it.

    Parameters
    ----------
    supply
        Who feeds whom; in a closed loop the fewest-hops way counts. Customers without supply draw at their
        bus.
    customers
        Rows of one group (`customers.CUSTOMER_COLUMNS`).

    Returns
    -------
    ndarray
        Complex power per bus [kVA]: the peak behind the bus less the peaks behind each bus it feeds.
    """
    behind_kva = peaks_behind(supply, customers, method)
    drawn = behind_kva.copy()
    below = np.flatnonzero(supply.parents >= 0)
    np.subtract.at(drawn, supply.parents[below], behind_kva[below])
    return np.where(np.abs(drawn) > ROUNDING_SHARE * np.abs(behind_kva), drawn, 0.0)


def peaks_behind(supply: Supply, customers: pd.DataFrame, method: Coincidence) -> np.ndarray:
    """Coincident peak of all customers behind each bus, itself included [kVA].

    Reactive power coincides as active power does: all behind the bus keep the tan phi they have together.

    Raises
    ------
    ValueError
        A customer stands at no bus of the supply, or lacks a figure that the method needs.
    """
    at = supply.buses.index.get_indexer(customers["bus_id"])
    if (at < 0).any():
        strange = ", ".join(map(str, pd.unique(customers["bus_id"][at < 0])[:5]))
        raise ValueError(f"customers at buses that are not in the network: {strange}")
    weights = method.weights(customers)
    reactive = weights[:, 0] * customers["tan_phi"].to_numpy(dtype=float)
    quantities = np.column_stack([weights, reactive])
    _require_figures(customers, quantities)
    behind = np.column_stack([_behind(supply, at, values) for values in quantities.T])
    peak_kw = method.peak_kw(behind[:, :-1])
    tan_phi = np.divide(behind[:, -1], behind[:, 0], out=np.zeros(len(behind)), where=behind[:, 0] != 0.0)
    return np.asarray(peak_kw * (1.0 + 1j * tan_phi))


def _require_figures(customers: pd.DataFrame, quantities: np.ndarray) -> None:
    lacking = customers.loc[~np.isfinite(quantities).all(axis=1), "load_id"]
    if len(lacking):
        raise ValueError(
            f"{len(lacking)} customers lack a figure their method needs, first {lacking.iloc[0]}; "
            "see customers.lacking_figures"
        )


def coincident_demand(
    supply: Supply,
    customers: pd.DataFrame,
    methods: Mapping[str, Coincidence],
    feed_kw: dict[str, np.ndarray] | None = None,
) -> BusDemand:
    """Coincident demand of all groups.

    Parameters
    ----------
    customers
        All rows, of status "placed" or not; only those placed draw.
    methods
        Per group; the groups of the result, in this order.
    feed_kw
        Rated power of generation per bus [kW], per kind.

    Raises
    ------
    ValueError
        A customer is of a group without method, or stands at no bus of the supply.
    """
    fed = feed_kw or {}
    placed = customers[customers["status"] == "placed"]
    lost = placed.loc[~placed["group"].isin(list(methods)), "group"]
    if len(lost):
        raise ValueError(
            f"{len(lost)} rows of customers have no method: {', '.join(map(str, lost.unique()))}"
        )
    rows = [coincident_kva(supply, placed[placed["group"] == group], methods[group]) for group in methods]
    buses = len(supply.buses)
    return BusDemand(
        groups=tuple(methods),
        kva=np.stack(rows, axis=1) if rows else np.zeros((buses, 0), dtype=complex),
        kinds=tuple(fed),
        feed_kw=np.stack(list(fed.values()), axis=1) if fed else np.zeros((buses, 0)),
    )


def _behind(supply: Supply, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    per_bus = pd.Series(np.bincount(at, values, len(supply.buses)), supply.buses.index)
    return supply.sum_downstream(per_bus).to_numpy()


def _power_sums(customers: pd.DataFrame, power: int) -> np.ndarray:
    """Per row: the customers' peaks [kW], and their peaks to a power."""
    count, peak_kw = (customers[name].to_numpy(dtype=float) for name in ("customers", "peak_kw"))
    return np.stack([count * peak_kw, count * peak_kw**power], axis=1)
