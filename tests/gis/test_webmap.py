"""The web map without a browser: coding, escaping, classes, and no outside address."""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path

import folium
import geopandas as gpd
import numpy as np
import pytest
import shapely

from gis.webmap import (
    Legend,
    LineLayer,
    PointLayer,
    Swatch,
    asset_dir,
    class_legend,
    classify,
    code_lines,
    code_points,
    escape_for_map,
    halo_group,
    highlight,
    nearest_asset,
    network_map,
    route_group,
    save_html,
    site_group,
    update_group,
    width_by_class,
)
from gis.webmap.coding import QUANTUM_DEGREE, decode

THRESHOLDS = (50, 75, 90, 100)
HOSTILE_NAMES = [
    "${alert(1)}",
    "`+alert(1)+`",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}{{'x'}}",
    "\\u0024{alert(1)} \\",
    "\"'; alert(1); //",
    "O'Brien & Sons <Süd>",
    "تحويلة \u202eabc\u202c שנאי",
    "变压器 ⚡🏘️",
    "x" * 500,
    "line\nbreak\ttab \u2028 end",
    "",
]


def _lines(count: int = 6, seed: int = 1) -> gpd.GeoSeries:
    rng = np.random.default_rng(seed)
    start = rng.uniform((8.6, 49.3), (8.8, 49.5), (count, 2))
    steps = rng.normal(0, 1e-3, (count, 5, 2)).cumsum(axis=1)
    ids = [f"L{number}" for number in range(count)]
    return gpd.GeoSeries(shapely.linestrings(start[:, None, :] + steps), index=ids, crs=4326)


def _starts(lines: gpd.GeoSeries) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapely.get_point(lines.to_numpy(), 0), index=lines.index, crs=lines.crs)


def _classes(count: int) -> np.ndarray:
    return (np.arange(count) % 6 - 1).astype(np.int8)


def _map(name: str = "Lines", classes: np.ndarray | None = None):
    lines = _lines()
    return network_map(
        [
            LineLayer(name, lines, _classes(6) if classes is None else classes),
            PointLayer("Stations", _starts(lines), _classes(6), min_zoom=12),
        ],
        legends=[class_legend(name, THRESHOLDS, unit="%")],
        bounds_lonlat=None,
        asset_url="../assets",
        attribution=name,
    )


def test_coding_gives_every_vertex_back_within_half_a_quantum() -> None:
    lines = _lines(200)
    parts = decode(code_lines(lines))
    assert len(parts) == len(lines)
    for part, line in zip(parts, lines, strict=True):
        error = np.abs(part - shapely.get_coordinates(line)).max()
        assert error <= QUANTUM_DEGREE / 2 * 1.001


@pytest.mark.parametrize("corner", [(-180.0, -90.0), (180.0, 90.0), (0.0, 0.0)])
def test_coding_reaches_every_corner_of_the_world(corner: tuple[float, float]) -> None:
    points = gpd.GeoSeries(shapely.points([corner, (-179.999999, 89.5), corner]), crs=4326)
    shown = np.concatenate(decode(code_points(points)))
    assert shown == pytest.approx(shapely.get_coordinates(points), abs=1e-6)


def test_parts_belong_to_their_row_and_nothing_is_drawn_for_missing_geometry() -> None:
    multi = shapely.MultiLineString([[(8, 49), (8.1, 49)], [(8.2, 49), (8.3, 49)]])
    single = shapely.LineString([(8, 50, 100.0), (8.1, 50, 120.0)])
    metres = shapely.LineString([(8, 51), (477_000, 5_470_000), (8.2, 51)])
    rows = gpd.GeoSeries([None, multi, shapely.LineString(), single, metres], crs=4326)
    coded = code_lines(rows)
    assert coded.owner.tolist() == [1, 1, 3, 4]
    assert coded.feature_count == 5
    assert [len(part) for part in decode(coded)] == [2, 2, 2, 2]


def test_empty_layer_makes_a_map() -> None:
    nothing = gpd.GeoSeries([], crs=4326)
    assert decode(code_lines(nothing)) == []
    layer = LineLayer("none", nothing, np.empty(0, dtype=np.int8))
    shown = network_map([layer], legends=[], bounds_lonlat=(np.nan,) * 4, asset_url="assets")
    assert "bounds: null" in shown.get_root().render()


def test_projected_geometry_is_shipped_in_degrees() -> None:
    lines = _lines()
    shown = np.concatenate(decode(code_lines(lines.to_crs(25832))))
    assert shown == pytest.approx(shapely.get_coordinates(lines), abs=2e-6)


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (gpd.GeoSeries([shapely.Point(8, 49)]), "coordinate reference system"),
        (gpd.GeoSeries([shapely.Point(8, 49)], crs=4326), "found Point"),
    ],
)
def test_geometry_that_cannot_be_drawn_is_refused(geometry: gpd.GeoSeries, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        code_lines(geometry)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_escape_keeps_the_text_and_leaves_no_markup(name: str) -> None:
    escaped = escape_for_map(name)
    assert html.unescape(escaped) == name
    assert not set(escaped) & set("<>\"'`${}\\")


def test_escape_replaces_what_cannot_be_written() -> None:
    assert escape_for_map("a\x00b\ud800c") == "a\ufffdb\ufffdc"


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if set(name) & set("<`$")])
def test_hostile_name_appears_nowhere_as_it_is(name: str, tmp_path: Path) -> None:
    shown = _map(name)
    groups = [
        highlight(_lines(1), label=name),
        site_group(_starts(_lines(1)), {"L0": name}),
        route_group(_lines(1), {"L0": name}),
    ]
    for group in groups:
        group.add_to(shown)
    save_html(shown, tmp_path / "map.html")
    assert name not in (tmp_path / "map.html").read_text(encoding="utf-8")


