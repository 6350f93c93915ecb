"""Shapefiles: one, or a folder of them. Their members, counts and encoding are checked before GDAL sees them.

GDAL gives what it finds: without a .dbf all attributes are gone, of a cut .shp the geometries are missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats.arrow import unpack
from gis.formats.encoding import Encoding, decide_encoding, decodes, encoding_finding, known_encoding
from gis.formats.gdal import UNREADABLE, damaged, read_table
from gis.formats.source import Dialect, Source

# ESRI Shapefile Technical Description (1998): file code, header length and units of 16-bit words.
_MAGIC = (9994).to_bytes(4, "big")
_HEADER_BYTES = 100
# dBASE: a field's description, the mark that ends them.
_FIELD_BYTES, _FIELDS_END = 32, 0x0D
# How deep Shapefiles are looked for in a folder: export/2026/town.shp.
_DEPTHS = ("*", "*/*", "*/*/*")
# Language drivers of a .dbf that say an encoding; 0x57 ("ANSI") is written unasked and says none.
_LANGUAGE_DRIVERS = {0x03: "cp1252", 0x4D: "gbk", 0x78: "big5", 0x13: "cp932"}
_ENDINGS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_MEANINGS = {".shp": "the geometry", ".shx": "the index", ".dbf": "the attributes"}
# Shapefiles hold 254 bytes a text: some writers cut a character of several bytes there.
_CUT_CHARACTER = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})(?=\n|$)")
_BYTES_AS_TEXT = "ISO-8859-1"
_TO_GDAL = {"latin-1": "ISO-8859-1", "utf-8-sig": "UTF-8"}


def recognises(path: Path) -> bool:
    """Tell whether the path is a Shapefile, or a folder with any member of one in it or below."""
    if path.is_dir():
        return bool(_in_folder(path))
    return path.suffix.lower() == ".shp" and is_shape(path)


def beside(path: Path) -> list[Path]:
    """The other members of a Shapefile."""
    if path.is_dir():
        return []
    named_alike = (file for file in path.parent.iterdir() if file.stem == path.stem and file != path)
    return [file for file in named_alike if file.suffix.lower() in _ENDINGS]


def is_shape(path: Path) -> bool:
    """Tell whether a file begins like a .shp or .shx."""
    with path.open("rb") as stream:
        return stream.read(4) == _MAGIC


def read_source(path: Path, dialect: Dialect) -> Source:
    """Read one Shapefile, or every one of a folder as a layer of its name.

    Raises
    ------
    InputError
        A member is missing, cut off, or disagrees with another; all such members are named.
    """
    sets = _in_folder(path) if path.is_dir() else _by_name([path, *beside(path)])
    faults = join_findings([_check_members(base, members) for base, members in sets.items()])
    if len(faults):
        raise InputError(str(path), faults)
    layers: dict[str, pd.DataFrame] = {}
    findings = []
    for base, members in sets.items():
        name = base.name if base.name not in layers else "/".join(base.relative_to(path).parts)
        layers[name], doubt = _read_one(members, dialect, name)
        findings.append(doubt)
    return Source(layers, join_findings(findings))


def _in_folder(folder: Path) -> dict[Path, dict[str, Path]]:
    return _by_name(file for depth in _DEPTHS for file in folder.glob(depth))


def _by_name(files: Iterable[Path]) -> dict[Path, dict[str, Path]]:
    """Files of each Shapefile by their ending in small letters, by path without ending; tables alone too."""
    found: dict[Path, dict[str, Path]] = {}
    for file in sorted(files):
        if file.is_file() and file.suffix.lower() in _ENDINGS:
            found.setdefault(file.with_suffix(""), {})[file.suffix.lower()] = file
    shapes = {base for base, members in found.items() if ".shp" in members or ".shx" in members}
    return {base: m for base, m in found.items() if base in shapes or (shapes and ".dbf" in m)}


def _check_members(base: Path, members: dict[str, Path]) -> pd.DataFrame:
    table_alone = set(members) <= {".dbf", ".cpg"}
    absent = [] if table_alone else [end for end in _MEANINGS if end not in members]
    messages = [f"the member {base.name}{end} ({_MEANINGS[end]}) is missing; add it" for end in absent]
    if not messages:
        messages = _disagreements(members, table_alone=table_alone)
    rule = "file_damaged" if not absent else "file_member_missing"
    return make_findings(rule, base.name, [""] * len(messages), messages)


def _disagreements(members: dict[str, Path], *, table_alone: bool) -> list[str]:
    """What tells a Shapefile that is cut off: lengths and counts of its members."""
    rows, said = _table_rows(members[".dbf"])
    if table_alone or said:
        return said
    shp, index = members[".shp"], _index(members[".shx"])
    if not is_shape(shp) or index is None:
        cut = shp if index is not None else members[".shx"]
        return [f"{cut.name} is damaged or cut off; take a fresh copy"]
    size, needed = shp.stat().st_size, int((index.sum(axis=1) * 2 + 8).max(initial=_HEADER_BYTES))
    if size < needed:
        return [f"{shp.name} is cut off: it has {size} of {needed} bytes; take a fresh copy"]
    if len(index) != rows:
        dbf = members[".dbf"].name
        return [f"{shp.name} has {len(index)} geometries and {dbf} {rows} rows; export it again"]
    return []


def _index(shx: Path) -> np.ndarray | None:
    """Place and length of every geometry [16-bit words]; None where the file is cut off."""
    size = shx.stat().st_size - _HEADER_BYTES
    if size < 0 or size % 8:
        return None
    return np.fromfile(shx, dtype=">i4", offset=_HEADER_BYTES).reshape(-1, 2).astype(np.int64)


def _table_rows(dbf: Path) -> tuple[int, list[str]]:
    """Rows a .dbf states, and in words when it holds fewer."""
    with dbf.open("rb") as stream:
        head = stream.read(32)
    if len(head) < 32:
        return 0, [f"{dbf.name} is damaged or cut off; take a fresh copy"]
    rows, start, width = _layout(head)
    holds = (dbf.stat().st_size - start) // max(1, width)
    if width < 1 or holds < rows:
        return rows, [
            f"{dbf.name} is cut off: it states {rows} rows and holds {max(0, holds)}; take a fresh copy"
        ]
    return rows, []


def _layout(head: bytes) -> tuple[int, int, int]:
    """Rows, length of the header and of a row [bytes] of a .dbf."""
    return (
        int.from_bytes(head[4:8], "little"),
        int.from_bytes(head[8:10], "little"),
        int.from_bytes(head[10:12], "little"),
    )


def _read_one(members: dict[str, Path], dialect: Dialect, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    head, text = _text(members[".dbf"])
    encoding = _encoding(members, head, text, dialect)
    whole = decodes(text, encoding.name)
    path = members.get(".shp", members[".dbf"])
    asked = _TO_GDAL.get(encoding.name, encoding.name) if whole else _BYTES_AS_TEXT
    try:
        layer = unpack(read_table(path, driver="ESRI Shapefile", whole=False, encoding=asked))
    except UNREADABLE as error:
        raise damaged(path, type(error).__name__) from error
    return layer if whole else _decoded(layer, encoding.name), encoding_finding(encoding, name)


def _encoding(members: dict[str, Path], head: bytes, text: bytes, dialect: Dialect) -> Encoding:
    """The encoding the user states, else what .cpg or .dbf declare where it fits the text."""
    declared = members[".cpg"].read_bytes()[:64].decode("latin-1").strip() if ".cpg" in members else None
    if dialect.encoding is not None:
        return _stated(dialect.encoding, text, members[".dbf"])
    if not decodes(text, "utf-8") and decodes(_CUT_CHARACTER.sub(b"", text), "utf-8"):
        return Encoding("utf-8", "texts are cut off in the middle of a character, which is left out")
    return decide_encoding(text, declared or _LANGUAGE_DRIVERS.get(head[29]))


def _decoded(layer: pd.DataFrame, encoding: str) -> pd.DataFrame:
    """Text that was read byte for byte, in its encoding; characters that are cut off are left out."""

    def decode(cell: object) -> object:
        return cell.encode("latin-1").decode(encoding, "ignore") if isinstance(cell, str) else cell

    texts = [c for c in layer.columns if c != "geometry" and layer[c].dtype == object]
    return layer.assign(**{c: layer[c].map(decode) for c in texts}).rename(columns=decode)


def _stated(encoding: str, text: bytes, file: Path) -> Encoding:
    named = known_encoding(encoding)
    if named is not None and decodes(text, named):
        return Encoding(named, "")
    likely = decide_encoding(text).name.upper()
    message = (
        f"the encoding {encoding!r} of the mapping does not fit the text of {file.name}; it may be {likely}"
    )
    raise InputError(str(file), make_findings("encoding", file.stem, [""], message))


def _text(dbf: Path) -> tuple[bytes, bytes]:
    """Header of a .dbf, and the bytes of its column names and text cells, one a line."""
    content = np.fromfile(dbf, dtype=np.uint8)
    head = content[:32].tobytes()
    rows, start, width = _layout(head)
    cells = content[start : start + rows * width].reshape(rows, width)
    fields = content[32 : start - 1]
    fields = fields[: len(fields) // _FIELD_BYTES * _FIELD_BYTES].reshape(-1, _FIELD_BYTES)
    parts = [bytes(field[:11]).split(b"\0")[0] for field in fields]
    place = 1
    for field in fields:
        if field[0] == _FIELDS_END:
            break
        length = int(field[16])
        if chr(field[11]) == "C":
            parts.append(_joined(cells[:, place : place + length]))
        place += length
    return head, b"\n".join(parts)


def _joined(cells: np.ndarray) -> bytes:
    """Text cells, one a line: those in ASCII alone tell nothing and are left out."""
    telling = cells[(cells > 127).any(axis=1)]
    return np.pad(telling, ((0, 0), (0, 1)), constant_values=ord("\n")).tobytes()
