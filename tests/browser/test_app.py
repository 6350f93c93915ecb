"""The app as people use it: started by the command, driven in a real browser without any way outside."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import gis
from capacity.demo import demo_network_path

from .conftest import ROOT, start_server, stop_server

pytestmark = pytest.mark.browser

HEAT_PUMPS = "Heat pumps in 1,251 homes, peak load"
ARTEFACTS = ROOT / "tests" / "artefacts"
HOSTILE = "T<img src=x onerror=alert(1)>${alert(2)}`'\"\\</script>{{7*7}} \u202eabc \U0001f600"


def start_app(*arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start `feederplan app` on a free port; returns the process and its address."""
    command = [sys.executable, "-c", "from capacity.cli import main; main()", "app", *arguments, "--headless"]
    return start_server(command, "--port={}")


@pytest.fixture(scope="module")
def demo_app() -> Iterator[str]:
    process, address = start_app()
    yield address
    stop_server(process)


@pytest.fixture
def open_page(browser_page, demo_app: str) -> Callable[[str], object]:
    def open_(title: str) -> object:
        browser_page.goto(demo_app)
        browser_page.get_by_role("link", name=title).click()
        _map(browser_page).locator("canvas").first.wait_for()
        return browser_page

    browser_page.set_default_timeout(60_000)
    return open_


def _map(page):
    return page.frame_locator("iframe[title*='st_folium']")


def _keep(page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"{name}.png"))


def _click_first_row(page) -> None:
    """Click the first row of the bottleneck table, once it is drawn."""
    table = page.locator("[data-testid='stDataFrame']").first
    table.wait_for()
    page.wait_for_timeout(1000)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 14, box["y"] + 50)


def _pixels_of(page, colour: tuple[int, int, int]) -> int:
    """Count pixels of one colour on the canvases of the map."""
    script = """(body, [r, g, b]) => [...body.querySelectorAll('canvas')].reduce((sum, canvas) => {
        if (!canvas.width || !canvas.height) return sum;
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let hits = 0;
        for (let i = 0; i < data.length; i += 4)
            if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 12
                && data[i + 3] > 200) hits += 1;
        return sum + hits;
    }, 0)"""
    return int(_map(page).locator("body").evaluate(script, list(colour)))


def test_map_shows_the_network_and_nothing_leaves_the_machine(open_page, traffic) -> None:
    page = open_page("Network and bottlenecks")
    page.get_by_text("36,730 kW").wait_for()
    page.wait_for_timeout(1000)
    assert _pixels_of(page, (0x21, 0x66, 0xAC)) > 200
    assert _map(page).get_by_text("Loading, of the limit [%]").is_visible()
    _keep(page, "network")
    traffic.assert_clean()


def test_scenario_switch_recolours_in_place_and_names_the_bottleneck(open_page, traffic) -> None:
    page = open_page("Network and bottlenecks")
    page.wait_for_timeout(1000)
    _map(page).locator("body").evaluate("body => { body.dataset.kept = 'yes'; }")
    assert _pixels_of(page, (0xA5, 0x00, 0x26)) == 0
    page.get_by_text(HEAT_PUMPS).click()
    page.get_by_text("37,981 kW").wait_for()
    page.wait_for_timeout(1500)
    assert _pixels_of(page, (0xA5, 0x00, 0x26)) > 20
    assert _map(page).locator("body").get_attribute("data-kept") == "yes", "the map was mounted anew"
    traffic.assert_clean()


def test_row_of_the_table_flies_to_the_bottleneck_and_shows_its_card(open_page, traffic) -> None:
    page = open_page("Network and bottlenecks")
    page.get_by_text(HEAT_PUMPS).click()
    page.get_by_text("37,981 kW").wait_for()
    _click_first_row(page)
    _map(page).get_by_text("T_idx_35").wait_for()
    page.get_by_text("How much more load fits here?").wait_for()
    page.wait_for_timeout(1500)
    assert "100 m" in _map(page).locator(".leaflet-control-scale").inner_text()
    _keep(page, "bottleneck")
    traffic.assert_clean()


