"""Coincidence: how much customers draw together, by how many they are. A registry of methods.

A method turns each customer into additive quantities (`weights`) and their sum over any set of customers into
the coincident peak of the set (`peak_kw`). Two things make it physics: more customers never have a smaller
peak together, and never a larger one than their parts alone. Both hold for unequal customers too, which is
why Rusck's formula for n equal customers stands here as a norm: sum + root of squares.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from gis.feeders import Supply
from gridmodel.demand_model import BusDemand

# What a bus draws below this share of what flows through it is rounding of the sums.
ROUNDING_SHARE = 1e-12


class Coincidence(Protocol):
    """What every method answers; figures are its fields, with their source."""

    source: str

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        """Additive quantities per row of customers (`customers.CUSTOMER_COLUMNS`): rows x quantities."""

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        """Coincident peak [kW] of sets of customers: sets x quantities in, one figure per set out."""


class Method(BaseModel):
    """Figures of a method, frozen, with their source."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    source: str = Field(min_length=1)


class AsGiven(Method):
    """No diversity: every load draws its figure at once, as in a plain load flow of the file.

    P(S) = sum of p_i.
    """

    method: Literal["as_given"] = "as_given"
    source: str = "the network's own figures, taken as coincident"

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        return (customers["customers"] * customers["peak_kw"]).to_numpy(dtype=float)[:, None]

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return sums[:, 0]


class Rusck(Method):
    """Rusck 1956: P(S) = g_inf x sum of p_i + (1 - g_inf) x root of the sum of p_i^2.

    For n equal customers n x p x (g_inf + (1 - g_inf) / sqrt(n)).

    Examples
    --------
    >>> homes = pd.DataFrame({"customers": [1, 99], "peak_kw": [10.0, 10.0]})
    >>> rusck = Rusck(g_inf=0.2, source="Rusck 1956")
    >>> rusck.peak_kw(rusck.weights(homes).sum(axis=0, keepdims=True))
    array([280.])
    """

    method: Literal["rusck"] = "rusck"
    g_inf: float = Field(gt=0.0, le=1.0)

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        count, peak_kw = (customers[name].to_numpy(dtype=float) for name in ("customers", "peak_kw"))
        return np.stack([count * peak_kw, count * peak_kw**2], axis=1)

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return np.asarray(self.g_inf * sums[:, 0] + (1.0 - self.g_inf) * np.sqrt(sums[:, 1]))


METHODS: tuple[type[Method], ...] = (AsGiven, Rusck)


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
        A customer stands at no bus of the supply.
    """
    at = supply.buses.index.get_indexer(customers["bus_id"])
    if (at < 0).any():
        strange = ", ".join(map(str, pd.unique(customers["bus_id"][at < 0])[:5]))
        raise ValueError(f"customers at buses that are not in the network: {strange}")
    kw = (customers["customers"] * customers["peak_kw"]).to_numpy(dtype=float)
    kvar = kw * customers["tan_phi"].to_numpy(dtype=float)
    quantities = np.column_stack([method.weights(customers), kw, kvar])
    behind = np.column_stack([_behind(supply, at, values) for values in quantities.T])
    peak_kw = method.peak_kw(behind[:, :-2])
    tan_phi = np.divide(behind[:, -1], behind[:, -2], out=np.zeros(len(behind)), where=behind[:, -2] != 0.0)
    return np.asarray(peak_kw * (1.0 + 1j * tan_phi))


def coincident_demand(
    supply: Supply,
    customers: pd.DataFrame,
    methods: dict[str, Coincidence],
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
