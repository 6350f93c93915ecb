"""Stand-ins for measures and selection, for the tests that ask for them."""

from __future__ import annotations

import sys

import pytest

import capacity.measures
from tests.capacity.planning import stand_in


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures of `stand_in` and its selection instead of those that ship."""
    monkeypatch.setattr(capacity.measures, "OPERATING", {})
    monkeypatch.setattr(capacity.measures, "BUILDING", {"larger": stand_in.larger, "second": stand_in.second})
    monkeypatch.setitem(sys.modules, "capacity.planning.selection", stand_in.as_module())
