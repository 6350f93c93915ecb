"""Bottlenecks in words: of one load flow, and of the years of a demand scenario."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from capacity.output import Report, figure, rows_of, weak_lines, weak_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from capacity.data_quality import WeakFeeders
    from capacity.limits import Limits
    from capacity.years.year_bottlenecks import StudiedYear
    from gridmodel import LoadFlowResult

# Bottlenecks of a year named in text; JSON and files have all.
NAMED_PER_YEAR = 10


def bottleneck_report(
    result: LoadFlowResult, limits: Limits, found: pd.DataFrame, weak: WeakFeeders = MappingProxyType({})
) -> Report:
    """Bottlenecks of one load flow, most unserved kW first."""
    values = {
        **weak_values(weak),
        "scenario": result.scenario.scenario_id,
        "limits": limits.name,
        "demand_kw": result.demand_kw,
        "unserved_kw": float(found["unserved_kw"].sum(skipna=False)),
        "bottlenecks": rows_of(found),
    }
    if found.empty:
        return values, [f"no bottlenecks in {result.scenario.name} under {limits.name}", *weak_lines(weak)]
    lines = [f"{len(found)} bottlenecks in {result.scenario.name} under {limits.name}:"]
    lines += [
        f"  {figure(row.unserved_kw, 1):>10} kW unserved {row.customers_affected:7,} customers  "
        f"{row.root_cause}"
        for row in found.itertuples()
    ]
    return values, [*lines, *weak_lines(weak)]


def year_bottleneck_report(
    years: Sequence[StudiedYear], limits: Limits, found: pd.DataFrame, weak: WeakFeeders
) -> Report:
    """Bottlenecks of the years of one demand scenario: a line per year and its worst rows."""
    rows = [_year_values(studied, found) for studied in years]
    scenario_id = years[0].findings.scenario_id
    values = {
        **weak_values(weak),
        "demand_scenario": scenario_id,
        "limits": limits.name,
        "years": rows,
        "bottlenecks": rows_of(found),
    }
    lines = [f"demand scenario {scenario_id} under {limits.name}:"]
    for row in rows:
        lines += _year_lines(row, found[found["year"] == row["year"]])
    return values, [*lines, *weak_lines(weak)]


def _year_values(studied: StudiedYear, found: pd.DataFrame) -> dict[str, object]:
    findings, unserved, draws = studied.findings, studied.unserved, studied.draws
    placed = (studied.demand.customers["status"] == "placed").to_numpy()
    return {
        "year": findings.year,
        "bottlenecks": int((found["year"] == findings.year).sum()),
        "demand_kwh": float(findings.energy_kwh["demand"]),
        "unserved_kw": None
        if unserved is None
        else float(unserved.hours["unserved_kw"].max() if len(unserved.hours) else 0.0),
        "unserved_kwh": studied.unserved_kwh,
        "peak_kw": float(findings.hours["demand_kw"].max()),
        "hours_without_solution": len(findings.without_solution) * findings.step_h,
        "rows_not_placed": int((~placed).sum()),
        "draws": 1 if draws is None else len(draws.draws),
        "engine": findings.engine,
    }


def _year_lines(row: dict[str, object], found: pd.DataFrame) -> list[str]:
    cut = "".join(
        f", {figure(row[f'unserved_{unit.lower()}'], 0)} {unit} unserved"
        for unit in ("kW", "kWh")
        if row[f"unserved_{unit.lower()}"] is not None
    )
    lines = [
        f"{row['year']}: {row['bottlenecks']} bottlenecks; {figure(row['demand_kwh'], 0)} kWh drawn, at most "
        f"{figure(row['peak_kw'], 0)} kW{cut}"
    ]
    for place in found.head(NAMED_PER_YEAR).itertuples():
        surely = f"  in {place.probability:.0%} of draws" if place.probability >= 0.0 else ""
        lines.append(
            f"  {figure(place.unserved_kw, 1):>10} kW unserved {place.customers_affected:7,} customers  "
            f"{place.root_cause}{surely}"
        )
    more = len(found) - NAMED_PER_YEAR
    return [*lines, f"  and {more} more; --json and --out have all"] if more > 0 else lines
