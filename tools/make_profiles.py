"""Make the tables of `gridmodel/standard_profiles` from published data; run by a developer, never at run
time.

From demandlib 0.2.2 (MIT), which pip fetches into a folder that is thrown away:

- `slp.csv`: BDEW's standard load profiles of 2025, mean power of every hour [kW] of a customer of 1 GWh a
  year, by month and kind of day. Household profiles come before BDEW's dynamisation, which
  `gridmodel.standard_profiles` applies day by day.
- `demandlib_hours.csv`: hours of the day, mean 1 over a week, of round-the-clock business (VDEW's G3 of 1999)
  and of the heat demand of homes and of business at -5 to 0 degrees C (BDEW/VKU/GEODE gas profiles EFH, GHD).

From the data of the installed package simbench (ODbL 1.0; a derived database, see `simbench.LICENSE.txt`):

- `simbench_hours.csv`: hours of the day of home charging, smoothed, since it is six cars only;
- `simbench_days.csv`: day by day what the weather makes of heat pumps, sun, biomass plants and water;
- `simbench_wind.csv`: every hour of wind farms on land.

Run: `python tools/make_profiles.py`.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

PACKAGE: Final = "demandlib==0.2.2"
TARGET: Final = Path(__file__).resolve().parents[1] / "gridmodel" / "standard_profiles"
PROFILES: Final = ("h25", "g25", "l25")
MONTHS: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip
# BDEW's kinds of day: Werktag, Samstag, Sonn- und Feiertag.
DAYS: Final = {"WT": "workday", "SA": "saturday", "FT": "sunday"}
QUARTERS_PER_HOUR: Final = 4
# demandlib's fourth interval of temperature: above -5 to 0 degrees C, the usual day of the heating season.
HEAT_INTERVAL: Final = "temp_intervall_04"
HEATED: Final = {"EFH": "heat_of_homes", "GHD": "heat_of_business"}
# SimBench's largest grid carries every profile; its year is 2016, a leap year, in German clock time.
SIMBENCH_GRID: Final = "networks/1-complete_data-mixed-all-2-sw"
# Home charging (HLS), with the rated power of the point [kW], which its energy counts by.
CHARGING_KW: Final = {
    "HLS_A_3.7": 3.7, "HLS_B_3.7": 3.7, "HLS_C_3.7": 3.7, "HLS_A_11.0": 11.0, "HLS_B_11.0": 11.0,
    "HLS_A_22.0": 22.0,
}  # fmt: skip
HEAT_PUMPS: Final = ("Air_", "Soil_")
# Wind farms on land: WP1, WP2 and WP9 run at half of their power over the year, as only those at sea do.
WIND: Final = ("WP3", "WP4", "WP5", "WP6", "WP7", "WP8", "WP10", "WP11", "WP12")
# The clearest day of a season is looked for this many days to either side.
CLEAR_WITHIN_DAYS: Final = 15
NOTICE: Final = """\
simbench_hours.csv, simbench_days.csv and simbench_wind.csv are a database derived from SimBench, and are made
available under the Open Database License 1.0 (ODbL): https://opendatacommons.org/licenses/odbl/1.0/
Rights in individual contents are licensed under the Database Contents License 1.0:
https://opendatacommons.org/licenses/dbcl/1.0/

