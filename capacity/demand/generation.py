"""Generation: one row per generator or roof, how many, what each is rated, and why it is not placed.

The mirror of `capacity.demand.customers`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gis import Network

# unit_id: of the network, or of what a scenario adds ("LOAD|UPTAKE"); units: how many equal ones the row
# stands for; rated_kw: of one of them; status and reason as in `customers.CUSTOMER_COLUMNS`.
GENERATION_COLUMNS = ("unit_id", "bus_id", "kind", "units", "rated_kw", "status", "reason")

ACTIVE_ONLY = "q_kvar is left out: over the hours of a year generation feeds active power only"
# Both groups of customers and kinds of generation are called so; as kinds they are named apart, as in
# `demand_profiles`.
_FEED_NAMES = {"battery": "battery_feed", "other": "other_feed"}


def kind_name(kind: str) -> str:
    """Name of a kind of generation beside groups of customers."""
    return _FEED_NAMES.get(kind, kind)


def generation_of(network: Network) -> pd.DataFrame:
    """Generators of a network, one row each, columns `GENERATION_COLUMNS`; kinds as `kind_name` has them."""
    generators = network.generators
    active = generators["in_service"].to_numpy(dtype=bool)
    reactive = generators["q_kvar"].fillna(0.0).to_numpy(dtype=float) != 0.0
    columns = {
        "unit_id": generators.index,
        "bus_id": generators["bus_id"].to_numpy(dtype=object),
        "kind": generators["kind"].map(kind_name).to_numpy(dtype=object),
        "units": 1.0,
        "rated_kw": generators["p_kw"].to_numpy(dtype=float),
        "status": np.where(active, "placed", "out_of_service").astype(object),
        "reason": np.select([~active, reactive], ["in_service is false", ACTIVE_ONLY], "").astype(object),
    }
    return pd.DataFrame(columns, index=range(len(generators)))[list(GENERATION_COLUMNS)]


def feed_kw(generation: pd.DataFrame, bus_ids: pd.Index, kinds: Sequence[str]) -> np.ndarray:
    """Rated power of the rows that are placed [kW], buses x kinds."""
    placed = generation[generation["status"] == "placed"]
    power_kw = np.zeros((len(bus_ids), len(kinds)))
    at, column = bus_ids.get_indexer(placed["bus_id"]), pd.Index(kinds).get_indexer(placed["kind"])
    np.add.at(power_kw, (at, column), (placed["units"] * placed["rated_kw"]).to_numpy(dtype=float))
    return power_kw
