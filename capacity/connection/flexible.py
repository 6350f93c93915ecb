"""What is possible now as a flexible connection: an option without works, and what it has to leave out.

The hours of a year, each solved with the option built and nothing else: in an hour in which the site would
break a limit it draws what breaks none, and the rest is curtailed. Energy asked is delivered and curtailed.
Profiles are the best estimate that planning goes by; outages are no part of it: who is flexible is reduced
first when one comes. Batteries follow the connection and ask for no energy of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.assumptions import Assumptions
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyOption
from capacity.connection.site_room import HourRoom, SiteYear, room_per_hour, site_year
from capacity.demand.development import Development, demand_parts
from capacity.headroom_year import blocks_of, off_peak
from gis import Network
from gis.changes import apply_changes, typed_like
from gis.voltage import LV_MAX_KV
from gridmodel import Scenario, find_scenario
from gridmodel.bus_power import bus_power
from gridmodel.profile_set import ProfileSet
from gridmodel.scenario import scenarios_of
from gridmodel.standard_profiles import YEAR, demand_profiles

HOUR_COLUMNS = ("asked_kw", "room_kw", "curtailed_kw", "fed_kw", "feed_room_kw", "feed_curtailed_kw")
MONTH_COLUMNS = (
    "month", "asked_kwh", "delivered_kwh", "curtailed_kwh", "hours", "largest_cut_kw", "fed_kwh",
    "feed_curtailed_kwh",
)  # fmt: skip
BINDING_COLUMNS = ("direction", "check", "table", "element_id", "hours")
# Cuts below are the step of the search, not the grid's.
_LEAST_CUT_KW = 1.0
_HOURS_OF_DAY = 24
# Power beyond the scenario's own under this is rounding of the sums [kVA].
_ROUNDING_KVA = 1e-6


@dataclass(frozen=True, eq=False)
class FlexibleSupply:
    """A flexible connection over a year.

    Attributes
    ----------
    asked_kwh, delivered_kwh, curtailed_kwh
        Drawn from the grid: asked = delivered + curtailed.
    hours, share, largest_cut_kw
        Hours with a cut, share of the energy asked for that is cut (0..1), and the largest cut.
    fed_kwh, feed_curtailed_kwh, feed_hours
        Fed into the grid if nothing stopped it, what of it is cut, and in how many hours.
    firm_kw, valley_kw
        The most that may be drawn in every hour, and in every hour of the night
        (`headroom_year.off_peak`); up to `demand_kw`.
    demand_kw
        Coincident demand of the site.
    window
        Hours of the day (first, last + 1; local time, past midnight where the first is later) in which all of
        `demand_kw` may be drawn on every day; None where there are none.
    by_month, by_hour
        Columns `MONTH_COLUMNS`; `HOUR_COLUMNS` indexed by hour (UTC).
    binding
        Columns `BINDING_COLUMNS`: what holds the site down, when it asks for its full demand in every hour.
    unsolved
        Hours without solution before the site: nothing is delivered in them.
    """

    option_id: str
    demand_kw: float
    asked_kwh: float
    delivered_kwh: float
    curtailed_kwh: float
    hours: int
    share: float
    largest_cut_kw: float
    fed_kwh: float
    feed_curtailed_kwh: float
    feed_hours: int
    firm_kw: float
    valley_kw: float
    window: tuple[int, int] | None
    by_month: pd.DataFrame
    by_hour: pd.DataFrame
    binding: pd.DataFrame
    unsolved: int

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        if not self.hours:
            return "As a flexible supply nothing would be curtailed in a year of usual weather."
        when = f"; all of it is free from {_clock(self.window)} on every day" if self.window else ""
        return (
            f"As a flexible supply it can be connected now, with about {self.hours:,} hours a year in which "
            f"{self.curtailed_kwh:,.0f} kWh ({100.0 * self.share:.2g} % of its energy) are not delivered, "
            f"at most {self.largest_cut_kw:,.0f} kW at a time{when}."
        )


def _clock(window: tuple[int, int]) -> str:
    first, end = window
    return "0:00 to 24:00" if end - first == _HOURS_OF_DAY else f"{first}:00 to {end % _HOURS_OF_DAY}:00"


def flexible_supply(
    grid: ConnectionGrid,
    development: Development,
    option: SupplyOption,
    *,
    profiles: ProfileSet | None = None,
) -> FlexibleSupply:
    """Find what a flexible connection by an option would leave out over a year.

    Parameters
    ----------
    grid
        Its scenario is that of its first case, where the network has it, else the network's first; what its
        cases draw beyond that scenario (connections accepted before) draws in every hour.
    option
        Without works on the existing grid.
    profiles
        Hours of a year; the shipped best estimate when absent.

    Raises
    ------
    InputError
        The option does not fit the network, or a profile is missing.
    ValueError
        The option cannot be built at all (`SupplyOption.problem`).
    """
    if option.problem:
        raise ValueError(f"{option.option_id} cannot be built: {option.problem}")
    known = profiles or demand_profiles(YEAR)
    year = _year_with(grid, option, known)
    parts = demand_parts(development, grid.assumptions)
    demand_kw = float(parts["p_kw"].sum())
    drawn_kw, fed_kw = hourly_kw(development, grid.assumptions, known)
    net_kw = drawn_kw - fed_kw
    per_kw = complex(1.0, np.tan(np.arccos(grid.assumptions.power_factor.cos_phi)))
    room = room_per_hour(year, np.arange(len(net_kw)), max(demand_kw, float(net_kw.max())), per_kw)
    feeding = np.flatnonzero(net_kw < 0.0)
    feed_room = room_per_hour(year, feeding, float((-net_kw).max()), -1.0 + 0.0j)
    return _answer(option, demand_kw, known, net_kw, room, feeding, feed_room)


def hourly_kw(
    development: Development, assumptions: Assumptions, profiles: ProfileSet
) -> tuple[np.ndarray, np.ndarray]:
    """Demand and solar feed of a development per hour of profiles [kW], before one covers the other."""
    parts = demand_parts(development, assumptions)
    drawn, fed = np.zeros(len(profiles.time)), np.zeros(len(profiles.time))
    for part in parts[parts["profile"] != "battery"].itertuples():
        column = profiles.of_class.get(part.profile) or profiles.of_kind.get(part.profile)
        factor = 1.0 if column is None else profiles.factors[column].to_numpy(dtype=float)
        drawn += part.p_kw * factor
        fed += part.feed_in_kw * factor
    return drawn, fed


def _year_with(grid: ConnectionGrid, option: SupplyOption, profiles: ProfileSet) -> SiteYear:
    scenario = _scenario_of(grid)
    network = apply_changes(_with_accepted(grid, scenario), option.changes)
    change = grid.yardstick.limits.voltage_change
    return site_year(
        network, profiles, scenario, grid.yardstick.limits,
        site_bus_id=option.site_bus_id,
        supply_bus_id=option.bus_id,
        change_percent=change.lv_percent if option.voltage_kv <= LV_MAX_KV else change.mv_percent,
        catalogue=grid.catalogue,
    )  # fmt: skip


def _scenario_of(grid: ConnectionGrid) -> Scenario:
    named = str(grid.cases.labels["scenario"].iloc[0])
    return scenarios_of(grid.network).get(named) or find_scenario(grid.network)


def _with_accepted(grid: ConnectionGrid, scenario: Scenario) -> Network:
    """The network with what its first case draws beyond its own loads, in every hour."""
    network, first = grid.network, str(grid.cases.labels["scenario"].iloc[0])
    if first not in scenarios_of(network):
        return network
    beyond = grid.cases.kva[0] - bus_power(network, scenario)
    at = np.flatnonzero(np.abs(beyond) > _ROUNDING_KVA)
    if not len(at):
        return network
    buses, factor = network.buses.index[at], scenario.load_factor or 1.0
    rows = pd.DataFrame(
        {
            "bus_id": buses.to_numpy(dtype=object), "customer_class": "accepted",
            "p_kw": beyond.real[at] / factor, "q_kvar": beyond.imag[at] / factor,
            "customers": 0, "in_service": True,
        },
        index=pd.Index([f"{bus}|accepted" for bus in buses], name=network.loads.index.name),
    )  # fmt: skip
    places = network.buses.geometry.to_numpy()[at]
    more = gpd.GeoDataFrame(rows.reindex(columns=network.loads.columns), geometry=places, crs=network.crs)
    return replace(network, loads=pd.concat([network.loads, typed_like(more, network.loads)]))


def _answer(
    option: SupplyOption,
    demand_kw: float,
    profiles: ProfileSet,
    net_kw: np.ndarray,
    room: HourRoom,
    feeding: np.ndarray,
    feed_room: HourRoom,
) -> FlexibleSupply:
    asked, fed = np.maximum(net_kw, 0.0), np.maximum(-net_kw, 0.0)
    feed_kw = np.full(len(net_kw), np.nan)
    feed_kw[feeding] = feed_room.kw
    by_hour = pd.DataFrame(
        {
            "asked_kw": asked,
            "room_kw": room.kw,
            "curtailed_kw": _cut(asked, room.kw),
            "fed_kw": fed,
            "feed_room_kw": feed_kw,
            "feed_curtailed_kw": _cut(fed, feed_kw),
        },
        index=pd.DatetimeIndex(profiles.time, name="hour"),
    )
    asked_kwh, curtailed_kwh = float(asked.sum()), float(by_hour["curtailed_kw"].sum())
    known = np.minimum(np.nan_to_num(room.kw, nan=0.0), demand_kw)
    blocks = blocks_of(profiles)
    bindings = [one.binding.assign(direction=name) for name, one in (("load", room), ("feed_in", feed_room))]
    return FlexibleSupply(
        option_id=option.option_id,
        demand_kw=demand_kw,
        asked_kwh=asked_kwh,
        delivered_kwh=asked_kwh - curtailed_kwh,
        curtailed_kwh=curtailed_kwh,
        hours=int((by_hour["curtailed_kw"] > 0.0).sum()),
        share=curtailed_kwh / asked_kwh if asked_kwh else 0.0,
        largest_cut_kw=float(by_hour["curtailed_kw"].max()),
        fed_kwh=float(fed.sum()),
        feed_curtailed_kwh=float(by_hour["feed_curtailed_kw"].sum()),
        feed_hours=int((by_hour["feed_curtailed_kw"] > 0.0).sum()),
        firm_kw=float(known.min()),
        valley_kw=float(known[off_peak(blocks)[blocks.number]].min()),
        window=_window(known >= demand_kw - _LEAST_CUT_KW, profiles.local_time.hour.to_numpy()),
        by_month=_by_month(by_hour, profiles),
        by_hour=by_hour,
        binding=pd.concat(bindings, ignore_index=True)[list(BINDING_COLUMNS)],
        unsolved=int(np.isnan(room.kw).sum()),
    )


def _cut(wanted: np.ndarray, room: np.ndarray) -> np.ndarray:
    """What there is no room for; all of it where nothing is known, nothing where only rounding is."""
    short = wanted - np.where(np.isnan(room) & (wanted > 0.0), 0.0, np.nan_to_num(room, nan=0.0))
    return np.where((short > _LEAST_CUT_KW) | ((short > 0.0) & (short >= wanted)), short, 0.0)


def _by_month(by_hour: pd.DataFrame, profiles: ProfileSet) -> pd.DataFrame:
    months = by_hour.groupby(profiles.local_time.month)
    sums, cuts = months.sum(), by_hour["curtailed_kw"].groupby(profiles.local_time.month)
    table = pd.DataFrame(
        {
            "month": sums.index,
            "asked_kwh": sums["asked_kw"],
            "delivered_kwh": sums["asked_kw"] - sums["curtailed_kw"],
            "curtailed_kwh": sums["curtailed_kw"],
            "hours": cuts.agg(lambda kw: int((kw > 0.0).sum())),
            "largest_cut_kw": cuts.max(),
            "fed_kwh": sums["fed_kw"],
            "feed_curtailed_kwh": sums["feed_curtailed_kw"],
        }
    )
    return table.reset_index(drop=True)[list(MONTH_COLUMNS)]


def _window(free: np.ndarray, hour_of_day: np.ndarray) -> tuple[int, int] | None:
    """Longest run of hours of the day, over midnight too, that are free on every day."""
    every = np.array([free[hour_of_day == hour].all() for hour in range(_HOURS_OF_DAY)])
    if every.all():
        return 0, _HOURS_OF_DAY
    first_bound = int(np.flatnonzero(~every)[0])
    turned = np.roll(every, -first_bound)  # begins with an hour that is not free
    best, start = 0, 0
    run = 0
    for hour, is_free in enumerate(turned):
        run = run + 1 if is_free else 0
        if run > best:
            best, start = run, hour - run + 1
    if not best:
        return None
    begin = (start + first_bound) % _HOURS_OF_DAY
    return begin, begin + best if begin + best <= _HOURS_OF_DAY else (begin + best) % _HOURS_OF_DAY
