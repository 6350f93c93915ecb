"""The only glue between the map and Streamlit: asset addresses, showing, reading a click.

Not here: building a map (`gis.webmap`), picking an asset (`gis.webmap.nearest_asset`), session
keys of a page. Moving the map never reruns the script: the browser keeps the view itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict
from uuid import uuid4

import folium
import geopandas as gpd
import streamlit as st
import streamlit.components.v1 as components
from shapely.geometry import Polygon, shape
from shapely.geometry.base import BaseGeometry
from streamlit_folium import st_folium

from gis.webmap import NetworkMap, asset_dir, update_group

_SESSION_KEY: Final = "map_frame_session"


class Focus(TypedDict, total=False):
    """Arguments of `show_map` that move the view."""

    center: tuple[float, float]
    zoom: int
    focus_id: str


@dataclass(frozen=True)
class MapClick:
    """A clicked coordinate, WGS 84 [degree], and the ground size of a pixel there [m]."""

    lon: float
    lat: float
    metres_per_pixel: float


def asset_url() -> str:
    """Address of the map's own files as seen from its frame; holds behind a base path too.

    Call it inside a page: Streamlit serves the files only once a session has declared them.

    Returns
    -------
    str
        A relative address for `network_map(asset_url=...)`.
    """
    component = components.declare_component("assets", path=str(asset_dir()))
    # Frames lie at <base path>/component/<name>/index.html, side by side.
    return f"../{component.name}"


def show_map(
    network: NetworkMap,
    *,
    key: str,
    height: int = 640,
    center: tuple[float, float] | None = None,
    zoom: int | None = None,
    focus_id: str | None = None,
    feature_group: folium.FeatureGroup | Sequence[folium.FeatureGroup] | None = None,
    returned_objects: Sequence[str] = ("last_clicked",),
    on_change: Callable[[], None] | None = None,
) -> dict[str, object]:
    """Show a map; other classes, legends or feature groups redraw it in place.

    Only other geometry, layer names or bounds mount a new map, which opens at the view the
    user left.

    Parameters
    ----------
    network
        A map made in this run; do not keep it.
    key
        Name of the map in the session, one a page.
    height
        Height [px].
    center
        Latitude and longitude to fly to [degree]; flies once per different request.
    zoom
        Zoom level to fly to; None keeps the present one.
    focus_id
        Names the request; another id flies again to the same place (the row clicked twice).
    feature_group
        Highlights, sites, routes: replaced as a whole when they change.
    returned_objects
        What makes the script run again; keep it short, and never the bounds or the zoom.
    on_change
        Called before the script runs again; what was returned is in the session, under the key.

    Returns
    -------
    dict
        The returned objects; read the click with `clicked`.
    """
    network.view_key = key
    focus = _focus(center, zoom, focus_id, key)
    groups = [update_group(network, focus=focus), *_as_list(feature_group)]
    shown = st_folium(
        network,
        key=key,
        height=height,
        use_container_width=True,
        feature_group_to_add=groups,
        returned_objects=list(returned_objects),
        on_change=on_change,
    )
    return dict(shown or {})


def clicked(shown: dict[str, object]) -> MapClick | None:
    """The last click on a map, or None; it stays the same until the next click.

    Parameters
    ----------
    shown
        What `show_map` returned.

    Returns
    -------
    MapClick or None
        None before the first click.
    """
    last = shown.get("last_clicked")
    if not isinstance(last, dict):
        return None
    return MapClick(
        lon=float(last["lng"]),
        lat=float(last["lat"]),
        metres_per_pixel=float(last.get("metres_per_pixel", 1.0)),
    )


def new_click(shown: dict[str, object], *, key: str) -> MapClick | None:
    """The click that has not been answered yet: each is given once per session and map.

    Parameters
    ----------
    shown
        What `show_map` returned.
    key
        Name of the map, as given to `show_map`.
    """
    click, answered = clicked(shown), f"{key}_answered_click"
    if click is None or st.session_state.get(answered) == click:
        return None
    st.session_state[answered] = click
    return click


def new_drawing(shown: dict[str, object], *, key: str) -> Polygon | None:
    """The area that was drawn and has not been answered yet, WGS 84 [degree].

    Ask it before `new_click`: the last corner of an area is no click for a place.

    Parameters
    ----------
    shown
        What `show_map` returned, with `last_active_drawing` among the returned objects.
    key
        Name of the map, as given to `show_map`.
    """
    drawn, answered = shown.get("last_active_drawing"), f"{key}_answered_drawing"
    if not isinstance(drawn, dict) or st.session_state.get(answered) == drawn:
        return None
    st.session_state[answered] = drawn
    st.session_state[f"{key}_answered_click"] = clicked(shown)
    area = shape(drawn["geometry"])
    return area if isinstance(area, Polygon) and area.is_valid and area.area > 0.0 else None


def focus_on(place: BaseGeometry, crs: object, *, zoom: int, focus_id: str) -> Focus:
    """Where to fly so that a place is in view; spread into `show_map`."""
    point = gpd.GeoSeries([place.representative_point()], crs=crs).to_crs(4326).iloc[0]
    return {"center": (point.y, point.x), "zoom": zoom, "focus_id": focus_id}


def _focus(
    center: tuple[float, float] | None, zoom: int | None, focus_id: str | None, key: str
) -> dict[str, object] | None:
    if center is None:
        return None
    lat, lon = center
    request = f"{focus_id}|{lat:.7f}|{lon:.7f}|{zoom}"
    # The browser remembers requests beyond this session: a reload starts afresh.
    owner = f"{key}:{st.session_state.setdefault(_SESSION_KEY, uuid4().hex)}"
    return {"lat": lat, "lon": lon, "zoom": zoom, "id": request, "owner": owner}


def _as_list(
    groups: folium.FeatureGroup | Sequence[folium.FeatureGroup] | None,
) -> list[folium.FeatureGroup]:
    if groups is None:
        return []
    return [groups] if isinstance(groups, folium.FeatureGroup) else list(groups)
