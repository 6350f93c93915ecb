"""`feederplan import` and `repair`: rows and kW add up, and the file they write is solved as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capacity import cli
from tests.networks import raw_layers, station, write_raw


def run(*words: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["feederplan", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    layers = raw_layers(station())
    layers["loads"] = layers["loads"].assign(bus_id=["D", "nowhere"])
    return write_raw(layers, tmp_path / "faulty.gpkg")


def test_repair_sets_aside_and_the_load_flow_accounts_for_it(
    faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sound.gpkg"
    assert run("loadflow", faulty, "--json", monkeypatch=monkeypatch) == 2
    assert run("repair", faulty, out, "--json", monkeypatch=monkeypatch) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["tables"]["loads"] == {"modelled": 1, "quarantined": 1}
    assert (told["demand_kw"], told["quarantined_kw"], told["quarantined_customers"]) == (30.0, 20.0, 1)
    run("loadflow", out, "--json", monkeypatch=monkeypatch)
    solved = json.loads(capsys.readouterr().out)
    assert solved["converged"]
    assert (solved["demand_kw"], solved["quarantined_kw"]) == (30.0, 20.0)
    run("loadflow", out, monkeypatch=monkeypatch)
    assert "20.0 kW of 1 customers" in capsys.readouterr().out


def test_a_sound_file_is_imported_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_raw(raw_layers(station()), tmp_path / "in.gpkg")
    assert run("import", source, tmp_path / "out.gpkg", monkeypatch=monkeypatch) == 0
    assert "50.0 kW modelled, 0.0 kW and 0 customers set aside" in capsys.readouterr().out


def test_a_refused_file_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = raw_layers(station())
    del layers["sources"]
    source = write_raw(layers, tmp_path / "in.gpkg")
    assert run("import", source, tmp_path / "out.gpkg", "--json", monkeypatch=monkeypatch) == 2
    assert "missing_layer" in capsys.readouterr().out
    assert not (tmp_path / "out.gpkg").exists()


@pytest.mark.parametrize("option", [("--crs", "EPSG:0"), ("--mapping", "none.toml")])
def test_an_option_that_means_nothing_is_refused(
    faulty: Path, tmp_path: Path, option: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("import", faulty, tmp_path / "out.gpkg", *option, monkeypatch=monkeypatch) == 2


def test_a_suggested_mapping_imports_the_file_it_was_proposed_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, mapping = write_raw(raw_layers(station()), tmp_path / "raw.gpkg"), tmp_path / "m.toml"
    assert run("import", source, tmp_path / "m.gpkg", "--suggest", monkeypatch=monkeypatch) == 2
    assert run("import", source, mapping, "--suggest", monkeypatch=monkeypatch) == 0
    assert "columns proposed" in capsys.readouterr().out
    out = tmp_path / "out.gpkg"
    assert run("import", source, out, "--mapping", mapping, monkeypatch=monkeypatch) == 0
    assert out.exists()
