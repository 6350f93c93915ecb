"""A home battery: by hand over six hours, and by its energy balance over any year."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmodel.home_battery import home_battery


def test_a_day_by_hand() -> None:
    """81 % back, 90 % each way; 3 kW, 3.6 kWh stored at most.

    Surplus 2, 5, 1 kW: takes 2 (1.8 stored), then 2 (3.6 stored: full, though 5 are there), then nothing.
    Need 3, 1, 1 kW: 3.6 x 0.9 = 3.24 kWh can come back: 3, 0.24, 0.
    """
    load = np.array([0.0, 0.0, 0.0, 3.0, 1.0, 1.0])
    sun = np.array([2.0, 5.0, 1.0, 0.0, 0.0, 0.0])
    drawn_kw = home_battery(load, sun, energy_kwh=3.6, power_kw=3.0, round_trip_efficiency=0.81)
    assert drawn_kw == pytest.approx([2.0, 2.0, 0.0, -3.0, -0.24, 0.0])


def test_a_year_ends_as_full_as_it_began() -> None:
    """The sun comes last: what it leaves is there for the first hour."""
    drawn_kw = home_battery(
        np.array([1.0, 0.0]), np.array([0.0, 1.0]), energy_kwh=1.0, power_kw=1.0, round_trip_efficiency=1.0
    )
    assert drawn_kw == pytest.approx([-1.0, 1.0])


def test_power_limits_both_ways_and_quarters_are_quarters() -> None:
    load, sun = np.array([0.0, 0.0, 4.0, 4.0]), np.array([4.0, 4.0, 0.0, 0.0])
    drawn_kw = home_battery(load, sun, energy_kwh=10.0, power_kw=1.5, round_trip_efficiency=1.0, step_h=0.25)
    assert drawn_kw == pytest.approx([1.5, 1.5, -1.5, -1.5])


@given(
    seed=st.integers(0, 2**32 - 1),
    energy_kwh=st.floats(0.0, 20.0),
    power_kw=st.floats(0.0, 10.0),
    efficiency=st.floats(0.5, 1.0),
)
def test_what_comes_back_is_the_efficiency_of_what_went_in(
    seed: int, energy_kwh: float, power_kw: float, efficiency: float
) -> None:
    random = np.random.default_rng(seed)
    load, sun = random.uniform(0, 3, 96), random.uniform(0, 6, 96) * (np.arange(96) % 24 < 10)
    drawn_kw = home_battery(
        load, sun, energy_kwh=energy_kwh, power_kw=power_kw, round_trip_efficiency=efficiency
    )
    taken, given_back = np.maximum(drawn_kw, 0).sum(), np.maximum(-drawn_kw, 0).sum()
    assert given_back == pytest.approx(efficiency * taken, rel=1e-6, abs=1e-6)
    net = load - sun
    assert (np.abs(drawn_kw) <= power_kw + 1e-12).all()
    # It only takes surplus and only gives to need: the household never draws or feeds more than without it.
    assert (np.abs(net + drawn_kw) <= np.abs(net) + 1e-12).all()


def test_nonsense_is_refused() -> None:
    hours = np.zeros(3)
    with pytest.raises(ValueError, match="equally long"):
        home_battery(hours, np.zeros(2), energy_kwh=1.0, power_kw=1.0, round_trip_efficiency=0.9)
    with pytest.raises(ValueError, match="efficiency"):
        home_battery(hours, hours, energy_kwh=1.0, power_kw=1.0, round_trip_efficiency=0.0)