Contains information from SimBench (https://simbench.de), which is made available under the ODbL.
S. Meinecke, D. Sarajlic, S. R. Drauz et al., SimBench - A Benchmark Dataset of Electric Power Systems to
Compare Innovative Solutions Based on Power Flow Analysis, Energies 13 (2020) 3290, doi:10.3390/en13123290.
Derived from the package simbench {version} by tools/make_profiles.py: means over profiles, hours and days.

The notice of the package:

"""


def main() -> None:
    """Write the tables and the licences they came under."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(_download(Path(folder))) as archive:
        slp = pd.concat([_hourly_kw(archive, profile) for profile in PROFILES], axis=1)
        hours = pd.concat([_round_the_clock(archive), _heat(archive, "EFH"), _heat(archive, "GHD")], axis=1)
        licence = next(name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        (TARGET / "demandlib.LICENSE.txt").write_bytes(archive.read(licence))
    _write(slp, "slp.csv")
    _write(hours, "demandlib_hours.csv")
    _make_simbench()


def _write(table: pd.DataFrame, name: str) -> None:
    table.round(3).to_csv(TARGET / name, lineterminator="\n")


def _download(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", PACKAGE]
    subprocess.run(pip, cwd=folder, check=True)
    return next(folder.glob("*.whl"))


def _hourly_kw(archive: zipfile.ZipFile, profile: str) -> pd.Series:
    """Mean power [kW] per month, kind of day and hour of day."""
    text = io.BytesIO(archive.read(f"demandlib/bdew/bdew_data/{profile}.csv"))
    quarters_kwh = pd.read_csv(text, header=[0, 1], index_col=0)
    hours_kw = quarters_kwh.groupby([n // QUARTERS_PER_HOUR for n in range(len(quarters_kwh))]).sum()
    hours_kw.columns = pd.MultiIndex.from_tuples(
        [(MONTHS.index(month) + 1, DAYS[day]) for month, day in hours_kw.columns], names=["month", "day"]
    )
    hours_kw.index.name = "hour_of_day"
    by_hour = [hours_kw[column].rename(None) for column in hours_kw]
    return (
        pd.concat(by_hour, keys=hours_kw.columns, names=["month", "day"]).sort_index().rename(f"{profile}_kw")
    )


def _round_the_clock(archive: zipfile.ZipFile) -> pd.Series:
    """VDEW's profile G3 by kind of day and hour, mean over its three periods of the year."""
    text = io.BytesIO(archive.read("demandlib/bdew/bdew_data/selp_series.csv"))
    quarters = pd.read_csv(text, index_col=0, parse_dates=True)
    return _by_hour_of_day(quarters["g3"], quarters["weekday"] - 1).rename("round_the_clock")


def _heat(archive: zipfile.ZipFile, kind: str) -> pd.Series:
    """Heat demand by kind of day and hour, mean over the classes of wind exposure."""
    by_hour, by_day = (
        table[table["shlp_type"] == kind]
        for table in (
            pd.read_csv(io.BytesIO(archive.read(f"demandlib/bdew/bdew_data/{name}.csv")), index_col=0)
            for name in ("shlp_hour_factors", "shlp_weekday_factors")
        )
    )
    share = by_hour.groupby(["weekday", "hour_of_day"])[HEAT_INTERVAL].mean()
    clock = pd.date_range("2024-01-01", periods=7 * 24, freq="h")  # begins on a Monday
    # Homes have one day for the whole week, numbered 0; business has seven, numbered from Monday, 1.
    day = clock.dayofweek + 1 if (1, 1) in share.index else np.zeros(len(clock), dtype=int)
    level = by_day["wochentagsfaktor"].to_numpy()[clock.dayofweek]
    power = level * share.loc[pd.MultiIndex.from_arrays([day, clock.hour + 1])].to_numpy()
    by_hour_of_day = _by_hour_of_day(pd.Series(power, clock), pd.Series(clock.dayofweek, clock))
    return by_hour_of_day.rename(HEATED[kind])


def _by_hour_of_day(power: pd.Series, day_of_week: pd.Series) -> pd.Series:
    """Mean by kind of day and hour of day, mean 1 over a week."""
    time = pd.DatetimeIndex(power.index)
    day = np.select([day_of_week == 5, day_of_week == 6], ["saturday", "sunday"], "workday")
    means = power.groupby([pd.Index(day, name="day"), pd.Index(time.hour, name="hour_of_day")]).mean()
    week = (5.0 * means["workday"] + means["saturday"] + means["sunday"]).mean() / 7.0
    return means / week


def _make_simbench() -> None:
    """Derive the tables that come from SimBench."""
    spec = find_spec("simbench")
    assert spec is not None and spec.submodule_search_locations, "install simbench (pip install '.[dev]')"
    folder = Path(spec.submodule_search_locations[0]) / SIMBENCH_GRID
    loads = _series(folder / "LoadProfile.csv", ("HLS_", *HEAT_PUMPS), "_pload")
    feeds = _series(folder / "RESProfile.csv", ("PV", "WP", "BM", "Hydro"), "")
    clock = pd.DatetimeIndex(loads.index)
    charging = sum(kw * loads[name] for name, kw in CHARGING_KW.items())
    by_hour = _by_hour_of_day(charging, pd.Series(clock.dayofweek, clock))
    _write(_smoothed(by_hour).rename("charging").to_frame(), "simbench_hours.csv")
    _write(_days(loads, feeds), "simbench_days.csv")
    _write(_wind(feeds), "simbench_wind.csv")
    package = distribution("simbench")
    licence = next(path for path in package.files or () if path.name == "LICENSE")
    text = NOTICE.format(version=package.version) + Path(str(licence.locate())).read_text(encoding="utf-8")
    (TARGET / "simbench.LICENSE.txt").write_text(text, encoding="utf-8")


def _smoothed(by_hour: pd.Series) -> pd.Series:
    """Both days of a weekend alike, and each hour as the mean of itself and its neighbours."""
    weekend = (by_hour["saturday"] + by_hour["sunday"]) / 2.0
    days = {"saturday": weekend, "sunday": weekend, "workday": by_hour["workday"]}
    smooth = {day: sum(np.roll(hours, shift) for shift in (-1, 0, 1)) / 3.0 for day, hours in days.items()}
    return pd.Series(np.concatenate(list(smooth.values())), by_hour.index)


def _series(path: Path, beginnings: tuple[str, ...], ending: str) -> pd.DataFrame:
    """Columns of a SimBench table by clock time; the hour that stands twice in autumn stays twice."""
    names = pd.read_csv(path, sep=";", nrows=0).columns
    wanted = [name for name in names if name.startswith(beginnings) and name.endswith(ending)]
    table = pd.read_csv(path, sep=";", usecols=["time", *wanted])
    time = pd.to_datetime(table.pop("time"), format="%d.%m.%Y %H:%M")
    return table.set_axis([name.removesuffix(ending) for name in table], axis=1).set_axis(time)


def _days(loads: pd.DataFrame, feeds: pd.DataFrame) -> pd.DataFrame:
    """Mean of each day of 2016 as a share of the largest; clearness against the clearest day near it."""
    date = pd.DatetimeIndex(loads.index).normalize()
    pumps = [name for name in loads if name.startswith(HEAT_PUMPS)]
    table = pd.DataFrame(
        {
            "heat": loads[pumps].mean(axis=1).groupby(date).mean(),
            "sun": feeds.filter(regex="^PV").mean(axis=1).groupby(date).mean(),
            "biomass": feeds.filter(regex="^BM").mean(axis=1).groupby(date).mean(),
            "hydro": feeds.filter(regex="^Hydro").mean(axis=1).groupby(date).mean(),
        }
    )
    sun = table.pop("sun").to_numpy()
    around = np.concatenate([sun[-CLEAR_WITHIN_DAYS:], sun, sun[:CLEAR_WITHIN_DAYS]])
    clearest = np.lib.stride_tricks.sliding_window_view(around, 2 * CLEAR_WITHIN_DAYS + 1).max(axis=1)
    table = (table / table.max()).assign(clearness=sun / clearest)
    days = pd.DatetimeIndex(table.index)
    return table.set_axis(pd.MultiIndex.from_arrays([days.month, days.day], names=["month", "day_of_month"]))


def _wind(feeds: pd.DataFrame) -> pd.DataFrame:
    """Mean of the wind farms in every clock hour of 2016; the hour skipped in spring is as its neighbours."""
    power = feeds[list(WIND)].mean(axis=1)
    hours = pd.date_range("2016-01-01", "2017-01-01", freq="h", inclusive="left")
    by_hour = power.groupby(pd.DatetimeIndex(power.index).floor("h")).mean().reindex(hours).interpolate()
    keys = [hours.month, hours.day, hours.hour]
    index = pd.MultiIndex.from_arrays(keys, names=["month", "day_of_month", "hour_of_day"])
    return pd.DataFrame({"wind": (by_hour / by_hour.max()).clip(lower=0.0).to_numpy()}, index)


if __name__ == "__main__":
    main()
