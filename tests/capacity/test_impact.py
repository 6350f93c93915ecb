"""Impact of one addition: which limits speak against it, and which have nothing to do with it."""

from __future__ import annotations

import numpy as np
import pytest

from capacity.impact import additions, blocked_by, study_impact
from capacity.limits import read_limits
from gis import Network
from gridmodel import KEEP_ALL, build_model, find_scenario, run_cases
from tests.capacity.grids import station


def _impact(network: Network):  # type: ignore[no-untyped-def]
    model = build_model(network)
    return study_impact(model, find_scenario(network), read_limits())


def _blocked(network: Network, bus_id: str, p_kw: float):  # type: ignore[no-untyped-def]
    impact = _impact(network)
    cases = additions([bus_id], [p_kw], cos_phi=0.95)
    results = run_cases(impact.model, cases, impact.scenario, keep=KEEP_ALL)
    return blocked_by(impact, results, 0, bus_id, abs(p_kw) / 0.95)


def test_additions_draw_reactive_power_and_injections_none() -> None:
    cases = additions(["a", "b"], [95.0, -95.0], cos_phi=0.95)
    assert cases["p_kw"].tolist() == [95.0, -95.0]
    assert cases["q_kvar"].tolist() == [pytest.approx(np.sqrt(100.0**2 - 95.0**2)), 0.0]


def test_what_fits_is_blocked_by_nothing() -> None:
    assert _blocked(station(), "C1", 20.0).empty


def test_what_breaks_limits_names_the_worst_first_and_that_they_were_whole_before() -> None:
    found = _blocked(station(), "C1", 250.0)
    assert {"L3", "T1"} <= set(found["element_id"])
    assert found["excess_percent"].is_monotonic_decreasing
    assert not found["already"].any()


def test_a_limit_broken_on_another_feeder_does_not_speak_against_it() -> None:
    """L1 and L2 are overloaded by A2 before; C1 hangs on L3."""
    weak = station(a2_kw=170.0)
    assert {"L1"} <= set(_impact(weak).broken["element_id"])
    assert _blocked(weak, "C1", 5.0).empty


def test_a_limit_broken_before_speaks_against_what_adds_to_it() -> None:
    found = _blocked(station(a2_kw=170.0), "A1", 5.0)
    assert found[found["already"]]["element_id"].tolist() == ["L1"]


def test_a_load_at_the_source_takes_no_part_in_a_voltage_it_cannot_move() -> None:
    """M1 is held by the source; the undervoltage at A2 stays as it was."""
    weak = station(a2_kw=70.0, source_pu=0.93)
    assert "undervoltage" in set(_impact(weak).broken["check"])
    assert _blocked(weak, "M1", 100.0).empty


def test_no_addition_takes_part_in_nothing() -> None:
    assert _blocked(station(a2_kw=170.0), "A1", 0.0).empty


def test_no_solution_speaks_against_an_addition() -> None:
    found = _blocked(station(), "A2", 20_000.0)
    assert found["check"].tolist() == ["no_solution"]
    assert not found["already"].any()
    assert _blocked(station(a2_kw=5000.0), "C1", 1.0)["already"].tolist() == [True]
