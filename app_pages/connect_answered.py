"""Asking: the grid that is shared by all users, the answer to one question, and what else is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app_pages.study import Choice, Study
from capacity.assumptions import read_assumptions
from capacity.connection import Assessment, ConnectionConfig, assess_on
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.site_cases import connection_grid
from capacity.data_quality import hold_back_assessment
from capacity.demand.development import Development
from capacity.sensitivity import sensitivity_of

_ANSWERED = "connection_answered"
_SENSITIVITY = "connection_sensitivity"
Question = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Answered:
    """An answer with all that it depends on; `number` counts those of a session."""

    number: int
    question: Question
    grid: ConnectionGrid
    config: ConnectionConfig
    answer: Assessment


def question_of(choice: Choice, development: Development | None) -> Question:
    """All that an answer depends on."""
    return (development, choice.scenario, choice.yardstick.limits)


def answer_to(question: Question) -> Answered | None:
    """The answer given to exactly this question: never the verdict of other figures or another place."""
    answered: Answered | None = st.session_state.get(_ANSWERED)
    return answered if answered is not None and answered.question == question else None


def ask(study: Study, choice: Choice, development: Development) -> None:
    """Answer a question, and keep the answer for this session."""
    with st.spinner("Checking every way to connect it by load flow ..."):
        answer = answer_on(study, choice, development)
    before: Answered | None = st.session_state.get(_ANSWERED)
    st.session_state[_ANSWERED] = Answered(
        1 if before is None else before.number + 1, question_of(choice, development),
        grid_of_choice(study, choice), config_of(choice), answer,
    )  # fmt: skip


def answer_on(study: Study, choice: Choice, development: Development) -> Assessment:
    """The answer to a development; without figures where the data are too weak for them."""
    found = assess_on(grid_of_choice(study, choice), development, config_of(choice))
    return hold_back_assessment(found, study.supply, study.weak)


def config_of(choice: Choice) -> ConnectionConfig:
    """How connections are judged under what is chosen in the sidebar."""
    return ConnectionConfig(choice.scenario.scenario_id, choice.yardstick.limits, read_assumptions())


def grid_of_choice(study: Study, choice: Choice) -> ConnectionGrid:
    """The grid that connections are judged on, with its cases solved; shared, never changed."""
    limits = choice.yardstick.limits
    return _solve(str(study.path), study.modified_ns, choice.scenario.scenario_id, limits.name, study, choice)


@st.cache_resource(show_spinner="Solving the grid in every case ...", max_entries=8)
def _solve(
    path: str, modified_ns: int, scenario_id: str, limits: str, _study: Study, _choice: Choice
) -> ConnectionGrid:
    return connection_grid(_study.network, config_of(_choice), catalogue=_study.catalogue)


def known_sensitivity(answered: Answered) -> pd.DataFrame | None:
    """The answer at other demands per home, where it was asked for."""
    found: tuple[int, pd.DataFrame] | None = st.session_state.get(_SENSITIVITY)
    return found[1] if found is not None and found[0] == answered.number else None


def ask_sensitivity(study: Study, answered: Answered) -> pd.DataFrame:
    """Give the answer again at other demands per home, and keep that for this session."""
    development = answered.answer.development
    with st.spinner("Checking it at other demands per home ..."):
        table = sensitivity_of(answered.grid, development, answered.config, study.weak)
    st.session_state[_SENSITIVITY] = (answered.number, table)
    return table
