"""Page "Connect a site": a click, a few numbers, one sentence. For people who are no engineers."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import streamlit as st

from app_pages.frame import plain
from app_pages.map_frame import Focus, focus_on, new_click, show_map
from app_pages.network_layers import network_view
from app_pages.study import Choice, Study, choose, open_study
from capacity.assumptions import read_assumptions
from capacity.connection import Assessment, ConnectionConfig, assess_on, place_at
from capacity.data_quality import hold_back_assessment
from capacity.demand.development import Development
from capacity.impact import study_impact
from capacity.sensitivity import sensitivity_of
from capacity.sites import developments_of
from gis.webmap import route_group, site_group
from gridmodel import build_model

VERDICTS = {
    "connect": ("success", "Yes"),
    "connect_after_works": ("warning", "Yes, after works"),
    "refuse": ("error", "No"),
    "undetermined": ("info", "Not to be said"),
}
KINDS = {
    "lv_feeder": "existing low-voltage cable",
    "lv_busbar": "existing station",
    "mv_feeder": "new station",
}


def show_connect() -> None:
    """Ask for a place and a number of homes, and give the verdict."""
    study = open_study()
    choice = choose(study)
    st.subheader("Can a development be connected here?")
    _ask_and_answer(study, choice)


@st.fragment
def _ask_and_answer(study: Study, choice: Choice) -> None:
    left, right = st.columns([2, 1])
    with right:
        development = _questions(study)
        asked = st.button("Check the connection", type="primary", disabled=development is None, key="check")
        if asked and development is not None:
            st.session_state["answered"] = _question(choice, development)
            answered = _assess(study, choice, development)
            st.session_state["assessment"], st.session_state["sensitivity"] = answered
    answer = _answer_to(_question(choice, development))
    with left:
        _map(study, choice, development, answer)
    with right:
        if answer is not None:
            _verdict(answer)
    if answer is not None:
        _options(answer)
        _sensitivity(st.session_state["sensitivity"], answer.basis["currency"])


def _question(choice: Choice, development: Development | None) -> tuple[object, ...]:
    """All that an answer depends on."""
    return (development, choice.scenario, choice.yardstick.limits)


def _answer_to(question: tuple[object, ...]) -> Assessment | None:
    """The answer given to exactly this question: never the verdict of other figures or another place."""
    same = st.session_state.get("answered") == question
    return st.session_state["assessment"] if same else None


def _questions(study: Study) -> Development | None:
    """Place and size of the development; nothing while no place is chosen."""
    known = {site.site_id: site for site in developments_of(study.network.sites)}
    labels = {None: "a place I click on the map"} | {site_id: site.name for site_id, site in known.items()}
    picked = st.selectbox("Development", list(labels), format_func=labels.__getitem__, key="known_site")
    if picked is not None:
        site = known[picked]
        st.caption(f"{site.dwellings} homes, {site.heat_pumps} heat pumps, {site.ev_points} charging points")
        return site
    homes = st.number_input("Homes", min_value=0, max_value=100_000, value=10, key="homes")
    pumps = st.number_input("of them with heat pump", min_value=0, max_value=100_000, value=0, key="pumps")
    points = st.number_input(
        "Charging points for cars", min_value=0, max_value=100_000, value=0, key="points"
    )
    further = st.number_input("Further demand [kW]", min_value=0.0, max_value=1e6, value=0.0, key="further")
    place = st.session_state.get("place")
    if place is None:
        st.caption("Click the place on the map.")
        return None
    longitude, latitude = place
    st.caption(f"Place: {latitude:.5f} N, {longitude:.5f} E")
    return Development(
        place=place_at(study.network.crs, longitude, latitude),
        name="Your site",
        dwellings=int(homes),
        heat_pumps=int(pumps),
        ev_points=int(points),
        demand_kw=float(further),
    )


def _assess(study: Study, choice: Choice, development: Development) -> tuple[Assessment, pd.DataFrame]:
    config = ConnectionConfig(choice.scenario.scenario_id, choice.yardstick.limits, read_assumptions())
    with st.spinner("Checking every supply point in reach by load flow ..."):
        impact = study_impact(build_model(study.network), choice.scenario, choice.yardstick.limits)
        answer = assess_on(impact, development, config)
        table = sensitivity_of(impact, development, config, study.weak)
    return hold_back_assessment(answer, study.supply, study.weak), table


def _map(study: Study, choice: Choice, development: Development | None, answer: Assessment | None) -> None:
    sites = study.network.sites
    groups = [site_group(sites.geometry, dict.fromkeys(sites.index, ""))]
    if development is not None:
        place = gpd.GeoSeries([development.place], index=["site"], crs=study.network.crs)
        groups.append(site_group(place, {"site": "" if answer else development.name}))
    if answer is not None and len(answer.options):
        best = answer.options.iloc[[0]].set_index("bus_id")
        groups.append(route_group(best.geometry, {bus_id: f"to {bus_id}" for bus_id in best.index}))
    shown = show_map(
        network_view(study, choice, "Loading", study.homes_lonlat),
        key="connect",
        feature_group=groups,
        height=560,
        **_focus(study, development),
    )
    click = new_click(shown, key="connect")
    if click is not None:
        st.session_state["place"] = (click.lon, click.lat)
        st.rerun(scope="fragment")


def _focus(study: Study, development: Development | None) -> Focus:
    """Fly to a site picked from the list; a place clicked on the map is in view already."""
    if development is None or development.site_id not in study.network.sites.index:
        return {}
    return focus_on(development.place, study.network.crs, zoom=16, focus_id=development.site_id)


def _verdict(answer: Assessment) -> None:
    look, word = VERDICTS[answer.verdict]
    getattr(st, look)(f"**{word}.** {plain(answer.sentence.split(': ', 1)[-1])}")


def _options(answer: Assessment) -> None:
    st.markdown("**Options**, best first")
    currency = answer.basis["currency"]
    shown = pd.DataFrame(answer.options.drop(columns="geometry")).replace({"kind": KINDS})
    st.dataframe(
        shown,
        hide_index=True,
        key="options",
        column_config={
            "rank": "",
            "kind": "connect at",
            "bus_id": "supply point",
            "voltage_kv": st.column_config.NumberColumn("kV", format="%.1f"),
            "route_m": st.column_config.NumberColumn("route [m]", format="%.0f"),
            "cost_low_eur": st.column_config.NumberColumn(f"from [{currency}]", format="%.0f"),
            "cost_eur": st.column_config.NumberColumn(f"about [{currency}]", format="%.0f"),
            "cost_high_eur": st.column_config.NumberColumn(f"to [{currency}]", format="%.0f"),
        },
    )
    with st.expander(f"Demand: {answer.demand_kw:,.0f} kW, and where the figures come from"):
        st.dataframe(answer.demand, hide_index=True, key="demand")
    basis = answer.basis
    st.caption(
        plain(
            f"Indicative, not an offer. {basis['scenario']}; limits {basis['limits']}; costs "
            f"{basis['cost_table']}. Cable routes are straight lines with a detour factor."
        )
    )


def _sensitivity(table: pd.DataFrame, currency: str) -> None:
    """The answer at other demands per home; nothing for a development without homes."""
    if table.empty:
        return
    with st.expander("How much the answer hangs on what a home draws"):
        st.dataframe(
            table[["admd_kw", "demand_kw", "verdict", "works", "cost_eur"]].replace(
                {"verdict": {name: word for name, (_, word) in VERDICTS.items()}}
            ),
            hide_index=True,
            key="sensitivity_table",
            column_config={
                "admd_kw": st.column_config.NumberColumn("a home, many together [kW]", format="%.1f"),
                "demand_kw": st.column_config.NumberColumn("demand [kW]", format="%.0f"),
                "verdict": "answer",
                "cost_eur": st.column_config.NumberColumn(f"about [{currency}]", format="%.0f"),
            },
        )
