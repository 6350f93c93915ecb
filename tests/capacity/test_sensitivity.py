"""Sensitivity: the same site at several demands per home, each as if it alone had been asked."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import shapely

from capacity.assumptions import Sensitivity
from capacity.connection import ConnectionConfig, assess_on
from capacity.connection.site_cases import connection_grid
from capacity.demand.development import Development
from capacity.sensitivity import SENSITIVITY_COLUMNS, sensitivity_of, with_sensitivity
from tests.capacity.conftest import Run
from tests.capacity.grids import EAST_M, NORTH_M, station

HOMES = Development(shapely.Point(EAST_M + 1110.0, NORTH_M + 20.0), name="Mill Lane", dwellings=16)
CONFIG = ConnectionConfig()
GRID = connection_grid(station(), CONFIG)


@cache
def table_of(development: Development = HOMES) -> pd.DataFrame:
    return sensitivity_of(GRID, development, CONFIG)


def test_demand_by_hand_and_one_row_per_demand_of_a_home() -> None:
    """16 homes after Rusck with g_inf 0.2: 16 x admd / 0.2 x (0.2 + 0.8 / 4) = 32 x admd."""
    found = table_of()
    assert list(found.columns) == list(SENSITIVITY_COLUMNS)
    assert found["admd_kw"].tolist() == [1.5, 2.0, 4.5, 7.5]
    assert found["demand_kw"].tolist() == pytest.approx([48.0, 64.0, 144.0, 240.0])


def test_each_row_is_the_answer_to_that_demand_alone() -> None:
    for row in table_of().iloc[[0, -1]].itertuples():
        home = CONFIG.assumptions.home.model_copy(update={"admd_kw": row.admd_kw})
        assumed = CONFIG.assumptions.model_copy(update={"home": home})
        alone = assess_on(GRID, HOMES, replace(CONFIG, assumptions=assumed))
        best = alone.options.iloc[0]
        assert (row.verdict, row.bus_id, row.works) == (alone.verdict, best["bus_id"], best["works"])
        assert row.cost_eur == pytest.approx(best["cost_eur"])


def test_the_verdict_turns_where_the_grid_has_no_more_room() -> None:
    verdicts = table_of()["verdict"].tolist()
    assert len(set(verdicts)) > 1  # there is something to see
    assert verdicts[0] == "connect" and verdicts[-1] != "connect"


def test_without_homes_there_is_nothing_to_vary() -> None:
    nothing = replace(HOMES, dwellings=0, demand_kw=10.0)
    found = table_of(nothing)
    assert found.empty and list(found.columns) == list(SENSITIVITY_COLUMNS)
    _, lines = with_sensitivity(({}, []), [found], [nothing])
    assert lines == ["Sensitivity of Mill Lane: it has no homes"]


def test_nothing_in_reach_is_told_in_every_row() -> None:
    far = table_of(replace(HOMES, place=shapely.Point(EAST_M + 9e4, NORTH_M)))
    assert far["verdict"].tolist() == ["undetermined"] * 4
    assert far["reason"].str.startswith("there is no supplied network in reach").all()


def test_the_users_own_demands_are_taken() -> None:
    own = Sensitivity(admd_kw=(3.0,), source="the utility's own")
    config = replace(CONFIG, assumptions=CONFIG.assumptions.model_copy(update={"sensitivity": own}))
    assert sensitivity_of(GRID, HOMES, config)["demand_kw"].tolist() == pytest.approx([96.0])


def test_the_command_adds_the_table(run: Run, town: Path) -> None:
    place = "7.88029,48.44735"
    _, out, _ = run("connect", town, "--site", place, "--dwellings", "4", "--sensitivity", "--json")
    said = json.loads(out)["sensitivity"]
    assert [row["demand_kw"] for row in said] == pytest.approx([18.0, 24.0, 54.0, 90.0])


def test_the_table_is_told_in_lines() -> None:
    _, lines = with_sensitivity(({}, []), [table_of()], [HOMES])
    assert lines[0] == "Sensitivity of Mill Lane, 16 homes:"
    assert sum(" kW a home " in line for line in lines) == 4
