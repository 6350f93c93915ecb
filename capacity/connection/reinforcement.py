"""The least works on the existing grid that make options fit: what a connection breaks or makes worse is cured.

    options built, sites drawing -> limits to be cured -> works proposed for those -> cheapest set that holds
    -> the network really changed, every case solved once more

A limit that is broken today may stay as it is (`tolerated`). What an option builds itself is not changed: a
better cable is another option. Works that other applications would need too are `reinforce_together`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from capacity.checks import make_yardstick
from capacity.connection.built_sites import BuiltSites, build_sites
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyOption
from capacity.connection.works_bench import WorksBench, make_bench
from capacity.connection.works_search import cheapest_works, paid_once
from capacity.costs import Cost, total_cost
from capacity.measures import BUILDING, propose_measures
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation, case_violations, situation_of
from capacity.planning.plan_cases import PlanCases
from gis.changes import apply_changes, join_changes
from gridmodel.power_cases import run_power_cases

# What may be done unless told otherwise: what is built, and what is set once and stays.
WORKS: tuple[str, ...] = ("tap_change", "oltc_setpoint", "move_open_point", *BUILDING)
# No works are against these.
_HOPELESS = ("unsupplied",)
# What the engine's two ways to a state may differ by [%].
RERUN_TOLERANCE_PERCENT = 1e-4


@dataclass(frozen=True, eq=False)
class Reinforcement:
    """Works that were found, or why there are none.

    Attributes
    ----------
    measures
        Each at what it costs beside those before it: a trench that several share is paid once.
    cost
        Of them all; of the cheapest that is known when they are too dear.
    months
        Of the one that takes longest.
    status
        "none": nothing that is known cures it.
    reason
        In words.
    proved
        No cheaper set of the works proposed does it.
    """

    measures: tuple[Measure, ...]
    cost: Cost
    months: int
    status: Literal["found", "too_dear", "none"]
    reason: str
    proved: bool = False


def reinforce(
    grid: ConnectionGrid,
    option: SupplyOption,
    kva: np.ndarray,
    blocked: pd.DataFrame,
    *,
    most_eur: float = math.inf,
    allowed: Collection[str] | None = None,
) -> Reinforcement:
    """Find the cheapest works with which an option holds in every case.

    Parameters
    ----------
    kva
        What its site draws per case of the grid [kVA].
    blocked
        Limits that speak against it (`capacity.connection.judging`).
    most_eur
        Works that cost more are of no interest.
    allowed
        Kinds of `capacity.measures` that may be used; `WORKS` when absent.
    """
    hopeless = blocked.loc[blocked["check"].isin(_HOPELESS), "check"]
    if len(hopeless):
        return _none(f"no works cure that it is {hopeless.iloc[0]}")
    return reinforce_together(grid, [(option, kva)], most_eur=most_eur, allowed=allowed)


def reinforce_together(
    grid: ConnectionGrid,
    options: Sequence[tuple[SupplyOption, np.ndarray]],
    *,
    most_eur: float = math.inf,
    allowed: Collection[str] | None = None,
) -> Reinforcement:
    """Find the cheapest works with which several options hold together, all their sites drawing.

    Parameters
    ----------
    options
        Each with what its site draws per case of the grid [kVA].

    Raises
    ------
    InputError
        The options contradict each other: two that cut the same line cannot both be built.
    """
    built = build_sites(grid, options)
    bare = make_bench(built, ())
    if not len(bare.broken_cases):
        return Reinforcement((), Cost(), 0, "found", "no works are needed", True)
    proposed = _proposed(bare, WORKS if allowed is None else allowed)
    bench = make_bench(built, proposed)
    found = cheapest_works(bench, most_eur=most_eur)
    if found.works is None:
        return _none(f"none of {len(proposed)} works that can be proposed on the existing grid cure it")
    measures = tuple(paid_once([bench.measures[row] for row in found.works]))
    cost = total_cost([one.cost for one in measures])
    if cost.eur > most_eur:
        return Reinforcement(
            (), cost, 0, "too_dear", f"works on the existing grid that cure it cost {cost.eur:,.0f}"
        )
    left = broken_in_fact(bench, measures)
    if len(left):
        row = left.iloc[0]
        return _none(
            f"works were found, but {row['check']} at {row['element_id']} stays in the network built"
        )
    texts = "; ".join(one.text for one in measures)
    months = max((one.months for one in measures), default=0)
    return Reinforcement(measures, cost, months, "found", f"it fits after: {texts}", found.proved)


def broken_in_fact(bench: WorksBench, measures: Sequence[Measure]) -> pd.DataFrame:
    """Limits broken beyond what is tolerated on the network that options and works really make."""
    built, limits = bench.built, bench.built.grid.yardstick.limits
    network = apply_changes(built.network, join_changes(one.changes for one in measures))
    kva = np.zeros((len(built.cases.kva), len(network.buses)), dtype=complex)
    kva[:, network.buses.index.get_indexer(built.network.buses.index)] = built.cases.kva
    for one in measures:
        for bus_id, power in one.power_kva.items():
            kva[:, network.buses.index.get_indexer([bus_id])[0]] += power
    cases = replace(built.cases, kva=kva)
    catalogue = built.grid.catalogue
    solved = run_power_cases(network, kva, cases.labels.index, cases.switching, catalogue=catalogue)
    found = case_violations(make_yardstick(network, limits), cases, solved)
    return bench.tolerated.worse(found, RERUN_TOLERANCE_PERCENT)


def _none(reason: str) -> Reinforcement:
    return Reinforcement((), Cost(), 0, "none", reason)


def _proposed(bench: WorksBench, allowed: Collection[str]) -> list[Measure]:
    """Works for what has to be cured, that leave alone what the options build and are the same in each case."""
    own = bench.built.own_ids
    return [
        one
        for one in propose_measures(_situation(bench), allowed)
        if not one.cells_in and own.isdisjoint(one.changes.touched)
    ]


def _situation(bench: WorksBench) -> Situation:
    """The grid with the sites, as if no limit were broken but those to be cured."""
    built, grid = bench.built, bench.built.grid
    rows = bench.broken_cases
    cases = _cases_at(built, rows)
    found = situation_of(
        built.network,
        cases,
        grid.yardstick.limits,
        catalogue=grid.catalogue,
        costs=grid.assumptions.cost.prices,
    )
    real = bench.tolerated.worse(found.violations, RERUN_TOLERANCE_PERCENT)
    parts = [part for part in (real, _change_rows(bench, found)) if len(part)]
    violations = pd.concat(parts, ignore_index=True) if parts else real
    return replace(found, violations=violations.reset_index(drop=True))


def _cases_at(built: BuiltSites, rows: np.ndarray) -> PlanCases:
    labels, switching = built.cases.labels.iloc[rows], built.cases.switching
    return PlanCases(labels, built.cases.kva[rows], switching[switching["case_id"].isin(labels.index)])


def _change_rows(bench: WorksBench, situation: Situation) -> pd.DataFrame:
    """Voltage changes that are too large, as voltages at the supply point that lie so far out of their band."""
    rows = []
    for place, case in enumerate(bench.broken_cases.tolist()):
        for number in np.flatnonzero(bench.change_at_first[case] > 0.0):
            site, over = bench.sites[number], bench.change_at_first[case, number] / 100.0
            at = int(site.supply[0])
            value, feeds = situation.vm_pu[place, at], site.kva[case].real < 0.0
            rows.append(
                {
                    "case_id": situation.cases.labels.index[place],
                    "check": "overvoltage" if feeds else "undervoltage",
                    "table": "buses",
                    "element_id": situation.network.buses.index[at],
                    "value": value,
                    "limit": value - over if feeds else value + over,
                    "unit": "pu",
                    "excess_percent": 100.0 * over,
                }
            )
    return pd.DataFrame(rows, columns=situation.violations.columns)
