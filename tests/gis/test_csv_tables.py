"""CSV tables: cells stay text, and what the file cannot say is told from its content."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import gis
from gis.formats import csv_tables, read_source
from gis.formats.source import Dialect


def written(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(path: Path, **dialect: str) -> pd.DataFrame:
    return read_source(path, dialect=Dialect(**dialect)).layers[path.stem]  # type: ignore[arg-type]


def test_ids_that_look_like_numbers_or_nothing_stay_what_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, "id,p\n007,1\nNA,2\nnull,3\n1E5,4\n12345678901234567890,\n")
    assert table(path)["id"].to_list() == ["007", "NA", "null", "1E5", "12345678901234567890"]
    assert table(path)["p"].isna().to_list() == [False] * 4 + [True]
    assert read_source(path).findings.empty


def test_a_semicolon_file_with_decimal_commas_is_read_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, "id;name;p;mixed\na;Straße 1,5;1.234,5;1,5\nb;x;7;b2\n".encode("cp1252"))
    source = read_source(path)
    assert source.layers["t"].to_numpy().tolist() == [
        ["a", "Straße 1,5", "1234.5", "1,5"],
        ["b", "x", "7", "b2"],
    ]
    assert source.findings["rule"].to_list() == ["encoding", "dialect"]


def test_what_the_mapping_says_of_the_text_wins_without_a_word(tmp_path: Path) -> None:
    path = written(tmp_path, "id;p\na;1,5\n".encode("cp1252"))
    source = read_source(path, dialect=Dialect("cp1252", ";", ","))
    assert source.layers["t"]["p"].to_list() == ["1.5"]
    assert source.findings.empty
    assert table(path, decimal=".", delimiter=";")["p"].to_list() == ["1,5"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_what_cuts_all_lines_alike(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "name", "p"], ["a", "b, c; d", "1"], ["e", "f", "2"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert list(table(written(tmp_path, text)).columns) == rows[0]


def test_a_folder_of_tables_is_one_source(tmp_path: Path) -> None:
    for name in ("lines.csv", "loads.csv"):
        written(tmp_path, "\ufeffid, p \n 1 ,2\n\n", name)
    layers = read_source(tmp_path).layers
    assert {name: frame.to_numpy().tolist() for name, frame in layers.items()} == {
        "lines": [["1", "2"]],
        "loads": [["1", "2"]],
    }
    assert list(layers["lines"].columns) == ["id", "p"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n,",
        b"<OGRVRTDataSource>,</>",
        b"new circuit.a, b\n",
        b"a\x00,b\n",
        b"one column\n1\n",
        b"PK\x03\x04\x00,",
    ],
)
def test_what_is_no_table_is_no_csv_whatever_its_name_says(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    assert not csv_tables.recognises(path)
    with pytest.raises(gis.InputError):
        read_source(path)


@pytest.mark.parametrize(("last", "told"), [("c,3", []), ("c", ["cut_off"]), ('"c","3"', [])])
def test_a_last_row_that_is_too_short_is_told(last: str, told: list[str], tmp_path: Path) -> None:
    assert read_source(written(tmp_path, f"a,b\nx,1\ny,\n{last}")).findings["rule"].to_list() == told


def test_a_broken_row_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(gis.InputError, match="line 3"):
        read_source(written(tmp_path, "a,b\n1,2\n1,2,3\n"))


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        written(tmp_path, "a,b\n1,2,3,4\n1\n1,2,3,4,5,6\n", name)
    with pytest.raises(gis.InputError, match=r"(?s)a\.csv.*b\.csv"):
        read_source(tmp_path)
