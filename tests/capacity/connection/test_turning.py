"""Single changes: each is the answer to the changed application, and only better verdicts turn it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from capacity.connection.answers import Answers, answers_lines, answers_of, answers_values, with_answers
from capacity.connection.assessment import assess_on
from capacity.connection.turning import TURNING_COLUMNS, flexible_option
from capacity.demand.development import HomeGroup, heat_pump_count
from tests.capacity.connection.site_town import MILL_LANE, answer, town, winter_week

HEATED = replace(
    MILL_LANE,
    dwellings=12,
    homes=(HomeGroup(4, 85.0, "heat_pump"), HomeGroup(4, None, "direct_electric")),
    ev_points=6,
    demand_kw=34.0,
)


@cache
def found() -> Answers:
    return answers_of(town(), assess_on(town(), HEATED), profiles=winter_week())


def rows() -> pd.DataFrame:
    return found().turning.set_index("change")


def test_every_change_that_says_something_is_tried() -> None:
    assert list(found().turning.columns) == list(TURNING_COLUMNS)
    assert set(rows().index) == {
        "load_management", "heat_pumps", "other_heating", "fewer_homes", "entry_point", "flexible_supply",
    }  # fmt: skip


def test_a_change_is_answered_as_the_changed_application_alone() -> None:
    managed = assess_on(town(), replace(HEATED, managed_charging=True))
    row = rows().loc["load_management"]
    assert (row["verdict"], row["demand_kw"]) == (managed.verdict, pytest.approx(managed.demand_kw))
    assert row["cost_eur"] == pytest.approx(managed.ranked[0].cost.eur)


def test_only_better_verdicts_turn_and_they_come_first() -> None:
    turned = found().turning["turned"].tolist()
    assert turned == sorted(turned, reverse=True) and True in turned
    fewer = rows().loc["fewer_homes"]
    assert (fewer["verdict"], bool(fewer["turned"])) == ("connect", True)


def test_another_heating_leaves_no_heat_pumps() -> None:
    assert heat_pump_count(HEATED) == 4
    assert rows().loc["other_heating"]["demand_kw"] < rows().loc["heat_pumps"]["demand_kw"]


def test_where_the_best_is_the_cheapest_nothing_has_to_be_flexible() -> None:
    small = assess_on(town(), replace(MILL_LANE, dwellings=3))
    assert small.verdict == "connect" and flexible_option(small) is None
    assert flexible_option(answer()) is not None


def test_answers_are_told_to_people_and_to_systems() -> None:
    values, lines = with_answers(({}, []), [found()])
    assert json.loads(json.dumps(values["answers"], default=str))["turning"]
    assert json.dumps(answers_values(found()))
    assert lines == answers_lines(found()) and any("load management" in line for line in lines)
    by_site, _ = with_answers(({"sites": []}, []), [found()])
    assert by_site["answers"] == {"site": answers_values(found())}
