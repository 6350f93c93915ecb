"""What the applications of the register come to together: the queue, and a portfolio planned at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from app_pages.connect_answer import KINDS, VERDICTS
from app_pages.connect_answered import config_of, grid_of_choice
from app_pages.frame import Columns, plain
from app_pages.study import Choice, Study
from capacity.connection.cost_share import SHARE_RULES, ShareRule
from capacity.connection.portfolio import Portfolio, plan_portfolio
from capacity.connection.queue import QueueStudy, study_queue
from capacity.store import Application, Store

if TYPE_CHECKING:
    from streamlit.elements.lib.column_types import ColumnConfig

_QUEUE: Final = "register_queue"
_PORTFOLIO: Final = "register_portfolio"
# One site alone is no portfolio.
_LEAST: Final = 2
_NUMBER = st.column_config.NumberColumn
_APPLICATIONS: Final[Columns] = {
    "place": _NUMBER("Place", width=50),
    "site_id": "Application",
    "name": "Name",
    "status": "State",
    "verdict": "Answer behind those ahead",
    "demand_kw": _NUMBER("Demand [kW]", format="%.0f"),
    "works": "Works on the grid that it triggers",
    "cost_eur": _NUMBER("Cost", format="localized"),
    "months": _NUMBER("Months", format="%.0f", width=60),
    "alone_verdict": "Answer if it were alone",
    "by_the_queue_eur": _NUMBER("More by the queue", format="localized"),
    "reason": "Reason",
}


def show_queue(study: Study, choice: Choice, store: Store | None) -> None:
    """Judge all applications in their order: who triggers what, and what a withdrawal frees."""
    st.markdown(
        "Every application is judged on the grid that those ahead of it leave, in the order they came."
    )
    applications = [] if store is None else store.every_application()
    asked = (_versions(applications), choice.scenario, choice.yardstick.limits)
    if st.button("Judge the queue", key="queue_run", type="primary", disabled=not applications):
        with st.spinner("Judging one application after the other ..."):
            developments = [one.development_in(study.network.crs) for one in applications]
            found = study_queue(grid_of_choice(study, choice), developments, config_of(choice))
        st.session_state[_QUEUE] = (asked, found)
    known = st.session_state.get(_QUEUE)
    if known is not None and known[0] == asked:
        _show_study(known[1])


def show_portfolio(study: Study, choice: Choice, store: Store | None) -> None:
    """Plan several applications at once, and compare with one by one."""
    st.markdown("Several sites planned at once: the least cost together, against one by one in their order.")
    applications = {} if store is None else {one.application_id: one for one in store.every_application()}
    places = st.columns([3, 2])
    chosen = places[0].multiselect(
        "Applications", list(applications), key="portfolio_sites",
        format_func=lambda one: f"{one}: {applications[one].development.name}",
    )  # fmt: skip
    rule: ShareRule = places[1].selectbox(
        "Who pays what", list(SHARE_RULES), format_func=SHARE_RULES.__getitem__, key="portfolio_rule"
    )
    asked = (_versions([applications[one] for one in chosen]), rule, choice.scenario, choice.yardstick.limits)
    if st.button("Plan them together", key="portfolio_run", type="primary", disabled=len(chosen) < _LEAST):
        with st.spinner("Looking for the least cost of all of them together ..."):
            developments = [applications[one].development_in(study.network.crs) for one in chosen]
            found = plan_portfolio(grid_of_choice(study, choice), developments, config_of(choice), rule=rule)
        st.session_state[_PORTFOLIO] = (asked, found)
    known = st.session_state.get(_PORTFOLIO)
    if known is not None and known[0] == asked:
        _show_plan(known[1])


def _show_plan(found: Portfolio) -> None:
    st.success(plain(found.sentence))
    show_table(found.sites, "portfolio_table", headings(found.sites))
    st.markdown("**Works on the grid that they need together, and who pays for them**")
    if found.works.empty:
        st.caption("None.")
    else:
        show_table(found.works, "portfolio_works", headings(found.works))
    st.caption(plain(f"Rule of the shares: {SHARE_RULES[found.rule]}. Indicative, not an offer."))


def _versions(applications: list[Application]) -> tuple[tuple[str, int], ...]:
    """What a study depends on: each application at its revision."""
    return tuple((one.application_id, one.revision) for one in applications)


def _show_study(found: QueueStudy) -> None:
    st.markdown(f"**In their order**: {found.total_eur:,.0f} for all that are judged")
    show_table(found.applications.drop(columns="geometry"), "queue_applications", _APPLICATIONS)
    for title, rows, key in (
        ("Who triggers which works on the grid", found.works, "queue_works"),
        ("What is freed if one withdraws", found.withdrawals, "queue_withdrawals"),
        ("Applications that hang on each other", found.pairs, "queue_pairs"),
    ):
        st.markdown(f"**{title}**")
        if rows.empty:
            st.caption("None.")
        else:
            show_table(rows, key, headings(rows))
    st.caption(plain(f"Rule of the queue: {found.rule.name}. Indicative, not an offer."))


def show_table(rows: pd.DataFrame, key: str, columns: Columns) -> None:
    """A table of a study, its words as people say them."""
    words = {"verdict": VERDICTS, "alone_verdict": VERDICTS, "verdict_after": VERDICTS, "kind": KINDS}
    told = {name: words[name] for name in columns if name in words}
    st.dataframe(
        pd.DataFrame(rows)[[*columns]].replace(told), hide_index=True, key=key, column_order=list(columns),
        column_config=columns, height=min(38 + 35 * len(rows), 360),
    )  # fmt: skip


def headings(rows: pd.DataFrame) -> Columns:
    """Column names as headings with their units; money without cents."""
    return {name: _column(name) for name in rows.columns if name != "geometry"}


def _column(name: str) -> ColumnConfig | str:
    heading = name.removesuffix("_id").replace("_", " ").capitalize()
    if name.endswith("_eur"):
        return _NUMBER(heading.removesuffix(" eur"), format="localized")
    if name == "eur_per_kw":
        return _NUMBER("Cost per kW", format="%.0f")
    if name.endswith("_kw"):
        return _NUMBER(f"{heading.removesuffix(' kw')} [kW]", format="%.0f")
    if name.endswith("_m"):
        return _NUMBER(f"{heading.removesuffix(' m')} [m]", format="%.0f")
    return heading
