"""A user's meter readings: a file of kW or kWh by meter and time becomes an hourly year by load.

`read_meters` is the door. How files look is `gridmodel.meter_table`, what is done about gaps and what cannot
be true is `gridmodel.meter_checks`, and what comes out is `MeterReadings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gis import Network
from gis.findings import join_findings
from gridmodel.meter_checks import REPORT_COLUMNS, Checked, check_readings, is_register, meter_rules
from gridmodel.meter_mapping import load_of_meters
from gridmodel.meter_readings import MeterReadings
from gridmodel.meter_table import MeterTable, Unit, fault, raise_faults, read_meter_table, utc_minutes
from gridmodel.profile_file import require_time_zone
from gridmodel.standard_profiles.tables import year_hours

_QUARTER_MIN, _HOUR_MIN = 15, 60
# A meter reads every quarter or half hour if so many of its readings are between the longer steps: it has
# half of them there, and one with a stray reading hardly any.
_BETWEEN_SHARE = 0.25
# Which quarters of an hour a step begins in, as bits: all that a whole hour has.
_WHOLE = {15: 0b1111, 30: 0b0101, 60: 0b0001}


def read_meters(
    path: Path,
    network: Network,
    *,
    unit: Unit | None = None,
    time_zone: str | None = None,
    stamp: str = "begin",
    mapping: Path | Mapping[str, str] | None = None,
    year: int | None = None,
) -> MeterReadings:
    """Read meter readings of a year and match them to the loads of a network.

    Steps of 15, 30 or 60 minutes, each meter its own; an hour is the mean of its steps. What is missing or
    cannot be true is filled by a rule or sets the meter aside (`meter_rules.toml`), and is a row of the
    report; every meter and every load is a row with its status.

    Parameters
    ----------
    path
        CSV or Parquet. Long: `meter_id` (or `load_id`), `time`, and `kw` or `kwh`. Wide: `time` and a column
        per meter, named after it.
    unit
        "kw" (mean of the step) or "kwh" (energy of the step) of a wide file.
    time_zone
        Zone of times that have no offset, and where people live by the clock. Of an hour that clocks repeat
        in autumn the first row is summer time.
    stamp
        "begin" or "end": what the time of a reading is of its step.
    mapping
        Which load a meter belongs to: by meter_id, or a CSV file of `meter_id` and `load_id`; several meters
        of a load are added. If not given: column `load_id` of the file, or meters named like loads.
    year
        Calendar year (UTC) that is taken; the one with the most readings if not given.

    Raises
    ------
    InputError
        The file or the mapping is no such table, or meters give cumulative registers; every fault is named.
    """
    zone = require_time_zone(time_zone) if time_zone is not None else None
    if stamp not in ("begin", "end"):
        raise ValueError(f"stamp is begin or end, not {stamp!r}")
    table = read_meter_table(path, unit)
    load_of, told = load_of_meters(table, network, mapping)
    minutes, again, wrong = utc_minutes(table.times, zone)
    raise_faults(path, [told, wrong, _steps_faults(table, minutes)])
    steps = _Steps(table, minutes, again, stamp)
    hours = year_hours(steps.usual_year() if year is None else year)
    kw, doubts = steps.hourly_kw(hours)
    rules = meter_rules()
    registers = table.meter_ids[is_register(kw, rules)]
    message = "counts on, as a register does: give what was drawn in each step, not the count"
    raise_faults(path, [fault("meter_register", list(registers), message)])
    checked = check_readings(kw, hours, table.meter_ids, rules)
    meters = _meters(table, load_of, checked, steps.step_min)
    loads = _loads(meters, network)
    report = pd.concat([doubts, checked.report], ignore_index=True)
    return MeterReadings(
        kw=_by_load(checked.kw, meters, loads, hours),
        meters=meters,
        loads=loads,
        report=report.sort_values(["meter_id", "from", "kind"], ignore_index=True),
        time_zone=zone or "UTC",
        source=str(path),
    )


def _steps_faults(table: MeterTable, minutes: np.ndarray) -> pd.DataFrame:
    faults = []
    lost = int((table.time < 0).sum())
    if lost:
        first = int((table.time < 0).argmax()) + 1
        faults.append(fault("bad_time", [""], f"{lost} readings have no time, the first is number {first}"))
    off = minutes % _QUARTER_MIN != 0
    if off.any():
        message = (
            f"{int(off.sum())} times are no quarter of an hour, this first; steps are 15, 30 or 60 minutes"
        )
        faults.append(fault("meter_step", [str(table.times[int(off.argmax())])], message))
    return join_findings(faults)


class _Steps:
    """Readings on a common clock of quarters of an hour."""

    def __init__(self, table: MeterTable, minutes: np.ndarray, again: np.ndarray, stamp: str) -> None:
        read = np.isfinite(table.value)
        kept = slice(None) if read.all() else read
        self.ids, self.unit = table.meter_ids, table.unit
        self.meter, self.value = table.meter[kept], table.value[kept]
        time = table.time[kept]
        begin = minutes[time]
        self.once: np.ndarray = np.zeros(len(time), dtype=bool)
        self._settle_repeated(time, begin, minutes, again)
        self.step_min = self._step_of_meters(begin)
        step = self.step_min[self.meter]
        self.stray = begin % step != 0
        self.begin = begin - step if stamp == "end" else begin

    def _settle_repeated(
        self, time: np.ndarray, begin: np.ndarray, minutes: np.ndarray, again: np.ndarray
    ) -> None:
        """Of times that clocks repeat, the second reading of a meter is an hour later."""
        at = np.flatnonzero((minutes != again)[time])
        if len(at):
            pairs = pd.DataFrame({"meter": self.meter[at], "time": time[at]}).groupby(["meter", "time"])
            number, count = pairs.cumcount().to_numpy(), pairs["time"].transform("size").to_numpy()
            begin[at] = np.where(number >= 1, again[time[at]], begin[at])
            self.once[at] = count == 1

    def _step_of_meters(self, begin: np.ndarray) -> np.ndarray:
        count = len(self.ids)
        quarter = begin // _QUARTER_MIN % 4
        found = np.bincount(self.meter * np.int64(4) + quarter, minlength=4 * count).reshape(count, 4)
        total = np.maximum(found.sum(axis=1), 1)
        is_quarter = found[:, [1, 3]].sum(axis=1) >= _BETWEEN_SHARE * total
        is_half = found[:, 2] >= _BETWEEN_SHARE * total
        return np.select([is_quarter, is_half], [15, 30], 60)

    def usual_year(self) -> int:
        """The calendar year with the most readings."""
        if not len(self.begin):
            return 2025
        days = np.unique(self.begin // (24 * _HOUR_MIN), return_counts=True)
        years = pd.to_datetime(days[0], unit="D").year
        return int(pd.Series(days[1]).groupby(np.asarray(years)).sum().idxmax())

    def hourly_kw(self, hours: pd.DatetimeIndex) -> tuple[np.ndarray, pd.DataFrame]:
        """Hours x meters [kW], NaN where an hour is not whole, and rows about readings not taken."""
        hour = (self.begin - int(hours[0].value // 60_000_000_000)) // _HOUR_MIN
        inside = (hour >= 0) & (hour < len(hours))
        taken = inside & ~self.stray
        left_out = self._left_out(hours, inside, taken)
        sums = _HourSums(self, hour, taken, len(hours))
        told = sums.unite()
        kw = sums.mean_kw(self.step_min).T
        doubts = pd.concat([self._doubts(told, hours), left_out], ignore_index=True)
        return np.ascontiguousarray(kw), doubts

    def _doubts(self, told: pd.DataFrame, hours: pd.DatetimeIndex) -> pd.DataFrame:
        """Rows about hours that stand twice."""
        meter, hour = told["key"].to_numpy() // len(hours), told["key"].to_numpy() % len(hours)
        action = np.where(told["same"].astype(bool), "equal: one kept", "differ: taken as a gap")
        return self._rows(meter, hours[hour], np.ones(len(told)), "duplicate", action)

    def _left_out(self, hours: pd.DatetimeIndex, inside: np.ndarray, taken: np.ndarray) -> pd.DataFrame:
        """Rows about readings of other years, off their meter's step, and of a repeated hour read once."""
        parts = []
        for kind, mask, action in (
            ("outside_year", ~inside, f"left out: not of {hours[0].year} (UTC)"),
            ("off_step", inside & self.stray, "left out: between the steps of its meter"),
            ("repeated_hour", taken & self.once, "taken as summer time: clocks repeat it, it was read once"),
        ):
            found = pd.DataFrame({"meter": self.meter[mask], "begin": self.begin[mask]}).groupby("meter")[
                "begin"
            ]
            span = found.agg(["min", "max", "size"])
            meter = span.index.to_numpy()
            step = self.step_min[meter]
            start = pd.to_datetime(span["min"].to_numpy(), unit="m", utc=True)
            rows = self._rows(meter, start, span["size"].to_numpy() * step / _HOUR_MIN, kind, action)
            parts.append(rows.assign(to=pd.to_datetime(span["max"].to_numpy() + step, unit="m", utc=True)))
        return pd.concat(parts, ignore_index=True)

    def _rows(
        self, meter: np.ndarray, start: pd.DatetimeIndex, hours: np.ndarray, kind: str,
        action: str | np.ndarray,
    ) -> pd.DataFrame:  # fmt: skip
        rows = {"meter_id": self.ids.to_numpy(dtype=object)[meter], "from": start}
        rows |= {"to": start + pd.to_timedelta(hours, unit="h"), "hours": hours.astype(float)}
        return pd.DataFrame(rows).assign(kind=kind, action=action)[list(REPORT_COLUMNS)]


