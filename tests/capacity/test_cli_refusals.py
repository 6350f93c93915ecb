"""Bad input of the command: exit code 2, one report that says what to do, nothing written, no work done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from capacity import cli_network
from capacity.demo import demo_network_path
from tests.capacity.conftest import Run
from tests.capacity.test_output import strict

DEMO = str(demo_network_path())
NEAR_A1 = "7.8765,48.4496"


def _no_model(_: object) -> object:
    raise AssertionError("the model was built for a request that could be refused before")


SOLVING = [
    ("loadflow", ()),
    ("bottlenecks", ()),
    ("headroom", ("--bus", "A1")),
    ("connect", ("--site", NEAR_A1, "--dwellings", "2")),
]


def _refused(run: Run, folder: Path, *words: object) -> str:
    """Run what must be refused; asserts exit code 2, one report, and that nothing was written."""
    before = sorted(os.walk(folder))
    code, out, err = run(*words, "--json")
    assert code == 2, err
    assert sorted(os.walk(folder)) == before
    report = json.loads(out)
    assert report["error"]
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(("command", "words"), [*SOLVING, ("check", ())])
def test_a_network_that_is_not_there_is_refused(
    run: Run, tmp_path: Path, command: str, words: tuple[str, ...]
) -> None:
    said = _refused(run, tmp_path, command, tmp_path / "none.gpkg", *words, "--out", tmp_path / "o.gpkg")
    assert "none.gpkg" in said and "no such file" in said


@pytest.mark.parametrize(("command", "words"), [*SOLVING, ("check", ())])
def test_a_file_of_another_kind_is_refused(
    run: Run, tmp_path: Path, command: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "town.gpkg").write_text("<VRTDataset/>")
    said = _refused(run, tmp_path, command, tmp_path / "town.gpkg", *words, "--out", tmp_path / "o.gpkg")
    assert "convert it first" in said


@pytest.mark.parametrize(("command", "words"), SOLVING)
def test_a_bad_network_is_refused_with_layer_id_fault_and_advice(
    run: Run, bad_town: Path, monkeypatch: pytest.MonkeyPatch, command: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    said = _refused(run, bad_town.parent, command, bad_town, *words, "--out", bad_town.with_name("o.gpkg"))
    assert "lines: 'L2' (nowhere): to_bus_id is not in buses; add that row or correct the id" in said
    assert "'L3' (NAYY 4x151 SE)" in said and "NAYY 4x150 SE" in said


@pytest.mark.parametrize(("command", "words"), SOLVING)
@pytest.mark.parametrize(
    ("more", "advice"),
    [
        (("--scenario", "2050"), "the network has: base"),
        (("--limits", "en50161"), "ansi, dena, en50160, gbt12325"),
        (("--out", "result.xlsx"), "name it *.gpkg"),
        (("--out", "town.gpkg"), "would be overwritten"),
        (("--out", "town.gpkg/below/o.gpkg"), "nothing can be written"),
    ],
)
def test_what_can_be_known_before_is_refused_before_the_model_is_built(
    run: Run,
    town: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    words: tuple[str, ...],
    more: tuple[str, str],
    advice: str,
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    monkeypatch.chdir(town.parent)
    assert advice in _refused(run, town.parent, command, town, *words, *more)


@pytest.mark.parametrize("command", ["loadflow", "connect"])
def test_a_bad_limits_file_names_all_its_faults(
    run: Run, town: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    own = town.with_name("own.toml")
    own.write_text('name = "x"\nvoltage = []\n')
    words = ("--site", NEAR_A1) if command == "connect" else ()
    said = _refused(run, town.parent, command, town, *words, "--limits", own)
    assert "loading" in said and "voltage_change" in said and "source" in said


def test_a_bad_assumptions_file_names_all_its_faults(
    run: Run, town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    own = town.with_name("own.toml")
    own.write_text('[home]\nadmd_kw = -1.0\ng_inf = 0.2\nsource = "x"\n')
    said = _refused(run, town.parent, "connect", town, "--site", NEAR_A1, "--assumptions", own)
    assert "home.admd_kw" in said and "cost" in said


def test_unknown_buses_are_all_named_before_the_model_is_built(
    run: Run, town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    said = _refused(run, town.parent, "headroom", town, "--bus", "a1", "--bus", "A1", "--bus", "X9")
    assert "'a1'" in said and "'X9'" in said and "'A1'" not in said


@pytest.mark.parametrize("place", ["here", "200,95", "nan,nan", "1,2,3"])
def test_a_bad_place_is_refused_before_the_model_is_built(
    run: Run, town: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    said = _refused(run, town.parent, "connect", town, "--site", place, "--dwellings", 3)
    assert repr(place) in said and "LON,LAT in degrees" in said


def test_a_sites_file_without_sites_is_refused(run: Run, town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    assert "no layer 'sites'" in _refused(run, town.parent, "connect", town, "--sites", town)


@pytest.mark.parametrize(
    "words",
    [
        ("headroom", DEMO, "--joint"),
        ("headroom", DEMO, "--bus", "x", "--joint", "--proof", "3"),
        ("headroom", DEMO, "--proof", "-1"),
        ("headroom", DEMO, "--bus", "x", "--direction", "up"),
        ("headroom", DEMO, "--bus", "x", "--cos-phi", "nan"),
        ("hosting", DEMO),
        ("hosting", DEMO, "--plant-kw", "0"),
        ("hosting", DEMO, "--plant-kw", "nan"),
        ("connect", DEMO),
        ("connect", DEMO, "--site", NEAR_A1, "--sites", DEMO),
        ("connect", DEMO, "--sites", DEMO, "--dwellings", "3"),
        ("connect", DEMO, "--site", NEAR_A1, "--queue"),
        ("connect", DEMO, "--sites", DEMO, "--queue", "--batch"),
        ("connect", DEMO, "--sites", DEMO, "--batch", "--sensitivity"),
        ("connect", DEMO, "--sites", DEMO, "--portfolio", "--share", "equal"),
        ("connect", DEMO, "--site", NEAR_A1, "--dwellings", "-1"),
        ("connect", DEMO, "--site", NEAR_A1, "--dwellings", "9" * 400),
        ("connect", DEMO, "--site", NEAR_A1, "--demand-kw", "nan"),
        ("connect", DEMO, "--site", NEAR_A1, "--demand-kw", "inf"),
        ("loadflow",),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_exit_code_2_and_solves_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    code, out, err = run(*words)
    assert code == 2
    assert out == "" and "Usage" in err


def test_demo_into_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    assert "taken" in _refused(run, tmp_path, "demo", "--out", tmp_path / "taken")


def test_the_app_without_its_network_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, err = run("app", tmp_path / "none.gpkg", "--headless")
    assert code == 2 and "no such network" in err


def test_a_defect_of_ours_is_neither_a_result_nor_bad_input(
    run: Run, town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_network, "model_of", _no_model)
    code, out, err = run("loadflow", town, "--json")
    assert code == 3
    assert "defect of feederplan" in strict(out)["error"]  # type: ignore[operator]
    assert "Traceback" in err
