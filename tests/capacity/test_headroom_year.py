"""Headroom over a year: blocks, firm kW, and who is named; against plain pandapower hour by hour."""

from __future__ import annotations

import copy
import math

import numpy as np
import pandapower
import pandas as pd
import pytest

from capacity.headroom import Direction, Question, find_headroom
from capacity.headroom_year import (
    BLOCK_COLUMNS,
    YEAR_COLUMNS,
    YearHeadroom,
    blocks_of,
    headroom_year,
    off_peak,
)
from capacity.impact import Impact, study_impact
from capacity.limits import read_limits
from gis import Network
from gridmodel import build_model, find_scenario
from gridmodel.loadflow import apply_scenario
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import standard_profiles
from tests.capacity.grids import grid, station, with_column

YEAR = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz="UTC", inclusive="left", name="time")
COS_PHI = 0.95


def _profiles(factors: dict[str, object], time: pd.DatetimeIndex = YEAR) -> ProfileSet:
    columns = pd.DataFrame(factors, index=time)
    kinds = {name: name for name in columns if name == "pv"}
    return ProfileSet(columns, {name: name for name in columns if name not in kinds}, kinds)


def _impact(network: Network) -> Impact:
    return study_impact(build_model(network), find_scenario(network), read_limits("en50160"))


def _year(network: Network, profiles: ProfileSet, direction: Direction = "load") -> YearHeadroom:
    return headroom_year(_impact(network), profiles, Question(direction))


def test_a_year_has_144_blocks_and_every_hour_lies_in_one() -> None:
    blocks = blocks_of(standard_profiles("load"))
    assert len(blocks.table) == 3 * 2 * 24 and blocks.table["hours"].sum() == 8760
    assert np.array_equal(np.bincount(blocks.number), blocks.table["hours"])
    assert off_peak(blocks).sum() == 3 * 2 * 8


@pytest.mark.parametrize(
    ("stamp", "block"),
    [
        ("2025-03-20T22:00Z", ("winter", "workday", 23)),
        ("2025-03-20T23:00Z", ("transition", "workday", 0)),
        ("2025-05-14T22:00Z", ("summer", "workday", 0)),
        ("2025-09-14T21:00Z", ("summer", "weekend", 23)),
        ("2025-11-01T00:00Z", ("winter", "weekend", 1)),
        ("2025-12-31T23:00Z", ("winter", "workday", 0)),
    ],
)
def test_blocks_begin_and_end_at_local_midnight(stamp: str, block: tuple[str, str, int]) -> None:
    profiles = standard_profiles("load")
    blocks = blocks_of(profiles)
    row = blocks.table.loc[blocks.number[profiles.time.get_loc(pd.Timestamp(stamp))]]
    assert tuple(row[["season", "day", "hour_of_day"]]) == block


def test_two_hours_by_hand() -> None:
    """S1 o==T1==o B1 with 100 kW: what T1 carries less 100 kW in the full hour, less 50 kW in all others.

    Load and addition have one power factor at one bus, so T1's rated current leaves their sum T whatever the
    load: T = 250 kVA x 1.05 pu at the high side, less its drop, as in `test_headroom`.
    """
    network = grid(
        [("M1", 20.0, 0.0, 0.0), ("B1", 0.4, 10.0, 0.0)],
        transformers=[("T1", "M1", "B1")],
        sources=[("S1", "M1", 1.05)],
        loads=[("home", "B1", 100.0, 1)],
    )
    network = with_column(network, "loads", "cos_phi", {"home": COS_PHI})
    factors = np.full(8760, 0.5)
    full = 17 * 24 + 18
    factors[full] = 1.0
    found = _year(network, _profiles({"residential": factors}))
    row = found.firm.set_index("bus_id").loc["B1"]
    along, across = (
        0.0144 * COS_PHI + math.sqrt(0.06**2 - 0.0144**2) * math.sin(math.acos(COS_PHI)),
        math.sqrt(0.06**2 - 0.0144**2) * COS_PHI - 0.0144 * math.sin(math.acos(COS_PHI)),
    )
    carried_kw = 250.0 * (math.sqrt(1.05**2 - across**2) - along) * COS_PHI
    assert row["firm_kw"] == pytest.approx(carried_kw - 100.0, abs=2.0)
    assert row["firm_hour"] == YEAR[full]
    assert (row["binding_check"], row["binding_id"], row["status"]) == ("transformer_overload", "T1", "ok")
    kw = found.kw[:, list(found.firm["bus_id"]).index("B1")]
    named = found.blocks.number[full]
    assert kw[named] == row["firm_kw"]
    assert np.delete(kw, named) == pytest.approx(row["firm_kw"] + 50.0, abs=1.0)


