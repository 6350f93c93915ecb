"""What must hold for any radial or meshed grid, whoever solves it; the engine, on grids drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandapower
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmodel.engine.compiled import compile_grid
from gridmodel.engine.kernels import CONVERGED
from tests.engine_checks import Points, own_point, solve_points
from tests.random_grids import C_NF, KV, MAX_KA, R_OHM, X_OHM, Grid, built, grids

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

MANY = settings(max_examples=25, deadline=None)
SAME_PU = 1e-9
# Rounding of a short line's admittance is worth this much where nothing flows.
WATT_MW = 1e-6


class Answer(NamedTuple):
    """Voltages by bus [pu], loadings by line [%], losses and power of the sources [MW, MVA]."""

    vm_pu: np.ndarray
    percent: np.ndarray
    loss_mw: float
    source_mva: complex


def answer(net: pandapowerNet) -> Answer:
    grid, own = compile_grid(net), own_point(net)
    batch = solve_points(grid, own, about=own)
    assert batch.outcome[0] == CONVERGED
    percent = np.zeros(len(net.line))
    lines = grid.branches.kind == 0
    percent[grid.branches.position[lines]] = batch.percent[0, lines]
    return Answer(
        batch.vm_pu[0][grid.bus_row],
        percent,
        float(batch.figures.loss[0]) * grid.sn_mva,
        complex(batch.figures.source[0]) * grid.sn_mva,
    )


def assert_same(one: Answer, other: Answer) -> None:
    np.testing.assert_allclose(one.vm_pu, other.vm_pu, rtol=0, atol=SAME_PU)
    np.testing.assert_allclose(one.percent, other.percent, rtol=0, atol=1e-6)
    assert one.loss_mw == pytest.approx(other.loss_mw, rel=1e-7, abs=WATT_MW)
    assert one.source_mva == pytest.approx(other.source_mva, rel=1e-7, abs=WATT_MW)


def test_a_line_by_hand() -> None:
    """One load behind one line: V^4 - (V0^2 - 2 (rp + xq)) V^2 + (r^2 + x^2)(p^2 + q^2) = 0 [pu of 1 MVA]."""
    net = built(Grid([0], [5.0], [3.0], [1.0]))
    r, x = (per_km * 5.0 / KV**2 for per_km in (R_OHM, X_OHM))
    half = (1.02**2 - 2.0 * (r * 3.0 + x * 1.0)) / 2.0
    square = half + np.sqrt(half**2 - (r**2 + x**2) * (3.0**2 + 1.0**2))
    current_square = (3.0**2 + 1.0**2) / square
    found = answer(net)
    assert found.vm_pu[1] == pytest.approx(np.sqrt(square), abs=1e-12)
    assert found.loss_mw == pytest.approx(r * current_square, rel=1e-10)
    assert found.source_mva == pytest.approx(3.0 + 1.0j + (r + 1j * x) * current_square, rel=1e-10)
    amps = np.sqrt(current_square) / (np.sqrt(3.0) * KV)
    assert found.percent[0] == pytest.approx(100.0 * amps / MAX_KA, rel=1e-10)


def test_the_most_a_line_carries_by_hand() -> None:
    """The root above is real up to p where the two solutions meet; a scenario beyond has none."""
    net = built(Grid([0], [5.0], [1.0], [0.0]))
    r, x = (per_km * 5.0 / KV**2 for per_km in (R_OHM, X_OHM))
    most_mw = 1.02**2 / (2.0 * (r + np.hypot(r, x)))
    factors = most_mw * np.array([0.5, 0.95, 0.9999, 1.0001, 1.1, 3.0])[:, None]
    grid = compile_grid(net)
    batch = solve_points(grid, Points(factors, np.zeros((6, 0))), about=own_point(net))
    np.testing.assert_array_equal(batch.converged, [True, True, True, False, False, False])


@MANY
@given(grids())
def test_what_sources_feed_is_drawn_or_lost(grid: Grid) -> None:
    net = built(grid)
    found = answer(net)
    assert found.source_mva.real == pytest.approx(sum(grid.p_mw) + found.loss_mw, rel=1e-8, abs=1e-9)


@MANY
@given(grids(), st.data())
def test_more_load_lowers_every_voltage_and_loses_more(grid: Grid, data: st.DataObject) -> None:
    """Radial, lines without charging, loads only: V_to falls with what flows, for a given V_from."""
    bus, more = data.draw(st.integers(0, grid.size - 1)), data.draw(st.floats(0.01, 1.0))
    p_mw = [p + more * (at == bus) for at, p in enumerate(grid.p_mw)]
    before, after = answer(built(grid)), answer(built(grid._replace(p_mw=p_mw)))
    assert (after.vm_pu <= before.vm_pu + 1e-12).all()
    assert after.vm_pu[bus + 1] < before.vm_pu[bus + 1]
    assert (after.percent >= before.percent - 1e-7).all()
    assert after.loss_mw > before.loss_mw
    assert after.source_mva.real > before.source_mva.real + more


@MANY
@given(grids(least=2), st.data())
def test_names_and_order_do_not_matter(grid: Grid, data: st.DataObject) -> None:
    bus = data.draw(st.permutations(range(grid.size + 1)))
    line = data.draw(st.permutations(range(grid.size)))
    net = built(grid, c_nf=C_NF)
    renamed = built(grid, c_nf=C_NF)
    pandapower.toolbox.reindex_buses(renamed, {old: 10 + 3 * new for old, new in enumerate(bus)})
    pandapower.toolbox.reindex_elements(renamed, "line", [5 + 2 * new for new in line], range(grid.size))
    for table in ("bus", "line", "load"):
        renamed[table] = renamed[table].sort_index()
    renamed.load = renamed.load.iloc[::-1]
    before, after = answer(net), answer(renamed)
    order_of_bus = np.argsort(np.argsort(bus))
    assert_same(before, after._replace(vm_pu=after.vm_pu[order_of_bus], percent=after.percent[list(line)]))


@MANY
@given(grids(), st.data())
def test_a_closed_switch_of_no_length_changes_nothing(grid: Grid, data: st.DataObject) -> None:
    """A bus is cut in two, its load and a line moved to the other half, a closed coupler between them."""
    bus = data.draw(st.integers(1, grid.size))
    before, net = answer(built(grid, c_nf=C_NF)), built(grid, c_nf=C_NF)
    half = pandapower.create_bus(net, KV)
    pandapower.create_switch(net, bus, half, et="b", closed=True)
    net.load.loc[net.load["bus"] == bus, "bus"] = half
    net.line.loc[net.line["from_bus"] == bus, "from_bus"] = half
    after = answer(net)
    assert after.vm_pu[half] == after.vm_pu[bus]
    assert_same(before, after._replace(vm_pu=after.vm_pu[:half]))


@MANY
@given(grids(), st.data())
def test_a_closed_switch_in_a_line_changes_nothing(grid: Grid, data: st.DataObject) -> None:
    line = data.draw(st.integers(0, grid.size - 1))
    net = built(grid, c_nf=C_NF)
    before = answer(net)
    pandapower.create_switch(net, net.line["to_bus"].iloc[line], line, et="l", closed=True)
    assert_same(before, answer(net))


@MANY
@given(grids(), st.data())
def test_a_line_in_two_pieces_is_the_line(grid: Grid, data: st.DataObject) -> None:
    """Without charging; with it the pieces are closer to the long line than one pi is."""
    line, share = data.draw(st.integers(0, grid.size - 1)), data.draw(st.floats(0.05, 0.95))
    before, net = answer(built(grid)), built(grid)
    joint = pandapower.create_bus(net, KV)
    far, length_km = net.line["to_bus"].iloc[line], net.line["length_km"].iloc[line]
    net.line.loc[line, ["to_bus", "length_km"]] = [joint, share * length_km]
    net.line["to_bus"] = net.line["to_bus"].astype("uint32")
    pandapower.create_line_from_parameters(
        net, joint, far, (1.0 - share) * length_km, R_OHM, X_OHM, 0.0, MAX_KA
    )
    after = answer(net)
    assert after.percent[-1] == pytest.approx(after.percent[line], abs=1e-6)
    assert_same(before, after._replace(vm_pu=after.vm_pu[:joint], percent=after.percent[:-1]))


@MANY
@given(grids())
def test_twin_feeders_answer_alike(grid: Grid) -> None:
    """The same tree twice from one busbar: twins are equal, and each equals the tree alone."""
    shift = grid.size
    both = Grid(
        grid.parents + [parent + shift * (parent > 0) for parent in grid.parents],
        *(values * 2 for values in grid[1:]),
    )
    alone, found = answer(built(grid, c_nf=C_NF)), answer(built(both, c_nf=C_NF))
    twins = np.concatenate([[0], np.arange(shift) + 1 + shift])
    assert_same(alone, Answer(found.vm_pu[: shift + 1], found.percent[:shift], *_half(found)))
    assert_same(alone, Answer(found.vm_pu[twins], found.percent[shift:], *_half(found)))


def _half(found: Answer) -> tuple[float, complex]:
    return found.loss_mw / 2.0, found.source_mva / 2.0


@MANY
@given(grids(), st.floats(0.9, 1.1))
def test_loads_of_constant_impedance_follow_the_source(grid: Grid, lift: float) -> None:
    """The grid is linear then: voltages in proportion, powers with the square."""
    before, after = built(grid, c_nf=C_NF), built(grid, c_nf=C_NF, vm_pu=1.02 * lift)
    for net in (before, after):
        net.load[["const_z_p_percent", "const_z_q_percent"]] = 100.0
    first, then = answer(before), answer(after)
    np.testing.assert_allclose(then.vm_pu, lift * first.vm_pu, rtol=0, atol=SAME_PU)
    assert then.loss_mw == pytest.approx(lift**2 * first.loss_mw, rel=1e-7, abs=WATT_MW)
    assert then.source_mva == pytest.approx(lift**2 * first.source_mva, rel=1e-7, abs=WATT_MW)


@MANY
@given(grids(), st.floats(0.2, 5.0))
def test_shorter_lines_carry_more_in_proportion(grid: Grid, scale: float) -> None:
    """All powers times k and all lengths by k: the same voltages, k times the power."""
    scaled = Grid(
        grid.parents,
        [length / scale for length in grid.length_km],
        *([scale * power for power in powers] for powers in grid[2:]),
    )
    first, then = answer(built(grid)), answer(built(scaled))
    assert_same(
        first, Answer(then.vm_pu, then.percent / scale, then.loss_mw / scale, then.source_mva / scale)
    )


@MANY
@given(grids(least=2), st.floats(0.5, 6.0))
def test_a_ring_carries_no_less_than_either_way_alone(grid: Grid, length_km: float) -> None:
    """Without charging: the lowest voltage of a ring is no lower than with its tie open, losses no higher."""
    net = built(grid)
    pandapower.create_line_from_parameters(net, 0, grid.size, length_km, R_OHM, X_OHM, 0.0, MAX_KA)
    pandapower.create_switch(net, grid.size, grid.size, et="l", closed=False)
    opened = answer(net)
    assert_same(answer(built(grid)), opened._replace(percent=opened.percent[:-1]))
    net.switch["closed"] = True
    ring = answer(net)
    assert ring.loss_mw <= opened.loss_mw + 1e-12
    assert ring.vm_pu.min() >= opened.vm_pu.min() - 1e-12
