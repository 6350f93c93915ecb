"""Where to sell: spare kW by station and by district, the mirror image of the bottlenecks.

A station is a transformer to low voltage. Its firm kW hold in every hour of the year, its off-peak kW in
every night; both are what its busbar takes alone (`year_rooms`). Neighbours share cables and the
transformer above, so their rooms do not add up: of a feeder, a substation or a district it is told what all
its stations take together, each the same share of its own room. That is solved by load flow like the rooms
themselves, so it never exceeds what the elements above let through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.data_quality import WeakFeeders
from capacity.headroom import CAP_KW
from capacity.headroom_year import blocks_of, off_peak
from capacity.selling.districts import OUTSIDE, district_of
from capacity.selling.prospects import PROSPECT_COLUMNS, prospects_at_buses, prospects_of
from capacity.selling.year_rooms import Asker, RoomSearch, binding_limits, room_search, takes_part
from gis.quality.score import TOO_WEAK
from gis.voltage import LV_MAX_KV

if TYPE_CHECKING:
    from capacity.demand.year_demand import YearDemand
    from gridmodel import GridModel

# rank: by firm kW, most first; rank_by_customers: by customers without electric heating, then without
# charging, of stations with room before those without; missing where neither is known. district: the one of
# the user's polygons, else the feeder. firm_kw, off_peak_kw [kW]: what the busbar takes alone in every hour,
# and in every night; more_off_peak_kw: the difference. firm_hour (UTC): one in which firm_kw is all there is.
# status: as of `headroom`, or "data too weak for results". The last six as of `prospects`, and of the demand.
SELL_COLUMNS = (
    "rank", "rank_by_customers", "station_id", "bus_id", "feeder_id", "substation_id", "district", "firm_kw",
    "off_peak_kw", "more_off_peak_kw", "firm_hour", "binding_check", "binding_table", "binding_id", "status",
    *PROSPECT_COLUMNS, "scenario", "year", "geometry",
)  # fmt: skip
# kind: "feeder", "substation", "district" or "network"; stations, stations_known: all of it, and those with a
# figure; *_alone_kw: sum of the rooms of its stations alone, an upper bound that nobody can sell; firm_kw,
# off_peak_kw: what they take together; *_share: of the sum; firm_hour: hour (UTC) that holds it down.
DISTRICT_COLUMNS = (
    "kind", "district", "stations", "stations_known", "firm_alone_kw", "firm_kw", "firm_share", "firm_hour",
    "off_peak_alone_kw", "off_peak_kw", "off_peak_share", "status", *PROSPECT_COLUMNS, "scenario", "year",
)  # fmt: skip
# Power factor of what is sold: low-voltage customers, inductive (dena-Verteilnetzstudie 2012).
COS_PHI = 0.95
# Shares of a group's rooms are sought in thousandths, and told in whole kW.
SHARE_STEPS, _ROUNDING_KW = 1000, 1e-9
_ROOM_COLUMNS = ("kw", "hour", "check", "table", "element_id", "status")
KNOWN = ("ok", "already_violated", "capped")


@dataclass(frozen=True, eq=False)
class SellingPlaces:
    """Where to sell.

    Attributes
    ----------
    stations
        Columns `SELL_COLUMNS`, most firm kW first; a row for every station, also those not known.
    districts
        Columns `DISTRICT_COLUMNS`: districts where the user gave polygons, feeders, substations, network.
    hours_solved
        Hours of the year, and of its nights, that may be the worst for somebody.
    """

    stations: gpd.GeoDataFrame
    districts: pd.DataFrame
    hours_solved: int


def where_to_sell(
    model: GridModel,
    yardstick: Yardstick,
    demand: YearDemand,
    *,
    districts: gpd.GeoSeries | None = None,
    technology_of: Mapping[str, str] = MappingProxyType({}),
    weak: WeakFeeders = MappingProxyType({}),
    cap_kw: int = CAP_KW,
) -> SellingPlaces:
    """Find the spare kW of every station and of all of them together, on top of a year's demand.

    Parameters
    ----------
    model
        From `demand.model_on(yardstick.network)`.
    districts
        Areas by name (`read_districts`); without them the medium-voltage feeder is the district.
    technology_of
        Technology per group of the demand (`prospects.technologies_of`).
    weak
        Feeders whose data are too weak for results (`data_quality.weak_data`).
    cap_kw
        Largest addition tried at a station [kW].

    Raises
    ------
    BalanceError
        An hour does not add up.
    """
    stations = _stations(yardstick, districts)
    at_buses = prospects_at_buses(yardstick.network, demand, technology_of)
    behind = prospects_of(at_buses, yardstick.supply.buses["station_id"])
    stations = stations.join(behind.reindex(columns=list(PROSPECT_COLUMNS)), on="station_id")
    night = off_peak(blocks_of(demand.profiles))[blocks_of(demand.profiles).number]
    searches = {
        name: room_search(model, yardstick, demand, np.flatnonzero(hours), cos_phi=COS_PHI)
        for name, hours in (("firm", np.ones(len(night), dtype=bool)), ("off_peak", night))
    }
    rooms = {
        name: _rooms_alone(search, stations["bus_id"].unique(), cap_kw) for name, search in searches.items()
    }
    table = _held_back(_with_rooms(stations, rooms), weak).assign(
        scenario=demand.scenario_id, year=demand.year
    )
    return SellingPlaces(
        stations=_ranked(table, yardstick),
        districts=_districts(searches, table).assign(scenario=demand.scenario_id, year=demand.year),
        hours_solved=sum(len(search.hours) for search in searches.values()),
    )


def sell_sentence(row: pd.Series) -> str:
    """What a row of `SellingPlaces.stations` says, for people who are no engineers."""
    if row["status"] not in KNOWN:
        return f"{row['station_id']}: not to be said, {str(row['status']).replace('_', ' ')}."
    if row["firm_kw"] < 1.0 and not row["off_peak_kw"] >= 1.0:
        return f"{row['station_id']}: nothing to sell{_because(row)}."
    least = "at least " if row["status"] == "capped" else ""
    firm = "nothing" if row["firm_kw"] < 1.0 else f"{least}{row['firm_kw']:,.0f} kW"
    told = f"{row['station_id']}: {firm} at any hour of the year"
    if row["more_off_peak_kw"] >= 1.0:
        told += f", {row['off_peak_kw']:,.0f} kW at night only (22 to 6 h)"
    told += _because(row)
    prospects = [
        f"{row[name]:,} without {what}"
        for name, what in (("without_heating", "electric heating"), ("without_charging", "charging"))
        if pd.notna(row[name])
    ]
    behind = f" {row['customers']:,} customers" if pd.notna(row["customers"]) else " Customers not known"
    return f"{told}.{behind}{', ' if prospects else ''}{', '.join(prospects)}."


def _because(row: pd.Series) -> str:
    if not row["binding_check"]:
        return ""
    return f"; beyond it {str(row['binding_check']).replace('_', ' ')} at {row['binding_id']}"


def _stations(yardstick: Yardstick, districts: gpd.GeoSeries | None) -> pd.DataFrame:
    """Stations with what they belong to."""
    network, supply = yardstick.network, yardstick.supply
    rows = network.transformers
    rows = rows[network.buses["vn_kv"].reindex(rows["lv_bus_id"]).to_numpy() <= LV_MAX_KV]
    feeder = supply.feeders["transformers"].reindex(rows.index).to_numpy(dtype=object)
    own = None if districts is None else district_of(rows.geometry, districts).to_numpy()
    return pd.DataFrame(
        {
            "station_id": rows.index,
            "bus_id": rows["lv_bus_id"].to_numpy(dtype=object),
            "feeder_id": feeder,
            "substation_id": supply.buses["station_id"].reindex(rows["hv_bus_id"]).to_numpy(dtype=object),
            "district": feeder if own is None else own,
            "has_districts": own is not None,
        }
    )


def _rooms_alone(search: RoomSearch, bus_ids: np.ndarray, cap_kw: int) -> pd.DataFrame:
    """Room of each bus alone: kw, hour, what binds and status, indexed by bus_id."""
    supply, count = search.yardstick.supply, len(bus_ids)
    buses = supply.buses.index.get_indexer(bus_ids)
    fed = supply.buses["station_id"].iloc[buses].notna().to_numpy()
    kw, status = np.full(count, np.nan), np.full(count, "undetermined", dtype=object)
    hour: list[object] = [None] * count
    named: list[tuple[object, object, object]] = [(None, None, None)] * count
    asked = np.flatnonzero(fed & (len(search.unsolved) == 0))
    part = takes_part(search, buses[asked])
    for one, limits in zip(asked[part.any(axis=1)], part[part.any(axis=1)], strict=True):
        worst = search.broken[limits].sort_values("excess", ascending=False).iloc[0]
        kw[one], status[one], hour[one] = 0.0, "already_violated", worst["hour"]
        named[one] = (worst["check"], worst["table"], worst["element_id"])
    free = asked[~part.any(axis=1)]
    askers = [Asker(buses[[one]], np.ones(1)) for one in free]
    found = search.largest(askers, cap_kw)
    binding = binding_limits(search, askers, found)
    for one, steps, at, limit in zip(free, found.steps, found.hour, binding, strict=True):
        kw[one], named[one] = float(steps), limit
        status[one], hour[one] = ("ok", search.demand.profiles.time[at]) if at >= 0 else ("capped", None)
    columns = (
        dict(zip(("check", "table", "element_id"), zip(*named, strict=True), strict=True)) if count else {}
    )
    rows = {"kw": kw, "hour": pd.to_datetime(pd.Series(hour, dtype=object), utc=True).array, "status": status}
    index = pd.Index(bus_ids, name="bus_id")
    return pd.DataFrame({**rows, **columns}, index=index).reindex(columns=list(_ROOM_COLUMNS))


def _with_rooms(stations: pd.DataFrame, rooms: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    firm = rooms["firm"].reindex(stations["bus_id"])
    night_kw = rooms["off_peak"]["kw"].reindex(stations["bus_id"]).to_numpy()
    return stations.assign(
        firm_kw=firm["kw"].to_numpy(),
        off_peak_kw=night_kw,
        more_off_peak_kw=night_kw - firm["kw"].to_numpy(),
        firm_hour=firm["hour"].array,
        binding_check=firm["check"].to_numpy(),
        binding_table=firm["table"].to_numpy(),
        binding_id=firm["element_id"].to_numpy(),
        status=firm["status"].to_numpy(),
    )


def _held_back(table: pd.DataFrame, weak: WeakFeeders) -> pd.DataFrame:
    """Stations without figures where their feeder's data are too weak."""
    lost = table["feeder_id"].isin(weak)
    figures = {
        name: table[name].mask(lost) for name in ("firm_kw", "off_peak_kw", "more_off_peak_kw", "firm_hour")
    }
    named = {name: table[name].where(~lost, None) for name in ("binding_table", "binding_id")}
    return table.assign(
        **figures, **named,
        binding_check=table["binding_check"].where(~lost, table["feeder_id"].map(dict(weak))),
        status=table["status"].where(~lost, TOO_WEAK),
    )  # fmt: skip


