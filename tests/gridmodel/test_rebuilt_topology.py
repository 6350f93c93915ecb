"""Topology rebuilt from geometry alone is the topology the demo area was drawn with."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis
from gis.topology import TopologyOptions, connect

MOVED_M = 0.3


@dataclasses.dataclass(frozen=True, eq=False)
class Stripped:
    """The demo area without buses; line ends moved by up to 0.3 m, half of the lines drawn backwards.

    Switches are left as they are: they name the lines they stand on.
    """

    network: gis.Network
    backwards: np.ndarray


@pytest.fixture(scope="module")
def stripped(demo_network: gis.Network) -> Stripped:
    lot = np.random.default_rng(7)
    lines = demo_network.lines
    xy, owner = shapely.get_coordinates(lines.geometry.array, return_index=True)
    first, last = np.diff(owner, prepend=-1) > 0, np.diff(owner, append=owner[-1] + 1) > 0
    for vertex, bus in ((first, "from_bus_id"), (last, "to_bus_id")):
        # The source draws 209 ends up to 72 m off their bus; no geometry can tell those.
        xy[vertex] = shapely.get_coordinates(demo_network.buses.geometry.loc[lines[bus]].array)
    at_end = first | last
    angle, share = lot.uniform(0, 2 * np.pi, at_end.sum()), np.sqrt(lot.uniform(0, 1, at_end.sum()))
    xy[at_end] += MOVED_M * share[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    geometry = shapely.linestrings(xy, indices=owner)
    backwards = lot.random(len(lines)) < 0.5
    geometry = np.where(backwards, shapely.reverse(geometry), geometry)
    bare = lines.set_geometry(gpd.GeoSeries(geometry, lines.index, crs=demo_network.crs))
    bare = bare.assign(from_bus_id=None, to_bus_id=None)
    return Stripped(
        dataclasses.replace(demo_network, buses=demo_network.buses.iloc[:0], lines=bare), backwards
    )


@pytest.fixture(scope="module")
def rebuilt(stripped: Stripped) -> dict[str, pd.DataFrame]:
    return connect(stripped.network.tables(), TopologyOptions(2 * MOVED_M, 2 * MOVED_M, 2 * MOVED_M))[0]


def ends(lines: pd.DataFrame, backwards: np.ndarray) -> np.ndarray:
    pairs = lines[["from_bus_id", "to_bus_id"]].to_numpy()
    return np.where(backwards[:, None], pairs[:, ::-1], pairs).ravel()


def test_node_pairs_are_recovered(
    demo_network: gis.Network, stripped: Stripped, rebuilt: dict[str, pd.DataFrame]
) -> None:
    drawn = pd.Series(ends(demo_network.lines, np.zeros(len(stripped.backwards), dtype=bool)))
    found = pd.Series(ends(rebuilt["lines"], stripped.backwards))
    right = drawn.groupby(found).transform("nunique").eq(1) & found.groupby(drawn).transform("nunique").eq(1)
    share = right.to_numpy().reshape(-1, 2).all(axis=1).mean()
    assert share >= 0.999, (share, drawn[~right].to_list()[:20])


def test_no_bus_joins_two_voltages(rebuilt: dict[str, pd.DataFrame]) -> None:
    lines = rebuilt["lines"]
    both = pd.concat([lines.set_index(end)["vn_kv"] for end in ("from_bus_id", "to_bus_id")])
    assert both.groupby(level=0).nunique().eq(1).all()
