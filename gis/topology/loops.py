"""Closed loops of the normal switching state are told: some are meant, a forgotten open point is not."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis.feeders import conducting_edges
from gis.findings import make_findings
from gis.network import Network
from gis.schema import TABLES
from gis.topology.step import Given, Step, Tables
from gis.tracing import find_loops


def tell_loops(tables: Tables, given: Given) -> Step:
    """Name every loop of more than two buses: elements side by side are told as duplicates elsewhere."""
    network = Network(crs=tables["lines"].crs, **{name: tables[name] for name in TABLES})  # type: ignore[arg-type]
    if _is_forest(network):
        return Step(tables)
    loops = find_loops(network)
    loops = loops[loops["bus_count"] > 2]
    message = "it closes a loop; open a switch in it unless the loop is meant"
    found = [
        make_findings(
            "closed_loop",
            str(table),
            rows["element_id"],
            message,
            severity="warning",
            values="loop of " + rows["element_ids"],
        )
        for table, rows in loops.groupby("table")
    ]
    return Step(tables, findings=found)


def _is_forest(network: Network) -> bool:
    """Tell whether no two buses are joined by two ways, elements side by side counted once."""
    edges = conducting_edges(network)[["u", "v"]].to_numpy()
    edges = np.sort(edges[edges[:, 0] != edges[:, 1]], axis=1)
    count = len(network.buses)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), tuple(edges.T)), shape=(count, count)).tocsr()
    return count == 0 or graph.nnz == count - connected_components(graph, directed=False)[0]
