"""Page "Where to sell": stations by spare kW, on the map and as a ranked table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import streamlit as st

from app_pages.frame import plain
from app_pages.future_view import show_assumptions
from app_pages.map_frame import Focus, asset_url, focus_on, show_map
from app_pages.network_layers import class_layers
from app_pages.scenario_choice import ask_scenario, ask_year, known_scenarios
from app_pages.study import Study, ask_limits, open_study
from capacity.checks import Yardstick
from capacity.demand.demand_scenario import DemandScenario
from capacity.demand.scenario_demand import outlook_of
from capacity.headroom_summary import headroom_csv
from capacity.selling import KNOWN, SellingPlaces, sell_sentence, where_to_sell
from capacity.selling.prospects import technologies_of
from gis.webmap import Legend, NetworkMap, Swatch, class_legend, classify, highlight, network_map

# Classes of spare kW; a station of 400 kVA has up to 380.
SPARE_KW = (1.0, 50.0, 150.0, 300.0)
ORDERS = {"spare kW": "rank", "customers without electric heating or charging": "rank_by_customers"}


@dataclass(frozen=True, eq=False)
class YearChoice:
    """What the user looks at."""

    study: Study
    scenario: DemandScenario
    year: int
    yardstick: Yardstick


def show_selling() -> None:
    """Stations that can take more in the year chosen, most first."""
    study = open_study()
    choice = _ask(study)
    with st.sidebar:
        at = st.radio("Show", ["at any hour", "at night only"], key="sell_at")
        order = st.radio("Rank by", list(ORDERS), key="sell_order")
    st.subheader(plain(f"Where capacity can be sold in {choice.year}: {choice.scenario.name}"))
    places = _selling_places(choice)
    stations = places.stations.sort_values(
        ORDERS[order], na_position="last", kind="stable", ignore_index=True
    )
    st.caption(
        "What each station takes alone. All of them at once take less: see the lower table. "
        "Night is 22 to 6 h."
    )
    _map_and_table(choice, stations, "firm_kw" if at == "at any hour" else "off_peak_kw")
    _together(places.districts)
    st.download_button(
        "All stations as a table",
        headroom_csv(places.stations),
        "where_to_sell.csv",
        "text/csv",
        key="sell_file",
    )
    show_assumptions(choice.scenario)


def _ask(study: Study) -> YearChoice:
    with st.sidebar:
        questions = st.container()
        known = known_scenarios()
    with questions:
        scenario = known[ask_scenario(known, "sell")]
        year = ask_year(scenario, "sell", first=True)
        return YearChoice(study, scenario, year, ask_limits(study))


def _selling_places(choice: YearChoice) -> SellingPlaces:
    study, text = choice.study, choice.scenario.model_dump_json()
    limits_name = choice.yardstick.limits.name
    return _where_to_sell(str(study.path), study.modified_ns, text, choice.year, limits_name, choice)


@st.cache_resource(show_spinner="Asking every station in every hour ...", max_entries=16)
def _where_to_sell(
    path: str, modified_ns: int, text: str, year: int, limits_name: str, _choice: YearChoice
) -> SellingPlaces:
    """Spare kW of what the first five arguments name; the model belongs to this run alone."""
    study = _choice.study
    demand = outlook_of(study.network, study.supply, _choice.scenario).demand(year)
    return where_to_sell(
        demand.model_on(study.network), _choice.yardstick, demand,
        technology_of=technologies_of(_choice.scenario), weak=study.weak,
    )  # fmt: skip


@st.fragment
def _map_and_table(choice: YearChoice, stations: gpd.GeoDataFrame, column: str) -> None:
    left, right = st.columns([1, 1])
    with right:
        row = _table(choice, stations)
    with left:
        focus, groups = Focus(), []
        if row is not None:
            station_id = str(stations["station_id"].iloc[row])
            groups.append(highlight(stations.geometry.iloc[[row]], label=station_id))
            focus = focus_on(stations.geometry.iloc[row], stations.crs, zoom=16, focus_id=station_id)
        show_map(
            _sell_map(choice, stations, column), key="selling", feature_group=groups, height=520, **focus
        )
    with right:
        if row is None:
            st.caption("Tick a row to see it on the map and in words.")
        else:
            st.info(plain(sell_sentence(stations.iloc[row])))


def _table(choice: YearChoice, stations: gpd.GeoDataFrame) -> int | None:
    shown = pd.DataFrame(stations)[
        ["station_id", "firm_kw", "off_peak_kw", "without_heating", "without_charging", "customers",
         "feeder_id", "binding_check", "binding_id", "status"]
    ]  # fmt: skip
    event = st.dataframe(
        shown.assign(
            binding_check=shown["binding_check"].astype("string").str.replace("_", " "),
            status=shown["status"].astype("string").str.replace("_", " "),
        ),
        hide_index=True,
        placeholder="",
        height=420,
        on_select="rerun",
        selection_mode="single-row",
        key=f"sell-{choice.year}-{choice.yardstick.limits.name}-{choice.scenario.scenario_id}",
        column_config={
            "station_id": "Station",
            "firm_kw": st.column_config.NumberColumn("Any hour [kW]", format="%.0f"),
            "off_peak_kw": st.column_config.NumberColumn("Night [kW]", format="%.0f"),
            "without_heating": "Without electric heating",
            "without_charging": "Without charging",
            "customers": "Customers",
            "feeder_id": "Feeder",
            "binding_check": "What binds",
            "binding_id": "Where",
            "status": "Status",
        },
    )
    rows = event["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(stations) else None


def _sell_map(choice: YearChoice, stations: gpd.GeoDataFrame, column: str) -> NetworkMap:
    """Stations in the colour of what they can take: red takes nothing, as it is trouble everywhere."""
    network = choice.study.network
    room = stations.set_index("station_id")[column].where(stations["status"].isin(KNOWN).to_numpy())
    spare_kw = room.reindex(network.transformers.index).to_numpy(dtype=float)
    lines = np.full(len(network.lines), -1, dtype=np.int8)
    legend = class_legend(
        "Spare capacity", SPARE_KW, unit="kW", symbol="square", note="of each station alone"
    )
    *classes, missing = legend.swatches
    cooler = zip(classes, reversed(classes), strict=True)
    shown = [replace(swatch, colour=other.colour) for swatch, other in cooler]
    legend = replace(legend, swatches=(*shown, missing))
    number = classify(spare_kw, SPARE_KW)
    number = np.where(number < 0, number, len(SPARE_KW) - number).astype(np.int8)
    others = Legend("", (Swatch("line", "#808080", "dashed"),))
    return network_map(
        class_layers(choice.study, lines, number),
        legends=[legend, others],
        bounds_lonlat=choice.study.homes_lonlat,
        asset_url=asset_url(),
        attribution=network.info.get("attribution"),
    )


def _together(districts: pd.DataFrame) -> None:
    st.markdown("**Taken together**: what all stations of a feeder or substation can draw at once")
    st.dataframe(
        districts[
            ["kind", "district", "stations", "firm_kw", "firm_alone_kw", "off_peak_kw", "off_peak_alone_kw",
             "customers", "without_heating", "without_charging"]
        ],
        hide_index=True,
        placeholder="",
        key="sell_together",
        column_config={
            "kind": "", "district": "Name", "stations": "Stations",
            "firm_kw": st.column_config.NumberColumn("Together, any hour [kW]", format="%.0f"),
            "firm_alone_kw": st.column_config.NumberColumn("Each alone [kW]", format="%.0f"),
            "off_peak_kw": st.column_config.NumberColumn("Together, night [kW]", format="%.0f"),
            "off_peak_alone_kw": st.column_config.NumberColumn("Each alone, night [kW]", format="%.0f"),
            "customers": "Customers", "without_heating": "Without electric heating",
            "without_charging": "Without charging",
        },
    )  # fmt: skip
