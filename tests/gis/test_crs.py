"""Coordinate systems: one projected, in metres; never guessed, never contradicted in silence."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely
from pyproj import CRS

from gis.crs import check_crs, choose_crs, is_metric, parse_crs, reproject
from gis.errors import InputError


def layer(crs: object, *xy: tuple[float, float], name: str = "a") -> gpd.GeoDataFrame:
    ids = [f"{name}{n}" for n in range(len(xy))]
    return gpd.GeoDataFrame(geometry=[shapely.Point(p) for p in xy], index=ids, crs=crs)


@pytest.mark.parametrize(
    ("crs", "metric"),
    [
        ("EPSG:25832", True),
        ("EPSG:32614", True),
        ("EPSG:27700", True),
        ("EPSG:4326", False),
        ("EPSG:4674", False),
        ("EPSG:2229", False),
    ],
)
def test_metric_is_projected_in_metres(crs: str, metric: bool) -> None:
    assert is_metric(CRS.from_user_input(crs)) is metric
    if not metric:
        with pytest.raises(InputError):
            parse_crs(crs)


@pytest.mark.parametrize(
    ("crs", "place", "expected"),
    [
        ("EPSG:25832", (450_000, 5_360_000), 25832),
        ("EPSG:4326", (7.9, 48.4), 32632),
        ("EPSG:4674", (-43.2, -22.9), 31983),
        ("EPSG:27700", (431_000, 565_000), 27700),
        ("EPSG:2229", (6_400_000, 1_900_000), None),
    ],
)
def test_the_lines_own_system_or_their_utm_zone_is_chosen(
    crs: str, place: tuple[float, float], expected: int | None
) -> None:
    layers = {"lines": layer(crs, place)}
    assert check_crs(layers).empty
    chosen = choose_crs(layers)
    assert is_metric(chosen)
    if expected is not None:
        assert chosen.to_epsg() in {expected, 32723}
    there = reproject(layers, chosen)["lines"].to_crs(4326).geometry.iloc[0]
    assert there.distance(layers["lines"].to_crs(4326).geometry.iloc[0]) < 1e-7


@pytest.mark.parametrize(
    ("crs", "place", "words"),
    [
        ("EPSG:4326", (450_000, 5_360_000), "look like metres"),
        ("EPSG:4326", (-450_000, -5_360_000), "look like metres"),
        ("EPSG:25832", (7.9, 48.4), "look like degrees"),
        ("EPSG:25832", (5_360_000, 450_000), "order of the coordinates"),
        ("EPSG:31467", (450_000, 5_360_000), "check the zone"),
    ],
)
def test_coordinates_that_cannot_belong_to_their_system_are_named(
    crs: str, place: tuple[float, float], words: str
) -> None:
    found = check_crs({"lines": layer(crs, place)})
    assert found["rule"].tolist() == ["crs_mismatch"] and words in found["message"].iloc[0]


def test_a_system_over_the_date_line_is_no_fault() -> None:
    for longitude in (178.4, -179.5):
        place = gpd.GeoSeries([shapely.Point(longitude, -17.8)], crs=4326).to_crs(3460).iloc[0]
        assert check_crs({"lines": layer("EPSG:3460", (place.x, place.y))}).empty


def test_single_elements_outside_are_named_by_id() -> None:
    found = check_crs({"lines": layer("EPSG:25832", (450_000, 5_360_000), (0, 0), (450_100, 5_360_000))})
    assert found["element_id"].tolist() == ["a1"]


def test_layers_apart_from_the_lines_are_named() -> None:
    lines = layer("EPSG:4326", (7.9, 48.4))
    assert (
        "swapped" in check_crs({"lines": lines, "loads": layer("EPSG:4326", (48.4, 7.9))})["message"].iloc[0]
    )
    assert (
        "nowhere near"
        in check_crs({"lines": lines, "loads": layer("EPSG:4326", (9.9, 48.4))})["message"].iloc[0]
    )
    assert check_crs({"lines": lines, "loads": layer("EPSG:25832", (418_000, 5_361_000))}).empty
