"""Many switching states of one network, one load flow each: tables in, tables out.

A state is what a switching order leaves: switches opened and closed, lines, transformers and sources out of
service or back in. Who makes such orders (outages, restoration, ring opening) stands elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from gis.errors import BalanceError, InputError
from gis.findings import make_findings
from gridmodel.lean import pandapower
from gridmodel.model import GridModel
from gridmodel.results import BALANCE_KW, BALANCE_SHARE
from gridmodel.scenario import Scenario

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds
    from gridmodel.engine.states import Changes, StateResults
    from gridmodel.engine.switching import SwitchingGrid

SWITCH_SET_COLUMNS = ("case_id", "table", "element_id", "state")
# What an element may be told, and whether that connects it.
STATES = {
    "switches": {"open": False, "closed": True},
    "lines": {"out": False, "in": True},
    "transformers": {"out": False, "in": True},
    "sources": {"out": False, "in": True},
}
Chosen = Sequence[str] | Literal["all"]


@dataclass(frozen=True, eq=False)
class TopologyResults:
    """Figures of every switching state; full columns only where they were asked for.

    Attributes
    ----------
    cases
        Indexed by case_id. status: "converged", "not_converged", "no_source" (nothing feeds), or
        "source_conflict" (two sources of different voltage at one node); reason.
        unsupplied_buses, unsupplied_customers: behind no source. demand_kw = served_kw + unserved_kw; without
        a solution all demand is unserved. generation_kw, source_kw, source_kvar, loss_kw; extreme voltages
        [pu] and loadings [%] with their element; undervoltages, overvoltages (buses), line_overloads and
        transformer_overloads: elements outside the bounds.
        islands: parts with supply that hang together; sources_in_parallel: sources that feed an island beyond
        its first; rings: independent rings of lines and transformers, two in parallel being one.
    base
        The same figures of the network as it is.
    vm_pu
        Cases x buses kept [pu]; NaN where a bus has no supply or the case no solution.
    line_loading_percent, transformer_loading_percent
        Cases x lines kept, cases x transformers kept [%].
    engine
        What solved it.
    """

    cases: pd.DataFrame
    base: pd.Series
    vm_pu: pd.DataFrame
    line_loading_percent: pd.DataFrame
    transformer_loading_percent: pd.DataFrame
    engine: str


def run_topologies(
    model: GridModel,
    switch_sets: pd.DataFrame,
    scenario: Scenario,
    *,
    bounds: Bounds | None = None,
    buses: Chosen = (),
    lines: Chosen = (),
    transformers: Chosen = (),
) -> TopologyResults:
    """Solve a scenario in many switching states of the network.

    A switch of open state at one end of a line or transformer leaves it energised from the other; a line with
    both ends open carries nothing. What a state leaves without source is a fact of its row, not an error.
    The model is compiled anew at every call: ask for many states at once.

    Parameters
    ----------
    switch_sets
        Columns case_id, table ("switches", "lines", "transformers", "sources"), element_id, state ("open" or
        "closed" for switches, "out" or "in" for the others). Rows of one case_id act together; a row
        without element_id changes nothing, so that a case of that row alone is the network as it is.
    bounds
        Limits to count against; nothing is broken without.
    buses, lines, transformers
        Ids whose voltages and loadings are kept for every case, or "all".

    Returns
    -------
    TopologyResults
        A row per case_id, in the order they first appear.

    Raises
    ------
    InputError
        A row names no such element or state, or a case tells one element two things; all are named.
    KeyError
        An id to keep is not in the network.
    BalanceError
        A case does not add up.
    """
    # The engine needs numba, which takes a second to import; a command that solves nothing goes without.
    from gridmodel.engine.states import solve_states
    from gridmodel.engine.switching import compile_switching

    case_ids = pd.Index(switch_sets["case_id"].unique(), name="case_id")
    orders = _orders(model, switch_sets)
    grid = compile_switching(model.net, _joints(model, orders))
    kept = [_kept(model, *choice) for choice in zip(_KEPT, (buses, lines, transformers), strict=True)]
    solved = solve_states(
        grid,
        _changes(grid, orders, case_ids),
        _injection_pu(model, grid, scenario),
        bounds=bounds,
        weights=_weights(model, grid, scenario),
        buses=kept[0],
        edges=np.concatenate([grid.edge_of[kind][kept[1 + kind]] for kind in (0, 1)]),
    )
    table = _table(model, grid, solved, scenario, case_ids)
    ids = [model.network.table(name).index[at] for name, at in zip(_KEPT, kept, strict=True)]
    split = len(kept[1])
    return TopologyResults(
        cases=table.iloc[1:],
        base=table.iloc[0].rename("base"),
        vm_pu=pd.DataFrame(solved.vm_pu[1:], case_ids, ids[0]),
        line_loading_percent=pd.DataFrame(solved.percent[1:, :split], case_ids, ids[1]),
        transformer_loading_percent=pd.DataFrame(solved.percent[1:, split:], case_ids, ids[2]),
        engine=f"feederplan engine on pandapower {pandapower().__version__}",
    )


_KEPT = ("buses", "lines", "transformers")


def _orders(model: GridModel, switch_sets: pd.DataFrame) -> pd.DataFrame:
    """The rows that change something: case_id, table, position, on.

    Raises
    ------
    InputError
        As `run_topologies`.
    """
    rows = switch_sets.loc[switch_sets["element_id"].notna(), list(SWITCH_SET_COLUMNS)]
    position, on = np.full(len(rows), -1), np.full(len(rows), -1)
    for table, states in STATES.items():
        at = (rows["table"] == table).to_numpy()
        position[at] = model.network.table(table).index.get_indexer(rows["element_id"][at])
        on[at] = rows["state"][at].map(states).fillna(-1).astype(int)
    known = np.isin(rows["table"], list(STATES))
    orders = rows.assign(position=position, on=on)
    said = orders.groupby(["case_id", "table", "element_id"], sort=False)["on"].transform("nunique")
    faults = [
        _fault(orders[~known], "no such table; give " + ", ".join(STATES)),
        _fault(orders[known & (position < 0)], "is not in the network"),
        _fault(orders[known & (on < 0)], "no such state; a switch is open or closed, others are out or in"),
        _fault(orders[(said > 1).to_numpy()], "is told two things in one case"),
    ]
    if any(len(fault) for fault in faults):
        raise InputError("switch sets", pd.concat([fault for fault in faults if len(fault)]))
    return orders.assign(on=on == 1)


def _fault(rows: pd.DataFrame, message: str) -> pd.DataFrame:
    texts = [
        f"case {row.case_id}: {row.table} {row.element_id} {row.state}: {message}"
        for row in rows.itertuples()
    ]
    return make_findings("switch_set", "switch_sets", rows["element_id"].astype(str).tolist(), texts)


def _joints(model: GridModel, orders: pd.DataFrame) -> np.ndarray:
    """Flag per switch of the net: one between buses that a case turns."""
    turned = np.zeros(len(model.net.switch), dtype=bool)
    turned[orders["position"][orders["table"] == "switches"]] = True
    return turned & (model.net.switch["et"] == "b").to_numpy()


def _kept(model: GridModel, table: str, chosen: Chosen) -> np.ndarray:
    if isinstance(chosen, str):
        if chosen != "all":
            raise KeyError(f"{table}: give a list of ids or 'all', not {chosen!r}")
        return np.arange(len(model.network.table(table)))
    return model.position(table, list(chosen)) if len(chosen) else np.zeros(0, dtype=np.int64)


def _changes(grid: SwitchingGrid, orders: pd.DataFrame, case_ids: pd.Index) -> Changes:
    """Changes per case, those of the network as it is (none) first."""
    from gridmodel.engine.matrix import LINE, TRANSFORMER
    from gridmodel.engine.states import TURN_EDGE, TURN_SOURCE, TURN_SWITCH, Changes

    case = case_ids.get_indexer(orders["case_id"]) + 1
    order = np.argsort(case, kind="stable")
    table, at = orders["table"].to_numpy(), orders["position"].to_numpy().copy()
    for name, kind in (("lines", LINE), ("transformers", TRANSFORMER)):
        at[table == name] = grid.edge_of[kind][at[table == name]]
    what = np.select([table == "switches", table == "sources"], [TURN_SWITCH, TURN_SOURCE], TURN_EDGE)
    sizes = np.bincount(case, minlength=len(case_ids) + 1)
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Changes(start, what[order].astype(np.int64), at[order], orders["on"].to_numpy(dtype=bool)[order])


def _injection_pu(model: GridModel, grid: SwitchingGrid, scenario: Scenario) -> np.ndarray:
    network = model.network
    return grid.injection_pu(
        scenario.load_factors(network.loads["customer_class"]).to_numpy(dtype=float),
        scenario.generation_factors(network.generators["kind"]).to_numpy(dtype=float),
    )


def _totals(model: GridModel, scenario: Scenario) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Demand [kW] and customers per load, generation [kW] per generator; 0 out of service."""
    loads, generators = model.network.loads, model.network.generators
    fed_kw = generators["p_kw"] * scenario.generation_factors(generators["kind"])
    return (
        scenario.demand_kw(loads).to_numpy(dtype=float),
        loads["customers"].where(loads["in_service"], 0).to_numpy(dtype=float),
        fed_kw.where(generators["in_service"], 0.0).to_numpy(dtype=float),
    )


