"""eDisGo's grids as it plans them: the voltages before any measure are the ones it finds."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "02_ding0"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the ding0 grids are not here")


@pytest.fixture
def proof(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("prove_plan")


@pytest.mark.parametrize("multiple", [2.0])
def test_voltages_before_are_edisgos(proof, multiple: float) -> None:  # type: ignore[no-untyped-def]
    told = proof.BEFORE["network_1", multiple]
    assert proof.check_voltages("network_1", multiple) == pytest.approx(told, abs=6e-5)


def test_rings_are_open_at_switches_that_can_be_moved(proof) -> None:  # type: ignore[no-untyped-def]
    network = importlib.import_module("ding0_grids").ding0_grid("network_1")
    assert len(network.switches) == 2 and not network.switches["closed"].any()
    assert not network.buses.index.str.startswith("virtual").any()


def test_what_feeds_draws_reactive_power_too(proof) -> None:  # type: ignore[no-untyped-def]
    """Feed-in case of the first medium-voltage generator: 775 kW at cos phi 0.9 draws 375 kvar."""
    grids = importlib.import_module("ding0_grids")
    network = grids.ding0_grid("network_1")
    cases = grids.ding0_cases("network_1", network)
    at = network.buses.index.get_loc("Bus_Generator_1")
    assert cases.kva[:, at] == pytest.approx(np.array([0.0, -775.0 + 375.35j]), abs=0.01)


def test_standard_sizes_are_edisgos(proof) -> None:  # type: ignore[no-untyped-def]
    catalogue = importlib.import_module("ding0_grids").standard_catalogue()
    assert set(catalogue.transformers["sn_kva"]) == {630.0, 40_000.0}
    assert catalogue.lines["i_max_a"].tolist() == [270.0, 362.0, 358.0]
