"""Measure `battery`: shaves the peak of load or feed-in behind an overloaded element or at a weak voltage.

It feeds in cases of too much load and draws in cases of too much feed-in, what the limit asks for there and
nothing in other cases: recharging is left to hours that no case stands for.
"""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.measures.measure import Measure
from capacity.measures.operating_figures import operating_figures
from capacity.measures.proposals import NotProposed
from capacity.measures.relief import Place, need_kw, overload_places, voltage_places
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from gis.changes import NetworkChanges
from gis.voltage import LV_MAX_KV

KIND = ITEM = "battery"


def propose_battery(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose batteries of several sizes behind overloads and at the weakest bus of each feeder."""
    known: set[int] = set()
    for place in (*overload_places(situation), *voltage_places(situation)):
        if place.bus in known:
            continue
        known.add(place.bus)
        if not situation.costs.has(ITEM):
            reason = f"the cost table {situation.costs.name} has no price of {ITEM}"
            yield NotProposed(KIND, place.table, place.element_id, reason)
            continue
        yield from _at(situation, place)


def _at(situation: Situation, place: Place) -> Iterator[Measure | NotProposed]:
    asked_kw = need_kw(situation, place.bus)
    if not asked_kw.any():
        reason = "active power there does not relieve it"
        yield NotProposed(KIND, place.table, place.element_id, reason)
        return
    step_kw, largest_kw = _sizes_kw(situation, place.bus)
    most_kw = float(np.abs(asked_kw).max())
    powers = {
        float(np.ceil(round(share * most_kw / step_kw, 6)) * step_kw): share * asked_kw
        for share in operating_figures().battery.shares
    }
    for rated_kw, power_kw in powers.items():
        if rated_kw <= largest_kw:
            yield _measure(situation, place, power_kw, rated_kw)
    if min(powers) > largest_kw:
        reason = f"the largest battery of {largest_kw:,.0f} kW is too small: it asks for {most_kw:,.0f} kW"
        yield NotProposed(KIND, place.table, place.element_id, reason)


def _sizes_kw(situation: Situation, bus: int) -> tuple[float, float]:
    """Step and largest size at a bus [kW]."""
    figures = operating_figures().battery
    if situation.network.buses["vn_kv"].iloc[bus] <= LV_MAX_KV:
        return figures.step_lv_kw, figures.largest_lv_kw
    return figures.step_mv_kw, figures.largest_mv_kw


def stored_kwh(situation: Situation, bus: int, power_kw: np.ndarray, rated_kw: float) -> float:
    """Energy a battery must hold [kWh].

    For the share of the peak it cuts, or what the hours of a day among the cases ask for together where that
    is more; never less than an hour of its power.
    """
    figures = operating_figures().battery
    flow = np.abs(strain_of(situation).flows[:, bus].real)
    with np.errstate(invalid="ignore", divide="ignore"):
        cut = np.where(power_kw != 0.0, np.abs(power_kw) / np.maximum(flow, np.abs(power_kw)), 0.0)
    hours = float(np.interp(cut.max(initial=0.0), figures.peak_shares, figures.hours))
    of_days = _most_of_a_day(situation, power_kw)
    return float(np.ceil(max(hours * np.abs(power_kw).max(initial=0.0), of_days, rated_kw)))


def _most_of_a_day(situation: Situation, power_kw: np.ndarray) -> float:
    """Largest energy that the hours of one day of a scenario ask for [kWh]; 0 where cases are no hours."""
    labels = situation.cases.labels
    hours = labels["hour"].notna().to_numpy()
    if not hours.any():
        return 0.0
    day = pd.to_datetime(labels["hour"][hours]).dt.floor("D")
    keys = [labels[name][hours].astype(str) for name in ("scenario", "year", "outage")]
    fed = pd.Series(np.maximum(power_kw[hours], 0.0), day.index)
    drawn = pd.Series(np.maximum(-power_kw[hours], 0.0), day.index)
    return float(max(one.groupby([day, *keys]).sum().max() for one in (fed, drawn)))


def _measure(situation: Situation, place: Place, power_kw: np.ndarray, rated_kw: float) -> Measure:
    bus_id = str(situation.network.buses.index[place.bus])
    kwh = stored_kwh(situation, place.bus, power_kw, rated_kw)
    measure_id = f"{KIND}|{bus_id}|{rated_kw:g} kW"
    return Measure(
        measure_id=measure_id,
        kind=KIND,
        table="generators",
        element_id=measure_id,
        changes=NetworkChanges(added={"generators": _row(situation, place.bus, measure_id, rated_kw)}),
        cost=situation.costs.cost(ITEM, kwh),
        months=situation.costs.months(ITEM),
        text=f"battery of {rated_kw:,.0f} kW and {kwh:,.0f} kWh at {bus_id} "
        f"against {place.table} {place.element_id}",
        to_type=f"{rated_kw:g} kW, {kwh:g} kWh",
        power_kva={bus_id: -power_kw.astype(complex)},
        excludes=frozenset({f"{KIND} {bus_id}"}),
        geometry=situation.network.buses.geometry.iloc[place.bus],
    )


def _row(situation: Situation, bus: int, measure_id: str, rated_kw: float) -> pd.DataFrame:
    """The battery as a planned asset; what it does in a case is the measure's power, not its rating."""
    row = {
        "generator_id": measure_id, "bus_id": situation.network.buses.index[bus], "kind": "battery",
        "p_kw": rated_kw, "q_kvar": 0.0, "in_service": True,
    }  # fmt: skip
    place = situation.network.buses.geometry.iloc[bus]
    return gpd.GeoDataFrame([row], geometry=[place], crs=situation.network.crs)
