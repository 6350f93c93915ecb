"""Zips are taken apart within limits, by our own code, and every fault is named at once."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gis import InputError
from gis.formats import archive
from gis.formats.archive import extract


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def test_members_land_where_they_belong(tmp_path: Path) -> None:
    extract(packed(tmp_path / "a.zip", **{"a/b.txt": b"one", "c.txt": b"two"}), tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b.txt").read_bytes() == b"one"
    assert (tmp_path / "out" / "c.txt").read_bytes() == b"two"


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"../x": b"", "/y": b"", "z": b"", "Z": b""})
    with pytest.raises(InputError) as caught:
        extract(path, tmp_path / "out")
    assert len(caught.value.findings) == 3
    assert not (tmp_path / "out").exists()


def test_what_comes_out_is_counted_whatever_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_EXPANDED_BYTES", 1_000)
    path = packed(tmp_path / "a.zip", a=b"x" * 900)
    extract(path, tmp_path / "fits")
    monkeypatch.setattr(archive, "_faults", lambda members, size: [])
    with pytest.raises(InputError, match="expands to more than"):
        extract(packed(tmp_path / "b.zip", a=b"x" * 900, b=b"x" * 900), tmp_path / "out")


def test_a_geodatabase_may_have_more_members(tmp_path: Path) -> None:
    members = {f"town.gdb/a{n}.gdbtable": b"" for n in range(archive.MAX_ENTRIES + 1)}
    extract(packed(tmp_path / "a.zip", **members), tmp_path / "out")
    flat = {name.replace("/", "_"): content for name, content in members.items()}
    with pytest.raises(InputError, match="51 members"):
        extract(packed(tmp_path / "b.zip", **flat), tmp_path / "out")


def test_a_password_is_said_to_be_one(tmp_path: Path) -> None:
    content = bytearray(packed(tmp_path / "a.zip", a=b"x").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="encrypted"):
        extract(tmp_path / "a.zip", tmp_path / "out")


def test_office_files_are_left_to_their_own_formats(tmp_path: Path) -> None:
    assert not archive.recognises(
        packed(tmp_path / "a.xlsx", **{"[Content_Types].xml": b"", "xl/x.xml": b""})
    )
    assert archive.recognises(packed(tmp_path / "a.zip", a=b""))
