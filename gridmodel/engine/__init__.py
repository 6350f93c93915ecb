"""The batch engine: a pandapower net compiled once, then millions of load flows on numbers alone."""

from __future__ import annotations

from pathlib import Path


def discard_stale_kernels(folder: Path) -> None:
    """Remove compiled kernels that are older than any source of the engine.

    numba looks at the file of a kernel alone: one that calls a kernel of another file, changed since, would
    go on with the old one.
    """
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    for index in (folder / "__pycache__").glob("*.nbi"):
        try:
            if index.stat().st_mtime < newest:
                index.unlink()
        except OSError:  # another process was faster, or the folder is not ours to write
            continue


discard_stale_kernels(Path(__file__).parent)
