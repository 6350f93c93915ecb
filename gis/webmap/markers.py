"""What changes with a click: highlights, sites and routes, as feature groups of plain vectors.

Only circle markers, polylines, polygons and tooltips: folium's `Icon` needs awesome-markers,
`Popup` needs jQuery, and neither is on board.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import folium
import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from gis.webmap.escape import escape_for_map

Mark: TypeAlias = folium.CircleMarker | folium.Polygon | folium.PolyLine

SELECTED_COLOUR: Final = "#111111"
SITE_COLOUR: Final = "#7b3294"
ROUTE_COLOUR: Final = "#008837"
_RING_RADIUS_PX: Final = 9
_HALO_WIDTH_PX: Final = 11.0
_HALO_OPACITY: Final = 0.45


def highlight(geometry: gpd.GeoSeries, *, label: str = "") -> folium.FeatureGroup:
    """Feature group that marks selected assets in black with a white rim.

    Clicks go through it to the map.

    Parameters
    ----------
    geometry
        Points, lines or polygons with a CRS; missing geometry is left out.
    label
        Text beside the first asset; empty for none.

    Returns
    -------
    folium.FeatureGroup
        For `show_map(feature_group=...)`.
    """
    group = folium.FeatureGroup(name="selected", control=False)
    parts = _lonlat_parts(geometry)
    for part in parts:
        _add(group, part, "#ffffff", 9.0)
        _add(group, part, SELECTED_COLOUR, 5.0)
    if label and parts:
        _add_label(group, parts[0], label)
    return group


def site_group(geometry: gpd.GeoSeries, names: Mapping[str, str]) -> folium.FeatureGroup:
    """Feature group of development sites, each with its name beside it.

    Parameters
    ----------
    geometry
        Points or polygons with a CRS; index = site ids.
    names
        Shown name of a site by id; a site without one shows its id, an empty one nothing.

    Returns
    -------
    folium.FeatureGroup
        For `show_map(feature_group=...)`.
    """
    group = folium.FeatureGroup(name="sites", control=False)
    for site_id, row in geometry.groupby(level=0, sort=False):
        for part in _lonlat_parts(row):
            _add(group, part, SITE_COLOUR, 3.0)
            if name := names.get(str(site_id), str(site_id)):
                _add_label(group, part, name)
    return group


def route_group(geometry: gpd.GeoSeries, labels: Mapping[str, str]) -> folium.FeatureGroup:
    """Feature group of routes from a site to its possible supply points.

    Parameters
    ----------
    geometry
        LineStrings with a CRS; index = option ids, the best option first: it is drawn thickest.
    labels
        Shown text of a route by option id, for example "1: 240 m, cabinet C7".

    Returns
    -------
    folium.FeatureGroup
        For `show_map(feature_group=...)`.
    """
    group = folium.FeatureGroup(name="routes", control=False)
    for rank, (option_id, row) in enumerate(geometry.groupby(level=0, sort=False)):
        for part in _lonlat_parts(row):
            _add(group, part, ROUTE_COLOUR, 5.0 if rank == 0 else 2.5, dashes="9 6")
            if str(option_id) in labels:
                _add_label(group, part, labels[str(option_id)])
    return group


def halo_group(
    geometry: gpd.GeoSeries, colours: Sequence[str], *, name: str = "planned"
) -> folium.FeatureGroup:
    """Feature group that lays a wide translucent band on assets; the colour beneath still shows.

    Parameters
    ----------
    geometry
        Points or lines with a CRS; missing geometry is left out.
    colours
        One a row.

    Returns
    -------
    folium.FeatureGroup
        For `show_map(feature_group=...)`.
    """
    group = folium.FeatureGroup(name=name, control=False)
    parts, rows = shapely.get_parts(geometry.to_crs(4326).to_numpy(), return_index=True)
    for part, row in zip(parts, rows, strict=True):
        look = {"color": colours[row], "weight": _HALO_WIDTH_PX, "opacity": _HALO_OPACITY}
        _let_clicks_through(_mark(part, look)).add_to(group)
    return group


def step_group(
    geometry: gpd.GeoSeries, labels: Sequence[str], colours: Sequence[str], *, name: str = "steps"
) -> folium.FeatureGroup:
    """Feature group of numbered steps: a ring at each place, its text beside it.

    Parameters
    ----------
    geometry
        Points with a CRS; steps at one place share a ring, and their texts stand in one line.
    labels, colours
        One a row; the ring has the colour of the last step there.

    Returns
    -------
    folium.FeatureGroup
        For `show_map(feature_group=...)`.
    """
    group = folium.FeatureGroup(name=name, control=False)
    texts: dict[tuple[float, float], tuple[list[str], str]] = {}
    for point, label, colour in zip(geometry.to_crs(4326), labels, colours, strict=True):
        said, _ = texts.get((point.x, point.y), ([], ""))
        texts[point.x, point.y] = ([*said, label], colour)
    for (lon, lat), (said, colour) in texts.items():
        point = shapely.Point(lon, lat)
        _add(group, point, "#ffffff", 7.0)
        _add(group, point, colour, 4.0)
        _add_label(group, point, ", ".join(said))
    return group


def _lonlat_parts(geometry: gpd.GeoSeries) -> list[BaseGeometry]:
    parts = shapely.get_parts(geometry.dropna().to_crs(4326).to_numpy())
    return [part for part in parts if not part.is_empty]


def _add(
    group: folium.FeatureGroup,
    part: BaseGeometry,
    colour: str,
    weight_px: float,
    *,
    dashes: str | None = None,
) -> None:
    mark = _mark(part, {"color": colour, "weight": weight_px, "dash_array": dashes})
    _let_clicks_through(mark).add_to(group)


def _mark(part: BaseGeometry, look: Mapping[str, str | float | None]) -> Mark:
    latlon = [(y, x) for x, y in shapely.get_coordinates(part)]
    if part.geom_type == "Point":
        return folium.CircleMarker(latlon[0], radius=_RING_RADIUS_PX, **look)
    if part.geom_type == "Polygon":
        return folium.Polygon(_shell_latlon(part), fill=True, fill_opacity=0.2, **look)
    return folium.PolyLine(latlon, **look)


def _shell_latlon(polygon: BaseGeometry) -> list[tuple[float, float]]:
    shell = shapely.get_coordinates(shapely.get_exterior_ring(polygon))
    return [(y, x) for x, y in shell]


def _add_label(group: folium.FeatureGroup, part: BaseGeometry, text: str) -> None:
    lon, lat = shapely.get_coordinates(part.representative_point())[0]
    anchor = folium.CircleMarker((lat, lon), radius=1, stroke=False)
    # A permanent tooltip is plain HTML beside its anchor and needs no icon picture.
    folium.Tooltip(
        escape_for_map(text), sticky=False, permanent=True, direction="right", offset=(10, 0)
    ).add_to(anchor)
    _let_clicks_through(anchor).add_to(group)


def _let_clicks_through(mark: Mark) -> Mark:
    # Folium drops Leaflet's `interactive` when given as an argument.
    mark.options["interactive"] = False
    return mark
