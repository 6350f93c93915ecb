"""The map in a real browser: offline, coloured, clickable, redrawn in place."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

from gis.webmap import (
    PALETTE,
    LineLayer,
    PointLayer,
    class_legend,
    classify,
    highlight,
    network_map,
    save_html,
)

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}`</script>{{'x'}}"
# The legend alone has fewer of any class colour (at most about 700 at 1.5 pixels a point).
DRAWN_PIXELS = 1500
THRESHOLDS = (50.0, 75.0, 90.0, 100.0)

# The page keeps what a page may keep: a seed, a click, a place to fly to. Never the map.
SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import streamlit as st
from test_map_frame import HOSTILE, demo_highlight, demo_layers, demo_legends
from app_pages.map_frame import asset_url, clicked, show_map
from gis.webmap import network_map

st.session_state["runs"] = st.session_state.get("runs", 0) + 1
scenario = st.radio("Scenario", [0, 1], horizontal=True)
fly = st.button("Fly")
if fly:
    st.session_state["flights"] = st.session_state.get("flights", 0) + 1
more = st.checkbox("More points")
flights = st.session_state.get("flights", 0)
network = network_map(
    demo_layers(scenario, points=120 if more else 100),
    legends=demo_legends(), bounds_lonlat=(8.60, 49.38, 8.72, 49.44),
    asset_url=asset_url(), attribution="Own survey & co",
)
shown = show_map(
    network, key="network", height=560,
    center=(49.41, 8.66) if flights else None, zoom=16 if flights else None,
    focus_id=str(flights), feature_group=demo_highlight(),
)
click = clicked(shown)
st.text(f"runs={{st.session_state['runs']}} click={{click}}")
"""


def demo_layers(scenario: int, points: int = 100, lines: int = 2000) -> list[LineLayer | PointLayer]:
    rng = np.random.default_rng(7)
    start = np.column_stack([rng.uniform(8.60, 8.72, lines), rng.uniform(49.38, 49.44, lines)])
    steps = rng.normal(0, 0.0008, (lines, 4, 2)).cumsum(axis=1)
    streets = gpd.GeoSeries(shapely.linestrings(start[:, None, :] + steps), crs=4326)
    stations = gpd.GeoSeries(shapely.points(start[:points]), crs=4326)
    loading = np.random.default_rng(scenario).uniform(0, 115, lines)
    loading[::10] = np.nan
    classes = classify(loading, THRESHOLDS)
    return [
        LineLayer("Lines " + HOSTILE, streets, classes),
        PointLayer("Stations", stations, classes[:points], radius_px=7.0, shape="square"),
    ]


def demo_legends() -> list:
    title = "Loading " + HOSTILE
    return [
        class_legend(title, THRESHOLDS, unit="%"),
        class_legend("Stations", THRESHOLDS, unit="%", symbol="square", note="From zoom 0."),
    ]


def demo_highlight():
    return highlight(demo_layers(0)[1].geometry.iloc[[3]], label="Station 3 " + HOSTILE)


@pytest.fixture
def map_script(tmp_path: Path) -> Path:
    script = tmp_path / "mini_app.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)), encoding="utf-8")
    return script


def test_map_is_drawn_and_recoloured_in_place_without_the_outside(
    browser_page, traffic, streamlit_server, map_script, tmp_path
) -> None:
    frame = _open_map(browser_page, streamlit_server(map_script))
    before = _pixel_counts(browser_page, tmp_path / "scenario_0.png")
    assert min(before.values()) > DRAWN_PIXELS, before

    frame.evaluate("window.stillTheSameFrame = true; map.setZoom(map.getZoom() + 1)")
    browser_page.wait_for_timeout(1200)
    view = frame.evaluate("[map.getZoom(), map.getCenter().lat]")
    assert _runs(browser_page) == 1

    classes = "feederplanClasses()"
    frame.evaluate(
        f"window.{classes[:-2]} = () => Array.from(Object.values(map._layers)"
        ".find(l => l._classes)._classes).join()"
    )
    first = frame.evaluate(classes)
    browser_page.get_by_text("1", exact=True).first.click()
    browser_page.wait_for_timeout(2500)
    assert _runs(browser_page) == 2
    assert frame.evaluate("window.stillTheSameFrame")
    assert frame.evaluate("[map.getZoom(), map.getCenter().lat]") == view
    assert frame.evaluate(classes) != first
    browser_page.screenshot(path=tmp_path / "scenario_1.png")
    traffic.assert_clean()


def test_click_returns_coordinate_and_reach(browser_page, traffic, streamlit_server, map_script) -> None:
    frame = _open_map(browser_page, streamlit_server(map_script))
    lat, lon = frame.evaluate("[map.getCenter().lat, map.getCenter().lng]")
    box = browser_page.locator("iframe").first.bounding_box()
    browser_page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 280)
    browser_page.get_by_text("click=MapClick").wait_for(timeout=8000)
    text = browser_page.get_by_text("click=MapClick").inner_text()
    numbers = dict(pair.split("=") for pair in text.split("MapClick(")[1].rstrip(")").split(", "))
    assert float(numbers["lon"]) == pytest.approx(lon, abs=1e-3)
    assert float(numbers["lat"]) == pytest.approx(lat, abs=1e-3)
    assert 1.0 < float(numbers["metres_per_pixel"]) < 100.0
    traffic.assert_clean()


