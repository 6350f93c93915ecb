"""Headroom of a whole network in short."""

from __future__ import annotations

import io
import math

import pandas as pd

from capacity.headroom import find_headroom
from capacity.headroom_summary import STATION_COLUMNS, headroom_csv, station_headroom, summary_report
from capacity.impact import study_impact
from capacity.limits import read_limits
from gridmodel import build_model, find_scenario
from tests.capacity.grids import STATION_BUSES, STATION_LINES, grid, station

# Two stations on one feeder; the second has more load.
TWO = grid(
    [*STATION_BUSES, ("M3", 20.0, 2000.0, 0.0), ("B2", 0.4, 2010.0, 0.0), ("D1", 0.4, 2110.0, 0.0)],
    [*STATION_LINES, ("K2", "M2", "M3", 1000.0), ("L4", "B2", "D1", 100.0)],
    transformers=[("T1", "M2", "B1"), ("T2", "M3", "B2")],
    loads=[("home-A1", "A1", 20.0, 5), ("home-D1", "D1", 60.0, 6)],
)


def test_stations_are_ranked_by_what_fits_at_their_busbar() -> None:
    impact = study_impact(build_model(TWO), find_scenario(TWO), read_limits())
    found = find_headroom(impact)
    stations = station_headroom(found, impact.yardstick)
    at_bus = found.set_index("bus_id")["headroom_kw"]
    assert tuple(stations.columns) == STATION_COLUMNS
    assert stations["station_id"].tolist() == ["T1", "T2"]
    assert stations["headroom_kw"].tolist() == at_bus[["B1", "B2"]].tolist()
    assert stations["buses"].tolist() == [4, 2]
    assert stations["least_kw"].tolist() == [
        at_bus[["B1", "A1", "A2", "C1"]].min(),
        at_bus[["B2", "D1"]].min(),
    ]


def test_the_summary_names_every_status_and_what_binds() -> None:
    network = station(a2_kw=170.0)
    impact = study_impact(build_model(network), find_scenario(network), read_limits())
    found = find_headroom(impact)
    values, lines = summary_report(found, 0.25, impact.yardstick)
    text = "\n".join(lines)
    assert lines[0].startswith("6 buses: ") and "2 already violated" in lines[0]
    assert lines[0].endswith("; 0.25 s, limits EN 50160")
    assert "already" not in text.replace(lines[0], "")
    assert values["buses"] == 6 and values["seconds"] == 0.25 and len(values["rows"]) == 6  # type: ignore[arg-type]
    for check in found["binding_check"].dropna().unique():
        assert check.replace("_", " ") in text


def test_a_network_without_solution_is_summed_up_without_figures() -> None:
    network = station(a2_kw=5000.0)
    impact = study_impact(build_model(network), find_scenario(network), read_limits())
    _, lines = summary_report(find_headroom(impact), 0.1, impact.yardstick)
    assert len(lines) == 1 and "6 undetermined" in lines[0]


def test_stations_without_their_busbar_among_the_answers_are_left_out() -> None:
    impact = study_impact(build_model(TWO), find_scenario(TWO), read_limits())
    stations = station_headroom(find_headroom(impact, ["B2", "A1"]), impact.yardstick)
    assert stations["station_id"].tolist() == ["T2"]
    assert stations["buses"].tolist() == [1] and not math.isnan(stations["least_kw"][0])


def test_the_file_for_a_spreadsheet_has_places_in_degrees_and_no_formulas() -> None:
    impact = study_impact(build_model(TWO), find_scenario(TWO), read_limits())
    found = find_headroom(impact, ["B2", "A1"])
    found.loc[0, "bus_id"] = "=1+1"
    table = pd.read_csv(io.BytesIO(headroom_csv(found)))
    assert table["bus_id"].tolist() == ["'=1+1", "A1"]
    assert table["headroom_kw"].tolist() == found["headroom_kw"].tolist()
    assert table["lon"].between(7.87, 7.91).all() and table["lat"].between(48.4, 48.5).all()
