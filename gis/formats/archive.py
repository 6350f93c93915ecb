"""Zip archives: taken apart by our own code into a private folder, within limits, before anything is read.

Other archives (tar, 7z, rar) are not opened: their members may be links and lead out of the folder.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gis.errors import InputError
from gis.findings import make_findings

# What an archive may hold (FAULTS.md section 2: 80 kB expanded to 20 million rows and took 35 s). A Shapefile
# has five members; text of tables compresses to a twentieth, so a hundredth is no table.
MAX_ENTRIES = 50
# A geodatabase is a folder of some 40 files and six more a layer.
MAX_ENTRIES_GEODATABASE = 2_000
MAX_EXPANDED_BYTES = 500_000_000
MAX_RATIO = 100
# Small files compress to less than a hundredth without harm: a .dbf of 100 kB is mostly blanks.
RATIO_COUNTS_FROM_BYTES = 10_000_000

_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_LINK, _KIND = 0o120000, 0o170000
_CHUNK_BYTES = 1 << 20
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


@dataclass
class _Purse:
    """Bytes that may still be written."""

    left: int


def recognises(path: Path) -> bool:
    """Tell whether the file's first bytes are those of a zip, but for Office files, which are zips too."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) in _MAGICS and "[Content_Types].xml" not in member_names(path)


def member_names(path: Path) -> list[str]:
    """Names of the members of a zip; none where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def expanded_bytes(path: Path) -> int:
    """What the table of contents of a zip says its members hold; 0 where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return 0


def extract(path: Path, folder: Path) -> None:
    """Take a zip apart into an empty folder.

    Raises
    ------
    InputError
        It is damaged, encrypted, too large, or a member would land outside, is a link or an archive;
        nothing is extracted then but what stood before.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _refuse(path, _faults(members, path.stat().st_size))
            purse = _Purse(MAX_EXPANDED_BYTES)
            for member in members:
                _extract_one(archive, member, folder, purse)
    except _TooLargeError as error:
        _refuse(path, [f"it expands to more than {MAX_EXPANDED_BYTES // 10**6} MB at {error}"])
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        message = f"the archive {path.name} is damaged or cut off ({type(error).__name__}); take a fresh copy"
        raise InputError(str(path), make_findings("file_damaged", "file", [""], message)) from error


class _TooLargeError(Exception):
    pass


def _refuse(path: Path, faults: list[str]) -> None:
    if faults:
        rows = make_findings(
            "archive", "file", [""] * len(faults), [f"{path.name}: {fault}" for fault in faults]
        )
        raise InputError(str(path), rows)


def _faults(members: list[zipfile.ZipInfo], packed_bytes: int) -> list[str]:
    """Everything that speaks against opening an archive, from its table of contents alone."""
    names = [member.filename.casefold() for member in members]
    expanded = sum(member.file_size for member in members)
    most = MAX_ENTRIES_GEODATABASE if any(".gdb/" in name for name in names) else MAX_ENTRIES
    faults = []
    if len(members) > most:
        faults.append(f"it has {len(members)} members, at most {most} are taken")
    if expanded > MAX_EXPANDED_BYTES:
        faults.append(
            f"it expands to {expanded // 10**6} MB, at most {MAX_EXPANDED_BYTES // 10**6} are taken"
        )
    if expanded > RATIO_COUNTS_FROM_BYTES and expanded > MAX_RATIO * packed_bytes:
        faults.append(
            f"it expands to {expanded / max(1, packed_bytes):.0f} times its size, no data does that"
        )
    twice = sorted({name for name in names if names.count(name) > 1}) if len(members) <= most else []
    faults += [f"the member {name!r} is in it twice" for name in twice]
    return [*faults, *(fault for member in members[:most] for fault in _member_faults(member))]


def _member_faults(member: zipfile.ZipInfo) -> list[str]:
    name = member.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    faults = []
    if name.startswith("/") or ".." in parts or ":" in name or not parts or "\0" in member.orig_filename:
        faults.append(f"the member {member.filename!r} would land outside its folder")
    if (member.external_attr >> 16) & _KIND == _LINK:
        faults.append(f"the member {member.filename!r} is a link")
    if member.flag_bits & 0x1:
        faults.append(f"the member {member.filename!r} is encrypted; send it without a password")
    return faults


def _extract_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, purse: _Purse) -> None:
    """Write one member, counting what really comes out: the table of contents may lie."""
    target = folder.joinpath(*PurePosixPath(member.filename.replace("\\", "/")).parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as packed, target.open("xb") as plain:
        while chunk := packed.read(_CHUNK_BYTES):
            if plain.tell() == 0 and chunk.startswith(_ARCHIVES):
                message = f"the member {member.filename!r} is an archive itself; pack its files directly"
                _refuse(Path(str(archive.filename)), [message])
            purse.left -= len(chunk)
            if purse.left < 0:
                raise _TooLargeError(repr(member.filename))
            plain.write(chunk)
