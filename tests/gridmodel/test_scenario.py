"""Scenarios: factors on loads and generators, from the file or the default."""

from __future__ import annotations

import pandas as pd
import pytest

import gis
from gridmodel import Scenario, find_scenario, scenarios_of
from tests.networks import station


def test_a_class_factor_stands_instead_of_the_general_one() -> None:
    scenario = Scenario(load_factor=0.5, generation_factor=0.2, class_factors={"ev": 0.1, "pv": 0.85})
    assert scenario.load_factors(pd.Series(["ev", "residential"])).tolist() == [0.1, 0.5]
    assert scenario.generation_factors(pd.Series(["pv", "wind"])).tolist() == [0.85, 0.2]


def test_a_network_without_scenarios_has_the_load_case() -> None:
    network = station(without=("scenario",))
    assert scenarios_of(network) == {"base": Scenario()}
    assert find_scenario(network).load_factor == 1.0 and find_scenario(network).generation_factor == 0.0


def test_the_first_scenario_of_the_file_is_the_default() -> None:
    network = station("scenario winter year=2035 class_factors='ev=0.2; pv=0'")
    assert list(scenarios_of(network)) == ["base", "feed_in", "winter"]
    assert find_scenario(network).scenario_id == "base"
    winter = find_scenario(network, "winter")
    assert winter.year == 2035 and winter.class_factors == {"ev": 0.2, "pv": 0.0}


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(gis.InputError, match=r"'summer'.*base, feed_in"):
        find_scenario(station(), "summer")
