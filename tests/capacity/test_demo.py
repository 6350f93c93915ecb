"""The demo area: complete where it is copied to, and within reach when installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from capacity.demo import copy_demo, demo_folder, demo_network_path
from capacity.study.study_file import open_study
from gis import read_network
from gridmodel import find_scenario, rules_for, scenarios_of, stored_result
from tests.capacity.grids import demo


def test_the_demo_area_lies_where_it_is_said_to_lie() -> None:
    assert demo_network_path().is_file()
    assert demo_network_path().parent == demo_folder()


def test_a_copy_is_the_same_network_with_its_results(tmp_path: Path) -> None:
    written = copy_demo(tmp_path / "new" / "folder")
    assert all(path.is_file() for path in written)
    network = read_network(written[0], rules=rules_for())
    assert network.equals(demo())
    for scenario_id in scenarios_of(network):
        assert stored_result(network, find_scenario(network, scenario_id), written[0]) is not None


def test_the_study_can_be_opened_and_names_what_the_demo_area_has(tmp_path: Path) -> None:
    study = open_study(copy_demo(tmp_path)[-1])
    assert study.network.equals(demo())
    assert study.file.network_scenarios == tuple(scenarios_of(demo()))
    assert len(study.scenarios) == 2
    assert {len(scenario.years) for scenario in study.scenarios} == {3}


def test_a_target_that_is_a_file_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OSError, match="taken"):
        copy_demo(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"
