"""One raw layer becomes a canonical table: nothing guessed, nothing lost, every bad cell named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gis.conform import conform_table, empty_table
from gis.findings import errors_of
from gis.schema import TABLES, Column, Table
from tests.networks import raw_layers, station

NUMBERS = Table(
    "things",
    "none",
    "things",
    (
        Column("thing_id", "id", "id", required=True),
        Column("size_m", "number", "size", "m", above=0.0, high=10.0),
        Column("count", "integer", "count", default=1),
        Column("is_open", "boolean", "open", default=False),
        Column("label", "text", "label"),
    ),
)


def conformed(**columns: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    return conform_table(pd.DataFrame(columns), NUMBERS)


def one(column: str, value: object) -> tuple[object, list[str]]:
    frame, findings = conformed(thing_id=["a"], **{column: pd.Series([value])})
    return frame[column].iloc[0], findings["rule"].tolist()


@pytest.mark.parametrize("value", [5, 5.0, "5", " 5 ", "5.0", "5e0", np.int64(5)])
def test_numbers_are_read(value: object) -> None:
    assert one("size_m", value) == (5.0, [])


@pytest.mark.parametrize("value", ["five", "5 m", "inf", "nan", np.inf, "1_0", pd.Timestamp("2024-01-01")])
def test_what_is_no_number_is_missing_and_named(value: object) -> None:
    number, rules = one("size_m", value)
    assert np.isnan(number) and rules == ["unreadable_cell"]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("cells", "read", "rewritten"),
    [
        (["5,5", "3"], [5.5, 3.0], ["a"]),
        (["1,234", "5,5"], [1.234, 5.5], ["a", "b"]),  # another cell says what the comma is
        (["1,234", "5"], [np.nan, 5.0], []),  # a thousand or a comma: not guessed
        (["0.5", "2.125"], [0.5, 2.125], []),
    ],
)
def test_a_decimal_comma_is_read_and_told_by_id(
    cells: list[str], read: list[float], rewritten: list[str]
) -> None:
    frame, findings = conformed(thing_id=["a", "b"], size_m=cells)
    np.testing.assert_array_equal(frame["size_m"], read)
    told = findings[findings["rule"] == "decimal_comma"]
    assert told["element_id"].to_list() == rewritten
    assert set(told["severity"]) <= {"warning"}


def test_a_decimal_comma_in_rows_of_one_id_is_read_in_each() -> None:
    frame, findings = conformed(thing_id=["a", "a", None], size_m=["1,5", "2,5", "3,5"])
    assert frame["size_m"].to_list() == [1.5, 2.5, 3.5]
    assert {"decimal_comma", "duplicate_id", "missing_id"} == set(findings["rule"])


def test_loads_that_are_all_negative_are_read_without_the_sign_and_asked_about() -> None:
    raw = raw_layers(station(*(f"load X{n} D 5 residential" for n in range(2))))["loads"]
    frame, findings = conform_table(raw.assign(p_kw=-raw["p_kw"].abs()), TABLES["loads"])
    assert frame["p_kw"].to_list() == raw["p_kw"].abs().to_list()
    assert findings[["rule", "severity", "element_id"]].to_numpy().tolist() == [
        ["sign_reversed", "warning", ""]
    ]
    one_negative = raw.assign(p_kw=[-1.0, *raw["p_kw"].abs()[1:]])
    assert conform_table(one_negative, TABLES["loads"])[1]["rule"].to_list() == ["out_of_range"]


@pytest.mark.parametrize(
    ("value", "rules"),
    [(0.0, ["out_of_range"]), (-1.0, ["out_of_range"]), (10.0, []), (11, ["out_of_range"])],
)
def test_bounds_are_kept(value: float, rules: list[str]) -> None:
    assert one("size_m", value) == (value, rules)


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "TRUE", "Yes", "1"])
def test_true_is_read(value: object) -> None:
    assert one("is_open", value) == (True, [])


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "No", "0", None, ""])
def test_false_and_the_default_are_read(value: object) -> None:
    assert one("is_open", value) == (False, [])


@pytest.mark.parametrize("value", ["maybe", 2, "open", "ja"])
def test_an_unknown_boolean_is_named(value: object) -> None:
    assert one("is_open", value)[1] == ["unreadable_cell"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("007", "007"),
        ("1E5", "1E5"),
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        (1e300, "1e+300"),
        (np.inf, "inf"),
        (" a ", "a"),
    ],
)
def test_ids_are_text(value: object, text: str) -> None:
    frame, findings = conformed(thing_id=[value])
    assert frame.index.tolist() == [text] and findings.empty


def test_whole_numbers_stay_whole_and_get_their_default() -> None:
    frame, findings = conformed(thing_id=["a", "b", "c"], count=[2.0, np.nan, 1.5])
    assert frame["count"].tolist() == [2, 1, 1] and frame["count"].dtype == "Int64"
    assert findings["element_id"].tolist() == ["c"]


def test_missing_and_double_ids_are_named_and_no_row_is_lost() -> None:
    frame, findings = conformed(thing_id=["a", None, "a", " ", "b"], size_m=[1, 2, 3, 4, 5])
    assert len(frame) == 5 and frame["size_m"].tolist() == [1, 2, 3, 4, 5]
    named = set(zip(findings["rule"], findings["element_id"], strict=True))
    assert named == {("missing_id", "row 2"), ("missing_id", "row 4"), ("duplicate_id", "a")}


def test_further_columns_of_the_file_are_kept() -> None:
    frame, _ = conformed(thing_id=["a"], owner=["us"])
    assert frame.columns.tolist() == ["size_m", "count", "is_open", "label", "owner"]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_an_empty_table_has_all_columns_with_their_types(table: Table) -> None:
    frame = empty_table(table, "EPSG:25832")
    assert frame.empty and frame.index.name == table.id_column
    wanted = {"number": "float64", "integer": "Int64", "boolean": "bool"}
    for column in table.columns[1:]:
        assert str(frame[column.name].dtype) == wanted.get(column.kind, "object"), column.name


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_missing_required_column_is_one_fault(table: Table) -> None:
    required = [column for column in table.columns[1:] if column.required]
    for column in required:
        raw = empty_table(table, "EPSG:25832").reset_index().drop(columns=column.name)
        found = errors_of(conform_table(raw, table)[1])
        assert found["rule"].tolist() == ["missing_column"] and column.name in found["message"].iloc[0]
