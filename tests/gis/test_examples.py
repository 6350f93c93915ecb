"""Networks from text and by lot."""

from __future__ import annotations

import pytest

import gis
from gis.examples import network_from_text, synthetic_network
from gridmodel import build_model, rules_for, run_load_flow
from tests.networks import station


def test_text_gives_every_table_its_rows() -> None:
    network = station()
    counts = {name: len(frame) for name, frame in network.tables().items()}
    assert counts == {
        "buses": 5, "lines": 3, "transformers": 1, "switches": 1, "sources": 1,
        "loads": 2, "generators": 1, "capacitors": 0, "routes": 0, "sites": 0, "scenarios": 2,
    }  # fmt: skip
    assert network.lines["vn_kv"].tolist() == [20.0, 0.4, 0.4]
    assert network.loads.loc["H", ["bus_id", "p_kw", "customers"]].tolist() == ["D", 30.0, 6]
    assert network.switches.loc["W", ["bus_id", "closed", "element_id"]].tolist() == ["D", True, "L"]
    assert gis.check_network(network, rules=rules_for()).empty


def test_text_takes_further_columns_and_coordinates() -> None:
    network = network_from_text(
        "bus A 20 1 2\nbus B 20\nline L A B 5 parallel=2 in_service=no type_id=X # why"
    )
    assert network.lines.loc["L", ["parallel", "in_service", "type_id"]].tolist() == [2, False, "X"]
    assert network.buses.geometry["A"].coords[0] == (1.0, 2.0)


def test_text_names_every_line_that_cannot_be_read() -> None:
    with pytest.raises(gis.InputError) as caught:
        network_from_text("buss A 20\nbus A 20\nline L A B")
    assert caught.value.findings["element_id"].tolist() == ["line 1", "line 3"]


@pytest.mark.parametrize("lines", [3, 4, 41, 42, 83, 500])
def test_synthetic_network_has_the_lines_asked_for_and_no_finding(lines: int) -> None:
    network = synthetic_network(lines)
    assert len(network.lines) == lines
    assert gis.check_network(network, rules=rules_for()).empty
    assert (network.lines["length_m"] >= network.lines.geometry.length * 0.999).all()


def test_synthetic_network_is_the_same_for_the_same_seed_only() -> None:
    assert synthetic_network(60, seed=3).equals(synthetic_network(60, seed=3))
    assert not synthetic_network(60, seed=3).equals(synthetic_network(60, seed=4))


def test_synthetic_network_supplies_everyone() -> None:
    result = run_load_flow(build_model(synthetic_network(4_000)))
    assert result.converged and result.unserved_kw == 0.0
    assert result.buses["vm_pu"].between(0.95, 1.03).all()


def test_synthetic_network_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        synthetic_network(2)
