"""The re-run: every case of a plan solved by the engine on the network that the plan really makes.

How a plan is found works on the drawn-in network (`capacity.planning.drawn`); nothing of that is used here.
The same once more by plain pandapower is `capacity.planning.verify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.checks import make_yardstick
from capacity.limits import Limits
from capacity.measures.situation import CASE_VIOLATION_COLUMNS, case_violations
from capacity.planning.plan import Taken, in_force, network_with, years_of
from capacity.planning.plan_cases import PlanCases
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
    broken = stacked([broken for _, broken in parts], BROKEN_COLUMNS)
    numeric = {"run_year": "Int64", **dict.fromkeys(("value", "limit", "excess_percent"), float)}
    return Rerun(pd.concat([runs for runs, _ in parts], ignore_index=True), broken.astype(numeric))


def stands_of(network: Network, taken: Sequence[Taken], cases: PlanCases) -> Iterator[Stand]:
    """Every network that cases are run on, with them: by year, and apart where a control sets cells."""
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


def no_supply_row(network: Network, kva: np.ndarray, vm_pu: np.ndarray) -> pd.DataFrame:
    """The row of demand that no source reaches in one solved case; no row where all is served."""
    lost_kw = np.where(np.isnan(vm_pu), np.maximum(kva.real, 0.0), 0.0)
    row = {
        "check": "no_supply", "table": "buses", "element_id": str(network.buses.index[int(lost_kw.argmax())]),
        "value": float(lost_kw.sum()), "limit": 0.0, "unit": "kW", "excess_percent": 100.0,
    }  # fmt: skip
    return pd.DataFrame([row]).iloc[: int(lost_kw.any())]


def stacked(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Tables as one with these columns; those without rows lend nothing."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    return pd.concat(filled, ignore_index=True)[list(columns)]


def _run(stand: Stand, limits: Limits, catalogue: Catalogue | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Key figures and broken limits of the cases of one network."""
    from gridmodel.power_cases import run_power_cases  # needs numba

    cases, network, ids = stand.cases, stand.network, stand.cases.labels.index
    found = run_power_cases(network, cases.kva, ids, cases.switching, catalogue=catalogue)
    lost = [
        no_supply_row(network, cases.kva[row], found.vm_pu[row]).assign(case_id=ids[row])
        for row in np.flatnonzero(found.converged)
    ]
    broken = stacked(
        [case_violations(make_yardstick(network, limits), cases, found), *lost], CASE_VIOLATION_COLUMNS
    )
    year = pd.array([stand.year] * len(ids), dtype="Int64")
    figures = {
        "case_id": ids,
        "run_year": year,
        "status": np.where(found.converged, "converged", "not_converged").astype(object),
        "demand_kw": np.maximum(cases.kva.real, 0.0).sum(axis=1),
        "vm_min_pu": _extreme(found.vm_pu, least=True),
        "vm_max_pu": _extreme(found.vm_pu),
        "line_loading_percent": _extreme(found.line_loading_percent),
        "transformer_loading_percent": _extreme(found.transformer_loading_percent),
        "loss_kw": found.loss_kw,
        "unserved_kw": found.unserved_kw,
        "violations": pd.Series(ids).map(broken["case_id"].value_counts()).fillna(0).astype(int).to_numpy(),
        "engine": found.engine,
    }
    return (
        pd.DataFrame(figures)[list(RUN_COLUMNS)],
        broken.assign(run_year=pd.array([stand.year] * len(broken), dtype="Int64"))[list(BROKEN_COLUMNS)],
    )


def _extreme(values: np.ndarray, *, least: bool = False) -> np.ndarray:
    """Largest or least of each row; NaN of a row of nothing."""
    sign = -1.0 if least else 1.0
    found = np.max(np.where(np.isnan(values), -np.inf, sign * values), axis=1, initial=-np.inf)
    return np.where(np.isinf(found), np.nan, sign * found)
