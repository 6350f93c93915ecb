"""Reading cost tables from CSV, shipped or a user's own; every fault of a file is told at once.

A table at the prices of another year is made by an index of inflation that the user gives; there is none in
the tables.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from capacity.costs.cost_table import CostTable
from capacity.costs.items import CABLES, ITEMS
from capacity.toml_file import shipped_names, shipped_or_own
from gis import InputError
from gis.findings import join_findings, make_findings

DEFAULT_TABLE = "dena_2012"
NEEDED = ("item", "unit", "low", "mid", "high", "currency", "price_year", "source")
# Columns that may be left out, and what an empty cell means. Of what has no life told nothing is renewed.
OPTIONAL = {"type_id": "", "yearly_percent": 0.0, "yearly": 0.0, "life_years": 100.0, "months": 0.0}
# Smallest and largest figure a column may hold; years outside are slips of the pen.
BOUNDS = {
    "low": (0.0, 1e9), "mid": (0.0, 1e9), "high": (0.0, 1e9), "price_year": (1990.0, 2100.0),
    "yearly_percent": (0.0, 100.0), "yearly": (0.0, 1e9), "life_years": (1.0, 200.0), "months": (0.0, 240.0),
}  # fmt: skip
WHOLE = ("price_year", "life_years", "months")

_TABLES = Path(__file__).with_name("tables")


def table_names() -> tuple[str, ...]:
    """Names of the cost tables that ship."""
    return shipped_names(_TABLES, ".csv")


def read_costs(
    name_or_path: str | Path = DEFAULT_TABLE,
    *,
    price_year: int | None = None,
    index_percent_per_year: float | None = None,
) -> CostTable:
    """Read a cost table that ships, by its name, or a user's CSV file.

    Parameters
    ----------
    price_year
        Year whose prices are wanted; as in the file when absent.
    index_percent_per_year
        Rise of prices [% a year] that brings each row from its own year to `price_year`; goes with it.

    Raises
    ------
    InputError
        There is no such table, or its file or the index makes no sense; every fault is named.
    """
    path = shipped_or_own(
        name_or_path, _TABLES, what="cost table", heading="cost table", subject="costs",
        rule="unknown_cost_table", suffix=".csv",
    )  # fmt: skip
    rows = _checked_rows(path)
    currency, name = str(rows["currency"].iloc[0]), path.stem.replace("_", " ")
    rows = rows.drop(columns="currency")
    if price_year is None and index_percent_per_year is None:
        return CostTable(name, currency, int(rows["price_year"].iloc[0]), rows)
    if price_year is None or index_percent_per_year is None:
        message = "prices of another year need both the year and the index of inflation in percent a year"
        raise InputError("cost table", _fault([""], message))
    told = f"{name}, {index_percent_per_year:+g} %/a to {price_year}"
    return CostTable(told, currency, price_year, _at_prices_of(rows, price_year, index_percent_per_year))


def _at_prices_of(rows: pd.DataFrame, price_year: int, percent: float) -> pd.DataFrame:
    """Rows with each price brought from its own year to another."""
    low, high = BOUNDS["price_year"]
    if not (low <= price_year <= high and abs(percent) <= 50.0):
        message = f"the year must be {low:g} to {high:g} and the index at most 50 % a year"
        raise InputError("cost table", _fault([f"{percent:g} %/a to {price_year}"], message))
    factor = (1.0 + percent / 100.0) ** (price_year - rows["price_year"])
    moved = rows.copy()
    for column in ("low", "mid", "high", "yearly"):
        moved[column] = rows[column] * factor
    moved["price_year"] = price_year
    return moved


def _checked_rows(path: Path) -> pd.DataFrame:
    """Rows of a file indexed by item, figures as numbers."""
    cells = _cells(path)
    lost = [column for column in NEEDED if column not in cells]
    unknown = [column for column in cells if column not in (*NEEDED, *OPTIONAL)]
    faults = [
        _fault(lost, "a column every cost table has is missing"),
        _fault(unknown, f"no such column; there are: {', '.join((*NEEDED, *OPTIONAL))}"),
        _fault([] if len(cells) else [""], "the table has no rows"),
    ]
    if any(len(found) for found in faults):
        raise InputError(str(path), join_findings(faults))
    for column, empty in OPTIONAL.items():
        told = cells[column] if column in cells else pd.Series("", cells.index)
        cells[column] = told.where(told != "", str(empty))
    figures = cells[list(BOUNDS)].apply(pd.to_numeric, errors="coerce").astype(float)
    names = cells["item"] + np.where(cells["type_id"] != "", " " + cells["type_id"], "")
    found = join_findings([*_text_faults(cells, names), *_figure_faults(cells, figures, names)])
    if len(found):
        raise InputError(str(path), found)
    rows = cells.assign(**figures).astype(dict.fromkeys(WHOLE, int)).set_index("item")
    found = join_findings(_trench_faults(rows))
    if len(found):
        raise InputError(str(path), found)
    return rows


def _cells(path: Path) -> pd.DataFrame:
    """Cells of a CSV file as text without blanks around them; with semicolons, decimal commas as points."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        first, _, _ = text.partition("\n")
        semicolons = ";" in first
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=";" if semicolons else ",") if line]
    except (OSError, ValueError, csv.Error) as error:
        message = f"not readable as a table: {str(error).splitlines()[0]}"
        raise InputError(str(path), make_findings("file_damaged", "costs", [""], message)) from error
    head, *rows = lines or [[]]
    uneven = [row[0] for row in rows if len(row) != len(head)]
    if uneven or len(set(head)) < len(head):
        message = f"each row must have {len(head)} cells, as many as the head, which names each column once"
        raise InputError(str(path), _fault(uneven or [""], message))
    cells = pd.DataFrame(rows, columns=[name.strip() for name in head], dtype=str)
    for column in cells:
        cells[column] = cells[column].str.strip()
        if semicolons and column in BOUNDS:
            cells[column] = cells[column].str.replace(",", ".", regex=False)
    return cells


