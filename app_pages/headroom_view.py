"""Headroom at every bus, under the map: where capacity could be sold, as a table and a file."""

from __future__ import annotations

import geopandas as gpd
import streamlit as st

from app_pages.study import Choice, Study
from capacity.data_quality import hold_back_headroom
from capacity.headroom import Direction, find_headroom
from capacity.headroom_summary import headroom_csv, in_words, station_headroom
from capacity.impact import study_impact
from gridmodel import build_model


def show_headroom(study: Study, choice: Choice) -> None:
    """Ask for all buses at once, and show stations with most room first."""
    with st.expander("Where could more be connected?"):
        direction: Direction = st.radio(
            "Kind", ["load", "generation"], horizontal=True, key="headroom_direction"
        )
        question = (choice.scenario, choice.yardstick.limits, direction)
        if st.button("Ask every bus", key="ask_all_headroom"):
            st.session_state["headroom_asked"] = question
        if st.session_state.get("headroom_asked") != question:
            st.caption("The largest addition each bus can take alone, before any limit is hit.")
            return
        found = _at_all_buses(
            str(study.path), study.modified_ns, choice.scenario.scenario_id, choice.yardstick.limits.name,
            direction, study, choice,
        )  # fmt: skip
        _stations(found, choice)
        st.download_button(
            "All buses as a table", headroom_csv(found), "headroom.csv", "text/csv", key="headroom_file"
        )


def _stations(found: gpd.GeoDataFrame, choice: Choice) -> None:
    st.caption(in_words(found))
    stations = station_headroom(found, choice.yardstick)
    st.dataframe(
        stations.assign(binding_check=stations["binding_check"].str.replace("_", " ")),
        hide_index=True,
        key="headroom_stations",
        column_config={
            "station_id": "Station",
            "bus_id": None,
            "feeder_id": "Feeder",
            "headroom_kw": st.column_config.NumberColumn("At its busbar [kW]", format="%.0f"),
            "binding_check": "What binds",
            "binding_id": "Where",
            "status": "Status",
            "buses": "Buses behind it",
            "least_kw": st.column_config.NumberColumn("Least behind it [kW]", format="%.0f"),
        },
    )


@st.cache_resource(show_spinner="Asking every bus ...", max_entries=16)
def _at_all_buses(
    path: str,
    modified_ns: int,
    scenario_id: str,
    limits_name: str,
    direction: Direction,
    _study: Study,
    _choice: Choice,
) -> gpd.GeoDataFrame:
    """Headroom of a network that the first five arguments name."""
    limits = _choice.yardstick.limits
    impact = study_impact(build_model(_study.network), _choice.scenario, limits, supply=_study.supply)
    found = find_headroom(impact, direction=direction)
    return hold_back_headroom(found, _study.supply, _study.weak)
