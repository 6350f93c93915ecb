"""The least works on the existing grid that make options fit: what connections break or worsen is cured.

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
from capacity.connection.built_sites import BuiltSites, added_ids, build_sites
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyOption
from capacity.connection.works_bench import WorksBench
from capacity.connection.works_search import cheapest_works, paid_once
from capacity.costs import Cost, total_cost
from capacity.measures import BUILDING, propose_measures
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation, case_violations, situation_of
from capacity.planning.plan_cases import PlanCases
from gis.changes import apply_changes, join_changes
from gis.voltage import LV_MAX_KV
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
        Of them all; of the cheapest that is known when they are too dear, if one is.
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
    built = build_sites(grid, [(option, kva)])
    small = _too_small(built, blocked)
    if small:
        return _none(small)
    asked = built.cases.labels.index.get_indexer(blocked["case_id"].unique())
    return _reinforced(built, np.unique(asked[asked >= 0]), most_eur, WORKS if allowed is None else allowed)


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
    return _reinforced(
        built, np.arange(len(built.positions)), most_eur, WORKS if allowed is None else allowed
    )


def _reinforced(
    built: BuiltSites, asked: np.ndarray, most_eur: float, allowed: Collection[str]
) -> Reinforcement:
    """Works against what is broken in the cases asked, that hold in all that bear on the sites."""
    bare = WorksBench(built, (), asked, asked)
    worst = bare.worst_cases()
    if not len(worst):
        return Reinforcement((), Cost(), 0, "found", "no works are needed", True)
    bare.asked = worst
    situation = _situation(bare)
    small = _too_small(built, situation.violations)
    if small:
        return _none(small)
    every = _proposed(built, situation, allowed)
    proposed = [one for one in every if one.cost.eur <= most_eur]
    if every and not proposed:
        least = min((one.cost for one in every), key=lambda cost: cost.eur)
        reason = f"works on the existing grid cost {least.eur:,.0f} at least"
        return Reinforcement((), least, 0, "too_dear", reason)
    return _searched(WorksBench(built, proposed, worst, np.arange(len(built.positions))), most_eur)


def _searched(bench: WorksBench, most_eur: float) -> Reinforcement:
    """What a search finds; none where it breaks a limit on the network that is really made."""
    cheapest = cheapest_works(bench, most_eur=most_eur)
    if cheapest.works is None:
        count = f"none of the works that can be proposed on the existing grid ({len(bench.measures)})"
        if math.isfinite(most_eur):
            reason = f"{count} cure it for at most {most_eur:,.0f}"
            return Reinforcement((), Cost(), 0, "too_dear", reason)
        return _none(f"{count} cure it")
    measures = tuple(paid_once([bench.measures[row] for row in cheapest.works]))
    cost = total_cost([one.cost for one in measures])
    if cost.eur > most_eur:
        reason = f"works on the existing grid that cure it cost {cost.eur:,.0f}"
        return Reinforcement((), cost, 0, "too_dear", reason)
    left = broken_in_fact(bench, measures)
    if len(left):
        row = left.iloc[0]
        return _none(f"the works that cure it break another limit: {row['check']} at {row['element_id']}")
    months = max((one.months for one in measures), default=0)
    reason = f"it fits after: {'; '.join(one.text for one in measures)}"
    return Reinforcement(measures, cost, months, "found", reason, cheapest.proved)


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
    return _worse(bench, case_violations(make_yardstick(network, limits), cases, solved))


def _worse(bench: WorksBench, violations: pd.DataFrame) -> pd.DataFrame:
    """Rows that are not tolerated; cases are told by their id."""
    case = bench.built.cases.labels.index.get_indexer(violations["case_id"])
    parts = [
        bench.tolerated(int(one)).worse(violations[case == one], RERUN_TOLERANCE_PERCENT)
        for one in np.unique(case)
    ]
    return pd.concat(parts, ignore_index=True) if parts else violations


def _too_small(built: BuiltSites, violations: pd.DataFrame) -> str:
    """Why works on the existing grid are of no use: what an option builds is overloaded; "" if it is not."""
    new = {key for option, _ in built.options for key in added_ids(option.changes)}
    for table, element_id in zip(violations["table"], violations["element_id"], strict=True):
        if (
            table in ("lines", "transformers")
            and (table, element_id) in new
            and element_id not in built.pieces
        ):
            return (
                f"{element_id}, which it builds itself, is too small; works on the existing grid do not help"
            )
    return ""


def _none(reason: str) -> Reinforcement:
    return Reinforcement((), Cost(), 0, "none", reason)


def _proposed(built: BuiltSites, situation: Situation, allowed: Collection[str]) -> list[Measure]:
    """Works that leave alone what the options build, and are the same in each case.

    Where outages of medium voltage do not bear on the sites, its switching stays, which they rest on.
    """
    own = built.own_ids | (frozenset() if built.has_outages else _switching_above_low_voltage(built))
    return [
        one
        for one in propose_measures(situation, allowed)
        if not one.cells_in and own.isdisjoint(one.changes.touched) and (one.table, one.element_id) not in own
    ]


def _switching_above_low_voltage(built: BuiltSites) -> frozenset[tuple[str, str]]:
    switches, buses = built.network.switches, built.network.buses
    above = buses["vn_kv"].reindex(switches["bus_id"]).to_numpy() > LV_MAX_KV
    return frozenset(("switches", str(switch_id)) for switch_id in switches.index[above])


def _situation(bench: WorksBench) -> Situation:
    """The grid with the sites, as if no limit were broken but those to be cured."""
    built, grid = bench.built, bench.built.grid
    cases, limits = _cases_at(built, bench.asked), grid.yardstick.limits
    found = situation_of(
        built.network, cases, limits, catalogue=grid.catalogue, costs=grid.assumptions.cost.prices
    )
    parts = [part for part in (_worse(bench, found.violations), _change_rows(bench, found)) if len(part)]
    violations = pd.concat(parts, ignore_index=True) if parts else found.violations.iloc[:0]
    return replace(found, violations=violations)


def _cases_at(built: BuiltSites, rows: np.ndarray) -> PlanCases:
    labels, switching = built.cases.labels.iloc[rows], built.cases.switching
    return PlanCases(labels, built.cases.kva[rows], switching[switching["case_id"].isin(labels.index)])


def _change_rows(bench: WorksBench, situation: Situation) -> pd.DataFrame:
    """Voltage changes that are too large, as voltages at the supply point so far out of their band."""
    rows = []
    for place, case in enumerate(bench.asked.tolist()):
        for number in np.flatnonzero(bench.changes_at_first(case) > 0.0):
            site, over = bench.sites[number], bench.changes_at_first(case)[number] / 100.0
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
