"""A year of a scenario as people look at it agrees with the parts it is made of; small feeder, all hours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from capacity.checks import State, Yardstick, band_used_percent, make_yardstick
from capacity.demand.demand_scenario import DemandScenario, read_demand_scenario
from capacity.demand.scenario_demand import outlook_of
from capacity.limits import read_limits
from capacity.study.future_card import causes_of, chain_table, future_card, worst_chain
from capacity.study.future_comparison import BREAKS, compare_futures
from capacity.study.future_year import (
    EVERY_HOUR,
    TOGETHER,
    FutureYear,
    assumptions_of,
    csv_of,
    peak_by_group,
    study_future,
)
from gis.examples import network_from_text
from gridmodel.demand_model import solve_demand
from gridmodel.outcome import Keep

# A home with a cable too thin for what it draws, and one with room.
FEEDER = """
    bus A 20
    bus B 0.4
    bus C 0.4
    bus D 0.4
    source grid A
    transformer T A B "0.4 MVA 20/0.4 kV"
    line L1 B C 300 "NAYY 4x150 SE"
    line L2 C D 300 "NAYY 4x50 SE"
    load near C 30
    load far D 110
"""


@pytest.fixture(scope="module")
def today() -> DemandScenario:
    return read_demand_scenario("today")


@pytest.fixture(scope="module")
def yardstick() -> Yardstick:
    return make_yardstick(network_from_text(FEEDER), read_limits("en50160"))


@pytest.fixture(scope="module")
def future(yardstick: Yardstick, today: DemandScenario) -> FutureYear:
    return study_future(yardstick, today, 2025, cut_hours=5, weak={})


def doubled(scenario: DemandScenario) -> DemandScenario:
    """The same scenario with homes that draw twice as much."""
    block = {"factor": 2.0, "source": "test"}
    told = scenario.model_dump() | {"scenario_id": "twice", "classes": {"residential": block}}
    return DemandScenario.model_validate(told)


def test_the_cut_of_a_few_hours_is_told_to_be_of_a_few(yardstick, today, future) -> None:
    whole = study_future(yardstick, today, 2025, cut_hours=EVERY_HOUR, weak={})
    assert not future.whole_cut and whole.whole_cut
    assert future.figures["hours_asked"] == 5 < future.hours_broken == whole.figures["hours_asked"]
    assert 0 < future.figures["unserved_kwh"] < whole.figures["unserved_kwh"]
    assert future.figures["unserved_kw"] == pytest.approx(whole.figures["unserved_kw"], rel=1e-3)


@pytest.mark.parametrize("limits", ["en50160", "dena"])
def test_band_used_is_the_largest_of_all_hours(limits: str, yardstick, today) -> None:
    judged = make_yardstick(yardstick.network, read_limits(limits))
    found = study_future(judged, today, 2025, cut_hours=1, weak={}).band_used_percent
    demand = outlook_of(judged.network, judged.supply, today).demand(2025)
    model = demand.model_on(judged.network)
    vm_pu = solve_demand(model, demand.demand, demand.factors, keep=Keep(buses="all")).vm_pu.to_numpy()
    none = np.zeros(0)
    each = [band_used_percent(judged, State(hour, none, none)) for hour in vm_pu]
    np.testing.assert_allclose(found, np.nanmax(each, axis=0), rtol=1e-6)


def test_weak_feeders_have_no_figures(yardstick, today) -> None:
    feeder_id = str(yardstick.supply.feeders["lines"]["L2"])
    held = study_future(yardstick, today, 2025, cut_hours=1, weak={feeder_id: "because"})
    assert np.isnan(held.band_used_percent["D"])
    of_line = held.elements[held.elements["element_id"] == "L2"].iloc[0]
    assert np.isnan(of_line["loading_max_percent"])
    assert held.bottlenecks["unserved_kw"].isna().all()


def test_card_and_chain_tell_the_thin_cable(yardstick, future) -> None:
    card = dict(future_card(future, "lines", "L2"))
    assert card["State"] == "over its limit in some hour"
    assert card["Weakest link of"] == "1 connected loads"
    assert "L2 carries up to" in causes_of(future, "lines", "L2")[0]
    for table, element_id in (("lines", "L1"), ("transformers", "T"), ("buses", "D"), ("lines", "L2")):
        chain = worst_chain(future, yardstick, table, element_id)
        assert chain is not None and chain["load_id"] == "far"
    links = chain_table(chain)
    assert links["element"].tolist() == ["L2", "L1", "T"]
    assert links["used_percent"].idxmax() == 0


def test_the_chain_behind_a_service_line_is_that_of_its_own_customer(yardstick, future) -> None:
    assert worst_chain(future, yardstick, "sources", "grid") is None
    near = future.chains[future.chains["load_id"] == "near"].iloc[0]
    assert worst_chain(replace(future, chains=near.to_frame().T), yardstick, "lines", "L2") is None


def test_peaks_add_up_to_no_more_than_groups_alone(yardstick, today) -> None:
    rows = peak_by_group(yardstick.network, yardstick.supply, today)
    by_group = rows.set_index("group")["peak_kw"]
    assert by_group.drop(TOGETHER).sum() == pytest.approx(140.0)
    assert 0 < by_group[TOGETHER] <= 140.0 + 1e-9


def test_comparison_says_where_twice_the_demand_is_too_much(yardstick, today, future) -> None:
    compared = compare_futures(future, study_future(yardstick, doubled(today), 2025, cut_hours=5, weak={}))
    lines, transformers = compared.loading_difference(yardstick.network)
    assert (lines > 5).all() and (transformers > 5).all()
    broken, stations = compared.broken(yardstick.network)
    said = {line: BREAKS[way] for line, way in zip(yardstick.network.lines.index, broken, strict=True)}
    assert said["L2"] == "both"
    assert BREAKS[stations[0]] in ("neither", "b")
    table = compared.figures.set_index("what")
    assert table.loc["transformer_loading_max_percent", "worse"] == "b"
    same = compare_futures(future, future)
    assert set(same.figures["worse"]) <= {"same", ""}
    assert set(same.broken(yardstick.network)[0]) <= {0, 3}


def test_assumptions_have_a_source_each() -> None:
    rows = assumptions_of(read_demand_scenario("electrification"))
    assert {"scenario", "profile", "sites", "uptake.ev", "classes.residential"} <= set(rows["block"])
    assert rows["source"].str.len().min() > 5
    assert "unit_kw = 11.0" in rows.set_index("block").loc["uptake.ev", "assumed"]


def test_files_hold_no_formula_and_every_row(future) -> None:
    rows = future.bottlenecks.assign(element_id="=1+1")
    text = csv_of(rows).decode("utf-8-sig")
    assert len(text.splitlines()) == len(rows) + 1
    assert ",=1+1" not in text
    assert csv_of(future.bottlenecks.iloc[:0]).decode("utf-8-sig").startswith("table,element_id")
    assert isinstance(rows, pd.DataFrame)
