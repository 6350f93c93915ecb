"""Headroom by the path method on the grids others ship: plain pandapower, and solves of the whole grid."""

from __future__ import annotations

import numpy as np
import pytest

from gridmodel.engine.answers import CAPPED, OK, UNDETERMINED
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.proof import blocking, prove
from tests.gridmodel.engine.questions import GENERATION, LOAD, PlainPandapower, Question, bounds_of, question
from tests.reference_grids import needs_simbench, reference_net

PACKAGED = (
    "case33bw", "cigre_lv", "cigre_mv_pv_wind", "mv_oberrhein_load", "mv_oberrhein_generation",
    "kerber_dorfnetz", "kerber_landnetz_freileitung_1", "kerber_vorstadtnetz_kabel_1",
)  # fmt: skip
SIMBENCH = (
    "1-LV-rural1--0-sw", "1-LV-semiurb4--2-sw", "1-LV-urban6--2-sw", "1-MV-rural--0-sw", "1-MV-urban--0-sw",
    "1-MVLV-urban-5.303-0-sw",
)  # fmt: skip
GRIDS = [*PACKAGED, *(pytest.param(name, marks=needs_simbench) for name in SIMBENCH)]


@pytest.mark.parametrize("addition", [LOAD, GENERATION], ids=["load", "generation"])
@pytest.mark.parametrize("grid", GRIDS)
def test_plain_pandapower_holds_at_the_answer_and_not_at_one_kw_more(grid: str, addition: complex) -> None:
    net = reference_net(grid)
    asked = question(net, bounds_of(net, 0.9, 1.11, 120.0), addition, load_factor=0.6, generation_factor=0.5)
    found, plain = asked.answers(), PlainPandapower(asked)
    known = np.flatnonzero(found.status == OK)
    for bus in np.random.default_rng(3).choice(known, 3, replace=False):
        kw = int(found.headroom_kw[bus])
        assert plain.holds(bus, kw) and not plain.holds(bus, kw + 1)


@pytest.mark.parametrize("addition", [LOAD, GENERATION], ids=["load", "generation"])
@pytest.mark.parametrize("grid", ["case33bw", "cigre_lv", "cigre_mv_pv_wind", "kerber_dorfnetz"])
def test_answers_are_those_of_a_bisection_on_plain_pandapower(grid: str, addition: complex) -> None:
    net = reference_net(grid)
    asked = question(net, bounds_of(net, 0.9, 1.11, 120.0), addition, load_factor=0.6, generation_factor=0.5)
    found, plain = asked.answers(), PlainPandapower(asked)
    for bus in np.random.default_rng(4).choice(np.flatnonzero(found.status == OK), 2, replace=False):
        assert found.headroom_kw[bus] == plain.headroom_kw(bus)


@pytest.mark.parametrize("addition", [LOAD, GENERATION], ids=["load", "generation"])
@pytest.mark.parametrize("grid", GRIDS)
def test_answers_hold_and_one_kw_more_breaks_the_limit_named_in_whole_grid_solves(
    grid: str, addition: complex
) -> None:
    """Light and heavy, with and without generation, limits of EN 50160 and tight ones broken before."""
    net = reference_net(grid)
    statuses = set()
    for load_factor, generation_factor in ((1.0, 0.0), (0.2, 1.2), (1.25, 0.3)):
        for band in ((0.9, 1.1, 100.0), (0.95, 1.05, 50.0), (0.975, 1.02, 40.0, 0.02)):
            asked = question(
                net, bounds_of(net, *band), addition,
                load_factor=load_factor, generation_factor=generation_factor,
            )  # fmt: skip
            found = asked.answers()
            proof = prove(asked.whole, asked.buses, found, per_kw_pu=asked.per_kw_pu, sample=12)
            assert proof.failed == 0, (load_factor, generation_factor, band, proof)
            for bus in proof.tried[:4]:
                one_more = asked.per_kw_pu * (found.headroom_kw[bus] + 1)
                if found.status[bus] != CAPPED:
                    assert found.limit[bus] in blocking(asked.whole, bus, one_more)
            statuses |= set(found.status[asked.grid.bus_row >= 0])
    assert OK in statuses and UNDETERMINED not in statuses


@pytest.mark.parametrize("grid", ["case33bw", "cigre_lv", "cigre_mv_pv_wind", "kerber_dorfnetz"])
def test_answers_are_right_for_random_loads_limits_and_power_factors(grid: str) -> None:
    """Limits close to what is, many of them broken before, some missing; every other case generation."""
    net, random = reference_net(grid), np.random.default_rng(11)
    for case in range(40):
        asked = question(
            net, bounds_of(net, 0.9, 1.1, 100.0), random_addition(random, case),
            load_factor=random.choice([0.2, 0.8, 1.5]) * random.uniform(0.0, 2.0, len(net.load)),
            generation_factor=random.choice([0.0, 1.0]),
        )  # fmt: skip
        asked = asked._replace(bounds=random_bounds(asked, random))
        found = asked.answers()
        proof = prove(asked.whole, asked.buses, found, per_kw_pu=asked.per_kw_pu, sample=15, seed=case)
        assert proof.failed == 0, (case, proof)


def random_addition(random: np.random.Generator, case: int) -> complex:
    """A kW at a power factor over 0.8, inductive or capacitive."""
    sign = 1.0 if case % 2 else -1.0
    return sign * (1.0 + 1j * random.choice([-1.0, 1.0]) * np.tan(np.arccos(random.uniform(0.8, 1.0))))


def random_bounds(asked: Question, random: np.random.Generator) -> Bounds:
    """Limits about the state there is: voltages within 0.08 pu, loadings from a half to twice."""
    buses, known = len(asked.net.bus), asked.grid.bus_row >= 0
    now = np.where(known, np.abs(asked.voltage_pu)[asked.grid.bus_row], 1.0)
    return Bounds(
        np.where(random.random(buses) < 0.1, np.nan, now - random.uniform(-0.003, 0.08, buses)),
        now + random.uniform(-0.003, 0.08, buses),
        np.full(buses, -1),
        random.uniform(10.0, 150.0, len(asked.net.line)),
        random.uniform(20.0, 150.0, len(asked.net.trafo)),
        np.where(random.random(buses) < 0.3, random.uniform(0.005, 0.05, buses), np.inf),
    )
