"""Page "Connect a site": a place, four figures, one sentence; all figures behind it for the planner."""

from __future__ import annotations

from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from app_pages.connect_answer import show_options_in_words, show_verdict
from app_pages.connect_answered import (
    Answered,
    answer_to,
    ask,
    complete,
    grid_of_choice,
    question_of,
)
from app_pages.connect_files import show_letter, show_register_button
from app_pages.connect_further import show_further
from app_pages.connect_map import show_site
from app_pages.connect_planner import RANK, show_planner
from app_pages.connect_question import ask_development
from app_pages.frame import plain
from app_pages.study import Choice, Study, choose, open_study
from capacity.demand.development import Development

_CHECKED: Final = "Checked: every way in reach; works on the existing grid too, where they may be cheaper."


def show_connect() -> None:
    """Ask for a place and a number of homes, and give the verdict."""
    study = open_study()
    choice = choose(study)
    st.subheader("Can a development be connected here?")
    _ask_and_answer(study, choice)


@st.fragment
def _ask_and_answer(study: Study, choice: Choice) -> None:
    left, right = st.columns([7, 4])
    with right:
        development = ask_development(study)
        _ask_button(study, choice, development)
        answered = answer_to(question_of(choice, development))
    with left:
        show_site(study, choice, development, answered, st.session_state.get(RANK, 1))
        if answered is not None:
            show_verdict(answered.answer)
        how_far = st.empty()
    if answered is None:
        grid_of_choice(study, choice)  # so that the first answer need not wait for it
        return
    _show_answer(study, answered)
    _say_how_far(how_far, study, answered)


def _say_how_far(place: DeltaGenerator, study: Study, answered: Answered) -> None:
    """Complete an answer once it is shown, and show it again."""
    if answered.complete:
        if answered.answer.verdict != "undetermined":
            place.caption(_CHECKED)
        return
    with place, st.spinner("Looking whether works on the existing grid are cheaper ..."):
        complete(study, answered)
    st.session_state.pop(RANK, None)
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is being shown
        st.rerun()


def _ask_button(study: Study, choice: Choice, development: Development | None) -> None:
    asked = st.button("Check the connection", type="primary", disabled=development is None, key="check")
    if asked and development is not None:
        st.session_state.pop(RANK, None)
        ask(study, choice, development)


def _show_answer(study: Study, answered: Answered) -> None:
    customer, planner = st.tabs(
        ["For the customer", "For the planner"], key="connect_view", on_change="rerun"
    )
    if planner.open:
        with planner:
            show_planner(study, answered)
        return
    with customer:
        st.markdown("**Ways to connect it**, the best first")
        show_options_in_words(answered.answer)
        if answered.complete:
            show_further(answered)
            show_letter(answered)
            show_register_button(study, answered)
        else:
            st.caption("Letter and register follow when the answer is complete.")
        basis = answered.answer.basis
        st.caption(
            plain(
                f"Indicative, not an offer. {basis['scenario']}; limits {basis['limits']}; costs "
                f"{basis['cost_table']}."
            )
        )
