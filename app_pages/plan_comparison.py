"""Two plans beside each other: figures, and on the map what differs."""

from __future__ import annotations

import streamlit as st

from app_pages.plan_shelf import Shelved
from app_pages.study import Study


def show_comparison(study: Study, at_hand: list[Shelved], chosen: Shelved) -> None:
    """Ask which plan to set beside the one shown, and show both."""
    others = [plan for plan in at_hand if plan is not chosen]
    if not others:
        return
    st.markdown("**Compare with another plan**")
