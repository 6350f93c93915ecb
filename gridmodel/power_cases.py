"""Cases of given power per bus, each in its own switching state, on one network: numbers out.

What `run_cases` and `run_topologies` answer apart: there one scenario and additions, or one scenario and many
switching states; here every case has its own power at every bus and, where it says so, its own switching.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gis import Network
from gridmodel.build import build_model
from gridmodel.bus_power import without_power
from gridmodel.catalogue import Catalogue
from gridmodel.model import GridModel
from gridmodel.outcome import KEEP_ALL, Kept, Outcome, places_of
from gridmodel.points import points_of_scenario
from gridmodel.scenario import Scenario
from gridmodel.solve_points import solve_points
from gridmodel.switch_sets import changes_of, joints_of, orders_of
from gridmodel.topologies import solve_switched

# A network without loads and generators is the same in every scenario.
_EMPTY = Scenario("power", "Power per bus")


@dataclass(frozen=True, eq=False)
class PowerCases:
    """Solved cases; rows in the order of the cases, columns in that of the network's tables.

    Attributes
    ----------
    converged
        Flag per case.
    vm_pu
        Cases x buses [pu]; NaN without supply or solution.
    line_loading_percent, transformer_loading_percent
        Cases x elements [%].
    loss_kw, unserved_kw
        Per case; losses NaN without solution, which leaves all demand unserved.
    engine
        What solved it.
    """

    converged: np.ndarray
    vm_pu: np.ndarray
    line_loading_percent: np.ndarray
    transformer_loading_percent: np.ndarray
    loss_kw: np.ndarray
    unserved_kw: np.ndarray
    engine: str


def run_power_cases(
    network: Network,
    kva: np.ndarray,
    case_ids: pd.Index,
    switching: pd.DataFrame,
    *,
    catalogue: Catalogue | None = None,
) -> PowerCases:
    """Solve cases of complex power per bus.

    Parameters
    ----------
    kva
        Cases x buses of the network: complex power drawn [kVA], what feeds is negative. It stands for all
        loads and generators of the network; its capacitors are counted as they are.
    switching
        Columns `switch_sets.SWITCH_SET_COLUMNS`; a case without a row is in the network's own state.

    Raises
    ------
    InputError
        The tables do not fit together, no source is in service, or the switching names what is not there.
    BalanceError
        A case does not add up.
    """
    model = build_model(without_power(network), catalogue)
    kept = places_of(model, KEEP_ALL)
    switched = case_ids.isin(switching["case_id"][switching["element_id"].notna()])
    parts = []
    if not switched.all():
        parts.append((np.flatnonzero(~switched), _as_it_stands(model, kva[~switched], kept)))
    if switched.any():
        parts += _switched(model, kva, case_ids, switching, kept)
    return _joined(parts, network, len(case_ids))


def _as_it_stands(model: GridModel, kva: np.ndarray, kept: Kept) -> Outcome:
    case, bus = np.nonzero(kva)
    points = replace(
        points_of_scenario(model, _EMPTY, len(kva)),
        added_point=case,
        added_bus=bus,
        added_kva=kva[case, bus],
    )
    return solve_points(model, points, bounds=None, kept=kept)


def _switched(
    model: GridModel, kva: np.ndarray, case_ids: pd.Index, switching: pd.DataFrame, kept: Kept
) -> list[tuple[np.ndarray, Outcome]]:
    """Cases with switching; those of the same power together, as states of one grid."""
    from gridmodel.engine.of_model import compiled_switching  # needs numba

    orders = orders_of(model, switching)
    grid = compiled_switching(model, joints_of(model, orders))
    number = case_ids.get_indexer(orders["case_id"])
    rows = np.unique(number[number >= 0])
    alike = pd.Series([kva[row].tobytes() for row in rows])
    parts = []
    for at in alike.groupby(alike, sort=False).indices.values():
        group = rows[at]
        power = kva[group[0]]
        injected = grid.fixed_pu - grid.at_rows(grid.bus_row, power / (1e3 * grid.sn_mva))
        weights = (np.maximum(power.real, 0.0), np.zeros(len(power)), np.maximum(-power.real, 0.0))
        changes = changes_of(grid, orders[np.isin(number, group)], case_ids[group])
        outcome, _ = solve_switched(grid, changes, injected, weights, bounds=None, kept=kept)
        parts.append((group, _without_first(outcome)))
    return parts


def _without_first(outcome: Outcome) -> Outcome:
    """Leave out the state the network is in, which the engine solves along."""
    names = ("converged", "loss_kw", "unserved_kw", "vm_pu", "line_percent", "transformer_percent")
    return replace(outcome, **{name: getattr(outcome, name)[1:] for name in names})


def _joined(parts: list[tuple[np.ndarray, Outcome]], network: Network, count: int) -> PowerCases:
    sizes = {
        "converged": (), "vm_pu": (len(network.buses),), "line_percent": (len(network.lines),),
        "transformer_percent": (len(network.transformers),), "loss_kw": (), "unserved_kw": (),
    }  # fmt: skip
    whole = {
        name: np.zeros((count, *size), dtype=bool if name == "converged" else float)
        for name, size in sizes.items()
    }
    for rows, outcome in parts:
        for name, values in whole.items():
            values[rows] = getattr(outcome, name)
    return PowerCases(
        converged=whole["converged"],
        vm_pu=whole["vm_pu"],
        line_loading_percent=whole["line_percent"],
        transformer_loading_percent=whole["transformer_percent"],
        loss_kw=whole["loss_kw"],
        unserved_kw=whole["unserved_kw"],
        engine="; ".join(dict.fromkeys(outcome.engine for _, outcome in parts)),
    )
