"""Homes before works: numbers that hold where one more does not, phases by their dates."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from capacity.connection.assessment import assess_all
from capacity.connection.phasing import PHASE_COLUMNS, STAGE_COLUMNS, Phasing, homes_before_works
from tests.capacity.connection.site_town import MILL_LANE, answer, town


@cache
def phasing() -> Phasing:
    return homes_before_works(town(), MILL_LANE, assessment=answer())


def test_so_many_homes_connect_today_and_one_more_does_not() -> None:
    first = int(phasing().stages["units"].iloc[0])
    assert 0 < first < 60
    fits, too_many = assess_all(
        town(), [replace(MILL_LANE.share(count / 60), site_id=str(count)) for count in (first, first + 1)]
    )
    assert (fits.verdict, too_many.verdict) == ("connect", "connect_after_works")


def test_stages_lead_to_the_whole_and_each_says_what_comes_next() -> None:
    stages = phasing().stages
    assert list(stages.columns) == list(STAGE_COLUMNS)
    assert stages["units"].is_monotonic_increasing and stages["units"].iloc[-1] == 60
    assert stages["demand_kw"].iloc[-1] == pytest.approx(answer().demand_kw)
    assert stages["cost_eur"].iloc[-1] == pytest.approx(answer().ranked[0].cost.eur)
    assert "homes can be live before a new station" in phasing().sentence


def test_phases_name_the_stage_they_wait_for_and_when_to_order() -> None:
    phases = phasing().phases
    assert list(phases.columns) == list(PHASE_COLUMNS)
    assert phases["units"].tolist() == [24, 60]
    assert phases["stage"].tolist() == ["as it is", phasing().stages["stage"].iloc[-1]]
    months = answer().ranked[0].months
    start = pd.Timestamp(phases["start_by"].iloc[1])
    assert start + pd.DateOffset(months=months) == pd.Timestamp("2030-01-01")


def test_a_site_without_homes_is_counted_in_hundredths() -> None:
    found = homes_before_works(town(), replace(MILL_LANE, dwellings=0, demand_kw=60.0))
    assert (found.unit, found.total) == ("hundredths", 100)
    assert found.sentence.startswith("All of it (100 % of the site)")
    assert found.stages["units"].tolist() == [100, 100]
