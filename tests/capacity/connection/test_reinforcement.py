"""Least works for options on a small ring: brute force by the engine, proof by plain pandapower."""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import shapely

from capacity.assumptions import read_assumptions
from capacity.checks import make_yardstick
from capacity.connection.built_sites import build_sites
from capacity.connection.connection_grid import ConnectionGrid, grid_of
from capacity.connection.judging import judge
from capacity.connection.option import SupplyOption
from capacity.connection.reinforcement import (
    Reinforcement,
    _proposed,
    _situation,
    broken_in_fact,
    reinforce,
    reinforce_together,
)
from capacity.connection.site import Site
from capacity.connection.works_bench import WorksBench
from capacity.demand.development import Development
from capacity.limits import Limits, read_limits
from capacity.planning.plan_cases import PlanCases, case_labels, no_switching
from capacity.planning.rerun import Stand
from capacity.planning.verify import pandapower_violations
from gis.changes import NetworkChanges, apply_changes, join_changes
from gis.routing import Route
from tests.capacity.connection.ring_town import LV, at, town

LIMITS = "en50160"
# Few works to choose from, so that all pairs of them can be tried.
KINDS = ("tap_change", "parallel_line", "larger_transformer")


def limits(change_percent: float) -> Limits:
    """The profile with another voltage change; a large one leaves the other limits alone to be seen."""
    profile = read_limits(LIMITS)
    change = profile.voltage_change.model_copy(update={"lv_percent": change_percent})
    return profile.model_copy(update={"voltage_change": change})


@cache
def grid(weak_kw: float = 0.0) -> ConnectionGrid:
    """The ring town at its loads; so much more at M4, which has nothing to do with the street."""
    network = town()
    p_kw = network.loads.groupby("bus_id")["p_kw"].sum().reindex(network.buses.index, fill_value=0.0)
    p_kw["M4"] += weak_kw
    cases = PlanCases(case_labels(["peak"], ["all"]), p_kw.to_numpy(dtype=complex)[None], no_switching())
    return grid_of(network, cases, limits(20.0), read_assumptions(), name="all loads")


def option(bus_id: str, site_id: str = "new", systems: int = 4) -> SupplyOption:
    """Cables from a bus of the street to a site 10 m beside it: ample, so that only the grid is short."""
    point = town().buses.geometry[bus_id]
    own = f"{site_id}|lv_feeder|{bus_id}"
    bus = {"bus_id": f"{own}|bus", "vn_kv": 0.4, "geometry": at(point.x, point.y - 10.0)}
    line = {
        "line_id": f"{own}|cable", "from_bus_id": bus_id, "to_bus_id": bus["bus_id"], "vn_kv": 0.4,
        "type_id": LV.strip('"'), "length_m": 10.0, "parallel": systems,
        "geometry": shapely.LineString([point, bus["geometry"]]),
    }  # fmt: skip
    changes = NetworkChanges({"buses": pd.DataFrame([bus]), "lines": pd.DataFrame([line])})
    route = Route(bus_id, bus["bus_id"], line["geometry"], 10.0, 10.0, {"street": 10.0})
    return SupplyOption(
        f"lv_feeder|{bus_id}", "lv_feeder", bus_id, 0.4, bus["bus_id"], changes, route, (), "a cable"
    )


@cache
def works_for(
    kw: float, bus_id: str = "D", most_eur: float = math.inf, allowed: tuple[str, ...] = KINDS
) -> Reinforcement:
    known = grid()
    own = option(bus_id)
    site = Site(Development(at(1200, 5), site_id="new", demand_kw=kw), np.array([complex(kw)]), kw)
    blocked = judge(known, [site], [[own]])[0][0].blocked
    return reinforce(known, own, site.kva, blocked, most_eur=most_eur, allowed=allowed)


def test_no_set_of_one_or_two_of_the_works_that_costs_less_holds() -> None:
    kw, bus_id = 200.0, "D"
    found = works_for(kw, bus_id)
    assert found.status == "found" and found.measures and found.proved
    bench, proposed = _bench([(option(bus_id), np.array([complex(kw)]))])
    cheaper = [
        works
        for size in (1, 2)
        for works in combinations(proposed, size)
        if sum(one.cost.eur for one in works) < found.cost.eur - 1.0
        and (size == 1 or works[0].keys.isdisjoint(works[1].keys))
    ]
    assert all(len(broken_in_fact(bench, works)) for works in [(), *cheaper])


def _bench(options):  # type: ignore[no-untyped-def]
    built = build_sites(grid(), options)
    cases = np.arange(len(built.positions))
    bench = WorksBench(built, (), cases, cases)
    return bench, _proposed(built, _situation(bench), KINDS)


