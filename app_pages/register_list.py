"""The register as a list with filters: every application with its state and the last answer to it."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from app_pages.connect_answer import VERDICTS
from app_pages.frame import Columns
from capacity.store import Store
from gis.schema import SITE_STATES

_NUMBER = st.column_config.NumberColumn
_NO_ANSWER: Final = "not checked yet"
_COLUMNS: Final[Columns] = {
    "application_id": "Id",
    "name": "Name",
    "status": "State",
    "applicant": "Applicant",
    "applied_on": st.column_config.DateColumn("Applied on"),
    "answer": "Answer",
    "assessed_at": st.column_config.DatetimeColumn("Checked at", format="YYYY-MM-DD HH:mm"),
    "changed_by": "Changed by",
    "changed_at": st.column_config.DatetimeColumn("Changed at", format="YYYY-MM-DD HH:mm"),
    "revision": _NUMBER("Revision", width=70),
    "note": "Note",
}


def show_list(store: Store) -> str | None:
    """Show the applications that the filters let through; returns the id of the one picked."""
    states, text, answers = _ask_filters()
    table = store.applications(statuses=states, text=text)
    table["answer"] = table["verdict"].map(VERDICTS).fillna(_NO_ANSWER)
    shown = table[table["answer"].isin(answers)] if answers else table
    event = st.dataframe(
        shown.reset_index(drop=True), hide_index=True, key="register_list", column_order=list(_COLUMNS),
        column_config=_COLUMNS, on_select="rerun", selection_mode="single-row",
        height=min(38 + 35 * max(len(shown), 1), 360),
    )  # fmt: skip
    st.caption(f"Applications: {len(shown):,}{_of_states(shown)}. Tick one to read or change it.")
    rows = event["selection"]["rows"]
    return str(shown["application_id"].iloc[rows[0]]) if rows and rows[0] < len(shown) else None


def _ask_filters() -> tuple[list[str], str, list[str]]:
    state, answer, search = st.columns([3, 3, 2])
    states = state.multiselect("State", list(SITE_STATES), key="register_states", placeholder="any state")
    answers = answer.multiselect(
        "Answer", [*VERDICTS.values(), _NO_ANSWER], key="register_answers", placeholder="any answer"
    )
    text = search.text_input("Search in id, name, applicant and note", key="register_search")
    return states, text, answers


def _of_states(table: pd.DataFrame) -> str:
    counts = table["status"].value_counts()
    told = ", ".join(f"{counts[state]:,} {state}" for state in SITE_STATES if state in counts.index)
    return f" ({told})" if told else ""
