"""`feederplan headroom --profile`: firm kW in JSON and text, blocks in a file, and what is refused."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from tests.capacity.conftest import Run
from tests.capacity.test_output import strict


def _hours(path: Path, **columns: object) -> Path:
    time = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz="UTC", inclusive="left")
    pd.DataFrame({"time": time.strftime("%Y-%m-%dT%H:%MZ"), **columns}).to_csv(path, index=False)
    return path


def test_firm_kw_of_every_bus_and_the_blocks_beside_it(run: Run, town: Path) -> None:
    out_file = town.with_name("year.gpkg")
    code, out, _ = run("headroom", town, "--profile", "year", "--json", "--out", out_file)
    said = strict(out)
    assert code == 0
    assert said["hours"] == 8760 and said["hours_without_solution"] == [] and said["method"] == "path"
    assert 144 <= said["hours_solved"] < 1000  # type: ignore[operator]
    rows = {row["bus_id"]: row for row in said["rows"]}  # type: ignore[attr-defined]
    assert len(rows) == said["buses"] == 6 and "blocks" not in said
    assert 0 < rows["A2"]["firm_kw"] < rows["A2"]["off_peak_kw"]
    assert rows["A2"]["firm_hour"].startswith("2025-")
    layer = gpd.read_file(out_file, layer="headroom_year").set_index("bus_id")
    blocks = pd.read_parquet(town.with_name("year.blocks.parquet"))
    assert layer["firm_kw"]["A2"] == rows["A2"]["firm_kw"]
    assert len(blocks) == 6 * 144
    assert blocks.loc[blocks["bus_id"] == "A2", "headroom_kw"].min() == rows["A2"]["firm_kw"]


def test_the_text_names_nights_and_places(run: Run, town: Path) -> None:
    code, out, _ = run("headroom", town, "--profile", "year")
    assert code == 0
    assert "6 buses over 8,760 hours" in out and "winter     workday  night" in out
    assert "most beyond firm in all nights" in out and "B1" in out and "BDEW" in out


def test_buses_asked_for_come_with_their_blocks(run: Run, town: Path) -> None:
    _, out, _ = run("headroom", town, "--profile", "year", "--bus", "A1", "--json")
    said = strict(out)
    assert len(said["blocks"]) == 144 and said["buses"] == 1  # type: ignore[arg-type]


def test_a_file_of_hours_counts_hours_where_it_is_told(run: Run, town: Path) -> None:
    """One heavy hour, 20 h UTC on 1 July, is 22 h in Berlin: it costs the night there, and not in UTC."""
    factors = np.full(8760, 0.3)
    factors[181 * 24 + 20] = 1.0
    path = _hours(town.with_name("own.csv"), residential=factors)

    def row(*words: object) -> dict[str, object]:
        said = strict(run("headroom", town, "--bus", "A2", "--profile", path, "--json", *words)[1])
        return said["rows"][0]  # type: ignore[index,no-any-return]

    utc, berlin = row(), row("--time-zone", "Europe/Berlin")
    assert utc["firm_hour"] == berlin["firm_hour"] == "2025-07-01T20:00Z"
    assert utc["firm_kw"] == berlin["firm_kw"] == berlin["off_peak_kw"]
    assert utc["off_peak_kw"] > utc["firm_kw"]  # type: ignore[operator]


def test_what_follows_no_profile_is_said(run: Run, town: Path) -> None:
    path = _hours(town.with_name("own.csv"), commercial=0.5)
    _, _, err = run("headroom", town, "--bus", "A2", "--profile", path)
    assert "no profile, the scenario's factor in all hours: residential" in err


def test_a_bus_of_a_violated_feeder_is_exit_code_1(run: Run, weak_town: Path) -> None:
    code, out, _ = run("headroom", weak_town, "--profile", "year", "--bus", "A1")
    assert code == 1 and "already violated" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profile", "yaer"), "profiles that ship"),
        (("--profile", "year", "--time-zone", "UTC"), "--time-zone"),
        (("--profile", "year", "--proof", 5), "--proof"),
        (("--profile", "year", "--joint", "--bus", "A1"), "--joint"),
        (("--every-hour",), "--every-hour"),
        (("--time-zone", "UTC"), "--time-zone"),
    ],
)
def test_what_says_nothing_is_refused(run: Run, town: Path, words: tuple[object, ...], said: str) -> None:
    code, out, err = run("headroom", town, *words)
    assert code == 2 and said in out + err


def test_an_unknown_time_zone_is_refused(run: Run, town: Path) -> None:
    path = _hours(town.with_name("own.csv"), residential=0.5)
    code, _, err = run("headroom", town, "--profile", path, "--time-zone", "Mars/Olympus")
    assert code == 2 and "Europe/Berlin" in err


def test_a_faulty_file_is_refused_before_anything_is_solved(run: Run, town: Path) -> None:
    path = _hours(town.with_name("own.csv"), residential=1.5)
    code, _, err = run("headroom", town, "--profile", path)
    assert code == 2 and "above_peak" in err and "solving" not in err
