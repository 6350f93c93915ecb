"""Layers of the map as values, and the folium layer that draws them on canvas tiles.

Only geometry goes into a layer's script. Classes, widths and radii travel apart (see
`gis.webmap.map`), because a changed script makes st_folium throw the whole map away.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, Literal

import folium.map
import geopandas as gpd
import numpy as np
import numpy.typing as npt
from folium.template import Template

from gis.webmap.coding import CodedGeometry, code_lines, code_points
from gis.webmap.escape import escape_for_map
from gis.webmap.palette import NO_DATA, NO_DATA_COLOUR, PALETTE

Shape = Literal["circle", "square", "triangle"]

# A size is shipped as one byte in quarter pixels: up to 63.75 px.
_SIZE_QUANTUM_PX: Final = 0.25


@dataclass(frozen=True)
class LineLayer:
    """Lines coloured by class: one class per row of `geometry`, -1 is grey and dashed.

    `width_px` is one width [px] or one a row; `min_zoom` hides the layer further out.
    Give `code_lines(geometry)` instead of the geometry to code it once and draw it often.
    """

    name: str
    geometry: gpd.GeoSeries | CodedGeometry
    class_index: npt.NDArray[np.int8]
    width_px: float | npt.NDArray[np.float64] = 3.0
    show: bool = True
    min_zoom: int = 0

    def __post_init__(self) -> None:
        _check(self.name, self.geometry, self.class_index, self.width_px)


@dataclass(frozen=True)
class PointLayer:
    """Points coloured by class; `radius_px` is one radius [px] or one a row."""

    name: str
    geometry: gpd.GeoSeries | CodedGeometry
    class_index: npt.NDArray[np.int8]
    radius_px: float | npt.NDArray[np.float64] = 5.0
    shape: Shape = "circle"
    show: bool = True
    min_zoom: int = 0

    def __post_init__(self) -> None:
        _check(self.name, self.geometry, self.class_index, self.radius_px)


class CanvasLayer(folium.map.Layer):
    """A folium layer that draws one coded geometry on canvas tiles; shown in LayerControl."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = feederplan.layer(
                {{ this.slug|tojson }}, {{ this.geometry|tojson }}, {{ this.options|tojson }}
            );
        {% endmacro %}
        """
    )

    def __init__(self, layer: LineLayer | PointLayer, slug: str) -> None:
        super().__init__(name=escape_for_map(layer.name), overlay=True, show=layer.show)
        self._name = "CanvasLayer"
        self.slug = slug
        coded = _coded(layer)
        self.bounds_lonlat = coded.bounds_lonlat
        self.geometry = {"counts": coded.counts, "deltas": coded.deltas}
        self.style = _style(layer, coded.owner)
        self.options = {
            "shape": layer.shape if isinstance(layer, PointLayer) else "line",
            "minZoom": layer.min_zoom,
            "palette": PALETTE,
            "noData": NO_DATA_COLOUR,
        }


def _coded(layer: LineLayer | PointLayer) -> CodedGeometry:
    if isinstance(layer.geometry, CodedGeometry):
        return layer.geometry
    return code_lines(layer.geometry) if isinstance(layer, LineLayer) else code_points(layer.geometry)


def _style(layer: LineLayer | PointLayer, owner: npt.NDArray[np.int64]) -> dict[str, str]:
    size_px = layer.width_px if isinstance(layer, LineLayer) else layer.radius_px
    # One size for all is shipped once, not once a line.
    sizes = np.atleast_1d(size_px) if np.ndim(size_px) == 0 else np.asarray(size_px)[owner]
    quarters = np.clip(np.rint(sizes / _SIZE_QUANTUM_PX), 1, 255).astype(np.uint8)
    classes = layer.class_index[owner].astype(np.int8)
    return {"classes": _base64(classes.tobytes()), "sizes": _base64(quarters.tobytes())}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _check(
    name: str,
    geometry: gpd.GeoSeries | CodedGeometry,
    class_index: npt.NDArray[np.int8],
    size_px: float | npt.NDArray[np.float64],
) -> None:
    rows = geometry.feature_count if isinstance(geometry, CodedGeometry) else len(geometry)
    if class_index.shape != (rows,):
        raise ValueError(f"layer {name!r}: {rows} rows but classes of shape {class_index.shape}")
    if rows and not (class_index.min() >= NO_DATA and class_index.max() < len(PALETTE)):
        raise ValueError(f"layer {name!r}: classes must lie in -1 to {len(PALETTE) - 1}")
    if np.shape(size_px) not in ((), (rows,)) or not np.isfinite(size_px).all():
        raise ValueError(f"layer {name!r}: sizes must be finite, one or one a row [px]")
