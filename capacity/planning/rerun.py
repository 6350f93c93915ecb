"""The re-run: every case of a plan solved by the engine on the network that the plan really makes.

How a plan is found works on the drawn-in network (`capacity.planning.drawn`); nothing of that is used here.
The same once more by plain pandapower is `capacity.planning.verify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.checks import State, Yardstick, broken_limits, make_yardstick
from capacity.limits import Limits
from capacity.planning.plan import Taken, in_force, network_with, years_of
from capacity.planning.plan_cases import PlanCases, no_switching
from gis import Network
from gis.changes import NetworkChanges, apply_changes, cells_of
from gridmodel import Catalogue
from gridmodel.switch_sets import STATES

# The column of each table that a switching order sets.
_STATE_COLUMNS = {"switches": "closed", "lines": "in_service", "transformers": "in_service",
                  "sources": "in_service"}  # fmt: skip
BROKEN_COLUMNS = (
    "case_id", "run_year", "check", "table", "element_id", "value", "limit", "unit", "excess_percent",
)  # fmt: skip
RUN_COLUMNS = (
    "case_id", "run_year", "status", "demand_kw", "vm_min_pu", "vm_max_pu", "line_loading_percent",
    "transformer_loading_percent", "loss_kw", "unserved_kw", "violations", "engine",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rerun:
    """What the engine finds in every case.

    Attributes
    ----------
    runs
        Columns `RUN_COLUMNS`, a row per case and year that it is run in (run_year, Int64; missing: the plan
        has no years).
    broken
        Columns `BROKEN_COLUMNS`: every limit broken. Checks beside those of `capacity.checks`: "no_supply"
        (table buses, at the bus where most is lost; value is all demand [kW] that no source reaches) and
        "no_solution".
    """

    runs: pd.DataFrame
    broken: pd.DataFrame

    @property
    def holds(self) -> bool:
        """Whether no limit is broken in any case."""
        return self.broken.empty


@dataclass(frozen=True, eq=False)
class Stand:
    """Cases that are run on one network: it, the year, and their power on its buses."""

    network: Network
    year: int | None
    cases: PlanCases


def run_again(
    network: Network,
    taken: Sequence[Taken],
    cases: PlanCases,
    limits: Limits,
    *,
    catalogue: Catalogue | None = None,
) -> Rerun:
    """Solve every case, in every year that it counts in, with the measures that are in force then.

    Parameters
    ----------
    network
        The network as it is; cases are of its buses.

    Raises
    ------
    InputError
        Measures contradict each other, or a changed network cannot be built.
    """
    parts = [_run(stand, limits, catalogue) for stand in stands_of(network, taken, cases)]
    return Rerun(
        pd.concat([runs for runs, _ in parts], ignore_index=True),
        stacked([broken for _, broken in parts], BROKEN_COLUMNS),
    )


def stands_of(network: Network, taken: Sequence[Taken], cases: PlanCases) -> Iterator[Stand]:
    """Every network that cases are run on, with their cases: by year, and apart where a control sets cells."""
    for year in years_of(cases):
        there = tuple(one for one in taken if in_force(one, year))
        at = np.flatnonzero(cases.of_year(year))
        controlled = {case_id for one in there for case_id in one.measure.cells_in}
        ids = cases.labels.index[at]
        alike = at[~ids.isin(controlled)]
        groups = [(None, alike)] if len(alike) else []
        for case_id, rows in [*groups, *((ids[k], at[[k]]) for k in np.flatnonzero(ids.isin(controlled)))]:
            changed = network_with(network, there, year, case_id)
            yield Stand(changed, year, moved_cases(network, changed, there, cases, rows))


def moved_cases(
    network: Network, changed: Network, taken: Sequence[Taken], cases: PlanCases, rows: np.ndarray
) -> PlanCases:
    """Some cases with their power at the buses of the changed network, and that of measures in it."""
    kva = np.zeros((len(rows), len(changed.buses)), dtype=complex)
    at = changed.buses.index.get_indexer(network.buses.index)
    kept = at >= 0
    kva[:, at[kept]] = cases.kva[rows][:, kept]
    for one in taken:
        for bus_id, power in one.measure.power_kva.items():
            kva[:, changed.buses.index.get_loc(bus_id)] += np.asarray(power)[rows]
    return part_of(replace(cases, kva=np.zeros((len(cases.labels), 0))), rows, kva)


def part_of(cases: PlanCases, rows: np.ndarray, kva: np.ndarray | None = None) -> PlanCases:
    """Some of the cases, or with other powers."""
    labels = cases.labels.iloc[rows]
    switching = cases.switching[cases.switching["case_id"].isin(labels.index)]
    return PlanCases(labels, cases.kva[rows] if kva is None else kva, switching)


def switched(network: Network, switching: pd.DataFrame, case_id: str) -> Network:
    """The network in the switching state of one case."""
    rows = switching[(switching["case_id"] == case_id) & switching["element_id"].notna()]
    if rows.empty:
        return network
    cells = [
        (row.table, row.element_id, _STATE_COLUMNS[row.table], STATES[row.table][row.state])
        for row in rows.itertuples()
    ]
    return apply_changes(network, NetworkChanges(cells=cells_of(*cells)))


def yardsticks_of(stand: Stand, limits: Limits) -> Iterator[Yardstick]:
    """A yardstick per case: a band that counts from the busbar counts, in an outage, from the one that feeds."""
    normal = make_yardstick(stand.network, limits)
    relative = bool(normal.bands["from_busbar"].any())
    turned = set(stand.cases.switching["case_id"]) if relative else set()
    for case_id in stand.cases.labels.index:
        if case_id in turned:
            state = switched(stand.network, stand.cases.switching, str(case_id))
            yield make_yardstick(state, limits)
        else:
            yield normal


def no_supply_row(network: Network, kva: np.ndarray, vm_pu: np.ndarray) -> pd.DataFrame | None:
    """The row of demand that no source reaches in one solved case; nothing where all is served."""
    lost_kw = np.where(np.isnan(vm_pu), np.maximum(kva.real, 0.0), 0.0)
    if not lost_kw.any():
        return None
    bus_id = network.buses.index[int(lost_kw.argmax())]
    return _row("no_supply", "buses", str(bus_id), float(lost_kw.sum()), 0.0, "kW")


def no_solution_row(network: Network) -> pd.DataFrame:
    """The row of a case that the load flow has no solution of."""
    return _row("no_solution", "sources", str(network.sources.index[0]), np.nan, np.nan, "")


def stacked(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Tables as one with these columns; those without rows lend nothing."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    return pd.concat(filled, ignore_index=True)[list(columns)]


def _row(
    check: str, table: str, element_id: str, value: float, limit: float, unit: str
) -> pd.DataFrame:
    columns = {
        "check": check, "table": table, "element_id": element_id, "value": value, "limit": limit,
        "unit": unit, "excess_percent": 100.0,
    }  # fmt: skip
    return pd.DataFrame([columns])


def _run(
    stand: Stand, limits: Limits, catalogue: Catalogue | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Key figures and broken limits of the cases of one network."""
    from gridmodel.power_cases import run_power_cases  # needs numba

    cases, network = stand.cases, stand.network
    ids = cases.labels.index
    switching = cases.switching if len(cases.switching) else no_switching()
    found = run_power_cases(network, cases.kva, ids, switching, catalogue=catalogue)
    broken = []
    for row, yardstick in enumerate(yardsticks_of(stand, limits)):
        if found.converged[row]:
            state = State(
                found.vm_pu[row], found.line_loading_percent[row], found.transformer_loading_percent[row]
            )
            lost = no_supply_row(network, cases.kva[row], found.vm_pu[row])
            rows = stacked([broken_limits(yardstick, state), *([] if lost is None else [lost])], _CHECKED)
        else:
            rows = no_solution_row(network)
        broken.append(rows.assign(case_id=ids[row], run_year=stand.year))
    figures = pd.DataFrame(
        {
            "case_id": ids,
            "run_year": pd.array([stand.year] * len(ids), dtype="Int64"),
            "status": np.where(found.converged, "converged", "not_converged").astype(object),
            "demand_kw": np.maximum(cases.kva.real, 0.0).sum(axis=1),
            "vm_min_pu": _extreme(found.vm_pu, least=True),
            "vm_max_pu": _extreme(found.vm_pu),
            "line_loading_percent": _extreme(found.line_loading_percent),
            "transformer_loading_percent": _extreme(found.transformer_loading_percent),
            "loss_kw": found.loss_kw,
            "unserved_kw": found.unserved_kw,
            "violations": [len(rows) for rows in broken],
            "engine": found.engine,
        }
    )
    return figures[list(RUN_COLUMNS)], stacked(broken, BROKEN_COLUMNS)


_CHECKED = tuple(name for name in BROKEN_COLUMNS if name not in ("case_id", "run_year"))


def _extreme(values: np.ndarray, *, least: bool = False) -> np.ndarray:
    """Largest or least of each row; NaN of a row of nothing."""
    empty, sign = -np.inf, -1.0 if least else 1.0
    found = np.max(np.where(np.isnan(values), empty, sign * values), axis=1, initial=empty)
    return np.where(np.isinf(found), np.nan, sign * found)
