"""Shipped mappings, by name: files `shipped/NAME.toml` for formats whose tables are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from gis.errors import InputError
from gis.findings import make_findings
from gis.mapping.grammar import LayerMapping, read_mapping

_FOLDER = Path(__file__).with_name("shipped")


def profile_names() -> list[str]:
    """Names of the shipped mappings."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def recognised_profile(layers: Mapping[str, pd.DataFrame]) -> str:
    """Name of the shipped mapping whose layers and columns a source has; "" when there is none."""
    known = {name.casefold(): {str(c) for c in frame.columns} for name, frame in layers.items()}
    for name in profile_names():
        wanted = find_mapping(name).recognised_by
        if wanted and all(set(columns) <= known.get(n.casefold(), set()) for n, columns in wanted.items()):
            return name
    return ""


def find_mapping(given: Path | str) -> LayerMapping:
    """Read a mapping file, or the shipped mapping of that name.

    Raises
    ------
    InputError
        There is neither, or the file is faulty.
    """
    path = Path(given)
    if not path.exists() and str(given) in profile_names():
        path = _FOLDER / f"{given}.toml"
    if not path.is_file():
        message = (
            f"no such file, and no shipped mapping of that name (there are: {', '.join(profile_names())})"
        )
        raise InputError(str(given), make_findings("file_missing", "mapping", [""], message))
    return read_mapping(path)
