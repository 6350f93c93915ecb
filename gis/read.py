"""Read and write networks: a file becomes a checked `Network`, or one report with all its faults."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gis.conform import conform_table, empty_table
from gis.crs import any_placed, check_crs, choose_crs, parse_crs, reproject
from gis.errors import InputError
from gis.findings import errors_of, join_findings, join_repairs, make_findings
from gis.formats import INFO_LAYER, read_source, write_layers
from gis.network import Network
from gis.numbers import read_numbers
from gis.record import read_record, record_layers
from gis.rules import RULES, RULES_ON_PLACES, Rule, geometry_usable, run_rules
from gis.schema import SCHEMA_VERSION, TABLES
from gis.topology import connect

# Degrees beyond these are no place on Earth.
_LON_MAX, _LAT_MAX = 180.0, 90.0


def read_network(path: str | Path, *, crs: str | None = None, rules: tuple[Rule, ...] = RULES) -> Network:
    """Read a network from a GeoPackage or a folder of GeoJSON files.

    Geometry is brought into one projected CRS in metres; bus references missing in the file are filled
    from geometry and recorded in `repairs`. Does not look at equipment types unless their rules are
    passed in (`gridmodel.RULES`).

    Parameters
    ----------
    path
        File or folder in the canonical tables (`gis.TABLES`).
    crs
        Projected CRS in metres to use, like "EPSG:25832"; the lines' own or their UTM zone otherwise.
    rules
        Rules over the tables, in order.

    Returns
    -------
    Network
        With warnings in `findings`.

    Raises
    ------
    InputError
        The file cannot be used; every fault is a row of its `findings`.
    """
    network, findings = inspect_network(path, crs=crs, rules=rules)
    errors = errors_of(findings)
    if network is None or len(errors):
        raise InputError(str(path), errors)
    return network


def inspect_network(
    path: str | Path, *, crs: str | None = None, rules: tuple[Rule, ...] = RULES
) -> tuple[Network | None, pd.DataFrame]:
    """Read a file and return all that was found, with the network if it is usable.

    Raises
    ------
    InputError
        There is no such file, it is damaged, or it has no known format.
    """
    path = Path(path)
    source = read_source(path)
    layers = source.layers
    info = read_info(layers.pop(INFO_LAYER, None))
    quarantine, past_repairs = read_record(layers)
    tables, findings = _conform_layers(layers)
    findings = join_findings([source.findings, findings])
    wanted = None if crs is None else parse_crs(crs)
    located = {name: frame for name, frame in tables.items() if isinstance(frame, gpd.GeoDataFrame)}
    crs_faults = check_crs(located)
    if len(crs_faults) or not any_placed(located):
        return None, join_findings([findings, crs_faults, _check_unplaced(tables, rules)])
    metric = choose_crs(located, wanted)
    tables |= reproject(located, metric)
    tables |= {name: empty_table(TABLES[name], metric) for name in TABLES if name not in tables}
    connected, repairs, unconnected = connect(tables)
    findings = without_echoes(join_findings([findings, unconnected, run_rules(connected, rules)]))
    if len(errors_of(findings)):
        return None, findings
    frames = cast("dict[str, gpd.GeoDataFrame]", {name: connected[name] for name in TABLES})
    record = {
        "findings": findings,
        "repairs": join_repairs([past_repairs, repairs]),
        "quarantine": quarantine,
    }
    return Network(crs=metric, info=info, **record, **frames), findings


def read_sites(path: str | Path, crs: CRS) -> gpd.GeoDataFrame:
    """Read the sites of a file into the CRS of a network.

    The layer `sites`, or the only one with a column site_id; places are its geometry, or its columns lon and
    lat in degrees (`site_places`). Rows whose site_id begins with # are notes of a template, not sites.

    Raises
    ------
    InputError
        The file has no usable sites; every fault is named.
    """
    path = Path(path)
    layers = read_source(path).layers
    named = [layer for layer in layers.values() if "site_id" in layer.columns]
    raw = layers.get("sites", named[0] if len(named) == 1 else None)
    placed, unplaced = (None, join_findings([])) if raw is None else site_places(without_notes(raw))
    if placed is None:
        seen = ", ".join(sorted(layers)) or "none"
        message = f"no layer 'sites' with geometry, or columns lon and lat (layers found: {seen})"
        raise InputError(str(path), make_findings("missing_layer", "sites", [""], message))
    sites, faults = conform_table(placed, TABLES["sites"])
    located = {"sites": cast(gpd.GeoDataFrame, sites)}
    crs_faults = check_crs(located) if len(sites) else join_findings([])
    unusable = unplaced if len(unplaced) else geometry_usable(located)
    faults = errors_of(join_findings([faults, crs_faults, unusable]))
    if len(faults):
        raise InputError(str(path), faults)
    return located["sites"].to_crs(crs)


def without_notes(raw: pd.DataFrame) -> pd.DataFrame:
    """Rows of a layer of sites without notes, whose site_id begins with #."""
    if "site_id" not in raw.columns:
        return raw
    return raw[~raw["site_id"].astype(str).str.lstrip().str.startswith("#")].reset_index(drop=True)


