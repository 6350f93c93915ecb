"""Versions of everything figures come from."""

from __future__ import annotations

import platform
from importlib.metadata import version

LIBRARIES = (
    "feederplan", "pandapower", "numpy", "pandas", "scipy", "numba", "geopandas", "shapely", "pyproj",
    "pyogrio",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Of Python and of every library a figure may come from.

    Examples
    --------
    >>> sorted(versions())[:2]
    ['feederplan', 'geopandas']
    """
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
