"""Many switching states of one network, one load flow each: tables in, tables out.

A state is what a switching order leaves: switches opened and closed, lines, transformers and sources out of
service or back in. Who makes such orders (outages, restoration, ring opening) stands elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridmodel.lean import pandapower
from gridmodel.model import GridModel
from gridmodel.outcome import (
    Extreme,
    Keep,
    Kept,
    Outcome,
    check_balances,
    kept_tables,
    places_of,
    point_table,
)
from gridmodel.points import Points, in_service_kw, points_of_scenario
from gridmodel.scenario import Scenario
from gridmodel.switch_sets import changes_of, joints_of, orders_of

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds
    from gridmodel.engine.states import Changes, StateResults
    from gridmodel.engine.switching import SwitchingGrid

# Columns per switching state beside `outcome.POINT_COLUMNS`.
TOPOLOGY_COLUMNS = ("unsupplied_buses", "unsupplied_customers", "islands", "sources_in_parallel", "rings")


@dataclass(frozen=True, eq=False)
class TopologyResults:
    """Figures of every switching state; full columns only where they were asked for.

    Attributes
    ----------
    cases
        Indexed by case_id, columns `outcome.POINT_COLUMNS` and `TOPOLOGY_COLUMNS`. status: "converged",
        "not_converged", "no_source" (nothing feeds) or "source_conflict" (two sources of different voltage
        at one node). demand_kw = served_kw + unserved_kw; without a solution all demand is unserved.
        unsupplied_buses and unsupplied_customers are behind no source. islands: parts with supply that hang
        together; sources_in_parallel: sources that feed an island beyond its first; rings: independent rings
        of lines and transformers, two in parallel being one.
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
    keep: Keep | None = None,
) -> TopologyResults:
    """Solve a scenario in many switching states of the network.

    A line or transformer with an open switch at one end is energised from the other; with both open it
    carries nothing. What a state leaves without source is a fact of its row, not an error.

    Parameters
    ----------
    switch_sets
        Columns case_id, table ("switches", "lines", "transformers", "sources"), element_id, state ("open" or
        "closed" for switches, "out" or "in" for the others). Rows of one case_id act together; a row
        without element_id changes nothing, so that a case of that row alone is the network as it is.
    scenario
        The design case, the same in every state.
    bounds
        Limits to count against (`capacity.bounds.bounds_of`), per bus; nothing is broken without.
    keep
        Elements whose full columns are kept; none when absent.

    Returns
    -------
    TopologyResults
        A row per case_id, in the order they first appear.

    Raises
    ------
    InputError
        A row names no such element or state, or a case tells one element two things; all are named. Or the
        network has no source, or the net something the engine cannot represent.
    KeyError
        An id to keep is not in the network.
    BalanceError
        A case does not add up.
    """
    # The engine needs numba, which takes a second to import; a command that solves nothing goes without.
    from gridmodel.engine.of_model import compiled_switching

    case_ids = pd.Index(switch_sets["case_id"].unique(), name="case_id")
    orders, kept = orders_of(model, switch_sets), places_of(model, keep)
    grid = compiled_switching(model, joints_of(model, orders))
    point = points_of_scenario(model, scenario, 1)
    weights = _weights(model, point)
    outcome, solved = solve_switched(
        grid,
        changes_of(grid, orders, case_ids),
        grid.injection_pu(point.load_factor, point.generator_factor),
        weights,
        bounds=bounds,
        kept=kept,
    )
    table = _with_topology(
        point_table(outcome, model.network, pd.Index(["", *case_ids], name="case_id")), solved, weights
    )
    vm_pu, lines, transformers = kept_tables(outcome, model.network, table.index, kept)
    return TopologyResults(
        cases=table.iloc[1:],
        base=table.iloc[0].rename("base"),
        vm_pu=vm_pu.iloc[1:],
        line_loading_percent=lines.iloc[1:],
        transformer_loading_percent=transformers.iloc[1:],
        engine=outcome.engine,
    )


