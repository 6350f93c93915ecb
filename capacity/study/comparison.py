"""Two scenarios compared, A with B: as a table per year, and element by element for the map.

Both come from results of a study (`capacity.study.study_tables`): two scenarios of one study, or two studies.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

YEAR_DIFFERENCE_COLUMNS = (
    "scenario_a", "scenario_b", "year", "what", "unit", "value_a", "value_b", "difference", "worse",
)  # fmt: skip
ELEMENT_DIFFERENCE_COLUMNS = (
    "scenario_a", "scenario_b", "year", "table", "element_id", "feeder_id", "measure", "value_a", "value_b",
    "difference", "status_a", "status_b", "first_year_a", "first_year_b", "worse", "geometry",
)  # fmt: skip
# What is compared per year, its unit, and whether more is worse; None where neither is.
YEAR_MEASURES: tuple[tuple[str, str, bool | None], ...] = (
    ("demand_kwh", "kWh", None),
    ("peak_kw", "kW", None),
    ("loss_kwh", "kWh", True),
    ("transformers_over", "", True),
    ("lines_over", "", True),
    ("buses_out_of_band", "", True),
    ("hours_without_solution", "h", True),
    ("vm_min_pu", "pu", False),
    ("line_loading_max_percent", "%", True),
    ("transformer_loading_max_percent", "%", True),
    ("unserved_kw", "kW", True),
    ("unserved_kwh", "kWh", True),
    ("customers_affected", "", True),
)
# Differences under these are rounding of solving, not of scenarios: a hundredth of a percent, and 1e-5 pu.
_SAME = {"loading_max_percent": 1e-2, "vm_min_pu": 1e-5, "vm_max_pu": 1e-5}
_KEYS = ["table", "element_id", "year"]
_SIDES = ("a", "b")


def compare_years(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Compare two scenarios year by year.

    Parameters
    ----------
    a, b
        Rows of one scenario each: `study_tables.YEAR_COLUMNS`, with unserved_kw, unserved_kwh and
        customers_affected where they are known.

    Returns
    -------
    DataFrame
        Columns `YEAR_DIFFERENCE_COLUMNS`, a row per year and measure of `YEAR_MEASURES` that either has;
        difference is B less A; worse is "a", "b", "same", "" (neither is worse), or "a only" and "b only" for
        a year the other does not have.
    """
    sides = {side: frame.set_index("year") for side, frame in zip(_SIDES, (a, b), strict=True)}
    years = sorted({*sides["a"].index, *sides["b"].index})
    rows = [
        {
            "year": year, "what": what, "unit": unit,
            **{f"value_{side}": _cell(frame, year, what) for side, frame in sides.items()},
            "worse": _worse_year(sides, year, what, more_is_worse),
        }
        for year in years
        for what, unit, more_is_worse in YEAR_MEASURES
        if any(what in frame.columns for frame in sides.values())
    ]  # fmt: skip
    table = pd.DataFrame(rows).reindex(columns=list(YEAR_DIFFERENCE_COLUMNS))
    return table.assign(
        scenario_a=_name(a), scenario_b=_name(b), difference=table["value_b"] - table["value_a"]
    )


