"""A map beside a table of places: a row flies to its place, a click selects an asset for every page."""

from __future__ import annotations

from collections.abc import Sequence

import folium
import geopandas as gpd
import streamlit as st

from app_pages.map_frame import Focus, focus_on, new_click, show_map
from app_pages.study import Study
from gis.webmap import NetworkMap, highlight, nearest_asset

PICK_RADIUS_PX = 10
STATION_BEFORE_LINE_M = 6.0
# Tables of what can be selected; a load has no card.
_SELECTABLE = ("lines", "transformers", "buses", "sources")


def show_asset_map(
    study: Study,
    view: NetworkMap,
    found: gpd.GeoDataFrame | None,
    row: int | None,
    *,
    key: str,
    groups: Sequence[folium.FeatureGroup] = (),
) -> None:
    """Draw the map with the asset selected, fly to the row clicked, and take a click on the map.

    Parameters
    ----------
    found
        Rows of the table beside the map: table, element_id, geometry.
    row
        Position of the row clicked.
    groups
        What is drawn over the network beside the asset selected.
    """
    if row is not None and found is not None:
        _select_row(found, row)
    drawn = list(groups)
    if selected := selected_asset(study):
        table, element_id = selected
        drawn.append(highlight(study.network.table(table).geometry.loc[[element_id]], label=element_id))
    shown = show_map(view, key=key, feature_group=drawn, height=620, **_focus(found, row))
    _pick(study, shown, key=key)


def selected_asset(study: Study) -> tuple[str, str] | None:
    """Table and id of the asset selected; nothing once the network no longer has it."""
    selected: tuple[str, str] | None = st.session_state.get("selected")
    if selected is None or selected[1] not in study.network.table(selected[0]).index:
        return None
    return selected


def _select_row(found: gpd.GeoDataFrame, row: int) -> None:
    """A row that is clicked anew becomes the selected asset; one clicked before stays as it is."""
    place = (found["table"].iloc[row], found["element_id"].iloc[row])
    if st.session_state.get("selected_row") != place and place[0] in _SELECTABLE:
        st.session_state["selected"] = place
    st.session_state["selected_row"] = place


def _focus(found: gpd.GeoDataFrame | None, row: int | None) -> Focus:
    if row is None or found is None:
        return {}
    return focus_on(found.geometry.iloc[row], found.crs, zoom=16, focus_id=str(found["element_id"].iloc[row]))


def _pick(study: Study, shown: dict[str, object], *, key: str) -> None:
    """Turn a new click into the selected asset and draw again with its highlight."""
    click = new_click(shown, key=key)
    if click is None:
        return
    reach_m = max(PICK_RADIUS_PX * click.metres_per_pixel, STATION_BEFORE_LINE_M)
    for table in ("transformers", "lines"):
        element_id = nearest_asset(
            study.network.table(table).geometry, lon=click.lon, lat=click.lat, max_distance_m=reach_m
        )
        if element_id is not None:
            st.session_state["selected"] = (table, element_id)
            st.rerun(scope="fragment")
