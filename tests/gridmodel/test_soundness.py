"""Levels 5 and 6: what does not solve, and what solves and is no grid, is told by rule and id."""

from __future__ import annotations

import pandas as pd
import pytest

from capacity.data_quality import ALL_RULES
from gis import Network
from gridmodel import GridModel, build_model, findings_of_solution
from gridmodel.causes import CAUSES
from gridmodel.soundness import DOUBTS_OF_RESULTS
from tests.networks import station

LINE = '"NAYY 4x150 SE"'
ISLAND = ("bus X 0.4", "load Y X 30 residential 4")


def found(network: Network) -> pd.DataFrame:
    return findings_of_solution(build_model(network))


def test_a_sound_network_has_no_findings(demo_model: GridModel) -> None:
    assert found(station()).empty
    assert findings_of_solution(demo_model).empty


@pytest.mark.parametrize(
    ("rule", "ids", "more"),
    [
        ("does_not_solve", ["E"], ("load Z E 3000",)),
        ("load_keeps_from_solving", ["Z"], ("load Z E 3000",)),
        ("shift_in_loop", ["T", "U"], ('transformer U B C "0.4 MVA 20/0.4 kV" shift_degree=330',)),
        ("zero_impedance", ["M"], (f"line M D E 1e-7 {LINE}",)),
        ("line_length_unit", ["M"], (f"line M D E 50000 {LINE}",)),
        ("line_length_unit", [""], tuple(f"line {name} D E 50000 {LINE}" for name in "MOPQ")),
        ("demand_above_ratings", [""], ("load X D 900", "load Y E 900")),
        ("transformer_ratio", ["U"], ('transformer U B C "0.4 MVA 20/0.4 kV" tap_pos=20 tap_max=20',)),
        ("island_without_source", ["Y"], ISLAND),
        ("voltage_implausible", ["E"], ("load Z E 480",)),
        ("losses_implausible", [""], ("load Z E 480",)),
        ("loading_implausible", ["M"], ("bus X 0.4", f"line M E X 9 {LINE} i_max_a=2", "load Y X 20")),
        ("slack_circulation", ["S", "R"], ("source R B 1.03",)),
    ],
)
def test_each_rule_names_what_is_wrong(rule: str, ids: list[str], more: tuple[str, ...]) -> None:
    rows = found(station(*more))
    named = rows[rows["rule"] == rule]
    assert named["element_id"].tolist() == ids, rows
    assert set(named["severity"]) == {"warning"}
    assert rule in {known.name for known in ALL_RULES}


def test_an_island_says_who_is_unserved_and_what_it_could_be_fed_through() -> None:
    rows = found(station(*ISLAND, f"line M E X 20 {LINE} in_service=no")).set_index("rule")["message"]
    assert "30.0 kW and 4 customers" in rows["island_without_source"]
    assert "through M" in rows["island_without_source"]
    assert "30.0 kW of 4 customers are unserved" in rows["unserved"]


def test_generation_fed_back_is_no_circulation() -> None:
    grid = station("source R B 1.01", "generator Q B 900 pv", "scenario sunny generation_factor=1")
    assert "slack_circulation" not in set(findings_of_solution(build_model(grid), "sunny")["rule"])


def test_every_cause_and_doubt_is_registered_once() -> None:
    names = [rule.__name__ for rule in (*CAUSES, *DOUBTS_OF_RESULTS)]
    assert len(set(names)) == len(names) == 11
