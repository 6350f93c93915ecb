"""Import data as people do it: a file sent, a column corrected, the network seen, checked and taken home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import gis
from capacity.demo import demo_network_path
from tests.capacity.test_mapping_draft import town
from tests.networks import raw_layers, station, write_raw

from .conftest import stop_server
from .test_app import _drawn_at, _keep, _map, _pixels_of, start_app

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}`'\"\\</script>{{7*7}}"
SET_ASIDE_COLOUR, MV_COLOUR = (0xA5, 0x00, 0x26), (0x21, 0x66, 0xAC)
# Glide's grid: height of heading and rows, and where "Your column" lies [px].
ROW_PX, SOURCE_AT_PX = 35, 310


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    process, address = start_app()
    yield address
    stop_server(process)


@pytest.fixture(autouse=True)
def dialogs(browser_page) -> Iterator[list[str]]:
    """Dialogs that opened: a name that was run as a script opens one."""
    opened: list[str] = []
    browser_page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    yield opened
    assert opened == []


def send(page, address: str, path: Path) -> None:
    """Open the import page and send one file."""
    page.set_default_timeout(60_000)
    page.goto(address)
    page.get_by_role("link", name="Import data").click()
    page.get_by_text("Files of your network").wait_for()
    page.locator("input[type=file]").first.set_input_files(str(path))
    page.get_by_role("heading", name="3. Import").wait_for()
    page.get_by_role("button", name="Import", exact=True).wait_for()
    page.wait_for_timeout(1500)


def run_import(page) -> None:
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("heading", name="4. Use it").wait_for()
    _map(page).locator("canvas").first.wait_for()
    page.wait_for_timeout(1500)


def choose_column(page, row: int, column: str) -> None:
    """Choose the source column of one row of the mapping table that is shown."""
    table = page.locator("[role=tabpanel]:visible [data-testid='stDataFrame']").first
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    box = table.bounding_box()
    page.mouse.dblclick(box["x"] + SOURCE_AT_PX, box["y"] + ROW_PX * (row + 1) + ROW_PX // 2)
    page.wait_for_timeout(500)
    page.keyboard.type(column)
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)


def faulty_town(tmp_path: Path) -> Path:
    """The station in German columns, with a load that cannot be modelled and a hostile column name."""
    layers = town()
    loads = layers["Hausanschluesse"].astype({"Leistung_kW": object})
    loads.loc[1, "Leistung_kW"] = "-5"
    layers["Hausanschluesse"] = loads.assign(**{HOSTILE: "x"})
    return write_raw(layers, tmp_path / "town.gpkg")


def stripped_demo(tmp_path: Path) -> Path:
    """The demo area without buses, switches and every reference to a bus."""
    layers = raw_layers(gis.read_network(demo_network_path()))
    bare = {
        name: frame.drop(columns=[c for c in frame.columns if c.endswith("bus_id")])
        for name, frame in layers.items()
        if name in ("lines", "transformers", "sources", "loads", "generators")
    }
    return write_raw(bare, tmp_path / "bare.gpkg")


def test_a_foreign_file_is_corrected_imported_seen_opened_and_taken_home(
    browser_page, traffic, app: str, tmp_path: Path
) -> None:
    page = browser_page
    send(page, app, faulty_town(tmp_path))
    page.get_by_role("tab", name="transformers (Trafos)").click()
    for row, column in ((6, "OS_kV"), (7, "US_kV")):
        choose_column(page, row, column)
    _keep(page, "import_mapping")
    run_import(page)
    page.get_by_text("1 modelled + 1 set aside").wait_for()
    assert _pixels_of(page, SET_ASIDE_COLOUR) > 20
    assert _map(page).get_by_text("Set aside: 1").is_visible()
    _keep(page, "import_result")

    with page.expect_download() as sent:
        page.get_by_role("button", name="Network as GeoPackage").click()
    home = tmp_path / "home.gpkg"
    sent.value.save_as(home)
    network = gis.read_network(home)
    assert network.lines.index.tolist() == station().lines.index.tolist()
    assert network.transformers.loc["T", ["vn_hv_kv", "vn_lv_kv"]].tolist() == [20.0, 0.4]
    assert len(network.quarantine) == 1
    with page.expect_download() as sent:
        page.get_by_role("button", name="Mapping (TOML)").click()
    text = Path(sent.value.path()).read_text(encoding="utf-8")
    assert 'vn_hv_kv = "OS_kV"' in text and 'vn_lv_kv = "US_kV"' in text
    with page.expect_download() as sent:
        page.get_by_role("button", name="Findings as spreadsheet").click()
    assert pd.read_excel(sent.value.path(), sheet_name="quarantine")["rule"].tolist() == ["out_of_range"]

    page.get_by_role("button", name="Open this network in the map").click()
    page.get_by_text("It is open").wait_for()
    _sees_another_session_the_demo_area(page, app)
    page.get_by_role("link", name="Data quality").click()
    page.get_by_text("Data quality: town.gpkg").wait_for()
    _map(page).locator("canvas").first.wait_for()
    page.wait_for_timeout(1500)
    page.mouse.click(*_drawn_at(page, SET_ASIDE_COLOUR))
    page.get_by_text("What to do", exact=True).wait_for()
    _keep(page, "quality_card")
    traffic.assert_clean()


def _sees_another_session_the_demo_area(page, address: str) -> None:
    """A second browser, at the same time, on the same server."""
    context = page.context.browser.new_context()
    other = context.new_page()
    other.set_default_timeout(60_000)
    other.goto(address)
    other.get_by_text("36,730 kW").wait_for()
    other.get_by_role("link", name="Import data").click()
    other.get_by_text("Files of your network").wait_for()
    other.wait_for_timeout(1000)
    assert other.get_by_text("town.gpkg").count() == 0
    assert other.get_by_role("button", name="Open this network in the map").count() == 0
    context.close()


def test_the_demo_area_without_ids_is_rebuilt_and_its_findings_are_on_the_map(
    browser_page, traffic, app: str, tmp_path: Path
) -> None:
    page = browser_page
    send(page, app, stripped_demo(tmp_path))
    run_import(page)
    page.get_by_text("2,904 read").first.wait_for()
    assert _pixels_of(page, MV_COLOUR) > 200
    table = page.locator("[class*='st-key-imported_issues']")
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 14, box["y"] + 1.5 * ROW_PX)
    page.get_by_text("What is wrong", exact=True).first.wait_for()
    page.wait_for_timeout(1500)
    assert _map(page).locator(".leaflet-control-scale").inner_text().split()[1] == "m"
    _keep(page, "import_demo")
    traffic.assert_clean()


def test_a_hostile_column_name_is_text_where_it_is_shown(
    browser_page, traffic, app: str, tmp_path: Path
) -> None:
    page = browser_page
    layers = town()
    loads = layers["Hausanschluesse"].rename(columns={"Kundenart": f"Kundenart {HOSTILE}"})
    layers["Hausanschluesse"] = loads.assign(Nr=[f"A{HOSTILE}", "B"], Leistung_kW=[-1.0, 20.0])
    send(page, app, write_raw(layers, tmp_path / "town.gpkg"))
    page.get_by_text("Look at the first rows").click()
    page.get_by_role("tab", name="loads (Hausanschluesse)").click()
    page.wait_for_timeout(1000)
    run_import(page)
    page.get_by_role("tab", name="Set aside").click()
    page.wait_for_timeout(1000)
    _keep(page, "import_hostile")
    traffic.assert_clean()
