"""Bottlenecks of years by hand: first year, hours, energy, probability, the least cut they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from capacity.demand.year_demand import YearDemand
from capacity.unserved import unserved_demand
from capacity.years.draws import study_draws
from capacity.years.year import study_year
from capacity.years.year_bottlenecks import YEAR_BOTTLENECK_COLUMNS, StudiedYear, bottlenecks_of_years
from gis import Network
from tests.capacity.grids import STATION_BUSES, STATION_LINES, grid, yardstick_of
from tests.capacity.years.years_by_hand import town, year_of


def _studied(
    network: Network, demand: YearDemand, *, cut: bool = True, draws: Sequence[YearDemand] = ()
) -> StudiedYear:
    model, yardstick = demand.model_on(network), yardstick_of(network)
    return StudiedYear(
        model,
        demand,
        study_year(model, yardstick, demand),
        unserved_demand(model, yardstick, demand) if cut else None,
        study_draws(model, yardstick, draws) if draws else None,
    )


def _found(network: Network, *years: StudiedYear) -> gpd.GeoDataFrame:
    return bottlenecks_of_years(yardstick_of(network), years)


def test_years_within_their_limits_have_no_rows_but_all_columns() -> None:
    network = town()
    found = _found(network, _studied(network, year_of(network, {"residential": [1.0, 0.5]})))
    assert found.empty and tuple(found.columns) == YEAR_BOTTLENECK_COLUMNS
    assert found.crs == network.crs
    assert tuple(_found(network).columns) == YEAR_BOTTLENECK_COLUMNS


def test_first_year_hours_and_energy_of_an_overloaded_line() -> None:
    """A2 grows: at 1.0 nothing is over, at 1.25 and 1.5 L1 is, in one and in two hours."""
    network = town(a2_kw=140.0)
    years = [
        _studied(network, year_of(network, {"residential": [factor, 0.8 * factor]}, year=year))
        for year, factor in ((2030, 1.0), (2035, 1.25), (2040, 1.5))
    ]
    found = _found(network, *years)
    lines = found[found["element_id"] == "L1"]
    assert lines["year"].tolist() == [2035, 2040]
    assert lines["first_year"].tolist() == [2035, 2035]
    assert lines["hours_over"].tolist() == [1.0, 2.0]
    assert lines["kwh_over"].is_monotonic_increasing
    assert lines["kwh_over"].tolist() == [year.findings.lines.loc["L1", "kwh_over"] for year in years[1:]]
    assert lines["probability"].isna().all()
    assert (lines["customers_affected"] == 11).all()
    assert "11 customers behind it" in lines["root_cause"].iloc[0]
    assert lines["root_cause"].iloc[1].startswith("L1 carries up to 1")


def test_first_years_of_scenarios_are_apart() -> None:
    network = town(a2_kw=140.0)
    years = [
        _studied(network, year_of(network, {"residential": [1.3]}, year=year, scenario_id=name), cut=False)
        for name, year in (("late", 2040), ("early", 2030), ("early", 2040))
    ]
    found = _found(network, *years).set_index(["scenario", "year", "element_id"])["first_year"]
    assert found[("late", 2040, "L1")] == 2040
    assert found[("early", 2040, "L1")] == 2030


@pytest.mark.parametrize("source_pu", [1.0, 0.95])
def test_rows_add_up_to_the_least_cut_of_the_year(source_pu: float) -> None:
    network = town(a2_kw=190.0, source_pu=source_pu)
    studied = _studied(network, year_of(network, {"residential": [1.0, 0.7, 0.95]}))
    found = _found(network, studied)
    assert studied.unserved is not None
    assert studied.unserved.energy_kwh > 10.0
    assert found["unserved_kwh"].sum() == pytest.approx(studied.unserved.energy_kwh, rel=1e-9)
    assert found["unserved_kwh"].is_monotonic_decreasing


def test_without_a_least_cut_the_figures_are_missing() -> None:
    network = town(a2_kw=190.0)
    found = _found(network, _studied(network, year_of(network, {"residential": [1.0]}), cut=False))
    assert len(found) and found[["unserved_kw", "unserved_kwh"]].isna().all(axis=None)


def test_a_voltage_is_one_row_per_feeder_with_the_branch_that_takes_most() -> None:
    lines = [line if line[0] != "L2" else ("L2", "A1", "A2", 900.0) for line in STATION_LINES]
    network = grid(
        STATION_BUSES, lines, transformers=[("T1", "M2", "B1")], loads=[("b", "A2", 75.0, 6)]
    )  # fmt: skip
    found = _found(network, _studied(network, year_of(network, {"residential": [1.0, 0.3, 0.97]})))
    row = found.set_index("check").loc["undervoltage"]
    assert (row["table"], row["element_id"], row["feeder_id"]) == ("buses", "A2", "L1")
    assert (row["hours_over"], row["customers_affected"]) == (2.0, 6)
    assert np.isnan(row["kwh_over"]) and row["vm_pu"] < 0.9
    assert "L2 takes" in row["root_cause"] and "07 Jan 00:00 UTC" in row["root_cause"]


def test_feed_in_that_breaks_a_limit_leaves_nothing_unserved() -> None:
    network = town(source_pu=1.07, generators=[("pv", "A2", 150.0)])
    found = _found(
        network, _studied(network, year_of(network, {"residential": [1.0, 0.05], "pv": [0.0, 1.0]}))
    )
    assert "overvoltage" in set(found["check"])
    assert (found["unserved_kwh"] == 0.0).all()


def test_customers_without_supply_are_rows_with_all_they_draw() -> None:
    network = town(switches=[("X", False, "B1", "lines", "L1"), ("Y", False, "B1", "lines", "L3")])
    found = _found(network, _studied(network, year_of(network, {"residential": [1.0, 0.5]})))
    assert found["check"].tolist() == ["no_supply", "no_supply"]
    assert found["customers_affected"].tolist() == [11, 3]
    assert found["unserved_kwh"].to_numpy() == pytest.approx([75.0, 15.0])
    assert found["hours_over"].tolist() == [2.0, 2.0]


def test_an_hour_without_solution_is_a_row() -> None:
    network = town()
    found = _found(network, _studied(network, year_of(network, {"residential": [0.5, 200.0]})))
    row = found.set_index("check").loc["no_solution"]
    assert (row["table"], row["hours_over"], row["customers_affected"]) == ("sources", 1.0, 14)
    assert "07 Jan 01:00 UTC" in row["root_cause"]
    assert found["unserved_kwh"].sum() > 5000.0


def test_elements_that_break_only_in_other_draws_are_rows_with_their_probability() -> None:
    network = town(a2_kw=140.0)
    demand = year_of(network, {"residential": [1.0, 0.5]})
    others = [
        replace(demand, draw=draw, demand=replace(demand.demand, kva=factor * demand.demand.kva))
        for draw, factor in enumerate((1.0, 1.3, 1.4, 0.9))
    ]
    found = _found(network, _studied(network, demand, draws=others))
    row = found.set_index("element_id").loc["L1"]
    assert row["probability"] == pytest.approx(0.5)
    assert (row["hours_over"], row["kwh_over"], row["unserved_kwh"]) == (0.0, 0.0, 0.0)
    assert pd.isna(row["first_year"])
    assert "in draw 0, more in other draws" in row["root_cause"]


def test_a_home_with_a_charging_point_is_one_customer() -> None:
    network = town(a2_kw=190.0)
    demand = year_of(network, {"residential": [1.0]})
    twice = pd.concat([demand.customers, demand.customers.assign(group="ev", customers=1)], ignore_index=True)
    found = _found(network, _studied(network, replace(demand, customers=twice), cut=False))
    assert found.set_index("element_id").loc["L1", "customers_affected"] == 11