def site_places(raw: pd.DataFrame) -> tuple[gpd.GeoDataFrame | None, pd.DataFrame]:
    """Places of a layer: its own geometry, or points from its columns lon and lat [degree, WGS 84].

    Returns
    -------
    layer, findings
        Nothing where the layer has neither; a row of the findings per pair that is no place.
    """
    drawn = isinstance(raw, gpd.GeoDataFrame)
    names = {str(name).strip().lower(): name for name in raw.columns}
    if not {"lon", "lat"} <= set(names) or (drawn and raw.geometry.notna().any()):
        return (cast(gpd.GeoDataFrame, raw) if drawn else None), join_findings([])
    texts = raw[[names["lon"], names["lat"]]]
    lon, lat = (read_numbers(texts[name])[0].to_numpy(dtype=float) for name in texts.columns)
    good = (np.abs(lon) <= _LON_MAX) & (np.abs(lat) <= _LAT_MAX)
    points = gpd.GeoSeries.from_xy(np.where(good, lon, np.nan), np.where(good, lat, np.nan), crs=4326)
    points = points.where(good, None)
    layer = gpd.GeoDataFrame(
        pd.DataFrame(raw).drop(columns=[*texts.columns, *(["geometry"] if drawn else [])]),
        geometry=points.to_numpy(),
        crs=4326,
    )
    return layer, _no_places(raw, texts, ~good)


def _no_places(raw: pd.DataFrame, texts: pd.DataFrame, bad: np.ndarray) -> pd.DataFrame:
    rows = np.flatnonzero(bad)
    message = "lon and lat name no place; write both in degrees, like 7.8840 and 48.4475"
    named = raw["site_id"].iloc[rows] if "site_id" in raw.columns else [f"row {row + 1}" for row in rows]
    values = [f"{lon}, {lat}" for lon, lat in texts.iloc[rows].itertuples(index=False)]
    return make_findings("bad_place", "sites", named, message, values=values)


def write_network(network: Network, path: str | Path) -> None:
    """Write a network: `*.gpkg` for a GeoPackage, a name without suffix for a folder of GeoJSON files.

    Written to a temporary place, synced and renamed: a target that existed stays whole until then.

    Raises
    ------
    InputError
        The target's name fits no format, or its folder holds other files.
    OSError
        The disk is full or not writable.
    """
    path = Path(path)
    layers = {
        name: frame.reset_index()
        for name, frame in network.tables().items()
        if len(frame) or TABLES[name].required
    }
    info = {**network.info, "schema_version": SCHEMA_VERSION}
    layers |= record_layers(network)
    layers[INFO_LAYER] = pd.DataFrame({"key": list(info), "value": list(info.values())})
    write_layers(layers, path)


