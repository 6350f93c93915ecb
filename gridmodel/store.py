"""Stored results: a load flow beside its network, readable without pandapower.

`town.gpkg` has its results in `town.results/<scenario>.gpkg`: one layer per result table, geometry
included so that QGIS opens it, and the fingerprint of what it was computed from. A result whose
fingerprint is not the network's is stale and never returned.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import quote

import geopandas as gpd
import pandas as pd
import pyogrio

from gis import Network
from gis.formats import geopackage
from gis.schema import TABLES
from gridmodel.build import (
    assumptions,
    frequency_hz,
    line_figures,
    reactive_power_kvar,
    transformer_figures,
)
from gridmodel.catalogue import Catalogue, read_catalogue
from gridmodel.model import GridModel
from gridmodel.results import LoadFlowResult
from gridmodel.scenario import Scenario

_TABLES = ("buses", "lines", "transformers", "loads", "sources")
_INFO = "result_info"


def fingerprint(network: Network, catalogue: Catalogue, scenario: Scenario) -> str:
    """Sha256 over all that a load flow sees: rows, figures from the catalogue, and the scenario's factors.

    Lengths, impedances and reactive power count as resolved, wherever they came from.
    """
    digest = hashlib.sha256()
    names = ("buses", "lines", "transformers", "switches", "sources", "loads", "generators", "capacitors")
    seen: list[pd.DataFrame | pd.Series] = [network.table(name)[_seen_columns(name)] for name in names]
    seen.append(line_figures(network, catalogue).round(9))
    seen.append(transformer_figures(network, catalogue))
    seen.append(reactive_power_kvar(network).round(9))
    for frame in seen:
        digest.update(pd.util.hash_pandas_object(frame, index=True).to_numpy().tobytes())
    if frequency_hz(network) != assumptions()["frequency"]["f_hz"]:
        digest.update(repr(frequency_hz(network)).encode())
    factors = (scenario.load_factor, scenario.generation_factor, sorted(scenario.class_factors.items()))
    digest.update(repr(factors).encode())
    return digest.hexdigest()


def _seen_columns(table: str) -> list[str]:
    """Columns of a table without its id, and without a voltage that only helps to find the bus."""
    unseen = {"vn_kv"} if table in ("switches", "sources", "loads", "generators") else set()
    return [column.name for column in TABLES[table].columns[1:] if column.name not in unseen]


def results_path(network_path: Path, scenario_id: str) -> Path:
    """Where the results of one scenario lie beside a network file."""
    # An id is text of the user's: a name of one file, never a way to another folder.
    return network_path.with_suffix(".results") / f"{quote(scenario_id, safe=' ()+,;=@')}.gpkg"


def store_result(model: GridModel, result: LoadFlowResult, network_path: Path) -> Path:
    """Write a result to its place beside the network; returns that place."""
    target = results_path(network_path, result.scenario.scenario_id)
    write_result(model, result, target)
    return target


def write_result(model: GridModel, result: LoadFlowResult, path: Path) -> None:
    """Write one result as a GeoPackage: every result table as a layer with its geometry."""
    network = model.network
    layers: dict[str, pd.DataFrame] = {}
    for name in _TABLES:
        frame = getattr(result, name)
        geometry = network.table(name).geometry
        layers[name] = gpd.GeoDataFrame(frame, geometry=geometry, crs=network.crs).reset_index()
    info = {
        "fingerprint": fingerprint(network, model.catalogue, result.scenario),
        "status": result.status,
        "servable_share": result.servable_share,
        "generation_kw": result.generation_kw,
        "loss_kw": result.loss_kw,
        "engine": result.engine,
        "scenario": result.scenario.scenario_id,
    }
    layers[_INFO] = pd.DataFrame({"key": list(info), "value": [json.dumps(v) for v in info.values()]})
    geopackage.write_layers(layers, path, repeatable=True)


def stored_result(
    network: Network, scenario: Scenario, network_path: Path, *, catalogue: Catalogue | None = None
) -> LoadFlowResult | None:
    """Return the stored result of a scenario, or nothing when there is none, or a stale or damaged one.

    Stale is a result of other rows, other factors, or other figures in the catalogue (the shipped one
    when none is given).
    """
    path = results_path(network_path, scenario.scenario_id)
    if not path.is_file() or not geopackage.recognises(path):
        return None
    try:
        layer = pyogrio.read_dataframe(path, layer=_INFO)
        info = {key: json.loads(value) for key, value in zip(layer["key"], layer["value"], strict=True)}
        if info.get("fingerprint") != fingerprint(network, catalogue or read_catalogue(), scenario):
            return None
        frames = {name: _read(path, name) for name in _TABLES}
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, KeyError, ValueError):
        return None  # it can be computed again
    return LoadFlowResult(
        scenario=scenario,
        status=info["status"],
        servable_share=info["servable_share"],
        generation_kw=info["generation_kw"],
        loss_kw=info["loss_kw"],
        engine=info["engine"],
        **frames,
    )


def _read(path: Path, name: str) -> pd.DataFrame:
    frame = pyogrio.read_dataframe(path, layer=name, read_geometry=False)
    return frame.set_index(TABLES[name].id_column)
