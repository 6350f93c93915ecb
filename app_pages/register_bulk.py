"""Many applications at once from a file: the template, what the file holds, all of it added or none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from app_pages.connect_answered import config_of, grid_of_choice
from app_pages.frame import plain
from app_pages.register_file import register_of
from app_pages.register_studies import headings, show_table
from app_pages.session_folder import session_folder
from app_pages.study import Choice, Study
from capacity.connection.batch import RULE_WORDS, assess_batch
from capacity.data_quality import hold_back_assessment
from capacity.demand.development import Development
from capacity.import_session import keep_upload
from capacity.site_template import template_csv
from capacity.sites import read_developments
from capacity.store import Application
from gis import InputError

_MOST_MB: Final = 20


def show_bulk(study: Study, choice: Choice, user: str) -> None:
    """Offer the template, take a file of sites, check them at a glance, and add all of them."""
    st.markdown(
        "Take the template, which explains every column and has a row per site; fill it in; send it here."
    )
    st.download_button(
        "Template (CSV, for a spreadsheet)", lambda: template_csv(study.network), "sites.csv", "text/csv",
        key="register_template", on_click="ignore",
    )  # fmt: skip
    sent = st.file_uploader(
        "Your sites", type=["csv", "gpkg"], key="register_upload", max_upload_size=_MOST_MB,
        help="CSV with lon and lat, or a GeoPackage with a layer of sites.",
    )  # fmt: skip
    if sent is None:
        return
    try:
        developments = _read(study, Path(sent.name).suffix.lower(), sent.getvalue())
    except InputError as error:
        st.error(f"{plain(sent.name)} cannot be used. All faults found:")
        st.code(str(error), language=None, wrap_lines=True)
        return
    _show_found(developments)
    check, add = st.columns([1, 1])
    if check.button("Check all of them", key="register_check_all", disabled=not developments):
        _check(study, choice, developments)
    add.button(
        f"Add {len(developments):,} applications", type="primary", key="register_add_all",
        disabled=not developments, on_click=_add, args=(study, user, developments),
    )  # fmt: skip
    if said := st.session_state.pop("register_added", None):
        st.info(said)


def _check(study: Study, choice: Choice, developments: list[Development]) -> None:
    """Each on the grid as it is, as if it were the only one; shown until something else is asked."""
    with st.spinner(f"Checking {len(developments):,} sites by load flow ..."):
        found = assess_batch(
            grid_of_choice(study, choice), developments, config_of(choice),
            held=lambda answer: hold_back_assessment(answer, study.supply, study.weak),
        )  # fmt: skip
    show_table(
        found, "register_batch",
        {"rank": "", "light": "", **headings(found.drop(columns=["rank", "light"]))},
    )  # fmt: skip
    st.caption(plain(f"{RULE_WORDS}. Each as if it were the only one. Indicative, not an offer."))


def _read(study: Study, ending: str, content: bytes) -> list[Development]:
    path = keep_upload(session_folder(), [(f"sites{ending}", content)])
    return read_developments(path, study.network.crs)


def _show_found(developments: list[Development]) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "id": [one.site_id for one in developments],
                "name": [one.name for one in developments],
                "state": [one.status for one in developments],
                "homes": [one.home_count for one in developments],
                "charging points": [one.ev_points for one in developments],
                "stated demand [kW]": [one.demand_kw for one in developments],
                "solar [kW]": [one.pv_kw for one in developments],
            }
        ),
        hide_index=True,
        key="register_found",
        height=min(38 + 35 * max(len(developments), 1), 320),
    )


def _add(study: Study, user: str, developments: list[Development]) -> None:
    """Add all of them, or none; what the register refuses is told."""
    store = register_of(study, user, create=True)
    assert store is not None  # it is made
    crs = study.network.crs
    try:
        added = store.add_all([Application(one, crs) for one in developments])
    except InputError as error:
        st.session_state["register_added"] = plain(f"None was added. All faults found: {error}")
    else:
        st.session_state["register_added"] = f"{len(added):,} applications added."
