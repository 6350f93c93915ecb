"""What hangs below a node, told from its voltage alone, against solves with the source moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from gridmodel.engine.answers import (
    LIMIT_KINDS,
    LINE_OVERLOAD,
    OVERVOLTAGE,
    TRANSFORMER_OVERLOAD,
    UNDERVOLTAGE,
)
from gridmodel.engine.compiled import LINE
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.paths import path_grid
from gridmodel.engine.proof import whole_grid
from gridmodel.engine.subtrees import FALL, RISE, UNDER, power_at, square_of
from gridmodel.engine.tree import Tree, tree_of
from tests.gridmodel.engine.questions import LOAD, Question, bounds_of, question
from tests.reference_grids import needs_simbench, reference_net

GRIDS = ["case33bw", "cigre_lv", "kerber_dorfnetz", "mv_oberrhein_load"]


def moved(asked: Question, factor: float) -> np.ndarray:
    """Voltages with the source at a multiple of its own."""
    grid = replace(asked.grid, idle_pu=asked.grid.idle_pu * factor, pushed_pu=asked.grid.pushed_pu * factor)
    reference = reference_at(grid, asked.injection_pu)
    assert reference.outcome == CONVERGED
    return reference.voltage_pu


def drawn_below(tree: Tree, voltage_pu: np.ndarray) -> np.ndarray:
    """Complex power every row takes from the branches above it [pu]."""
    child = np.repeat(np.arange(len(tree.parent)), np.diff(tree.ports.start))
    below, above = voltage_pu[child], voltage_pu[tree.parent[child]]
    into_branch = tree.ports.admittance[:, 0] * below + tree.ports.admittance[:, 1] * above
    return -np.add.reduceat(below * np.conj(into_branch), tree.ports.start[:-1])


@pytest.mark.parametrize("mixed", [False, True], ids=["constant power", "zip"])
@pytest.mark.parametrize("grid", [*GRIDS, pytest.param("1-MV-rural--0-sw", marks=needs_simbench)])
def test_the_power_below_every_row_is_its_series_where_the_source_is_moved(grid: str, mixed: bool) -> None:
    net = reference_net(grid)
    if mixed:
        share = np.linspace(0.0, 60.0, len(net.load))
        net.load["const_z_p_percent"], net.load["const_i_p_percent"] = share, 60.0 - share
        net.load["const_z_q_percent"], net.load["const_i_q_percent"] = 60.0 - share, share
    asked = question(net, bounds_of(net, 0.9, 1.1, 100.0), LOAD)
    paths, _ = path_grid(asked.grid, asked.injection_pu, asked.voltage_pu, asked.bounds)
    tree = tree_of(asked.grid, asked.voltage_pu, asked.bounds)
    for factor, tolerance in ((1.0, 1e-10), (0.98, 1e-8), (1.02, 1e-8), (0.93, 1e-6), (1.08, 1e-6)):
        volts = moved(asked, factor)
        series = [
            power_at(paths.drawn, row, paths.square[row], square_of(volts[row]))[0]
            for row in range(len(tree.parent))
        ]
        expected = drawn_below(tree, volts)
        assert (np.abs(series - expected) <= tolerance * np.abs(expected) + 1e-11).all(), factor


@pytest.mark.parametrize("column", [FALL, RISE])
@pytest.mark.parametrize("grid", ["cigre_lv", "kerber_dorfnetz", "case33bw"])
def test_the_reach_of_a_row_is_where_the_limit_named_breaks(grid: str, column: int) -> None:
    """The source is moved until the lowest voltage above the loads is where the first limit should break."""
    net = reference_net(grid)
    asked = question(
        net, bounds_of(net, 0.88, 1.06, 140.0 if column == RISE else 90.0), LOAD, load_factor=0.7
    )
    paths, _ = path_grid(asked.grid, asked.injection_pu, asked.voltage_pu, asked.bounds)
    root = int(np.argmax(np.abs(drawn_below(tree_of(*asked[1:2], *asked[3:5]), asked.voltage_pu))))
    bound = abs(paths.score[root, column])
    span = (0.8, 1.0) if column == FALL else (1.0, 1.25)
    factor = brentq(lambda k: square_of(moved(asked, k)[root]) - bound, *span, xtol=1e-14)
    step = -1e-7 if column == FALL else 1e-7
    limit = paths.limit[root, column]
    assert limit not in broken(asked, factor - step) and limit in broken(asked, factor + step)


def broken(asked: Question, factor: float) -> np.ndarray:
    """Numbers of all limits broken with the source moved."""
    whole = whole_grid(asked.grid, asked.injection_pu, moved(asked, factor), asked.bounds)
    over = np.flatnonzero(whole.branch_before > whole.branch_limit)
    kinds = np.where(asked.grid.branches.kind[over] == LINE, LINE_OVERLOAD, TRANSFORMER_OVERLOAD)
    return np.concatenate(
        [
            np.flatnonzero(whole.too_low) * LIMIT_KINDS + UNDERVOLTAGE,
            np.flatnonzero(whole.too_high) * LIMIT_KINDS + OVERVOLTAGE,
            asked.grid.branches.position[over] * LIMIT_KINDS + kinds,
        ]
    )


def test_a_voltage_broken_before_follows_the_voltage_above_it_as_told() -> None:
    net = reference_net("case33bw")
    asked = question(net, bounds_of(net, 0.93, 1.1, 1e3), LOAD)
    paths, any_broken = path_grid(asked.grid, asked.injection_pu, asked.voltage_pu, asked.bounds)
    after, before = np.abs(moved(asked, 1.0 + 1e-5)), np.abs(moved(asked, 1.0 - 1e-5))
    bus = paths.limit[:, UNDER] // LIMIT_KINDS
    rows = np.flatnonzero(paths.score[:, UNDER] > 0)
    moves = after - before
    follows = moves[asked.grid.bus_row[bus[rows]]] / moves[rows]
    assert any_broken and len(rows) > 5
    np.testing.assert_allclose(paths.score[rows, UNDER], follows, rtol=1e-6)


def test_currents_add_up_at_every_row_of_the_tree() -> None:
    """Kirchhoff: what a row injects leaves by its branches and its shunt."""
    net = reference_net("cigre_mv_pv_wind")
    asked = question(net, bounds_of(net, 0.9, 1.1, 100.0), LOAD)
    tree, volts = tree_of(asked.grid, asked.voltage_pu, asked.bounds), asked.voltage_pu
    child = np.repeat(np.arange(len(tree.parent)), np.diff(tree.ports.start))
    above = tree.parent[child]
    y = tree.ports.admittance
    leaving = np.zeros(len(volts), dtype=complex)
    np.add.at(leaving, child, y[:, 0] * volts[child] + y[:, 1] * volts[above])
    np.add.at(leaving, above, y[:, 2] * volts[child] + y[:, 3] * volts[above])
    free = slice(0, len(tree.parent))
    injected = np.conj(asked.injection_pu[free] / volts[free])
    np.testing.assert_allclose(leaving[free] + tree.shunt_pu * volts[free], injected, atol=1e-8)