def _weights(model: GridModel, grid: SwitchingGrid, scenario: Scenario) -> np.ndarray:
    """Rows x (demand [kW], customers, generation [kW])."""
    demand_kw, customers, fed_kw = _totals(model, scenario)
    return np.stack(
        [
            grid.at_rows(grid.load_row, demand_kw),
            grid.at_rows(grid.load_row, customers),
            grid.at_rows(grid.generator_row, fed_kw),
        ],
        axis=1,
    )


def _table(
    model: GridModel, grid: SwitchingGrid, solved: StateResults, scenario: Scenario, case_ids: pd.Index
) -> pd.DataFrame:
    """Columns of `TopologyResults.cases`; the network as it is in the first row."""
    network, figures = model.network, solved.figures
    converged = solved.outcome == 0
    demand_kw, customers, fed_kw = _totals(model, scenario)
    # What no state supplies is behind no source either.
    lost_kw = figures.lost[:, 0] + demand_kw[grid.load_row < 0].sum()
    lost_customers = figures.lost[:, 1] + customers[grid.load_row < 0].sum()
    lost_fed_kw = figures.lost[:, 2] + fed_kw[grid.generator_row < 0].sum()
    total_kw, kw = demand_kw.sum(), 1e3 * grid.sn_mva
    status, reason = _verdicts(network.buses.index, grid, solved)
    line_ids, transformer_ids = (
        _ids_at(network.table(table).index, _element_of(grid, figures.percent_branch[:, kind]))
        for kind, table in ((0, "lines"), (1, "transformers"))
    )
    columns: dict[str, object] = {
        "status": status,
        "reason": reason,
        "unsupplied_buses": figures.dark,
        "unsupplied_customers": lost_customers.astype("int64"),
        "demand_kw": np.full(len(converged), total_kw),
        "served_kw": np.where(converged, total_kw - lost_kw, 0.0),
        "unserved_kw": np.where(converged, lost_kw, total_kw),
        "generation_kw": np.where(converged, fed_kw.sum() - lost_fed_kw, np.nan),
        "source_kw": kw * figures.source.real,
        "source_kvar": kw * figures.source.imag,
        "loss_kw": kw * figures.loss,
        "vm_min_pu": figures.vm_min,
        "vm_min_bus_id": _ids_at(network.buses.index, figures.vm_min_bus),
        "vm_max_pu": figures.vm_max,
        "vm_max_bus_id": _ids_at(network.buses.index, figures.vm_max_bus),
        "line_loading_max_percent": figures.percent[:, 0],
        "line_id": line_ids,
        "transformer_loading_max_percent": figures.percent[:, 1],
        "transformer_id": transformer_ids,
        **_broken(figures.broken, converged),
        "islands": solved.islands,
        "sources_in_parallel": solved.sources - solved.islands,
        "rings": figures.rings,
    }
    return _balanced(pd.DataFrame(columns, index=pd.Index(["", *case_ids], name="case_id", dtype=object)))


