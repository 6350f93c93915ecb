"""The pages of connections and of the register: what is shown is what was asked, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from streamlit.testing.v1 import AppTest

import gis
from app_pages.connect_question import read_coordinates
from app_pages.frame import plain
from capacity.demand.development import Development
from capacity.launch import NETWORK_VARIABLE, PROJECT_VARIABLE
from capacity.store import open_store
from tests.app_pages.test_pages import metric, run_page
from tests.networks import station

PAYLOAD = "![x](http://evil.example/x.png) <b>:red[a]$1$"


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station with two sites beside its feeder; the name of one would be markup."""
    network = station()
    beside = shapely.affinity.translate(network.buses.geometry["E"], 10.0, 0.0)
    rows = {"name": [PAYLOAD, "Yard"], "status": "enquiry", "dwellings": [2, 900]}
    sites = gpd.GeoDataFrame(
        rows, index=pd.Index(["mill", "yard"], name="site_id"), geometry=[beside] * 2, crs=network.crs
    )
    path = tmp_path_factory.mktemp("village") / "village.gpkg"
    gis.write_network(replace(network, sites=sites), path)
    return path


@pytest.fixture(autouse=True)
def _in_the_village(village: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NETWORK_VARIABLE, str(village))
    monkeypatch.setenv(PROJECT_VARIABLE, str(tmp_path / "village.fplan"))


def said(page: AppTest) -> str:
    return "\n".join(one.value for one in [*page.markdown, *page.caption])


def test_a_site_is_answered_in_a_sentence_and_its_name_is_never_markup() -> None:
    page = run_page("connect")
    page.selectbox(key="known_site").set_value("mill").run()
    page.button(key="check").click().run()
    assert not page.exception and not page.error
    assert f"**Yes.** {plain(PAYLOAD)}" in said(page) and PAYLOAD not in said(page)
    assert "Checked: every way in reach" in said(page), "the quick answer was left without the whole one"
    assert all(plain(word) in said(page) for word in ("EN 50160", "dena 2012, prices of 2012"))
    page.selectbox(key="known_site").set_value("yard").run()
    assert "**Yes.**" not in said(page), "a verdict is shown beside another site"


def test_a_place_is_asked_for_and_the_figures_given_are_the_ones_judged(tmp_path: Path) -> None:
    page = run_page("connect")
    assert page.button(key="check").disabled
    place = station().buses.geometry[["E"]].to_crs(4326).iloc[0]
    page.text_input(key="coordinates").set_value(f"{place.y:.6f}, {place.x:.6f}").run()
    page.number_input(key="homes").set_value(0).run()
    page.number_input(key="further").set_value(1.0).run()
    page.button(key="check").click().run()
    assert metric(page, "Demand") == "1 kW"
    page.session_state["connect_view"] = "For the planner"
    page.run()
    tables = [frame.value for frame in page.dataframe]
    assert not page.exception and any("customer_share" in table for table in tables)
    page.session_state["connect_view"] = "For the customer"
    page.run()
    page.text_input(key="register_user").set_value("Ann").run()
    page.button(key="register_put").click().run()
    assert not page.exception
    kept = open_store(tmp_path / "village.fplan", user="Bob").applications()
    assert kept[["application_id", "demand_kw", "verdict", "made_by"]].to_numpy().tolist() == [
        ["A1", 1.0, "connect", "Ann"]
    ]


def test_coordinates_may_be_a_place_or_an_area() -> None:
    assert read_coordinates("48.5, 7.9").wkt == "POINT (7.9 48.5)"
    assert read_coordinates("48, 7; 48, 8; 49, 8;").area == pytest.approx(0.5)


@pytest.mark.parametrize(
    "typed", ["here", "48.5", "98, 7", "48, 7; 48, 8", "48, 7; 49, 8; 48, 8; 49, 7", "nan, 7"]
)
def test_coordinates_that_are_no_place_are_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"type latitude|between -90 and 90|three corners"):
        read_coordinates(typed)


def test_a_change_that_comes_second_shows_both_versions_and_loses_nothing(tmp_path: Path) -> None:
    other = open_store(tmp_path / "village.fplan", user="Bob")
    first = other.add(Development(place=station().buses.geometry["E"], name="Mill"), station().crs)
    page = run_page("register")
    page.text_input(key="register_user").set_value("Ann").run()
    page.session_state["register_list"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    page.run()
    other.change(replace(first, note="needs a meter room"))
    page.text_input(key="applicant_A1_1").set_value("Mill & Sons")
    next(button for button in page.button if button.label == "Save").click().run()
    assert "Bob changed this application" in page.warning[0].value
    versions = next(frame.value for frame in page.dataframe if "theirs" in frame.value)
    assert versions["theirs"].tolist() == ["", "needs a meter room"]
    page.button(key="conflict_both").click().run()
    kept = other.application("A1")
    assert (kept.applicant, kept.note, kept.changed_by) == ("Mill & Sons", "needs a meter room", "Ann")
    page.button(key="decide_A1_3").click().run()
    assert not page.exception and other.application("A1").status == "quoted"
