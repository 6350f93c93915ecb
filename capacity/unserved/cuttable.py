"""What can be cut: of every bus the demand of its own customers, and what its loss takes off every level.

Customers are cut in a share of all they draw, active and reactive power alike. Diversity goes with them: of
what flows into a bus (its own customers' coincident peak, and that of each bus it feeds) the share r passes
on, and a customer who draws less passes on less in that same share. So every level's coincident demand is
the sum of what its customers stand for, nobody is served less than nothing at any level, and cutting all
leaves nothing anywhere.

    two homes of 10 kW alone, 15.3 kW together: r = 0.765

    source
      |           15.3 kW; b cut by half: 11.5 kW
      a           draws -4.7 kW; -3.5 kW
     / \\
    b   c         10 kW each; 5 and 10 kW        unserved: 3.8 kW of 15.3 kW
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csc_array

from capacity.demand.coincidence import ROUNDING_SHARE, peaks_behind
from capacity.demand.year_demand import YearDemand
from gis.feeders import Supply
from gridmodel import GridModel, Scenario

if TYPE_CHECKING:
    from gridmodel.engine.compiled import CompiledGrid


@dataclass(frozen=True, eq=False)
class Drawn:
    """Demand by bus and group, with what each bus's own customers draw of it.

    Attributes
    ----------
    kva
        Buses x groups: drawn at the group's peak [kVA]; negative where branches meet (diversity).
    own_kva
        Buses x groups: coincident peak of the bus's own customers [kVA].
    factors
        Operating points x groups; what a group feeds (a negative factor) is not cut.
    rows
        Who draws: load_id, bus_id, group, customers, status, kw (at the peak of the group).
    """

    groups: tuple[str, ...]
    kva: np.ndarray
    own_kva: np.ndarray
    factors: np.ndarray
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Cuttable:
    """Buses that can be cut, and what cutting each entirely frees, per group at its peak.

    Attributes
    ----------
    bus
        Position per bus that can be cut.
    entry_row, start
        Rows of the grid per bus: entries start[i]..start[i+1]-1.
    freed_kva
        Entries x groups: complex power freed at the row [kVA]; negative where diversity goes with it.
    most_kw
        Buses x groups: what the bus stands for in the demand at the source [kW].
    """

    bus: np.ndarray
    entry_row: np.ndarray
    start: np.ndarray
    freed_kva: np.ndarray
    most_kw: np.ndarray

    def at(self, factors: np.ndarray, rows: int) -> tuple[csc_array, np.ndarray]:
        """Power freed at each row [kVA], rows x buses, and the most that can be cut [kW] at one point."""
        drawn = np.maximum(factors, 0.0)
        used = np.flatnonzero(drawn)  # summed by hand: a library's threads cost more than such a product
        freed_kva = (self.freed_kva[:, used] * drawn[used]).sum(axis=1)
        freed = csc_array((freed_kva, self.entry_row, self.start), shape=(rows, len(self.bus)))
        return freed, (self.most_kw[:, used] * drawn[used]).sum(axis=1)


def drawn_in_year(demand: YearDemand, supply: Supply) -> Drawn:
    """Demand of a year, by bus and group."""
    alone = replace(supply, parents=np.full(len(supply.parents), -1))
    placed = demand.customers[demand.customers["status"] == "placed"]
    groups = demand.demand.groups
    own = [peaks_behind(alone, placed[placed["group"] == group], demand.methods[group]) for group in groups]
    return Drawn(
        groups=groups,
        kva=demand.demand.kva,
        own_kva=np.stack(own, axis=1) if own else np.zeros((len(supply.parents), 0), dtype=complex),
        factors=demand.factors[list(groups)].to_numpy(dtype=float),
        rows=_who(demand.customers, demand.customers["customers"] * demand.customers["peak_kw"]),
    )


def drawn_in_scenario(model: GridModel, scenario: Scenario) -> Drawn:
    """Demand of one scenario of a network as it stands; loads that are negative are diversity."""
    network = model.network
    loads = network.loads
    classes = loads["customer_class"].astype(object)
    groups = tuple(str(name) for name in pd.unique(classes))
    at = network.buses.index.get_indexer(loads["bus_id"])
    group = pd.Index(groups).get_indexer(classes)
    rows = model.net.load.iloc[: len(loads)]
    power = 1e3 * (rows["p_mw"].to_numpy(dtype=float) + 1j * rows["q_mvar"].to_numpy(dtype=float))
    power = np.where(rows["in_service"].to_numpy(dtype=bool), power, 0.0)
    kva, own = (np.zeros((len(network.buses), len(groups)), dtype=complex) for _ in range(2))
    np.add.at(kva, (at, group), power)
    np.add.at(own, (at, group), np.where(power.real > 0.0, power, 0.0))
    factors = scenario.load_factors(pd.Series(groups, dtype=object)).to_numpy(dtype=float)
    status = np.where(loads["in_service"].to_numpy(dtype=bool), "placed", "out_of_service")
    who = loads.reset_index().assign(group=classes.to_numpy(), status=status)
    who["customers"] = who["customers"].fillna(1)
    return Drawn(groups, kva, own, factors[None, :], _who(who, np.maximum(power.real, 0.0)))


def cuttable(supply: Supply, drawn: Drawn, grid: CompiledGrid) -> Cuttable:
    """Lay the demand of every bus that has supply out over the rows it is drawn at."""
    own, passed = _own_and_passed(supply, drawn)
    bus = np.flatnonzero((grid.bus_row >= 0) & (own.real > 0.0).any(axis=1))
    column, at, freed = _walked_up(supply, own, passed, bus)
    order = np.argsort(column, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=len(bus)))])
    most_kw = np.zeros((len(bus), freed.shape[1]))
    for group, values in enumerate(freed.real.T):
        most_kw[:, group] = np.bincount(column, values, len(bus))
    return Cuttable(bus, grid.bus_row[at[order]], start.astype(np.int64), freed[order], most_kw)


def _who(rows: pd.DataFrame, kw: pd.Series | np.ndarray) -> pd.DataFrame:
    """Rows of customers; one that is not placed draws nothing."""
    named = rows[["load_id", "bus_id", "group", "customers", "status"]].reset_index(drop=True)
    return named.assign(kw=np.where(named["status"] == "placed", kw, 0.0))


def _own_and_passed(supply: Supply, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """What own customers draw, and the share of all that flows into a bus that it passes on to the source."""
    behind = np.zeros_like(drawn.kva)
    for group, values in enumerate(drawn.kva.T):
        behind[:, group] = _behind(supply, values)
    own = np.where(drawn.own_kva.real >= drawn.kva.real, drawn.own_kva, drawn.kva)
    own = np.where(own.real > 0.0, own, 0.0)
    into = behind - (drawn.kva - own)
    gained = np.abs(drawn.kva - own) > ROUNDING_SHARE * np.abs(behind)
    known = gained & (behind.real > 0.0) & (into.real > 0.0)
    return own, np.where(known, behind / np.where(known, into, 1.0), 1.0)


def _behind(supply: Supply, values: np.ndarray) -> np.ndarray:
    index = supply.buses.index
    real, imaginary = (
        supply.sum_downstream(pd.Series(part, index)).to_numpy() for part in (values.real, values.imag)
    )
    return np.asarray(real + 1j * imaginary)


def _walked_up(
    supply: Supply, own: np.ndarray, passed: np.ndarray, bus: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walk from every bus to the source: what is freed at the bus and, with its diversity, on the way."""
    column, here, flow = np.arange(len(bus)), bus.copy(), own[bus]
    columns, places, freed = [column], [here], [flow]
    while len(here):
        lost = -(1.0 - passed[here]) * flow
        counts = (lost != 0.0).any(axis=1)
        columns.append(column[counts])
        places.append(here[counts])
        freed.append(lost[counts])
        flow, here = flow * passed[here], supply.parents[here]
        goes_on = here >= 0
        column, here, flow = column[goes_on], here[goes_on], flow[goes_on]
    return np.concatenate(columns), np.concatenate(places), np.concatenate(freed)
