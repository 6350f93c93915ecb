"""Headroom of the demo area by name: the limit that is named breaks 1 kW above, and none at the answer."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from capacity.headroom import headroom
from capacity.impact import study_impact
from capacity.limits import read_limits
from gridmodel import find_scenario
from gridmodel.loadflow import apply_scenario
from tests.capacity.grids import demo_model
from tests.headroom_checks import COS_PHI, DRAWN_MVA, before, blocking, holds

TRIED = 6


@pytest.mark.parametrize("direction", DRAWN_MVA)
def test_the_limit_named_is_the_one_that_breaks(direction: str) -> None:
    """Limits of EN 50160 and full ratings are those of `tests.headroom_checks`."""
    model = demo_model()
    scenario = find_scenario(model.network)
    ids = model.network.buses.index
    drawn = [str(ids[at]) for at in np.random.default_rng(7).permutation(len(ids))[:TRIED]]
    impact = study_impact(model, scenario, read_limits("en50160"))
    rows = headroom(impact, drawn, direction=direction, cos_phi=COS_PHI)  # type: ignore[arg-type]
    apply_scenario(model, scenario)
    state = before(copy.deepcopy(model.net))
    assert list(rows["bus_id"]) == drawn
    for row in rows.itertuples():
        bus, headroom_kw = ids.get_loc(row.bus_id), int(row.headroom_kw)
        assert holds(state, bus, headroom_kw, direction)
        assert row.status in ("ok", "already_violated")
        position = model.network.table(row.binding_table).index.get_loc(row.binding_id)
        broken = blocking(state, bus, (headroom_kw + 1) * DRAWN_MVA[direction])
        assert (row.binding_check, position) in broken
