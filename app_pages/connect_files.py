"""The letter of an answer, in the language of the customer, and the way of an answer into the register."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from app_pages.connect_answered import Answered
from app_pages.frame import plain
from app_pages.register_file import ask_user, register_of
from app_pages.study import Study
from capacity.demand.development import Development
from capacity.language import languages
from capacity.letter import Letter, letter_html, letter_json, letter_of, letter_pdf
from capacity.letter.context import context_of
from capacity.store.repeating import keep

_PUT: Final = "register_put_as"
_FORMS: Final[tuple[tuple[str, str, str, Callable[[Letter], bytes | str]], ...]] = (
    ("Letter (PDF)", "pdf", "application/pdf", letter_pdf),
    ("Letter (web page)", "html", "text/html", letter_html),
    ("For systems (JSON)", "json", "application/json", letter_json),
)


def show_letter(answered: Answered) -> None:
    """Let the letter be taken home; it is written when it is asked for."""
    known = languages()
    places = st.columns([2, 2, 2, 2], vertical_alignment="bottom")
    language = places[0].selectbox(
        "Language of the letter",
        list(known),
        format_func=lambda code: known[code].name,
        key="letter_language",
    )
    for place, (label, ending, kind, write) in zip(places[1:], _FORMS, strict=True):
        place.download_button(
            label, partial(_written, answered, language, write), f"connection-{language}.{ending}", kind,
            key=f"letter_{ending}", on_click="ignore",
        )  # fmt: skip


def show_register_button(study: Study, answered: Answered) -> None:
    """Put the application and its answer into the register, signed."""
    user, button = st.columns([2, 2], vertical_alignment="bottom")
    with user:
        name = ask_user()
    button.button(
        "Put it into the register", key="register_put", disabled=not name, on_click=_put,
        args=(study, name, answered),
    )  # fmt: skip
    if put := st.session_state.get(_PUT):
        number, question = put
        if question == answered.question:
            st.success(f"In the register as {plain(number)}.")


def _put(study: Study, user: str, answered: Answered) -> None:
    store = register_of(study, user, create=True)
    assert store is not None  # it is made
    application = store.add(_new(answered.answer.development), study.network.crs)
    keep(store, application, answered.answer, study.network, answered.config)
    st.session_state[_PUT] = (application.application_id, answered.question)


def _new(development: Development) -> Development:
    """The development as a new application of today; the register numbers it."""
    applied_on = development.applied_on or dt.date.today()
    return replace(development, site_id="", applied_on=applied_on)


def _written(answered: Answered, language: str, write: Callable[[Letter], bytes | str]) -> bytes | str:
    return write(_letter(answered, language))


def _letter(answered: Answered, language: str) -> Letter:
    context = context_of(answered.grid, answered.answer, issued_on=dt.date.today())
    return letter_of(answered.answer, language=language, context=context)
