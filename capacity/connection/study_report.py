"""What the queue, a portfolio and a batch say: values for JSON, lines for people, tables for files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from pyproj import CRS

from capacity.connection.batch import RULE_WORDS, counts_of
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.cost_share import SHARE_RULES
from capacity.connection.portfolio import Portfolio
from capacity.connection.queue import QueueStudy
from capacity.connection.site_cases import ConnectionConfig
from capacity.output import (
    Report,
    figure,
    placed_layer,
    rows_of,
    with_lonlat,
    write_table,
)

INDICATIVE = "indicative, not an offer"
STUDY_SUFFIXES = (".gpkg", ".xlsx", ".csv", ".parquet")


def study_basis(grid: ConnectionGrid, config: ConnectionConfig) -> dict[str, str]:
    """What the figures of a study rest on."""
    prices = config.assumptions.cost.prices
    return {
        "scenario": grid.name,
        "limits": config.limits.name,
        "cost_table": f"{prices.name}, prices of {prices.price_year}",
        "currency": prices.currency,
    }


def queue_report(study: QueueStudy, basis: Mapping[str, str]) -> Report:
    """The queue in order, who triggers what, what a withdrawal frees, who hangs on whom."""
    values: dict[str, object] = {
        "applications": rows_of(study.applications),
        "works": rows_of(study.works),
        "withdrawals": rows_of(study.withdrawals),
        "pairs": rows_of(study.pairs),
        "total_eur": study.total_eur,
        "rule": {"name": study.rule.name, "source": study.rule.source},
        "basis": dict(basis),
    }
    lines = [
        *(_application_line(row) for row in rows_of(study.applications)),
        f"  total {study.total_eur:,.0f} {basis['currency']}; rule: {study.rule.name}",
        *_titled("Triggered works", [f"  {row['site_id']}: {row['text']}" for row in rows_of(study.works)]),
        *_titled("If one withdraws", [_withdrawal_line(row) for row in rows_of(study.withdrawals)]),
        *_titled("Hanging on each other", [f"  {row['text']}" for row in rows_of(study.pairs)]),
        _foot(basis),
    ]
    return values, lines


def portfolio_report(plan: Portfolio, basis: Mapping[str, str]) -> Report:
    """The plan together against one by one, and what each site pays."""
    saving = None if pd.isna(plan.saving_eur) else plan.saving_eur
    values: dict[str, object] = {
        "sentence": plan.sentence,
        "cost_eur": plan.cost_eur,
        "one_by_one_eur": plan.one_by_one.cost.eur,
        "saving_eur": saving,
        "connected": len(plan.together.taken),
        "connected_one_by_one": len(plan.one_by_one.taken),
        "status": plan.together.status,
        "bound_eur": plan.together.bound_eur,
        "share_rule": {"name": plan.rule, "words": SHARE_RULES[plan.rule]},
        "sites": rows_of(plan.sites),
        "works": rows_of(plan.works),
        "basis": dict(basis),
    }
    lines = [
        plan.sentence,
        *(_site_line(row) for row in rows_of(plan.sites)),
        *_titled("Joint works", [_work_line(row) for row in rows_of(plan.works)]),
        f"  shares: {SHARE_RULES[plan.rule]}",
        _foot(basis),
    ]
    return values, lines


def batch_report(table: pd.DataFrame, basis: Mapping[str, str], seconds: float) -> Report:
    """All rows ranked, and how many have which light."""
    counts = counts_of(table)
    values: dict[str, object] = {
        "counts": counts,
        "rows": rows_of(table),
        "rule": RULE_WORDS,
        "basis": dict(basis),
        "seconds": round(seconds, 3),
    }
    said = ", ".join(f"{count} {light}" for light, count in counts.items())
    lines = [
        f"{len(table)} sites: {said}",
        *(_ranked_line(row) for row in rows_of(table)),
        f"  {RULE_WORDS}",
        _foot(basis),
    ]
    return values, lines


def write_study(tables: Mapping[str, pd.DataFrame], path: Path, *, crs: CRS) -> None:
    """Write tables as the file's name says: layers, sheets, or the first of them alone (CSV, Parquet)."""
    suffix = path.suffix.lower()
    if suffix == ".gpkg":
        from capacity.result_files import write_geopackage

        write_geopackage(path, {name: placed_layer(rows, crs) for name, rows in tables.items()})
    elif suffix == ".xlsx":
        from gis.formats.spreadsheet import write_workbook

        write_workbook({name: with_lonlat(placed_layer(rows, crs)) for name, rows in tables.items()}, path)
    else:
        name, rows = next(iter(tables.items()))
        write_table(rows, path, name, crs=crs)


def queue_tables(study: QueueStudy) -> dict[str, pd.DataFrame]:
    """Tables of a queue, the applications first."""
    return {
        "applications": study.applications,
        "works": study.works,
        "withdrawals": study.withdrawals,
        "pairs": study.pairs,
    }


def portfolio_tables(plan: Portfolio) -> dict[str, pd.DataFrame]:
    """Tables of a portfolio, the sites first."""
    return {"sites": plan.sites, "works": plan.works}


def _titled(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *lines] if lines else []


def _foot(basis: Mapping[str, str]) -> str:
    return f"  {basis['scenario']}; limits {basis['limits']}; costs {basis['cost_table']}; {INDICATIVE}"


def _application_line(row: Mapping[str, object]) -> str:
    if row["state"] != "judged":
        return f"   -. {row['site_id']:16} {row['status']:10} {row['reason']}"
    more = row["by_the_queue_eur"]
    behind = f"  ({more:+,.0f} by those ahead)" if isinstance(more, float) and abs(more) >= 1.0 else ""
    return (
        f"  {row['place']:>2}. {row['site_id']:16} {row['status']:10} {row['verdict']:20}"
        f" {figure(row['cost_eur'], 0):>10}{behind}"
    )


def _withdrawal_line(row: Mapping[str, object]) -> str:
    if row["site_id"] == row["withdrawn_id"]:
        return f"  {row['withdrawn_id']} withdraws: its own {figure(row['saved_eur'], 0)}"
    return (
        f"    {row['site_id']}: {row['verdict']} -> {row['verdict_after']},"
        f" {figure(row['cost_eur'], 0)} -> {figure(row['cost_after_eur'], 0)}"
    )


def _site_line(row: Mapping[str, object]) -> str:
    if row["state"] != "connected":
        return f"  {row['site_id']:16} not connected: {row['reason']}"
    paid = f"pays {figure(row['share_eur'], 0):>10}"
    before = f"alone {figure(row['alone_eur'], 0)}, one by one {figure(row['one_by_one_eur'], 0)}"
    return f"  {row['site_id']:16} {figure(row['demand_kw'], 0):>8} kW  {paid} ({before})  {row['built']}"


def _work_line(row: Mapping[str, object]) -> str:
    return f"  {figure(row['cost_eur'], 0):>10}  {row['text']} (for {row['site_ids']})"


def _ranked_line(row: Mapping[str, object]) -> str:
    return (
        f"  {row['rank']:>4}. {row['light']:6} {row['site_id']:16} {figure(row['cost_eur'], 0):>10}"
        f"  {row['reason']}"
    )