def compare_elements(a: gpd.GeoDataFrame, b: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Compare two scenarios element by element.

    Parameters
    ----------
    a, b
        Rows of one scenario each: `study_tables.ELEMENT_COLUMNS`.

    Returns
    -------
    GeoDataFrame
        Columns `ELEMENT_DIFFERENCE_COLUMNS`, a row per element and year that either has. measure:
        "loading_max_percent", "vm_min_pu", or "vm_max_pu" where only the upper end of the band is broken;
        difference is B less A. first_year: in which the element is first out of its limit. worse: which
        scenario has it out of its limit, of two that have the one that has it further; "same", "a only" and
        "b only".
    """
    columns = ["status", "feeder_id", *_SAME, "hours_below", "hours_above", "geometry"]
    sides = {
        side: frame.set_index(_KEYS)[columns].assign(first_year=_first_years(frame))
        for side, frame in zip(_SIDES, (a, b), strict=True)
    }
    joined = sides["a"].join(sides["b"], how="outer", lsuffix="_a", rsuffix="_b")
    measure = _measures(joined)
    values = {side: _values(joined, measure, side) for side in _SIDES}
    table = pd.DataFrame(
        {
            "scenario_a": _name(a), "scenario_b": _name(b), "measure": measure,
            **{f"value_{side}": values[side] for side in _SIDES},
            "difference": values["b"] - values["a"],
            **joined[[f"{name}_{side}" for name in ("status", "first_year") for side in _SIDES]],
            "feeder_id": joined["feeder_id_b"].where(joined["status_b"].notna(), joined["feeder_id_a"]),
            "geometry": joined["geometry_b"].where(joined["status_b"].notna(), joined["geometry_a"]),
        },
        index=joined.index,
    )  # fmt: skip
    table["worse"] = _worse_elements(table)
    crs = a.crs if isinstance(a, gpd.GeoDataFrame) else None
    return gpd.GeoDataFrame(
        table.reset_index()[list(ELEMENT_DIFFERENCE_COLUMNS)], geometry="geometry", crs=crs
    )


def _name(frame: pd.DataFrame) -> str:
    return str(frame["scenario"].iloc[0]) if len(frame) else ""


def _cell(frame: pd.DataFrame, year: int, what: str) -> float:
    known = what in frame.columns and year in frame.index
    return float(frame.loc[year, what]) if known else np.nan  # type: ignore[arg-type]


def _worse_year(sides: dict[str, pd.DataFrame], year: int, what: str, more_is_worse: bool | None) -> str:
    there = [side for side, frame in sides.items() if year in frame.index]
    if len(there) == 1:
        return f"{there[0]} only"
    first, second = (_cell(frame, year, what) for frame in sides.values())
    if more_is_worse is None or np.isnan(first) or np.isnan(second):
        return ""
    if np.isclose(first, second, rtol=1e-9, atol=1e-6):
        return "same"
    return "b" if (second > first) == more_is_worse else "a"


def _first_years(frame: pd.DataFrame) -> pd.Series:
    """First year out of its limit per row, by (table, element_id, year); missing where it never is."""
    over = frame["year"].where(frame["status"] == "over").astype("Int64")
    first = over.groupby([frame["table"], frame["element_id"]], sort=False).transform("min")
    return pd.Series(first.array, pd.MultiIndex.from_frame(frame[_KEYS]))


def _measures(joined: pd.DataFrame) -> np.ndarray:
    """What each row is compared by."""
    is_bus = joined.index.get_level_values("table") == "buses"
    hours = {
        way: joined[[f"hours_{way}_a", f"hours_{way}_b"]].fillna(0).max(axis=1).to_numpy(dtype=float)
        for way in ("below", "above")
    }
    only_high = (hours["above"] > 0) & (hours["below"] == 0)
    of_bus = np.where(only_high, "vm_max_pu", "vm_min_pu")
    return np.where(is_bus, of_bus, "loading_max_percent").astype(object)


def _values(joined: pd.DataFrame, measure: np.ndarray, side: str) -> pd.Series:
    values = pd.Series(np.nan, joined.index)
    for name in _SAME:
        values = values.where(measure != name, joined[f"{name}_{side}"].astype(float))
    return values


def _worse_elements(table: pd.DataFrame) -> pd.Series:
    """Which of the two has the element in the worse state."""
    less_is_worse = table["measure"] == "vm_min_pu"
    beyond = table["difference"].where(~less_is_worse, -table["difference"])
    same = beyond.abs() <= table["measure"].map(_SAME)
    by_value = np.where(beyond > 0, "b", "a")
    by_value = np.where(same | beyond.isna(), "same", by_value)
    bad = {side: table[f"status_{side}"].isin(["over", "no_supply"]) for side in _SIDES}
    worse = np.where(bad["a"] & ~bad["b"], "a", np.where(bad["b"] & ~bad["a"], "b", by_value))
    worse = np.where(table["status_b"].isna(), "a only", worse)
    return pd.Series(np.where(table["status_a"].isna(), "b only", worse), table.index)
