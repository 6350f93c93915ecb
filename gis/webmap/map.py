"""The map itself: canvas layers, legend, scale and layer control without any outside address.

How a map lives in `st_folium` decides the structure. Its identity is a hash of its *script*:
another script means another frame, a blank moment and a lost view. So the script holds geometry
and bounds only; classes, sizes and legends (`state`) are shipped as inert JSON in the page head
for the first drawing, and through `update_group` afterwards, which redraws in place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

import folium
import numpy as np
from folium.template import Template

from gis.webmap.bundle import (
    DRAW_SCRIPTS,
    DRAW_STYLES,
    SCRIPTS,
    STYLES,
    inline_script,
    inline_style,
    links,
)
from gis.webmap.escape import escape_for_map
from gis.webmap.layers import CanvasLayer, LineLayer, PointLayer
from gis.webmap.legend import Legend, legend_html

Bounds = tuple[float, float, float, float]

_MAX_ZOOM: Final = 22
_MAX_TILE_ZOOM: Final = 19
_WORLD_ZOOM: Final = 2
# Below this many layers the switches stay open; more would cover the map.
_OPEN_CONTROL_LAYERS: Final = 8


class NetworkMap(folium.Map):
    """A folium map that references our vendored files only; built by `network_map`.

    `view_key` names the view that the browser keeps when the map is mounted again.
    """

    def __init__(self, asset_url: str, *, drawn_on: bool = False) -> None:
        super().__init__(
            location=(0.0, 0.0),
            zoom_start=_WORLD_ZOOM,
            tiles=None,
            prefer_canvas=True,
            font_size="12px",
        )
        self.options["max_zoom"] = _MAX_ZOOM
        # On the instance: folium's own lists are shared by every map of the process.
        self.default_js = links(DRAW_SCRIPTS if drawn_on else SCRIPTS, asset_url)
        self.default_css = links(DRAW_STYLES if drawn_on else STYLES, asset_url)
        self.legends: tuple[Legend, ...] = ()
        self.bounds_lonlat: Bounds | None = None
        self.credit = ""
        self.view_key = ""

    @property
    def state(self) -> dict[str, object]:
        """What may change without another map: styles by layer, and the legend."""
        return {
            "styles": {layer.slug: layer.style for layer in self._canvas_layers()},
            "legends": [legend_html(legend) for legend in self.legends],
        }

    def _canvas_layers(self) -> list[CanvasLayer]:
        return [child for child in self._children.values() if isinstance(child, CanvasLayer)]


class _Attachment(folium.MacroElement):
    """Script after the layers: first styles, legend, scale, attribution and view."""

    _template = Template(
        """
        {% macro header(this, kwargs) %}
            <script type="application/json" id="feederplan-state">
                {{ this._parent.state|tojson }}
            </script>
        {% endmacro %}
        {% macro script(this, kwargs) %}
            feederplan.attach({{ this._parent.get_name() }}, {
                bounds: {{ this._parent.bounds_lonlat|tojson }},
                viewKey: {{ this._parent.view_key|tojson }},
                credit: {{ this._parent.credit|tojson }}
            });
        {% endmacro %}
        """
    )


class _Drawing(folium.MacroElement):
    """Tool to draw an area. st_folium reads the shapes from a variable of this very name."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var drawnItems = feederplan.drawing({{ this._parent.get_name() }}, {{ this.label|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, label: str) -> None:
        super().__init__()
        self._name = "Drawing"
        self.label = label


