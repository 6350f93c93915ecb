"""The demand of scenario years: growth, uptake, what stands already, and the demo area of the issue."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandapower
import pandas as pd
import pytest

from capacity.demand.coincidence import AsGiven
from capacity.demand.demand_scenario import DemandScenario, read_demand_scenario
from capacity.demand.scenario_demand import Outlook, demand_in_year, demands_of_draws, outlook_of
from capacity.demand.year_demand import YearDemand, demand_today
from gis import InputError, Network
from gis.feeders import trace_supply
from gridmodel import KEEP_ALL, build_model, run_load_flow
from gridmodel.demand_model import solve_demand
from gridmodel.scenario import Scenario
from tests.capacity.demand.scenario_text import AT_ONCE, EV, PV, scenario_of
from tests.capacity.grids import demo
from tests.networks import station

PROOF = Path(__file__).parent / "demand_scenarios"


def _demand(network: Network, *arguments: object, **more: int) -> YearDemand:
    return demand_in_year(network, trace_supply(network), *arguments, **more)  # type: ignore[arg-type]


def _kw(demand: YearDemand) -> dict[str, float]:
    return dict(zip(demand.demand.groups, demand.demand.kva.real.sum(axis=0), strict=True))


def test_growth_compounds_from_the_base_year(tmp_path: Path) -> None:
    grows = scenario_of(tmp_path, "[classes.residential]\ngrowth_percent = 2.0\nfactor = 1.5\nsource = 'x'")
    kw = _kw(_demand(station(), grows, 2035))
    assert kw == pytest.approx({"residential": 30.0 * 1.5 * 1.02**10, "commercial": 20.0})


def test_a_scenario_that_adds_nothing_is_the_network_of_today() -> None:
    network, supply = demo(), trace_supply(demo())
    today = demand_in_year(network, supply, read_demand_scenario("today"), 2025)
    own = demand_today(network, supply)
    assert np.array_equal(today.demand.kva, own.demand.kva)
    assert np.array_equal(today.demand.feed_kw, own.demand.feed_kw)
    pd.testing.assert_frame_equal(today.customers, own.customers, check_dtype=False)


def test_a_class_left_out_draws_nothing_and_is_told(tmp_path: Path) -> None:
    demand = _demand(
        station(), scenario_of(tmp_path, "[classes.commercial]\nfactor = 0.0\nsource = 'x'"), 2030
    )
    assert _kw(demand) == {"residential": 30.0, "commercial": 0.0}
    told = demand.customers.set_index("load_id").loc["J"]
    assert (told["status"], told["reason"]) == ("left_out", "classes.commercial.factor is 0")


def test_units_by_hand_when_everybody_has_one(tmp_path: Path) -> None:
    """H stands for 6 homes: 6 cars of 11 kW."""
    demand = _demand(
        station(), scenario_of(tmp_path, EV + AT_ONCE + "tan_phi = 0.1\nunit_kwh = 20_000.0\n"), 2035
    )
    row = demand.customers[demand.customers["group"] == "ev"].iloc[0]
    assert (row["load_id"], row["bus_id"], row["customers"], row["annual_kwh"]) == ("H", "D", 6.0, 20_000.0)
    drawn = demand.demand.kva[:, demand.demand.groups.index("ev")]
    at = station().buses.index.get_loc("D")
    assert drawn[at] == pytest.approx(66.0 + 6.6j)
    assert np.abs(np.delete(drawn, at)).max() < 1e-9


def test_a_unit_may_be_a_share_of_what_its_customer_draws(tmp_path: Path) -> None:
    boiler = (
        EV.replace("[uptake.ev]", "[uptake.boiler]").replace('"ev"', '"electric_boiler"')
        .replace('"residential"', '"commercial"').replace("unit_kw = 11.0", "unit_share_of_peak = 0.25")
    )  # fmt: skip
    assert _kw(_demand(station(), scenario_of(tmp_path, boiler), 2035))["boiler"] == pytest.approx(5.0)


def test_self_generation_adds_to_its_kind(tmp_path: Path) -> None:
    everybody = PV.replace("0.5", "1.0")
    demand = _demand(station(), scenario_of(tmp_path, everybody), 2030)
    at = station().buses.index.get_indexer(["D", "E"])
    assert demand.demand.kinds == ("pv",)
    assert demand.demand.feed_kw[at, 0].tolist() == [6 * 8.0, 12.0]
    assert demand.generation["units"].tolist() == [1.0, 6.0]


def test_a_customer_may_have_several_units(tmp_path: Path) -> None:
    """6 homes with 2 cars each; and 6 homes with a roof of 2 modules of 8 kW, and the generator of 12 kW."""
    two = "units_per_customer = 2\n"
    demand = _demand(
        station(), scenario_of(tmp_path, EV + AT_ONCE + two, PV.replace("0.5", "1.0") + two), 2035
    )
    assert demand.customers.set_index("group").loc["ev", "customers"] == 12.0
    assert demand.demand.kva.real.sum(axis=0)[-1] == pytest.approx(132.0)
    assert demand.demand.feed_kw.sum() == pytest.approx(12.0 + 96.0)


def test_a_shared_lot_puts_batteries_under_roofs(tmp_path: Path) -> None:
    battery = EV.replace("[uptake.ev]", "[uptake.battery]").replace('"ev"', '"battery"')
    quarter = battery.replace("{ 2025 = 0.0, 2030 = 0.5, 2035 = 1.0 }", "{ 2025 = 0.25 }")
    own = _outlook_of_demo(scenario_of(tmp_path, PV, quarter)).demand(2030)
    shared = _outlook_of_demo(scenario_of(tmp_path, PV, quarter + "lot = 'roofs'\n")).demand(2030)
    assert not _having(own, "battery") <= _with_roof(own)
    assert _having(shared, "battery") < _with_roof(shared)


def _outlook_of_demo(scenario: DemandScenario) -> Outlook:
    return outlook_of(demo(), trace_supply(demo()), scenario)


def _having(demand: YearDemand, group: str) -> set[str]:
    return set(demand.customers.loc[demand.customers["group"] == group, "load_id"])


def _with_roof(demand: YearDemand) -> set[str]:
    units = demand.generation["unit_id"].astype(str)
    return {unit.removesuffix("|roofs") for unit in units if unit.endswith("|roofs")}


def test_a_home_with_a_heat_pump_gets_no_second_one(tmp_path: Path) -> None:
    """Of 6 homes at D, 2 have a heat pump: 4 are left, and a third of all adds none."""
    network = station("load P D 4 heat_pump 2")
    pumps = EV.replace("[uptake.ev]", "[uptake.pump]").replace('"ev"', '"heat_pump"')
    all_homes = _demand(network, scenario_of(tmp_path, pumps), 2035)
    assert all_homes.customers.set_index("group").loc["pump", "customers"] == 4.0
    third = _demand(network, scenario_of(tmp_path, pumps.replace("1.0 }", "0.33 }")), 2035)
    assert "pump" not in set(third.customers["group"])
    assert "pump" in third.demand.groups
    without = "[classes.heat_pump]\nfactor = 0.0\nsource = 'a test'"
    anew = _demand(network, scenario_of(tmp_path, pumps, without), 2035)
    assert anew.customers.set_index("group").loc["pump", "customers"] == 6.0


def test_uptake_named_like_a_class_joins_its_group(tmp_path: Path) -> None:
    network = station("load P D 4 heat_pump 2")
    pumps = EV.replace("[uptake.ev]", "[uptake.heat_pump]").replace('"ev"', '"heat_pump"') + AT_ONCE
    kw = _kw(_demand(network, scenario_of(tmp_path, pumps), 2035))
    assert kw["heat_pump"] == pytest.approx(4.0 + 4 * 11.0)


def test_who_has_it_keeps_it_over_years_and_shares(tmp_path: Path) -> None:
    network = demo()
    outlook = outlook_of(network, trace_supply(network), scenario_of(tmp_path, EV))
    had: set[str] = set()
    for year, share in ((2025, 0.0), (2028, None), (2030, 0.5), (2033, None), (2035, 1.0)):
        customers = outlook.demand(year, 2).customers
        has = set(customers.loc[customers["group"] == "ev", "load_id"])
        assert had <= has
        if share is not None:
            assert abs(len(has) - 1506 * share) <= 4.0 * math.sqrt(1506 * share * (1 - share))
        had = has


def test_the_same_seed_gives_the_same_bytes_and_every_draw_another_lot(tmp_path: Path) -> None:
    network, supply = demo(), trace_supply(demo())
    scenario = scenario_of(tmp_path, EV, PV)
    once, again = (list(demands_of_draws(network, supply, scenario, 2030)) for _ in range(2))
    assert [demand.draw for demand in once] == [0, 1, 2]
    for one, other in zip(once, again, strict=True):
        assert one.demand.kva.tobytes() == other.demand.kva.tobytes()
        assert one.demand.feed_kw.tobytes() == other.demand.feed_kw.tobytes()
        pd.testing.assert_frame_equal(one.customers, other.customers)
    assert once[0].demand.kva.tobytes() != once[1].demand.kva.tobytes()
    alone = demand_in_year(network, supply, scenario, 2030, draw=1)
    assert alone.demand.kva.tobytes() == once[1].demand.kva.tobytes()


def test_groups_and_kinds_are_the_same_in_all_years_and_draws(tmp_path: Path) -> None:
    outlook = outlook_of(station(), trace_supply(station()), scenario_of(tmp_path, EV, PV))
    columns = {outlook.demand(year, draw).demand.columns for year in (2025, 2030) for draw in (0, 1)}
    assert columns == {("residential", "commercial", "ev", "pv")}


def test_a_year_before_the_base_year_has_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2024 lies before"):
        _demand(station(), scenario_of(tmp_path), 2024)


def test_the_size_and_coincidence_of_a_class_are_the_scenarios(tmp_path: Path) -> None:
    """6 homes of 2 kW after diversity, g_inf 0.2: 10 kW alone, 60 x (0.2 + 0.8 / sqrt(6)) together."""
    homes = """
        [classes.residential]
        size = { basis = "admd", admd_kw = 2.0, source = "a test" }
        coincidence = { method = "rusck", g_inf = 0.2, source = "a test" }
        source = "a test"
    """
    demand = _demand(station(), scenario_of(tmp_path, homes), 2025)
    assert _kw(demand)["residential"] == pytest.approx(60.0 * (0.2 + 0.8 / 6.0**0.5))


def test_generation_and_groups_of_one_name_follow_their_own_profiles(tmp_path: Path) -> None:
    """Class "other" and a generator of kind "other"; a home's battery and one at the grid."""
    network = station("load O D 3 other", "generator N E 5 other", "generator B E 7 battery")
    battery = EV.replace("[uptake.ev]", "[uptake.battery]").replace('"ev"', '"battery"')
    demand = _demand(network, scenario_of(tmp_path, battery), 2035)
    assert demand.demand.groups == ("residential", "commercial", "other", "battery")
    assert demand.demand.kinds == ("pv", "other_feed", "battery_feed")
    assert demand.factors.columns.is_unique
    assert demand.factors["battery"].to_numpy() == pytest.approx(-demand.factors["battery_feed"].to_numpy())
    assert demand.demand.feed_kw.sum(axis=0).tolist() == [12.0, 5.0, 7.0]


