"""power-grid-model as peer: the same branches and powers as pandapower's, in batches on all cores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import power_grid_model as pgm
from pandapower.pypower.idx_bus import BS, GS, PD, QD
from peer_pandapower import Limits, next_kw

from tests.third_opinion import BASE_V, BASE_VA, branch_table, source_table, table_of

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

# Largest change of a voltage in the last step [pu], power-grid-model's default.
TOLERANCE_PU = 1e-8
METHODS = (pgm.CalculationMethod.newton_raphson, pgm.CalculationMethod.iterative_current)
SIDES = (("hv_bus", "vn_hv_kv"), ("lv_bus", "vn_lv_kv"))
FIGURES = {"node": ["u_pu"], "generic_branch": ["i_from", "i_to", "p_from", "p_to"]}


@dataclass(frozen=True, eq=False)
class PgmGrid:
    """A grid in power-grid-model's tables: one load a bus, in the order of pandapower's inner buses."""

    tables: dict[str, np.ndarray]
    first_load: int

    def model(self) -> pgm.PowerGridModel:
        """Hand the tables over, as often as a timing needs it."""
        return pgm.PowerGridModel({pgm.ComponentType[name]: table for name, table in self.tables.items()})


def pgm_grid(inner: dict[str, np.ndarray]) -> PgmGrid:
    """Tables from pandapower's solved inner model (`net._ppc["internal"]`).

    Parameters
    ----------
    inner
        Buses, branches, references and voltages in pandapower's inner order; no shunts.
    """
    bus = np.real(inner["bus"])
    assert not bus[:, [GS, BS]].any(), "shunts have no place here"
    first_load = len(bus) + len(inner["branch"])
    tables = {
        "node": table_of("node", np.arange(len(bus)), u_rated=BASE_V),
        "generic_branch": branch_table(inner, len(bus)),
        "sym_load": _loads(bus, first_load),
        "source": source_table(inner, first_load + len(bus)),
    }
    return PgmGrid(tables, first_load)


def batch(
    model: pgm.PowerGridModel,
    changed: dict[str, np.ndarray],
    method: pgm.CalculationMethod,
    figures: dict[str, list[str]] | None = None,
) -> dict[str, np.ndarray]:
    """Solve a batch of operating points on all cores; returns the figures asked for.

    Raises
    ------
    pgm.errors.PowerGridBatchError
        An operating point has no solution.
    """
    wanted = figures or FIGURES
    solved = model.calculate_power_flow(
        update_data={pgm.ComponentType[name]: rows for name, rows in changed.items()},
        calculation_method=method,
        error_tolerance=TOLERANCE_PU,
        max_iterations=50,
        threading=os.cpu_count() or 1,
        output_component_types={pgm.ComponentType[n]: columns for n, columns in wanted.items()},
        continue_on_batch_error=True,
    )
    return {name: solved[pgm.ComponentType[name]] for name in wanted}


def all_loads(grid: PgmGrid, buses: np.ndarray, p_mw: np.ndarray, q_mvar: np.ndarray) -> np.ndarray:
    """Rows that set the power of the same buses in every operating point (points x buses) [MW, Mvar]."""
    rows = pgm.initialize_array(pgm.DatasetType.update, pgm.ComponentType.sym_load, p_mw.shape)
    rows["id"] = grid.first_load + buses
    rows["p_specified"], rows["q_specified"] = 1e6 * p_mw, 1e6 * q_mvar
    return np.asarray(rows)


def percent_per_pu(net: pandapowerNet) -> np.ndarray:
    """Loading [%] per current [pu] at both ends of every inner branch, as pandapower defines it."""
    inner, lookup = net._ppc["internal"], net._pd2ppc_lookups
    lines, transformers = net.line, net.trafo
    rated_mva = np.zeros((len(inner["branch_is"]), 2))
    rated_ka = lines["max_i_ka"] * lines["df"] * lines["parallel"]
    first, last = lookup["branch"]["line"]
    rated_mva[first:last] = (np.sqrt(3.0) * lines["from_bus"].map(net.bus["vn_kv"]) * rated_ka).to_numpy()[
        :, None
    ]
    sides = [transformers[side].map(net.bus["vn_kv"]) / transformers[kv] for side, kv in SIDES]
    own_mva = transformers["sn_mva"] * transformers["parallel"] * transformers["df"]
    first, last = lookup["branch"]["trafo"]
    rated_mva[first:last] = np.column_stack([side * own_mva for side in sides])
    return np.asarray(100.0 * BASE_VA / 1e6 / rated_mva[inner["branch_is"]])


def highest_percent(branches: np.ndarray, percent: np.ndarray) -> np.ndarray:
    """Highest loading [%] of every operating point of a batch, over both ends of all branches."""
    per_amp = percent * np.sqrt(3.0) * BASE_V / BASE_VA
    at_ends = (branches["i_from"] * per_amp[:, 0], branches["i_to"] * per_amp[:, 1])
    return np.maximum(at_ends[0].max(axis=1), at_ends[1].max(axis=1))


def headroom_kw(
    grid: PgmGrid, nodes: np.ndarray, limits: Limits, *, percent: np.ndarray, tan_phi: float, cap_kw: int
) -> np.ndarray:
    """Headroom of many nodes by bisection in step: every round is one batch of those not yet known."""
    model = grid.model()
    held, broken = (np.zeros(len(nodes), dtype=int) for _ in range(2))
    while len(open_nodes := np.flatnonzero((held < cap_kw) & (broken - held != 1))):
        tried = np.array([next_kw(held[n], broken[n], cap_kw) for n in open_nodes])
        holds = _hold(model, grid, nodes[open_nodes], tried, limits, percent, tan_phi)
        held[open_nodes[holds]] = tried[holds]
        broken[open_nodes[~holds]] = tried[~holds]
    return held


def _hold(
    model: pgm.PowerGridModel,
    grid: PgmGrid,
    nodes: np.ndarray,
    addition_kw: np.ndarray,
    limits: Limits,
    percent: np.ndarray,
    tan_phi: float,
) -> np.ndarray:
    """Whether every limit holds with each addition alone; where there is no solution, none does."""
    own = grid.tables["sym_load"]
    rows = pgm.initialize_array(pgm.DatasetType.update, pgm.ComponentType.sym_load, (len(nodes), 1))
    rows["id"] = grid.first_load + nodes[:, None]
    rows["p_specified"] = (own["p_specified"][nodes] + 1e3 * addition_kw)[:, None]
    rows["q_specified"] = (own["q_specified"][nodes] + 1e3 * addition_kw * tan_phi)[:, None]
    figures = {"node": ["u_pu"], "generic_branch": ["i_from", "i_to"]}
    solved = batch(model, {"sym_load": rows}, pgm.CalculationMethod.iterative_current, figures)
    lowest, highest = solved["node"]["u_pu"].min(axis=1), highest_percent(solved["generic_branch"], percent)
    holds = (lowest >= limits.vm_min_pu) & (highest <= limits.loading_percent)
    if model.batch_error is not None:
        holds[model.batch_error.failed_scenarios] = False
    return np.asarray(holds)


def _loads(bus: np.ndarray, first: int) -> np.ndarray:
    return table_of(
        "sym_load",
        first + np.arange(len(bus)),
        node=np.arange(len(bus)),
        status=1,
        type=pgm.LoadGenType.const_power,
        p_specified=1e6 * bus[:, PD],
        q_specified=1e6 * bus[:, QD],
    )
