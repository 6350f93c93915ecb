"""A plan being made, on the page: start, how far it is, stop with the best so far, go on."""

from __future__ import annotations

import streamlit as st

from app_pages.frame import plain
from app_pages.plan_shelf import put_on_shelf
from app_pages.session_folder import session_folder
from app_pages.study import Study
from capacity.planning.background_plan import PlanQuestion, PlanRun
from capacity.planning.plan_reading import read_plan
from gis import InputError

_RUN, _PROBLEM, _STOPPED = "plan_run", "plan_problem", "plan_stopped"
_LOOK_EVERY_S = 1.0


def show_run(study: Study, question: PlanQuestion | None) -> None:
    """Buttons of the run; while it goes, how far it is. A plan that is done goes on the shelf."""
    run: PlanRun | None = st.session_state.get(_RUN)
    if run is not None:
        st.fragment(_watch, run_every=_LOOK_EVERY_S)(study)
        return
    stopped = question is not None and st.session_state.get(_STOPPED) == question.key
    label = "Go on with this plan" if stopped else "Make the plan"
    st.button(
        label, type="primary", key="plan_start", disabled=question is None, on_click=_start, args=(question,)
    )
    if problem := st.session_state.get(_PROBLEM):
        st.error("No plan was made:")
        st.code(problem, language=None, wrap_lines=True)


def _start(question: PlanQuestion) -> None:
    st.session_state[_RUN] = PlanRun(question, session_folder().path)
    st.session_state.pop(_PROBLEM, None)
    st.session_state.pop(_STOPPED, None)


def _watch(study: Study) -> None:
    """How far the run is; once it has ended, the whole page is drawn again."""
    run: PlanRun | None = st.session_state.get(_RUN)
    if run is None:
        return
    if not run.is_running:
        _finish(study, run)
        st.rerun()
    said = run.progress
    broken = "" if said.violations is None else f" · {said.violations:,} limits still broken"
    stage = "Stopping: the best plan so far is solved in every case" if run.is_stopping else said.stage
    with st.container(border=True):
        left, right = st.columns([3, 1])
        cost = f"{said.cost_eur:,.0f} {plain(said.currency)}"
        so_far = f"{said.steps:,} steps so far for {cost}" if said.steps else "no step yet"
        left.markdown(f"**{plain(stage)}** · {so_far}{broken}")
        right.button(
            "Stop", key="plan_cancel", on_click=run.cancel, disabled=run.is_stopping,
            help="Keeps the best plan so far and shows it; you can go on with it later.",
        )  # fmt: skip


def _finish(study: Study, run: PlanRun) -> None:
    """Take what the run has made, or keep what went wrong in words."""
    del st.session_state[_RUN]
    outcome = run.outcome()
    if outcome.plan is None:
        st.session_state[_PROBLEM] = outcome.problem
        return
    try:
        report = read_plan(outcome.plan, study.network)
    except InputError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    if report.plan.status == "cancelled":
        st.session_state[_STOPPED] = run.question.key
    put_on_shelf(report)
