"""The pages about years: what a demand scenario does to the demo area, and where capacity can be sold."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app_pages.year_study import names_files, read_scenario
from capacity.demand.demand_scenario import read_demand_scenario
from gis import InputError
from tests.app_pages.test_pages import metric, run_page


def _today(url_path: str) -> AppTest:
    page = run_page(url_path)
    return page.sidebar.selectbox(key="demand_scenario").set_value("today").run()


def test_years_page_tells_the_bottleneck_of_today_with_its_hours() -> None:
    page = _today("years")
    assert not page.exception and not page.error
    assert metric(page, "Elements over") == "1"
    table = page.dataframe[0].value
    assert list(table["element_id"]) == ["T_idx_35"] and table["hours_over"].iloc[0] > 100
    assert any("assumed" in expander.label for expander in page.expander)


def test_years_page_follows_a_customer_to_the_source_and_compares_two_scenarios() -> None:
    page = _today("years")
    page.session_state["year_customer"] = "LV Load 0"
    page.sidebar.selectbox(key="compare_with").set_value("electrification").run()
    assert not page.exception and not page.error
    assert any("HV/MV" in info.value.replace("\\", "") for info in page.info)
    assert any("peak_kw" in set(frame.value.get("what", ())) for frame in page.dataframe)


def test_selling_page_ranks_stations_and_says_what_they_take_together() -> None:
    page = _today("sell")
    assert not page.exception and not page.error
    stations, together = page.dataframe[0].value, page.dataframe[1].value
    assert stations["firm_kw"].is_monotonic_decreasing and len(stations) == 14
    assert (together["firm_kw"] <= together["firm_alone_kw"]).all()
    page.sidebar.radio(key="sell_order").set_value("customers without electric heating or charging").run()
    assert page.dataframe[0].value["station_id"].iloc[0] != stations["station_id"].iloc[0]


def test_an_uploaded_scenario_is_read_by_its_text_and_may_name_no_file() -> None:
    shipped = read_demand_scenario("today")
    assert read_scenario("today").scenario_id == shipped.scenario_id and not names_files(shipped)
    with pytest.raises(InputError):
        read_scenario("this is no scenario")
