"""The map of the page of connections: the site, drawn or clicked; the ways of its options; the works."""

from __future__ import annotations

from typing import Final

import folium
import geopandas as gpd
import shapely
import streamlit as st

from app_pages.connect_answered import Answered
from app_pages.connect_question import ON_MAP, PLACE
from app_pages.map_frame import Focus, focus_on, new_click, new_drawing, show_map
from app_pages.network_layers import network_view
from app_pages.study import Choice, Study
from capacity.connection import Assessment
from capacity.connection.option import JudgedOption
from capacity.demand.development import Development
from gis.webmap import halo_group, route_group, site_group

_KEY: Final = "connect"
_DRAW: Final = "Draw the area of a site: a click per corner, the last one on the first"
# Zoom at which a way of half a kilometre is in view.
_NEAR: Final = 16
_WORKS_COLOUR: Final = "#008837"


def show_site(
    study: Study, choice: Choice, development: Development | None, answered: Answered | None, rank: int
) -> None:
    """Show the site, and the way and the works of the option of a rank; a click or an area is a new site."""
    show_map(
        network_view(study, choice, "Loading", study.homes_lonlat, draw_label=_DRAW),
        key=_KEY,
        feature_group=_groups(study, development, None if answered is None else answered.answer, rank),
        height=520,
        returned_objects=("last_clicked", "last_active_drawing"),
        on_change=_take_place,
        **_focus(study, development, answered),
    )


def _take_place() -> None:
    """Take the click or the area that the map has just told of as the place of the site."""
    shown = st.session_state[_KEY]
    area, click = new_drawing(shown, key=_KEY), new_click(shown, key=_KEY)
    place = area if area is not None or click is None else shapely.Point(click.lon, click.lat)
    if place is not None:
        st.session_state[PLACE] = place
        st.session_state["known_site"] = ON_MAP
        st.session_state["coordinates"] = st.session_state["coordinates_problem"] = ""


def _groups(
    study: Study, development: Development | None, answer: Assessment | None, rank: int
) -> list[folium.FeatureGroup]:
    crs, sites = study.network.crs, study.network.sites
    groups = [site_group(sites.geometry, dict.fromkeys(sites.index, ""))]
    if development is not None:
        place = gpd.GeoSeries([development.place], index=["site"], crs=crs)
        groups.append(site_group(place, {"site": "" if answer else development.name}))
    if answer is not None and rank <= len(answer.ranked):
        groups += _option_groups(answer.ranked[rank - 1], crs)
    return groups


def _option_groups(judged: JudgedOption, crs: object) -> list[folium.FeatureGroup]:
    """The way of one option, and a band on each of its works."""
    option = judged.option
    way = gpd.GeoSeries([option.route.geometry], index=[option.option_id], crs=crs)
    works = gpd.GeoSeries([measure.geometry for measure in judged.measures], crs=crs)
    return [
        halo_group(works, [_WORKS_COLOUR] * len(works), name="works"),
        route_group(way, {option.option_id: f"to {option.bus_id}"}),
    ]


def _focus(study: Study, development: Development | None, answered: Answered | None) -> Focus:
    """Fly to a site picked from the list, and to each answer; a place of the map is in view already."""
    if development is None:
        return {}
    crs = study.network.crs
    if answered is not None:
        return focus_on(development.place, crs, zoom=_NEAR, focus_id=f"answer {answered.number}")
    if development.site_id in study.network.sites.index:
        return focus_on(development.place, crs, zoom=_NEAR, focus_id=development.site_id)
    return {}
