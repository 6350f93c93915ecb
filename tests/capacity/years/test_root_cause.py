"""The chain of every customer by hand, on drawn networks; its weakest link by loading and by voltage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.years.root_cause import CHAIN_COLUMNS, LINKS, chains_of_year, sum_upstream, with_first_years
from gis import Network
from gis.examples import network_from_text
from gridmodel import build_model, run_load_flow
from tests.capacity.grids import STATION_BUSES, STATION_LINES, demo, grid, yardstick_of
from tests.capacity.years.years_by_hand import findings_of, town, year_of

#    S ==T0== B ---K--- M ==T1== C ---L1--- D ---L2--- E      H1 at the end of service line Z1
#       110/20           20/0.4             |          |      H2 at the end of Z2, H3 on the cable at D
#                                          Z1         Z2      P, industry, at medium voltage
STREET = """
    bus S 110
    bus B 20
    bus M 20
    bus C 0.4
    bus D 0.4
    bus E 0.4
    bus F 0.4
    bus G 0.4
    source grid S 1.0
    transformer T0 S B "25 MVA 110/20 kV"
    line K B M 2000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    transformer T1 M C "0.25 MVA 20/0.4 kV"
    line L1 C D 150 "NAYY 4x150 SE"
    line L2 D E 100 "NAYY 4x150 SE"
    line Z1 D F 20 "NAYY 4x50 SE"
    line Z2 E G 20 "NAYY 4x50 SE"
    load H1 F 20 residential 2 cos_phi=0.95
    load H2 G 30 residential 3 cos_phi=0.95
    load H3 D 10 residential 1 cos_phi=0.95
    load P B 500 industrial 1 cos_phi=0.95