def _ranked(table: pd.DataFrame, yardstick: Yardstick) -> gpd.GeoDataFrame:
    order = ["firm_kw", "off_peak_kw", "station_id"]
    table = table.sort_values(order, ascending=[False, False, True], na_position="last", ignore_index=True)
    known = table["firm_kw"].notna()
    rank = pd.Series(np.arange(1, len(table) + 1), table.index).astype("Int64").where(known)
    by_customers = table.assign(room=table["firm_kw"] >= 1.0)[known].sort_values(
        ["room", "without_heating", "without_charging", "firm_kw"], ascending=False, na_position="last"
    )
    told = by_customers[["without_heating", "without_charging"]].notna().any(axis=1)
    second = pd.Series(np.arange(1, len(by_customers) + 1), by_customers.index).astype("Int64").where(told)
    places = yardstick.network.transformers.geometry
    ranked = table.assign(
        rank=rank,
        rank_by_customers=second.reindex(table.index),
        geometry=places.reindex(table["station_id"]).to_numpy(),
    )
    return gpd.GeoDataFrame(ranked[list(SELL_COLUMNS)], geometry="geometry", crs=places.crs)


def _districts(searches: Mapping[str, RoomSearch], stations: pd.DataFrame) -> pd.DataFrame:
    """Rows of districts, feeders, substations and the network, with what their stations take together."""
    kinds = [("feeder", stations["feeder_id"]), ("substation", stations["substation_id"])]
    if stations["has_districts"].any():
        kinds = [("district", stations["district"]), *kinds]
    groups = [
        (kind, name, stations[(names == name).to_numpy()])
        for kind, names in kinds
        for name in _in_order(names)
    ]
    if len(stations):
        groups.append(("network", "all stations", stations))
    members = [rows for *_, rows in groups]
    together: dict[str, object] = {}
    for name, search in searches.items():
        together |= _together(search, name, members)
    columns = {
        "kind": [kind for kind, *_ in groups],
        "district": [name for _, name, _ in groups],
        "stations": [len(rows) for rows in members],
        "stations_known": [int(rows["firm_kw"].notna().sum()) for rows in members],
        **together,
        "status": ["ok" if rows["firm_kw"].notna().any() else "undetermined" for rows in members],
        **{
            name: pd.array([_sum_or_missing(rows[name]) for rows in members], dtype="Int64")
            for name in PROSPECT_COLUMNS
        },
    }
    return pd.DataFrame(columns, index=range(len(groups))).reindex(columns=list(DISTRICT_COLUMNS))


