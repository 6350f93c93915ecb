"""Page "Register": applications as a list; one of them to change, check and decide; many at once; studies."""

from __future__ import annotations

import streamlit as st

from app_pages.frame import plain
from app_pages.register_application import show_application
from app_pages.register_bulk import show_bulk
from app_pages.register_file import ask_user, register_of, register_path
from app_pages.register_list import show_list
from app_pages.register_studies import show_portfolio, show_queue
from app_pages.study import Choice, Study, choose, open_study

_PARTS = ("Application", "Add many", "Queue", "Portfolio")


def show_register() -> None:
    """Show the register; everything that is written is signed by the name given in the sidebar."""
    study = open_study()
    choice = choose(study)
    with st.sidebar:
        user = ask_user()
    st.subheader("Register of applications")
    if not user:
        st.info("Give your name on the left: it stands beside every change you make.")
        return
    store = register_of(study, user, create=False)
    chosen = None if store is None else show_list(store)
    _show_parts(study, choice, user, chosen)
    st.caption(plain(f"Project file: {register_path(study).name}"))


def _show_parts(study: Study, choice: Choice, user: str, chosen: str | None) -> None:
    one, many, queue, portfolio = st.tabs(_PARTS, key="register_part", on_change="rerun")
    store = register_of(study, user, create=False)
    with one:
        if one.open:
            show_application(study, choice, store, chosen)
    with many:
        if many.open:
            show_bulk(study, choice, user)
    with queue:
        if queue.open:
            show_queue(study, choice, store)
    with portfolio:
        if portfolio.open:
            show_portfolio(study, choice, store)
