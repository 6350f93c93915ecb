"""Power per bus: what a network draws at each bus in one design case, and the network that draws just that.

The planner moves, replaces and adds elements while what customers draw stays as it is; so a case of a plan is
one number per bus, whatever it came from (a scenario of the network, an hour of a year of a demand scenario).
"""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from gis import Network
from gis.changes import typed_like
from gridmodel.build import reactive_power_kvar
from gridmodel.scenario import Scenario


def bus_power(network: Network, scenario: Scenario) -> np.ndarray:
    """Complex power drawn per bus [kVA], in the order of the buses; what is generated is negative.

    Elements out of service count nothing; capacitors belong to the network and are not counted.
    """
    loads, generators = network.loads, network.generators
    load_factor = scenario.load_factors(loads["customer_class"]).where(loads["in_service"], 0.0)
    fed_factor = scenario.generation_factors(generators["kind"]).where(generators["in_service"], 0.0)
    drawn = (loads["p_kw"] + 1j * reactive_power_kvar(network)) * load_factor
    fed = (generators["p_kw"] + 1j * generators["q_kvar"].fillna(0.0)) * fed_factor
    return _per_bus(network, loads["bus_id"], drawn) - _per_bus(network, generators["bus_id"], fed)


def without_power(network: Network) -> Network:
    """The network without loads and generators."""
    return replace(network, loads=network.loads.iloc[:0], generators=network.generators.iloc[:0])


def with_bus_power(network: Network, kva: np.ndarray) -> Network:
    """The network with one load per bus that draws the power given, instead of its own loads and generators.

    Parameters
    ----------
    kva
        Per bus, in the order of the network's buses. The loads are named "BUS|power"; negative feeds.
    """
    at = np.flatnonzero(kva != 0)
    ids = network.buses.index[at]
    rows = {
        "bus_id": ids.to_numpy(dtype=object), "customer_class": "mixed", "p_kw": kva.real[at],
        "q_kvar": kva.imag[at], "customers": 0, "in_service": True,
    }  # fmt: skip
    index = pd.Index([f"{bus}|power" for bus in ids], name=network.loads.index.name)
    frame = pd.DataFrame(rows, index=index).reindex(columns=network.loads.columns)
    loads = gpd.GeoDataFrame(frame, geometry=network.buses.geometry.to_numpy()[at], crs=network.crs)
    return replace(
        network,
        loads=typed_like(loads, network.loads),
        generators=network.generators.iloc[:0],
    )


def _per_bus(network: Network, bus_id: pd.Series, kva: pd.Series) -> np.ndarray:
    at = network.buses.index.get_indexer(bus_id)
    values, count = kva.to_numpy(dtype=complex), len(network.buses)
    known = at >= 0
    real, imaginary = (
        np.bincount(at[known], part[known], minlength=count) for part in (values.real, values.imag)
    )
    return np.asarray(real + 1j * imaginary)