def test_click_on_the_map_shows_the_card_of_the_asset(open_page, traffic) -> None:
    page = open_page("Network and bottlenecks")
    page.wait_for_timeout(1000)
    centre = _drawn_at(page, (0xE6, 0xB0, 0x00))  # the western HV/MV station, class 75 to 90
    page.mouse.click(*centre)
    page.get_by_text("How much more load fits here?").wait_for()
    _keep(page, "card")
    traffic.assert_clean()


def _drawn_at(page, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Where the first symbol of a colour is drawn, in page coordinates."""
    script = """(body, [r, g, b]) => { for (const canvas of body.querySelectorAll('canvas')) {
        if (!canvas.width || !canvas.height) continue;
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const box = canvas.getBoundingClientRect();
        for (let i = 0; i < data.length; i += 4)
            if (data[i] === r && data[i + 1] === g && data[i + 2] === b) {
                const x = (i / 4) % canvas.width, y = Math.floor(i / 4 / canvas.width);
                const sx = box.width / canvas.width, sy = box.height / canvas.height;
                return [box.x + (x + 4) * sx, box.y + (y + 4) * sy];
            }
    } return null; }"""
    found = _map(page).locator("body").evaluate(script, list(colour))
    assert found, f"nothing is drawn in {colour}"
    frame = page.locator("iframe[title*='st_folium']").bounding_box()
    return frame["x"] + found[0], frame["y"] + found[1]


def test_connect_page_answers_for_an_area_that_is_drawn(open_page, traffic) -> None:
    page = open_page("Connect a site")
    page.wait_for_timeout(1500)
    _map(page).locator(".leaflet-draw-draw-polygon").click()
    frame = page.locator("iframe[title*='st_folium']").bounding_box()
    left, top = frame["x"] + 0.4 * frame["width"], frame["y"] + 0.4 * frame["height"]
    for right, down in ((0, 0), (30, 0), (30, 24), (0, 0)):
        page.mouse.click(left + right, top + down)
        page.wait_for_timeout(300)
    page.get_by_text(re.compile(r"Area around: 48\.\d+ N, 7\.\d+ E")).wait_for()
    page.get_by_role("button", name="Check the connection").click()
    page.get_by_text(re.compile(r"Your site \(45 kW\) can(not)? be connected")).wait_for()
    page.get_by_text("Ways to connect it, the best first").wait_for()
    page.wait_for_timeout(1000)
    _keep(page, "connect")
    traffic.assert_clean()


def test_names_of_assets_are_text_and_never_run(browser_page, traffic, tmp_path: Path) -> None:
    network = gis.read_network(demo_network_path())
    renamed = network.transformers.rename(index={"T_idx_35": HOSTILE})
    path = tmp_path / "hostile.gpkg"
    gis.write_network(replace(network, transformers=renamed), path)
    process, address = start_app(str(path))
    dialogs: list[str] = []
    browser_page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    try:
        browser_page.set_default_timeout(90_000)
        browser_page.goto(address)
        browser_page.get_by_text(HEAT_PUMPS).click()
        browser_page.get_by_text("37,981 kW").wait_for()
        _click_first_row(browser_page)
        label = _map(browser_page).locator(".leaflet-tooltip")
        label.wait_for()
        assert label.inner_text().startswith("T<img src=x onerror=alert(1)>${alert(2)}")
        _keep(browser_page, "hostile")
    finally:
        stop_server(process)
    assert dialogs == []
    assert traffic.outside == [] and traffic.errors == []


def test_page_of_years_shows_a_year_and_compares_two_scenarios(open_page, traffic) -> None:
    page = open_page("Demand and bottlenecks by year")
    page.get_by_text("39,429 kW").wait_for()
    page.wait_for_timeout(1500)
    assert _pixels_of(page, (0xA5, 0x00, 0x26)) > 20
    assert _map(page).get_by_text("Loading, of the limit [%]").is_visible()
    _keep(page, "future")
    _click_first_row(page)
    _map(page).get_by_text("T_idx_35").wait_for()
    page.get_by_text("From the customer worst off behind it to the source").wait_for()
    page.wait_for_timeout(1500)
    _keep(page, "future_bottleneck")
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name="Today's customers, nothing added").click()
    _map(page).get_by_text("A limit is broken in 2045").wait_for()
    page.wait_for_timeout(1500)
    _keep(page, "future_compared")
    traffic.assert_clean()
