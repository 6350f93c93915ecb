"""Folders and zips of files that other formats read, one or many; `archive` takes a zip apart first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats import archive
from gis.formats.sniff import what_is
from gis.formats.source import Dialect, Source

# What systems add unasked.
_BYWORK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


class Reader(Protocol):
    """What is needed of a format (`gis.formats.Format`)."""

    @property
    def recognises(self) -> Callable[[Path], bool]: ...

    @property
    def read(self) -> Callable[[Path, Dialect], Source]: ...


def holds_files(path: Path, formats: tuple[Reader, ...]) -> bool:
    """Tell whether a folder holds, not deeper down, any file that a format reads."""
    files = (file for file in path.iterdir() if file.is_file()) if path.is_dir() else ()
    return any(form.recognises(file) for file in files for form in formats)


def read_folder(path: Path, formats: tuple[Reader, ...], dialect: Dialect) -> Source:
    """Read everything in a folder, and in those below, that any format reads.

    Layers of one name carry their file's name before it.

    Raises
    ------
    InputError
        A file is damaged, or nothing is read.
    """
    found = _readable(path, formats)
    if not found:
        raise InputError(
            str(path), make_findings("file_format", "file", [""], f"{path.name} is {what_is(path)}")
        )
    return _joined([(part, form.read(part, dialect)) for part, form in found])


def read_zip(path: Path, formats: tuple[Reader, ...], dialect: Dialect) -> Source:
    """Read everything in a zip that any format reads; see `read_folder`.

    Raises
    ------
    InputError
        The archive is refused, a file in it is damaged, or nothing in it is read.
    """
    with tempfile.TemporaryDirectory(prefix="unpacked-") as unpacked:
        folder = Path(unpacked)
        archive.extract(path, folder)
        try:
            if _readable(folder, formats):
                return read_folder(folder, formats, dialect)
        except InputError as error:
            raise InputError(str(path), error.findings) from error
    raise InputError(str(path), make_findings("file_format", "file", [""], f"{path.name} is {what_is(path)}"))


def _readable(part: Path, formats: tuple[Reader, ...]) -> list[tuple[Path, Reader]]:
    """Files and folders that a format reads, outermost first."""
    form = next((form for form in formats if form.recognises(part)), None)
    if form is not None:
        return [(part, form)]
    if not part.is_dir():
        return []
    inside = [entry for entry in sorted(part.iterdir()) if entry.name not in _BYWORK]
    return [one for entry in inside for one in _readable(entry, formats)]


def _joined(sources: list[tuple[Path, Source]]) -> Source:
    names = [name for _, source in sources for name in source.layers]
    layers = {
        name if names.count(name) == 1 else f"{part.stem}/{name}": layer
        for part, source in sources
        for name, layer in source.layers.items()
    }
    profiles = {source.profile for _, source in sources}
    findings = join_findings([source.findings for _, source in sources])
    return Source(layers, findings, profiles.pop() if len(profiles) == 1 else "")
