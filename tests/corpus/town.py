"""The sound network that every bad file is a spoilt copy of, and what an entry of the corpus says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.examples import network_from_text
from tests.networks import raw_layers, write_raw

Outcome = Literal["REJECT", "QUARANTINE", "WARN", "ACCEPT"]
Layers = dict[str, pd.DataFrame]

# 20 kV:  S A ---M1--- B ---M2--- E          0.4 kV under B:  C --L1-- C1 --L2-- C2 --L3-- C3
#                      T1         T2         and under E:     F --L4-- F1 --L5-- F2 --L6-- F3
_TEXT = """
    bus A 20 450000 5360000
    bus B 20 450800 5360000
    bus E 20 451600 5360000
    bus C 0.4 450800 5360000
    bus C1 0.4 450800 5360100
    bus C2 0.4 450800 5360200
    bus C3 0.4 450800 5360300
    bus F 0.4 451600 5360000
    bus F1 0.4 451600 5360100
    bus F2 0.4 451600 5360200
    bus F3 0.4 451600 5360300
    source S A 1.0
    line M1 A B 800 "NA2XS2Y 1x185 RM/25 12/20 kV"
    line M2 B E 800 "NA2XS2Y 1x185 RM/25 12/20 kV"
    transformer T1 B C "0.4 MVA 20/0.4 kV"
    transformer T2 E F "0.4 MVA 20/0.4 kV"
    line L1 C C1 100 "NAYY 4x150 SE"
    line L2 C1 C2 100 "NAYY 4x150 SE"
    line L3 C2 C3 100 "NAYY 4x150 SE"
    line L4 F F1 100 "NAYY 4x150 SE"
    line L5 F1 F2 100 "NAYY 4x150 SE"
    line L6 F2 F3 100 "NAYY 4x150 SE"
    load H1 C1 8 residential 4
    load H2 C2 6 residential 3
    load H3 C3 9 residential 4
    load H4 F1 7 residential 3
    load H5 F2 8 residential 4
    load H6 F3 6 residential 3
"""
CANARY = "canary-7f3a"  # stands in the files that nobody may read


@dataclass(frozen=True)
class Surroundings:
    """What hostile files reach for: a file with a secret beside them, a listener, and where they write."""

    secret: Path
    url: str
    trace: Path


@dataclass(frozen=True)
class BadFile:
    """One entry.

    Attributes
    ----------
    name
        Of the file made, and of the entry.
    faults
        Numbers of FAULTS.md section 1; 0 stands for a threat of section 2.
    outcome, names
        What must become of it, and every word that must be said.
    make
        Writes it into a folder under the name.
    walled
        Read in a process of its own, through the command.
    mapping
        Text of a mapping file it is imported with; "" for none.
    """

    name: str
    faults: tuple[int, ...]
    outcome: Outcome
    names: tuple[str, ...]
    make: Callable[[Path, Surroundings], object]
    walled: bool = False
    mapping: str = ""


@cache
def _town() -> Layers:
    return raw_layers(network_from_text(_TEXT))


def town() -> Layers:
    """Raw layers of the sound network; frames are fresh, they may be changed."""
    return {name: layer.copy() for name, layer in _town().items()}


def as_written(layers: Layers) -> Layers:
    """Without bus ids: geometry alone says what hangs together."""
    bare = {name: layer for name, layer in layers.items() if name != "buses"}
    bare["transformers"] = bare["transformers"].assign(vn_hv_kv=20.0, vn_lv_kv=0.4)
    lost = ["from_bus_id", "to_bus_id", "hv_bus_id", "lv_bus_id", "bus_id"]
    return {name: layer.drop(columns=lost, errors="ignore") for name, layer in bare.items()}


def with_cells(table: str, element_id: str, **cells: object) -> Layers:
    """The town with cells of one element changed."""
    layers = town()
    layer = layers[table]
    at = np.flatnonzero(layer.iloc[:, 0] == element_id)
    for column, value in cells.items():
        if column != "geometry":
            layer[column] = layer[column].astype(object)
        values = layer[column].to_list()
        values[at[0]] = value
        layer[column] = (
            gpd.GeoSeries(values, crs=layer.crs) if column == "geometry" else pd.Series(values, dtype=object)
        )
    return layers


def with_column(table: str, column: str, values: object) -> Layers:
    """The town with a whole column changed."""
    layers = town()
    layers[table][column] = values
    return layers


def with_row(table: str, like: str, **cells: object) -> Layers:
    """The town with a further row, like another but for some cells."""
    layers = town()
    layer = layers[table]
    row = layer[layer.iloc[:, 0] == like].assign(**{c: [v] for c, v in cells.items() if c != "geometry"})
    if "geometry" in cells:
        row = row.set_geometry(gpd.GeoSeries([cells["geometry"]], index=row.index, crs=layer.crs))
    layers[table] = pd.concat([layer, row], ignore_index=True)
    return layers


def line(*points: tuple[float, ...]) -> shapely.LineString:
    """A line of coordinates in metres from the town's corner."""
    with np.errstate(invalid="ignore"):
        return shapely.LineString([(450_000 + p[0], 5_360_000 + p[1], *p[2:]) for p in points])


def point(x: float, y: float) -> shapely.Point:
    """A point in metres from the town's corner."""
    return shapely.Point(450_000 + x, 5_360_000 + y)


def gpkg(layers: Callable[[], Layers]) -> Callable[[Path, Surroundings], object]:
    """Write layers as a GeoPackage; they are made only when they are needed."""
    return lambda path, around: write_raw(layers(), path)
