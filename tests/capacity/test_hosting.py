"""Hosting capacity by lot: pandapower's tutorial comes out the same, and a draw can be repeated by hand."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandapower
import pandapower.networks
import pytest

from capacity.hosting import HOSTING_COLUMNS, hosting_capacity
from capacity.impact import Impact, study_impact
from capacity.limits import Limits, read_limits
from gis import Network
from gis.importer import import_file, require_network
from gridmodel import Scenario, build_model, find_scenario, rules_for
from tests.capacity.grids import station


def tutorial_limits() -> Limits:
    """50 % of lines, 50 % of transformers, 1.04 pu."""
    limits = read_limits()
    half = limits.loading.model_copy(update={"line_percent": 50.0, "transformer_percent": 50.0})
    bands = tuple(band.model_copy(update={"max_pu": 1.04}) for band in limits.voltage)
    return limits.model_copy(update={"loading": half, "voltage": bands})


def impact_of(network: Network, limits: Limits | None = None) -> Impact:
    return study_impact(build_model(network), find_scenario(network), limits or read_limits())


def test_the_tutorial_of_pandapower_comes_out_the_same(tmp_path: Path) -> None:
    """Mean 10.792662601235493 MW and 1,127 load flows are its own, with `runpp` and default_rng(0)."""
    path = tmp_path / "net.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pandapower's, of its own shipped networks
        pandapower.to_json(pandapower.networks.mv_oberrhein(scenario="generation"), path)
    network = require_network(import_file(path, rules=rules_for()), path)
    scenario = Scenario(load_factor=1.0, generation_factor=1.0)
    impact = study_impact(build_model(network), scenario, tutorial_limits())
    found = hosting_capacity(impact, plant_kw=500.0, spread_kw=50.0, draws=50, seed=0)
    assert found["installed_kw"].mean() == pytest.approx(10_792.662601235493, abs=1e-6)
    assert (found["plants"] + 1).sum() == 1127
    assert tuple(found.columns) == HOSTING_COLUMNS
    assert set(found["status"]) == {"ok"}
    assert set(found["binding_check"]) <= {"line_overload", "transformer_overload", "overvoltage"}


def test_equal_plants_at_one_bus_are_counted_by_hand() -> None:
    """T1, 250 kVA at 1.0 pu, carries 60 kW and their losses before: feed-in turns them round, 10 kW a plant.

    At its rating about 250 kVA flow back and 60 kW are used here, some kW lost: the 31st or 32nd plant.
    """
    found = hosting_capacity(impact_of(station()), plant_kw=10.0, draws=2, bus_ids=["B1"])
    assert found["plants"].tolist() == [32, 32] or found["plants"].tolist() == [31, 31]
    assert found["installed_kw"].tolist() == [10.0 * plants for plants in found["plants"]]
    assert set(found["binding_id"]) == {"T1"}


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    impact = impact_of(station())
    first, again, other = (
        hosting_capacity(impact, plant_kw=10.0, spread_kw=3.0, draws=5, seed=seed) for seed in (0, 0, 1)
    )
    assert first.equals(again) and not first.equals(other)
    assert first["installed_kw"].nunique() > 1


def test_a_draw_goes_on_beyond_the_plants_tried_at_once() -> None:
    found = hosting_capacity(impact_of(station()), plant_kw=2.0, draws=1, bus_ids=["B1"]).iloc[0]
    assert found["plants"] > 100 and found["status"] == "ok"
    assert found["installed_kw"] == pytest.approx(2.0 * found["plants"])


def test_a_limit_broken_before_leaves_no_room_for_any_plant() -> None:
    found = hosting_capacity(impact_of(station(a2_kw=170.0)), plant_kw=1.0, draws=2)
    assert found["plants"].tolist() == [0, 0] and set(found["status"]) == {"already_violated"}
    assert set(found["binding_id"]) <= {"L1", "L2"}


def test_plants_that_break_nothing_are_capped() -> None:
    found = hosting_capacity(impact_of(station()), plant_kw=1e-3, draws=1, most_plants=40).iloc[0]
    assert (found["plants"], found["status"], found["binding_id"]) == (40, "capped", None)


def test_a_bus_without_supply_is_left_out_of_the_lot_and_undetermined_when_named() -> None:
    impact = impact_of(station(switches=[("X", False, "A1", "lines", "L2")]))
    assert set(hosting_capacity(impact, plant_kw=10.0, draws=3)["status"]) == {"ok"}
    named = hosting_capacity(impact, plant_kw=10.0, draws=1, bus_ids=["A2"]).iloc[0]
    assert named["status"] == "undetermined" and np.isnan(named["installed_kw"])


def test_nonsense_is_a_value_error() -> None:
    impact = impact_of(station())
    for nonsense in (
        {"plant_kw": 0.0},
        {"plant_kw": 1.0, "spread_kw": -1.0},
        {"plant_kw": 1.0, "bus_ids": []},
    ):
        with pytest.raises(ValueError, match="plants of more than 0 kW"):
            hosting_capacity(impact, **nonsense)  # type: ignore[arg-type]
