"""The nearest bus that takes a site, for scenarios of many sites: no way, no load flow, no works.

An application is answered by `supply_options`, which routes, sizes and costs.
"""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from capacity.assumptions import Assumptions
from gis import Network
from gis.feeders import Supply
from gis.voltage import LV_MAX_KV, MV_MAX_KV


def nearest_bus(
    network: Network, supply: Supply, place: BaseGeometry, *, power_kw: float, assumptions: Assumptions
) -> str | None:
    """The nearest supplied bus of the lowest level that takes a power; None where none is in reach.

    Reach is straight from the edge of the site, times the detour of cables.

    Parameters
    ----------
    place
        Point or area of the site, in the CRS of the network.
    power_kw
        What the whole site draws or feeds in [kW].
    """
    buses, levels, reach = network.buses, assumptions.supply, assumptions.route
    fed = supply.buses["station_id"].notna().to_numpy()
    low = buses["vn_kv"].to_numpy() <= LV_MAX_KV
    busbar = buses.index.isin(network.transformers["lv_bus_id"])
    service = (buses["kind"] == "service").to_numpy()
    kinds = (
        (low & ~busbar & ~service, levels.lv_feeder_max_kw, reach.max_lv_m),
        (low & busbar, levels.lv_busbar_max_kw, reach.max_lv_m),
        (~low & (buses["vn_kv"].to_numpy() <= MV_MAX_KV), levels.mv_feeder_max_kw, reach.max_mv_m),
    )
    for of_kind, most_kw, most_m in kinds:
        rows = np.flatnonzero(of_kind & fed) if power_kw <= most_kw else np.zeros(0, dtype=int)
        far_m = shapely.distance(buses.geometry.to_numpy()[rows], place)
        near = far_m <= most_m / reach.detour_factor
        if near.any():
            ids = buses.index.to_numpy()[rows[near]].astype(str)
            return str(ids[np.lexsort((ids, far_m[near]))[0]])
    return None
