"""Propose a mapping for a file nobody has mapped: which layer is which table, which column is which.

    names (five languages) --\\
    values, units, codes ------>  score per pair  ->  best assignment as a whole  ->  proposal + confidence
    geometry, ids met again --/

Every proposal says how sure it is and why; what is required and was not found is listed, never invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from gis.schema import TABLES, Column, Table
from gis.suggest.proposals import (
    GUESS_FROM,
    ColumnProposal,
    MappingSuggestion,
    TableProposal,
    how_sure,
    proposal_table,
)
from gis.suggest.toml import to_toml
from gis.suggest.values import (
    CELLS_LOOKED_AT,
    Evidence,
    Surroundings,
    as_numbers,
    drawn_length_m,
    evidence,
    states_other_unit,
    texts,
)
from gis.suggest.words import Likeness, column_likeness, coordinate_likeness, layer_likeness

__all__ = [
    "ColumnProposal", "MappingSuggestion", "TableProposal", "how_sure", "proposal_table", "suggest_mapping",
    "to_toml",
]  # fmt: skip

# Below this a layer is taken for no table (engineering judgement: geometry alone reaches 0.2).
LAYER_LEAST = 0.42
# What a column with values that fit and a name that says nothing can reach: a guess, no more.
NAMELESS_MOST = 0.5
# A value that is written where the file says nothing, and how sure that is.
ASSUMED: dict[tuple[str, str], object] = {
    ("sources", "vm_pu"): 1.0,
    ("loads", "customer_class"): "other",
    ("generators", "kind"): "other",
    ("switches", "kind"): "disconnector",
}
ASSUMED_CONFIDENCE = 0.2
_GEOMETRY = {
    "Point": {"Point", "MultiPoint"},
    "LineString": {"LineString", "MultiLineString"},
    "Polygon or Point": {"Polygon", "MultiPolygon", "Point"},
    "none": set(),
}
_BUS_COLUMNS = ("from_bus_id", "to_bus_id", "hv_bus_id", "lv_bus_id", "bus_id")


def suggest_mapping(
    layers: Mapping[str, pd.DataFrame], source_name: str, *, tables: Mapping[str, str] | None = None
) -> MappingSuggestion:
    """Propose a mapping from the names, values and geometry of raw layers.

    Parameters
    ----------
    layers
        Raw layers as a format reads them.
    source_name
        Name of the file, for the mapping's own name.
    tables
        Layers somebody has decided already: the table by layer name, "" for a layer to leave out.
    """
    chosen, left = {}, []
    for name, layer in layers.items():
        decided = (tables or {}).get(str(name))
        table, confidence, reason = _table_of(str(name), layer) if decided is None else _decided(decided)
        if table is None:
            left.append((str(name), reason))
        else:
            chosen[name] = (table, confidence, reason)
    known = _ids_by_name(layers, {name: entry[0] for name, entry in chosen.items()})
    proposals = [_propose(str(n), layers[n], *entry, known) for n, entry in chosen.items()]
    absent = [t.name for t in TABLES.values() if t.required and t.name not in {p.table for p in proposals}]
    missing = tuple(
        f"no layer looks like {name} ({TABLES[name].meaning}); a network needs one" for name in absent
    )
    order = {name: number for number, name in enumerate(TABLES)}
    ordered = tuple(sorted(proposals, key=lambda p: order[p.table]))
    placed = tuple(_with_bus_geometry(p, layers, ordered) for p in ordered)
    crs, unknown = _system(placed, layers)
    lacking = (*missing, unknown) if unknown else missing
    return MappingSuggestion(source_name, placed, tuple(left), lacking, crs)


def _table_of(name: str, layer: pd.DataFrame) -> tuple[Table | None, float, str]:
    if layer.empty or not len(_plain_columns(layer)):
        return None, 0.0, "the layer has no rows"
    has_points = bool(_coordinates(layer))
    scored = [(*_table_score(name, layer, table, has_points), table) for table in TABLES.values()]
    score, reason, table = max(scored, key=lambda one: one[0])
    if score < LAYER_LEAST:
        return None, score, f"nothing says which table it is; nearest is {table.name}: {reason}"
    return table, min(score, 0.98), reason


def _decided(table: str) -> tuple[Table | None, float, str]:
    return (TABLES[table], 1.0, "chosen by you") if table else (None, 0.0, "left out by you")


def _table_score(name: str, layer: pd.DataFrame, table: Table, has_points: bool) -> tuple[float, str]:
    word = layer_likeness(name, table.name)
    shape, said = _shape_score(layer, table, has_points)
    asked = [c for c in table.columns[1:] if _tells(c, table)]
    likeness = [_best_name(layer, table, c) for c in asked]
    columns = sum(sorted(likeness, reverse=True)[:4]) / min(4, len(likeness)) if likeness else 0.0
    score = (0.45 * word.score + 0.2 * shape + 0.35 * columns) * (1.0 if shape else 0.2)
    return score, f"{word.reason}, {said}, columns fit to {columns:.0%}"


def _tells(column: Column, table: Table) -> bool:
    """Tell whether a column tells its table from others."""
    grouped = {name for group in table.one_of for name in group}
    own = column.name in grouped or column.required or column.kind == "reference" or column.unit != ""
    return own and column.name not in ("name", "in_service", "parallel")


def _best_name(layer: pd.DataFrame, table: Table, column: Column) -> float:
    names = [
        column_likeness(c, table.name, column.name, table.id_column).score for c in _plain_columns(layer)
    ]
    return max(names, default=0.0)


def _shape_score(layer: pd.DataFrame, table: Table, has_points: bool) -> tuple[float, str]:
    if not isinstance(layer, gpd.GeoDataFrame) and has_points:
        return (
            (0.9, "it has coordinates")
            if "Point" in table.geometry
            else (0.3, "it has coordinates of points")
        )
    if not isinstance(layer, gpd.GeoDataFrame):
        return 0.5, "it has no geometry"
    kinds = layer.geom_type.dropna().value_counts(normalize=True)
    if kinds.empty:
        return 0.3, "its geometry is empty"
    share = float(kinds[kinds.index.isin(_GEOMETRY[table.geometry])].sum())
    return (
        (share, f"{share:.0%} of it is {table.geometry}")
        if share >= 0.5
        else (0.0, f"it is no {table.geometry}")
    )


def _plain_columns(layer: pd.DataFrame) -> list[str]:
    shape = layer.geometry.name if isinstance(layer, gpd.GeoDataFrame) else None
    return [str(c) for c in layer.columns if c != shape]


def _ids_by_name(layers: Mapping[str, pd.DataFrame], tables: Mapping[str, Table]) -> Surroundings:
    """Ids of every table by the best column for them, and ids of buses (else of line ends)."""
    ids: dict[str, frozenset[str]] = {}
    ends: list[set[str]] = []
    for name, table in tables.items():
        layer, nothing = layers[name], Surroundings({}, frozenset())
        found = _assign(layer, table, nothing)
        own = next((c for c in found if c.column == table.id_column and c.source), None)
        if own is not None and own.source is not None:
            ids[table.name] = ids.get(table.name, frozenset()) | frozenset(texts(layer[own.source]))
        sources = [c.source for c in found if c.column in _BUS_COLUMNS and c.source is not None]
        if table.name == "lines":
            ends += [set(texts(layer[source])) for source in sources]
    buses = ids.get("buses") or frozenset().union(*ends)
    return Surroundings(ids, buses)


def _propose(
    name: str, layer: pd.DataFrame, table: Table, confidence: float, reason: str, known: Surroundings
) -> TableProposal:
    drawn = drawn_length_m(layer) if table.name == "lines" else None
    around = replace(known, drawn_m=drawn)
    columns = _assign(layer, table, around)
    length = next((c.source for c in columns if c.column == "length_m" and c.source), None)
    if length is not None:
        lengths = as_numbers(layer[length])
        columns = _assign(layer, table, replace(around, length_m=lengths))
    columns = columns + _assumed(layer, table, columns, known)
    geometry = _coordinates(layer) if table.geometry != "LineString" and table.has_geometry else {}
    missing = tuple(table.lacking([c.column for c in columns]))
    return TableProposal(table.name, name, confidence, reason, columns, missing, geometry)


def _assign(layer: pd.DataFrame, table: Table, around: Surroundings) -> tuple[ColumnProposal, ...]:
    """Give every canonical column at most one source column, the sum of scores as high as it gets."""
    sources = _plain_columns(layer)
    pairs = [[_pair(layer, s, table, c, around) for s in sources] for c in table.columns]
    scores = np.array([[pair[0] for pair in row] for row in pairs], dtype=float)
    wanted = np.array([0.15 if c.required else 0.0 for c in table.columns])[:, None]
    rows, picked = linear_sum_assignment(np.where(scores >= GUESS_FROM, scores + wanted, 0.0), maximize=True)
    found = []
    for row, column in zip(rows, picked, strict=True):
        score, likeness, said = pairs[row][column]
        if score >= GUESS_FROM:
            reason = f"{likeness.reason}; {said.reason}"
            canonical = table.columns[row].name
            found.append(ColumnProposal(canonical, score, reason, sources[column], said.factor, said.codes))
    return tuple(found)


def _pair(
    layer: pd.DataFrame, source: str, table: Table, column: Column, around: Surroundings
) -> tuple[float, Likeness, Evidence]:
    likeness = column_likeness(source, table.name, column.name, table.id_column)
    if column.kind == "id" and likeness.score < GUESS_FROM:  # a name may serve where nothing is called an id
        named = column_likeness(source, table.name, "name", table.id_column)
        likeness = replace(named, score=0.75 * named.score)
    structural = (
        column.kind == "id" or column.name == "length_m" or (column.kind == "reference" and around.bus_ids)
    )
    if likeness.score < 0.3 and not structural:
        return 0.0, likeness, Evidence(0.0, "")
    said = evidence(layer[source], table.name, column, source, around)
    if not likeness.score:
        return (NAMELESS_MOST if said.score >= 0.95 else 0.0), likeness, said
    score = min(likeness.score * (0.5 + 0.5 * said.score), 0.99)
    if states_other_unit(source, column.unit) and column.kind == "number":
        score *= 0.5
    return (score if said.score > 0.2 else 0.3 * score), likeness, said


def _assumed(
    layer: pd.DataFrame, table: Table, found: tuple[ColumnProposal, ...], known: Surroundings
) -> tuple[ColumnProposal, ...]:
    """Values to write where the file says nothing (assumptions), and the table of a switch's element."""
    got = {c.column: c for c in found}
    more = []
    for column in table.columns:
        if column.name in got or (table.name, column.name) not in ASSUMED:
            continue
        value = ASSUMED[table.name, column.name]
        reason = f"no column tells it; {value} is an assumption, put the right value in its place"
        more.append(ColumnProposal(column.name, ASSUMED_CONFIDENCE, reason, value=value))
    element = got.get("element_id")
    if element is not None and element.source is not None and "element_table" not in got:
        shares = {
            t: texts(layer[element.source]).isin(known.ids.get(t, frozenset())).mean()
            for t in ("lines", "transformers")
        }
        best = max(shares, key=lambda t: shares[t])
        if shares[best] >= 0.5:
            reason = f"{shares[best]:.0%} of {element.source} are ids of {best}"
            more.append(ColumnProposal("element_table", 0.9 * shares[best], reason, value=best))
    return tuple(more)


