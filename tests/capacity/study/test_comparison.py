"""Two scenarios side by side: who is worse, by how much, and from which year."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.study.comparison import (
    ELEMENT_DIFFERENCE_COLUMNS,
    YEAR_DIFFERENCE_COLUMNS,
    compare_elements,
    compare_years,
)

CRS = "EPSG:25832"


def _years(scenario: str, **columns: list[float]) -> pd.DataFrame:
    years = range(2025, 2025 + 5 * len(next(iter(columns.values()))), 5)
    return pd.DataFrame({"scenario": scenario, "year": list(years), **columns})


def _elements(scenario: str, rows: list[tuple[int, str, str, str, float]]) -> gpd.GeoDataFrame:
    """Rows of (year, table, element_id, status, value); a value of buses is a voltage."""
    table = pd.DataFrame(rows, columns=["year", "table", "element_id", "status", "value"])
    is_bus = table["table"] == "buses"
    high = is_bus & (table["value"] > 1.0)
    over = (table["status"] == "over").astype(float)
    frame = table.drop(columns="value").assign(
        scenario=scenario,
        feeder_id="F1",
        loading_max_percent=table["value"].where(~is_bus),
        vm_min_pu=table["value"].where(is_bus & ~high, 1.0).where(is_bus),
        vm_max_pu=table["value"].where(high, 1.0).where(is_bus),
        hours_below=over.where(is_bus & ~high, 0.0),
        hours_above=over.where(high, 0.0),
    )
    return gpd.GeoDataFrame(frame, geometry=[shapely.Point(0, 0)] * len(frame), crs=CRS)


def test_years_are_compared_measure_by_measure() -> None:
    a = _years("slow", peak_kw=[100.0, 110.0], lines_over=[0, 2], vm_min_pu=[0.95, 0.91])
    b = _years("fast", peak_kw=[100.0, 150.0], lines_over=[0, 1], vm_min_pu=[0.95, 0.89])
    found = compare_years(a, b)
    assert tuple(found.columns) == YEAR_DIFFERENCE_COLUMNS
    assert set(found["scenario_a"]) == {"slow"}
    assert set(found["scenario_b"]) == {"fast"}
    late = found[found["year"] == 2030].set_index("what")
    assert late["difference"].to_dict() == {"peak_kw": 40.0, "lines_over": -1.0, "vm_min_pu": 0.89 - 0.91}
    assert late["worse"].to_dict() == {"peak_kw": "", "lines_over": "a", "vm_min_pu": "b"}
    assert set(found.loc[found["year"] == 2025, "worse"]) == {"", "same"}


def test_a_year_only_one_has_is_told() -> None:
    found = compare_years(_years("slow", lines_over=[0, 2]), _years("fast", lines_over=[1]))
    assert found["worse"].to_list() == ["b", "a only"]
    assert np.isnan(found["value_b"].iloc[1])


def test_elements_are_compared_with_their_first_year_over() -> None:
    a = _elements("slow", [(2025, "lines", "L1", "ok", 60.0), (2030, "lines", "L1", "over", 104.0)])
    b = _elements("fast", [(2025, "lines", "L1", "over", 101.0), (2030, "lines", "L1", "over", 140.0)])
    found = compare_elements(a, b)
    assert tuple(found.columns) == ELEMENT_DIFFERENCE_COLUMNS
    assert found["difference"].to_list() == [41.0, 36.0]
    assert found["first_year_a"].to_list() == [2030, 2030]
    assert found["first_year_b"].to_list() == [2025, 2025]
    assert found["worse"].to_list() == ["b", "b"]
    assert found.crs == CRS
    assert found.geometry.notna().all()


def test_the_scenario_that_breaks_a_limit_is_worse_even_where_its_figure_is_not() -> None:
    a = _elements("slow", [(2025, "buses", "B1", "over", 1.11)])
    b = _elements("fast", [(2025, "buses", "B1", "ok", 1.02)])
    found = compare_elements(a, b).iloc[0]
    assert (found["measure"], found["value_a"], found["value_b"]) == ("vm_max_pu", 1.11, 1.02)
    assert found["worse"] == "a"
    assert pd.isna(found["first_year_b"])


def test_a_lower_voltage_is_worse_and_rounding_is_not() -> None:
    a = _elements("slow", [(2025, "buses", "B1", "ok", 0.95), (2025, "buses", "B2", "ok", 0.95)])
    b = _elements("fast", [(2025, "buses", "B1", "ok", 0.93), (2025, "buses", "B2", "ok", 0.950001)])
    assert compare_elements(a, b)["worse"].to_list() == ["b", "same"]


def test_elements_that_only_one_has_keep_their_row() -> None:
    a = _elements("old grid", [(2025, "lines", "L1", "ok", 60.0), (2025, "lines", "L2", "ok", 10.0)])
    b = _elements("new grid", [(2025, "lines", "L1", "ok", 60.0), (2025, "lines", "L3", "over", 110.0)])
    found = compare_elements(a, b).set_index("element_id")
    assert found["worse"].to_dict() == {"L1": "same", "L2": "a only", "L3": "b only"}
    assert found.geometry.notna().all()


def test_comparing_the_other_way_round_swaps_the_sides() -> None:
    a = _elements("slow", [(2025, "lines", "L1", "ok", 60.0), (2025, "buses", "B1", "ok", 0.97)])
    b = _elements("fast", [(2025, "lines", "L1", "over", 120.0), (2025, "buses", "B1", "ok", 0.99)])
    there, back = compare_elements(a, b), compare_elements(b, a)
    assert (there["difference"] == -back["difference"]).all()
    assert there["worse"].map({"a": "b", "b": "a"}).to_list() == back["worse"].to_list()
