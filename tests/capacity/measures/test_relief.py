"""What must go at a place, in the switching state of each case."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from capacity.measures.relief import need_kw, overload_places
from capacity.planning.plan_cases import PlanCases, cases_of_scenarios
from tests.capacity.measures.weak_grids import FULL, ring, situation


def _with_outage() -> PlanCases:
    """All loads as it is, and with K4 out and its customers fed over the open point."""
    base = cases_of_scenarios(ring(h_kw=1.0), [FULL])
    labels = pd.concat([base.labels, base.labels.set_axis(pd.Index(["K4 out"], name="case_id"))])
    orders = [("K4 out", "lines", "K4", "out"), ("K4 out", "switches", "W", "closed")]
    switching = pd.DataFrame(orders, columns=["case_id", "table", "element_id", "state"])
    return dataclasses.replace(base, labels=labels, kva=np.repeat(base.kva, 2, axis=0), switching=switching)


def test_power_relieves_the_way_it_is_fed_over_in_each_state() -> None:
    seen = situation(ring(h_kw=1.0), cases=_with_outage())
    buses = seen.network.buses.index
    normal, switched = need_kw(seen, buses.get_loc("B1"))
    assert normal == 0.0  # B1 hangs on K4, which holds
    # By hand: what K1 carries over its limit, at the voltage and losses the engine found.
    k1 = seen.network.lines.index.get_loc("K1")
    flow = complex(18_001.0, 18_000.0 * np.tan(np.arccos(0.9)))
    limit_kva = np.sqrt(3) * 20.0 * 421.0 * abs(flow) / seen.line_kva[1, k1]
    assert switched == pytest.approx(flow.real - np.sqrt(limit_kva**2 - flow.imag**2), rel=0.001)
    assert need_kw(seen, buses.get_loc("A1"))[0] > 0.0


def test_places_are_behind_the_last_and_the_first_overload_of_a_way() -> None:
    seen = situation(ring(), cases=None)
    last = {place.element_id for place in overload_places(seen)}
    first = {place.element_id for place in overload_places(seen, nearest_source=True)}
    assert last == {"K1", "L1"} and first == {"K1", "T1"}