def _coordinates(layer: pd.DataFrame) -> dict[str, str]:
    """Columns of coordinates where a layer has no geometry."""
    if isinstance(layer, gpd.GeoDataFrame):
        return {}
    found = {}
    for axis in ("x", "y"):
        scored = [(coordinate_likeness(c, axis), c) for c in _plain_columns(layer) if _are_figures(layer[c])]
        score, column = max(scored, default=(0.0, ""))
        if score >= 0.9:
            found[axis] = column
    return found if len(found) == 2 else {}


def _are_figures(cells: pd.Series) -> bool:
    present = cells.dropna().head(CELLS_LOOKED_AT)
    return bool(len(present)) and bool(as_numbers(present).notna().all())


def _system(tables: tuple[TableProposal, ...], layers: Mapping[str, pd.DataFrame]) -> tuple[str, str]:
    """The system of coordinates in columns: degrees can be told, metres cannot; what is missing in words."""
    drawn = [t for t in tables if "x" in t.geometry]
    if not drawn:
        return "", ""
    place = drawn[0].geometry
    layer = layers[place.get("layer", drawn[0].layer)]
    farthest = [as_numbers(layer[place[axis]]).abs().max() for axis in ("x", "y")]
    if farthest[0] <= 180.0 and farthest[1] <= 90.0:
        return "EPSG:4326", ""
    return "", (
        f"the coordinate reference system (CRS) of {place['x']} and {place['y']}, up to "
        f'{max(farthest):,.0f}: write crs = "EPSG:..." into the mapping'
    )


def _with_bus_geometry(
    proposal: TableProposal, layers: Mapping[str, pd.DataFrame], all_tables: tuple[TableProposal, ...]
) -> TableProposal:
    """Let a layer without geometry stand at the buses it names, or run between them."""
    table = TABLES[proposal.table]
    if isinstance(layers[proposal.layer], gpd.GeoDataFrame) or proposal.geometry or not table.has_geometry:
        return proposal
    named = [c.source for c in proposal.columns if c.column in _BUS_COLUMNS and c.source]
    buses = next((t for t in all_tables if t.table == "buses" and t.proposal("bus_id")), None)
    own = buses.proposal("bus_id") if buses else None
    wanted = 2 if table.geometry == "LineString" else 1
    if len(named) < wanted or buses is None or own is None or own.source is None:
        lost = "a place: the layer has no geometry and no bus to stand at"
        return replace(proposal, missing=(*proposal.missing, lost))
    ends = dict(zip(("from", "to"), named[:wanted], strict=False))
    place = {**ends, "layer": buses.layer, "key": own.source}
    return replace(proposal, geometry=place | dict(_coordinates(layers[buses.layer])))