def _text_faults(cells: pd.DataFrame, names: pd.Series) -> Iterator[pd.DataFrame]:
    """What is wrong with items, units, currencies and sources."""
    known = cells["item"].isin(ITEMS)
    yield _fault(names[~known], f"no such item; there are: {', '.join(ITEMS)}")
    wanted = cells["item"].map(lambda item: ITEMS[item].unit if item in ITEMS else "")
    for unit in wanted[known & (cells["unit"] != wanted)].unique():
        wrong = known & (wanted == unit) & (cells["unit"] != unit)
        yield _fault(names[wrong], f"the unit of this item is {unit}", cells.loc[wrong, "unit"])
    yield _fault(names[cells.duplicated(["item", "type_id"])], "an item and type has several rows; keep one")
    yield _fault(names[cells["source"] == ""], "no source; say where the figure comes from")
    currency = cells["currency"]
    code = currency.str.fullmatch("[A-Z]{3}")
    yield _fault(names[~code], "the currency must be a code of three letters like EUR", currency[~code])
    several = sorted(set(currency[code]))
    if len(several) > 1:
        yield _fault([""], f"several currencies in one table: {', '.join(several)}")


def _figure_faults(cells: pd.DataFrame, figures: pd.DataFrame, names: pd.Series) -> Iterator[pd.DataFrame]:
    """What is wrong with figures."""
    for column, (low, high) in BOUNDS.items():
        value = figures[column]
        wrong = ~value.between(low, high)
        if column in WHOLE:
            wrong |= value.notna() & (value % 1.0 != 0.0)
        kind = "a whole number" if column in WHOLE else "a number"
        message = f"{column} must be {kind} from {low:g} to {high:g}"
        yield _fault(names[wrong], message, cells.loc[wrong, column])
    disordered = (figures["low"] > figures["mid"]) | (figures["mid"] > figures["high"])
    yield _fault(names[disordered], "low, mid and high must rise in this order")
    both = (figures["yearly_percent"] > 0.0) & (figures["yearly"] > 0.0)
    yield _fault(names[both], "yearly_percent and yearly are both told; keep one")


def _trench_faults(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Cables that are dearer alone than with their trench."""
    general = rows[rows["type_id"] == ""]
    for laid, alone in CABLES.items():
        if {laid, alone} <= set(general.index) and general.loc[alone, "mid"] > general.loc[laid, "mid"]:
            yield _fault([alone], f"the cable alone is dearer than {laid}, which is with trench")


def _fault(ids: object, message: str, values: object = None) -> pd.DataFrame:
    return make_findings("bad_cost", "costs", ids, message, values=values)  # type: ignore[arg-type]
