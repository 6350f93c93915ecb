"""Page "Network and bottlenecks": where is the grid too weak, and what stands behind it."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import streamlit as st

from app_pages.asset_map import selected_asset, show_asset_map
from app_pages.frame import plain
from app_pages.headroom_view import show_headroom
from app_pages.network_layers import ColourBy, network_view
from app_pages.study import Choice, Study, choose, open_study
from capacity.bottlenecks import find_bottlenecks
from capacity.cards import asset_card, figure, headroom_bus, headroom_sentence
from capacity.data_quality import hold_back_bottlenecks, hold_back_headroom
from capacity.headroom import find_headroom
from capacity.impact import study_impact
from gridmodel import build_model


def show_network() -> None:
    """Map of the network with its bottlenecks, and a card of the asset clicked."""
    study = open_study()
    choice = choose(study)
    with st.sidebar:
        colour_by: ColourBy = st.radio("Colour by", ["Loading", "Voltage"], horizontal=True, key="colour_by")
    found = _bottlenecks(
        str(study.path),
        study.modified_ns,
        choice.scenario.scenario_id,
        choice.yardstick.limits.name,
        study,
        choice,
    )
    st.subheader(plain(study.network.info.get("name", study.path.name)))
    for feeder_id, reason in study.weak.items():
        st.warning(plain(f"Feeder {feeder_id}: data too weak for results, {reason}."))
    _figures(choice, found)
    _map_and_table(study, choice, found, colour_by)
    show_headroom(study, choice)
    st.caption(plain(study.network.info.get("credits", "")))


@st.cache_resource(show_spinner="Looking for the least cut ...", max_entries=32)
def _bottlenecks(
    path: str, modified_ns: int, scenario_id: str, limits_name: str, _study: Study, _choice: Choice
) -> gpd.GeoDataFrame:
    """Bottlenecks of what the first four arguments name: a least cut takes load flows, a click must not."""
    return hold_back_bottlenecks(find_bottlenecks(_choice.yardstick, _choice.solved), _study.weak)


def _figures(choice: Choice, found: gpd.GeoDataFrame) -> None:
    result = choice.result
    voltage = result.buses["vm_pu"]
    places = st.columns(6)
    places[0].metric("Demand", figure(result.demand_kw, 0, "kW"))
    places[1].metric("Without supply", figure(result.unserved_kw, 0, "kW"))
    places[2].metric("Losses", figure(result.loss_kw, 0, "kW"))
    places[3].metric("Lowest voltage", figure(voltage.min(), 4, "pu"))
    places[4].metric("Highest voltage", figure(voltage.max(), 4, "pu"))
    places[5].metric("Bottlenecks", len(found))


@st.fragment
def _map_and_table(study: Study, choice: Choice, found: gpd.GeoDataFrame, colour_by: ColourBy) -> None:
    left, right = st.columns([3, 2])
    with right:
        row = _bottleneck_table(found, choice)
    with left:
        show_asset_map(study, network_view(study, choice, colour_by), found, row, key="network")
    with right:
        _card(study, choice)


def _bottleneck_table(found: gpd.GeoDataFrame, choice: Choice) -> int | None:
    """The ranked table; returns the position of the row clicked."""
    st.markdown("**Bottlenecks**, most unserved kW first")
    if found.empty:
        st.success(f"Every limit of {plain(choice.yardstick.limits.name)} holds and everybody is supplied.")
        return None
    shown = pd.DataFrame(found.drop(columns="geometry"))[
        ["element_id", "check", "unserved_kw", "customers_affected", "feeder_id", "root_cause"]
    ]
    event = st.dataframe(
        shown.assign(check=shown["check"].str.replace("_", " ")),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"bottlenecks-{choice.scenario.scenario_id}-{choice.yardstick.limits.name}",
        column_config={
            "element_id": "Asset",
            "check": "Limit",
            "unserved_kw": st.column_config.NumberColumn("Unserved [kW]", format="%.0f"),
            "customers_affected": "Customers",
            "feeder_id": "Feeder",
            "root_cause": "Cause",
        },
    )
    rows = event["selection"]["rows"]
    return rows[0] if rows else None


def _card(study: Study, choice: Choice) -> None:
    st.markdown("**Asset**")
    selected = selected_asset(study)
    if selected is None:
        st.caption("Click a line or a station on the map, or a row of the table.")
        return
    table, element_id = selected
    card = asset_card(choice.yardstick, study.catalogue, choice.result, table, element_id, weak=study.weak)
    st.dataframe(pd.DataFrame(card, columns=["", "value"]), hide_index=True, key="card")
    if st.button("How much more load fits here?", key="ask_headroom"):
        _headroom(study, choice, headroom_bus(choice.yardstick, table, element_id))


def _headroom(study: Study, choice: Choice, bus_id: str) -> None:
    with st.spinner("Searching ..."):
        impact = study_impact(
            build_model(study.network), choice.scenario, choice.yardstick.limits, supply=study.supply
        )
        answer = hold_back_headroom(find_headroom(impact, [bus_id]), study.supply, study.weak).iloc[0]
    st.info(plain(headroom_sentence(answer)))
