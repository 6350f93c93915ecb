"""An import by a person at a screen: files kept in a private folder, read, imported, ready to be taken home.

    uploaded files -> private folder -> layers -> (mapping) -> network file, findings, repairs, quarantine

What a user sends is content, never a place: names of uploads are made harmless, paths and addresses are
not taken. The folder is gone when its session is. No screen code.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import uuid4

import geopandas as gpd
import pandas as pd

from gis import Network, write_network
from gis.conform import as_text
from gis.crs import read_crs
from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.sandbox import read_untrusted
from gis.formats.source import Dialect, Source
from gis.importer import import_file, require_network
from gis.mapping import LayerMapping, mapping_toml, recognised_profile
from gis.rules import Rule
from gis.topology import TopologyOptions
from gridmodel.rules import doubts_for, rules_for

# Ends of names that are taken; what a file is, is told from its content all the same.
SUFFIXES = (
    "zip", "gpkg", "geojson", "json", "fgb", "parquet", "geoparquet", "csv", "tsv", "txt", "xlsx",
    "shp", "shx", "dbf", "prj", "cpg", "dss",
)  # fmt: skip
# All files of one upload together, like the server's own limit (`capacity.launch`).
UPLOAD_MOST_MB = 50
FILES_MOST = 200
PREVIEW_ROWS = 6
# Encodings a user may choose from, with the writing they hold.
ENCODINGS = {
    "utf-8": "UTF-8: any language",
    "cp1252": "Windows-1252: western Europe, the Americas",
    "latin-1": "ISO 8859-1: western Europe, the Americas",
    "gb18030": "GB18030 and GBK: Chinese",
    "big5": "Big5: traditional Chinese",
    "shift_jis": "Shift JIS: Japanese",
    "cp1250": "Windows-1250: central Europe",
    "cp1251": "Windows-1251: Cyrillic",
}
_HARMLESS = re.compile(r"[^\w .()\-]")
_NAME_MOST = 120


class PrivateFolder:
    """A folder of one session, readable by this server only; removed with the last reference to it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="feederplan-import-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        self._remove()


