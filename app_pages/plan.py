"""Page "Expansion plan": what to build, where, when and at what cost, so that every limit holds."""

from __future__ import annotations

import streamlit as st

from app_pages.frame import plain
from app_pages.plan_comparison import show_comparison
from app_pages.plan_question import ask_question
from app_pages.plan_run import show_run
from app_pages.plan_shelf import Shelved, plans_at_hand
from app_pages.plan_view import show_answer, show_files, show_map_and_steps, show_money, show_unresolved
from app_pages.study import open_study


def show_plan() -> None:
    """Ask for a plan, make it, and show it: answer, figures, map, steps, what is left, files, comparison."""
    study = open_study()
    question = ask_question(study)
    at_hand = plans_at_hand(study)
    st.subheader("Expansion plan")
    for feeder_id, reason in study.weak.items():
        st.warning(plain(f"Feeder {feeder_id}: data too weak to plan on, {reason}."))
    show_run(study, question)
    if not at_hand:
        st.info(
            "Say on the left what the plan must hold in and what it may use. The cheapest set of measures is "
            "then searched for, and proved by a load flow of every case on the changed network."
        )
        return
    chosen = _choose(at_hand)
    show_answer(chosen.report)
    show_map_and_steps(study, chosen.report)
    show_unresolved(chosen.report)
    show_money(chosen.report)
    show_files(chosen.report)
    show_comparison(study, at_hand, chosen)
    st.caption(plain(study.network.info.get("credits", "")))


def _choose(at_hand: list[Shelved]) -> Shelved:
    """Which plan is looked at: the latest, unless another one is chosen."""
    if len(at_hand) == 1:
        return at_hand[0]
    number: int = st.selectbox(
        "Plan", range(len(at_hand)), format_func=lambda one: at_hand[one].name,
        key=f"plan_shown_{len(at_hand)}_{at_hand[0].name}",
    )  # fmt: skip
    return at_hand[number]
