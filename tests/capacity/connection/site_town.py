"""One application that the station of the town does not carry alone: too much for T1, with room at night.

S1                        250 kVA
M1 --K1, 20 kV, 1 km-- M2 ==T1== B1 ... Mill Lane: 60 homes, 100 m away
"""

from __future__ import annotations

from functools import cache

import pandas as pd
import shapely

from capacity.assumptions import read_assumptions
from capacity.connection.assessment import Assessment, assess_on
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.site_cases import ConnectionConfig, connection_grid
from capacity.demand.development import Development
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import demand_profiles
from tests.capacity.grids import EAST_M, NORTH_M, station

MILL_LANE = Development(
    shapely.Point(EAST_M + 1110.0, NORTH_M + 20.0),
    name="Mill Lane",
    dwellings=60,
    phases=((2027, 0.4), (2030, 0.6)),
)


@cache
def town() -> ConnectionGrid:
    """The grid applications are judged on; another entry point is looked for in one direction only."""
    shipped = read_assumptions()
    turning = shipped.turning.model_copy(update={"directions": 1})
    figures = shipped.model_copy(update={"turning": turning})
    return connection_grid(station(), ConnectionConfig(assumptions=figures))


@cache
def answer() -> Assessment:
    """What is answered to Mill Lane."""
    return assess_on(town(), MILL_LANE)


@cache
def winter_week() -> ProfileSet:
    """168 hours of January: blocks and months as in a year, in a fiftieth of the time."""
    whole = demand_profiles(2025)
    week = whole.factors.loc["2025-01-13":"2025-01-19"]
    return ProfileSet(
        pd.DataFrame(week), whole.of_class, whole.of_kind, whole.of_element, whole.time_zone, "a week"
    )
