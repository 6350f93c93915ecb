"""Developments from outside: typed places and site files."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from capacity.site_template import template_columns, template_csv, template_sites, write_site_template
from capacity.sites import development_at, developments_of, read_developments, site_row
from gis import InputError
from gis.schema import SITES
from tests.capacity.grids import demo, station

UTM = CRS.from_epsg(25832)


@pytest.mark.parametrize("text", ["7.8840,48.4475", " 7.8840 , 48.4475 ", "7.884e0,48.4475"])
def test_a_place_is_typed_as_longitude_and_latitude(text: str) -> None:
    place = development_at(text, UTM).place
    assert (place.x, place.y) == (pytest.approx(417_460, abs=200), pytest.approx(5_366_600, abs=500))


@pytest.mark.parametrize(
    "text",
    ["here", "", "7.88", "200,95", "95,200", "nan,nan", "inf,0", "1,2,3", "7,8840;48,4475", "7.88 48.44"],
)
def test_what_is_no_place_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"LON,LAT in degrees, like 7\.8840,48\.4475") as caught:
        development_at(text, UTM)
    assert caught.value.findings["element_id"].tolist() == [text]


def test_a_plot_is_typed_by_its_corners() -> None:
    plot = development_at("7.884,48.447 7.885,48.447  7.885, 48.448", UTM).place
    assert plot.geom_type == "Polygon" and 3000.0 < plot.area < 5000.0
    with pytest.raises(InputError, match="at least three corners"):
        development_at("7.884,48.447 7.885,48.447", UTM)


def test_demo_sites_become_developments() -> None:
    found = developments_of(demo().sites)
    assert [d.site_id for d in found] == demo().sites.index.tolist()
    orchard = found[0]
    assert (orchard.dwellings, orchard.heat_pumps, orchard.ev_points) == (12, 12, 6)
    assert (orchard.floor_area_m2, orchard.demand_kw) == (0.0, 0.0)


def _sites_file(path: Path, **columns: list[object]) -> Path:
    layer = gpd.GeoDataFrame(
        {"site_id": ["s1"], "name": ["Site"], "status": ["enquiry"], **columns},
        geometry=[shapely.Point(7.884, 48.4475)],
        crs=4326,
    )
    layer.to_file(path, layer="sites", driver="GPKG")
    return path


def test_a_file_in_degrees_is_brought_into_the_networks_crs(tmp_path: Path) -> None:
    found = read_developments(_sites_file(tmp_path / "sites.gpkg", dwellings=[3]), UTM)
    assert found[0].place.distance(development_at("7.884,48.4475", UTM).place) < 1e-6
    assert found[0].dwellings == 3


def test_every_fault_of_a_sites_file_is_named(tmp_path: Path) -> None:
    path = _sites_file(tmp_path / "sites.gpkg", dwellings=[-3], demand_kw=["much"])
    with pytest.raises(InputError) as caught:
        read_developments(path, UTM)
    assert set(caught.value.findings["rule"]) == {"out_of_range", "unreadable_cell"}
    assert caught.value.findings["element_id"].tolist() == ["s1", "s1"]


def test_cells_that_say_nothing_are_named_for_every_site(tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text(
        "site_id,name,status,lon,lat,homes,floors,phases,applied_on\n"
        "s1,A,enquiry,7.884,48.4475,many,shop,2027=0.5,soon\n"
        "s2,B,enquiry,7.884,48.4475,3x80=steam,,,\n"
    )
    with pytest.raises(InputError) as caught:
        read_developments(path, UTM)
    found = caught.value.findings
    assert found["element_id"].tolist() == ["s1"] * 4 + ["s2"]
    assert [message.split(":")[0] for message in found["message"]] == [
        "homes", "floors", "applied_on", "phases", "homes",
    ]  # fmt: skip
    path.write_text("site_id,name,status,lon,lat\ns1,A,enquiry,7.884,95\ns2,B,enquiry,7.884,48.4475\n")
    with pytest.raises(InputError, match="lon and lat name no place") as caught:
        read_developments(path, UTM)
    assert caught.value.findings["element_id"].tolist() == ["s1"]


@pytest.mark.parametrize("name", ["sites.csv", "sites.gpkg"])
def test_the_template_reads_back_and_its_example_is_no_site(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_site_template(path, station())
    assert read_developments(path, UTM) == []
    example = template_sites(station()).assign(site_id="s1").set_index("site_id")
    (asked,) = developments_of(example)
    assert (asked.home_count, asked.phases) == (18, ((2027, 0.4), (2030, 0.6)))
    assert developments_of(pd.DataFrame([site_row(asked)]).set_index("site_id")) == [asked]


def test_the_template_explains_every_column(tmp_path: Path) -> None:
    assert template_columns()["column"].tolist() == [column.name for column in SITES.columns]
    header, notes, *_ = csv.reader(template_csv(station()).splitlines())
    assert len(notes) == len(header) and all(notes)
    with pytest.raises(InputError, match=r"name the template \*\.csv or \*\.gpkg"):
        write_site_template(tmp_path / "sites.docx", station())
