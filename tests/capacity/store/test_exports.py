"""The register for other programs: places where they are, texts as texts, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import openpyxl
import pyogrio
import pytest
from pyproj import CRS

from capacity.store import Store, export_geopackage, export_workbook
from capacity.store.application import plain_development
from tests.capacity.store.conftest import GROUND, METRIC, full, plain


@pytest.fixture
def filled(store: Store) -> Store:
    read = store.add(plain("K1", '=HYPERLINK("http://x")'), METRIC, applicant="@Bau", note="+1")
    store.add(full("K2"), METRIC)
    kept = store.keep_assessment(read, b"{}", verdict="refuse", sentence="-1", ground=GROUND)
    store.decide(read, "refuse", reason="=1+1", assessment_id=kept)
    return store


def test_a_geopackage_has_places_answers_decisions_and_history(filled: Store, tmp_path: Path) -> None:
    out = tmp_path / "register.gpkg"
    export_geopackage(filled, out)
    assert set(pyogrio.list_layers(out)[:, 0]) == {
        "applications_points", "applications_areas", "assessments", "decisions", "studies", "history",
        "layer_styles",
    } - ({"layer_styles"} - set(pyogrio.list_layers(out)[:, 0]))  # fmt: skip
    areas = gpd.read_file(out, layer="applications_areas").set_index("application_id")
    assert areas.crs == METRIC and areas.loc["K2", "status"] == "quoted"
    assert areas.geometry["K2"].geom_type == "Polygon"
    assert list(pyogrio.read_dataframe(out, layer="decisions")["reason"]) == ["=1+1"]
    assert len(pyogrio.read_dataframe(out, layer="history")) == len(filled.history())
    again = tmp_path / "again.gpkg"
    export_geopackage(filled, again)
    assert again.read_bytes() == out.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.gpkg", "register.gpkg", "town.fplan"]


def test_no_cell_of_the_workbook_is_a_formula(filled: Store, tmp_path: Path) -> None:
    export_workbook(filled, tmp_path / "register.xlsx")
    book = openpyxl.load_workbook(tmp_path / "register.xlsx")
    assert book.sheetnames == ["applications", "assessments", "decisions", "studies", "history"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.value for cell in cells} >= {'=HYPERLINK("http://x")', "@Bau", "+1", "=1+1", "-1"}
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_places_of_several_systems_are_given_in_degrees(filled: Store, tmp_path: Path) -> None:
    filled.add(plain("K3"), CRS("EPSG:4326"))
    export_geopackage(filled, tmp_path / "register.gpkg")
    points = gpd.read_file(tmp_path / "register.gpkg", layer="applications_points")
    assert points.crs == CRS("EPSG:4326")


def test_a_register_without_rows_is_exported_too(store: Store, tmp_path: Path) -> None:
    export_geopackage(store, tmp_path / "empty.gpkg")
    export_workbook(store, tmp_path / "empty.xlsx")
    assert "applications" in pyogrio.list_layers(tmp_path / "empty.gpkg")[:, 0]


def test_every_digit_of_a_place_is_in_the_history(filled: Store) -> None:
    ring = plain_development(full())["place"]["coordinates"][0]  # type: ignore[index]
    assert [tuple(point) for point in ring] == list(full().place.exterior.coords)