@dataclass(frozen=True, eq=False)
class Upload:
    """Files as they were sent and read: `path` is what the formats see, `title` what people call it."""

    path: Path
    title: str
    source: Source
    dialect: Dialect

    @property
    def key(self) -> str:
        """A name no other upload has, for what a screen remembers of this one."""
        return sha256(str(self.path).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class ImportChoices:
    """What a person decided: mapping (None: canonical tables), CRS of layers without one, tolerances."""

    mapping: LayerMapping | None
    crs: str | None
    topology: TopologyOptions


@dataclass(frozen=True, eq=False)
class Outcome:
    """An import that was done: the network, its file in the private folder, and what was chosen for it."""

    network: Network
    path: Path
    choices: ImportChoices
    title: str


def keep_upload(folder: PrivateFolder, files: Sequence[tuple[str, bytes]]) -> Path:
    """Keep uploaded files under harmless names in a folder of their own; returns the one file, or the folder.

    Raises
    ------
    InputError
        Too many or too large, a name that is not taken, or two of one name; every fault is named.
    """
    names = [harmless_name(name) for name, _ in files]
    faults = _upload_faults(files, names)
    if faults:
        raise InputError("upload", make_findings("upload", "file", [""] * len(faults), faults))
    place = folder.path / f"upload-{uuid4().hex}"
    place.mkdir(mode=0o700)
    for name, (_, content) in zip(names, files, strict=True):
        (place / name).write_bytes(content)
    return place / names[0] if len(files) == 1 else place


def harmless_name(name: str) -> str:
    """The last part of a name with letters, digits, blanks and ``_ . ( ) -`` only.

    Examples
    --------
    >>> harmless_name("../../etc/cron d/<x>.gpkg"), harmless_name("C:\\\\data\\\\Leitungen 2.shp")
    ('_x_.gpkg', 'Leitungen 2.shp')
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = _HARMLESS.sub("_", last).strip(" .") or "upload"
    stem, dot, suffix = plain.rpartition(".")
    return f"{stem[:_NAME_MOST]}{dot}{suffix[:20]}" if dot else plain[:_NAME_MOST]


def read_upload(folder: PrivateFolder, files: Sequence[tuple[str, bytes]], encoding: str | None) -> Upload:
    """Keep uploaded files in place of those before them, and read their layers.

    Raises
    ------
    InputError
        They cannot be taken or read; every fault is named.
    """
    for earlier in folder.path.glob("upload-*"):
        shutil.rmtree(earlier, ignore_errors=True)
    path = keep_upload(folder, files)
    dialect = Dialect(encoding=encoding)
    title = files[0][0] if len(files) == 1 else f"{len(files)} files"
    return Upload(path, title, read_untrusted(path, dialect=dialect), dialect)


def layer_table(source: Source) -> pd.DataFrame:
    """One row per layer: name, rows, geometry, coordinate system, columns."""
    rows = [
        (name, len(frame), _geometry_words(frame), _crs_words(frame), ", ".join(map(str, _columns(frame))))
        for name, frame in source.layers.items()
    ]
    return pd.DataFrame(rows, columns=["layer", "rows", "geometry", "crs", "columns"])


def preview(frame: pd.DataFrame) -> pd.DataFrame:
    """The first rows as text, without geometry."""
    head = pd.DataFrame(frame.head(PREVIEW_ROWS))[_columns(frame)]
    return pd.DataFrame({str(c): as_text(head[c]) for c in head.columns})


def known_format(source: Source) -> str:
    """Name of the shipped mapping that reads these layers; "" where none is known to."""
    return source.profile or recognised_profile(source.layers)


def crs_title(epsg: int) -> str:
    """Name of a coordinate system by its EPSG number, with the area it is made for.

    Raises
    ------
    InputError
        There is none of that number.
    """
    crs = read_crs(f"EPSG:{epsg}")
    area = crs.area_of_use
    return crs.name if area is None else f"{crs.name}, for {area.name}"


def mapping_text(upload: Upload, choices: ImportChoices) -> str | None:
    """The mapping of an import as TOML, with the encoding and CRS that were chosen; None without mapping."""
    if choices.mapping is None:
        return None
    text = choices.mapping.source
    encoding = text.encoding or upload.dialect.encoding
    whole = {
        "crs": choices.crs or choices.mapping.crs,
        "source": text.model_copy(update={"encoding": encoding}),
    }
    return mapping_toml(choices.mapping.model_copy(update=whole))


def run_import(folder: PrivateFolder, upload: Upload, choices: ImportChoices) -> Outcome:
    """Import as `feederplan import` does, and write the network into a place of its own.

    Raises
    ------
    InputError
        The file is refused; every reason is named.
    """
    place = folder.path / f"import-{uuid4().hex}"
    place.mkdir(mode=0o700)
    text, mapping = mapping_text(upload, choices), None
    if text is not None:
        mapping = place / "mapping.toml"
        mapping.write_text(text, encoding="utf-8")
    found = import_file(
        upload.path, mapping=mapping, crs=choices.crs, rules=import_rules(), topology=choices.topology
    )
    network = require_network(found, Path(upload.title))
    network = _titled(network, upload.title)
    path = place / "network.gpkg"
    write_network(network, path)
    return Outcome(network, path, choices, upload.title)


def import_rules() -> tuple[Rule, ...]:
    """Every rule a network is judged by: what it must be to be solved, and what is implausible."""
    return (*rules_for(), *doubts_for())


def _titled(network: Network, title: str) -> Network:
    """A network that has no name is called like its file."""
    return network if network.info.get("name") else replace(network, info={**network.info, "name": title})


def _upload_faults(files: Sequence[tuple[str, bytes]], names: Sequence[str]) -> list[str]:
    faults = [] if files else ["no file was sent"]
    if len(files) > FILES_MOST:
        faults.append(f"{len(files)} files are more than {FILES_MOST}; put them into one zip")
    size_mb = sum(len(content) for _, content in files) / 1e6
    if size_mb > UPLOAD_MOST_MB:
        faults.append(f"{size_mb:,.0f} MB are more than {UPLOAD_MOST_MB} MB; use `feederplan import`")
    refused = sorted({name for name in names if Path(name).suffix.lower().lstrip(".") not in SUFFIXES})
    if refused:
        faults.append(f"{', '.join(refused)}: names must end in one of {', '.join(SUFFIXES)}")
    lower = [name.casefold() for name in names]
    twice = sorted({name for name in names if lower.count(name.casefold()) > 1})
    if twice:
        faults.append(f"{', '.join(twice)}: several files of one name; rename them")
    return faults


def _columns(frame: pd.DataFrame) -> list[str]:
    shape = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    return [c for c in frame.columns if c != shape]


def _geometry_words(frame: pd.DataFrame) -> str:
    if not isinstance(frame, gpd.GeoDataFrame):
        return "none (a table)"
    kinds = frame.geom_type.value_counts()
    missing = int(frame.geometry.isna().sum())
    words = [f"{count:,} {kind}" for kind, count in kinds.items()] + ([f"{missing:,} empty"] * bool(missing))
    return ", ".join(words)


def _crs_words(frame: pd.DataFrame) -> str:
    if not isinstance(frame, gpd.GeoDataFrame):
        return ""
    if frame.crs is None:
        return "not stated"
    epsg = frame.crs.to_epsg()
    return frame.crs.name if epsg is None else f"{frame.crs.name} (EPSG:{epsg})"


def with_tolerances(
    low_m: float, medium_m: float, high_m: float, split_mains: Literal["service", "all", "none"] = "service"
) -> TopologyOptions:
    """Tolerances per voltage level [m], and which line ends split a line they meet; the rest as usual."""
    return TopologyOptions(
        lv_tolerance_m=low_m, mv_tolerance_m=medium_m, hv_tolerance_m=high_m, split_mains=split_mains
    )
