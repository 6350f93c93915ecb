"""Measured customers draw what was read, wherever they are added up, and nobody else changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from capacity.coincidence import Rusck
from capacity.measured import with_readings
from capacity.year_demand import YearDemand, demand_today
from gis.feeders import trace_supply
from gridmodel import Scenario, build_model, run_profiles
from gridmodel.demand_model import solve_demand
from gridmodel.meter_file import read_meters
from gridmodel.meter_readings import MeterReadings
from tests.capacity.grids import station

YEAR = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz="UTC", inclusive="left")
NETWORK = station()
IDS = [str(load) for load in NETWORK.loads.index[:2]]
READ_KW = np.random.default_rng(7).uniform(0.5, 3.0, (len(YEAR), 2))


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> MeterReadings:
    path: Path = tmp_path_factory.mktemp("meters") / "wide.parquet"
    table = pd.DataFrame(READ_KW, columns=IDS).assign(time=YEAR.strftime("%Y-%m-%dT%H:%MZ"))
    table.to_parquet(path)
    return read_meters(path, NETWORK, unit="kw")


def _day(demand: YearDemand) -> YearDemand:
    profiles = dataclasses.replace(demand.profiles, factors=demand.profiles.factors.iloc[4000:4012])
    return dataclasses.replace(demand, profiles=profiles)


def test_every_hour_adds_up_to_what_was_read_and_what_others_draw(readings: MeterReadings) -> None:
    supply = trace_supply(NETWORK)
    today = demand_today(NETWORK, supply)
    measured = with_readings(today, supply, readings)
    others = today.customers[~today.customers["load_id"].isin(IDS)]
    residential = today.profiles.factors["residential"].to_numpy()
    expected = READ_KW.sum(axis=1) + residential * (others["customers"] * others["peak_kw"]).sum()
    assert np.allclose(measured.total_kw(), expected)
    assert len(measured.customers) == len(today.customers)
    assert set(measured.demand.groups) == {"residential", *(f"meter {load}" for load in IDS)}


def test_the_load_flow_is_that_of_profiles_by_load(readings: MeterReadings) -> None:
    """Two ways to the same hours: groups on the demand model, and profiles of single loads on the network."""
    supply = trace_supply(NETWORK)
    measured = _day(with_readings(demand_today(NETWORK, supply), supply, readings))
    by_group = solve_demand(measured.model_on(NETWORK), measured.demand, measured.factors)
    laid = readings.over(demand_today(NETWORK, supply).profiles)
    on = readings.peaks_on(NETWORK)
    day = dataclasses.replace(laid, factors=laid.factors.iloc[4000:4012])
    by_load = run_profiles(build_model(on), day.over(on), Scenario())
    for column in ("demand_kw", "source_kw", "loss_kw", "vm_min_pu"):
        assert np.allclose(
            by_group.hours[column].astype(float), by_load.hours[column].astype(float), rtol=1e-6
        )


def test_others_keep_their_diversity(readings: MeterReadings) -> None:
    supply = trace_supply(NETWORK)
    methods = {"residential": Rusck(g_inf=0.2, source="test")}
    today = demand_today(NETWORK, supply, methods)
    measured = with_readings(today, supply, readings)
    others = today.customers[~today.customers["load_id"].isin(IDS)]
    alone = methods["residential"]
    peak_kw = alone.peak_kw(alone.weights(others).sum(axis=0, keepdims=True))[0]
    assert measured.demand.kva.real.sum(axis=0)[0] == pytest.approx(peak_kw)
    assert measured.demand.kva.real.sum(axis=0)[1:] == pytest.approx(readings.peak_kw[IDS].to_numpy())
