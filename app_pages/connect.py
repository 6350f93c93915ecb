"""Page "Connect a site": a place, four figures, one sentence; all figures behind it for the planner."""

from __future__ import annotations

import streamlit as st

from app_pages.connect_answer import show_options_in_words, show_verdict
from app_pages.connect_answered import Answered, answer_to, ask, question_of
from app_pages.connect_files import show_letter, show_register_button
from app_pages.connect_further import show_further
from app_pages.connect_map import show_site
from app_pages.connect_planner import RANK, show_planner
from app_pages.connect_question import ask_development
from app_pages.frame import plain
from app_pages.study import Choice, Study, choose, open_study
from capacity.demand.development import Development


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
    if answered is not None:
        _show_answer(study, answered)


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
        show_further(answered)
        show_letter(answered)
        show_register_button(study, answered)
        basis = answered.answer.basis
        st.caption(
            plain(
                f"Indicative, not an offer. {basis['scenario']}; limits {basis['limits']}; costs "
                f"{basis['cost_table']}."
            )
        )
