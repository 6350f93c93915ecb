"""Tables of unserved demand: by hour, by what blocks, by customer. Every kW of a cut is a row; sums agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.demand.customers import people_per_bus
from capacity.unserved.cuttable import Cuttable, Drawn
from capacity.unserved.least_cut import LeastCut
from capacity.unserved.limit_margins import LimitMargins
from gis.feeders import islands_of

ASSET_COLUMNS = {
    "table": object, "element_id": object, "check": object, "unserved_kw": float, "unserved_kwh": float,
    "hours": float, "customers": "int64", "hours_left": float,
}  # fmt: skip
CUSTOMER_COLUMNS = (
    "load_id", "bus_id", "group", "customers", "status", "unserved_kw", "unserved_kwh", "blocking_check",
    "blocking_table", "blocking_id",
)  # fmt: skip
# In place of the number of a limit: a point without load flow.
NO_SOLUTION = -1


@dataclass(frozen=True, eq=False)
class Cuts:
    """Cuts of all points taken apart: one row per point, bus and limit.

    Attributes
    ----------
    pieces
        point, place (of the bus in `what`), limit, kw.
    left
        point, limit: limits that no cut of demand cures.
    status, rounds, limits_left
        Per point.
    island
        Buses without supply.
    """

    drawn: Drawn
    what: Cuttable
    pieces: pd.DataFrame
    left: pd.DataFrame
    status: np.ndarray
    rounds: np.ndarray
    limits_left: np.ndarray
    island: np.ndarray
    step_h: float

    @staticmethod
    def of(
        drawn: Drawn, what: Cuttable, broken: np.ndarray, found: list[LeastCut], limits_left: np.ndarray,
        island: np.ndarray, step_h: float,
    ) -> Cuts:  # fmt: skip
        """Take the cuts of the points with broken limits apart."""
        count = len(drawn.factors)
        status = np.full(count, "served", dtype=object)
        rounds, left = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        rounds[broken], left[broken] = [cut.rounds for cut in found], limits_left
        status[broken] = [_status(cut, int(now)) for cut, now in zip(found, limits_left, strict=True)]
        pieces = [_pieces(int(point), cut) for point, cut in zip(broken, found, strict=True)]
        given_up = [
            (int(point), int(limit)) for point, cut in zip(broken, found, strict=True) for limit in cut.left
        ]
        columns = ["point", "place", "limit", "kw"]
        whole = np.concatenate([np.zeros((0, 4)), *pieces])
        table = pd.DataFrame(whole, columns=columns).astype(dict.fromkeys(columns[:3], "int64"))
        given = pd.DataFrame(given_up, columns=["point", "limit"], dtype="int64")
        cuts = Cuts(drawn, what, table, given, status, rounds, left, island, step_h)
        status[(status == "served") & (cuts.unserved_kw > 0.0)] = "no_supply"
        return cuts

    @property
    def used(self) -> np.ndarray:
        """Factors of what is drawn: points x groups; a group that feeds counts as nothing."""
        return np.maximum(self.drawn.factors, 0.0)

    @property
    def island_kw(self) -> np.ndarray:
        """Demand of the buses without supply at the peak of each group: buses x groups [kW]."""
        return np.where(self.island[:, None], self.drawn.own_kva.real, 0.0)

    @property
    def unserved_kw(self) -> np.ndarray:
        """Per point: what is cut, and what has no supply."""
        cut_kw = np.bincount(self.pieces["point"], self.pieces["kw"], len(self.drawn.factors))
        return np.asarray(cut_kw + self.used @ self.island_kw.sum(axis=0))

    def by_group(self) -> tuple[np.ndarray, np.ndarray]:
        """Unserved by bus and group, buses x groups: the most in a point [kW], energy [kWh]."""
        peak_kw, energy_kwh = (np.zeros(self.drawn.own_kva.shape) for _ in range(2))
        cut = self.pieces.groupby(["point", "place"], sort=False)["kw"].sum()
        point, place = (cut.index.get_level_values(name).to_numpy() for name in ("point", "place"))
        used, most = self.used[point], self.what.most_kw[place]
        whole = np.einsum("ij,ij->i", used, most)
        kw = (cut.to_numpy() / whole)[:, None] * used * most if len(cut) else np.zeros((0, used.shape[1]))
        np.maximum.at(peak_kw, self.what.bus[place], kw)
        np.add.at(energy_kwh, self.what.bus[place], self.step_h * kw)
        peak_kw += self.island_kw * self.used.max(axis=0, initial=0.0)
        energy_kwh += self.island_kw * self.used.sum(axis=0) * self.step_h
        return peak_kw, energy_kwh


def hour_table(cuts: Cuts, demand_kw: np.ndarray, labels: pd.Index) -> pd.DataFrame:
    """See `UnservedDemand.hours`."""
    unserved_kw = cuts.unserved_kw
    columns = {
        "demand_kw": demand_kw, "served_kw": demand_kw - unserved_kw, "unserved_kw": unserved_kw,
        "status": cuts.status, "rounds": cuts.rounds, "limits_left": cuts.limits_left,
    }  # fmt: skip
    return pd.DataFrame(columns, index=labels)


def asset_table(cuts: Cuts, yardstick: Yardstick, margins: LimitMargins) -> pd.DataFrame:
    """See `UnservedDemand.assets`."""
    customers = people_per_bus(cuts.drawn.rows, yardstick.network).to_numpy()
    rows = [*_blocking_rows(cuts, yardstick, margins, customers), *_island_rows(cuts, yardstick, customers)]
    table = pd.DataFrame(rows, columns=list(ASSET_COLUMNS)).astype(ASSET_COLUMNS)
    order = ["unserved_kwh", "hours_left", "table", "element_id"]
    return table.sort_values(order, ascending=[False, False, True, True], ignore_index=True)


def customer_table(cuts: Cuts, yardstick: Yardstick, margins: LimitMargins) -> pd.DataFrame:
    """See `UnservedDemand.customers`."""
    buses, groups = yardstick.network.buses.index, pd.Index(cuts.drawn.groups)
    rows = cuts.drawn.rows
    at, group = buses.get_indexer(rows["bus_id"]), groups.get_indexer(rows["group"])
    placed = (at >= 0) & (group >= 0)
    peak_kw, energy_kwh = cuts.by_group()
    total = np.zeros(peak_kw.shape)
    np.add.at(total, (at[placed], group[placed]), rows["kw"].to_numpy()[placed])
    whole = total[at, group]
    share = np.where(placed & (whole > 0.0), rows["kw"] / np.where(whole > 0.0, whole, 1.0), 0.0)
    blocking = _blocking_of_bus(cuts, yardstick, margins)
    hit = share * energy_kwh[at, group] > 0.0
    status = np.where(hit, np.where(cuts.island[at], "no_supply", "cut"), rows["status"])
    columns = {
        **{name: rows[name] for name in ("load_id", "bus_id", "group", "customers")},
        "status": np.where(status == "placed", "served", status).astype(object),
        "unserved_kw": share * peak_kw[at, group],
        "unserved_kwh": share * energy_kwh[at, group],
    }
    for column, name in enumerate(("blocking_check", "blocking_table", "blocking_id")):
        columns[name] = np.where(hit, blocking[at, column], None)
    return pd.DataFrame(columns)[list(CUSTOMER_COLUMNS)]


def _status(cut: LeastCut, limits_left: int) -> str:
    """What the batch engine finds at the cut has the last word."""
    holds = limits_left == 0 or (limits_left > 0 and cut.status == "not_by_demand")
    return cut.status if holds or cut.status == "no_solution" else "not_proved"


def _pieces(point: int, cut: LeastCut) -> np.ndarray:
    limits, kw = cut.limits, cut.kw_of_limit
    if not len(limits):
        limits, kw = np.array([NO_SOLUTION]), cut.kw[None, :]
    which, column = np.nonzero(kw)
    places = cut.at
    return np.column_stack([np.full(len(which), point), places[column], limits[which], kw[which, column]])


def _blocking_rows(
    cuts: Cuts, yardstick: Yardstick, margins: LimitMargins, customers: np.ndarray
) -> list[tuple[object, ...]]:
    per_point = cuts.pieces.groupby(["limit", "point"], sort=True)["kw"].sum().groupby("limit")
    table = per_point.agg(["max", "sum", "count"])
    places = cuts.pieces.groupby("limit")["place"].unique()
    left = cuts.left.groupby("limit").size()
    rows: list[tuple[object, ...]] = []
    for limit in table.index.union(left.index):
        check, kind, element_id = _asset(yardstick, margins, int(limit))
        most, energy, hours = table.loc[limit] if limit in table.index else (0.0, 0.0, 0)
        cut_for = customers[cuts.what.bus[places[limit]]].sum() if limit in table.index else 0
        step = cuts.step_h
        rows.append((
            kind, element_id, check, most, step * energy, step * hours, round(cut_for),
            step * left.get(limit, 0),
        ))  # fmt: skip
    return rows


def _island_rows(cuts: Cuts, yardstick: Yardstick, customers: np.ndarray) -> list[tuple[object, ...]]:
    """A row per island that anybody draws in, named after its first bus."""
    islands, kw = islands_of(yardstick.network).to_numpy(), cuts.island_kw
    rows: list[tuple[object, ...]] = []
    for island in np.unique(islands[kw.sum(axis=1) > 0.0]):
        inside = np.flatnonzero((islands == island) & cuts.island)
        drawn = cuts.used @ kw[inside].sum(axis=0)
        hours = cuts.step_h * np.count_nonzero(drawn)
        rows.append((
            "buses", str(yardstick.network.buses.index[inside[0]]), "no_supply", drawn.max(initial=0.0),
            cuts.step_h * drawn.sum(), hours, round(customers[inside].sum()), 0.0,
        ))  # fmt: skip
    return rows


def _asset(yardstick: Yardstick, margins: LimitMargins, limit: int) -> tuple[str, str, str]:
    if limit == NO_SOLUTION:
        return "no_solution", "sources", str(yardstick.network.sources.index[0])
    return margins.element(yardstick.network, limit)


def _blocking_of_bus(cuts: Cuts, yardstick: Yardstick, margins: LimitMargins) -> np.ndarray:
    """Check, table and id per bus of the asset that asks most kWh of it."""
    blocking = np.full((len(cuts.island), 3), None, dtype=object)
    asked = cuts.pieces.groupby(["place", "limit"])["kw"].sum()
    if len(asked):
        for place, limit in asked.groupby("place").idxmax():
            blocking[cuts.what.bus[place]] = _asset(yardstick, margins, int(limit))
    islands = islands_of(yardstick.network).to_numpy()
    for island in np.unique(islands[cuts.island]):
        inside = np.flatnonzero((islands == island) & cuts.island)
        blocking[inside] = ("no_supply", "buses", str(yardstick.network.buses.index[inside[0]]))
    return blocking
