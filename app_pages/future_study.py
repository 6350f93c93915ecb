"""What the page of years asks and studies: scenarios, a year, limits. Only finished tables are shared."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app_pages.frame import plain
from app_pages.study import Study, ask_limits
from capacity.checks import Yardstick
from capacity.demand_scenario import DemandScenario, read_demand_scenario, scenario_names
from capacity.future_year import EVERY_HOUR, FutureYear, peak_by_group, study_future
from capacity.uploaded_scenario import UPLOAD_MOST_BYTES, read_uploaded_scenario
from gis import InputError

# Hours in which the least cut is looked for, as they are offered.
CUT_HOURS = {24: "24 hours with most demand", EVERY_HOUR: "every hour over a limit (slow)"}
OWN = "own"
_FIRST = "electrification"


@dataclass(frozen=True, eq=False)
class Question:
    """What the user looks at: one scenario in one year, perhaps another beside it."""

    scenario: DemandScenario
    other: DemandScenario | None
    year: int
    yardstick: Yardstick
    cut_hours: int


def ask(study: Study) -> Question:
    """Ask in the sidebar; a scenario sent that cannot be used is refused with all its faults."""
    with st.sidebar:
        own = _own_scenario()
        known = {name: read_demand_scenario(name) for name in scenario_names()}
        known |= {} if own is None else {OWN: own}
        names = list(known)
        first = names.index(OWN if own is not None else _FIRST)
        scenario = known[
            st.selectbox(
                "Demand scenario", names, index=first, format_func=lambda name: _title(name, known),
                key=f"future_scenario{'_own' if own else ''}",
            )
        ]  # fmt: skip
        year = _year(scenario)
        others = [None, *(name for name in names if known[name] is not scenario)]
        other = st.selectbox(
            "Compare with", others, format_func=lambda name: _title(name, known), key="future_other"
        )
    yardstick = ask_limits(study)
    with st.sidebar:
        cut_hours = st.selectbox(
            "Look for the least cut in", list(CUT_HOURS), format_func=CUT_HOURS.__getitem__, key="future_cut"
        )
    return Question(scenario, None if other is None else known[other], year, yardstick, cut_hours)


def studied(study: Study, question: Question, scenario: DemandScenario) -> FutureYear:
    """The year of the question under one scenario."""
    return _study_future(
        str(study.path), study.modified_ns, scenario.model_dump_json(), question.year,
        question.yardstick.limits.name, question.cut_hours, study, question.yardstick, scenario,
    )  # fmt: skip


def peaks(study: Study, scenario: DemandScenario) -> pd.DataFrame:
    """Peak by group in every year of a scenario."""
    return _peaks(str(study.path), study.modified_ns, scenario.model_dump_json(), study, scenario)


def _title(name: str | None, known: dict[str, DemandScenario]) -> str:
    """How a scenario is called: the widget shows text, never markup."""
    if name is None:
        return "nothing"
    return f"Yours: {known[name].name}" if name == OWN else known[name].name


def _year(scenario: DemandScenario) -> int:
    years = list(scenario.years)
    if len(years) == 1:
        st.caption(f"Year: {years[0]}, the only one of this scenario")
        return years[0]
    chosen: int = st.select_slider(
        "Year", years, value=years[-1], key=f"future_year_{'-'.join(map(str, years))}"
    )
    return chosen


def _own_scenario() -> DemandScenario | None:
    """The scenario this session has sent, if it makes sense."""
    sent = st.file_uploader(
        "Your own scenario (TOML)", type="toml", key="future_upload",
        help=f"At most {UPLOAD_MOST_BYTES / 1e6:g} MB. Its form is in docs/scenarios.md. It stays in this session.",
    )  # fmt: skip
    if sent is None:
        return None
    if sent.size > UPLOAD_MOST_BYTES:
        st.error(f"{plain(sent.name)} is larger than {UPLOAD_MOST_BYTES / 1e6:g} MB.")
        return None
    try:
        return read_uploaded_scenario(sent.getvalue(), sent.name)
    except InputError as error:
        st.error("This scenario cannot be used. All faults found:")
        st.code(str(error), language=None, wrap_lines=True)
        return None


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
