"""`Situation`: what measures are proposed for: a network, where its cases break limits, what may be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.checks import State, Yardstick, broken_limits, make_yardstick
from capacity.costs import CostTable
from capacity.limits import Limits
from capacity.planning.plan_cases import PlanCases
from gis import Network
from gis.changes import NetworkChanges, apply_changes, cells_of
from gis.feeders import Supply
from gridmodel import Catalogue, branch_ratings_kva
from gridmodel.power_cases import PowerCases, run_power_cases
from gridmodel.switch_sets import STATES

CASE_VIOLATION_COLUMNS = (
    "case_id", "check", "table", "element_id", "value", "limit", "unit", "excess_percent",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Situation:
    """A weak grid as measures see it.

    Attributes
    ----------
    violations
        Limits broken over all cases, columns `CASE_VIOLATION_COLUMNS`. A case without solution has one row of
        the check "no_solution" (value and excess missing).
    line_kva, transformer_kva
        Cases x elements: current carried in the network as it stands, as apparent power at rated voltage
        [kVA]: what a rating has to cover. NaN where unsolved or without supply.
    vm_pu
        Cases x buses [pu].
    """

    yardstick: Yardstick
    cases: PlanCases
    violations: pd.DataFrame
    vm_pu: np.ndarray
    line_kva: np.ndarray
    transformer_kva: np.ndarray
    catalogue: Catalogue
    costs: CostTable

    @property
    def network(self) -> Network:
        return self.yardstick.network

    @property
    def supply(self) -> Supply:
        return self.yardstick.supply

    def ids_of(self, table: str) -> pd.Index:
        """Elements of a table that break a limit in some case."""
        rows = self.violations
        return pd.Index(rows.loc[rows["table"] == table, "element_id"].unique())


def situation_of(
    network: Network, cases: PlanCases, limits: Limits, *, catalogue: Catalogue, costs: CostTable
) -> Situation:
    """Solve every case on the network as it stands, and tell where limits break.

    Raises
    ------
    InputError
        The tables do not fit together, a voltage has no band, or the switching of a case names what is not
        there.
    """
    yardstick = make_yardstick(network, limits)
    solved = run_power_cases(network, cases.kva, cases.labels.index, cases.switching, catalogue=catalogue)
    ratings = branch_ratings_kva(network, catalogue)
    return Situation(
        yardstick=yardstick,
        cases=cases,
        violations=case_violations(yardstick, cases, solved),
        vm_pu=solved.vm_pu,
        line_kva=solved.line_loading_percent / 100.0 * ratings["lines"],
        transformer_kva=solved.transformer_loading_percent / 100.0 * ratings["transformers"],
        catalogue=catalogue,
        costs=costs,
    )


def case_violations(yardstick: Yardstick, cases: PlanCases, solved: PowerCases) -> pd.DataFrame:
    """Find every limit broken in solved cases: columns `CASE_VIOLATION_COLUMNS`, case after case.

    A band that counts from the busbar counts in a switched case from the busbar that feeds the bus there.
    """
    switched = _switched_yardsticks(yardstick, cases)
    parts = [_none_broken()]
    for row, case_id in enumerate(cases.labels.index):
        if solved.converged[row]:
            found = broken_limits(switched.get(case_id, yardstick), _state(solved, row))
        else:
            found = _no_solution(yardstick)
        parts.append(found.assign(case_id=case_id))
    filled = [part for part in parts if len(part)]
    whole = pd.concat(filled, ignore_index=True) if filled else parts[0]
    return whole[list(CASE_VIOLATION_COLUMNS)]


def _state(solved: PowerCases, row: int) -> State:
    return State(solved.vm_pu[row], solved.line_loading_percent[row], solved.transformer_loading_percent[row])


def _none_broken() -> pd.DataFrame:
    none = np.zeros(0)
    found = {name: pd.Series(none, dtype=object) for name in CASE_VIOLATION_COLUMNS}
    return pd.DataFrame(found).astype({"value": float, "limit": float, "excess_percent": float})


def _no_solution(yardstick: Yardstick) -> pd.DataFrame:
    row = {
        "check": "no_solution", "table": "sources", "element_id": yardstick.network.sources.index[0],
        "value": np.nan, "limit": 1.0, "unit": "share", "excess_percent": np.nan,
    }  # fmt: skip
    return pd.DataFrame([row])


def switching_groups(cases: PlanCases) -> list[tuple[np.ndarray, NetworkChanges]]:
    """Rows of the cases in each switching state, with what it changes; the normal state first."""
    orders = cases.switching[cases.switching["element_id"].notna()]
    of_case = {
        str(case_id): tuple(rows[["table", "element_id", "state"]].itertuples(index=False, name=None))
        for case_id, rows in orders.groupby("case_id", sort=False)
    }
    together: dict[tuple[tuple[str, str, str], ...], list[int]] = {(): []}
    for row, case_id in enumerate(cases.labels.index):
        together.setdefault(of_case.get(str(case_id), ()), []).append(row)
    return [(np.array(rows), _as_changes(switching)) for switching, rows in together.items() if rows]


def _switched_yardsticks(yardstick: Yardstick, cases: PlanCases) -> dict[str, Yardstick]:
    """Yardstick per case whose switching decides what its bands count from."""
    if not yardstick.bands["from_busbar"].any():
        return {}
    found = {}
    for rows, changes in switching_groups(cases):
        if len(changes.cells):
            own = make_yardstick(apply_changes(yardstick.network, changes), yardstick.limits)
            found.update({str(case_id): own for case_id in cases.labels.index[rows]})
    return found


def _as_changes(orders: tuple[tuple[str, str, str], ...]) -> NetworkChanges:
    """Switching as changed cells of the network."""
    return NetworkChanges(
        cells=cells_of(
            *(
                (table, element_id, "closed" if table == "switches" else "in_service", STATES[table][state])
                for table, element_id, state in orders
            )
        )
    )
