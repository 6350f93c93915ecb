"""Every operating measure: what it says of itself, its inverse, and that a missing price is told."""

from __future__ import annotations

from functools import cache

import pytest

from capacity.measures import OPERATING, propose_measures
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation
from gis.changes import apply_changes
from gridmodel import Scenario
from tests.capacity.measures.tables import NO_PRICES
from tests.capacity.measures.weak_grids import FEED_IN, FULL, at_hours, ring, situation

WINTER_DAY = (("2030-01-15 17:00", 1.0), ("2030-01-16 02:00", 0.2))


@cache
def _weak(kind: str) -> Situation:
    network = ring(h_kw=100.0 if kind == "valley_tariff" else 200.0, g_kw=300.0)
    if kind == "valley_tariff":
        return situation(network, cases=at_hours(network, WINTER_DAY), profile="dena")
    return situation(network, [FULL, FEED_IN])


@cache
def _proposed(kind: str) -> tuple[Measure, ...]:
    return propose_measures(_weak(kind), [kind]).measures


@pytest.mark.parametrize("kind", OPERATING)
def test_every_kind_proposes_and_says_what_it_does_costs_and_takes(kind: str) -> None:
    network, found = _weak(kind).network, _proposed(kind)
    assert found and len({one.measure_id for one in found}) == len(found)
    for one in found:
        assert one.kind == kind and one.measure_id.startswith(f"{kind}|") and one.text
        assert one.cost.low_eur + one.cost.yearly_low_eur > 0.0 and one.cost.items
        assert one.months == _weak(kind).costs.months(one.cost.items[0][0])
        assert one.geometry is not None and not one.geometry.is_empty
        new = [row for rows in one.changes.added.values() for row in rows.iloc[:, 0]]
        assert all(row.startswith(one.measure_id) for row in new)
        assert set(one.power_kva) <= set(network.buses.index)
        assert all(len(kva) == len(_weak(kind).cases.labels) for kva in one.power_kva.values())


@pytest.mark.parametrize("kind", OPERATING)
def test_applied_and_taken_back_leaves_the_network_as_it_was(kind: str) -> None:
    network = _weak(kind).network
    for one in _proposed(kind):
        changed = apply_changes(network, one.changes)
        assert apply_changes(changed, one.inverse(network)).equals(network)
        if one.changes.added or len(one.changes.cells):
            assert not changed.equals(network)


@pytest.mark.parametrize("kind", OPERATING)
def test_two_sizes_of_one_measure_exclude_each_other(kind: str) -> None:
    of_element: dict[tuple[str, str], list[Measure]] = {}
    for one in _proposed(kind):
        where = one.measure_id.split("|")[1]
        of_element.setdefault((kind, where), []).append(one)
    assert all(a.keys & b.keys for group in of_element.values() for a in group for b in group)


@pytest.mark.parametrize("kind", OPERATING)
def test_what_has_no_price_is_told_and_not_proposed(kind: str) -> None:
    seen = _weak(kind)
    bare = Situation(**{**seen.__dict__, "costs": NO_PRICES})
    found = propose_measures(bare, [kind])
    assert not len(found)
    assert found.not_proposed["reason"].str.contains("no price").any()


def test_nothing_is_proposed_where_every_limit_holds() -> None:
    calm = situation(ring(h_kw=1.0, b1_kw=100.0), [FEED_IN])
    assert calm.violations.empty and not len(propose_measures(calm, OPERATING))


def test_a_case_without_solution_is_judged_by_the_linear_load_flow() -> None:
    collapsed = situation(ring(), [Scenario("huge", "far too much", None, 6.0)])
    assert collapsed.violations["check"].tolist() == ["no_solution"]
    kinds = {one.kind for one in propose_measures(collapsed, OPERATING)}
    assert {"tap_change", "oltc_setpoint", "move_open_point", "flexibility", "capacitor"} <= kinds
