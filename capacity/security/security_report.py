"""N-1 in words and as JSON; figures of feeders with weak data are held back."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import geopandas as gpd

from capacity.output import Report, figure, rows_of, weak_lines, weak_values
from capacity.security.security import SECURE, SecurityResults
from capacity.security.security_tables import STATUSES

if TYPE_CHECKING:
    from capacity.data_quality import WeakFeeders
    from gridmodel import Scenario

# Outages named in text; JSON and files have all.
OUTAGES_NAMED = 20


def hold_back_security(results: SecurityResults, weak: WeakFeeders) -> SecurityResults:
    """Results without figures of outages on feeders whose data are too weak for them."""
    from capacity.data_quality import hold_back_rows
    from gis.quality.score import TOO_WEAK

    found = results.outages
    lost = found["feeder_id"].isin(weak)
    if not lost.any():
        return results
    figures = ["restored_kw", "left_kw", "loading_max_percent", "limiting_excess_percent"]
    held = hold_back_rows(found, weak, figures, reason="reason")
    status = found["status"].mask(lost, TOO_WEAK)
    return replace(results, outages=gpd.GeoDataFrame(held.assign(status=status), crs=found.crs))


def security_report(
    results: SecurityResults, scenario: Scenario, weak: WeakFeeders = MappingProxyType({})
) -> Report:
    """Outcomes of the outages, those that leave most without supply first, and firm capacity."""
    outages = results.outages
    counts = outages["status"].value_counts()
    by_status = {
        status: int(counts.get(status, 0)) for status in (*STATUSES, *counts.index.difference(STATUSES))
    }
    values = {
        **weak_values(weak),
        "scenario": scenario.scenario_id,
        "limits": results.limits,
        "secure": results.secure,
        "limits_broken_now": results.broken_now,
        "outages_count": len(outages),
        "statuses": {status: count for status, count in by_status.items() if count},
        "outages": rows_of(outages.reset_index()),
        "steps": rows_of(results.steps),
        "transfers": rows_of(results.transfers),
        "firm": rows_of(results.firm.reset_index()),
        "engine": results.engine,
    }
    lines = [
        f"{scenario.name} ({scenario.scenario_id}): {len(outages):,} outages under {results.limits}, "
        f"{results.engine}",
        *(f"  {count:7,} {_words(status)}" for status, count in by_status.items() if count),
    ]
    if results.broken_now:
        lines.append(
            f"  {results.broken_now} limits are broken without any outage; they count where they get worse"
        )
    bad = outages[~outages["status"].isin(SECURE)]
    lines += [
        f"    {row.table:12} {row.element_id:24} {figure(row.left_kw, 1):>10} of {row.lost_kw:10,.1f} kW, "
        f"{row.left_customers:6,} customers stay dark: {row.reason}"
        for row in bad.head(OUTAGES_NAMED).itertuples()
    ]
    if len(bad) > OUTAGES_NAMED:
        lines.append(f"    and {len(bad) - OUTAGES_NAMED:,} more outages")
    return values, [*lines, *_firm_lines(results), *weak_lines(weak)]


def _words(status: str) -> str:
    return f"{status}: {STATUSES[status]}" if status in STATUSES else status


def _firm_lines(results: SecurityResults) -> list[str]:
    firm = results.firm
    if firm.empty:
        return []
    short = firm[firm["status"] == "short"].sort_values("short_kw", ascending=False)
    lines = [f"  firm capacity: {len(firm)} groups of transformers, {len(short)} short of their demand"]
    return lines + [
        f"    {row.transformers:24} demand {row.demand_kw:10,.1f} kW, firm {row.firm_kw:10,.1f} + transfer "
        f"{row.transfer_kw:10,.1f} kW: short of {row.short_kw:,.1f} kW"
        for row in short.head(OUTAGES_NAMED).itertuples()
    ]
