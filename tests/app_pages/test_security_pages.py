"""The pages of N-1 and of an outage in Streamlit's own harness, on an open ring."""

from __future__ import annotations

from pathlib import Path

import pytest

import gis
from capacity.launch import NETWORK_VARIABLE
from tests.app_pages.test_pages import metric, run_page
from tests.capacity.security.open_ring import ring


@pytest.fixture(autouse=True)
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gis.write_network(ring(), tmp_path / "ring.gpkg")
    monkeypatch.setenv(NETWORK_VARIABLE, str(tmp_path / "ring.gpkg"))


def test_security_is_studied_when_asked_and_judged_by_the_rule_chosen() -> None:
    page = run_page("security")
    assert not page.metric
    page.button(key="ask_security").click().run()
    assert not page.exception and not page.error
    assert metric(page, "Not restorable above 1 kV") == "1 of 6"  # the source alone
    assert page.success[0].value.startswith("All 3 have")
    assert page.dataframe[0].value["element_id"].iloc[0] == "S"
    page.sidebar.radio(key="security_colour").set_value("Customers")
    page.sidebar.selectbox(key="security_rule").set_value("german_practice").run()
    assert not page.exception and not page.error
    assert "German planning practice" in page.markdown[1].value


def test_a_fault_is_selected_or_found_from_indicators_and_its_plan_shown() -> None:
    page = run_page("outage")
    assert not page.metric
    page.session_state["selected"] = ("lines", "K2")
    page.run()
    assert not page.exception and not page.error
    assert metric(page, "Customers off at once") == "60"
    assert metric(page, "Left until repair") == "0"
    steps = page.dataframe[0].value
    assert steps["element_id"].tolist() == ["CB1", "W2", "CB1", "W3", "Z", ""]
    assert page.success
    page.sidebar.radio(key="outage_by").set_value("Fault indicators").run()
    assert not page.metric
    page.text_area(key="outage_indicators").set_value("W2=lit\nW3=dark").run()
    assert not page.exception and not page.error
    assert page.dataframe[0].value["section_id"].tolist() == ["K2"]
    assert metric(page, "Customers off at once") == "60"
    page.text_area(key="outage_indicators").set_value("W2=blue").run()
    assert page.error and "blue" in page.code[0].value
