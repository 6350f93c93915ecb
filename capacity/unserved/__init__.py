"""Unserved demand: the least that must be cut so that every limit holds, whom it hits and what blocks it.

One load flow (`unserved_now`) or every hour of a year (`unserved_demand`). How the least is found is
`least_cut`, what a cut takes off each level `cuttable`, the tables of it `unserved_tables`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.checks import Yardstick
from capacity.demand.year_demand import YearDemand
from capacity.unserved.cuttable import Cuttable, Drawn, cuttable, drawn_in_scenario, drawn_in_year
from capacity.unserved.least_cut import EACH_HOUR, NONE, ONE_POINT, Accuracy, LeastCut, Point, least_cut
from capacity.unserved.limit_margins import LimitMargins
from capacity.unserved.unserved_tables import Cuts, asset_table, customer_table, hour_table
from gis import InputError
from gis.findings import make_findings
from gridmodel import GridModel, Scenario
from gridmodel.demand_model import points_of_demand
from gridmodel.engine.batch import Injections, solve_batch, with_additions
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.of_model import compiled
from gridmodel.engine.of_profiles import injection_of_hour
from gridmodel.engine.outcomes import injections_of, middle_of
from gridmodel.outcome import places_of
from gridmodel.points import Points, demand_kw, points_of_scenario
from gridmodel.solve_points import solve_points

# Hours in a row that one thread works on, each begun where the one before ended. A fixed number: the answer
# must not depend on the machine.
HOURS_IN_A_ROW = 64


@dataclass(frozen=True, eq=False)
class UnservedDemand:
    """The least cut of every operating point, by asset and by customer.

    Attributes
    ----------
    hours
        Indexed by hour (UTC; of one load flow by the scenario): demand_kw, served_kw, unserved_kw
        (demand = served + unserved; exactly 0 where every limit holds and everybody has supply), status,
        rounds (programs solved), limits_left (limits broken in the load flow with the cut).
        Status: "served"; "no_supply" (only islands are unserved); "cut" (the least, proved); "not_by_demand"
        (some limits no cut of demand cures, as those that feed-in breaks; all others hold); "not_proved";
        "no_solution" (no load flow even without demand: all is unserved).
    assets
        What blocks, most kWh first: table, element_id, check, unserved_kw (in the worst hour), unserved_kwh,
        hours (it asks for a cut in), customers (cut for it), hours_left (it is broken in, whatever is cut).
    customers
        A row per load and group: load_id, bus_id, group, customers, status ("served", "cut", "no_supply", or
        why it is not placed), unserved_kw (in its worst hour), unserved_kwh, blocking_check, blocking_table,
        blocking_id (of the asset that asks most of it).
    energy_kwh
        Energy not served; equal to the sums of all three tables.
    """

    hours: pd.DataFrame
    assets: pd.DataFrame
    customers: pd.DataFrame
    energy_kwh: float


def unserved_demand(
    model: GridModel,
    yardstick: Yardstick,
    demand: YearDemand,
    *,
    hours: Sequence[int] | np.ndarray | None = None,
    step_h: float = 1.0,
) -> UnservedDemand:
    """Find the least cut in every hour of a year.

    Parameters
    ----------
    model
        From `demand.model_on(network)`.
    yardstick
        Limits on the same network (the buses, lines and transformers of `model.network`).
    hours
        Positions of the hours asked for; all when absent.
    step_h
        What one row of the profiles stands for [h].

    Raises
    ------
    ValueError
        The demand does not belong to the model.
    InputError
        The engine does not know an element of the network.
    """
    chosen = np.arange(len(demand.factors)) if hours is None else np.asarray(hours, dtype=np.int64)
    points = points_of_demand(model, demand.demand, demand.factors.iloc[chosen])
    drawn = drawn_in_year(demand, yardstick.supply)
    drawn = replace(drawn, factors=drawn.factors[chosen])
    labels = pd.DatetimeIndex(demand.factors.index[chosen], name="hour")
    return _unserved(model, yardstick, drawn, points, labels, step_h=step_h, accuracy=EACH_HOUR)


def unserved_now(model: GridModel, yardstick: Yardstick, scenario: Scenario) -> UnservedDemand:
    """Find the least cut of one scenario of a network as it stands; `energy_kwh` is that of one hour.

    Raises
    ------
    InputError
        The engine does not know an element of the network.
    """
    points = points_of_scenario(model, scenario, 1)
    labels = pd.Index([scenario.scenario_id], name="scenario")
    drawn = drawn_in_scenario(model, scenario)
    return _unserved(model, yardstick, drawn, points, labels, step_h=1.0, accuracy=ONE_POINT)


def _unserved(
    model: GridModel,
    yardstick: Yardstick,
    drawn: Drawn,
    points: Points,
    labels: pd.Index,
    *,
    step_h: float,
    accuracy: Accuracy,
) -> UnservedDemand:
    grid, bounds = compiled(model), bounds_of(yardstick)
    _refuse(grid)
    outcome = solve_points(model, points, bounds=bounds, kept=places_of(model, None))
    broken = np.flatnonzero(~outcome.converged | (outcome.broken > 0).any(axis=1))
    margins, what = LimitMargins.of(grid, bounds), cuttable(yardstick.supply, drawn, grid)
    injections = injections_of(grid, replace(points, profiles=points.profiles[broken]))
    found = _least_cuts(margins, what, drawn.factors[broken], injections, accuracy)
    left = _limits_left(margins, bounds, what, drawn.factors[broken], injections, found)
    cuts = Cuts.of(drawn, what, broken, found, left, grid.bus_row < 0, step_h)
    return UnservedDemand(
        hours=hour_table(cuts, demand_kw(model, points), labels),
        assets=asset_table(cuts, yardstick, margins),
        customers=customer_table(cuts, yardstick, margins),
        energy_kwh=float(step_h * cuts.unserved_kw.sum()),
    )


def _refuse(grid: CompiledGrid) -> None:
    if grid.out_of_scope:
        message = f"the least cut is found by the engine, which does not know {', '.join(grid.out_of_scope)}"
        raise InputError("network", make_findings("out_of_scope", "network", [""], message))


def _least_cuts(
    margins: LimitMargins, what: Cuttable, factors: np.ndarray, injections: Injections, accuracy: Accuracy
) -> list[LeastCut]:
    """The least cut of every point, runs of hours side by side."""
    firsts = range(0, len(factors), HOURS_IN_A_ROW)

    def run(first: int) -> list[LeastCut]:
        found: list[LeastCut] = []
        share, watched = None, NONE
        for hour in range(first, min(first + HOURS_IN_A_ROW, len(factors))):
            point = _point(margins.grid, what, factors[hour], injection_of_hour(injections, hour))
            start_kw = None if share is None else share * point.most_kw
            cut = least_cut(margins, point, start_kw=start_kw, watched=watched, accuracy=accuracy)
            found.append(cut)
            if cut.status != "no_solution":
                share, watched = _share(cut, point.most_kw), cut.limits
        return found

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [cut for cuts in pool.map(run, firsts) for cut in cuts]


def _point(grid: CompiledGrid, what: Cuttable, factors: np.ndarray, injection_pu: np.ndarray) -> Point:
    freed_kva, most_kw = what.at(factors, grid.row_count)
    return Point(injection_pu, freed_kva / (1e3 * grid.sn_mva), most_kw)


def _share(cut: LeastCut, most_kw: np.ndarray) -> np.ndarray:
    """Share of what each bus draws that is cut."""
    share = np.zeros(len(most_kw))
    share[cut.at] = cut.kw / most_kw[cut.at]
    return share


def _limits_left(
    margins: LimitMargins, bounds: Bounds, what: Cuttable, factors: np.ndarray, injections: Injections,
    found: list[LeastCut],
) -> np.ndarray:  # fmt: skip
    """Limits broken per point in the load flow of the batch engine with the cut; -1 without load flow."""
    grid = margins.grid
    hours, rows, freed = [NONE], [NONE], [np.zeros(0, dtype=complex)]
    for hour, cut in enumerate(found):
        freed_kva, most_kw = what.at(factors[hour], grid.row_count)
        power = freed_kva @ _share(cut, most_kw)
        row = np.flatnonzero(power)
        hours.append(np.full(len(row), hour))
        rows.append(row)
        freed.append(power[row] / (1e3 * grid.sn_mva))
    changed = with_additions(injections, *(np.concatenate(parts) for parts in (hours, rows, freed)))
    batch = solve_batch(grid, changed, reference_at(grid, middle_of(injections)), bounds=bounds)
    return np.where(batch.converged, batch.figures.broken.sum(axis=1), -1)
