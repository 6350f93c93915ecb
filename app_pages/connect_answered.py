"""Asking: the grid that is shared by all users, the answer to one question, and what else is known of it.

The answer comes in two steps. What fits as the grid is stands at once; whether works on the existing grid
would be cheaper takes seconds more and is looked for once the first answer is shown (`complete`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from app_pages.study import Choice, Study
from capacity.assumptions import only_if_none_fits, read_assumptions
from capacity.connection import Assessment, ConnectionConfig, assess_on
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.quick_judging import DEARER
from capacity.connection.site_cases import connection_grid, with_assumptions
from capacity.data_quality import hold_back_assessment
from capacity.demand.development import Development
from capacity.sensitivity import sensitivity_of

_ANSWERED = "connection_answered"
_SENSITIVITY = "connection_sensitivity"
Question = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Answered:
    """An answer with all that it depends on; `number` counts those of a session.

    Attributes
    ----------
    complete
        Works on the existing grid were looked for wherever they may be cheaper; only such an answer is for a
        letter or the register.
    """

    number: int
    question: Question
    grid: ConnectionGrid
    config: ConnectionConfig
    answer: Assessment
    complete: bool


def question_of(choice: Choice, development: Development | None) -> Question:
    """All that an answer depends on."""
    return (development, choice.scenario, choice.yardstick.limits)


def answer_to(question: Question) -> Answered | None:
    """The answer given to exactly this question: never the verdict of other figures or another place."""
    answered: Answered | None = st.session_state.get(_ANSWERED)
    return answered if answered is not None and answered.question == question else None


def ask(study: Study, choice: Choice, development: Development) -> None:
    """Answer a question as far as that is quick, and keep the answer for this session."""
    config = config_of(choice)
    quick = _quick(config)
    grid, quick_grid = _grids_of_choice(study, choice)
    with st.spinner("Checking every way to connect it by load flow ..."):
        answer = _held_back(study, assess_on(quick_grid, development, quick))
    before: Answered | None = st.session_state.get(_ANSWERED)
    st.session_state[_ANSWERED] = Answered(
        1 if before is None else before.number + 1, question_of(choice, development), grid, config, answer,
        complete=quick == config or _is_whole(answer),
    )  # fmt: skip


def complete(study: Study, answered: Answered) -> None:
    """Judge what the quick answer left out, works on the existing grid too; keep it for this session."""
    found = assess_on(answered.grid, answered.answer.development, answered.config)
    if st.session_state.get(_ANSWERED) is answered:
        whole = replace(answered, answer=_held_back(study, found), complete=True)
        st.session_state[_ANSWERED] = whole


def answer_on(study: Study, choice: Choice, development: Development) -> Assessment:
    """The whole answer to a development; without figures where the data are too weak for them."""
    return _held_back(study, assess_on(grid_of_choice(study, choice), development, config_of(choice)))


def _is_whole(quick: Assessment) -> bool:
    """Tell whether a quick answer left nothing out: neither dearer options nor works that may be cheaper."""
    if (quick.not_offered["reason"] == DEARER).any():
        return False
    best = quick.ranked[0] if quick.ranked else None
    if best is None or not best.fits:
        return True
    return all(one.fits or one.option.problem or one.cost.eur >= best.cost.eur for one in quick.ranked)


def _held_back(study: Study, found: Assessment) -> Assessment:
    """The answer without figures where the data are too weak for them."""
    return hold_back_assessment(found, study.supply, study.weak)


def config_of(choice: Choice) -> ConnectionConfig:
    """How connections are judged under what is chosen in the sidebar."""
    return ConnectionConfig(choice.scenario.scenario_id, choice.yardstick.limits, read_assumptions())


def _quick(config: ConnectionConfig) -> ConnectionConfig:
    """The same, works looked for only where nothing fits without."""
    return replace(config, assumptions=only_if_none_fits(config.assumptions))


def grid_of_choice(study: Study, choice: Choice) -> ConnectionGrid:
    """The grid that connections are judged on, with its cases solved; shared, never changed."""
    return _grids_of_choice(study, choice)[0]


def _grids_of_choice(study: Study, choice: Choice) -> tuple[ConnectionGrid, ConnectionGrid]:
    """That grid, and the same for quick answers: each keeps what it has worked out for the next answer."""
    limits = choice.yardstick.limits
    return _solve(str(study.path), study.modified_ns, choice.scenario.scenario_id, limits.name, study, choice)


@st.cache_resource(show_spinner="Solving the grid in every case ...", max_entries=8)
def _solve(
    path: str, modified_ns: int, scenario_id: str, limits: str, _study: Study, _choice: Choice
) -> tuple[ConnectionGrid, ConnectionGrid]:
    config = config_of(_choice)
    grid = connection_grid(_study.network, config, catalogue=_study.catalogue)
    quick = with_assumptions(grid, _quick(config))
    _ = quick.router  # made here, so that the first answer need not wait for it
    return grid, quick


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