def solve_switched(
    grid: SwitchingGrid,
    changes: Changes,
    injection_pu: np.ndarray,
    weights: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    bounds: Bounds | None,
    kept: Kept,
) -> tuple[Outcome, StateResults]:
    """Solve switching states of a compiled grid and check that each adds up.

    Parameters
    ----------
    injection_pu
        Complex power injected per row of the grid [pu].
    weights
        Demand [kW], customers and generation [kW] per bus of the net.

    Raises
    ------
    BalanceError
        A state does not add up.
    """
    from gridmodel.engine.states import solve_states

    solved = solve_states(
        grid,
        changes,
        injection_pu,
        bounds=bounds,
        weights=np.stack(weights, axis=1),
        buses=kept.buses,
        edges=np.concatenate([edges[at] for edges, at in zip(grid.edge_of.values(), kept[1:], strict=True)]),
    )
    return _outcome(grid, solved, weights, kept), solved


def _weights(model: GridModel, point: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Demand [kW], customers and generation [kW] per bus of the net; nothing of what is out of service."""
    net, loads = model.net, model.network.loads
    everywhere = np.ones(len(net.bus), dtype=bool)
    customers = np.zeros(len(net.load))
    customers[: len(loads)] = loads["customers"].where(loads["in_service"], 0)
    return (
        _per_bus(net.load["bus"], in_service_kw(model, "load", everywhere) * point.load_factor, len(net.bus)),
        _per_bus(net.load["bus"], customers, len(net.bus)),
        _per_bus(
            net.sgen["bus"], in_service_kw(model, "sgen", everywhere) * point.generator_factor, len(net.bus)
        ),
    )


def _per_bus(bus: pd.Series, values: np.ndarray, buses: int) -> np.ndarray:
    return np.bincount(bus.to_numpy(dtype=np.int64), values, minlength=buses)


def _outcome(
    grid: SwitchingGrid, solved: StateResults, weights: tuple[np.ndarray, ...], kept: Kept
) -> Outcome:
    """Figures of the states, the network as it is in the first row."""
    figures, kw = solved.figures, 1e3 * grid.sn_mva
    converged = solved.converged
    demand_kw, lost_kw = weights[0].sum(), figures.lost[:, 0]
    percent = np.split(solved.percent, [len(kept.lines)], axis=1)
    element = np.append(grid.branches.position, -1)[figures.percent_branch]  # none for -1
    outcome = Outcome(
        converged=converged,
        weakest_bus=np.append(grid.row_bus, -1)[solved.worst_row],
        supplied=grid.bus_row >= 0,
        demand_kw=np.full(len(converged), demand_kw),
        served_kw=np.where(converged, demand_kw - lost_kw, 0.0),
        unserved_kw=np.where(converged, lost_kw, demand_kw),
        generation_kw=np.where(converged, weights[2].sum() - figures.lost[:, 2], np.nan),
        loss_kw=kw * figures.loss,
        source_kva=kw * figures.source,
        vm_min=Extreme(figures.vm_min, figures.vm_min_bus),
        vm_max=Extreme(figures.vm_max, figures.vm_max_bus),
        line=Extreme(figures.percent[:, 0], element[:, 0]),
        transformer=Extreme(figures.percent[:, 1], element[:, 1]),
        broken=figures.broken,
        vm_pu=solved.vm_pu,
        line_percent=percent[0],
        transformer_percent=percent[1],
        buses=None,
        lines=None,
        transformers=None,
        engine=f"feederplan engine on pandapower {pandapower().__version__}",
    )
    return check_balances(outcome, constant_power=True)


def _with_topology(
    table: pd.DataFrame, solved: StateResults, weights: tuple[np.ndarray, ...]
) -> pd.DataFrame:
    """Add what is told without a solution, and the two reasons for having none that are no collapse."""
    from gridmodel.engine.states import NO_SOURCE, SOURCES_CLASH

    verdicts = (
        (NO_SOURCE, "no_source", "no source is in service"),
        (SOURCES_CLASH, "source_conflict", "two sources of different voltage are at one node"),
    )
    for outcome, status, reason in verdicts:
        table.loc[solved.outcome == outcome, ["status", "reason"]] = status, reason
    facts = (
        solved.figures.dark,
        solved.figures.lost[:, 1].astype("int64"),
        solved.islands,
        solved.sources - solved.islands,
        solved.figures.rings,
    )
    return table.assign(**dict(zip(TOPOLOGY_COLUMNS, facts, strict=True)))
