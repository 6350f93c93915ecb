"""Customers: one row per load and group, who they are, how many, and what each draws alone.

How much of it coincides is `capacity.coincidence`; what they add in a later year is `capacity.uptake`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis import Network

# load_id: of the network, or of what a scenario adds ("site:S1"); group: what profile and method it follows;
# customers: how many equal ones the row stands for; peak_kw, annual_kwh, floor_area_m2: of one of them,
# peak_kw the largest demand it has alone; tan_phi: reactive over active power; status: "placed", or why not,
# with the reason: a row that is not placed draws nothing and is told.
CUSTOMER_COLUMNS = (
    "load_id", "bus_id", "group", "customers", "peak_kw", "annual_kwh", "floor_area_m2", "tan_phi", "status",
    "reason",
)  # fmt: skip


def customers_of(network: Network) -> pd.DataFrame:
    """Customers of a network as its loads say: p_kw is the peak of a load, its class is its group.

    Returns
    -------
    DataFrame
        Columns `CUSTOMER_COLUMNS`, one row per load. A load out of service has the status "out_of_service".
    """
    loads = network.loads
    count = loads["customers"].fillna(1).clip(lower=1).to_numpy(dtype=float)
    q_kvar = loads["q_kvar"].fillna(loads["p_kw"] * np.tan(np.arccos(loads["cos_phi"].fillna(1.0))))
    active = loads["in_service"].to_numpy(dtype=bool)
    columns = {
        "load_id": loads.index,
        "bus_id": loads["bus_id"].to_numpy(dtype=object),
        "group": loads["customer_class"].to_numpy(dtype=object),
        "customers": count,
        "peak_kw": loads["p_kw"].to_numpy(dtype=float) / count,
        "annual_kwh": loads["annual_kwh"].to_numpy(dtype=float) / count,
        "floor_area_m2": np.nan,
        "tan_phi": (q_kvar / loads["p_kw"].where(loads["p_kw"] > 0.0)).fillna(0.0).to_numpy(dtype=float),
        "status": np.where(active, "placed", "out_of_service").astype(object),
        "reason": np.where(active, "", "in_service is false").astype(object),
    }
    return pd.DataFrame(columns, index=range(len(loads)))[list(CUSTOMER_COLUMNS)]