def test_a_group_without_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'ev'.*no such profile; there are: residential"):
        _demand(station(), scenario_of(tmp_path, EV + "profile = 'noon'\n"), 2030)


def test_a_tariff_moves_cars_into_the_valley_and_raises_their_peak(tmp_path: Path) -> None:
    network = demo()
    with_price, without = (
        outlook_of(network, trace_supply(network), scenario_of(tmp_path, EV, *block)).demand(2035)
        for block in (["[tariff]\nsource = 'a test'"], [])
    )
    assert with_price.demand.columns == without.demand.columns
    column = with_price.demand.groups.index("ev")
    before_kw, after_kw = (
        (one.factors["ev"] * one.demand.kva[:, column].real.sum()).to_numpy() for one in (without, with_price)
    )
    assert after_kw.sum() == pytest.approx(before_kw.sum(), rel=1e-9), "cars charge the same energy"
    assert after_kw.max() > 2.0 * before_kw.max()
    assert with_price.factors["ev"].max() == pytest.approx(1.0)
    at_one_home = with_price.methods["ev"].peak_kw(
        with_price.methods["ev"].weights(with_price.customers.query("group == 'ev'").iloc[:1])
    )
    assert at_one_home == pytest.approx(11.0), "a charger gives no more than it has"


@pytest.mark.parametrize(
    ("name", "transformers_over", "buses_below"), [("base", 0, 0), ("heat_pumps", 1, 0), ("ev_1500w", 8, 569)]
)
def test_the_demo_area_undiversified_is_what_the_issue_counts(
    name: str, transformers_over: int, buses_below: int
) -> None:
    """8 and 569 are heat pumps and 1.5 kW of charging (cos phi 1) in each of the 1,506 homes together."""
    network = demo()
    demand = _demand(network, read_demand_scenario(PROOF / f"{name}.toml"), 2025)
    assert all(isinstance(method, AsGiven) for method in demand.methods.values())
    peak = demand.factors.iloc[:1] * 0.0
    peak[list(demand.demand.groups)] = 1.0
    solved = solve_demand(demand.model_on(network), demand.demand, peak, keep=KEEP_ALL)
    low = (network.buses["vn_kv"] < 1.0).to_numpy()
    loading, vm_pu = solved.transformer_loading_percent.iloc[0], solved.vm_pu.iloc[0].to_numpy()
    assert ((loading > 100.0).sum(), (vm_pu[low] < 0.9).sum()) == (transformers_over, buses_below)

    net = build_model(demand.network_on(network)).net
    net.sgen["in_service"] = False
    pandapower.runpp(net, init="auto", tolerance_mva=1e-8)
    assert (net.res_trafo["loading_percent"] > 100.0).sum() == transformers_over
    assert (net.res_bus["vm_pu"].to_numpy()[low] < 0.9).sum() == buses_below


def test_the_network_of_a_year_is_any_network(tmp_path: Path) -> None:
    demand = _demand(station(), scenario_of(tmp_path, EV + AT_ONCE, PV), 2035)
    result = run_load_flow(build_model(demand.network_on(station())), Scenario())
    assert result.demand_kw == pytest.approx(30.0 + 20.0 + 66.0)
