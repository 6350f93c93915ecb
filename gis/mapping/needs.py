"""What a mapping needs and a source lacks: layers and columns, all named at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import geopandas as gpd
import pandas as pd

from gis.findings import make_findings
from gis.mapping.cells import expand
from gis.mapping.grammar import GeometrySource, NodesSource, Rows, TableSource

Layers = Mapping[str, pd.DataFrame]


def absent(layers: Layers, rows: Rows) -> pd.DataFrame:
    """Every layer and column rows are made of and the source lacks."""
    if rows.optional and rows.layer.casefold() not in layers:
        return make_findings("missing_column", "file", [], "")
    needs = [(rows.layer, name) for name in _own(rows)]
    for join in rows.joins:
        needs.append((join.layer, [join.key]))
        for names in rows.needs:
            brought = [n.removeprefix(join.prefix) for n in names if n.startswith(join.prefix)]
            needs += [(join.layer, brought)] if brought and len(brought) == len(names) else []
    messages = []
    if isinstance(rows, TableSource) and rows.geometry is not None:
        needs += _needs_of_place(rows, rows.geometry)
        messages += _placeless(layers, rows.geometry)
    name = rows.table if isinstance(rows, TableSource) else "file"
    return _lacking(layers, needs, name, messages, rows)


def absent_of_nodes(layers: Layers, nodes: NodesSource) -> pd.DataFrame:
    """Every column nodes are made of and the source lacks; layers may be absent, but not all of them."""
    needs = [(e.layer, [c]) for e in nodes.ends if e.layer.casefold() in layers for c in e.columns]
    if not needs:
        needs = [(e.layer, [e.start]) for e in nodes.ends]
    if nodes.places is not None:
        at = [c for c in (nodes.places.key, nodes.places.x, nodes.places.y) if c]
        needs += [(nodes.places.layer, [c]) for c in at]
    return _lacking(layers, needs, "buses", [], None)


def _own(rows: Rows) -> list[list[str]]:
    """What is read of the layer itself: entries with alternatives from a join need nothing of it."""
    prefixes = tuple(join.prefix for join in rows.joins)
    return [names for names in rows.needs if not any(prefixes and n.startswith(prefixes) for n in names)]


def _needs_of_place(rows: TableSource, place: GeometrySource) -> list[tuple[str, list[str]]]:
    own = [c for c in (place.start, place.end, place.wkt) if c]
    at = [c for c in (place.x, place.y, place.key) if c]
    return [*((rows.layer, [c]) for c in own), *((place.layer or rows.layer, [c]) for c in at)]


def _lacking(
    layers: Layers,
    needs: Iterable[tuple[str, list[str]]],
    table: str,
    messages: list[str],
    rows: Rows | None,
) -> pd.DataFrame:
    said = list(messages)
    for layer, names in needs:
        raw = layers.get(layer.casefold())
        if raw is None:
            seen = ", ".join(sorted(layers)) or "none"
            said.append(f"the source has no layer {layer!r} (layers: {seen}); correct the mapping")
        elif not expand(names, raw.columns):
            has = ", ".join(map(str, raw.columns))
            named = " or ".join(map(repr, names))
            said.append(f"layer {layer!r} has no column {named} (columns: {has})")
    if rows is not None and rows.layer.casefold() not in layers:
        seen = ", ".join(sorted(layers)) or "none"
        said.append(f"the source has no layer {rows.layer!r} (layers: {seen}); correct the mapping")
    unique = list(dict.fromkeys(said))
    return make_findings("missing_column", table, [""] * len(unique), unique)


def _placeless(layers: Layers, place: GeometrySource) -> list[str]:
    """A layer that shall lend its places has geometry, or columns of coordinates."""
    if place.layer is None or place.x is not None:
        return []
    if isinstance(layers.get(place.layer.casefold(), gpd.GeoDataFrame()), gpd.GeoDataFrame):
        return []
    return [f"layer {place.layer!r} has no geometry; name its columns x and y in the mapping's geometry"]