"""
PEAK = {"residential": [1.0, 0.5], "industrial": [1.0, 1.0]}


def _chains(network: Network, factors: dict[str, list[float]], profile: str = "en50160") -> pd.DataFrame:
    demand = year_of(network, factors)
    yardstick, findings = findings_of(network, demand, profile)
    table = chains_of_year(demand.model_on(network), yardstick, demand, findings)
    return table.set_index("load_id")


def test_links_follow_from_who_feeds_whom() -> None:
    chains = _chains(network_from_text(STREET), PEAK)
    ids = chains[[f"{link}_id" for link in LINKS]]
    none = [None] * 5
    assert ids.loc["H1"].tolist() == ["Z1", "L1", "T1", "K", "T0"]
    assert ids.loc["H2"].tolist()[0] in ("Z2", "L2")
    assert ids.loc["H2"].tolist()[1:] == ["L1", "T1", "K", "T0"]
    assert ids.loc["H3"].tolist() == [None, "L1", "T1", "K", "T0"]
    assert ids.loc["P"].tolist() == [*none[:4], "T0"]
    assert chains.loc["H3", "reason"] == "no service line: connected where others are fed too"
    assert "no transformer: connected above low voltage" in chains.loc["P", "reason"]
    assert chains.loc["H1", "reason"] == ""


def test_what_only_one_connection_point_uses_is_its_service_line_whatever_its_name() -> None:
    """Behind E only H2 draws: L2 and Z2 are its alone; the thin Z2 uses more of its rating."""
    chains = _chains(network_from_text(STREET), PEAK)
    assert chains.loc["H2", "service_line_id"] == "Z2"
    more = network_from_text(STREET + "load H4 E 5 residential 1 cos_phi=0.95")
    chains = _chains(more, PEAK)
    assert chains.loc["H4", ["service_line_id", "lv_cable_id"]].tolist() == [None, "L1"]
    assert chains.loc["H2", "service_line_id"] == "Z2"


def test_use_of_each_link_is_the_loading_of_a_load_flow() -> None:
    network = network_from_text(STREET)
    chains, solved = _chains(network, PEAK), run_load_flow(build_model(network))
    for link, table in zip(LINKS, ("lines", "lines", "transformers", "lines", "transformers"), strict=True):
        element = chains.loc["H1", f"{link}_id"]
        loading = getattr(solved, table).loc[element, "loading_percent"]
        assert chains.loc["H1", f"{link}_used_percent"] == pytest.approx(loading, abs=1e-4)


def test_voltage_change_of_each_link_is_the_difference_at_its_ends() -> None:
    network = network_from_text(STREET)
    chains, vm_pu = _chains(network, PEAK), run_load_flow(build_model(network)).buses["vm_pu"]
    ends = [("D", "F"), ("C", "D"), ("M", "C"), ("B", "M"), ("S", "B")]
    for link, (above, below) in zip(LINKS, ends, strict=True):
        by_hand = 100.0 * (vm_pu[above] - vm_pu[below])
        assert chains.loc["H1", f"{link}_change_percent"] == pytest.approx(by_hand, abs=1e-5)
    assert chains.loc["H1", "voltage_used_percent"] == pytest.approx(
        100.0 * (1.0 - vm_pu["F"]) / 0.1, abs=1e-3
    )


def test_the_weakest_link_is_the_transformer_when_it_carries_too_much() -> None:
    network = network_from_text(STREET.replace("load H3 D 10", "load H3 C 260"))
    chains = _chains(network, PEAK)
    for load in ("H1", "H2", "H3"):
        row = chains.loc[load]
        assert (row["status"], row["weakest_link"], row["weakest_id"]) == (
            "limit_broken",
            "transformer",
            "T1",
        )
        assert (row["weakest_table"], row["weakest_check"]) == ("transformers", "transformer_overload")
        assert row["weakest_used_percent"] == row["transformer_used_percent"] > 100.0
        assert row["sentence"].startswith("transformer T1 uses 1")
    assert chains.loc["P", "status"] == "ok"


def test_the_weakest_link_of_a_voltage_is_what_takes_most_of_it() -> None:
    """L2 is 900 m: A2 is under its band and L2 takes most; A1 is not concerned."""
    lines = [line if line[0] != "L2" else ("L2", "A1", "A2", 900.0) for line in STATION_LINES]
    network = grid(
        STATION_BUSES, lines, transformers=[("T1", "M2", "B1")],
        loads=[("a", "A1", 20.0, 5), ("b", "A2", 70.0, 6)],
    )  # fmt: skip
    chains = _chains(network, {"residential": [0.2, 1.0]})
    row = chains.loc["b"]
    assert (row["weakest_check"], row["weakest_id"], row["status"]) == ("undervoltage", "L2", "limit_broken")
    assert row["vm_min_pu"] < 0.9 and row["weakest_used_percent"] > 100.0
    assert chains.loc["a", "status"] == "ok"
    assert "L2 takes" in row["sentence"]


def test_feed_in_that_raises_the_voltage_is_overvoltage() -> None:
    network = town(source_pu=1.07, generators=[("pv", "A2", 150.0)])
    chains = _chains(network, {"residential": [1.0, 0.05], "pv": [0.0, 1.0]})
    row = chains.loc["home-A2"]
    assert (row["weakest_check"], row["status"]) == ("overvoltage", "limit_broken")
    assert row["weakest_id"] in ("L1", "L2") and row["vm_max_pu"] > 1.1


def test_bands_against_the_busbar_are_counted_from_the_busbar() -> None:
    network = town(a2_kw=60.0)
    chains = _chains(network, {"residential": [1.0]}, "dena")
    solved = run_load_flow(build_model(network)).buses["vm_pu"]
    yardstick = yardstick_of(network, "dena")
    band = -yardstick.bands.loc["A2", "min_pu"] if yardstick.bands.loc["A2", "from_busbar"] else np.nan
    expected = 100.0 * (solved["B1"] - solved["A2"]) / band
    assert chains.loc["home-A2", "voltage_used_percent"] == pytest.approx(expected, abs=1e-3)


def test_everybody_is_a_row_with_or_without_supply() -> None:
    network = town(switches=[("X", False, "B1", "lines", "L1")])
    network = replace(
        network, loads=network.loads.assign(in_service=[index != "home-C1" for index in network.loads.index])
    )
    chains = _chains(network, {"residential": [1.0]})
    assert chains["status"].to_dict() == {
        "home-A1": "no_supply", "home-A2": "no_supply", "home-C1": "out_of_service",
    }  # fmt: skip
    assert (chains["reason"] != "").all() and (chains["sentence"] != "").all()
    assert tuple(chains.reset_index()[list(CHAIN_COLUMNS)].columns) == CHAIN_COLUMNS


def test_a_year_with_an_hour_without_solution_calls_nobody_ok() -> None:
    chains = _chains(town(), {"residential": [0.5, 400.0]})
    assert set(chains["status"]) == {"no_solution"}


def test_first_year_is_that_of_the_scenario() -> None:
    network = town(a2_kw=140.0)
    parts = []
    for scenario_id, year, factor in (("slow", 2030, 1.0), ("slow", 2035, 1.22), ("fast", 2030, 1.22)):
        demand = year_of(network, {"residential": [factor]}, year=year, scenario_id=scenario_id)
        yardstick, findings = findings_of(network, demand)
        parts.append(chains_of_year(demand.model_on(network), yardstick, demand, findings))
    joined = with_first_years(parts).set_index(["scenario", "year", "load_id"])["first_year"]
    assert joined[("slow", 2030, "home-A2")] == joined[("slow", 2035, "home-A2")] == 2035
    assert joined[("fast", 2030, "home-A2")] == 2030
    assert joined.isna().tolist().count(True) == 3  # home-C1, on its own cable, never is too weak
    assert with_first_years([]).empty


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 40), seed=st.integers(0, 1000))
def test_sums_to_the_source_are_those_of_walking_there(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = np.array([-1, *(int(rng.integers(-1, i)) for i in range(1, count))])[:count]
    values = rng.normal(size=(2, count))
    by_walk = np.zeros((2, count))
    for bus in range(count):
        at = bus
        while at >= 0:
            by_walk[:, bus] += values[:, at]
            at = parents[at]
    assert sum_upstream(values, parents) == pytest.approx(by_walk, abs=1e-12)


def test_every_load_of_the_demo_area_has_a_chain_and_heat_pumps_meet_one_transformer() -> None:
    network = demo()
    flat = {name: [1.0] for name in ("mixed", "industrial", "residential", "heat_pump")}
    chains = _chains(network, {**flat, "pv": [0.0]})
    assert list(chains.index) == list(network.loads.index)
    weak = chains[chains["status"] == "limit_broken"]
    assert set(weak["weakest_id"]) == {"T_idx_35"}
    behind = yardstick_of(network).supply.path_to_source
    for load in weak.index[:5]:
        assert "T_idx_35" in behind(chains.loc[load, "bus_id"])["element_id"].tolist()
