"""Random and spoilt bytes in every reader: read, or refused with an `InputError`; never a traceback."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import pyogrio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis import InputError
from gis.formats import read_source
from gis.formats.gdal import quiet
from tests.corpus.files import geodatabase, shapes, zip_folder
from tests.corpus.town import town
from tests.networks import write_raw

BEGINNINGS = [
    b"",
    b"fgb\x03fgb\x01",
    b"PAR1",
    b"PK\x03\x04",
    b"\x00\x00\x27\x0a",
    b'{"type": "FeatureCollection", ',
    b"SQLite format 3\x00" + bytes(52) + b"GPKG",
]
Edit = tuple[float, bytes]
edits = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=5)


@given(
    beginning=st.sampled_from(BEGINNINGS),
    rest=st.binary(max_size=300),
    name=st.sampled_from(["x.shp", "x.zip", "x"]),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_random_bytes_are_refused(beginning: bytes, rest: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(beginning + rest)
        with pytest.raises(InputError):
            read_source(path)


@cache
def sound() -> dict[str, dict[str, bytes]]:
    """The town in every format: files by their place in a folder."""
    with tempfile.TemporaryDirectory() as made, quiet():
        folder = Path(made)
        write_raw(town(), folder / "gpkg" / "town.gpkg")
        write_raw(town(), folder / "geojson" / "town")
        shapes(folder / "shapes" / "town")
        (folder / "gdb").mkdir()
        geodatabase(folder / "gdb" / "town.gdb")
        for form in ("fgb", "parquet", "zip"):
            (folder / form).mkdir()
        pyogrio.write_dataframe(town()["lines"], folder / "fgb" / "town.fgb")
        town()["lines"].to_parquet(folder / "parquet" / "town.parquet")
        zip_folder(folder / "shapes" / "town", folder / "zip" / "town.zip")
        return {
            root.name: {
                str(f.relative_to(root)): f.read_bytes() for f in sorted(root.rglob("*")) if f.is_file()
            }
            for root in folder.iterdir()
        }


@pytest.mark.parametrize("form", ["gpkg", "geojson", "shapes", "gdb", "fgb", "parquet", "zip"])
@given(edits=edits, which=st.integers(0, 100), kept=st.floats(0.5, 1))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_a_spoilt_file_is_read_or_refused(form: str, edits: list[Edit], which: int, kept: float) -> None:
    files = sound()[form]
    spoilt = sorted(files)[which % len(files)]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_bytes(_edited(content, edits, kept) if name == spoilt else content)
        with suppress(InputError):
            assert read_source(next(Path(folder).iterdir())).layers


def _edited(content: bytes, edits: list[Edit], kept: float) -> bytes:
    changed = bytearray(content)
    for place, put in edits:
        at = int(place * len(changed))
        changed[at : at + len(put)] = put
    return bytes(changed[: int(len(changed) * kept)]) if kept < 0.9 else bytes(changed)
