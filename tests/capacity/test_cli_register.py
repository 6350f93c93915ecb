"""`feederplan register`: several people, one project file; every command once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from capacity.cli_register import register
from capacity.store import open_store
from gis import read_network, write_network
from gridmodel import rules_for
from tests.capacity.conftest import Run
from tests.capacity.test_output import strict

SITE = "7.8840,48.4475"


@pytest.fixture
def project(tmp_path: Path, run: Run) -> Path:
    """A project file with one application."""
    path = tmp_path / "town.fplan"
    words = [
        "register",
        "add",
        path,
        "--site",
        SITE,
        "--set",
        "dwellings=2",
        "--set",
        "name=Hof",
        "--user",
        "anna",
    ]
    code, out, _ = run(*words, "--json")
    assert (code, strict(out)) == (0, {"added": ["A1"]})
    return path


def test_every_command_of_the_register_is_tried_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    names = [one.name or one.callback.__name__ for one in register.registered_commands if one.callback]
    assert not [name for name in names if f'"register", "{name}"' not in text]


def test_an_application_is_changed_and_decided_by_name(project: Path, run: Run) -> None:
    assert run("register", "change", project, "A1", "--set", "note=n", "--user", "bea")[0] == 0
    code, out, _ = run("register", "decide", project, "A1", "quote", "--reason", "fits", "--json")
    assert (code, strict(out)) == (0, {"application_id": "A1", "status": "quoted", "revision": 3})
    code, out, _ = run("register", "list", project, "--status", "quoted", "--json")
    (row,) = strict(out)["applications"]  # type: ignore[misc]
    assert (row["name"], row["dwellings"], row["note"]) == ("Hof", 2, "n")
    code, out, _ = run("register", "history", project, "A1")
    assert code == 0 and "bea" in out and "status: enquiry -> quoted" in out


def test_who_comes_second_is_told_of_the_first(project: Path, run: Run) -> None:
    run("register", "change", project, "A1", "--set", "note=hers", "--user", "bea")
    code, _, said = run("register", "change", project, "A1", "--set", "note=mine", "--revision", "1")
    assert code == 2 and "bea changed it" in said and "note:  -> hers" in said
    code, _, said = run("register", "decide", project, "A1", "accept")
    assert code == 2 and "quote, withdraw, refuse, expire" in said


def test_answers_are_kept_and_given_again_on_another_network(
    project: Path, town: Path, run: Run, tmp_path: Path
) -> None:
    """On the network that was kept: `tests/capacity/store/test_repeating.py`."""
    code, out, _ = run("register", "assess", project, town, "--json")
    (row,) = strict(out)["assessments"]  # type: ignore[misc]
    assert row["assessment_id"] == "A1-1" and code == (0 if row["verdict"].startswith("connect") else 1)
    kept = open_store(project, user="judge").assessment("A1-1")
    assert json.loads(kept.record)["verdict"] == row["verdict"]

    grid, other = read_network(town, rules=rules_for()), tmp_path / "other.gpkg"
    write_network(replace(grid, loads=grid.loads.assign(p_kw=grid.loads["p_kw"] * 1.2)), other)
    code, out, _ = run("register", "repeat", project, "A1-1", "--network", other, "--json")
    again = strict(out)
    assert (code, again["same"]) == (1, False)
    told = [row["what"] for row in again["differences"]]  # type: ignore[attr-defined]
    assert told[0] == "network sha256" and "demand_kw" not in told and len(told) > 1


def test_the_queue_is_studied_and_kept(project: Path, town: Path, run: Run) -> None:
    code, out, said = run("register", "study", project, town, "queue", "--name", "spring", "--json")
    told = strict(out)
    assert code == 0 and told.pop("study_id") == "S1", said
    (row,) = told["applications"]  # type: ignore[misc]
    assert row["site_id"] == "A1"
    kept = open_store(project, user="judge").study("S1")
    assert (kept.name, kept.answer) == ("spring", told)
    assert kept.ground.question["revisions"] == {"A1": 1}
    assert run("register", "study", project, town, "wish")[0] == 2


def test_files_go_out_and_come_in(project: Path, town: Path, run: Run, tmp_path: Path) -> None:
    for name in ("register.gpkg", "register.xlsx"):
        assert run("register", "export", project, tmp_path / name)[0] == 0 and (tmp_path / name).is_file()
    assert run("register", "export", project, tmp_path / "register.pdf")[0] == 2
    assert run("register", "template", town, tmp_path / "sites.csv")[0] == 0
    filled = (tmp_path / "sites.csv").read_text(encoding="utf-8-sig").replace("#example", "S7")
    (tmp_path / "sites.csv").write_text(filled, encoding="utf-8")
    code, out, said = run("register", "add", project, "--sites", tmp_path / "sites.csv", "--json")
    assert (code, strict(out)) == (0, {"added": ["S7"]}), said
    assert run("register", "copy", project, tmp_path / "copy.fplan")[0] == 0
    assert list(open_store(tmp_path / "copy.fplan", user="judge").applications()["application_id"]) == [
        "A1",
        "S7",
    ]
    assert run("register", "check", tmp_path / "copy.fplan")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "{}", "--site", SITE, "--sites", "f.csv"], "either"),
        (["add", "{}", "--site", SITE, "--set", "dwellings"], "COLUMN=VALUE"),
        (["change", "{}", "A1"], "--set"),
        (["change", "{}", "A1", "--set", "dwellings=many"], "dwellings"),
        (["list", "none.fplan"], "no project file"),
        (["decide", "{}", "A9", "quote"], "A9"),
    ],
)
def test_what_makes_no_sense_is_refused(project: Path, run: Run, words: list[str], said: str) -> None:
    code, _, told = run("register", *(word.replace("{}", str(project)) for word in words))
    assert code == 2 and said in told
    assert len(open_store(project, user="judge").history()) == 1