def _broken(counts: np.ndarray, converged: np.ndarray) -> dict[str, object]:
    names = ("undervoltages", "overvoltages", "line_overloads", "transformer_overloads")
    return {
        name: pd.arrays.IntegerArray(counts[:, number].astype("int64"), ~converged)
        for number, name in enumerate(names)
    }


def _verdicts(bus_ids: pd.Index, grid: SwitchingGrid, solved: StateResults) -> tuple[np.ndarray, np.ndarray]:
    """Status and reason per case."""
    from gridmodel.engine.kernels import CONVERGED
    from gridmodel.engine.states import NO_SOURCE, SOURCES_CLASH

    outcome = solved.outcome
    if grid.out_of_scope:
        outcome = np.full(len(outcome), -1)
    status = np.select(
        [outcome == CONVERGED, outcome == NO_SOURCE, outcome == SOURCES_CLASH],
        ["converged", "no_source", "source_conflict"],
        "not_converged",
    ).astype(object)
    reason = np.full(len(outcome), "", dtype=object)
    reason[outcome == NO_SOURCE] = "no source is in service"
    reason[outcome == SOURCES_CLASH] = "two sources of different voltage are at one node"
    row_bus = np.full(grid.row_count, -1)
    row_bus[grid.bus_row[grid.bus_row >= 0]] = np.flatnonzero(grid.bus_row >= 0)
    for case in np.flatnonzero(status == "not_converged"):
        bus = row_bus[solved.worst_row[case]] if solved.worst_row[case] >= 0 else -1
        reason[case] = f"the voltage collapses at {bus_ids[bus]}" if bus >= 0 else "no solution"
    return status, reason


