"""The pages about years: what a demand scenario does to the demo area, and where capacity can be sold."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.app_pages.test_pages import run_page


def _today(url_path: str) -> AppTest:
    page = run_page(url_path)
    return page.sidebar.selectbox(key="sell_scenario_electrification").set_value("today").run()


def test_selling_page_ranks_stations_and_says_what_they_take_together() -> None:
    page = _today("sell")
    assert not page.exception and not page.error
    stations, together = page.dataframe[0].value, page.dataframe[1].value
    assert stations["firm_kw"].is_monotonic_decreasing and len(stations) == 14
    assert (together["firm_kw"] <= together["firm_alone_kw"]).all()
    page.sidebar.radio(key="sell_order").set_value("customers without electric heating or charging").run()
    assert page.dataframe[0].value["station_id"].iloc[0] != stations["station_id"].iloc[0]
