"""Hold plans against eDisGo 0.3.0 on its own grids, and print the tables of PROOF.md.

    python benchmarks/prove_plan.py [--grid network_1] [--multiples 1 1.5 2] [--measures build all]
                                    [--equipment standard catalogue] [--time-limit-s 300]

The set-up is eDisGo's (`ding0_grids`): first the voltages before any measure, which must be the ones eDisGo
finds; then a plan per multiple, with building measures alone and with operating ones, from eDisGo's standard
sizes and from our catalogue, at dena's rural prices. Every plan is run again case by case in plain
pandapower: violations after are pandapower's. The HV/MV transformers lie behind the slack in both tools' load
flows; further ones of 40 MVA are counted by the power at the slack, as eDisGo does, in a column of their own.
The present value counts yearly costs (contracts, capacitors) for 20 years at 4 %; eDisGo's has none.
eDisGo's figures are of issue 6, of a machine of the same kind (2 cores).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from ding0_grids import ding0_cases, ding0_grid, standard_catalogue

from capacity.costs import CostTable, read_costs
from capacity.limits import read_limits
from capacity.measures import BUILDING
from capacity.planning.expansion import plan_expansion
from capacity.planning.plan import Plan, PlanTerms
from capacity.planning.plan_cases import PlanCases
from capacity.planning.verify import verify_plan
from gis import Network
from gridmodel import Catalogue, LoadFlowResult, Scenario, build_model, read_catalogue, run_load_flow
from gridmodel.bus_power import with_bus_power

COSTS, LIMITS = "dena_2012_rural", "dena"
# kEUR and seconds of eDisGo 0.3.0; none where it fails (issue 6).
EDISGO: dict[tuple[str, float], tuple[float | None, float | None]] = {
    ("network_1", 1.0): (199.28, None), ("network_1", 1.5): (313.59, None),
    ("network_1", 2.0): (1559.33, None), ("network_1", 3.0): (2147.31, None),
    ("network_1", 4.0): (4336.46, None), ("network_1", 5.0): (None, None),
    ("network_2", 1.0): (4906.33, 135.0),
}  # fmt: skip
# Lowest and highest voltage [pu] before, as eDisGo finds them.
BEFORE = {
    ("network_1", 1.0): (0.9473, 1.0233), ("network_1", 2.0): (0.8872, 1.0450),
    ("network_1", 4.0): (0.7219, 1.0849), ("network_2", 1.0): (0.7617, 1.0155),
}  # fmt: skip
HV_MV_MVA = {"network_1": (40.0,), "network_2": (25.0, 25.0)}
STANDARD_MVA = 40.0
MEASURES = {"build": tuple(BUILDING), "all": None}
EQUIPMENT = {"standard": standard_catalogue, "catalogue": read_catalogue}
BEFORE_HEAD = (
    "| grid | multiple | lowest voltage pu | highest pu | eDisGo | same |",
    "|---|---|---|---|---|---|",
)
PLAN_HEAD = (
    "| grid | multiple | measures | equipment | broken before | kEUR | of it HV/MV | present value kEUR "
    "| eDisGo kEUR | seconds "
    "| broken after, pandapower | status | what |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
)
_ALL = Scenario("power", "power per bus", None, 1.0, 1.0)


class Task(NamedTuple):
    """One plan to be made."""

    grid: str
    multiple: float
    measures: str
    equipment: str


class Made(NamedTuple):
    """One plan that was made, proved by pandapower."""

    task: Task
    plan: Plan
    seconds: float
    broken_before: int
    broken_after: int
    hv_mv_keur: float

    @property
    def keur(self) -> float:
        return self.plan.capital_eur / 1000.0 + self.hv_mv_keur


def check_voltages(grid: str, multiple: float) -> tuple[float, float]:
    """Lowest and highest voltage [pu] of both cases before any measure, by plain pandapower."""
    network = ding0_grid(grid)
    found = [_solved(network, kva) for kva in ding0_cases(grid, network, multiple).kva]
    return (
        min(float(one.buses["vm_pu"].min()) for one in found),
        max(float(one.buses["vm_pu"].max()) for one in found),
    )


def make_plan(task: Task, time_limit_s: float = 300.0) -> Made:
    """Plan, run every case again in plain pandapower, and count what is broken."""
    network, costs = ding0_grid(task.grid), read_costs(COSTS)
    cases = ding0_cases(task.grid, network, task.multiple)
    catalogue = EQUIPMENT[task.equipment]()
    terms = PlanTerms(measures=MEASURES[task.measures], time_limit_s=time_limit_s)
    began = time.perf_counter()
    plan = plan_expansion(
        network, cases, read_limits(LIMITS), costs=costs, catalogue=catalogue, terms=terms,
        told=lambda progress: print(f"  {progress}", file=sys.stderr),
    )  # fmt: skip
    seconds = time.perf_counter() - began
    proof = verify_plan(plan, catalogue=catalogue)
    if not proof["agrees"].all():
        raise ValueError(f"{task}: engine and pandapower do not break the same limits:\n{proof}")
    return Made(
        task, plan, seconds, int(plan.cases["violations_before"].sum()), int(proof["violations"].sum()),
        _hv_mv_keur(task.grid, plan, cases, costs, catalogue),
    )  # fmt: skip


def before_row(grid: str, multiple: float) -> str:
    low, high = check_voltages(grid, multiple)
    told = BEFORE.get((grid, multiple))
    edisgo = "-" if told is None else f"{told[0]:.4f} / {told[1]:.4f}"
    same = "-" if told is None else "yes" if np.allclose((low, high), told, rtol=0.0, atol=6e-5) else "NO"
    return f"| {grid} | {multiple:g} | {low:.4f} | {high:.4f} | {edisgo} | {same} |"


def plan_row(made: Made) -> str:
    task, plan = made.task, made.plan
    told, _ = EDISGO.get((task.grid, task.multiple), (None, None))
    edisgo = "fails" if told is None else f"{told:,.2f}"
    worth = plan.present_value_eur / 1000.0 + made.hv_mv_keur
    count = plan.steps.groupby("measure").size()
    what = ", ".join(f"{number} {kind}" for kind, number in count.items())
    return (
        f"| {task.grid} | {task.multiple:g} | {task.measures} | {task.equipment} | {made.broken_before} "
        f"| {made.keur:,.2f} | {made.hv_mv_keur:,.0f} | {worth:,.2f} | {edisgo} "
        f"| {made.seconds:.1f} | {made.broken_after} | {plan.status} | {what} |"
    )


def _hv_mv_keur(grid: str, plan: Plan, cases: PlanCases, costs: CostTable, catalogue: Catalogue) -> float:
    """Cost of further HV/MV transformers for the power at the slack of the changed network."""
    network, most_kva = plan.network_in(None), 0.0
    for number in range(len(cases.labels)):
        result = _solved(network, _kva_after(plan, network, cases, number), catalogue)
        if result.converged:
            source = result.sources[["p_kw", "q_kvar"]].sum()
            most_kva = max(most_kva, math.hypot(source["p_kw"], source["q_kvar"]))
    lacking_mva = most_kva / 1000.0 - sum(HV_MV_MVA[grid])
    units = max(0, math.ceil(lacking_mva / STANDARD_MVA - 1e-9))
    return costs.cost("hv_mv_transformer", units).eur / 1000.0


def _kva_after(plan: Plan, network: Network, cases: PlanCases, number: int) -> np.ndarray:
    """Power per bus of the changed network in one case, with what measures shift or feed."""
    kva = np.zeros(len(network.buses), dtype=complex)
    kva[network.buses.index.get_indexer(plan.network.buses.index)] = cases.kva[number]
    for one in plan.taken:
        for bus_id, power in one.measure.power_kva.items():
            kva[network.buses.index.get_loc(bus_id)] += power[number]
    return kva


def _solved(network: Network, kva: np.ndarray, catalogue: Catalogue | None = None) -> LoadFlowResult:
    return run_load_flow(build_model(with_bus_power(network, kva), catalogue), _ALL)


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", nargs="+", default=list(HV_MV_MVA))
    parser.add_argument("--multiples", nargs="+", type=float, default=[1.0, 1.5, 2.0, 3.0, 4.0, 5.0])
    parser.add_argument("--measures", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--equipment", nargs="+", choices=list(EQUIPMENT), default=list(EQUIPMENT))
    parser.add_argument("--time-limit-s", type=float, default=300.0)
    asked = parser.parse_args()
    pairs = [pair for pair in EDISGO if pair[0] in asked.grid and pair[1] in asked.multiples]
    print("\n".join([*BEFORE_HEAD, *(before_row(*pair) for pair in pairs), "", *PLAN_HEAD]), flush=True)
    for grid, multiple in pairs:
        for measures in asked.measures:
            for equipment in asked.equipment:
                task = Task(grid, multiple, measures, equipment)
                print(plan_row(make_plan(task, asked.time_limit_s)), flush=True)


if __name__ == "__main__":
    main()
