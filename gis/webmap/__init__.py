"""The offline web map: canvas layers, legend, highlights and one self-contained file.

Belongs here: what turns geometry and class numbers into a folium map. Not here: Streamlit
(`app_pages.map_frame`), engineering limits (the caller brings the thresholds), electrical values.
"""

from gis.webmap.bundle import asset_dir
from gis.webmap.coding import CodedGeometry, code_lines, code_points
from gis.webmap.escape import escape_for_map
from gis.webmap.layers import LineLayer, PointLayer
from gis.webmap.legend import Legend, Swatch, class_legend
from gis.webmap.map import Bounds, NetworkMap, network_map, save_html, update_group
from gis.webmap.markers import halo_group, highlight, route_group, site_group, step_group
from gis.webmap.palette import NO_DATA_COLOUR, PALETTE, classify, width_by_class
from gis.webmap.pick import nearest_asset

__all__ = [
    "NO_DATA_COLOUR",
    "PALETTE",
    "Bounds",
    "CodedGeometry",
    "Legend",
    "LineLayer",
    "NetworkMap",
    "PointLayer",
    "Swatch",
    "asset_dir",
    "class_legend",
    "classify",
    "code_lines",
    "code_points",
    "escape_for_map",
    "halo_group",
    "highlight",
    "nearest_asset",
    "network_map",
    "route_group",
    "save_html",
    "site_group",
    "step_group",
    "update_group",
    "width_by_class",
]
