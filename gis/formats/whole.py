"""A file or folder is there whole or not at all: written beside its place, synced, renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from gis.errors import InputError
from gis.findings import make_findings


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a temporary file beside the target, sync it, and put it in place.

    Parameters
    ----------
    write
        Writes the file at the place it is given.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        draft = Path(folder) / path.name
        write(draft)
        with draft.open("rb+") as stream:
            os.fsync(stream.fileno())
        draft.replace(path)


def write_whole_folder(
    path: Path, write: Callable[[Path], object], *, is_ours: Callable[[Path], bool]
) -> None:
    """Write files into a temporary folder beside the target, sync them, and put the folder in place.

    Parameters
    ----------
    write
        Writes files into the folder it is given.
    is_ours
        Whether a file of a folder that stands there already may go with it.

    Raises
    ------
    InputError
        A folder that stands there holds other files.
    """
    require_own_folder(path, is_ours=is_ours)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        draft = Path(folder) / path.name  # a folder of its own: temporary ones are private
        draft.mkdir()
        write(draft)
        for file in draft.iterdir():
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())
        _swap_in(draft, path)


def require_own_folder(path: Path, *, is_ours: Callable[[Path], bool]) -> None:
    """Refuse to replace a folder that holds files of others.

    Raises
    ------
    InputError
        It does.
    """
    if path.is_dir() and not all(is_ours(file) for file in path.iterdir()):
        message = "the target folder holds other files; choose an empty or new folder"
        raise InputError(str(path), make_findings("file_exists", "file", [""], message))


def _swap_in(draft: Path, target: Path) -> None:
    """Put the finished folder in place; the old one goes only when the new one stands."""
    if not target.exists():
        draft.replace(target)
        return
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=".old-"))
    target.replace(old)
    try:
        draft.replace(target)
    except OSError:
        old.replace(target)
        raise
    shutil.rmtree(old)