class _Update(folium.MacroElement):
    """Script of the feature group that redraws the map in place."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            feederplan.update({{ this.state|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, state: dict[str, object]) -> None:
        super().__init__()
        self._name = "Update"
        self.state = state


def network_map(
    layers: Sequence[LineLayer | PointLayer],
    *,
    legends: Sequence[Legend],
    bounds_lonlat: Bounds | None,
    asset_url: str,
    tiles: str | None = None,
    attribution: str | None = None,
    overlays: Sequence[folium.FeatureGroup] = (),
    draw_label: str = "",
) -> NetworkMap:
    """Build the map of a network.

    Draws in the order of `layers`, the last on top. Build a new map on every run: coding is
    fast, and st_folium changes the map it is given, so a map is never shared or cached.

    Parameters
    ----------
    layers
        Lines and points with their classes.
    legends
        Legend blocks, always visible, from top to bottom.
    bounds_lonlat
        First view: west, south, east, north [degree]; None or not finite means all layers.
    asset_url
        Address under which the browser finds `asset_dir()`; of no meaning to `save_html`.
    tiles
        Background: None, a name known to folium, or an XYZ address of the utility's own server.
        Without it nothing is requested from outside.
    attribution
        Text in the corner of the map, shown as text.
    overlays
        Feature groups that belong to the map from the start, for example in a saved file.
    draw_label
        What the tool for drawing an area is called; without it the map has none.

    Returns
    -------
    NetworkMap
        With layer control, scale and legend.
    """
    canvas = [CanvasLayer(layer, f"layer{number}") for number, layer in enumerate(layers)]
    network = NetworkMap(asset_url, drawn_on=bool(draw_label))
    network.legends = tuple(legends)
    network.bounds_lonlat = _finite(bounds_lonlat) or _union([c.bounds_lonlat for c in canvas])
    network.credit = escape_for_map(attribution or "")
    if tiles is not None:
        _background(tiles, network.credit).add_to(network)
    for child in (*canvas, *overlays):
        child.add_to(network)
    folium.LayerControl(collapsed=len(layers) > _OPEN_CONTROL_LAYERS).add_to(network)
    # After the layers: it reads what they have registered.
    _Attachment().add_to(network)
    if draw_label:
        _Drawing(draw_label).add_to(network)
    return network


def update_group(network: NetworkMap, *, focus: dict[str, object] | None = None) -> folium.FeatureGroup:
    """Feature group that brings a mounted map up to the classes and legends of `network`.

    Parameters
    ----------
    network
        A map of the same geometry, with the classes to show now.
    focus
        Where to fly: `lat`, `lon`, `zoom` and an `id`; the same id flies only once.

    Returns
    -------
    folium.FeatureGroup
        To be given to `st_folium` as the *first* of `feature_group_to_add`.
    """
    group = folium.FeatureGroup(name="update", control=False)
    _Update({**network.state, "focus": focus}).add_to(group)
    return group


def save_html(network: NetworkMap, path: Path) -> None:
    """Write the map as one file that needs no server and no internet.

    The file appears whole or not at all: it is written beside its place, synced and renamed.

    Parameters
    ----------
    network
        The map; background tiles, if any, are still fetched by the reader's browser.
    path
        The HTML file to write; an older one is replaced.

    Raises
    ------
    OSError
        The folder does not exist, or the disk is full; an older file is then still there.
    """
    html = network.get_root().render()
    for name, address in network.default_js:
        html = html.replace(f'<script src="{address}"></script>', inline_script(name))
    for name, address in network.default_css:
        html = html.replace(f'<link rel="stylesheet" href="{address}"/>', inline_style(name))
    _write_atomically(html.encode("utf-8"), path)


def _background(tiles: str, credit: str) -> folium.TileLayer:
    # Folium insists on an attribution for an address of one's own.
    return folium.TileLayer(
        tiles=tiles,
        attr=credit or " ",
        name="Background map",
        overlay=True,
        max_zoom=_MAX_ZOOM,
        max_native_zoom=_MAX_TILE_ZOOM,
    )


def _finite(bounds: Bounds | None) -> Bounds | None:
    if bounds is None or not np.isfinite(bounds).all():
        return None
    west, south, east, north = (float(side) for side in bounds)
    return west, south, east, north


def _union(bounds: Sequence[Bounds | None]) -> Bounds | None:
    known = np.array([sides for sides in bounds if sides is not None])
    if len(known) == 0:
        return None
    west, south = known[:, :2].min(axis=0).tolist()
    east, north = known[:, 2:].max(axis=0).tolist()
    return west, south, east, north


def _write_atomically(content: bytes, path: Path) -> None:
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
