"""What a file is that we do not read, from its first bytes: so that a person knows what to do with it.

Nothing is opened here: no XML is parsed, no pickle loaded, no archive taken apart.
"""

from __future__ import annotations

import re
from pathlib import Path

from gis.formats.archive import member_names

_HEAD_BYTES = 4096
# CIM files state their classes as elements; the largest national ones have some 100 MB.
_CIM_BYTES = 200_000_000

_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"SQLite format 3\0", "a SQLite database, but no GeoPackage; export the layers as GeoPackage"),
    (b"fgb\x03", "a FlatGeobuf of another version; write it again"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip archive; unpack it, or pack the files as zip"),
    (b"BZh", "a bzip2 archive; unpack it, or pack the files as zip"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it, or pack the files as zip"),
    (b"Rar!", "a RAR archive; unpack it, or pack the files as zip"),
    (b"\xfd7zXZ", "an xz archive; unpack it, or pack the files as zip"),
    (b"%PDF", "a PDF document; ask for the data behind it"),
    (b"AC10", "a DWG drawing; export its layers as GeoPackage"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (.xls, .doc); save it as .xlsx or CSV"),
    (b"\0\1\0\0Standard Jet DB", "a Microsoft Access database; export its layers as GeoPackage"),
    (b"\0\1\0\0Standard ACE DB", "a Microsoft Access database; export its layers as GeoPackage"),
    (b"\x89PNG", "a picture; ask for the data behind it"),
    (b"II*\0", "a TIFF picture; ask for the data behind it"),
    (b"MM\0*", "a TIFF picture; ask for the data behind it"),
    (b"\xff\xd8\xff", "a picture; ask for the data behind it"),
    (b"MZ", "a program; it is not run"),
    (b"\x7fELF", "a program; it is not run"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_OLD_PICKLE = re.compile(rb"\A[(]?[cid]\w[\w.]*\n\w+\n")
_XML_KINDS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb"<OGRVRTDataSource|<VRTDataset"),
        "a VRT, a GDAL recipe that reads other files; send the data",
    ),
    (re.compile(rb"<OGRWFSDataSource"), "a reference to a web service; export its layers as GeoPackage"),
    (
        re.compile(rb"<!DOCTYPE\s+html|<html", re.I),
        "a web page, perhaps an error page; download the data again",
    ),
    (re.compile(rb"opengis\.net/kml|earth\.google\.com/kml"), "a KML file; export it as GeoPackage"),
    (re.compile(rb"opengis\.net/gml"), "a GML file; export it as GeoPackage"),
    (re.compile(rb"<!DOCTYPE|<!ENTITY"), "an XML file with a document type, which is never read"),
)
_CIM = re.compile(rb"iec\.ch/TC57|CIM-schema|iec\.ch/cim", re.I)
_CIM_CLASS = re.compile(rb"<cim:([A-Z]\w*)[\s>]")
# What a network is made of in CIM (IEC 61970-301) and the profile of CGMES 2.4.15 that carries it.
_CIM_NEEDS = {
    "EQ": ("ACLineSegment", "Terminal", "ConnectivityNode", "EnergyConsumer", "PowerTransformer"),
    "GL": ("PositionPoint",),
}  # fmt: skip
_RECIPE = b"gdal_streamed_alg"


def what_is(path: Path) -> str:
    """Say in words what a file or folder is; "" where nothing is recognised."""
    if path.is_dir():
        return "a folder without any file that is read" if any(path.iterdir()) else "an empty folder"
    if not path.is_file():
        return "no ordinary file"
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        return "an empty file"
    known = next((said for magic, said in _MAGICS if head.startswith(magic)), None)
    if known is not None:
        return known
    if head.startswith(b"PK"):
        return _zip_kind(path)
    if head[257:262] == b"ustar":
        return "a tar archive, which is never opened; pack the files as zip"
    if _PICKLE.match(head) or _OLD_PICKLE.match(head):
        return "a pickle, which can run code when it is opened and so never is; export the network as JSON"
    return _text_kind(path, head)


def _zip_kind(path: Path) -> str:
    names = member_names(path)
    if "[Content_Types].xml" in names:
        return "an Office file; save it as .xlsx or CSV"
    if "doc.kml" in names:
        return "a KMZ file; export it as GeoPackage"
    seen = ", ".join(sorted(names)[:5])
    return f"a zip archive without anything that is read ({seen or 'nothing'} in it)"


def _text_kind(path: Path, head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0").replace(b"\0", b"")
    if text.startswith(b"<"):
        if _CIM.search(head):
            return _cim_kind(path)
        return next(
            (said for kind, said in _XML_KINDS if kind.search(text)), "an XML file; export it as GeoPackage"
        )
    if text.startswith((b"{", b"[")):
        return _json_kind(text)
    return ""


def _json_kind(text: bytes) -> str:
    if _RECIPE in text:
        return "a GDAL recipe (GDALG) that reads other files; send the data itself"
    if b'"Topology"' in text:
        return "a TopoJSON; export it as GeoJSON"
    if b"esriGeometry" in text or b'"wkid"' in text:
        return "Esri JSON; export it as GeoJSON"
    return "JSON, but no GeoJSON FeatureCollection"


def _cim_kind(path: Path) -> str:
    """Which classes a CIM file lacks for a network, by profile."""
    with path.open("rb") as stream:
        classes = {name.decode() for name in _CIM_CLASS.findall(stream.read(_CIM_BYTES))}
    lacking = [
        f"{', '.join(lost)} (profile {profile})"
        for profile, needed in _CIM_NEEDS.items()
        if (lost := [name for name in needed if name not in classes])
    ]
    lacks = f"; it lacks the classes {' and '.join(lacking)}" if lacking else ""
    return (
        f"a CIM file (CGMES){lacks}; CIM is not read: export the network as GeoPackage with all its profiles"
    )
