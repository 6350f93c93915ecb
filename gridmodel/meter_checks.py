"""What is wrong with hourly meter readings, and what is done about it.

Every doubt is a row: which meter, from when to when, what, and what was done. Nothing is mended without one.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

REPORT_COLUMNS = ("meter_id", "from", "to", "hours", "kind", "action")
WEEK_H = 168
# How many weeks to either side are looked at for the same hour.
WEEKS = (1, 2, 3)


@dataclass(frozen=True)
class MeterRules:
    """Figures of `meter_rules.toml`, where each stands with its source."""

    interpolated_h: int
    filled_h: int
    missing_share: float
    outlier_factor: float
    stuck_h: int
    constant_share: float
    negative_share: float
    register_not_falling_share: float
    register_rising_share: float


@cache
def meter_rules() -> MeterRules:
    """The rules that ship."""
    figures = tomllib.loads(Path(__file__).with_name("meter_rules.toml").read_text(encoding="utf-8"))
    return MeterRules(**{name: value for name, value in figures.items() if not name.endswith("_source")})


@dataclass(frozen=True, eq=False)
class Checked:
    """Readings with gaps filled where a rule allows it.

    Attributes
    ----------
    kw
        Hours x meters; NaN only in columns that are set aside.
    missing_h
        Hours per meter that were not read or could not be true.
    reason
        Per meter why it is set aside; "" where it is not.
    report
        Columns `REPORT_COLUMNS`.
    """

    kw: np.ndarray
    missing_h: np.ndarray
    reason: np.ndarray
    report: pd.DataFrame


def is_register(kw: np.ndarray, rules: MeterRules) -> np.ndarray:
    """Tell which meters (columns) count on instead of telling what was drawn."""
    if len(kw) < 2:
        return np.zeros(kw.shape[1], dtype=bool)
    found = np.zeros(kw.shape[1], dtype=bool)
    before, after = kw[:-1], kw[1:]
    with np.errstate(invalid="ignore"):
        rising, falling, level = (
            (kind).sum(axis=0) for kind in (after > before, after < before, after == before)
        )
    known, not_falling = rising + falling + level, rising + level
    enough = known >= rules.stuck_h
    found[enough] = (not_falling[enough] >= rules.register_not_falling_share * known[enough]) & (
        rising[enough] >= rules.register_rising_share * known[enough]
    )
    return found


def check_readings(kw: np.ndarray, time: pd.DatetimeIndex, ids: pd.Index, rules: MeterRules) -> Checked:
    """Find what cannot be true, fill gaps and set meters aside that are not to be trusted.

    Parameters
    ----------
    kw
        Hours x meters, mean power of each hour [kW]; NaN where nothing was read.
    time
        Beginnings of the hours.
    ids
        Names of the meters.
    """
    told: list[pd.DataFrame] = []
    reason = np.full(len(ids), "", dtype=object)
    never = np.isnan(kw).all(axis=0)
    told.append(_rows(_runs(np.broadcast_to(never, kw.shape)), time, ids, "gap", "never read"))
    true_kw = kw
    for kind, check in (("negative", _negative), ("stuck", _stuck), ("outlier", _outlier)):
        found, kept = check(true_kw, rules)
        told.append(_rows(_runs(found & ~kept), time, ids, kind, "taken as a gap"))
        told.append(_rows(_runs(found & kept), time, ids, kind, "kept"))
        if kind == "negative":
            many = kept.any(axis=0)
            reason[many] = "reads negative too often: a meter that counts feeding in; give consumption alone"
        wrong = found & ~kept
        true_kw = np.where(wrong, np.nan, true_kw) if wrong.any() else true_kw
    empty = np.isnan(true_kw)
    filled, actions = _filled(true_kw, _runs(empty), rules)
    told.extend(_rows(runs, time, ids, "gap", action) for action, runs in actions.items())
    missing_h = empty.sum(axis=0)
    lost = np.isnan(filled).any(axis=0) | (missing_h > rules.missing_share * len(kw))
    for column in np.flatnonzero(lost & (reason == "")):
        reason[column] = _why_set_aside(missing_h[column], len(kw), rules)
    report = pd.concat(told, ignore_index=True).sort_values(["meter_id", "from", "kind"], ignore_index=True)
    return Checked(filled, missing_h, reason, report)


def _why_set_aside(missing_h: int, hours: int, rules: MeterRules) -> str:
    if missing_h == hours:
        return "nothing was read in this year"
    if missing_h > rules.missing_share * hours:
        return f"{missing_h} of {hours} hours are missing, more than {rules.missing_share:.0%}"
    return f"a gap is longer than {rules.filled_h} h, or has no hour like it in the weeks around"


def _negative(kw: np.ndarray, rules: MeterRules) -> tuple[np.ndarray, np.ndarray]:
    """Hours below 0; kept where they are too many to be errors."""
    found = kw < 0.0
    many = found.sum(axis=0) > rules.negative_share * len(kw)
    return found, np.broadcast_to(many, kw.shape)


def _stuck(kw: np.ndarray, rules: MeterRules) -> tuple[np.ndarray, np.ndarray]:
    """Hours of equal readings other than 0; kept where the customer draws the same most of the year."""
    same = np.zeros(kw.shape, dtype=bool)
    same[1:] = (kw[1:] == kw[:-1]) & (kw[1:] > 0.0)
    found = np.zeros(kw.shape, dtype=bool)
    column, first, last = _runs(same)
    for k in np.flatnonzero(last - first + 2 >= rules.stuck_h):
        found[first[k] - 1 : last[k] + 1, column[k]] = True
    constant = found.sum(axis=0) >= rules.constant_share * len(kw)
    return found, np.broadcast_to(constant, kw.shape)


def _outlier(kw: np.ndarray, rules: MeterRules) -> tuple[np.ndarray, np.ndarray]:
    """Hours far above all others of their meter."""
    above = max(round(0.001 * len(kw)), 1)
    known = np.where(np.isnan(kw), -np.inf, kw)
    usual = np.partition(known, len(kw) - 1 - above, axis=0)[len(kw) - 1 - above]
    found = (known > rules.outlier_factor * usual) & (usual > 0.0)
    return found, np.zeros(kw.shape, dtype=bool)


Runs = tuple[np.ndarray, np.ndarray, np.ndarray]


def _runs(mask: np.ndarray) -> Runs:
    """Column, first and last row of every run of true cells down a column."""
    if not mask.any():
        none = np.zeros(0, dtype=np.int64)
        return none, none, none
    edge = np.zeros((mask.shape[1], len(mask) + 2), dtype=np.int8)
    edge[:, 1:-1] = mask.T
    change = np.diff(edge, axis=1)
    column, first = np.nonzero(change == 1)
    _, beyond = np.nonzero(change == -1)
    return column, first, beyond - 1


def _filled(kw: np.ndarray, gaps: Runs, rules: MeterRules) -> tuple[np.ndarray, dict[str, Runs]]:
    """Readings with gaps filled, and which gaps by which rule."""
    by_line = f"interpolated, up to {rules.interpolated_h} h"
    by_week = "filled with the same hour of the weeks around"
    filled, of_action = kw.copy(), {by_line: [], by_week: [], "not filled": []}  # type: ignore[var-annotated]
    for number, (column, first, last) in enumerate(zip(*gaps, strict=True)):
        hours = last - first + 1
        if hours == len(kw):
            continue
        if hours <= rules.interpolated_h:
            values, action = _line(kw[:, column], first, last), by_line
        elif hours <= rules.filled_h:
            values, action = _weeks_around(kw[:, column], np.arange(first, last + 1)), by_week
        else:
            values, action = None, "not filled"
        if values is None or np.isnan(values).any():
            values, action = np.full(hours, np.nan), "not filled"
        filled[first : last + 1, column] = values
        of_action[action].append(number)
    chosen = {action: np.array(numbers, dtype=int) for action, numbers in of_action.items()}
    return filled, {action: (gaps[0][n], gaps[1][n], gaps[2][n]) for action, n in chosen.items()}


def _line(kw: np.ndarray, first: int, last: int) -> np.ndarray:
    """Straight line between the neighbours of a gap; at the ends of the year the one there is."""
    before = kw[first - 1] if first else kw[last + 1]
    after = kw[last + 1] if last + 1 < len(kw) else before
    return np.linspace(before, after, last - first + 3)[1:-1]


def _weeks_around(kw: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Mean of the same hour of the nearest weeks that were read, on either side."""
    values = np.full(len(hours), np.nan)
    for week in WEEKS:
        sides = []
        for away in (hours - week * WEEK_H, hours + week * WEEK_H):
            inside = (away >= 0) & (away < len(kw))
            sides.append(np.where(inside, kw[np.clip(away, 0, len(kw) - 1)], np.nan))
        known = np.isfinite(sides).sum(axis=0)
        mean = np.nansum(sides, axis=0) / np.maximum(known, 1)
        values = np.where(np.isnan(values) & (known > 0), mean, values)
    return values


def _rows(runs: Runs, time: pd.DatetimeIndex, ids: pd.Index, kind: str, action: str) -> pd.DataFrame:
    column, first, last = runs
    end = time[last] + pd.Timedelta(hours=1)
    cells = (ids.to_numpy(dtype=object)[column], time[first], end, (last - first + 1).astype(float))
    table = pd.DataFrame(dict(zip(REPORT_COLUMNS, cells, strict=False)))
    return table.assign(kind=kind, action=action)
