"""Meter readings: what files may look like, what is told of them, and what becomes of gaps and errors."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gis import InputError, Network
from gridmodel import Scenario, build_model, run_profiles
from gridmodel.meter_file import read_meters
from gridmodel.meter_readings import MeterReadings
from gridmodel.standard_profiles import demand_profiles
from tests.capacity.grids import station

YEAR = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz="UTC", inclusive="left")
RNG = np.random.default_rng(5)
USUAL = np.round(RNG.uniform(0.2, 2.0, (len(YEAR), 2)), 3)
TEXT = YEAR.strftime("%Y-%m-%dT%H:%MZ").to_numpy()


@pytest.fixture(scope="module")
def network() -> Network:
    return station()


def _loads(network: Network) -> list[str]:
    return [str(load) for load in network.loads.index[:2]]


def _long(
    tmp_path: Path, ids: list[str], values: np.ndarray = USUAL, time: np.ndarray = TEXT, **more: object
) -> Path:
    rows = pd.DataFrame(
        {"meter_id": np.repeat(ids, len(time)), "time": np.tile(time, len(ids)), "kwh": values.T.ravel()}
    )
    path = tmp_path / str(more.get("name", "meters.csv"))
    rows = rows.assign(**more.get("columns", {}))  # type: ignore[call-overload]
    rows.to_parquet(path) if path.suffix == ".parquet" else rows.to_csv(path, index=False)
    return path


def _wide(tmp_path: Path, columns: dict[str, np.ndarray], time: np.ndarray = TEXT, sep: str = ",") -> Path:
    path = tmp_path / "wide.csv"
    table = pd.DataFrame({"time": time, **columns})
    table.to_csv(path, index=False, sep=sep, decimal="," if sep == ";" else ".")
    return path


def _changed(*changes: tuple[int | slice, float]) -> np.ndarray:
    """The usual readings, with other values in rows of the first meter."""
    values = USUAL.copy()
    for rows, value in changes:
        values[rows, 0] = value
    return values


def _report(readings: MeterReadings, kind: str) -> pd.DataFrame:
    return readings.report[readings.report["kind"] == kind]


@pytest.mark.parametrize("name", ["meters.csv", "meters.parquet"])
def test_whole_readings_come_back_as_they_are(tmp_path: Path, network: Network, name: str) -> None:
    ids = _loads(network)
    readings = read_meters(_long(tmp_path, ids, name=name), network)
    assert np.allclose(readings.kw[ids].to_numpy(), USUAL, rtol=0, atol=1e-12)
    assert readings.kw.index.equals(YEAR) and len(readings.report) == 0
    assert (readings.meters["status"] == "used").all()
    assert readings.peak_kw[ids[0]] == USUAL[:, 0].max() and np.allclose(readings.factors.max(), 1.0)
    assert readings.loads.loc[ids, "status"].tolist() == ["measured"] * 2
    assert (readings.loads["status"] == "no_meter").sum() == len(network.loads) - 2
    assert (readings.loads["reason"] != "")[readings.loads["status"] == "no_meter"].all()


def test_a_wide_file_with_decimal_commas_is_the_same(tmp_path: Path, network: Network) -> None:
    ids = _loads(network)
    path = _wide(tmp_path, dict(zip(ids, USUAL.T, strict=True)), sep=";")
    assert np.allclose(read_meters(path, network, unit="kw").kw[ids], USUAL)


def test_order_of_rows_does_not_matter(tmp_path: Path, network: Network) -> None:
    path = _long(tmp_path, _loads(network))
    pd.read_csv(path).sample(frac=1.0, random_state=1).to_csv(path, index=False)
    assert np.allclose(read_meters(path, network).kw[_loads(network)], USUAL)


def test_quarters_of_kwh_become_hourly_kw(tmp_path: Path, network: Network) -> None:
    """0.1, 0.2, 0.3 and 0.4 kWh in the quarters of an hour are 1.0 kW; stamped at the end of each."""
    time = pd.date_range("2025-01-01", "2026-01-01", freq="15min", tz="UTC", inclusive="left")
    values = np.tile([0.1, 0.2, 0.3, 0.4], len(YEAR))[:, None]
    values = np.round(values * np.repeat(1.0 + np.arange(len(YEAR)) % 7, 4)[:, None], 6)
    text = (time + pd.Timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%MZ").to_numpy()
    load = _loads(network)[0]
    readings = read_meters(_long(tmp_path, [load], values, text), network, stamp="end")
    assert readings.meters.loc[load, "step_min"] == 15
    assert np.allclose(readings.kw[load], 1.0 + np.arange(len(YEAR)) % 7)
    late = read_meters(_long(tmp_path, [load], values, text), network)
    assert late.kw[load].iloc[5] == pytest.approx(0.1 * 6 + 0.2 * 6 + 0.3 * 6 + 0.4 * 5)


def test_meters_may_have_steps_of_their_own(tmp_path: Path, network: Network) -> None:
    half = pd.date_range("2025-01-01", "2026-01-01", freq="30min", tz="UTC", inclusive="left")
    ids, path = _loads(network), tmp_path / "mixed.csv"
    rows = [
        pd.DataFrame({"meter_id": ids[0], "time": TEXT, "kwh": USUAL[:, 0]}),
        pd.DataFrame(
            {
                "meter_id": ids[1],
                "time": half.strftime("%Y-%m-%dT%H:%MZ"),
                "kwh": np.repeat(USUAL[:, 1], 2) / 2,
            }
        ),
    ]
    pd.concat(rows).to_csv(path, index=False)
    readings = read_meters(path, network)
    assert readings.meters.loc[ids, "step_min"].tolist() == [60, 30]
    assert np.allclose(readings.kw[ids], USUAL)


def _local_text() -> tuple[np.ndarray, pd.DatetimeIndex]:
    local = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz="Europe/Berlin", inclusive="left")
    return local.strftime("%d.%m.%Y %H:%M").to_numpy(), local.tz_convert("UTC")


def test_local_times_are_right_on_both_days_clocks_change(tmp_path: Path, network: Network) -> None:
    """Of 26 October 2025 2 h stands twice: the first is 0Z, the second 1Z. 30 March 2 h is not there."""
    text, utc = _local_text()
    assert (text == "26.10.2025 02:00").sum() == 2 and (text == "30.03.2025 02:00").sum() == 0
    load, values = _loads(network)[0], np.round(RNG.uniform(1.0, 2.0, (len(text), 1)), 3)
    readings = read_meters(_long(tmp_path, [load], values, text), network, time_zone="Europe/Berlin")
    by_hand = pd.Series(values[:, 0], utc).reindex(YEAR)
    read = readings.kw[load]
    assert np.allclose(read.iloc[:-1], by_hand.iloc[:-1])  # the last hour of the UTC year is not in the file
    assert set(_report(readings, "gap")["from"]) == {YEAR[-1]}
    assert _report(readings, "outside_year")["hours"].tolist() == [1.0]


def test_a_repeated_hour_read_once_is_told(tmp_path: Path, network: Network) -> None:
    text, _ = _local_text()
    twice = np.flatnonzero(text == "26.10.2025 02:00")
    kept = np.delete(np.arange(len(text)), twice[1])
    load, values = _loads(network)[0], np.round(RNG.uniform(1.0, 2.0, (len(kept), 1)), 3)
    readings = read_meters(_long(tmp_path, [load], values, text[kept]), network, time_zone="Europe/Berlin")
    assert len(_report(readings, "repeated_hour")) == 1
    assert pd.Timestamp("2025-10-26T01:00Z") in set(_report(readings, "gap")["from"])


def test_a_short_gap_is_interpolated(tmp_path: Path, network: Network) -> None:
    """Between 1.0 and 1.9 kW two hours are missing: 1.3 and 1.6."""
    values = _changed((100, 1.0), (slice(101, 103), np.nan), (103, 1.9))
    readings = read_meters(_long(tmp_path, _loads(network), values), network)
    assert readings.kw.iloc[100:104, 0].tolist() == pytest.approx([1.0, 1.3, 1.6, 1.9])
    row = _report(readings, "gap").iloc[0]
    assert (row["from"], row["to"], row["hours"]) == (YEAR[101], YEAR[103], 2.0)
    assert "interpolated" in row["action"]


def test_a_longer_gap_is_filled_with_the_weeks_around(tmp_path: Path, network: Network) -> None:
    values = _changed((slice(1000, 1048), np.nan))
    readings = read_meters(_long(tmp_path, _loads(network), values), network)
    by_hand = (USUAL[1000 - 168 : 1048 - 168, 0] + USUAL[1168:1216, 0]) / 2
    assert np.allclose(readings.kw.iloc[1000:1048, 0], by_hand)
    assert readings.meters["missing_h"].tolist() == [48, 0]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (slice(1000, 1000 + 169), "longer than 168 h"),
        (slice(0, None, 5), "more than 10%"),
        (slice(None), "nothing was read"),
    ],
)
def test_a_meter_that_misses_too_much_is_set_aside(
    tmp_path: Path, network: Network, rows: slice, reason: str
) -> None:
    ids = _loads(network)
    readings = read_meters(_long(tmp_path, ids, _changed((rows, np.nan))), network)
    assert readings.meters.loc[ids[0], "status"] == "set_aside"
    assert reason in readings.meters.loc[ids[0], "reason"]
    assert (
        readings.loads.loc[ids[0], "status"] == "set_aside" and ids[0] in readings.loads.loc[ids[0], "reason"]
    )
    assert list(readings.kw.columns) == [ids[1]]


def test_what_cannot_be_true_is_told_and_taken_as_a_gap(tmp_path: Path, network: Network) -> None:
    values = _changed((500, -0.3), (900, 50.0), (slice(2000, 2030), 0.777))
    readings = read_meters(_long(tmp_path, _loads(network), values), network)
    for kind, start, hours in (("negative", 500, 1), ("outlier", 900, 1), ("stuck", 2000, 30)):
        rows = _report(readings, kind)
        assert rows[["from", "hours"]].to_numpy().tolist() == [[YEAR[start], hours]], kind
    mended = readings.kw.iloc[:, 0]
    assert mended.min() > 0.0 and mended.max() < 2.5
    assert mended.iloc[500] == pytest.approx((USUAL[499, 0] + USUAL[501, 0]) / 2)
    assert (mended.iloc[2000:2030] != 0.777).all()
    untouched = np.setdiff1d(np.arange(len(YEAR)), [500, 900, *range(2000, 2030)])
    assert np.allclose(mended.iloc[untouched], USUAL[untouched, 0])


def test_an_outlier_is_seen_beside_a_meter_that_stood_still_high(tmp_path: Path, network: Network) -> None:
    values = _changed((slice(2000, 2030), 20.0), (4000, 30.0))
    readings = read_meters(_long(tmp_path, _loads(network), values), network)
    assert _report(readings, "outlier")["from"].tolist() == [YEAR[4000]]
    assert readings.kw.iloc[:, 0].max() < 2.5


def test_reactive_power_keeps_its_ratio(tmp_path: Path, network: Network) -> None:
    ids = _loads(network)
    readings = read_meters(_long(tmp_path, ids), network)
    loads = network.loads.assign(p_kw=4.0, q_kvar=1.0)
    after = readings.peaks_on(dataclasses.replace(network, loads=loads)).loads
    assert after.loc[ids, "p_kw"].tolist() == USUAL.max(axis=0).tolist()
    assert np.allclose(after["q_kvar"] / after["p_kw"], 0.25)
    assert (after["p_kw"].drop(ids) == 4.0).all()


def test_what_may_be_true_is_kept(tmp_path: Path, network: Network) -> None:
    """A mast draws the same all year; an empty flat draws nothing; both are as they are."""
    values = np.column_stack([np.full(len(YEAR), 0.4), np.zeros(len(YEAR))])
    readings = read_meters(_long(tmp_path, _loads(network), values), network)
    assert (readings.meters["status"] == "used").all()
    assert _report(readings, "stuck")["action"].tolist() == ["kept"]
    assert readings.factors.max().tolist() == [1.0, 0.0]


def test_a_meter_that_counts_feeding_in_is_set_aside(tmp_path: Path, network: Network) -> None:
    readings = read_meters(_long(tmp_path, _loads(network), _changed((slice(0, 400, 2), -1.0))), network)
    assert "feeding in" in readings.meters["reason"].iloc[0]


def test_rows_that_stand_twice(tmp_path: Path, network: Network) -> None:
    path = _long(tmp_path, _loads(network))
    rows = pd.read_csv(path)
    again = rows.iloc[[10, 20]].copy()
    again.iloc[1, 2] += 0.5
    pd.concat([rows, again]).to_csv(path, index=False)
    readings = read_meters(path, network)
    told = _report(readings, "duplicate").set_index("from")["action"]
    assert told[YEAR[10]] == "equal: one kept" and "differ" in told[YEAR[20]]
    assert readings.kw.iloc[10, 0] == USUAL[10, 0]
    assert readings.kw.iloc[20, 0] == pytest.approx((USUAL[19, 0] + USUAL[21, 0]) / 2)


def test_a_duplicate_does_not_hide_a_missing_quarter(tmp_path: Path, network: Network) -> None:
    time = pd.date_range("2025-01-01", "2026-01-01", freq="15min", tz="UTC", inclusive="left")
    values = np.round(RNG.uniform(0.1, 0.3, (len(time), 1)), 4)
    text = time.strftime("%Y-%m-%dT%H:%MZ").to_numpy()
    text[41] = text[40]  # 10:15 is there no more, 10:00 twice
    readings = read_meters(_long(tmp_path, _loads(network)[:1], values, text), network)
    assert YEAR[10] in set(_report(readings, "gap")["from"])


def test_readings_of_other_years_and_between_steps_are_told(tmp_path: Path, network: Network) -> None:
    path = _long(tmp_path, _loads(network))
    rows = pd.read_csv(path)
    late = rows.iloc[[0, 0]].assign(time=["2026-03-01T00:00Z", "2025-03-01T00:15Z"])
    pd.concat([rows, late]).to_csv(path, index=False)
    readings = read_meters(path, network)
    assert len(_report(readings, "outside_year")) == 1 and len(_report(readings, "off_step")) == 1
    assert np.allclose(readings.kw[_loads(network)], USUAL)


def test_mappings_and_meters_without_a_load(tmp_path: Path, network: Network) -> None:
    ids = _loads(network)
    path = _long(tmp_path, ["M1", "M2"])
    alone = read_meters(path, network)
    assert (alone.meters["status"] == "unmatched").all() and (alone.meters["reason"] != "").all()
    assert alone.kw.shape == (8760, 0) and (alone.loads["status"] == "no_meter").all()
    added = read_meters(path, network, mapping={"M1": ids[0], "M2": ids[0]})
    assert np.allclose(added.kw[ids[0]], USUAL.sum(axis=1)) and added.loads.loc[ids[0], "meters"] == 2
    file = tmp_path / "mapping.csv"
    file.write_text(f"meter_id;load_id\nM1;{ids[1]}\n", encoding="utf-8")
    mapped = read_meters(path, network, mapping=file)
    assert mapped.meters["status"].tolist() == ["used", "unmatched"]
    assert np.allclose(mapped.kw[ids[1]], USUAL[:, 0])
    own = _long(tmp_path, ["M1"], USUAL[:, :1], columns={"load_id": ids[0]})
    assert np.allclose(read_meters(own, network).kw[ids[0]], USUAL[:, 0])


def _faults(path: Path, network: Network, **more: object) -> set[str]:
    with pytest.raises(InputError) as caught:
        read_meters(path, network, **more)  # type: ignore[arg-type]
    assert (caught.value.findings["message"].str.len() > 10).all()
    return set(caught.value.findings["rule"])


def test_registers_that_count_on_are_refused(tmp_path: Path, network: Network) -> None:
    values = np.column_stack([1234.0 + USUAL[:, 0].cumsum(), USUAL[:, 1]])
    with pytest.raises(InputError, match="register") as caught:
        read_meters(_long(tmp_path, _loads(network), values), network)
    assert caught.value.findings["element_id"].tolist() == _loads(network)[:1]


def test_faults_of_a_file_come_all_at_once(tmp_path: Path, network: Network) -> None:
    time = TEXT.copy()
    time[[3, 5]] = "yesterday", "2025-01-01T05:07Z"
    path = _long(tmp_path, ["M1", "M2"], USUAL, time)
    assert _faults(path, network, mapping={"M1": "nobody"}) == {"bad_time", "meter_step", "unknown_load"}


def test_cells_and_columns_that_say_nothing(tmp_path: Path, network: Network) -> None:
    load, words = _loads(network)[0], USUAL[:, 0].astype(object)
    words[7] = "much"
    assert _faults(_wide(tmp_path, {load: words}), network) == {"not_a_number", "meter_unit"}
    assert "not_a_number" in _faults(_wide(tmp_path, {load: words}, sep=";"), network, unit="kw")
    path = tmp_path / "bare.csv"
    path.write_text("meter_id,value\nA,1\n", encoding="utf-8")
    assert _faults(path, network) == {"no_time", "meter_columns"}
    assert _faults(tmp_path / "absent.csv", network) == {"unknown_meters"}
    path.write_bytes(b"\x00\xff\x00")
    assert _faults(path, network)
    assert _faults(_long(tmp_path, ["M1", "M2"]), network, time_zone="Europe/Nowhere") == {
        "unknown_time_zone"
    }


def test_local_times_need_a_zone_and_skipped_ones_the_right_one(tmp_path: Path, network: Network) -> None:
    naive = YEAR.strftime("%Y-%m-%d %H:%M").to_numpy()
    path = _long(tmp_path, _loads(network), USUAL, naive)
    assert _faults(path, network) == {"hours_without_zone"}
    assert _faults(path, network, time_zone="Europe/Berlin") == {"meter_clock"}
    assert len(read_meters(path, network, time_zone="Etc/GMT-1").kw) == 8760


def test_mappings_that_contradict_themselves(tmp_path: Path, network: Network) -> None:
    ids, file = _loads(network), tmp_path / "mapping.csv"
    path = _long(tmp_path, ["M1", "M2"])
    file.write_text(f"meter_id,load_id\nM1,{ids[0]}\nM1,{ids[1]}\n", encoding="utf-8")
    assert _faults(path, network, mapping=file) == {"meter_mapping"}
    file.write_text("meter,load\nM1,A\n", encoding="utf-8")
    assert _faults(path, network, mapping=file) == {"meter_mapping"}


def test_readings_as_profiles_are_what_the_network_draws(tmp_path: Path, network: Network) -> None:
    """Laid over a year of profiles, every hour of a measured load is its reading."""
    ids = _loads(network)
    readings = read_meters(_long(tmp_path, ids), network)
    profiles, measured = readings.over(demand_profiles(2025)), readings.peaks_on(network)
    assert set(profiles.of_element) == set(ids) and profiles.without_profile(measured) == []
    day = dataclasses.replace(profiles, factors=profiles.factors.iloc[4000:4024])
    hours = run_profiles(build_model(measured), day.over(measured), Scenario()).hours
    others = [load for load in measured.loads.index if load not in ids]
    by_class = measured.loads.loc[others, "customer_class"].map(dict(day.of_class))
    others_kw = day.factors[by_class].to_numpy() @ measured.loads.loc[others, "p_kw"].to_numpy()
    assert np.allclose(hours["demand_kw"], USUAL[4000:4024].sum(axis=1) + others_kw)


def test_readings_of_one_year_as_those_of_another(tmp_path: Path, network: Network) -> None:
    """2028 is a leap year: Saturdays stay Saturdays, 18 h stays 18 h, and 8,784 hours are filled."""
    local = YEAR.tz_convert("Europe/Berlin")
    values = np.column_stack([local.dayofweek * 100.0 + local.hour + 1.0, local.dayofyear + 0.25])
    readings = read_meters(_long(tmp_path, _loads(network), values), network, time_zone="Europe/Berlin")
    moved = readings.in_year(2028)
    hours = moved.kw.index.tz_convert("Europe/Berlin")
    assert len(moved.kw) == 8784
    # Days like those on which clocks change, in either year, lack an hour or have one twice.
    changes = [pd.Timestamp(day, tz="Europe/Berlin") for day in ("2028-03-29", "2028-10-29")]
    plain = np.all([np.abs(hours - day) > pd.Timedelta(days=6) for day in changes], axis=0)
    by_clock = hours.dayofweek * 100.0 + hours.hour + 1.0
    assert np.allclose(moved.kw.iloc[:, 0][plain][2:-2], by_clock[plain][2:-2])
    away = np.abs(moved.kw.iloc[:, 1].to_numpy() - 0.25 - hours.dayofyear)
    assert np.minimum(away, 365 - away).max() <= 5
    assert readings.in_year(2025) is readings
