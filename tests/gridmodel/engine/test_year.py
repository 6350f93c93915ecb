"""Headroom over many hours: equal to asking every hour alone, in every block, whatever is left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from capacity.bounds import bounds_of
from capacity.demand.coincidence import Rusck, coincident_demand
from capacity.demand.customers import CUSTOMER_COLUMNS
from gis import Network
from gis.feeders import trace_supply
from gridmodel import GridModel, build_model, find_scenario
from gridmodel.demand_model import network_with_demand
from gridmodel.engine.answers import UNDETERMINED
from gridmodel.engine.batch import steady, with_profiles
from gridmodel.engine.of_model import compiled
from gridmodel.engine.of_profiles import hourly_injections, injection_of_hour
from gridmodel.engine.wide import wide_headroom
from gridmodel.engine.year import YearQuestion, hours_in_turn, year_headroom
from gridmodel.profile_set import ProfileSet
from tests.capacity.grids import STATION_BUSES, grid, station, yardstick_of

PV = (("P1", "A2", 60.0), ("P2", "C1", 25.0))
PER_KW = {"load": -(1.0 + 0.3286841j) / 1e3, "generation": 1.0 / 1e3}


def _question(
    model: GridModel, factors: np.ndarray, blocks: np.ndarray, direction: str = "load", cap_kw: int = 3000
) -> YearQuestion:
    """Every load and generator follows a column of its own."""
    grid = compiled(model)
    bounds = bounds_of(yardstick_of(model.network))
    row = np.concatenate([grid.load_row, grid.generator_row])
    power = np.concatenate([-grid.load_pu, grid.generator_pu])
    injections = with_profiles(steady(grid.fixed_pu, len(factors)), row, power, np.arange(len(row)), factors)
    buses = np.arange(len(model.network.buses))
    free = dataclasses.replace(bounds, change_pu=np.full(len(buses), np.inf))
    return YearQuestion(grid, injections, free, buses, PER_KW[direction] / grid.sn_mva, cap_kw, blocks)


def _by_brute_force(question: YearQuestion) -> np.ndarray:
    """Blocks x buses, by the general method in every hour alone."""
    least = np.full((question.block_of_hour.max() + 1, len(question.buses)), question.cap_kw)
    for hour, block in enumerate(question.block_of_hour):
        found = wide_headroom(
            question.grid, injection_of_hour(question.injections, hour), question.bounds, question.buses,
            per_kw_pu=question.per_kw_pu, cap_kw=question.cap_kw, threads=1,
        )  # fmt: skip
        least[block] = np.minimum(least[block], found.headroom_kw)
    return least


def _random(network: Network, hours: int, seed: int) -> np.ndarray:
    count = len(network.loads) + len(network.generators)
    return np.random.default_rng(seed).uniform(0.0, 1.3, (hours, count))


@pytest.mark.parametrize("direction", ["load", "generation"])
@pytest.mark.parametrize("every_hour", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_brute_force_with_random_profiles(direction: str, every_hour: bool, seed: int) -> None:
    network = station(a2_kw=60.0, generators=PV, source_pu=1.03)
    question = _question(build_model(network), _random(network, 60, seed), np.arange(60) % 3, direction)
    found = year_headroom(dataclasses.replace(question, every_hour=every_hour), threads=2)
    assert found.method == "path"
    assert np.array_equal(found.headroom_kw, _by_brute_force(question))


RING_LINES = (
    ("K1", "M1", "M2", 1000.0), ("L1", "B1", "A1", 100.0), ("L2", "A1", "A2", 100.0),
    ("L3", "B1", "C1", 200.0), ("L4", "A1", "C1", 150.0),
)  # fmt: skip


def test_buses_on_a_ring_are_served_by_whole_grid_solves() -> None:
    """A1 and C1 joined by a further line: the two feeders close a ring."""
    loads = [("home-A2", "A2", 60.0, 6), ("home-C1", "C1", 10.0, 3)]
    network = grid(STATION_BUSES, RING_LINES, transformers=[("T1", "M2", "B1")], loads=loads)
    question = _question(build_model(network), _random(network, 8, 5), np.arange(8) % 2)
    found = year_headroom(question, threads=1)
    assert found.method == "path, and whole grid at 3 buses behind loops"
    assert np.array_equal(found.headroom_kw, _by_brute_force(question))


def test_the_hour_named_is_one_that_binds() -> None:
    network = station(a2_kw=60.0)
    question = _question(build_model(network), _random(network, 30, 7), np.zeros(30, dtype=np.int64))
    found = year_headroom(question)
    for bus in np.flatnonzero(found.hour[0] >= 0):
        alone = dataclasses.replace(
            question, block_of_hour=np.where(np.arange(30) == found.hour[0, bus], 0, -1)
        )
        assert year_headroom(alone).headroom_kw[0, bus] == found.headroom_kw[0, bus]


def test_another_hour_never_raises_headroom() -> None:
    network = station(a2_kw=60.0, generators=PV)
    factors = _random(network, 24, 11)
    before = None
    for hours in (6, 12, 24):
        blocks = np.where(np.arange(24) < hours, 0, -1)
        found = year_headroom(_question(build_model(network), factors, blocks)).headroom_kw[0]
        assert before is None or (found <= before).all()
        before = found


def test_equal_and_outweighed_hours_are_left_out() -> None:
    """Hours 0 and 3 are equal, 1 is lighter at every load, 2 heavier at one and lighter at another."""
    network = station()
    factors = np.array([[1.0, 0.5, 0.8], [0.9, 0.5, 0.7], [0.2, 1.0, 0.1], [1.0, 0.5, 0.8]])[
        :, : len(network.loads)
    ]
    question = _question(build_model(network), factors, np.zeros(4, dtype=np.int64))
    assert sorted(hours_in_turn(question)[0]) == [0, 1, 2]
    assert year_headroom(question).hours_solved == 2
    assert year_headroom(dataclasses.replace(question, every_hour=True)).hours_solved == 3


def test_no_hour_outweighs_another_for_generation() -> None:
    """More sun elsewhere raises the voltage, by which a line carries more."""
    network = station(generators=PV[:1])
    light, heavy = [0.2] * len(network.loads), [0.9] * len(network.loads)
    factors = np.array([[*heavy, 0.4], [*light, 0.9], [*heavy, 1.0]])
    question = _question(build_model(network), factors, np.zeros(3, dtype=np.int64), "generation")
    assert year_headroom(question).hours_solved == 3


def test_an_hour_without_a_solution_is_named_and_its_block_undetermined() -> None:
    network = station()
    factors = np.full((4, len(network.loads)), 0.5)
    factors[2] = 200.0
    question = _question(build_model(network), factors, np.array([0, 0, 1, 1]))
    found = year_headroom(question)
    assert list(found.unsolved) == [2]
    assert (found.status[1] == UNDETERMINED).all() and (found.status[0] != UNDETERMINED).any()


def test_threads_change_nothing() -> None:
    network = station(a2_kw=60.0, generators=PV)
    question = _question(build_model(network), _random(network, 40, 4), np.arange(40) % 5)
    one, two = (year_headroom(question, threads=threads) for threads in (1, 2))
    for name in ("headroom_kw", "status", "limit", "hour"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


def test_an_hour_with_a_broken_limit_outweighs_none() -> None:
    """A2 breaks L1 in the first hour, and C1 takes no part; in the lighter second one L1 just holds.

    In the second hour what C1 draws lowers the voltage a little, and L1's current is over its rating at once.
    """
    network = station(a2_kw=180.0, c1_kw=0.0)
    model = build_model(network)
    shares = np.linspace(0.6, 1.0, 401)
    factors = np.stack([shares * 1.0, shares, shares], axis=1)
    question = _question(model, factors, np.zeros(len(shares), dtype=np.int64))
    found = year_headroom(question)
    assert np.array_equal(found.headroom_kw, _by_brute_force(question))
    heaviest = year_headroom(_question(model, factors[-1:], np.zeros(1, dtype=np.int64)))
    c1 = list(network.buses.index).index("C1")
    assert found.headroom_kw[0, c1] < heaviest.headroom_kw[0, c1]


def _ring() -> Network:
    return grid(STATION_BUSES, RING_LINES, transformers=[("T1", "M2", "B1")])


def _diversified(network: Network, seed: int, hours: int) -> tuple[YearQuestion, np.ndarray]:
    """Homes and heat pumps with Rusck's coincidence, and sun at A2; and what each bus draws [kW].

    The diversity is a negative load at A1 and B1, where branches meet.
    """
    supply = trace_supply(network)
    rng = np.random.default_rng(seed)
    rows = [
        (f"{group}-{bus}", bus, group, count, peak_kw, 0.0, np.nan, 0.3, "placed", "")
        for group, peak_kw in (("homes", 6.0), ("heat", 4.0))
        for bus, count in (("A1", 5), ("A2", 9), ("C1", 3))
    ]
    customers = pd.DataFrame(rows, columns=list(CUSTOMER_COLUMNS))
    rusck = Rusck(g_inf=0.2, source="Rusck 1956")
    feed_kw = {"pv": np.where(network.buses.index == "A2", 60.0, 0.0)}
    demand = coincident_demand(supply, customers, {"homes": rusck, "heat": rusck}, feed_kw)
    model = build_model(network_with_demand(network, demand))
    factors = pd.DataFrame(rng.uniform(0.0, 1.1, (hours, 3)), columns=list(demand.columns))
    factors.index = pd.date_range("2025-01-01", periods=hours, freq="h", tz="UTC")
    profiles = ProfileSet(factors, {"homes": "homes", "heat": "heat"}, {"pv": "pv"})
    grid = compiled(model)
    injections = hourly_injections(model, profiles, find_scenario(model.network))
    bounds = bounds_of(yardstick_of(model.network))
    buses = np.arange(len(network.buses))
    free = dataclasses.replace(bounds, change_pu=np.full(len(buses), np.inf))
    blocks = np.arange(hours) % 2
    return (
        YearQuestion(grid, injections, free, buses, PER_KW["load"] / grid.sn_mva, 3000, blocks),
        demand.kva.real,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("make", [station, _ring], ids=["radial", "ring"])
def test_diversity_draws_on_every_branch_so_that_hours_are_left_out(
    make: Callable[[], Network], seed: int
) -> None:
    """Negative at buses where branches meet, yet no branch is fed by it: heavier hours outweigh lighter."""
    question, drawn_kw = _diversified(make(), seed, 40)
    assert (drawn_kw < 0.0).any() and (drawn_kw > 0.0).any()
    fewer = year_headroom(question)
    whole = year_headroom(dataclasses.replace(question, every_hour=True))
    assert fewer.hours_solved < whole.hours_solved / 2
    for name in ("headroom_kw", "status"):
        assert np.array_equal(getattr(fewer, name), getattr(whole, name)), name
    assert np.array_equal(fewer.headroom_kw, _by_brute_force(question))


def test_what_feeds_through_a_branch_outweighs_nothing() -> None:
    """One profile that feeds 60 kW at A2 and draws 20 and 40 kW at A1 and C1: through L1 it feeds."""
    network = station(a2_kw=60.0, c1_kw=40.0)
    grid = compiled(build_model(network))
    power = np.where(network.loads.index == "home-A2", grid.load_pu, -grid.load_pu)
    injections = with_profiles(
        steady(grid.fixed_pu, 3), grid.load_row, power, np.zeros(3, dtype=np.int64),
        np.array([[0.5], [1.0], [0.2]]),
    )  # fmt: skip
    question = dataclasses.replace(
        _question(build_model(network), np.ones((3, 3)), np.zeros(3, dtype=np.int64)), injections=injections
    )
    assert year_headroom(question).hours_solved == 3
    assert np.array_equal(year_headroom(question).headroom_kw, _by_brute_force(question))
