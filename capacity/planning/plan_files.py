"""A plan as a file: GeoPackage for the GIS, workbook for finance, CSV of its steps, JSON for programs.

The same plan gives the same bytes in each; a file is there whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from capacity.output import rows_of, with_lonlat
from capacity.planning.plan_money import cash_flow, cost_by_level_and_year, cost_items
from capacity.planning.plan_report import PlanReport, report_of
from capacity.planning.plan_tables import info_of, placed_steps, plan_layers, price_rows, settled
from capacity.result_files import write_geopackage, write_json
from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.spreadsheet import write_csv, write_workbook
from gis.formats.whole import write_whole

if TYPE_CHECKING:
    from capacity.costs import CostTable
    from capacity.planning.plan import Plan

# Columns of sheets that end in a row of sums.
_TOTALS: Final = {
    "steps": ("length_m", "cost_low_eur", "cost_eur", "cost_high_eur", "yearly_eur"),
    "cost by level and year": (
        "steps",
        "length_m",
        "cost_low_eur",
        "cost_eur",
        "cost_high_eur",
        "yearly_eur",
    ),
    "cash flow": ("capital_eur", "yearly_eur", "total_eur", "present_value_eur"),
}
_EUR: Final = "_eur"


def write_plan(plan: Plan | PlanReport, path: Path, costs: CostTable | None = None) -> None:
    """Write a plan as the file's name says: `*.gpkg`, `*.xlsx`, `*.csv` or `*.json`.

    Parameters
    ----------
    plan
        Give a report (`report_of`) to write several files: what is shown of a plan takes load flows.
    costs
        The cost table the plan was made with, for prices and their sources; a report has its own.

    Raises
    ------
    InputError
        The name ends in none of them.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        message = f"a plan is written as {', '.join(f'*{suffix}' for suffix in PLAN_SUFFIXES)}; name it so"
        raise InputError("--out", make_findings("bad_target", "file", [str(path)], message))
    write(plan if isinstance(plan, PlanReport) else report_of(plan, costs), path)


def finance_sheets(report: PlanReport) -> dict[str, pd.DataFrame]:
    """Sheets of the workbook; money is headed by its currency."""
    plan, info = report.plan, info_of(report)
    sheets = {
        "summary": pd.DataFrame({"what": list(info), "value": pd.Series(list(info.values()), dtype=object)}),
        "steps": with_lonlat(placed_steps(plan)),
        "cost by level and year": cost_by_level_and_year(plan),
        "cash flow": cash_flow(plan),
        "items": cost_items(plan, report.costs),
        "cost table": price_rows(report),
        "unresolved": pd.DataFrame(plan.unresolved.drop(columns="geometry", errors="ignore")),
        "cases": plan.cases,
    }
    return {
        name: _in_currency(settled(rows), plan.currency) for name, rows in sheets.items() if rows is not None
    }


def plan_record(report: PlanReport) -> dict[str, object]:
    """The whole plan as JSON has it: what it comes to, then its tables without places."""
    tables = {name: rows_of(rows) for name, rows in plan_layers(report).items() if name != "plan_info"}
    return {**info_of(report), **tables}


def _write_geopackage(report: PlanReport, path: Path) -> None:
    write_geopackage(path, plan_layers(report))


def _write_workbook(report: PlanReport, path: Path) -> None:
    currency = report.plan.currency
    totals = {name: [_named(column, currency) for column in columns] for name, columns in _TOTALS.items()}
    write_workbook(finance_sheets(report), path, totals=totals)


def _write_csv(report: PlanReport, path: Path) -> None:
    write_csv(with_lonlat(settled(placed_steps(report.plan))), path)


def _write_json(report: PlanReport, path: Path) -> None:
    write_whole(path, lambda draft: write_json(draft, plan_record(report)))


_WRITERS: Final[dict[str, Callable[[PlanReport, Path], None]]] = {
    ".gpkg": _write_geopackage,
    ".xlsx": _write_workbook,
    ".csv": _write_csv,
    ".json": _write_json,
}
PLAN_SUFFIXES: Final = tuple(_WRITERS)


def _in_currency(rows: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Columns of money headed by the currency of the cost table: a heading that says EUR must mean it."""
    return rows.rename(columns=lambda name: _named(str(name), currency))


def _named(column: str, currency: str) -> str:
    if not column.endswith(_EUR):
        return column
    return f"{column.removesuffix(_EUR).replace('_', ' ')} [{currency}]"
