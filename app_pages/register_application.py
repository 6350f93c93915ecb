"""One application of the register: read, changed, checked, decided, and how it came about.

What is changed is written over the revision it was read at (`register_conflict` shows what happens when
somebody else was faster).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from app_pages.connect_answer import VERDICTS
from app_pages.connect_answered import config_of, grid_of_choice
from app_pages.frame import plain
from app_pages.register_conflict import CONFLICT, OPENED, forget_opened, show_conflict
from app_pages.study import Choice, Study
from capacity.demand.development import Supply, Voltage
from capacity.demand.development_text import (
    parse_floors,
    parse_homes,
    parse_phases,
    write_floors,
    write_homes,
    write_phases,
)
from capacity.store import Application, ConflictError, Store, outcomes_from
from gis import InputError

_MOST: Final = 100_000
_MOST_KW: Final = 1e6
_SUPPLY: Final[tuple[Supply, ...]] = ("firm", "flexible")
_VOLTAGE: Final[tuple[Voltage, ...]] = ("any", "low", "medium")
_HISTORY: Final = {
    "at": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss"),
    "user": "Who", "action": "What", "field": "Field", "before": "Before", "after": "After",
}  # fmt: skip


def show_application(study: Study, choice: Choice, store: Store | None, chosen: str | None) -> None:
    """Show the application picked in the list."""
    if store is None or chosen is None:
        st.info(
            "Tick an application in the list. New ones come from the page 'Connect a site' or from a file "
            "(tab 'Add many')."
        )
        return
    opened = _opened(store, chosen)
    if show_conflict(store):
        return
    left, right = st.columns([3, 2])
    with left:
        _change(store, opened)
    with right:
        _decide(store, opened)
        _check(study, choice, store, opened)
    _history(store, chosen)


def _opened(store: Store, chosen: str) -> Application:
    """The application as this session read it first: what it changes is a change of that revision."""
    opened: Application | None = st.session_state.get(OPENED)
    if opened is None or opened.application_id != chosen:
        forget_opened()
        opened = st.session_state[OPENED] = store.application(chosen)
    return opened


def _change(store: Store, opened: Application) -> None:
    """The fields of an application, to be changed."""
    asked, key = opened.development, f"{opened.application_id}_{opened.revision}"
    st.markdown(f"**{plain(opened.application_id)}** · {opened.status} · revision {opened.revision}")
    with st.form(f"application_{key}"):
        one, two = st.columns(2)
        name = one.text_input("Name", asked.name, max_chars=200, key=f"name_{key}")
        applicant = two.text_input("Applicant", opened.applicant, max_chars=200, key=f"applicant_{key}")
        homes = one.text_input(
            "Homes", write_homes(asked.homes), key=f"homes_{key}",
            help="Number x size = heating, semicolons between: 12x85=heat_pump; 6x120; 4=direct_electric",
        )  # fmt: skip
        floors = two.text_input(
            "Floor areas", write_floors(asked.floors), key=f"floors_{key}", help="Use = m²: shop=400; office=250"
        )
        figures = _figures(opened, key)
        phases = one.text_input(
            "Phases", write_phases(asked.phases), key=f"phases_{key}", help="Year = share: 2027=0.4; 2030=0.6"
        )
        applied_on = two.date_input("Applied on", asked.applied_on, key=f"applied_{key}", format="YYYY-MM-DD")
        supply = one.selectbox("Supply", _SUPPLY, _SUPPLY.index(asked.supply), key=f"supply_{key}")
        voltage = two.selectbox("Voltage wish", _VOLTAGE, _VOLTAGE.index(asked.voltage), key=f"voltage_{key}")
        note = st.text_area("Note", opened.note, max_chars=2000, key=f"note_{key}", height=80)
        saved = st.form_submit_button("Save", type="primary", key=f"save_{key}")
    if not saved:
        return
    try:
        development = replace(
            asked, name=name.strip() or asked.name, homes=parse_homes(homes), floors=parse_floors(floors),
            phases=_phases(phases), applied_on=_day(applied_on), supply=supply, voltage=voltage, **figures,
        )  # fmt: skip
    except (InputError, ValueError) as error:
        _refused(error)
        return
    changed = replace(opened, development=development, applicant=applicant.strip(), note=note.strip())
    _write_and_show(lambda: store.change(changed))
