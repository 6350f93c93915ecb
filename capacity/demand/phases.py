"""Developments of a scenario: sites as point loads by date, phase by phase, at the nearest bus that fits.

Figures per home, heat pump, charging point and square metre are those of the connection check
(`capacity.assumptions`), so that a site alone draws the same in both. Every site is told in every year: what
stands, what comes later, and why it does not come at all.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.assumptions import Assumptions
from capacity.connection.nearest_bus import nearest_bus
from capacity.demand.coincidence import AsGiven, Coincidence, Rusck
from capacity.demand.customers import CUSTOMER_COLUMNS
from capacity.demand.development import Development, charging_kw, demand_parts, heat_pump_count
from capacity.demand.development_text import SHARE_TOLERANCE, parse_phases
from capacity.demand.generation import GENERATION_COLUMNS
from capacity.sites import developments_of
from gis import Network
from gis.feeders import Supply

# Group of each part of a site (`demand_scenario.SITE_PREFIX`), and whose profile it follows.
SITE_PROFILES = {
    "site_home": "residential",
    "site_heat_pump": "heat_pump",
    "site_direct_heating": "heat_pump",
    "site_ev": "ev",
    "site_managed_ev": "ev",
    "site_floor_area": "commercial",
    "site_battery": "other",
    "site_stated": "other",
}
# Parts that are counted; the others are one customer whose power grows.
_COUNTED = ("site_home", "site_heat_pump", "site_direct_heating", "site_ev")

# Share of the whole, status and reason.
_Standing = tuple[float, str, str]
# Group, how many, peak of one alone [kW], its floor area [m2].
_PartRow = tuple[str, int, float, float]


@dataclass(frozen=True, eq=False)
class SitePlan:
    """One development: where it is connected, and what share of it stands from which year.

    Attributes
    ----------
    status, reason
        "placed", or why it is not.
    phases
        Share of the whole per year; they add up to 1.
    parts
        Group per row: count_of_all, peak_kw of one, floor_area_m2; a site without demand states 0 kW.
    """

    site_id: str
    bus_id: str | None
    status: str
    reason: str
    phases: dict[int, float]
    parts: pd.DataFrame
    pv_kw: float
    tan_phi: float

    def share_in(self, year: int) -> float:
        """Share of the whole that stands in a year."""
        return min(sum(share for start, share in self.phases.items() if start <= year), 1.0)

    def later(self, year: int) -> str:
        """Reason of what does not stand yet."""
        return f"comes in {min((start for start in self.phases if start > year), default=year)}"


def site_plans(
    network: Network,
    supply: Supply,
    sites: gpd.GeoDataFrame,
    *,
    states: Collection[str],
    assumptions: Assumptions,
) -> tuple[SitePlan, ...]:
    """Plan every site of a table: its supply point for all phases together, and its phases.

    Parameters
    ----------
    sites
        Canonical table `sites`, in the CRS of the network.
    states
        States of application that count; sites in other states are not placed.
    """
    # Phases that say nothing cost a site its place in the scenario, not the scenario its other sites.
    rows = zip(sites.itertuples(), developments_of(sites, phased=False), strict=True)
    return tuple(_plan(network, supply, row, development, states, assumptions) for row, development in rows)


def site_methods(plans: Sequence[SitePlan], assumptions: Assumptions) -> dict[str, Coincidence]:
    """Coincidence per group that the sites have."""
    home, pump, point = assumptions.home, assumptions.heat_pump, assumptions.ev_point
    methods: dict[str, Coincidence] = {
        "site_home": Rusck(g_inf=home.g_inf, source=home.source),
        "site_heat_pump": Rusck(g_inf=pump.g_inf, source=pump.source),
        "site_direct_heating": Rusck(
            g_inf=assumptions.direct_heating.g_inf, source=assumptions.direct_heating.source
        ),
        "site_ev": Rusck(g_inf=point.g_inf, source=point.source),
        "site_managed_ev": AsGiven(source=assumptions.managed_charging.source),
        "site_battery": AsGiven(source="rules of batteries in the assumptions"),
        "site_floor_area": AsGiven(source=assumptions.floor_area.source),
        "site_stated": AsGiven(source="the application"),
    }
    had = {group for plan in plans for group in plan.parts.index}
    return {group: method for group, method in methods.items() if group in had}


def site_customers(plans: Sequence[SitePlan], year: int) -> pd.DataFrame:
    """Rows of all sites in a year (`customers.CUSTOMER_COLUMNS`): what stands, and what does not and why."""
    rows = [row for plan in plans for row in _customer_rows(plan, year)]
    return pd.DataFrame(rows, columns=list(CUSTOMER_COLUMNS))


def site_generation(plans: Sequence[SitePlan], year: int) -> pd.DataFrame:
    """Roofs of all sites in a year (`generation.GENERATION_COLUMNS`)."""
    rows = []
    for plan in plans:
        for share, status, reason in _standing(plan, year) if plan.pv_kw else ():
            rows.append((f"site:{plan.site_id}", plan.bus_id, "pv", 1.0, plan.pv_kw * share, status, reason))
    return pd.DataFrame(rows, columns=list(GENERATION_COLUMNS))


def _plan(
    network: Network, supply: Supply, row: Any, development: Development,
    states: Collection[str], assumptions: Assumptions,
) -> SitePlan:  # fmt: skip  # row: of the table of sites
    bus_id, phases = None, {}
    status, reason = "placed", ""
    demand_kw = float(demand_parts(development, assumptions)["p_kw"].sum())
    pv_kw = 0.0 if pd.isna(row.pv_kw) else float(row.pv_kw)
    try:
        phases = parse_phases(*(None if pd.isna(cell) else cell for cell in (row.phases, row.year)))
    except ValueError as error:
        status, reason = "no_date", str(error)
    if row.status not in states:
        status = row.status
        reason = f"the application is {row.status}; the scenario counts {', '.join(states)}"
    elif status == "placed":
        power_kw = max(demand_kw, pv_kw)
        bus_id, status, reason = _supply_point(network, supply, development, power_kw, assumptions)
    tan_phi = math.tan(math.acos(assumptions.power_factor.cos_phi))
    parts = _parts(development, assumptions)
    return SitePlan(development.site_id, bus_id, status, reason, phases, parts, pv_kw, tan_phi)


def _supply_point(
    network: Network, supply: Supply, development: Development, power_kw: float, assumptions: Assumptions
) -> tuple[str | None, str, str]:
    """Bus of the lowest level in reach that takes the whole site; status and reason where there is none."""
    if not power_kw:
        return None, "no_demand", "the site states nothing to connect"
    found = nearest_bus(network, supply, development.place, power_kw=power_kw, assumptions=assumptions)
    if found:
        return found, "placed", ""
    most_kw, reach = assumptions.supply.mv_feeder_max_kw, assumptions.route
    if power_kw > most_kw:
        return None, "too_large", f"{power_kw:,.0f} kW is more than a feeder carries ({most_kw:,.0f} kW)"
    return None, "too_far", (
        f"no bus that carries {power_kw:,.0f} kW within {reach.max_lv_m:,.0f} m (low voltage) or "
        f"{reach.max_mv_m:,.0f} m (medium voltage) of cable"
    )  # fmt: skip


def _parts(development: Development, assumptions: Assumptions) -> pd.DataFrame:
    parts = pd.DataFrame(
        [
            *_home_rows(development, assumptions),
            *_charging_rows(development, assumptions),
            *_area_rows(development, assumptions),
            *_whole_rows(development, assumptions),
        ],
        columns=["group", "count_of_all", "peak_kw", "floor_area_m2"],
    ).set_index("group")
    asked = parts["count_of_all"] > 0
    return parts[asked] if asked.any() else parts[parts.index == "site_stated"].assign(count_of_all=1)


def _home_rows(development: Development, assumptions: Assumptions) -> list[_PartRow]:
    home, pump, direct = assumptions.home, assumptions.heat_pump, assumptions.direct_heating
    size, alone_kw = assumptions.home_size, home.admd_kw / home.g_inf
    homes = [
        ("site_home", group.count, alone_kw * size.factor(group.floor_area_m2), np.nan)
        for group in development.home_groups
    ]
    heated = [
        (
            "site_direct_heating", group.count,
            (group.floor_area_m2 or size.usual_m2) * direct.w_per_m2 / 1e3 / direct.g_inf, np.nan,
        )
        for group in development.homes if group.heating == "direct_electric"
    ]  # fmt: skip
    pumps = ("site_heat_pump", heat_pump_count(development), pump.admd_kw / pump.g_inf, np.nan)
    return [*homes, pumps, *heated]


def _charging_rows(development: Development, assumptions: Assumptions) -> list[_PartRow]:
    points = development.ev_points
    if not development.managed_charging:
        return [("site_ev", points, assumptions.ev_point.rated_kw, np.nan)]
    held_kw = charging_kw(development, assumptions)
    return [("site_managed_ev", int(points > 0), held_kw, np.nan)]


def _area_rows(development: Development, assumptions: Assumptions) -> list[_PartRow]:
    areas = [(development.floor_area_m2, assumptions.floor_area.w_per_m2)]
    areas += [(area_m2, assumptions.floor_use[use].w_per_m2) for use, area_m2 in development.floors]
    return [
        ("site_floor_area", int(area_m2 > 0.0), area_m2 * w_per_m2 / 1e3, area_m2)
        for area_m2, w_per_m2 in areas
    ]


def _whole_rows(development: Development, assumptions: Assumptions) -> list[_PartRow]:
    rule = assumptions.battery[development.battery_use]
    charging_kw = development.battery_kw * rule.charging_share
    return [
        ("site_battery", int(charging_kw > 0.0), charging_kw, np.nan),
        ("site_stated", int(development.demand_kw > 0.0), development.demand_kw, np.nan),
    ]


def _customer_rows(plan: SitePlan, year: int) -> list[tuple[object, ...]]:
    standing = _standing(plan, year)
    return [
        (
            f"site:{plan.site_id}", plan.bus_id, part.Index, count, part.peak_kw * factor, np.nan,
            part.floor_area_m2 * factor, plan.tan_phi, status, reason,
        )
        for part in plan.parts.itertuples()
        for (_, status, reason), (count, factor) in zip(standing, _amounts(part, standing), strict=True)
        if count
    ]  # fmt: skip


def _amounts(part: Any, standing: list[_Standing]) -> list[tuple[float, float]]:  # a row of `parts`
    """Count, and factor on the figures of one, of what stands and of what does not."""
    if part.Index not in _COUNTED:
        return [(1.0, share) for share, *_ in standing]
    first = round(part.count_of_all * standing[0][0])
    return [(float(first), 1.0), (float(part.count_of_all - first), 1.0)][: len(standing)]


def _standing(plan: SitePlan, year: int) -> list[_Standing]:
    """Share, status and reason of what stands and of what does not."""
    if plan.status != "placed":
        return [(1.0, plan.status, plan.reason)]
    share = plan.share_in(year)
    built = [(share, "placed", "")] if share > 0.0 else []
    rest = [(1.0 - share, "later", plan.later(year))] if share < 1.0 - SHARE_TOLERANCE else []
    return built + rest
