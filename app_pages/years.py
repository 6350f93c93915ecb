"""Page "Demand and bottlenecks by year": what customers draw then, and where the grid is too weak."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import pandas as pd
import streamlit as st

from app_pages.frame import plain
from app_pages.map_frame import Focus, asset_url, focus_on, new_click, show_map
from app_pages.network_layers import ColourBy, class_layers, network_legends, percent_layers
from app_pages.study import open_study
from app_pages.year_study import (
    YearChoice,
    ask_other,
    bottlenecks,
    chains,
    choose_year,
    least_cut,
    show_assumptions,
    studied,
    summary,
    year_figures,
)
from capacity.cards import figure
from capacity.study.comparison import compare_years
from capacity.year_view import COMPARED, compared_classes, customers_behind, growth, worst_used_percent
from gis.webmap import PALETTE, Legend, NetworkMap, Swatch, highlight, nearest_asset, network_map

PICK_RADIUS_PX = 12
_COLUMNS = (
    "element_id",
    "check",
    "hours_over",
    "kwh_over",
    "unserved_kwh",
    "customers_affected",
    "root_cause",
)


def show_years() -> None:
    """Figures, map, bottlenecks, growth and comparison of one year of a demand scenario."""
    study = open_study()
    choice = choose_year(study)
    if choice is None:
        st.info("Give a scenario file on the left, or choose a shipped one.")
        return
    other = ask_other(choice)
    with st.sidebar:
        by: ColourBy = st.radio("Colour by", ["Loading", "Voltage"], horizontal=True, key="year_colour_by")
    st.subheader(plain(f"{choice.scenario.name}: {choice.year}"))
    found = bottlenecks(choice)
    _figures(choice, found)
    _map_and_table(choice, other, found, by)
    if other is not None:
        _comparison(choice, other)
    st.markdown("**Demand by group and year**, what each group draws at its peak [kW]")
    st.bar_chart(
        growth(summary(choice)), x="year", y="coincident_kw", color="group", x_label="", y_label="kW"
    )
    show_assumptions(choice)


def _figures(choice: YearChoice, found: gpd.GeoDataFrame) -> None:
    row = year_figures(choice).iloc[0]
    asked = (choice.key, choice.year, choice.limits_name)
    places = st.columns(6)
    places[0].metric("Demand", figure(float(row["demand_kwh"]) / 1e3, 0, "MWh"))
    places[1].metric("Coincident peak", figure(float(row["peak_kw"]), 0, "kW"))
    places[2].metric("Elements over", int(row["lines_over"] + row["transformers_over"]))
    behind = "Customers behind the bottleneck that concerns most: bottlenecks nest, so they are not added up."
    places[3].metric("Customers", f"{customers_behind(found):,}", help=behind)
    if st.session_state.get("cut_asked") == asked:
        cut = least_cut(choice)
        places[4].metric("Not served", figure(float(cut.hours["unserved_kw"].max()), 0, "kW"))
        places[5].metric("Not served", figure(cut.energy_kwh / 1e3, 1, "MWh"))
    elif st.button("How much cannot be served?", key="ask_cut"):
        st.session_state["cut_asked"] = asked
        st.rerun()


@st.fragment
def _map_and_table(
    choice: YearChoice, other: YearChoice | None, found: gpd.GeoDataFrame, by: Literal["Loading", "Voltage"]
) -> None:
    left, right = st.columns([3, 2])
    with right:
        row = _table(choice, found)
    with left:
        _map(choice, other, found, row, by)
    with right:
        _chain(choice)


def _table(choice: YearChoice, found: gpd.GeoDataFrame) -> int | None:
    """The ranked table; returns the position of the row clicked."""
    st.markdown("**Bottlenecks of the year**; tick one and the map flies there")
    if found.empty:
        st.success("Every limit holds in every hour and everybody is supplied.")
        return None
    shown = pd.DataFrame(found)[list(_COLUMNS)]
    event = st.dataframe(
        shown.assign(check=shown["check"].str.replace("_", " ")),
        hide_index=True,
        placeholder="",
        height=300,
        on_select="rerun",
        selection_mode="single-row",
        key=f"year-bottlenecks-{choice.year}-{choice.limits_name}-{hash(choice.text)}",
        column_config={
            "element_id": "Asset",
            "check": "Limit",
            "hours_over": st.column_config.NumberColumn("Hours over", format="%.0f"),
            "kwh_over": st.column_config.NumberColumn("kWh over", format="%.0f"),
            "unserved_kwh": st.column_config.NumberColumn("Not served [kWh]", format="%.0f"),
            "customers_affected": "Customers",
            "root_cause": "Cause",
        },
    )
    rows = event["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(found) else None


def _map(
    choice: YearChoice,
    other: YearChoice | None,
    found: gpd.GeoDataFrame,
    row: int | None,
    by: Literal["Loading", "Voltage"],
) -> None:
    groups, focus = [], Focus()
    if row is not None:
        place = found.geometry.iloc[[row]]
        element_id = str(found["element_id"].iloc[row])
        groups.append(highlight(place, label=element_id))
        focus = focus_on(place.iloc[0], found.crs, zoom=16, focus_id=element_id)
    elif (load_id := st.session_state.get("year_customer")) in choice.study.network.loads.index:
        groups.append(highlight(choice.study.network.loads.geometry.loc[[load_id]], label=str(load_id)))
    view = _year_map(choice, by) if other is None else _difference_map(choice, other, by)
    shown = show_map(view, key="years", feature_group=groups, height=600, **focus)
    click = new_click(shown, key="years")
    if click is not None:
        reach_m = PICK_RADIUS_PX * click.metres_per_pixel
        loads = choice.study.network.loads.geometry
        picked = nearest_asset(loads, lon=click.lon, lat=click.lat, max_distance_m=reach_m)
        st.session_state["year_customer"] = picked
        st.rerun(scope="fragment")


def _year_map(choice: YearChoice, by: ColourBy) -> NetworkMap:
    used = worst_used_percent(choice.yardstick, studied(choice).findings, by)
    return network_map(
        percent_layers(choice.study, *used),
        legends=network_legends(by, f"Worst hour of {choice.year}, {choice.yardstick.limits.name}"),
        bounds_lonlat=None,
        asset_url=asset_url(),
        attribution=choice.study.network.info.get("attribution"),
    )


def _difference_map(choice: YearChoice, other: YearChoice, by: ColourBy) -> NetworkMap:
    """Which limits are broken in which of two scenarios."""
    first, second = (worst_used_percent(one.yardstick, studied(one).findings, by) for one in (other, choice))
    classes = [compared_classes(a, b).astype("int8") for a, b in zip(first, second, strict=True)]
    swatches = tuple(Swatch(label, PALETTE[number]) for number, label in enumerate(COMPARED))
    title = f"Limit broken in {choice.year}"
    note = f"first: {other.scenario.name}; second: {choice.scenario.name}"
    return network_map(
        class_layers(choice.study, *classes),
        legends=[Legend(title, swatches, note=note)],
        bounds_lonlat=None,
        asset_url=asset_url(),
        attribution=choice.study.network.info.get("attribution"),
    )


def _chain(choice: YearChoice) -> None:
    """From the customer clicked to the source, link by link."""
    st.markdown("**Customer**")
    load_id = st.session_state.get("year_customer")
    rows = chains(choice)
    rows = rows[rows["load_id"] == load_id]
    if rows.empty:
        st.caption("Click a home on the map to see what its supply hangs on.")
        return
    st.info(plain(str(rows["sentence"].iloc[0])))


def _comparison(choice: YearChoice, other: YearChoice) -> None:
    st.markdown(f"**Compared with** {plain(other.scenario.name)}, {choice.year}")
    table = compare_years(year_figures(other), year_figures(choice))
    st.dataframe(
        table[["what", "unit", "value_a", "value_b", "difference"]],
        hide_index=True,
        placeholder="",
        key="year_comparison",
        column_config={
            "what": "Figure", "unit": "Unit",
            "value_a": st.column_config.NumberColumn("Compared with", format="%.2f"),
            "value_b": st.column_config.NumberColumn("This scenario", format="%.2f"),
            "difference": st.column_config.NumberColumn("Difference", format="%+.2f"),
        },
    )  # fmt: skip
