"""Every rule has a network that triggers it; the station triggers none."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import pytest
import shapely

import gis
from gis.examples import network_from_text, synthetic_network
from gis.rules import parse_class_factors
from gridmodel import build_model, rules_for
from tests.networks import station

#    rule: further line of text -> the finding it must give
TRIGGERS = {
    "references_exist": ("load Q nowhere 5", "unknown_reference", "Q"),
    "switches_stand_at_their_element": ("switch V open E lines L", "switch_not_at_end", "V"),
    "has_a_source": ("", "no_source", ""),
    "line_ends_fit": ("line M B E 5 X", "line_voltage", "M"),
    "lines_have_length": ("line M D E 5 X", "line_without_length", "M"),
    "transformer_sides_fit": ("transformer U C B X", "transformer_swapped", "U"),
    "transformer_figures_fit": ("transformer U B C X vk_percent=4 vkr_percent=5", "transformer_vkr", "U"),
    "couplers_join_one_voltage": ("switch V closed B buses C", "coupler_voltage", "V"),
    "capacitors_fit_their_bus": ("capacitor Q E 100 vn_kv=20", "capacitor_level", "Q"),
    "buses_are_named": ("load Q E 5", "missing_bus", "Q"),
    "class_factors_readable": ("scenario x class_factors=ev:1", "unreadable_cell", "x"),
    "geometry_usable": ("load Q E 5", "geometry_missing", "Q"),
    "types_known": ("line M D E 5 NAYY", "unknown_type", "M"),
    "types_fit": ('line M A B 5 "NAYY 4x150 SE"', "type_voltage", "M"),
}


def faulty(rule: str) -> gis.Network:
    """The station with the fault of one rule."""
    network = station(TRIGGERS[rule][0], without=("source",) if rule == "has_a_source" else ())
    if rule == "buses_are_named":
        return dataclasses.replace(network, loads=network.loads.assign(bus_id=None))
    if rule == "geometry_usable":
        places = network.loads.geometry.where(network.loads.index != "Q", None)
        return dataclasses.replace(
            network, loads=network.loads.set_geometry(gpd.GeoSeries(places, crs=network.crs))
        )
    if rule == "lines_have_length":
        places = network.lines.geometry.where(
            network.lines.index != "M", shapely.LineString([(0, 0), (0, 0)])
        )
        lines = network.lines.set_geometry(places).assign(length_m=None)
        return dataclasses.replace(network, lines=lines.astype({"length_m": float}))
    return network


@pytest.mark.parametrize("rule", rules_for(), ids=lambda rule: rule.__name__)
def test_every_rule_is_triggered_by_its_fault_and_not_by_the_station(rule: gis.rules.Rule) -> None:
    assert rule(station().tables()).empty
    found = rule(faulty(rule.__name__).tables())
    _, name, element_id = TRIGGERS[rule.__name__]
    assert (name, element_id) in set(zip(found["rule"], found["element_id"], strict=True))
    assert tuple(found.columns) == gis.FINDING_COLUMNS


@pytest.mark.parametrize("rule", rules_for(), ids=lambda rule: rule.__name__)
def test_every_rule_holds_on_a_network_without_rows(rule: gis.rules.Rule) -> None:
    found = rule(network_from_text("bus A 20").tables())
    assert set(found["rule"]) <= {"no_source"}


@pytest.mark.parametrize("rule", [rule.__name__ for rule in rules_for()])
def test_no_model_is_built_of_a_faulty_network(rule: str) -> None:
    with pytest.raises(gis.InputError, match=TRIGGERS[rule][1]):
        build_model(faulty(rule))


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ("transformer U B B X", "transformer_self_loop"),
        ("transformer U B C X vn_hv_kv=10", "transformer_voltage"),
        ("transformer U B C X tap_pos=3 tap_max=2 tap_min=-2", "transformer_tap"),
        ("transformer U B C '0.4 MVA 10/0.4 kV'", "type_voltage"),
        ("line M D D 5 X", "line_self_loop"),
        ("switch V open E lines M", "unknown_reference"),
        ("switch V open E buses M", "unknown_reference"),
        ("switch V open E transformers T", "switch_not_at_end"),
    ],
)
def test_further_faults_of_the_rules(more: str, rule: str) -> None:
    assert rule in set(gis.check_network(station(more), rules=rules_for())["rule"])


def test_a_file_s_own_figures_win_over_an_unknown_type() -> None:
    own = "line M D E 5 mine r_ohm_per_km=0.2 x_ohm_per_km=0.08 i_max_a=200"
    assert gis.check_network(station(own), rules=rules_for()).empty


def test_a_large_network_passes() -> None:
    assert gis.check_network(synthetic_network(2_000), rules=rules_for()).empty


@pytest.mark.parametrize("text", ["ev", "ev=", "ev=-1", "ev=nan", "ev=inf", "car=1", "ev=1=2"])
def test_unreadable_class_factors_raise(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"unknown class|not enough|too many|could not convert|sequence element"
    ):
        parse_class_factors(text)


@pytest.mark.parametrize("text", [None, "", "  ", float("nan")])
def test_no_class_factors_are_none(text: object) -> None:
    assert parse_class_factors(text) == {}
