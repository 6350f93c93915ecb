"""Reading demand scenarios: shipped ones, and every fault of a bad one at once."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from capacity.demand.coincidence import default_methods
from capacity.demand.demand_scenario import (
    DemandScenario,
    FeedTechnology,
    LoadTechnology,
    read_demand_scenario,
    scenario_names,
)
from capacity.demand.tariff import read_tariff
from gis import InputError
from tests.capacity.demand.scenario_text import EV, HEAD, PV, scenario_of

VELANDER = (
    "coincidence = { method = 'velander', k1_kw_per_kwh = 0.0003, k2_kw_per_root_kwh = 0.03, source = 'x' }\n"
)


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_reads_and_is_named_like_its_file(name: str) -> None:
    scenario = read_demand_scenario(name)
    assert scenario.scenario_id == name
    blocks = [*scenario.uptake.values(), *scenario.classes.values(), scenario.profile]
    assert all(len(block.source) > 10 for block in blocks)


def test_the_valley_scenario_is_the_same_with_a_tariff() -> None:
    plain, valley = read_demand_scenario("electrification"), read_demand_scenario("electrification_valley")
    named = {"scenario_id": plain.scenario_id, "name": plain.name, "tariff": None}
    assert valley.tariff is not None
    assert valley.model_copy(update=named) == plain


def test_shipped_scenarios_know_every_technology() -> None:
    blocks = [block for name in scenario_names() for block in read_demand_scenario(name).uptake.values()]
    known = {*get_args(LoadTechnology), *get_args(FeedTechnology)} - {"wind", "hydro", "other"}
    assert {block.technology for block in blocks} == known
    assert {block.siting for block in blocks} == {"lot", "clustered"}


def test_all_faults_are_told_at_once_with_place_and_value(tmp_path: Path) -> None:
    bad = EV.replace("unit_kw = 11.0", "unit_kw = -11.0").replace('"residential"', '"household"')
    with pytest.raises(InputError) as refused:
        scenario_of(
            tmp_path, bad, PV.replace("0.5", "50.0"), head=HEAD.replace("[2025, 2030,", "[2030, 2025,")
        )
    faults = refused.value.findings.set_index("element_id")
    assert set(faults.index) == {
        "years", "uptake.ev.customers", "uptake.ev.unit_kw", "uptake.roofs.shares.2025",
    }  # fmt: skip
    assert faults.loc["uptake.ev.unit_kw", "value"] == -11.0
    assert faults.loc["uptake.roofs.shares.2025", "value"] == 50.0
    assert "there are: residential" in faults.loc["uptake.ev.customers", "message"]
    assert set(faults["rule"]) == {"bad_demand_scenario"}


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (EV.replace("shares = {", "# {"), "either as s_curve or as shares"),
        (EV + "unit_share_of_peak = 0.5\n", "either as unit_kw or as unit_share_of_peak"),
        (PV + "tan_phi = 0.1\n", "feeds in: leave out tan_phi"),
        (EV + "colour = 1\n", "Extra inputs"),
        (EV.replace('technology = "ev"', 'technology = "magic"'), "'ev', 'heat_pump'"),
        (EV.replace('source = "a test"', ""), "Field required"),
        (EV.replace("[uptake.ev]", "[uptake.heat_pump]"), "uptake.heat_pump is the name of another group"),
        (EV.replace("[uptake.ev]", "[uptake.site_cars]"), "uptake.site_cars is the name of another group"),
        (EV + "unit_kwh = 20_000.0\n", "more than its part of the peak draws in all hours"),
        (EV.replace('"ev"', '"battery"') + "unit_kwh = 1.0\n", "unit_kwh goes with unit_kw"),
        (EV + VELANDER, "goes by energy: give unit_kwh"),
        ("[classes.household]\nsource = 'x'", "no customer class household"),
        (
            EV + "[classes.ev]\ncoincidence = { method = 'rusck', g_inf = 0.2, source = 'x' }\nsource = 'x'",
            "one group with one coincidence",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, block: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        scenario_of(tmp_path, block)


def test_a_year_before_the_base_year_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no year may lie before base_year, 2025"):
        scenario_of(tmp_path, head=HEAD.replace("[2025,", "[2020,"))


def test_an_unknown_name_tells_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="electrification"):
        read_demand_scenario("tomorrow")


def test_files_of_sites_are_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "[sites]\nfile = 'sites.gpkg'\nsource = 'a test'")
    assert scenario.sites is not None
    assert scenario.sites.file == tmp_path / "sites.gpkg"
    assert scenario.sites.assumptions is None


def test_levers_of_the_tariff_are_set_and_the_rest_is_its_file(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "[tariff]\nprice_ratio = 3.0\nsource = 'a test'")
    assert scenario.tariff is not None
    tariff, shipped = scenario.tariff.tariff(), read_tariff()
    assert tariff == shipped.model_copy(update={"price_ratio": 3.0})


def test_coincidence_not_stated_is_the_shipped_one_of_the_technology(tmp_path: Path) -> None:
    scenario = scenario_of(
        tmp_path, EV, EV.replace("[uptake.ev]", "[uptake.van]") + VELANDER + "unit_kwh = 1.0\n"
    )
    assert scenario.uptake["ev"].method == default_methods()["ev"]
    assert scenario.uptake["van"].method.needs == ("annual_kwh",)


def test_a_scenario_is_frozen(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, EV)
    assert isinstance(scenario, DemandScenario)
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 8  # type: ignore[misc]
