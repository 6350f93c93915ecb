"""Generation: one row per generator or roof, how many, what each is rated, and why it is not placed.

The mirror of `capacity.customers`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis import Network

# unit_id: of the network, or of what a scenario adds ("LOAD|UPTAKE"); units: how many equal ones the row
# stands for; rated_kw: of one of them; status and reason as in `customers.CUSTOMER_COLUMNS`.
GENERATION_COLUMNS = ("unit_id", "bus_id", "kind", "units", "rated_kw", "status", "reason")


def generation_of(network: Network) -> pd.DataFrame:
    """Generators of a network, one row each, columns `GENERATION_COLUMNS`."""
    generators = network.generators
    active = generators["in_service"].to_numpy(dtype=bool)
    columns = {
        "unit_id": generators.index,
        "bus_id": generators["bus_id"].to_numpy(dtype=object),
        "kind": generators["kind"].to_numpy(dtype=object),
        "units": 1.0,
        "rated_kw": generators["p_kw"].to_numpy(dtype=float),
        "status": np.where(active, "placed", "out_of_service").astype(object),
        "reason": np.where(active, "", "in_service is false").astype(object),
    }
    return pd.DataFrame(columns, index=range(len(generators)))[list(GENERATION_COLUMNS)]
