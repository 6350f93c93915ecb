"""Files of a circuit: found by the names in its scripts, inside the folder of its master.

A name may lead one level up to another script, since test circuits share their line codes like that
(`redirect ../IEEELineCodes.dss`); it never leads to data, to an absolute place or through a link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gis.errors import InputError
from gis.findings import make_findings

_DRIVE = re.compile(r"^([A-Za-z]:|[\\/~])")


class OutsideError(Exception):
    """A name does not lead to a file of the circuit; says so in plain words."""


@dataclass(frozen=True)
class Folder:
    """The folder of a master script."""

    root: Path

    def find(self, name: str, folder: Path, *, script: bool) -> Path:
        """The file a script in `folder` names.

        Raises
        ------
        OutsideError
            It lies elsewhere, is a link, or is not there.
        """
        if not name:
            raise OutsideError("the line names no file, or more than a file")
        if _DRIVE.match(name):
            raise OutsideError("the file is named by an absolute path; put it into the folder of the master")
        file = folder
        for part in name.replace("\\", "/").split("/"):
            file = file.parent if part == ".." else file if part in ("", ".") else _member(file, part)
        if file.is_relative_to(self.root):
            levels = file.relative_to(self.root).parts
            walked = [self.root.joinpath(*levels[: n + 1]) for n in range(len(levels))]
        elif script and file.parent == self.root.parent and file.suffix.lower() == ".dss":
            walked = [file]
        else:
            raise OutsideError("the file lies outside the folder of the master; put it into that folder")
        if any(step.is_symlink() for step in walked):
            raise OutsideError("the file is a link; put the file itself into the folder of the master")
        if not file.is_file():
            raise OutsideError("there is no such file; add it to the folder of the master")
        return file

    def name_of(self, file: Path) -> str:
        """The file's name as people read it: from the folder of the master."""
        return str(file.relative_to(self.root)) if file.is_relative_to(self.root) else f"../{file.name}"

    def text_of(self, file: Path) -> str:
        """The text of a file, UTF-8 or else Latin-1.

        Raises
        ------
        InputError
            It holds no text.
        """
        # Some programs end a line of text with a zero byte.
        content = re.sub(rb"\x00+(?=\r?\n)", b"", file.read_bytes())
        if b"\x00" in content:
            message = f"{self.name_of(file)} is no text; take a fresh copy"
            raise InputError(str(file), make_findings("file_damaged", "file", [""], message))
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("latin-1")


def _member(folder: Path, name: str) -> Path:
    """A file of a folder; upper and lower case are one, since most circuits are made where they are."""
    exact = folder / name
    if exact.exists() or not folder.is_dir():
        return exact
    alike = sorted(entry for entry in folder.iterdir() if entry.name.lower() == name.lower())
    return alike[0] if alike else exact
