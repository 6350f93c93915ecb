"""A grid without solution says how far it gets, where it breaks and which loads are to blame."""

from __future__ import annotations

import dataclasses

import pytest

import gis
from gis.examples import network_from_text, synthetic_network
from gridmodel import Diagnosis, GridModel, Scenario, build_model, diagnose, run_load_flow
from gridmodel.loadflow import apply_scenario, solve
from tests.networks import station

PLAIN = "r_ohm_per_km=0.4 x_ohm_per_km=0.3 i_max_a=200"


def times(network: gis.Network, factor: float, *load_ids: str) -> gis.Network:
    """The network with some loads (all where none is named) multiplied."""
    chosen = network.loads.index.isin(load_ids or network.loads.index)
    p_kw = network.loads["p_kw"].where(~chosen, factor * network.loads["p_kw"])
    return dataclasses.replace(network, loads=network.loads.assign(p_kw=p_kw))


def diagnosed(network: gis.Network) -> Diagnosis:
    return diagnose(build_model(network))


SMALL = synthetic_network(60)


@pytest.mark.parametrize("load_id", SMALL.loads.index[::8])
def test_a_load_wrong_by_a_thousand_is_named_first(load_id: str) -> None:
    found = diagnosed(times(SMALL, 1000.0, load_id))
    first = found.suspects.iloc[0]
    assert first["load_id"] == load_id and first["solves_without"] and found.solves_without_suspects
    assert "times the median of its class" in first["reason"]
    assert load_id in found.sentence()


def test_two_loads_wrong_by_a_thousand_are_both_named() -> None:
    wrong = list(SMALL.loads.index[[3, -4]])
    found = diagnosed(times(SMALL, 1000.0, *wrong))
    assert set(found.suspects["load_id"]) == set(wrong) and found.solves_without_suspects


def test_a_grid_overloaded_as_a_whole_blames_no_load_but_names_what_is_overloaded() -> None:
    found = diagnosed(times(SMALL, 200.0))
    assert found.suspects.empty and not found.solves_without_suspects
    assert 0.0 < found.servable_share < 1.0
    assert found.overloads["loading_percent"].is_monotonic_decreasing and len(found.overloads) == 5
    assert "no single load is to blame" in found.sentence()


def test_what_is_served_at_most_and_the_weakest_bus_are_those_of_the_last_solvable_point() -> None:
    """At unity power factor U^2/(2 (R + |Z|)) is the largest power of a two-bus grid."""
    text = f"bus A 0.4\nbus B 0.4\nsource S A\nline L A B 250 {PLAIN}\nload H B 2000 q_kvar=0"
    found = diagnosed(network_from_text(text))
    limit_kw = 1000 * 0.4**2 / (2 * (0.1 + 0.125))
    assert 0.98 * limit_kw <= found.max_served_kw <= limit_kw
    assert found.max_served_kw + found.min_unserved_kw == pytest.approx(found.demand_kw) == 2000.0
    assert found.weakest_bus_id == "B" and 0.5 < found.weakest_vm_pu < 0.8


def test_each_island_has_its_own_share_and_weakest_bus() -> None:
    grid = station(
        "bus P 0.4", "bus Q 0.4", "source R P", f"line M P Q 250 {PLAIN}", "load Z Q 3000 q_kvar=0"
    )
    areas = diagnosed(grid).areas.set_index("source_ids")
    assert areas["servable_share"].to_dict() == {"S": 1.0, "R": pytest.approx(0.118, rel=0.1)}
    assert areas.loc["R", ["weakest_bus_id", "buses"]].tolist() == ["Q", 2]
    assert areas.loc["R", "demand_kw"] == 3000.0


def test_a_grid_without_any_solution_blames_its_structure() -> None:
    found = diagnosed(station('transformer U B C "0.4 MVA 20/0.4 kV" shift_degree=330'))
    assert found.servable_share == 0.0 and found.weakest_bus_id is None and found.suspects.empty
    assert "structure" in found.sentence()
    assert found.causes["element_id"].tolist() == ["T", "U"]


def test_generation_that_cannot_be_carried_away_is_to_blame_and_named() -> None:
    grid = station("generator Q E 12000 pv", "scenario sunny generation_factor=1")
    found = diagnose(build_model(grid), "sunny")
    assert "no load is to blame but the generation" in found.sentence()
    assert found.causes["rule"].unique().tolist() == ["generation_not_carried"]
    assert found.causes["element_id"].tolist() == ["Q", "G"]


def test_nothing_behind_the_sources_is_served_in_full() -> None:
    found = diagnosed(network_from_text("bus A 0.4\nsource S A\nload H A 5"))
    assert found.servable_share == 1.0 and found.max_served_kw == pytest.approx(5.0)


def test_a_scenario_with_a_solution_is_served_in_full() -> None:
    found = diagnosed(station())
    assert found.servable_share == 1.0 and found.suspects.empty and found.causes.empty
    assert found.min_unserved_kw == pytest.approx(0.0, abs=1e-6)


def test_the_model_holds_the_scenario_afterwards() -> None:
    model = build_model(station("load Z E 3000"))
    diagnose(model, Scenario(load_factor=0.5))
    assert model.net.load["scaling"].tolist() == [0.5, 0.5, 0.5]
    assert run_load_flow(model, Scenario(load_factor=0.01)).converged


def test_the_share_is_bracketed_by_pandapower(demo_model: GridModel) -> None:
    tenfold = Scenario(load_factor=30.0)
    found = diagnose(demo_model, tenfold)
    for share, expected in ((found.servable_share, True), (1.02 * found.servable_share, False)):
        apply_scenario(demo_model, tenfold, share=share)
        assert solve(demo_model.net) is expected
    apply_scenario(demo_model, Scenario())
