"""Headroom of a whole network in short: what binds, which stations could sell capacity, which cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from capacity.checks import Yardstick
from capacity.output import Report, rows_of, with_lonlat
from gis.voltage import LV_MAX_KV

if TYPE_CHECKING:
    import geopandas as gpd

STATION_COLUMNS = (
    "station_id", "bus_id", "feeder_id", "headroom_kw", "binding_check", "binding_id", "status", "buses",
    "least_kw",
)  # fmt: skip
# Stations named in text at either end; files and JSON have all buses.
STATIONS_NAMED = 10
# A bus whose status is one of these can be told a figure.
KNOWN = ("ok", "already_violated", "capped")


def station_headroom(found: gpd.GeoDataFrame, yardstick: Yardstick) -> pd.DataFrame:
    """Headroom of each station at its busbar, most first: where capacity could be sold.

    A station is a transformer to low voltage; at its busbar the whole station answers, behind it the cables.

    Returns
    -------
    DataFrame
        Columns `STATION_COLUMNS`, a row per station whose busbar was asked for: headroom_kw, what binds it
        and status at the busbar; buses behind it that were asked for, and their least headroom [kW].
    """
    network, supply = yardstick.network, yardstick.supply
    at_bus = found.set_index("bus_id")
    stations = network.transformers
    to_low = network.buses["vn_kv"].reindex(stations["lv_bus_id"]).to_numpy() <= LV_MAX_KV
    stations = stations[to_low & stations["lv_bus_id"].isin(at_bus.index)]
    behind = (
        at_bus["headroom_kw"].groupby(supply.buses["station_id"].reindex(at_bus.index)).agg(["size", "min"])
    )
    busbar = at_bus[~at_bus.index.duplicated()].reindex(stations["lv_bus_id"])
    table = pd.DataFrame(
        {
            "station_id": stations.index,
            "bus_id": stations["lv_bus_id"].to_numpy(),
            "feeder_id": supply.feeders["transformers"].reindex(stations.index).to_numpy(),
            **{c: busbar[c].to_numpy() for c in ("headroom_kw", "binding_check", "binding_id", "status")},
            "buses": behind["size"].reindex(stations.index, fill_value=0).to_numpy(),
            "least_kw": behind["min"].reindex(stations.index).to_numpy(),
        },
        columns=list(STATION_COLUMNS),
    )
    return table.sort_values("headroom_kw", ascending=False, kind="stable", ignore_index=True)


def summary_report(found: gpd.GeoDataFrame, seconds: float, yardstick: Yardstick) -> Report:
    """All rows for machines; for people how many buses have what, and the stations at either end."""
    values: dict[str, object] = {"buses": len(found), "seconds": round(seconds, 3), "rows": rows_of(found)}
    head = f"{in_words(found)}; {seconds:.2f} s, limits {yardstick.limits.name}"
    lines = [head, *_spread(found)]
    bound = found.loc[found["status"].isin(KNOWN), ["binding_table", "binding_check"]].value_counts()
    lines += ["what binds:"] if len(bound) else []
    lines += [f"  {count:8,} buses  {str(check).replace('_', ' ')}" for (_, check), count in bound.items()]
    stations = station_headroom(found, yardstick)
    known = stations[stations["status"].isin(KNOWN)]
    if len(known):
        lines += ["most at a station's busbar:", *map(_station_line, known.head(STATIONS_NAMED).itertuples())]
        least = known.iloc[::-1].head(min(STATIONS_NAMED, max(len(known) - STATIONS_NAMED, 0)))
        lines += ["least:"] if len(least) else []
        lines += list(map(_station_line, least.itertuples()))
    return values, lines


def in_words(found: gpd.GeoDataFrame) -> str:
    """How many buses have which status."""
    counts = found["status"].value_counts()
    told = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in counts.items())
    return f"{len(found):,} buses: {told}"


def headroom_csv(found: gpd.GeoDataFrame) -> bytes:
    """All rows as a CSV file for a spreadsheet, with longitude and latitude; no cell of it a formula."""
    from gis.formats.spreadsheet import neutralise

    return neutralise(with_lonlat(found)).to_csv(index=False).encode("utf-8-sig")


def _spread(found: gpd.GeoDataFrame) -> list[str]:
    """Headroom of the buses in between: of ten one has less, half have less, one has more."""
    kw = found.loc[found["status"].isin(KNOWN), "headroom_kw"]
    if kw.empty:
        return []
    low, middle, high = kw.quantile([0.1, 0.5, 0.9])
    return [
        f"a bus in ten has less than {low:,.0f} kW, half have {middle:,.0f} kW, one in ten {high:,.0f} kW"
    ]


def _station_line(row: tuple) -> str:
    return (
        f"  {row.station_id:24} {row.headroom_kw:10,.0f} kW  least behind it {row.least_kw:8,.0f} kW  "  # type: ignore[attr-defined]
        f"{str(row.binding_check or '').replace('_', ' ')} at {row.binding_id or '-'}"  # type: ignore[attr-defined]
    )