def _together(search: RoomSearch, name: str, members: list[pd.DataFrame]) -> dict[str, object]:
    """Sum of the rooms of each group alone, and what it takes together; missing where nothing is known."""
    buses = search.yardstick.network.buses.index
    askers, known = [], np.zeros(len(members), dtype=bool)
    for number, rows in enumerate(members):
        room = rows[["bus_id", f"{name}_kw"]].dropna().drop_duplicates("bus_id")
        known[number] = len(room) > 0
        askers.append(Asker(buses.get_indexer(room["bus_id"]), room[f"{name}_kw"].to_numpy() / SHARE_STEPS))
    alone_kw = np.array([asker.kw_per_step.sum() * SHARE_STEPS for asker in askers])
    asked = np.flatnonzero(known)
    share, hour = np.full(len(members), np.nan), np.full(len(members), -1)
    if len(asked):
        found = search.largest([askers[one] for one in asked], SHARE_STEPS)
        share[asked], hour[asked] = found.steps / SHARE_STEPS, found.hour
    columns: dict[str, object] = {
        f"{name}_alone_kw": np.where(known, alone_kw, np.nan),
        f"{name}_kw": np.floor(share * alone_kw + _ROUNDING_KW),
        f"{name}_share": share,
    }
    if name == "firm":
        columns["firm_hour"] = pd.Series(search.demand.profiles.time[np.maximum(hour, 0)]).where(hour >= 0)
    return columns


def _in_order(names: pd.Series) -> list[str]:
    """Names that occur, sorted, `OUTSIDE` last."""
    return sorted((str(name) for name in names.dropna().unique()), key=lambda name: (name == OUTSIDE, name))


def _sum_or_missing(counts: pd.Series) -> object:
    known = counts.dropna()
    return int(known.sum()) if len(known) else pd.NA
