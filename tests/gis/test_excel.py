"""Workbooks: sheets of text cells; bombs, document types and old files are refused in words."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import openpyxl
import pytest

import gis
from gis.formats import excel, read_source
from gis.formats.spreadsheet import write_workbook


def workbook(path: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.active.title = "Netz"
    book.create_sheet("leer")
    book.save(path)
    return path


def with_member(path: Path, name: str, content: bytes) -> Path:
    """The workbook with one part of its archive replaced."""
    parts = {}
    with zipfile.ZipFile(path) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, old in {**parts, name: content}.items():
            archive.writestr(member, content if member == name else old)
    return path


def test_cells_are_read_as_they_would_stand_in_csv(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 5, 1)
    path = workbook(
        tmp_path / "t.xlsx",
        [None, None],
        ["id", "p", "name", "p"],
        ["007", 1.0, " x ", 2.5],
        [8, None, True, day],
        [None, None, None, None],
    )
    (name, sheet), *more = read_source(path).layers.items()
    assert (name, more, list(sheet.columns)) == ("Netz", [], ["id", "p", "name", "p.1"])
    assert sheet.where(sheet.notna(), None).to_numpy().tolist() == [
        ["007", "1", "x", "2.5"],
        ["8", None, "true", "2024-05-01T00:00:00"],
    ]


def test_a_formula_without_a_stored_value_is_an_empty_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ["id", "p"], ["a", "=1+1"])
    assert read_source(path).layers["Netz"]["p"].isna().all()


def test_text_with_decimal_commas_is_read_and_said(tmp_path: Path) -> None:
    source = read_source(workbook(tmp_path / "t.xlsx", ["id", "p"], ["a", "1,5"], ["b", 3]))
    assert source.layers["Netz"]["p"].to_list() == ["1.5", "3"]
    assert source.findings["rule"].to_list() == ["dialect"]


def test_a_workbook_written_here_is_read_back(tmp_path: Path) -> None:
    from gis.examples import network_from_text

    lines = network_from_text('bus A 20\nbus B 20\nsource S A 1\nline L A B 9 "x"').lines.reset_index()
    write_workbook({"lines": lines}, tmp_path / "n.xlsx")
    assert read_source(tmp_path / "n.xlsx").layers["lines"]["line_id"].to_list() == ["L"]


def test_an_old_workbook_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600)
    with pytest.raises(gis.InputError, match="save it as"):
        read_source(path)


def test_a_bomb_is_refused_before_it_is_expanded(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ["a", "b"])
    with_member(path, "xl/sharedStrings.xml", b" " * 60_000_000)
    with pytest.raises(gis.InputError, match="expands to 60 MB"):
        read_source(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused(tmp_path: Path, encoding: str) -> None:
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    path = with_member(workbook(tmp_path / "t.xlsx", ["a", "b"]), "xl/workbook.xml", text.encode(encoding))
    with pytest.raises(gis.InputError, match="document type"):
        read_source(path)


@pytest.mark.parametrize("content", [b"", b"<a/>", b"<workbook"])
def test_a_damaged_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    path = with_member(workbook(tmp_path / "t.xlsx", ["a", "b"]), "xl/workbook.xml", content)
    with pytest.raises(gis.InputError, match="damaged"):
        read_source(path)


def test_a_cut_archive_is_no_workbook(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", ["a", "b"])
    path.write_bytes(path.read_bytes()[:500])
    assert not excel.recognises(path)
    with pytest.raises(gis.InputError, match="damaged"):
        read_source(path)


def test_a_cell_at_the_far_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    far = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    far += b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(1, 2000))
    path = with_member(
        workbook(tmp_path / "t.xlsx", ["a", "b"]),
        "xl/worksheets/sheet1.xml",
        far + b"</sheetData></worksheet>",
    )
    with pytest.raises(gis.InputError, match="more than"):
        read_source(path)
