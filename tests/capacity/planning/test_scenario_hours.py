"""Cases by name and by hour: worst cases by hand, few hours that stand for all, proof of all hours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capacity.checks import make_yardstick
from capacity.demand.demand_scenario import DemandScenario
from capacity.demand.scenario_demand import outlook_of
from capacity.limits import read_limits
from capacity.planning import PlanCases, cases_of_scenarios, joined_cases
from capacity.planning.asked_cases import asked_cases
from capacity.planning.plan import Taken
from capacity.planning.rerun import run_again
from capacity.planning.scenario_hours import ScenarioHours, prove_years, year_cases
from capacity.planning.worst_cases import worst_cases
from capacity.years.year import study_year
from gis import InputError
from gridmodel import Scenario
from tests.capacity.demand.scenario_text import AT_ONCE, EV, PV, scenario_of
from tests.capacity.grids import station

LIMITS = read_limits("en50160")
TOWN = station(generators=[("sun", "A1", 12.0)])


@pytest.fixture
def asked(tmp_path: Path) -> ScenarioHours:
    cars = EV.replace("unit_kw = 11.0", "unit_kw = 22.0") + AT_ONCE
    scenario: DemandScenario = scenario_of(tmp_path, cars, PV)
    return ScenarioHours(scenario, (2025, 2035), LIMITS)


def test_worst_cases_draw_and_feed_what_dena_says() -> None:
    """A1 draws 20 kW and feeds 12: load case 20, feed-in case 2 - 10.2 kW."""
    cases = worst_cases(TOWN)
    at = TOWN.buses.index.get_loc("A1")
    assert list(cases.labels.index) == ["load_case", "feed_in_case"]
    assert cases.kva[:, at].real == pytest.approx([20.0, 2.0 - 0.85 * 12.0])
    with pytest.raises(InputError, match="no such worst case"):
        worst_cases(TOWN, ("worst_of_all",))


def test_power_of_cases_cannot_be_written_over() -> None:
    cases = cases_of_scenarios(TOWN, [Scenario()])
    with pytest.raises(ValueError, match="read-only"):
        cases.kva[0, 0] = 1.0


def test_cases_of_one_name_are_there_once_and_none_is_refused() -> None:
    one = cases_of_scenarios(TOWN, [Scenario()])
    assert len(joined_cases([one, one]).labels) == 1
    with pytest.raises(InputError, match="at least one scenario"):
        asked_cases(TOWN, LIMITS)


def test_few_hours_have_every_element_near_its_worst(asked: ScenarioHours) -> None:
    cases = year_cases(TOWN, asked)
    assert len(cases.labels) < 30
    yardstick = make_yardstick(TOWN, LIMITS)
    demand = outlook_of(TOWN, yardstick.supply, asked.scenario).demand(2035)
    year = study_year(demand.model_on(TOWN), yardstick, demand)
    of_year = run_again(TOWN, (), cases, LIMITS).runs.query("run_year == 2035")
    worst = year.lines["loading_max_percent"].max()
    assert worst > 100.0
    assert of_year["line_loading_percent"].max() == pytest.approx(worst, abs=1.0)
    assert of_year["vm_min_pu"].min() == pytest.approx(year.buses["vm_min_pu"].min(), abs=1e-3)
    assert of_year["vm_max_pu"].max() == pytest.approx(year.buses["vm_max_pu"].max(), abs=1e-3)


def test_all_hours_are_proved_and_those_that_were_no_cases_become_some(asked: ScenarioHours) -> None:
    cases = year_cases(TOWN, asked)
    calm = np.flatnonzero(cases.labels["year"] == 2025)
    few = PlanCases(cases.labels.iloc[calm], cases.kva[calm], cases.switching)
    proof = prove_years(TOWN, (), few, asked)
    by_year = proof.years.set_index("year")
    assert (by_year["hours"] == 8760).all()
    assert by_year.loc[2025, "hours_broken"] == 0 < by_year.loc[2035, "hours_broken"]
    assert proof.further is not None
    assert set(proof.further.labels["year"]) == {2035}
    broken = run_again(TOWN, (), joined_cases([few, proof.further]), LIMITS).broken
    assert {"L1", "T1"} <= set(broken["element_id"])


def test_what_a_measure_feeds_counts_in_hours_like_its_case(asked: ScenarioHours) -> None:
    """Something that feeds what all cars draw, at their buses: no hour of 2035 breaks a limit any more."""
    from capacity.costs.cost import Cost
    from capacity.measures.measure import Measure
    from gis.changes import NetworkChanges

    cases = year_cases(TOWN, asked)
    year = np.asarray(cases.labels["year"] == 2035)
    power = {
        str(bus): np.where(year, -0.9 * np.maximum(cases.kva[:, at].real, 0.0), 0.0)
        for at, bus in enumerate(TOWN.buses.index)
        if cases.kva[:, at].any()
    }
    fed = Measure(
        "fed", "fed", "buses", "A2", NetworkChanges(), Cost(), 0, "feeds", power_kva=power, reversible=True
    )
    proof = prove_years(TOWN, (Taken(fed, 2035),), cases, asked)
    without = prove_years(TOWN, (), cases, asked)
    broken = [one.years.set_index("year").loc[2035, "hours_broken"] for one in (proof, without)]
    assert broken[0] < broken[1]
