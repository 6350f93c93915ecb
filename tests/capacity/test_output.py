"""Output: JSON every reader takes, GeoPackage layers any GIS opens, targets that are safe to write."""

from __future__ import annotations

import json
import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from capacity import output
from capacity.limits import read_limits
from gis import InputError
from gis.findings import make_findings
from tests.capacity.grids import station

UTM = CRS.from_epsg(25832)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def strict(text: str) -> dict[str, object]:
    """Parse as a strict reader does: no NaN, no Infinity."""
    parsed: dict[str, object] = json.loads(text, parse_constant=_refuse)
    return parsed


VALUES = {
    "nan": float("nan"),
    "inf": np.inf,
    "na": pd.NA,
    "nat": pd.NaT,
    "numpy": [np.float64(1.5), np.int64(2), np.bool_(True), np.float32("nan")],
    "nested": {"a": (1, None, {"b": float("-inf")})},
    "text": 'quote " and \n line, ü',
    "geometry": shapely.Point(0, 0),
    "path": Path("x"),
}


def test_json_has_no_nan_and_no_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    output.say(VALUES, [], as_json=True)
    said = strict(capsys.readouterr().out)
    assert said == {
        "nan": None, "inf": None, "na": None, "nat": None, "numpy": [1.5, 2, True, None],
        "nested": {"a": [1, None, {"b": None}]}, "text": VALUES["text"], "path": "x",
    }  # fmt: skip


def test_text_is_said_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.say({}, ["one", "two"], as_json=False)
    assert capsys.readouterr().out == "one\ntwo\n"


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.progress("solving")
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("feederplan:") and "solving" in said.err


@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_is_reported_whole(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    findings = make_findings("rule", "lines", ["L1", "L2"], "wrong; mend it", values=[np.nan, 2.0])
    output.report_bad_input(InputError("town.gpkg", findings), as_json=as_json)
    said = capsys.readouterr()
    assert "L1" in said.err and "L2" in said.err and "mend it" in said.err
    if as_json:
        assert [row["element_id"] for row in strict(said.out)["findings"]] == ["L1", "L2"]  # type: ignore[attr-defined]
    else:
        assert said.out == ""


def _written(rows: pd.DataFrame, path: Path) -> gpd.GeoDataFrame:
    output.write_layer(rows, path, "layer", crs=UTM)
    return gpd.read_file(path, layer="layer")


def test_a_layer_is_read_back_with_its_crs(tmp_path: Path) -> None:
    rows = gpd.GeoDataFrame({"a": ["x"], "b": [1.0]}, geometry=[shapely.Point(1, 2)], crs=UTM)
    back = _written(rows, tmp_path / "out.gpkg")
    assert (
        back.crs == UTM and back["b"].tolist() == [1.0] and back.geometry.iloc[0].equals(shapely.Point(1, 2))
    )
    assert [path.name for path in tmp_path.iterdir()] == ["out.gpkg"]


def test_an_empty_layer_keeps_its_columns(tmp_path: Path) -> None:
    rows = gpd.GeoDataFrame({"a": [], "geometry": []}, geometry="geometry", crs=UTM)
    assert "a" in _written(rows, tmp_path / "out.gpkg").columns


def test_a_column_of_mixed_values_becomes_text(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"value": [1.5, "x", None], "geometry": [shapely.Point(0, 0), None, shapely.Point(1, 1)]}
    )
    assert _written(rows, tmp_path / "out.gpkg")["value"].tolist() == ["1.5", "x", None]


def test_cells_a_spreadsheet_would_run_stay_plain_text(tmp_path: Path) -> None:
    texts = ["=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", "'; DROP TABLE layer; --"]
    rows = gpd.GeoDataFrame({"name": texts}, geometry=[shapely.Point(i, 0) for i in range(5)], crs=UTM)
    assert _written(rows, tmp_path / "out.gpkg")["name"].tolist() == texts


def test_findings_of_a_network_without_crs_are_written_without_place(tmp_path: Path) -> None:
    findings = make_findings("rule", "lines", ["L1"], "wrong", geometry=[shapely.Point(0, 0)])
    output.write_layer(findings, tmp_path / "out.gpkg", "findings", crs=None)
    assert gpd.read_file(tmp_path / "out.gpkg", layer="findings")["element_id"].tolist() == ["L1"]


def _refused(out: Path, *sources: Path) -> str:
    with pytest.raises(InputError) as caught:
        output.require_target(out, *sources)
    return str(caught.value)


def test_a_good_target_is_accepted_and_nothing_is_made(tmp_path: Path) -> None:
    output.require_target(None)
    output.require_target(tmp_path / "new" / "folder" / "out.gpkg", tmp_path / "in.gpkg")
    assert not list(tmp_path.iterdir())


def test_a_target_of_another_name_is_refused(tmp_path: Path) -> None:
    assert "name it *.gpkg" in _refused(tmp_path / "out.xlsx")


def test_the_input_is_never_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "town.gpkg").write_text("data")
    monkeypatch.chdir(tmp_path)
    assert "would be overwritten" in _refused(Path("town.gpkg"), tmp_path / "town.gpkg")
    (tmp_path / "link.gpkg").symlink_to(tmp_path / "town.gpkg")
    assert "would be overwritten" in _refused(tmp_path / "link.gpkg", tmp_path / "town.gpkg")


def test_a_target_under_a_file_or_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.gpkg").mkdir()
    assert "nothing can be written" in _refused(tmp_path / "file" / "out.gpkg")
    assert "this is a folder" in _refused(tmp_path / "folder.gpkg")


def test_all_faults_of_a_target_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "2 faults" in _refused(tmp_path / "file" / "out.txt")


def test_a_folder_without_write_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert "choose another folder" in _refused(tmp_path / "out.gpkg")


def test_unknown_ids_are_named_at_once_with_their_neighbours() -> None:
    with pytest.raises(InputError) as caught:
        output.require_ids(station(), "buses", ["A1", "a2", "nowhere"], option="--bus")
    assert caught.value.findings["element_id"].tolist() == ["a2", "nowhere"]
    output.require_ids(station(), "buses", ["A1", "A2"], option="--bus")


def test_control_characters_in_names_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.say({}, ["name \x1b[31mred\x07", "second"], as_json=False)
    assert capsys.readouterr().out == "name \\x1b[31mred\\x07\nsecond\n"


def test_headroom_that_is_not_known_is_no_number() -> None:
    rows = pd.DataFrame(
        {"bus_id": ["B"], "headroom_kw": [float("nan")], "status": ["undetermined"], "binding_check": [None],
         "binding_id": [None]}
    )  # fmt: skip
    _, lines = output.headroom_report(rows, 0.1, read_limits())
    assert lines[0].split() == ["B", "-", "kW", "undetermined"]
    assert lines[-1] == "  limits EN 50160"
