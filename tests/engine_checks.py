"""How far the engine is from pandapower on a net pandapower has solved.

Shared by the tests and benchmarks/prove_engine.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridmodel.engine.batch import Batch, solve_batch, steady, with_profiles
from gridmodel.engine.compiled import LINE, TRANSFORMER, CompiledGrid
from gridmodel.engine.linearised import reference_at

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

KINDS = ((LINE, "line"), (TRANSFORMER, "trafo"))
# Below this [%, MW] a share of the figure says nothing: 1e-6 of a thousandth of a rating, 1e-6 of a watt.
IDLE_PERCENT, IDLE_MW = 0.1, 1e-3


class Differences(NamedTuple):
    """Largest differences from pandapower: of voltages [pu]; of powers and loadings as a share of them."""

    vm_pu: float
    loss: float
    source: float
    line: float
    transformer: float

    @property
    def power(self) -> float:
        return max(self[1:])


def worst(differences: list[Differences]) -> Differences:
    """Largest of each; NaN where one is."""
    return Differences(*np.max(np.array(differences), axis=0))


class Points(NamedTuple):
    """Operating points of one net: factors on its loads and static generators, points x elements."""

    load: np.ndarray
    generation: np.ndarray


def own_point(net: pandapowerNet) -> Points:
    """The point the net's own scaling is."""
    return Points(*(net[table]["scaling"].to_numpy(dtype=float)[None, :] for table in ("load", "sgen")))


def random_points(net: pandapowerNet, count: int, seed: int) -> Points:
    """Every load and generator at 0.2 to 1.3 times its own scaling, each at random."""
    drawn, own = np.random.default_rng(seed), own_point(net)
    return Points(*(factors * drawn.uniform(0.2, 1.3, (count, factors.shape[1])) for factors in own))


def solve_points(grid: CompiledGrid, points: Points, about: Points) -> Batch:
    """Solve the points in one batch, every load and generator a profile of its own; reference at `about`."""
    first = grid.injection_pu(about.load[0], about.generation[0])
    rows = np.concatenate([grid.load_row, grid.generator_row])
    power = np.concatenate([-grid.load_pu, grid.generator_pu])
    injections = with_profiles(
        steady(grid.fixed_pu, len(points.load)), rows, power, np.arange(len(rows)), np.hstack(points)
    )
    return solve_batch(
        grid,
        injections,
        reference_at(grid, first),
        rows=np.arange(grid.row_count),
        branches=np.arange(len(grid.branches.kind)),
    )


def set_point(net: pandapowerNet, points: Points, number: int) -> None:
    """Bring a net to one of the points."""
    net.load["scaling"], net.sgen["scaling"] = points.load[number], points.generation[number]


def differences(net: pandapowerNet, grid: CompiledGrid, batch: Batch, number: int) -> Differences:
    """Compare one point of a batch with the net solved at it by pandapower; NaN where the engine has none."""
    source = net.res_ext_grid["p_mw"].sum() + 1j * net.res_ext_grid["q_mvar"].sum()
    loss_mw = net.res_line["pl_mw"].sum() + net.res_trafo["pl_mw"].sum()
    figures = batch.figures
    loadings = [_loading_difference(net, grid, batch.percent[number], *kind) for kind in KINDS]
    return Differences(
        _voltage_difference(net, grid, batch.vm_pu[number]),
        _share(figures.loss[number] * grid.sn_mva, loss_mw, IDLE_MW),
        _share(figures.source[number] * grid.sn_mva, source, IDLE_MW),
        *loadings,
    )


def _voltage_difference(net: pandapowerNet, grid: CompiledGrid, vm_pu: np.ndarray) -> float:
    """Largest difference at a bus [pu]; infinite where one has supply and the other has not."""
    alive, theirs = grid.bus_row >= 0, net.res_bus["vm_pu"].to_numpy()
    if (alive == np.isnan(theirs)).any():
        return np.inf
    return float(np.abs(vm_pu[grid.bus_row[alive]] - theirs[alive]).max())


def _loading_difference(
    net: pandapowerNet, grid: CompiledGrid, percent: np.ndarray, kind: int, table: str
) -> float:
    theirs, ours = net[f"res_{table}"]["loading_percent"].fillna(0.0).to_numpy(), np.zeros(len(net[table]))
    chosen = grid.branches.kind == kind
    ours[grid.branches.position[chosen]] = percent[chosen]
    return float(np.max(np.abs(ours - theirs) / np.maximum(theirs, IDLE_PERCENT), initial=0.0))


def _share(ours: complex, theirs: complex, least: float) -> float:
    return float(abs(ours - theirs) / max(abs(theirs), least))
