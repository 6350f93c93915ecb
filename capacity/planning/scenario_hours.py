"""The hours of a demand scenario's years that a plan must hold in: few that matter, and the proof in all.

A year has 8,760 hours; most lie between others. The cases of a plan are the few hours in which every element
that breaks a limit, and the extremes of every feeder, are within a little of their worst (`year_cases`). In
the end all hours are solved on the network that the plan makes, with the coincidence of customers counted
anew as they are then fed; hours that still break a limit become cases too (`further_cases`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.checks import Yardstick, loading_used_percent, make_yardstick, state_of_case, voltage_bounds
from capacity.demand.demand_scenario import DemandScenario
from capacity.demand.scenario_demand import outlook_of
from capacity.demand.year_demand import YearDemand
from capacity.limits import Limits
from capacity.planning.plan import Taken, in_force, network_with
from capacity.planning.plan_cases import PlanCases, case_labels, joined_cases, no_switching
from gis import Network
from gis.feeders import trace_supply
from gridmodel import KEEP_ALL, GridModel
from gridmodel.demand_model import points_of_demand, solve_demand
from gridmodel.profiles import ProfileResults, results_of_hours

# How near its worst an element is in an hour that stands for it: what is missed shows in the proof of all
# hours, and costs one more round.
NEAR_PERCENT, NEAR_PU = 1.0, 0.001
# Hours that one proof adds at most per year; what they leave comes in the next.
MOST_ADDED = 12
# most_broken: limits broken in the worst hour.
YEAR_PROOF_COLUMNS = ("scenario", "year", "hours", "hours_broken", "most_broken", "engine")
_COUNTS = ("undervoltages", "overvoltages", "line_overloads", "transformer_overloads")

Told = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class ScenarioHours:
    """Years of a demand scenario that a plan must hold in, draw 0 of each."""

    scenario: DemandScenario
    years: tuple[int, ...]
    limits: Limits


@dataclass(frozen=True, eq=False)
class YearProof:
    """All hours of the years on the network of a plan.

    Attributes
    ----------
    years
        Columns `YEAR_PROOF_COLUMNS`, a row per year.
    further
        Hours that break a limit and are no cases yet, the worst of them; no rows where every limit holds.
    """

    years: pd.DataFrame
    further: PlanCases | None


def year_cases(network: Network, asked: ScenarioHours, told: Told = lambda _: None) -> PlanCases:
    """The hours that matter of each year, on the network as it is.

    Raises
    ------
    InputError
        The network cannot be built, or the limits have no band for one of its voltages.
    """
    yardstick = make_yardstick(network, asked.limits)
    outlook, model, parts = outlook_of(network, yardstick.supply, asked.scenario), None, []
    for year in asked.years:
        demand = outlook.demand(year)
        model = model or demand.model_on(network)
        told(f"solving {demand.label}")
        found = solve_demand(model, demand.demand, demand.factors, bounds=bounds_of(yardstick))
        hours = _hours_that_matter(model, yardstick, demand, found)
        told(f"{demand.label}: {len(hours)} of {len(demand.factors):,} hours matter")
        parts.append(_cases_at(demand, hours, bus_power_at(demand, hours)))
    return joined_cases(parts)


def prove_years(
    network: Network,
    taken: Sequence[Taken],
    cases: PlanCases,
    asked: ScenarioHours,
    told: Told = lambda _: None,
) -> YearProof:
    """Solve every hour of every year on the network that a plan makes.

    The demand is that of the scenario on the changed network: who is fed by another way is counted together
    with others there. In an hour that is no case, a battery, a contract or a control does what it does in
    the case most like that hour. Hours that break a limit come as cases with the power at the buses of the
    network as it is; diversity at new buses is left out of them, which is on the safe side.
    """
    rows, further = [], []
    for year in asked.years:
        told(f"proving all hours of {asked.scenario.scenario_id}@{year}")
        row, added = _prove(network, taken, cases, asked, year)
        rows.append(row)
        further += [] if added is None else [added]
    table = pd.DataFrame(rows, columns=list(YEAR_PROOF_COLUMNS))
    return YearProof(table, joined_cases(further) if further else None)


def bus_power_at(demand: YearDemand, hours: np.ndarray) -> np.ndarray:
    """Hours x buses: complex power drawn [kVA]; what feeds is negative."""
    factors, power = demand.factors.iloc[hours].to_numpy(dtype=float), demand.demand
    count = len(power.groups)
    return np.asarray(factors[:, :count] @ power.kva.T - factors[:, count:] @ power.feed_kw.T)


def _cases_at(demand: YearDemand, hours: np.ndarray, kva: np.ndarray) -> PlanCases:
    times = demand.factors.index[hours]
    ids = [f"{demand.label} {time:%m-%d %H:%M}" for time in times]
    labels = case_labels(ids, [demand.scenario_id] * len(ids), year=demand.year, hours=list(times))
    return PlanCases(labels, kva, no_switching())


def _hours_that_matter(
    model: GridModel, yardstick: Yardstick, demand: YearDemand, found: ProfileResults
) -> np.ndarray:
    """Positions of few hours: in one of them or another every element that counts is near its worst."""
    candidates = _candidates(yardstick, found)
    excess = _excess(yardstick, model, demand, candidates)
    near = np.concatenate(
        [
            np.full(len(yardstick.network.buses) * 2, NEAR_PU),
            np.full(len(yardstick.network.lines) + len(yardstick.network.transformers), NEAR_PERCENT),
        ]
    )
    worst = np.nanmax(np.where(np.isfinite(excess), excess, -np.inf), axis=0, initial=-np.inf)
    counted = (worst > 0.0) | _extreme_of_feeder(yardstick, worst)
    covers = (excess >= worst - near)[:, counted & np.isfinite(worst)]
    unsolved = candidates[(found.hours["status"].to_numpy()[candidates] != "converged")]
    chosen = candidates[_cover(covers)]
    if len(unsolved):
        heaviest = unsolved[int(np.argmax(found.hours["demand_kw"].to_numpy()[unsolved]))]
        chosen = np.append(chosen, heaviest)
    return np.unique(chosen)


def _candidates(yardstick: Yardstick, found: ProfileResults) -> np.ndarray:
    """Positions of the hours in which some element is at its worst, and of those without solution."""
    times = [
        found.buses["vm_min_hour"], found.buses["vm_max_hour"],
        found.lines["loading_max_hour"], found.transformers["loading_max_hour"],
    ]  # fmt: skip
    named = pd.DatetimeIndex(pd.concat([pd.Series(part.unique()) for part in times]).dropna().unique())
    at_worst = found.hours.index.isin(named)
    return np.flatnonzero(at_worst | (found.hours["status"] != "converged").to_numpy())


def _excess(yardstick: Yardstick, model: GridModel, demand: YearDemand, hours: np.ndarray) -> np.ndarray:
    """Hours x (buses below, buses above, lines, transformers): how far beyond its limit [pu, %]."""
    solved = solve_demand(model, demand.demand, demand.factors.iloc[hours], keep=KEEP_ALL)
    rows = []
    for row in range(len(hours)):
        state = state_of_case(solved, row)  # type: ignore[arg-type]  # the same three tables
        low, high = voltage_bounds(yardstick, state)
        lines, transformers = loading_used_percent(yardstick, state)
        rows.append(
            np.concatenate([low - state.vm_pu, state.vm_pu - high, lines - 100.0, transformers - 100.0])
        )
    return np.array(rows)


def _extreme_of_feeder(yardstick: Yardstick, worst: np.ndarray) -> np.ndarray:
    """Flag per entry: the worst of its feeder, and every transformer."""
    network, supply = yardstick.network, yardstick.supply
    feeder = supply.buses["feeder_id"].fillna("")
    parts = [feeder, feeder, supply.feeders["lines"].reindex(network.lines.index).fillna("")]
    flags, start = np.zeros(len(worst), dtype=bool), 0
    for names in parts:
        values = pd.Series(worst[start : start + len(names)], range(len(names)))
        best = values.groupby(names.to_numpy()).idxmax()
        flags[start + best.to_numpy(dtype=np.int64)] = True
        start += len(names)
    flags[start:] = True
    return flags


def _cover(covers: np.ndarray) -> np.ndarray:
    """Rows that together cover every column, the one that covers most first (greedy set cover)."""
    left, chosen = np.ones(covers.shape[1], dtype=bool), []
    while left.any():
        gains = covers[:, left].sum(axis=1)
        best = int(gains.argmax())
        if gains[best] == 0:
            break
        chosen.append(best)
        left &= ~covers[best]
    return np.array(chosen, dtype=np.int64)


def _prove(
    network: Network, taken: Sequence[Taken], cases: PlanCases, asked: ScenarioHours, year: int
) -> tuple[dict[str, object], PlanCases | None]:
    """The row of one year, and its hours that are to become cases."""
    there = tuple(one for one in taken if in_force(one, year))
    plain = network_with(network, there, year)
    demand = outlook_of(plain, trace_supply(plain), asked.scenario).demand(year)
    like = _most_like(cases, demand, year, there)
    parts = [
        _hours_on(network, plain, there, cases, asked, demand, hours, case_id)
        for case_id, hours in like.items()
    ]
    times = demand.factors.index
    broken = pd.concat([found.broken for found in parts]).reindex(times)
    row = {
        "scenario": asked.scenario.scenario_id, "year": year, "hours": len(times),
        "hours_broken": int((broken > 0).sum()), "most_broken": int(broken.max()), "engine": parts[0].engine,
    }  # fmt: skip
    known = cases.labels["hour"][cases.of_year(year)].dropna()
    worst = pd.concat([found.worst for found in parts])
    new = worst[~worst.index.isin(pd.DatetimeIndex(known))]
    new = new.sort_values(ascending=False, kind="stable").iloc[:MOST_ADDED]
    if new.empty:
        return row, None
    at = np.sort(times.get_indexer(new.index))
    return row, _cases_at(demand, at, _on_buses_of(network, plain, bus_power_at(demand, at)))


class _Hours(NamedTuple):
    """Hours solved on one network: limits broken in each, and those in which elements are at their worst.

    Attributes
    ----------
    worst
        By hour: how many elements that break a limit break it most then.
    """

    broken: pd.Series
    worst: pd.Series
    engine: str


def _most_like(
    cases: PlanCases, demand: YearDemand, year: int, there: Sequence[Taken]
) -> dict[str | None, np.ndarray]:
    """Hours by the case that is most like them; all under None where no measure tells cases apart."""
    every = np.arange(len(demand.factors))
    if not any(one.measure.power_kva or one.measure.cells_in for one in there):
        return {None: every}
    labels = cases.labels[cases.of_year(year) & cases.labels["hour"].notna().to_numpy()]
    place = demand.factors.index.get_indexer(pd.DatetimeIndex(labels["hour"]))
    labels, place = labels[place >= 0], place[place >= 0]
    if labels.empty:
        return {None: every}
    factors = demand.factors.to_numpy(dtype=float)
    far = np.stack([np.square(factors - factors[at]).sum(axis=1) for at in place], axis=1)
    nearest = far.argmin(axis=1)
    return {str(labels.index[k]): np.flatnonzero(nearest == k) for k in np.unique(nearest)}


def _hours_on(
    network: Network,
    plain: Network,
    there: Sequence[Taken],
    cases: PlanCases,
    asked: ScenarioHours,
    demand: YearDemand,
    hours: np.ndarray,
    case_id: str | None,
) -> _Hours:
    """Solve hours with what measures do in one case."""
    controlled = case_id is not None and any(case_id in one.measure.cells_in for one in there)
    stands = network_with(network, there, demand.year, case_id) if controlled else plain
    model = demand.model_on(stands)
    factors = demand.factors.iloc[hours]
    points = points_of_demand(model, demand.demand, factors)
    if case_id is not None:
        row = cases.labels.index.get_loc(case_id)
        added = [
            (stands.buses.index.get_loc(bus_id), complex(np.asarray(power)[row]))
            for one in there
            for bus_id, power in one.measure.power_kva.items()
        ]
        points = replace(
            points,
            added_point=np.repeat(np.arange(len(hours)), len(added)),
            added_bus=np.tile(np.array([at for at, _ in added], dtype=np.int64), len(hours)),
            added_kva=np.tile(np.array([kva for _, kva in added], dtype=complex), len(hours)),
        )
    bounds = bounds_of(make_yardstick(stands, asked.limits))
    found = results_of_hours(
        model,
        points,
        pd.DatetimeIndex(factors.index, name="hour"),
        1.0,
        bounds=bounds,
        keep=None,
        explain=False,
    )
    # Of an hour without solution everything is broken.
    broken = found.hours[list(_COUNTS)].sum(axis=1, min_count=1).astype(float).fillna(len(stands.buses))
    return _Hours(broken, _worst_of(found), found.engine)


def _worst_of(found: ProfileResults) -> pd.Series:
    """By hour: how many elements that break a limit break it most then; of hours without solution all."""
    buses, lines, transformers = found.buses, found.lines, found.transformers
    named = [
        buses.loc[buses["hours_below"] > 0, "vm_min_hour"],
        buses.loc[buses["hours_above"] > 0, "vm_max_hour"],
        lines.loc[lines["hours_over"] > 0, "loading_max_hour"],
        transformers.loc[transformers["hours_over"] > 0, "loading_max_hour"],
        found.hours.index[found.hours["status"] != "converged"].to_series(),
    ]
    times = [pd.Series(pd.DatetimeIndex(part)) for part in named if len(part)]
    return pd.concat(times).value_counts() if times else pd.Series(dtype="int64")


def _on_buses_of(network: Network, changed: Network, kva: np.ndarray) -> np.ndarray:
    """Power at the buses of the network as it is; that of new ones is left out."""
    at = changed.buses.index.get_indexer(network.buses.index)
    return np.asarray(np.where(at >= 0, kva[:, at], 0.0))
