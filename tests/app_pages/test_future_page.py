"""The page of years in Streamlit's own harness: what it shows is what the study found."""

from __future__ import annotations

from pathlib import Path

import pytest

import gis
from app_pages.frame import plain
from capacity.launch import NETWORK_VARIABLE
from gis.examples import network_from_text
from tests.app_pages.test_pages import metric, run_page
from tests.capacity.demand.test_uploaded_scenario import GOOD
from tests.capacity.study.test_future_year import FEEDER


@pytest.fixture
def feeder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "feeder.gpkg"
    gis.write_network(network_from_text(FEEDER), path)
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))


def test_demo_area_in_2045() -> None:
    page = run_page("years")
    assert not page.exception and not page.error
    assert metric(page, "Peak demand") == "39,429 kW"
    assert metric(page, "Transformers / lines over") == "9 / 153"
    assert metric(page, "Customers not placed") == "12"
    table = page.dataframe[0].value
    assert table["element_id"].iloc[0] == "T_idx_35"
    assert any("1,690 hours break a limit" in plain_of(caption.value) for caption in page.caption)


def plain_of(text: str) -> str:
    return text.replace("\\", "")


def test_a_selected_asset_has_its_card_cause_and_chain(feeder: None) -> None:
    page = run_page("years")
    page.session_state["selected"] = ("lines", "L2")
    page.run()
    assert not page.exception
    card = next(frame.value for frame in page.dataframe if "value" in frame.value)
    assert dict(card.itertuples(index=False, name=None))["State"] == "over its limit in some hour"
    chain = next(frame.value for frame in page.dataframe if "link" in frame.value)
    assert chain["element"].tolist() == ["L2", "L1", "T"]
    assert page.info


def test_colour_by_voltage_another_year_and_other_limits(feeder: None) -> None:
    page = run_page("years")
    page.sidebar.radio(key="future_colour_by").set_value("Voltage").run()
    page.sidebar.select_slider[0].set_value(2030).run()
    page.sidebar.selectbox(key="limits").set_value("dena").run()
    assert not page.exception and not page.error
    assert page.subheader[0].value.startswith("2030")


def test_two_scenarios_stand_beside_each_other(feeder: None) -> None:
    page = run_page("years")
    page.sidebar.selectbox(key="future_other").set_value("today").run()
    assert not page.exception and not page.error
    rows = next(frame.value for frame in page.dataframe if "difference" in frame.value)
    assert "Peak demand [kW]" in rows["what"].tolist()
    page.sidebar.radio(key="future_compare_by").set_value("Difference of loading").run()
    assert not page.exception and not page.error
    page.sidebar.selectbox[0].set_value("today").run()
    assert not page.exception and not page.error


def test_a_scenario_of_ones_own_is_shown_and_its_name_is_no_markup(feeder: None) -> None:
    name = "![x](http://evil.example/x.png) <b>"
    page = run_page("years")
    text = GOOD.replace('"Mine"', f'"{name}"')
    page.file_uploader[0].upload("own.toml", text.encode(), "application/toml").run()
    assert not page.exception and not page.error
    assert page.subheader[0].value == plain(f"2030: {name}")


def test_a_scenario_that_makes_no_sense_is_refused_with_all_faults(feeder: None) -> None:
    page = run_page("years")
    bad = GOOD.replace("seed = 1", "seed = -1").replace("unit_kw = 11.0", "unit_kw = -2")
    page.file_uploader[0].upload("own.toml", bad.encode(), "application/toml").run()
    assert not page.exception
    assert "This scenario cannot be used" in page.error[0].value
    assert all(key in page.code[0].value for key in ("seed", "uptake.ev.unit_kw"))
    assert page.metric  # the shipped ones are still shown