def test_flight_keeps_the_frame_and_repeats_on_request(
    browser_page, traffic, streamlit_server, map_script
) -> None:
    frame = _open_map(browser_page, streamlit_server(map_script))
    frame.evaluate("window.stillTheSameFrame = true")
    for _ in range(2):
        browser_page.get_by_role("button", name="Fly").click()
        browser_page.wait_for_timeout(2500)
        assert frame.evaluate("window.stillTheSameFrame")
        assert frame.evaluate("map.getZoom()") == 16
        assert frame.evaluate("map.getCenter().lat") == pytest.approx(49.41, abs=1e-4)
        frame.evaluate("map.setView([49.39, 8.61], 13, {animate: false})")
        browser_page.wait_for_timeout(600)
    traffic.assert_clean()


def test_other_geometry_mounts_a_new_map_at_the_view_the_user_left(
    browser_page, traffic, streamlit_server, map_script
) -> None:
    frame = _open_map(browser_page, streamlit_server(map_script))
    frame.evaluate("map.setView([49.40, 8.63], 15, {animate: false})")
    browser_page.wait_for_timeout(600)
    browser_page.get_by_text("More points").click()
    browser_page.wait_for_timeout(3500)
    frame = _map_frame(browser_page)
    assert frame.evaluate("map.getZoom()") == 15
    assert frame.evaluate("map.getCenter().lat") == pytest.approx(49.40, abs=1e-4)
    traffic.assert_clean()


def test_map_is_drawn_behind_a_base_path(
    browser_page, traffic, streamlit_server, map_script, tmp_path
) -> None:
    _open_map(browser_page, streamlit_server(map_script, base_path="grid/plan"))
    assert min(_pixel_counts(browser_page, tmp_path / "base_path.png").values()) > DRAWN_PIXELS
    traffic.assert_clean()


def test_saved_file_draws_without_a_server(browser_page, traffic, tmp_path) -> None:
    network = network_map(
        demo_layers(0),
        legends=demo_legends(),
        bounds_lonlat=(8.60, 49.38, 8.72, 49.44),
        asset_url="assets",
        overlays=[demo_highlight()],
    )
    save_html(network, tmp_path / "map.html")
    browser_page.goto((tmp_path / "map.html").as_uri())
    browser_page.wait_for_selector("canvas.fp-tile")
    browser_page.wait_for_timeout(800)
    assert min(_pixel_counts(browser_page, tmp_path / "saved.png").values()) > DRAWN_PIXELS
    assert HOSTILE in browser_page.inner_text(".fp-legend")
    traffic.assert_clean()


def test_layer_waits_for_its_zoom_and_can_be_switched_off(browser_page, traffic, tmp_path) -> None:
    lines, stations = demo_layers(0)
    late = dataclasses.replace(stations, min_zoom=15)
    network = network_map([lines, late], legends=[], bounds_lonlat=None, asset_url="assets")
    save_html(network, tmp_path / "map.html")
    browser_page.goto((tmp_path / "map.html").as_uri())
    browser_page.wait_for_selector("canvas.fp-tile")
    browser_page.evaluate(
        "window.map = window[Object.keys(window).find(k => /^map_[0-9a-f]{32}$/.test(k))];"
        "window.tilesOf = shape => { const l = Object.values(map._layers).find("
        "l => l._classes && l.options.shape === shape);"
        "return l ? Object.keys(l._tiles).length : -1; }"
    )
    assert browser_page.evaluate("[tilesOf('line') > 0, tilesOf('square')]") == [True, 0]
    browser_page.evaluate("map.setZoom(15, {animate: false})")
    browser_page.wait_for_timeout(500)
    assert browser_page.evaluate("tilesOf('square')") > 0
    browser_page.locator(".leaflet-control-layers-selector").nth(1).uncheck()
    assert browser_page.evaluate("tilesOf('square')") == -1
    traffic.assert_clean()


def _open_map(page, address: str):
    page.on("dialog", lambda dialog: pytest.fail(f"a name was executed: {dialog.message}"))
    page.goto(address)
    page.frame_locator("iframe").locator("canvas.fp-tile").first.wait_for(timeout=40_000)
    page.wait_for_timeout(1500)
    return _map_frame(page)


def _map_frame(page):
    return next(f for f in reversed(page.frames) if "st_folium" in f.url)


def _runs(page) -> int:
    return int(page.get_by_text("runs=").inner_text().split()[0].removeprefix("runs="))


def _pixel_counts(page, path: Path) -> dict[str, int]:
    """Pixels of each class colour in a screenshot, legend included."""
    picture = page.screenshot(path=path)
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    wanted = {colour: [int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in PALETTE}
    return {colour: int((np.abs(pixels - rgb).max(axis=2) <= 3).sum()) for colour, rgb in wanted.items()}
