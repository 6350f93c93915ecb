"""Headroom: the largest addition a bus can take, alone, before any limit is hit. Exact to 1 kW.

By bisection over solved cases (`gridmodel.run_cases`): the answer H holds every limit and H + 1 kW
breaks one, provided the limits are hit once and stay hit, which holds for load where no generation
runs. Headroom is stated per direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import geopandas as gpd
import pandas as pd

from capacity.impact import Impact, additions, blocked_by
from gridmodel import KEEP_ALL, run_cases

Direction = Literal["load", "generation"]

HEADROOM_COLUMNS = (
    "bus_id", "direction", "headroom_kw", "binding_check", "binding_table", "binding_id", "scenario",
    "status", "geometry",
)  # fmt: skip

# First addition tried [kW]: large enough that its effect stands clear of the solver's tolerance.
FIRST_KW = 16
# Largest addition tried [kW]; more is status "capped". Planning practice of German operators: 20 MW is
# the most a medium-voltage busbar takes, so no distribution bus is worth asking for more.
CAP_KW = 20_000


def headroom(
    impact: Impact,
    bus_ids: Iterable[str],
    *,
    direction: Direction = "load",
    cos_phi: float = 0.95,
    cap_kw: int = CAP_KW,
) -> gpd.GeoDataFrame:
    """Find the headroom of each bus, one bus at a time.

    Parameters
    ----------
    impact
        The scenario and limits it comes on top of.
    bus_ids
        Buses asked for; none of the network's tables is changed.
    direction
        "load" (drawn, at `cos_phi` inductive) or "generation" (injected at unity power factor).
    cap_kw
        Largest addition tried [kW].

    Returns
    -------
    GeoDataFrame
        Columns `HEADROOM_COLUMNS`. Status: "ok"; "already_violated" (0 kW: a limit this bus takes part
        in is broken before); "capped" (at least `cap_kw`); "undetermined" (the bus has no supply or
        the scenario no solution).

    Raises
    ------
    KeyError
        A bus_id is not in the network.
    """
    rows = [_headroom_row(impact, bus_id, direction, cos_phi, cap_kw) for bus_id in bus_ids]
    table = pd.DataFrame(rows, columns=list(HEADROOM_COLUMNS)).astype({"headroom_kw": float})
    return gpd.GeoDataFrame(table, geometry="geometry", crs=impact.model.network.crs)


def _headroom_row(
    impact: Impact, bus_id: str, direction: Direction, cos_phi: float, cap_kw: int
) -> tuple[object, ...]:
    place = impact.model.network.buses.geometry[bus_id]
    scenario = impact.scenario.scenario_id
    if impact.base is None or not bool(impact.base.vm_pu[impact.model.position("buses", [bus_id])[0]] > 0):
        return (bus_id, direction, float("nan"), None, None, None, scenario, "undetermined", place)
    kw, binding, status = _bisect(impact, bus_id, direction, cos_phi, cap_kw)
    named = (None, None, None) if binding is None else tuple(binding[["check", "table", "element_id"]])
    return (bus_id, direction, kw, *named, scenario, status, place)


def _bisect(
    impact: Impact, bus_id: str, direction: Direction, cos_phi: float, cap_kw: int
) -> tuple[float, pd.Series | None, str]:
    """Largest whole kW without a blocking limit, and the limit that blocks one more."""
    fits, blocked = 0, min(FIRST_KW, cap_kw)
    while (binding := _blocking(impact, bus_id, blocked, direction, cos_phi)) is None:
        if blocked >= cap_kw:
            return float(cap_kw), None, "capped"
        fits, blocked = blocked, min(2 * blocked, cap_kw)
    if fits == 0 and binding["already"]:
        return 0.0, binding, "already_violated"
    while blocked - fits > 1:
        middle = (fits + blocked) // 2
        found = _blocking(impact, bus_id, middle, direction, cos_phi)
        if found is None:
            fits = middle
        else:
            blocked, binding = middle, found
    return float(fits), binding, "ok"


def _blocking(
    impact: Impact, bus_id: str, p_kw: int, direction: Direction, cos_phi: float
) -> pd.Series | None:
    """The worst limit that speaks against this addition, already broken ones first."""
    power_factor = cos_phi if direction == "load" else 1.0
    signed_kw = float(p_kw) if direction == "load" else -float(p_kw)
    cases = additions([bus_id], [signed_kw], cos_phi=power_factor)
    results = run_cases(impact.model, cases, impact.scenario, keep=KEEP_ALL)
    found = blocked_by(impact, results, 0, bus_id, p_kw / power_factor)
    if found.empty:
        return None
    return found.sort_values("already", ascending=False, kind="stable").iloc[0]