class _HourSums:
    """Readings added up by meter and hour, and which steps of each hour were read, as bits."""

    def __init__(self, steps: _Steps, hour: np.ndarray, taken: np.ndarray, hours: int) -> None:
        which = slice(None) if taken.all() else taken
        meter, begin = steps.meter[which], steps.begin[which]
        self.key = meter.astype(np.int64) * hours + hour[which]
        self.value = steps.value[which]
        if steps.unit == "kwh" and (steps.step_min != _HOUR_MIN).any():
            self.value = self.value * (_HOUR_MIN / steps.step_min[meter])
        self.whole = np.array([_WHOLE[step] for step in steps.step_min], dtype=np.int64)[:, None]
        size = len(steps.ids) * hours
        self.total = np.bincount(self.key, self.value, size)
        self.number = np.bincount(self.key, minlength=size)
        self.bit = 1 << (begin // _QUARTER_MIN % 4)
        # Where every meter reads hours, one reading is a whole hour: the bits are as the number.
        hourly = bool((steps.step_min == _HOUR_MIN).all())
        self.bits = self.number.copy() if hourly else np.bincount(self.key, self.bit, size).astype(np.int64)

    def unite(self) -> pd.DataFrame:
        """Make one reading of equal ones of the same step and drop those that differ; tell which hours.

        An hour is doubted whose readings are not each step once, as the sum of their bits tells.
        """
        bits = self.bits.reshape(self.whole.size, -1)
        doubted = (self.number.reshape(bits.shape) > 1) & (bits != self.whole)
        hours = np.flatnonzero(doubted)
        at = np.flatnonzero(np.isin(self.key, hours)) if len(hours) else np.zeros(0, dtype=int)
        rows = pd.DataFrame({"key": self.key[at], "bit": self.bit[at], "value": self.value[at]})
        steps = rows.groupby(["key", "bit"])["value"].agg(["first", "min", "max", "size"]).reset_index()
        steps["same"] = np.isclose(steps["min"], steps["max"], rtol=1e-9, atol=1e-12)
        kept = steps[steps["same"]]
        key = kept["key"].to_numpy()
        self.total[hours] = self.number[hours] = 0
        np.add.at(self.total, key, kept["first"].to_numpy())
        np.add.at(self.number, key, 1)
        return steps[steps["size"] > 1].groupby("key")["same"].all().reset_index()

    def mean_kw(self, step_min: np.ndarray) -> np.ndarray:
        """Mean power of each hour, meters x hours; NaN where a step was not read, or not once."""
        per_hour = (_HOUR_MIN // step_min)[:, None]
        good = self.number.reshape(len(step_min), -1) == per_hour
        return np.where(good, self.total.reshape(len(step_min), -1) / per_hour, np.nan)


def _meters(table: MeterTable, load_of: pd.Series, checked: Checked, step_min: np.ndarray) -> pd.DataFrame:
    """Every meter of the file: used, set aside, or without a load."""
    load = load_of.to_numpy(dtype=object)
    unmatched, aside = pd.isna(load), checked.reason != ""
    reason = np.where(unmatched, "no load of the network is named for it", checked.reason)
    return pd.DataFrame(
        {
            "load_id": load,
            "status": np.select([unmatched, aside], ["unmatched", "set_aside"], "used").astype(object),
            "reason": reason.astype(object),
            "step_min": step_min,
            "missing_h": checked.missing_h,
            "peak_kw": np.where(aside, np.nan, checked.kw.max(axis=0)),
            "energy_kwh": np.where(aside, np.nan, checked.kw.sum(axis=0)),
        },
        index=pd.Index(table.meter_ids, name="meter_id"),
    )


def _by_load(
    kw: np.ndarray, meters: pd.DataFrame, loads: pd.DataFrame, hours: pd.DatetimeIndex
) -> pd.DataFrame:
    """Readings of the meters of each measured load, added."""
    measured = loads.index[loads["status"] == "measured"]
    place = measured.get_indexer(meters["load_id"])
    total = np.zeros((len(hours), len(measured)))
    for meter in np.flatnonzero((place >= 0) & (meters["status"] == "used").to_numpy()):
        total[:, place[meter]] += kw[:, meter]
    return pd.DataFrame(total, hours, measured)


def _loads(meters: pd.DataFrame, network: Network) -> pd.DataFrame:
    """Every load of the network: measured, set aside with one of its meters, or without a meter."""
    index = network.loads.index
    matched = meters[meters["status"] != "unmatched"]
    count = matched.groupby("load_id").size().reindex(index).fillna(0).astype(int)
    bad = (
        matched[matched["status"] == "set_aside"]
        .reset_index()
        .drop_duplicates("load_id")
        .set_index("load_id")
    )
    lost, why = bad["meter_id"].reindex(index), bad["reason"].reindex(index)
    said = "meter " + lost.astype(object) + ": " + why.astype(object)
    status = np.select([count == 0, lost.notna()], ["no_meter", "set_aside"], "measured").astype(object)
    reason = np.select([count == 0, lost.notna()], ["no meter is named for it", said], "").astype(object)
    return pd.DataFrame({"status": status, "reason": reason, "meters": count.to_numpy()}, index=index)
