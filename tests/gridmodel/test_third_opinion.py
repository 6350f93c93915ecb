"""An independent engine agrees: power-grid-model on the same branches, from the imported demo area."""

from __future__ import annotations

import numpy as np
import pytest
from pandapower.pypower.idx_brch import BR_B, BR_G, BR_R, BR_STATUS, BR_X, F_BUS, SHIFT, T_BUS, TAP
from pandapower.pypower.idx_bus import BS, GS, PD, QD

from gridmodel import GridModel, Scenario
from gridmodel.loadflow import apply_scenario, solve

pgm = pytest.importorskip("power_grid_model", reason="power-grid-model is a library of tests only")

# A source as stiff as pandapower's slack; below 1e16 its own impedance shows.
STIFF_VA = 1e18
BASE_KV = 1.0  # everything in per unit of one voltage; the ratios stand in the branches
BASE_VA = 1e6


def third_opinion(model: GridModel) -> np.ndarray:
    """Voltage per internal bus [pu] by power-grid-model, from pandapower's branches."""
    inner = model.net._ppc["internal"]
    bus, branch = inner["bus"].real, inner["branch"]
    rows = {
        "node": _nodes(len(bus)),
        "generic_branch": _branches(branch, first=len(bus)),
        "sym_load": _loads(bus, first=len(bus) + len(branch)),
        "source": _sources(inner, first=2 * len(bus) + len(branch)),
    }
    shunts = np.flatnonzero((bus[:, GS] != 0.0) | (bus[:, BS] != 0.0))
    assert not len(shunts), "the demo area has no shunts"
    solved = pgm.PowerGridModel({pgm.ComponentType[name]: table for name, table in rows.items()})
    result = solved.calculate_power_flow(
        calculation_method=pgm.CalculationMethod.newton_raphson, error_tolerance=1e-11, max_iterations=30
    )
    return np.asarray(result[pgm.ComponentType.node]["u_pu"])


def _rows(kind: str, ids: np.ndarray, **columns: object) -> np.ndarray:
    table = pgm.initialize_array(pgm.DatasetType.input, pgm.ComponentType[kind], len(ids))
    for name, values in {"id": ids, **columns}.items():
        table[name] = values
    return np.asarray(table)


def _nodes(count: int) -> np.ndarray:
    return _rows("node", np.arange(count), u_rated=1e3 * BASE_KV)


def _branches(branch: np.ndarray, first: int) -> np.ndarray:
    plain = np.real(branch)
    assert (plain[:, BR_STATUS] == 1.0).all()
    ohm = (1e3 * BASE_KV) ** 2 / BASE_VA
    return _rows(
        "generic_branch",
        first + np.arange(len(branch)),
        from_node=plain[:, F_BUS].astype(int),
        to_node=plain[:, T_BUS].astype(int),
        from_status=1,
        to_status=1,
        r1=plain[:, BR_R] * ohm,
        x1=plain[:, BR_X] * ohm,
        g1=plain[:, BR_G] / ohm,
        b1=plain[:, BR_B] / ohm,
        k=np.where(plain[:, TAP] == 0.0, 1.0, plain[:, TAP]),
        theta=np.deg2rad(plain[:, SHIFT]),
        sn=BASE_VA,
    )


def _loads(bus: np.ndarray, first: int) -> np.ndarray:
    return _rows(
        "sym_load",
        first + np.arange(len(bus)),
        node=np.arange(len(bus)),
        status=1,
        type=pgm.LoadGenType.const_power,
        p_specified=bus[:, PD] * BASE_VA,
        q_specified=bus[:, QD] * BASE_VA,
    )


def _sources(inner: dict[str, np.ndarray], first: int) -> np.ndarray:
    at = inner["ref"]
    return _rows(
        "source",
        first + np.arange(len(at)),
        node=at,
        status=1,
        u_ref=np.abs(inner["V"][at]),
        u_ref_angle=np.angle(inner["V"][at]),
        sk=STIFF_VA,
        rx_ratio=0.1,
    )


@pytest.mark.parametrize(
    "scenario",
    [Scenario(), Scenario("feed_in", load_factor=0.1, generation_factor=0.85)],
    ids=lambda scenario: scenario.scenario_id,
)
def test_power_grid_model_agrees_on_the_demo_area(demo_model: GridModel, scenario: Scenario) -> None:
    apply_scenario(demo_model, scenario)
    assert solve(demo_model.net)
    ours = np.abs(demo_model.net._ppc["internal"]["V"])
    np.testing.assert_allclose(third_opinion(demo_model), ours, rtol=0, atol=1e-6)
    assert ours.max() - ours.min() > 0.01  # there is something to agree on
    apply_scenario(demo_model, Scenario())
