"""Every page runs in Streamlit's own test harness; what it shows comes from the demo area."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import gis
from app_pages import PAGES
from app_pages.frame import plain
from capacity.launch import NETWORK_VARIABLE
from gis.examples import network_from_text
from tests.networks import station

ROOT = Path(__file__).resolve().parents[2]


def run_page(url_path: str) -> AppTest:
    """Run one page framed as the router frames it."""
    return page_of(url_path).run()


def page_of(url_path: str) -> AppTest:
    """One page that has not run yet."""
    script = (
        "from app_pages import PAGES\n"
        "from app_pages.frame import framed\n"
        f"framed(next(p for p in PAGES if p.url_path == {url_path!r}).show)()\n"
    )
    # The first year that is solved on a machine compiles the engine.
    return AppTest.from_string(script, default_timeout=300)


def metric(page: AppTest, label: str) -> str:
    return next(m.value for m in page.metric if m.label == label)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.url_path)
def test_page_runs_without_exception_or_error(page) -> None:
    shown = run_page(page.url_path)
    assert not shown.exception
    assert not shown.error


def test_router_starts_with_the_first_page() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not app.exception
    assert metric(app, "Demand") == "36,730 kW"


def test_router_is_at_most_60_lines() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 60


def test_network_page_shows_the_demo_area_as_it_is_solved() -> None:
    page = run_page("network")
    assert metric(page, "Losses") == "1,098 kW"
    assert metric(page, "Lowest voltage") == "0.9329 pu"
    assert metric(page, "Bottlenecks") == "0"
    assert "Every limit of EN 50160 holds" in page.success[0].value


def test_a_feeder_with_weak_data_is_told_instead_of_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gis.write_network(station("load Z E 900 commercial service_kw=10"), tmp_path / "weak.gpkg")
    monkeypatch.setenv(NETWORK_VARIABLE, str(tmp_path / "weak.gpkg"))
    page = run_page("network")
    assert not page.exception
    assert "data too weak for results" in page.warning[0].value
    assert metric(page, "Losses") == "no data"


def test_heat_pumps_overload_one_transformer() -> None:
    page = run_page("network")
    page.sidebar.radio(key="scenario").set_value("heat_pumps").run()
    assert not page.exception
    assert metric(page, "Bottlenecks") == "1"
    assert metric(page, "Lowest voltage") == "0.9083 pu"
    table = page.dataframe[0].value
    assert list(table["element_id"]) == ["T_idx_35"]
    assert table["unserved_kw"].iloc[0] == pytest.approx(145.3, abs=0.1)


def test_other_limits_give_other_bottlenecks() -> None:
    page = run_page("network")
    page.sidebar.selectbox(key="limits").set_value("ansi").run()
    assert not page.exception
    assert int(metric(page, "Bottlenecks")) > 0


def test_selected_asset_has_its_card_and_headroom() -> None:
    page = run_page("network")
    page.session_state["selected"] = ("transformers", "T_idx_35")
    page.run()
    card = dict(page.dataframe[0].value.itertuples(index=False, name=None))
    assert card["Loading"] == "97.7 % (within the limit of 100 %)"
    assert card["Behind it"].endswith("177 customers")
    page.button(key="ask_headroom").click().run()
    assert not page.exception
    assert plain("kW more load fits at NS_bus_idx_35") in page.info[0].value


def test_every_bus_is_asked_and_the_stations_with_most_room_come_first() -> None:
    page = run_page("network")
    tables = len(page.dataframe)
    page.button(key="ask_all_headroom").click().run()
    assert not page.exception
    assert any(caption.value.startswith("3,119 buses: ") for caption in page.caption)
    stations = page.dataframe[tables].value
    assert stations["headroom_kw"].is_monotonic_decreasing and len(stations) > 10
    page.radio(key="headroom_direction").set_value("generation").run()
    assert len(page.dataframe) == tables  # an answer to another question is not shown


def test_bad_network_is_explained_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "town.gpkg"
    bad.write_text("not a GeoPackage")
    monkeypatch.setenv(NETWORK_VARIABLE, str(bad))
    page = run_page("network")
    assert not page.exception
    assert "cannot be used" in page.error[0].value
    assert "the content is not a GeoPackage" in page.code[0].value


def test_defect_shows_an_error_id_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    import app_pages.network

    def broken() -> None:
        raise RuntimeError("secret path /srv/data")

    monkeypatch.setattr(app_pages.network, "open_study", broken)
    page = run_page("network")
    assert not page.exception
    assert "Error id" in page.error[0].value
    assert "secret" not in page.error[0].value


def test_first_page_does_not_load_pandapower() -> None:
    """The stored results show before pandapower is loaded: in a fresh process it is not imported."""
    script = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(ROOT / 'app.py')!r}, default_timeout=60).run()\n"
        "assert not app.exception and len(app.metric) == 6\n"
        "print('pandapower' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_names_are_never_markup_on_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = "![x](http://evil.example/x.png) <b>:red[a]$1$"
    path = tmp_path / "named.gpkg"
    gis.write_network(replace(station(), info={"name": payload, "credits": payload}), path)
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))
    page = run_page("network")
    captions = "".join(caption.value for caption in page.caption)
    for text in (page.subheader[0].value, captions):
        assert plain(payload) in text
        assert payload not in text


SMALL = {
    "low voltage only": """
        bus A 0.4
        bus B 0.4
        source grid A
        line L1 A B 50 "NAYY 4x150 SE"
        load home B 5
    """,
    "customers without supply": """
        bus A 20
        bus B 0.4
        bus C 0.4
        bus D 0.4
        source grid A
        transformer T A B "0.4 MVA 20/0.4 kV"
        line L1 B C 50 "NAYY 4x150 SE"
        line L2 C D 50 "NAYY 4x50 SE"
        switch S open C lines L2
        load near C 5
        load far D 7
    """,
    "no solution": """
        bus A 0.4
        bus B 0.4
        source grid A
        line L1 A B 5000 "NAYY 4x50 SE"
        load works B 900 industrial
    """,
}


@pytest.mark.parametrize("text", SMALL.values(), ids=SMALL.keys())
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.url_path)
def test_pages_show_any_network(page, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.gpkg"
    gis.write_network(network_from_text(text), path)
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))
    shown = run_page(page.url_path)
    assert not shown.exception
    assert not shown.error


def test_network_page_names_customers_without_supply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.gpkg"
    gis.write_network(network_from_text(SMALL["customers without supply"]), path)
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))
    page = run_page("network")
    assert metric(page, "Without supply") == "7 kW"
    row = page.dataframe[0].value.iloc[0]
    assert (row["element_id"], row["check"], row["customers_affected"]) == ("far", "no supply", 1)


def test_network_page_shows_no_figure_where_there_is_no_solution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "small.gpkg"
    gis.write_network(network_from_text(SMALL["no solution"]), path)
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))
    page = run_page("network")
    assert [metric(page, label) for label in ("Losses", "Lowest voltage")] == ["no data", "no data"]
    assert metric(page, "Without supply") == "900 kW"


def test_a_changed_network_file_is_read_and_solved_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "small.gpkg"
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))
    demands = []
    for home_kw in (5, 6):
        text = SMALL["low voltage only"].replace("load home B 5", f"load home B {home_kw}")
        gis.write_network(network_from_text(text), path)
        demands.append(metric(run_page("network"), "Demand"))
    assert demands == ["5 kW", "6 kW"]