def test_map_references_only_the_asset_folder() -> None:
    page = _map().get_root().render()
    addresses = re.findall(r'<(?:script|link|img)[^>]*?(?:src|href)="([^"]*)"', page)
    assert len(addresses) == 4
    assert all(address.startswith("../assets/") for address in addresses)
    assert "https://" not in page
    assert "http://" not in page


def test_folium_defaults_are_left_alone() -> None:
    before = list(folium.Map.default_js), list(folium.Map.default_css)
    _map()
    assert (folium.Map.default_js, folium.Map.default_css) == before


def test_other_classes_leave_the_script_of_the_map_as_it_is() -> None:
    def script(classes: np.ndarray) -> str:
        figure = _map(classes=classes).get_root()
        figure.render()
        return re.sub(r"_[0-9a-f]{32}", "", figure.script.render())

    assert script(_classes(6)) == script(np.full(6, 4, dtype=np.int8))
    assert _map().state != _map(classes=np.full(6, 4, dtype=np.int8)).state


def test_update_group_carries_the_state_and_the_focus() -> None:
    group = update_group(_map(), focus={"lat": 49.4, "lon": 8.7, "zoom": 16, "id": "1"})
    group.add_to(shown := _map())
    page = shown.get_root().render()
    assert "feederplan.update(" in page
    assert '"lat": 49.4' in page


def test_saved_file_holds_everything_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    path.write_text("old", encoding="utf-8")
    save_html(_map(), path)
    page = path.read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link|img)[^>]*?(?:src|href)=", page)
    assert "L.GridLayer.extend" in page
    assert "url(images" not in page
    assert [file.name for file in tmp_path.iterdir()] == ["map.html"]


def test_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "map.html"
    path.write_text("old", encoding="utf-8")

    def full_disk(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gis.webmap.map.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_html(_map(), path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["map.html"]


def test_value_on_a_threshold_is_in_the_upper_class_but_the_limit_is_not_over_itself() -> None:
    values = [-5.0, 0.0, 49.999, 50.0, 75.0, 90.0, 100.0, 100.001, np.inf, np.nan]
    assert classify(values, THRESHOLDS).tolist() == [0, 0, 0, 1, 2, 3, 3, 4, 4, -1]
    assert classify(values, THRESHOLDS).dtype == np.int8


def test_one_threshold_parts_within_from_over() -> None:
    assert classify([99.0, 100.0, 101.0], [100.0]).tolist() == [0, 0, 1]


@pytest.mark.parametrize("thresholds", [(), (1, 2, 3, 4, 5), (50, 50), (90, 75), (np.nan,)])
def test_thresholds_that_make_no_classes_are_refused(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="threshold"):
        classify([1.0], thresholds)


def test_worse_class_is_never_thinner() -> None:
    widths = width_by_class(np.arange(-1, 5, dtype=np.int8), base_width_px=2.0)
    assert widths[0] == widths[1] == 2.0
    assert (np.diff(widths) >= 0).all()


@pytest.mark.parametrize(
    ("classes", "width", "message"),
    [
        (np.zeros(5, dtype=np.int8), 3.0, "6 rows"),
        (np.full(6, 5, dtype=np.int8), 3.0, "-1 to 4"),
        (np.full(6, -2, dtype=np.int8), 3.0, "-1 to 4"),
        (np.zeros(6, dtype=np.int8), np.ones(5), "sizes"),
        (np.zeros(6, dtype=np.int8), float("nan"), "sizes"),
    ],
)
def test_layer_refuses_classes_and_sizes_that_do_not_fit(classes, width, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LineLayer("lines", _lines(), classes, width_px=width)


def test_legend_names_unit_classes_and_no_data() -> None:
    page = _map().state["legends"][0]
    assert "Lines [%]" in page
    for label in ("below 50", "50 to 75", "75 to 90", "90 to 100", "above 100", "no data"):
        assert label in page


def test_legend_colour_cannot_break_out() -> None:
    legend = Legend("t", (Swatch("a", '"><script>', "circle"),))
    shown = network_map([], legends=[legend], bounds_lonlat=None, asset_url="a")
    assert "<script>" not in shown.state["legends"][0]


def test_nearest_asset_within_reach_only() -> None:
    lines = _lines().to_crs(25832)
    lon, lat = shapely.get_coordinates(_lines().iloc[2])[1]
    assert nearest_asset(lines, lon=lon, lat=lat, max_distance_m=5.0) == "L2"
    assert nearest_asset(lines, lon=9.9, lat=lat, max_distance_m=5.0) is None
    with pytest.raises(ValueError, match="projected"):
        nearest_asset(_lines(), lon=lon, lat=lat, max_distance_m=5.0)


def test_vendored_files_match_their_record() -> None:
    record = (asset_dir() / "VENDORED.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `([^`]+)` \| ([0-9a-f]{64}) \|", record)
    assert len(rows) >= 5
    for name, expected in rows:
        assert hashlib.sha256((asset_dir() / name).read_bytes()).hexdigest() == expected, name


def test_bands_have_a_colour_each_and_let_clicks_through() -> None:
    places = _starts(_lines(2))
    group = halo_group(places, ["#008837", "#7b3294"])
    marks = list(group._children.values())
    assert [mark.options["color"] for mark in marks] == ["#008837", "#7b3294"]
    assert all(mark.options["interactive"] is False for mark in marks)
    assert not halo_group(places.iloc[:0], [])._children
