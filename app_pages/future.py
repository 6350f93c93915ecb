"""Page "Demand and bottlenecks by year": what is drawn in which year, and where the grid is then too weak."""

from __future__ import annotations

from typing import cast, get_args

import pandas as pd
import streamlit as st

from app_pages.asset_map import selected_asset, show_asset_map
from app_pages.frame import Columns, plain
from app_pages.future_layers import CompareBy, comparison_map, future_map
from app_pages.future_study import Question, ask, peaks, studied
from app_pages.future_view import show_assumptions, show_differences, show_figures, show_files, show_peaks
from app_pages.study import Study, open_study
from capacity.study.future_card import causes_of, chain_table, future_card, worst_chain
from capacity.study.future_comparison import FutureComparison, compare_futures
from capacity.study.future_year import FutureYear
from gis import InputError
from gis.webmap import NetworkMap

_NUMBER = st.column_config.NumberColumn
_COLUMNS: Columns = {
    "element_id": "Asset",
    "unserved_kw": _NUMBER("Cut [kW]", format="%.0f", width=70, help="Of the least cut, what it asks for."),
    "hours_over": _NUMBER("Over [h]", format="%.0f", width=70),
    "check": "Limit",
    "loading_percent": _NUMBER("Loading [%]", format="%.0f", width=80),
    "vm_pu": _NUMBER("Voltage [pu]", format="%.3f", width=85),
    "customers_affected": _NUMBER("Customers", width=80, help="Who is behind it."),
    "root_cause": "Cause",
}


def show_future() -> None:
    """Figures, map, bottlenecks and assumptions of one year, or of two scenarios beside each other."""
    study = open_study()
    question = ask(study)
    st.subheader(plain(f"{question.year}: {question.scenario.name}"))
    for feeder_id, reason in study.weak.items():
        st.warning(plain(f"Feeder {feeder_id}: data too weak for results, {reason}."))
    try:
        future = studied(study, question, question.scenario)
        compared = _compared(study, question, future)
    except InputError as error:  # of the scenario, not of the network: the page frame would say so
        st.error("This scenario cannot be studied on this network. All faults found:")
        st.code(str(error), language=None, wrap_lines=True)
        return
    if compared is not None:
        st.markdown(f"**A**: {plain(compared.a.scenario.name)}  \n**B**: {plain(compared.b.scenario.name)}")
    show_figures(future, question.yardstick.limits.name, None if compared is None else compared.b)
    _map_and_table(study, question, future, compared)
    if compared is not None:
        show_differences(compared)
    show_peaks(peaks(study, question.scenario))
    show_assumptions(question.scenario)
    show_files(future)
    st.caption(plain(study.network.info.get("credits", "")))


def _compared(study: Study, question: Question, future: FutureYear) -> FutureComparison | None:
    other = question.other
    if other is None:
        return None
    if other.base_year > question.year:
        st.warning(plain(f"{other.name} begins in {other.base_year}, after {question.year}: not compared."))
        return None
    return compare_futures(future, studied(study, question, other))


@st.fragment
def _map_and_table(
    study: Study, question: Question, future: FutureYear, compared: FutureComparison | None
) -> None:
    left, right = st.columns([3, 2])
    with right:
        row = _bottleneck_table(future, question)
    with left:
        show_asset_map(study, _view(study, question, future, compared), future.bottlenecks, row, key="future")
    with right:
        _card(study, question, future)


def _view(
    study: Study, question: Question, future: FutureYear, compared: FutureComparison | None
) -> NetworkMap:
    by = question.colour_by
    if compared is not None and by in get_args(CompareBy):
        return comparison_map(study, compared, cast(CompareBy, by))
    return future_map(study, question.yardstick, future, "Voltage" if by == "Voltage" else "Loading")


def _bottleneck_table(future: FutureYear, question: Question) -> int | None:
    """The ranked table; returns the position of the row clicked."""
    st.markdown("**Bottlenecks**, most unserved kW first")
    found = future.bottlenecks
    if found.empty:
        limits = plain(question.yardstick.limits.name)
        st.success(f"Every limit of {limits} holds in every hour and everybody is supplied.")
        return None
    shown = pd.DataFrame(found)[list(_COLUMNS)]
    event = st.dataframe(
        shown.assign(check=shown["check"].str.replace("_", " ")),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"future-bottlenecks-{future.scenario.scenario_id}-{future.year}-{question.yardstick.limits.name}",
        column_config=_COLUMNS,
    )
    rows = event["selection"]["rows"]
    return rows[0] if rows else None


def _card(study: Study, question: Question, future: FutureYear) -> None:
    st.markdown("**Asset**")
    selected = selected_asset(study)
    if selected is None:
        st.caption("Click a line or a station on the map, or a row of the table.")
        return
    card = future_card(future, *selected)
    st.dataframe(pd.DataFrame(card, columns=["", "value"]), hide_index=True, key="future_card")
    for cause in causes_of(future, *selected):
        st.caption(plain(cause))
    chain = worst_chain(future, question.yardstick, *selected)
    if chain is None:
        st.caption("No customer is supplied through it.")
        return
    st.markdown(f"**From the customer worst off behind it to the source**, {plain(str(chain['load_id']))}")
    st.info(plain(str(chain["sentence"])))
    st.dataframe(
        chain_table(chain),
        hide_index=True,
        key="future_chain",
        column_config={
            "link": "Link",
            "element": "Element",
            "used_percent": st.column_config.NumberColumn("Of its limit [%]", format="%.0f"),
            "change_percent": st.column_config.NumberColumn("Voltage it takes [%]", format="%.2f"),
        },
    )
