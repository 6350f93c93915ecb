"""Import pandapower once, when it is first needed: it takes seconds, and a page or a check needs none."""

from __future__ import annotations

from functools import cache
from types import ModuleType


@cache
def pandapower() -> ModuleType:
    """Return the pandapower package, imported at the first call."""
    import pandapower as package

    return package
