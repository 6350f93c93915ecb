"""Headroom of a year in short: firm kW, and where the nights hold most beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.headroom_year import off_peak
from capacity.output import Report, figure, rows_of
from gis.voltage import LV_MAX_KV

if TYPE_CHECKING:
    from capacity.headroom_year import YearHeadroom
    from gridmodel.profile_set import ProfileSet

# Places and hours named in text; files and JSON have all.
PLACES_NAMED = 10
HOURS_NAMED = 3
# Headroom of buses with one of these is a figure.
KNOWN = ("ok", "already_violated", "capped")


def year_report(
    found: YearHeadroom, seconds: float, yardstick: Yardstick, profiles: ProfileSet, *, with_blocks: bool
) -> Report:
    """All rows for machines; for people the spread of firm kW, the nights, and the places to sell them at.

    Parameters
    ----------
    with_blocks
        Whether rows carry their blocks.
    """
    firm = found.firm
    values: dict[str, object] = {
        "buses": len(firm), "seconds": round(seconds, 3), "hours": found.hours,
        "hours_solved": found.hours_solved, "probes": found.probes, "method": found.method,
        "hours_without_solution": [_said(hour) for hour in found.unsolved], "profiles": profiles.source,
        "rows": [{**row, "firm_hour": _said(row["firm_hour"])} for row in rows_of(firm)],
    }  # fmt: skip
    if with_blocks:
        values["blocks"] = rows_of(found.of_blocks())
    return values, [
        *_head(found, seconds, yardstick),
        *_spread(found),
        *_parts(found),
        *_places(found, yardstick),
        f"profiles: {profiles.source}; hours of the day and seasons in {profiles.time_zone}",
    ]


def more_at_night(found: YearHeadroom, yardstick: Yardstick) -> pd.DataFrame:
    """Buses by what their nights hold beyond firm, most first.

    Busbars of stations to low voltage where any was asked for, else all buses.

    Returns
    -------
    DataFrame
        bus_id, firm_kw, off_peak_kw, more_kw; no rows where nothing is known.
    """
    table = pd.DataFrame(found.firm[["bus_id", "firm_kw", "off_peak_kw"]])
    known = table[found.firm["status"].isin(KNOWN) & table["off_peak_kw"].notna()]
    network = yardstick.network
    busbars = network.transformers["lv_bus_id"]
    busbars = busbars[(network.buses["vn_kv"].reindex(busbars) <= LV_MAX_KV).to_numpy()]
    stations = known[known["bus_id"].isin(busbars)]
    chosen = stations if len(stations) else known
    chosen = chosen.assign(more_kw=chosen["off_peak_kw"] - chosen["firm_kw"])
    return chosen.sort_values("more_kw", ascending=False, kind="stable", ignore_index=True)


def _head(found: YearHeadroom, seconds: float, yardstick: Yardstick) -> list[str]:
    counts = found.firm["status"].value_counts()
    told = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in counts.items())
    lines = [
        f"{len(found.firm):,} buses over {found.hours:,} hours in {seconds:.1f} s: {told}; "
        f"limits {yardstick.limits.name}",
        f"{found.hours_solved:,} hours looked at, {found.probes:,} pairs of hour and bus judged "
        f"({found.method}); "
        "other hours, if any, are equal to one of them or outweighed by it",
    ]
    if len(found.unsolved):
        named = ", ".join(map(_said, found.unsolved[:HOURS_NAMED]))  # type: ignore[arg-type]
        lines.append(f"no solution in {len(found.unsolved):,} hours, which leaves firm kW open: {named}")
    return lines


def _spread(found: YearHeadroom) -> list[str]:
    kw = found.firm.loc[found.firm["status"].isin(KNOWN), "firm_kw"]
    if kw.empty:
        return []
    low, middle, high = kw.quantile([0.1, 0.5, 0.9])
    return [
        f"firm: a bus in ten has less than {low:,.0f} kW, half have {middle:,.0f} kW, "
        f"one in ten {high:,.0f} kW"
    ]


def _parts(found: YearHeadroom) -> list[str]:
    """What half of the buses have at least beyond firm, by season, day and part of the day."""
    blocks, night = found.blocks.table, off_peak(found.blocks)
    known = found.firm["status"].isin(KNOWN).to_numpy()
    if not known.any():
        return []
    lines = ["beyond firm, half of the buses have at least:"]
    for season, day in blocks[["season", "day"]].drop_duplicates().itertuples(index=False):
        at = ((blocks["season"] == season) & (blocks["day"] == day)).to_numpy()
        told = []
        for name, part in (("night", at & night), ("day", at & ~night)):
            if part.any():
                more = found.kw[part][:, known].min(axis=0) - found.firm["firm_kw"].to_numpy()[known]
                told.append(f"{name} {np.nanmedian(more):8,.0f} kW")
        lines.append(f"  {season:10} {day:8} {'  '.join(told)}")
    return lines


def _places(found: YearHeadroom, yardstick: Yardstick) -> list[str]:
    best = more_at_night(found, yardstick).head(PLACES_NAMED)
    if best.empty:
        return []
    rows = [
        f"  {row.bus_id:24} firm {figure(row.firm_kw, 0):>8} kW  "
        f"every night {figure(row.off_peak_kw, 0):>8} kW  {figure(row.more_kw, 0):>8} kW more"
        for row in best.itertuples()
    ]
    return ["most beyond firm in all nights (22 to 6 h):", *rows]


def _said(hour: object) -> str | None:
    stamp = pd.to_datetime(hour)  # type: ignore[call-overload]
    return None if pd.isna(stamp) else str(stamp.strftime("%Y-%m-%dT%H:%MZ"))
