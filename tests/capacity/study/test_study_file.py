"""The study file: read with everything it names, refused with every fault and its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from capacity.study.study_file import STEP_NAMES, StudyFile, open_study
from capacity.study.study_steps import STEPS
from gis import InputError
from tests.capacity.grids import station
from tests.capacity.study.study_towns import STUDY, write_study


def _faults(path: Path) -> dict[str, str]:
    """Key and message of every fault of a study file."""
    with pytest.raises(InputError) as refused:
        open_study(path)
    found = refused.value.findings
    assert (found["table"] == "study").all()
    return dict(zip(found["element_id"], found["message"], strict=True))


def test_every_step_a_file_can_name_is_there_in_this_order() -> None:
    assert tuple(step.__name__ for step in STEPS) == STEP_NAMES
    assert all(step.__doc__ for step in STEPS)


def test_a_study_is_opened_with_everything_it_names(tmp_path: Path) -> None:
    study = open_study(write_study(tmp_path, station(), STUDY + 'seed = 3\nstandard = "all_electric"\n'))
    assert study.network.equals(station())
    assert [scenario.scenario_id for scenario in study.scenarios] == ["calm", "cars"]
    assert {(scenario.years, scenario.seed) for scenario in study.scenarios} == {((2025, 2035), 3)}
    assert [case.scenario_id for case in study.cases] == ["base"]
    assert study.limits.name == "EN 50160"
    assert study.out == tmp_path / "town.study"


def test_what_the_study_leaves_out_stays_as_the_scenario_says(tmp_path: Path) -> None:
    study = open_study(write_study(tmp_path, station(), STUDY.replace("years = [2025, 2035]", "")))
    assert study.scenarios[0].years == (2025, 2030, 2035)
    assert study.scenarios[0].seed == 7


def test_every_key_that_makes_no_sense_is_told_at_once(tmp_path: Path) -> None:
    text = """
    name = ""
    network = 7
    limts = "en50160"
    years = [1066, 2035]
    draws = -1
    steps = ["check", "chek"]
    [headroom]
    direction = "both"
    cos_phi = 1.2
    """
    assert set(_faults(write_study(tmp_path, station(), text))) == {
        "name", "network", "limts", "years.0", "draws", "steps.1", "headroom.direction", "headroom.cos_phi",
    }  # fmt: skip


def test_everything_that_is_not_there_is_told_at_once_with_its_key(tmp_path: Path) -> None:
    text = """
    name = "A town"
    network = "town.gpkg"
    limits = "en50161"
    scenarios = ["calm.toml", "nowhere.toml", "todai"]
    network_scenarios = ["base", "peak"]
    standard = "all_gas"
    """
    told = _faults(write_study(tmp_path, station(), text))
    assert set(told) == {"limits", "scenarios.1", "scenarios.2", "network_scenarios.1", "standard"}
    assert "nowhere.toml" in told["scenarios.1"]
    assert "no such scenario; the network has: base" in told["network_scenarios.1"]


def test_a_missing_network_does_not_hide_other_faults(tmp_path: Path) -> None:
    text = STUDY.replace("town.gpkg", "village.gpkg").replace("cars.toml", "nowhere.toml")
    assert set(_faults(write_study(tmp_path, station(), text))) == {"network", "scenarios.1"}


def test_years_before_the_base_year_of_a_scenario_are_refused(tmp_path: Path) -> None:
    told = _faults(write_study(tmp_path, station(), STUDY.replace("[2025, 2035]", "[2020, 2035]")))
    assert "no year may lie before base_year, 2025" in told["years"]


def test_two_scenarios_of_one_id_are_refused(tmp_path: Path) -> None:
    path = write_study(tmp_path, station(), STUDY.replace("cars.toml", "again.toml"))
    (tmp_path / "again.toml").write_text((tmp_path / "calm.toml").read_text())
    assert "is that of another scenario" in _faults(path)["scenarios.1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "A"\nnetwork = "town.gpkg"\n', "name something to study"),
        (STUDY + 'steps = ["check", "check"]\n', "write each once: check"),
        (STUDY + "steps = []\n", "at least 1"),
        ("name = [", "not TOML"),
    ],
)
def test_what_a_file_may_not_say(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in message for message in _faults(write_study(tmp_path, station(), text)).values())


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        open_study(tmp_path / "nowhere.toml")


def test_keys_have_defaults_that_a_short_file_may_leave_out() -> None:
    file = StudyFile(name="A", network="town.gpkg", scenarios=("today",))
    assert (file.limits, file.draws, file.steps, file.standard) == ("en50160", 0, STEP_NAMES, "")