def test_pandapower_finds_no_limit_broken_with_the_works_and_some_without() -> None:
    kw, known, own = 260.0, grid(), option("D")
    found = works_for(kw)
    for works, holds in ((found.measures, True), ((), False)):
        changes = join_changes([own.changes, *(one.changes for one in works)])
        built = known.connected(changes, own.site_bus_id, np.array([complex(kw)]))
        stand = Stand(built.network, None, built.cases)
        broken, _ = pandapower_violations(stand, 0, read_limits(LIMITS))
        assert broken.empty is holds


def test_a_site_that_draws_nothing_needs_no_works() -> None:
    found = works_for(0.0)
    assert found.status == "found" and not found.measures and found.cost.eur == 0.0


def test_works_never_cost_less_for_more_power() -> None:
    costs = [works_for(kw).cost.eur for kw in (10.0, 200.0, 260.0)]
    assert costs == sorted(costs) and costs[0] == 0.0 < costs[-1]


def test_works_that_cost_more_than_asked_for_are_too_dear() -> None:
    least = works_for(200.0)
    dear = works_for(200.0, most_eur=least.cost.eur - 1.0)
    assert dear.status == "too_dear" and not dear.measures and dear.cost.eur >= least.cost.eur


def test_only_allowed_kinds_are_used() -> None:
    assert works_for(260.0, allowed=()).status == "none"


def test_what_is_broken_elsewhere_may_stay_and_what_the_site_makes_worse_may_not() -> None:
    weak = grid(weak_kw=14_000.0)  # K4 is overloaded
    assert "K4" in set(weak.broken[0]["element_id"])
    together = reinforce_together(weak, [(option("D"), np.array([10.0 + 0j]))])
    assert together.status == "found" and not together.measures
    on_spur = reinforce_together(weak, [(_at_spur(), np.array([100.0 + 0j]))])
    assert on_spur.measures and all("K4" in one.measure_id for one in on_spur.measures)


def _at_spur() -> SupplyOption:
    return SupplyOption(
        "mv_tap|M4", "mv_tap", "M4", 20.0, "M4", NetworkChanges(), option("D").route, (), "at the bus"
    )


def test_a_cable_of_the_option_that_is_too_small_is_no_matter_for_works() -> None:
    known, kw = grid(), 220.0
    own = option("B", systems=1)
    site = Site(Development(at(1000, 5), site_id="new", demand_kw=kw), np.array([complex(kw)]), kw)
    found = reinforce(known, own, site.kva, judge(known, [site], [[own]])[0][0].blocked)
    assert found.status == "none" and "too small" in found.reason


def test_works_of_two_sites_together_cost_no_more_than_one_after_the_other() -> None:
    kva = np.array([120.0 + 0j])
    pair = [(option("D", "one"), kva), (option("C", "two"), kva)]
    together = reinforce_together(grid(), pair, allowed=KINDS)
    grid_then, cost = grid(), 0.0
    for own, power in pair:
        works = reinforce_together(grid_then, [(own, power)], allowed=KINDS)
        cost += works.cost.eur
        changes = join_changes([own.changes, *(one.changes for one in works.measures)])
        grid_then = grid_then.connected(changes, own.site_bus_id, power)
    assert together.status == "found" and together.measures and 0.0 < together.cost.eur <= cost + 1e-6


def test_the_voltage_change_of_a_site_is_cured_too() -> None:
    known = grid()
    tight = limits(1.5)
    strict = grid_of(known.network, known.cases, tight, known.assumptions, name="tight")
    kva, own = np.array([60.0 + 0j]), option("D")
    found = reinforce_together(strict, [(own, kva)], allowed=KINDS)
    assert found.status == "found" and found.measures
    moved = []
    for works in ((), found.measures):
        network = apply_changes(known.network, join_changes([own.changes, *(one.changes for one in works)]))
        yardstick = make_yardstick(network, tight)
        states = [
            grid_of(network, _cases(network, power), tight, known.assumptions, name="").states[0]
            for power in (0.0, 60.0)
        ]
        at_supply = yardstick.network.buses.index.get_loc("D")
        moved.append(100.0 * abs(states[0].vm_pu[at_supply] - states[1].vm_pu[at_supply]))  # type: ignore[union-attr]
    assert moved[1] <= 1.5 < moved[0]


def _cases(network, kw: float) -> PlanCases:  # type: ignore[no-untyped-def]
    p_kw = network.loads.groupby("bus_id")["p_kw"].sum().reindex(network.buses.index, fill_value=0.0)
    p_kw[option("D").site_bus_id] += kw
    return PlanCases(case_labels(["peak"], ["all"]), p_kw.to_numpy(dtype=complex)[None], no_switching())
