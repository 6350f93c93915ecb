"""What the page of years asks and studies: scenarios, a year, limits. Only finished tables are shared."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app_pages.future_layers import CompareBy
from app_pages.network_layers import ColourBy
from app_pages.scenario_choice import ask_scenario, ask_year, known_scenarios, title_of
from app_pages.study import Study, ask_limits
from capacity.checks import Yardstick
from capacity.demand.demand_scenario import DemandScenario
from capacity.study.future_year import EVERY_HOUR, FutureYear, peak_by_group, study_future

# Hours in which the least cut is looked for, as they are offered.
CUT_HOURS = {24: "24 hours with most demand", EVERY_HOUR: "every hour over a limit (slow)"}


@dataclass(frozen=True, eq=False)
class Question:
    """What the user looks at: one scenario in one year, perhaps another beside it."""

    scenario: DemandScenario
    other: DemandScenario | None
    year: int
    yardstick: Yardstick
    cut_hours: int
    colour_by: ColourBy | CompareBy


def ask(study: Study) -> Question:
    """Ask in the sidebar; a scenario sent that cannot be used is refused with all its faults."""
    with st.sidebar:
        questions = st.container()
        known = known_scenarios()
    with questions:
        name = ask_scenario(known, "future")
        year = ask_year(known[name], "future")
        others = [None, *(other for other in known if other != name)]
        other = st.selectbox(
            "Compare with", others, format_func=lambda other: title_of(other, known), key="future_other"
        )
        colour_by = _colour_by(compares=other is not None)
        yardstick = ask_limits(study)
        cut_hours = st.selectbox(
            "Look for the least cut in", list(CUT_HOURS), format_func=CUT_HOURS.__getitem__, key="future_cut"
        )
    return Question(
        known[name], None if other is None else known[other], year, yardstick, cut_hours, colour_by
    )


def studied(study: Study, question: Question, scenario: DemandScenario) -> FutureYear:
    """The year of the question under one scenario."""
    return _study_future(
        str(study.path), study.modified_ns, scenario.model_dump_json(), question.year,
        question.yardstick.limits.name, question.cut_hours, study, question.yardstick, scenario,
    )  # fmt: skip


def peaks(study: Study, scenario: DemandScenario) -> pd.DataFrame:
    """Peak by group in every year of a scenario."""
    return _peaks(str(study.path), study.modified_ns, scenario.model_dump_json(), study, scenario)


def _colour_by(*, compares: bool) -> ColourBy | CompareBy:
    """What the map is coloured by: a year, or two scenarios beside each other."""
    if compares:
        by: CompareBy = st.radio(
            "Colour by", ["Broken limits", "Difference of loading"], key="future_compare_by"
        )
        return by
    colour: ColourBy = st.radio("Colour by", ["Loading", "Voltage"], horizontal=True, key="future_colour_by")
    return colour


@st.cache_resource(show_spinner="Studying every hour of the year ...", max_entries=16)
def _study_future(
    path: str,
    modified_ns: int,
    scenario_text: str,
    year: int,
    limits_name: str,
    cut_hours: int,
    _study: Study,
    _yardstick: Yardstick,
    _scenario: DemandScenario,
) -> FutureYear:
    """The year that the first six arguments name."""
    return study_future(_yardstick, _scenario, year, cut_hours=cut_hours, weak=_study.weak)


@st.cache_resource(show_spinner="Adding up what is drawn ...", max_entries=16)
def _peaks(
    path: str, modified_ns: int, scenario_text: str, _study: Study, _scenario: DemandScenario
) -> pd.DataFrame:
    """Peaks of the scenario that the first three arguments name."""
    return peak_by_group(_study.network, _study.supply, _scenario)