def check_network(network: Network, *, rules: tuple[Rule, ...] = RULES) -> pd.DataFrame:
    """Run rules over a network made in memory; returns findings."""
    return run_rules(network.tables(), rules)


def read_info(layer: pd.DataFrame | None) -> dict[str, str]:
    """What a file says about itself, from its `network_info` layer."""
    if layer is None or not {"key", "value"} <= set(layer.columns):
        return {}
    return {str(key): str(value) for key, value in zip(layer["key"], layer["value"], strict=True)}


def _conform_layers(layers: Mapping[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    typed, findings = conform_layers(layers)
    # Rows without an own id are faults already; rules over references see unique ids only.
    unique = {name: frame[~frame.index.duplicated() & frame.index.notna()] for name, frame in typed.items()}
    return unique, findings


def conform_layers(layers: Mapping[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Type every canonical layer (`conform_table`); rows keep their place, ids may repeat or be missing."""
    parts = [_missing_layers(set(layers))]
    tables: dict[str, pd.DataFrame] = {}
    for name, table in TABLES.items():
        if name not in layers:
            continue
        raw = layers[name]
        if table.has_geometry and not isinstance(raw, gpd.GeoDataFrame):
            parts.append(
                make_findings(
                    "geometry_missing", name, [""], f"the layer has no geometry; it needs {table.geometry}s"
                )
            )
            continue
        plain = pd.DataFrame(raw) if not table.has_geometry else raw
        frame, faults = conform_table(plain, table)
        parts.append(faults)
        tables[name] = frame
    return tables, join_findings(parts)


def _check_unplaced(tables: Mapping[str, pd.DataFrame], rules: tuple[Rule, ...]) -> pd.DataFrame:
    """Run the rules that need no coordinates, so that one report names all faults."""
    filled = {name: tables.get(name, empty_table(table, None)) for name, table in TABLES.items()}
    apart = tuple(rule for rule in rules if rule not in RULES_ON_PLACES)
    hollow = make_findings(
        "no_rows", "file", [""], "no layer has an element with coordinates; fill the layers"
    )
    empty = not any(len(frame) for frame in tables.values())
    return without_echoes(join_findings([hollow if empty else join_findings([]), run_rules(filled, apart)]))


def without_echoes(findings: pd.DataFrame) -> pd.DataFrame:
    """Leave out what only follows from a fault named already.

    A bus that geometry could not tell is missing, a cell whose code is unknown is missing; a layer that is
    not there has no source in service.
    """
    keys = pd.MultiIndex.from_frame(findings[["table", "element_id"]].astype(object))
    again = np.zeros(len(findings), dtype=bool)
    for echo, cause in (("missing_bus", None), ("missing_value", "unknown_code")):
        said_again = (findings["rule"] == echo).to_numpy(dtype=bool)
        causes = ~said_again if cause is None else (findings["rule"] == cause).to_numpy(dtype=bool)
        again |= said_again & keys.isin(keys[causes])
    absent = ((findings["rule"] == "missing_layer") & (findings["table"] == "sources")).any()
    sourceless = ((findings["rule"] == "no_source") & absent).to_numpy(dtype=bool)
    return findings[~(again | sourceless)].reset_index(drop=True)


def _missing_layers(found: set[str]) -> pd.DataFrame:
    parts = []
    for name, table in TABLES.items():
        if table.required and name not in found:
            near = difflib.get_close_matches(name, sorted(found), n=1, cutoff=0.6)
            hint = f"; is it the layer {near[0]!r}?" if near else ""
            seen = ", ".join(sorted(found)) or "none"
            message = f"the layer is missing (layers found: {seen}){hint}; add the {table.meaning}"
            parts.append(make_findings("missing_layer", name, [""], message))
    return join_findings(parts)