def _largest_on_pandapower(net, bus: int, most_kw: int, *, generation: bool) -> int:  # type: ignore[no-untyped-def]
    """Bisection written without our code: EN 50160 and 100 % hold."""
    net = copy.deepcopy(net)
    if generation:
        pandapower.create_sgen(net, bus, p_mw=0.0)
        table, tangent = net.sgen, 0.0
    else:
        pandapower.create_load(net, bus, p_mw=0.0, q_mvar=0.0)
        table, tangent = net.load, math.sqrt(1 / COS_PHI**2 - 1)
    low, high = -1, most_kw
    while high - low > 1:
        middle = (low + high) // 2
        table.loc[table.index[-1], ["p_mw", "q_mvar"]] = middle / 1e3, middle / 1e3 * tangent
        try:
            pandapower.runpp(net, numba=False, calculate_voltage_angles=True)
            percent = np.concatenate([net.res_line["loading_percent"], net.res_trafo["loading_percent"]])
            holds = bool(net.res_bus["vm_pu"].between(0.9, 1.1).all() and (percent <= 100.0).all())
        except pandapower.LoadflowNotConverged:
            holds = False
        low, high = (middle, high) if holds else (low, middle)
    return low


@pytest.mark.parametrize("direction", ["load", "generation"])
def test_firm_is_the_least_of_plain_pandapower_over_the_hours(direction: Direction) -> None:
    network = station(a2_kw=80.0, generators=[("P1", "A2", 60.0)], source_pu=1.04)
    time = YEAR[3000:3006]
    rng = np.random.default_rng(2)
    profiles = _profiles({"residential": rng.uniform(0.1, 1.0, 6), "pv": rng.uniform(0.0, 1.0, 6)}, time)
    impact = _impact(network)
    found = headroom_year(impact, profiles, Question(direction), ["A2", "C1"])
    apply_scenario(impact.model, impact.scenario)
    plain = copy.deepcopy(impact.model.net)
    for column, bus_id in enumerate(["A2", "C1"]):
        hourly = []
        for factors in profiles.factors.to_dict("records"):
            net = copy.deepcopy(plain)
            net.load["scaling"] *= factors["residential"]
            net.sgen["scaling"] = factors["pv"]
            bus = list(network.buses.index).index(bus_id)
            hourly.append(_largest_on_pandapower(net, bus, 600, generation=direction == "generation"))
        assert found.firm["firm_kw"].iloc[column] == min(hourly)
        by_block = pd.Series(hourly).groupby(found.blocks.number).min()
        assert np.array_equal(found.kw[:, column], by_block)


def test_firm_is_the_least_of_the_blocks() -> None:
    found = _year(station(a2_kw=80.0), standard_profiles("load"))
    assert np.array_equal(found.firm["firm_kw"], found.kw.min(axis=0))
    assert (found.kw[:, 4] > found.kw[:, 4].min()).any()  # off-peak holds more somewhere


def test_firm_in_the_worst_hour_is_the_headroom_of_the_scenario() -> None:
    """All loads at their peak in one hour: that hour is the scenario itself."""
    network = station(a2_kw=80.0)
    factors = np.linspace(0.2, 1.0, 8760)
    found = _year(network, _profiles({"residential": factors}))
    alone = find_headroom(_impact(network))
    assert np.array_equal(found.firm["firm_kw"], alone["headroom_kw"])
    ok = alone["status"] == "ok"
    assert (found.firm["firm_hour"][ok] >= YEAR[-200]).all()  # within 2 % of the peak: the same whole kW
    assert list(found.firm["status"]) == list(alone["status"])


def test_tables_name_every_bus_even_a_dead_one() -> None:
    network = station(switches=[("X", False, "A1", "lines", "L2")])
    found = _year(network, standard_profiles("load"))
    assert tuple(found.firm.columns) == YEAR_COLUMNS and tuple(found.of_blocks().columns) == BLOCK_COLUMNS
    assert list(found.firm["bus_id"]) == list(network.buses.index)
    dead = found.firm.set_index("bus_id").loc["A2"]
    assert dead["status"] == "undetermined" and math.isnan(dead["firm_kw"]) and pd.isna(dead["firm_hour"])
    rows = found.of_blocks()
    assert len(rows) == 144 * len(network.buses)
    at = rows[rows["bus_id"] == "C1"].reset_index(drop=True)
    assert at["headroom_kw"].min() == found.firm.set_index("bus_id").loc["C1", "firm_kw"]


def test_an_hour_without_a_solution_is_named() -> None:
    factors = np.full(8760, 0.5)
    factors[100] = 300.0
    found = _year(station(), _profiles({"residential": factors}))
    assert list(found.unsolved) == [YEAR[100]]
    assert (found.firm["status"] == "undetermined").all() and found.firm["firm_kw"].isna().all()
    assert (found.status[np.arange(144) != found.blocks.number[100]] != "undetermined").any()


def test_sun_at_noon_costs_generation_and_not_load() -> None:
    network = station(generators=[("P1", "A2", 120.0)])
    found = _year(network, standard_profiles("generation"), direction="generation")
    blocks, kw = found.blocks.table, found.kw[:, 4]
    summer = blocks["season"] == "summer"
    noon, night = summer & (blocks["hour_of_day"] == 13), summer & (blocks["hour_of_day"] == 1)
    assert (kw[noon] < kw[night].min()).all()
    assert found.firm["firm_hour"].iloc[4].hour in range(8, 16)


def test_nothing_moves_in_network_or_profiles() -> None:
    network, profiles = station(), standard_profiles("load")
    before = profiles.factors.copy()
    _year(network, profiles)
    assert profiles.factors.equals(before)
