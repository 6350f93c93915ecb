"""One application of the register: read, changed, checked, decided, and how it came about.

What is changed is written over the revision it was read at (`register_conflict` shows what happens when
somebody else was faster).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final, TypedDict

import streamlit as st

from app_pages.connect_answer import VERDICTS
from app_pages.connect_answered import answer_on, config_of
from app_pages.connect_question import SUPPLY, VOLTAGE
from app_pages.frame import Columns, plain
from app_pages.register_conflict import OPENED, forget_opened, show_conflict, told, written
from app_pages.study import Choice, Study
from capacity.demand.development import Development, HomeGroup, Supply, Voltage
from capacity.demand.development_text import (
    parse_floors,
    parse_homes,
    parse_phases,
    write_floors,
    write_homes,
    write_phases,
)
from capacity.store import Application, Store, outcomes_from
from capacity.store.repeating import keep
from gis import InputError

_MOST: Final = 100_000
_MOST_KW: Final = 1e6
_HISTORY: Final[Columns] = {
    "at": st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss"),
    "user": "Who", "action": "What", "field": "Field", "before": "Before", "after": "After",
}  # fmt: skip


class _Texts(TypedDict):
    homes: str
    floors: str
    phases: str


class _Groups(TypedDict):
    homes: tuple[HomeGroup, ...]
    floors: tuple[tuple[str, float], ...]
    phases: tuple[tuple[int, float], ...]


class _Numbers(TypedDict):
    dwellings: int
    ev_points: int
    demand_kw: float
    pv_kw: float


class _Wishes(TypedDict):
    supply: Supply
    voltage: Voltage
    applied_on: date | None


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
    _say_newer(store, opened)
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


def _say_newer(store: Store, opened: Application) -> None:
    """Say that somebody has changed the application since it was opened here."""
    now = store.application(opened.application_id)
    if now.revision == opened.revision:
        return
    said, again = st.columns([4, 1], vertical_alignment="center")
    said.info(f"{plain(now.changed_by)} has changed this application since you opened it.")
    again.button("Read it again", key="register_again", on_click=forget_opened)


def _change(store: Store, opened: Application) -> None:
    """The fields of an application, to be changed."""
    key = f"{opened.application_id}_{opened.revision}"
    st.markdown(f"**{plain(opened.application_id)}** · {opened.status} · revision {opened.revision}")
    with st.form(f"application_{key}", enter_to_submit=False):
        one, two = st.columns(2)
        name = one.text_input("Name", opened.development.name, max_chars=200, key=f"name_{key}")
        applicant = two.text_input("Applicant", opened.applicant, max_chars=200, key=f"applicant_{key}")
        texts = _ask_texts(opened.development, key)
        figures = _ask_numbers(opened.development, key)
        wishes = _ask_wishes(opened.development, key)
        note = st.text_area("Note", opened.note, max_chars=2000, key=f"note_{key}", height=80)
        saved = st.form_submit_button("Save", type="primary", key=f"save_{key}")
    if not saved:
        return
    try:
        development = replace(opened.development, name=name.strip(), **_read(texts), **figures, **wishes)
    except (InputError, ValueError) as error:
        _refuse(error)
        return
    changed = replace(opened, development=development, applicant=applicant.strip(), note=note.strip())
    _do(lambda: store.change(changed))


def _ask_texts(asked: Development, key: str) -> _Texts:
    """Homes, floors and phases as texts of the form that files of sites have."""
    homes, floors, phases = st.columns(3)
    return {
        "homes": homes.text_input(
            "Homes", write_homes(asked.homes), key=f"homes_{key}",
            help="Number x size = heating, semicolons between: 12x85=heat_pump; 6x120; 4=direct_electric",
        ),
        "floors": floors.text_input(
            "Floor areas", write_floors(asked.floors), key=f"floors_{key}",
            help="Use = m²: shop=400; office=250",
        ),
        "phases": phases.text_input(
            "Phases", write_phases(asked.phases), key=f"phases_{key}",
            help="Year = share of the whole: 2027=0.4; 2030=0.6",
        ),
    }  # fmt: skip


def _read(texts: _Texts) -> _Groups:
    """What the texts say.

    Raises
    ------
    ValueError
        One of them is not of its form.
    """
    phases = parse_phases(texts["phases"], None) if texts["phases"].strip() else {}
    return {
        "homes": parse_homes(texts["homes"]),
        "floors": parse_floors(texts["floors"]),
        "phases": tuple(phases.items()),
    }


def _ask_numbers(asked: Development, key: str) -> _Numbers:
    places = st.columns(4)
    return {
        "dwellings": int(
            places[0].number_input("Further homes", 0, _MOST, asked.dwellings, key=f"dwellings_{key}")
        ),
        "ev_points": int(
            places[1].number_input("Charging points", 0, _MOST, asked.ev_points, key=f"points_{key}")
        ),
        "demand_kw": places[2].number_input(
            "Other demand [kW]", 0.0, _MOST_KW, asked.demand_kw, key=f"demand_{key}"
        ),
        "pv_kw": places[3].number_input("Solar [kW]", 0.0, _MOST_KW, asked.pv_kw, key=f"pv_{key}"),
    }


def _ask_wishes(asked: Development, key: str) -> _Wishes:
    supply, voltage, day = st.columns(3)
    return {
        "supply": supply.selectbox(
            "Supply", list(SUPPLY), list(SUPPLY).index(asked.supply), format_func=SUPPLY.__getitem__,
            key=f"supply_{key}",
        ),
        "voltage": voltage.selectbox(
            "Connection at", list(VOLTAGE), list(VOLTAGE).index(asked.voltage),
            format_func=VOLTAGE.__getitem__, key=f"voltage_{key}",
        ),
        "applied_on": day.date_input(
            "Applied on", asked.applied_on, key=f"applied_{key}", format="YYYY-MM-DD"
        ),
    }  # fmt: skip


def _decide(store: Store, opened: Application) -> None:
    """What may be decided in the state the application is in, and the state it leads to."""
    allowed = {one.name: one for one in outcomes_from(opened.status)}
    key = f"{opened.application_id}_{opened.revision}"
    st.markdown("**Decide**")
    chosen = st.selectbox(
        "Decision", list(allowed), format_func=lambda name: f"{name} → {allowed[name].to_state}",
        key=f"outcome_{key}",
    )  # fmt: skip
    if chosen is None:
        return
    st.caption(plain(allowed[chosen].meaning))
    reason = st.text_input("Reason", key=f"reason_{key}", max_chars=500)
    if st.button("Decide", key=f"decide_{key}"):
        _do(lambda: store.decide(opened, chosen, reason=reason.strip()))


def _check(study: Study, choice: Choice, store: Store, opened: Application) -> None:
    """The last answer to it, and another one on the grid as it is."""
    answers = store.assessments(opened.application_id)
    st.markdown("**Answer**")
    if len(answers):
        last = answers.iloc[-1]
        st.markdown(f"**{VERDICTS[last['verdict']]}.** {plain(last['sentence'].split(': ', 1)[-1])}")
        st.caption(plain(f"{last['assessment_id']}, {last['made_by']}, {last['made_at']}"))
    if st.button("Check it now", key=f"check_{opened.application_id}"):
        with st.spinner("Checking every way to connect it by load flow ..."):
            asked = opened.development_in(study.network.crs)
            answer = answer_on(study, choice, asked)
            keep(store, opened, answer, study.network, config_of(choice))
        st.rerun()


def _history(store: Store, chosen: str) -> None:
    with st.expander("History: every change, who and when"):
        rows = store.history(chosen)
        texts = {name: rows[name].map(told) for name in ("before", "after")}
        st.dataframe(
            rows.assign(**texts), hide_index=True, key="register_history", column_order=list(_HISTORY),
            column_config=_HISTORY,
        )  # fmt: skip


def _do(write: Callable[[], Application]) -> None:
    """Write, and show what stands then; what the register refuses is said."""
    try:
        written(write)
    except InputError as error:
        _refuse(error)
    else:
        st.rerun()


def _refuse(error: Exception) -> None:
    st.error("Nothing was written. What is wrong:")
    st.code(str(error), language=None, wrap_lines=True)
