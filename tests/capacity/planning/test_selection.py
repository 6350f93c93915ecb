"""Selections against brute force, and what any selection keeps to."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from capacity.costs.cost import Cost
from capacity.measures.measure import Measure
from capacity.planning.plan import PlanTerms
from capacity.planning.selected import Selection
from capacity.planning.selection import select_measures
from capacity.planning.worth import worth_of
from gis.changes import NetworkChanges, cells_of
from gis.examples import network_from_text
from tests.capacity.planning.feeders import (
    best_by_force,
    cases,
    larger_transformer,
    random_feeder,
    replacements,
    yardstick,
)

TERMS = PlanTerms(mip_gap_percent=0.0)


@cache
def selected(seed: int, factor: float, method: str = "milp") -> tuple[Selection, list[Measure]]:
    network = random_feeder(seed)
    measures = [*replacements(network), larger_transformer(network)]
    terms = TERMS.model_copy(update={"method": method})
    given = cases(network, factor, 0.3 * factor)
    return select_measures(yardstick(network), given, measures, terms, threads=1), measures


@pytest.mark.parametrize("seed", [0, 5])
def test_selection_is_the_optimum_found_by_brute_force(seed: int) -> None:
    network = random_feeder(seed)
    measures = [*replacements(network), larger_transformer(network)]
    given = cases(network, 1.5, 0.4)
    found = select_measures(yardstick(network), given, measures, TERMS, threads=1)
    best = best_by_force(network, measures, given)
    assert best is not None
    assert found.status == "resolved"
    assert found.left.empty
    assert found.present_value_eur <= 1.02 * best
    assert found.proved_eur == pytest.approx(found.present_value_eur)
    assert found.present_value_eur == pytest.approx(best)


def test_more_demand_never_makes_the_plan_cheaper() -> None:
    values = [selected(2, factor)[0] for factor in (0.9, 1.2, 1.5)]
    assert all(one.status == "resolved" for one in values)
    assert np.all(np.diff([one.present_value_eur for one in values]) >= -1e-6)


def test_greedy_holds_and_is_never_cheaper() -> None:
    greedy, measures = selected(5, 1.5, "greedy")
    best, _ = selected(5, 1.5)
    assert greedy.status == best.status == "resolved"
    assert greedy.present_value_eur >= best.present_value_eur
    assert greedy.bound_eur is None
    assert len({one.measure.element_id for one in greedy.taken(measures)}) == len(greedy.taken(measures))


def test_what_cannot_be_cured_is_left_and_the_nearest_plan_is_kept() -> None:
    found, measures = selected(4, 1.6)
    assert found.status == "unresolved"
    assert len(found.left)
    assert found.left["excess_percent"].min() > 0.0
    assert found.taken(measures)


def test_no_measure_for_a_grid_that_holds() -> None:
    found, measures = selected(0, 0.1)
    assert (found.status, found.present_value_eur, found.bound_eur) == ("resolved", 0.0, 0.0)
    assert found.taken(measures) == ()


def test_a_cancelled_selection_has_its_best_plan() -> None:
    network = random_feeder(0)
    told: list[Selection] = []
    found = select_measures(
        yardstick(network), cases(network, 1.5), replacements(network), TERMS,
        told=told.append, cancelled=lambda: len(told) > 1, threads=1,
    )  # fmt: skip
    assert found.status == "cancelled"
    assert found.stopped == "cancelled"
    assert found.present_value_eur == told[-1].present_value_eur


# S --T-- B --L0-- N0, demand doubles in 2030: the cable is thick enough until then.
def _two_years() -> tuple[Selection, list[Measure]]:
    network = network_from_text(
        'bus S 20\nbus B 0.4\nbus N0 0.4\nsource G S 1.0\ntransformer T S B "0.25 MVA 20/0.4 kV"\n'
        'line L0 B N0 100 "NAYY 4x50 SE"\nload H N0 60 residential 5\nscenario base'
    )
    measures = replacements(network)
    given = cases(network, 1.0, 2.0, years=[2025, 2030])
    return select_measures(yardstick(network), given, measures, TERMS, threads=1), measures


def test_what_is_needed_later_is_built_later() -> None:
    found, measures = _two_years()
    assert found.status == "resolved"
    (taken,) = found.taken(measures)
    assert (taken.year, taken.until) == (2030, None)
    assert taken.measure.to_type == measures[0].to_type
    # 40 EUR/m x 100 m for NAYY 4x95 SE, or more for the next; five years at 4 %.
    assert found.present_value_eur == pytest.approx(taken.measure.cost.eur / 1.04**5)


def test_a_trench_of_two_measures_is_paid_once_a_year() -> None:
    cost = Cost(eur=1000.0, yearly_eur=10.0)
    changes = NetworkChanges(cells=cells_of(("lines", "L0", "type_id", "x")))
    one = Measure(
        "a", "a", "lines", "L0", changes, cost, 1, "a", shared_trench={"k": 10.0}, trench_eur_per_m=60.0
    )
    two = replace(one, measure_id="b")
    terms = PlanTerms(discount_rate_percent=10.0, horizon_years=2)
    years = (2025, 2026)
    together = worth_of([one, two], np.array([[True, True], [True, True]]), years, terms)
    assert together.capital_eur == pytest.approx(2000.0 - 600.0)
    assert together.present_value_eur == pytest.approx(1400.0 + 20.0 * (1.0 + 1.0 / 1.1))
    apart = worth_of([one, two], np.array([[True, True], [False, True]]), years, terms)
    assert apart.capital_eur == pytest.approx(2000.0)
    assert apart.present_value_eur == pytest.approx(1000.0 + 1000.0 / 1.1 + 10.0 + 20.0 / 1.1)
