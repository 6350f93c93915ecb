"""Operating points by the engine: every figure is pandapower's, case by case, on every kind of grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gridmodel import KEEP_ALL, GridModel, Scenario
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.of_model import compiled
from gridmodel.engine.outcomes import solve_in_batches
from gridmodel.outcome import Outcome, places_of
from gridmodel.points import Points, points_of_scenario
from gridmodel.pointwise import solve_one_by_one
from tests.gridmodel.zoo import GRIDS, assert_same_outcome, model_of

# Bands the tests count against [pu]: narrow, so that every side of them is broken somewhere.
BELOW, ABOVE = 0.02, 0.005


def random_points(model: GridModel, count: int, seed: int = 0) -> Points:
    """Profiles on most elements, separate ones for reactive power, and additions here and there."""
    drawn = np.random.default_rng(seed)
    loads, generators, buses = (len(model.network.table(table)) for table in ("loads", "generators", "buses"))
    power = drawn.uniform(-10.0, 25.0, 3 * count) + 1j * drawn.uniform(-5.0, 8.0, 3 * count)
    return dataclasses.replace(
        points_of_scenario(model, Scenario(load_factor=0.8, generation_factor=0.9), count),
        load_p_profile=drawn.integers(-1, 3, loads),
        load_q_profile=drawn.integers(-1, 3, loads),
        generator_profile=drawn.integers(-1, 3, generators),
        profiles=drawn.uniform(0.2, 1.3, (count, 3)),
        added_point=drawn.integers(0, max(count, 1), 3 * count),
        added_bus=drawn.integers(0, buses, 3 * count),
        added_kva=power,
    )


def tight_bounds(model: GridModel) -> Bounds:
    """A narrow band: half of the buses count from the first bus, the others from the nominal voltage."""
    buses, network = len(model.network.buses), model.network
    reference = np.where(np.arange(buses) % 2 == 0, -1, 0)
    nominal = np.where(reference < 0, 1.0, 0.0)
    return Bounds(
        vm_min_pu=nominal - BELOW,
        vm_max_pu=nominal + ABOVE,
        reference=reference,
        line_percent=np.full(len(network.lines), 20.0),
        transformer_percent=np.full(len(network.transformers), 12.0),
        change_pu=np.full(buses, 0.03),
    )


def both(model: GridModel, points: Points, bounds: Bounds | None) -> tuple[Outcome, Outcome]:
    kept = places_of(model, KEEP_ALL)
    grid = compiled(model)
    return (
        solve_in_batches(model, grid, points, bounds=bounds, kept=kept, per_element=True),
        solve_one_by_one(
            model, points, bounds=bounds, kept=kept, per_element=True, why="it is the reference"
        ),
    )


@pytest.mark.parametrize("grid", GRIDS)
def test_every_figure_is_pandapowers(grid: str) -> None:
    model = model_of(grid)
    ours, theirs = both(model, random_points(model, 20), tight_bounds(model))
    assert ours.converged.all()
    assert_same_outcome(ours, theirs)


def test_the_tight_bounds_are_broken_on_every_side() -> None:
    """Else the counts compared above would all be zero."""
    broken = sum(
        both(model_of(grid), random_points(model_of(grid), 20), tight_bounds(model_of(grid)))[0].broken.sum(0)
        for grid in ("station", "sources")
    )
    assert (np.asarray(broken) > 0).all()


def test_nothing_is_broken_without_bounds() -> None:
    model = model_of("station")
    ours, theirs = both(model, random_points(model, 3), None)
    assert not ours.broken.any()
    assert_same_outcome(ours, theirs)


def test_what_is_drawn_where_there_is_no_supply_is_unserved() -> None:
    model = model_of("oddities")
    ours, _ = both(model, random_points(model, 5), None)
    dead = ~ours.supplied
    assert model.network.buses.index[dead].tolist() == ["F", "X", "Y", "Z"]
    assert (ours.unserved_kw > 0).any() and ours.buses is not None
    assert np.isnan(ours.buses.vm_min.value[dead]).all() and (ours.buses.vm_min.place[dead] == -1).all()


def test_a_point_near_the_largest_load_is_solved_where_the_sweeps_give_up() -> None:
    """At nine tenths and more of what the grid carries; pandapower solves the same points."""
    model = model_of("station")
    largest = _largest_factor(model)
    shares = np.array([0.2, 0.9, 0.95, 0.99, 0.999, 1.001, 1.1, 5.0])
    points = dataclasses.replace(
        points_of_scenario(model, Scenario(), len(shares)),
        load_p_profile=np.zeros(2, dtype=np.int64),
        load_q_profile=np.zeros(2, dtype=np.int64),
        profiles=largest * shares[:, None],
    )
    ours, theirs = both(model, points, None)
    assert ours.converged.tolist() == [True] * 5 + [False] * 3
    assert (model.network.buses.index[ours.weakest_bus[5:]] == "E").all()
    assert (ours.served_kw[5:] == 0).all() and np.isnan(ours.loss_kw[5:]).all()
    assert_same_outcome(ours, theirs)


def _largest_factor(model: GridModel) -> float:
    """By bisection over pandapower's own solutions, within 1e-5."""
    low, high = 1.0, 100.0
    while high / low > 1.00001:
        middle = (low * high) ** 0.5
        points = points_of_scenario(model, Scenario(load_factor=middle), 1)
        solved = solve_one_by_one(
            model, points, bounds=None, kept=places_of(model, None), per_element=False, why="it is asked"
        )
        low, high = (middle, high) if solved.converged[0] else (low, middle)
    return low