def _element_of(grid: SwitchingGrid, edges: np.ndarray) -> np.ndarray:
    """Row in its table per edge; -1 for none."""
    return np.append(grid.branches.position, -1)[edges]


def _ids_at(ids: pd.Index, at: np.ndarray) -> np.ndarray:
    """Id per position; none for -1."""
    named = np.full(len(ids) + 1, None, dtype=object)  # -1 takes the last
    named[:-1] = ids
    return named[at]


def _balanced(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table if every row adds up: demand = served + unserved, source + generation = served + losses.

    Raises
    ------
    BalanceError
        A row does not; the numbers are never shown.
    """
    solved = table["status"] == "converged"
    gaps_kw = {
        "demand - served - unserved": table["demand_kw"] - table["served_kw"] - table["unserved_kw"],
        "source + generation - served - losses": (
            table["source_kw"] + table["generation_kw"] - table["served_kw"] - table["loss_kw"]
        ).where(solved, 0.0),
    }
    allowed_kw = BALANCE_SHARE * table["demand_kw"] + BALANCE_KW
    for name, gap_kw in gaps_kw.items():
        wrong = gap_kw.index[~(gap_kw.abs() <= allowed_kw)]
        if len(wrong):
            first = wrong[0]
            raise BalanceError(f"{name} = {gap_kw[first]:.3f} kW in case {first} (one of {len(wrong)})")
    return table
