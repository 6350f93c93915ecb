"""A proof finds answers that are one kW off, either way."""

from __future__ import annotations

import numpy as np

from gridmodel.engine.answers import OK
from gridmodel.engine.proof import prove
from tests.gridmodel.engine.questions import LOAD, bounds_of, question
from tests.reference_grids import reference_net


def test_answers_one_kw_off_are_told_from_right_ones() -> None:
    net = reference_net("cigre_lv")
    asked = question(net, bounds_of(net, 0.9, 1.1, 100.0), LOAD, load_factor=0.5)
    found = asked.answers()
    known = np.flatnonzero(found.status == OK)
    options = {"per_kw_pu": asked.per_kw_pu, "sample": 100, "threads": 2}
    right = prove(asked.whole, asked.buses, found, **options)
    high = prove(asked.whole, asked.buses, found._replace(headroom_kw=found.headroom_kw + 1), **options)
    low = prove(asked.whole, asked.buses, found._replace(headroom_kw=found.headroom_kw - 1), **options)
    assert len(known) > 20 and right.failed == 0 and len(right.tried) == len(net.bus)
    assert set(known) <= set(high.too_high) and not len(np.intersect1d(high.too_low, known))
    assert set(known) == set(low.too_low) and not len(np.intersect1d(low.too_high, known))
