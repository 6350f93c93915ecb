"""Measures `flexibility` and `valley_tariff`: demand behind a bottleneck held back, or moved to the valley.

A contract holds a share of the demand back in the cases that break the limit. A tariff moves it within the
day; it is proposed only where hours of the valley are among the cases: what it adds there must be seen too.
What feeds is never cut, and demand that coincides counts with its diversity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from capacity.costs.cost import Cost
from capacity.demand.tariff import read_tariff
from capacity.measures.measure import Measure
from capacity.measures.operating_figures import operating_figures
from capacity.measures.proposals import NotProposed
from capacity.measures.relief import (
    Place,
    overload_places,
    share_over,
    share_under,
    voltage_places,
)
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from gis.changes import NetworkChanges

CONTRACT, TARIFF = "flexibility", "valley_tariff"
ITEMS = ("flexibility_kw_year", "flexibility_kwh")


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """Who is behind a broken limit, and how much of them it asks for.

    Attributes
    ----------
    buses
        Positions of the buses behind it.
    share
        Share of their demand that must go, per case; 0 where the limit holds.
    kva
        Cases x buses: what they draw, as it coincides [kVA].
    """

    place: Place
    buses: np.ndarray
    share: np.ndarray
    kva: np.ndarray


def propose_flexibility(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose contracts over the smallest share that is enough by estimate, and over the largest."""
    figures = operating_figures().flexibility
    lacking = situation.costs.lacks(ITEMS)
    for one in _bottlenecks(situation):
        reason = _unfit(situation, one, lacking)
        if reason:
            yield NotProposed(CONTRACT, one.place.table, one.place.element_id, reason)
            continue
        for share in _compared(figures.shares, float(one.share.max()) * figures.margin):
            hours = figures.full_load_hours[figures.shares.index(share)]
            power = -np.where(one.share[:, None] > 0.0, share * one.kva, 0.0)
            kw = float(-power.real.sum(axis=1).min())
            cost = situation.costs.cost(ITEMS[0], kw) + situation.costs.cost(ITEMS[1], kw * hours)
            text = f"hold back {share:.0%} of the demand ({kw:,.1f} kW, {kw * hours:,.0f} kWh a year)"
            yield _measure(situation, one, (CONTRACT, share), power, cost, text)


def propose_valley_tariff(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose tariffs that move a share of the demand of a day into the valley hours among its cases."""
    figures = operating_figures().valley_tariff
    lacking = situation.costs.lacks(ITEMS[1:])
    day, valley = _days(situation)
    for one in _bottlenecks(situation):
        peak = (one.share > 0.0) & ~valley
        lands = peak & np.isin(day, day[valley])
        reason = _unfit(situation, one, lacking)
        if not reason and (one.share[valley] > 0.0).any():
            reason = "the limit breaks in the valley too"
        elif not reason and not (peak == lands).all():
            reason = "no hour of the valley of the same day is among the cases"
        if reason:
            yield NotProposed(TARIFF, one.place.table, one.place.element_id, reason)
            continue
        for share in _compared(figures.shares, float(one.share.max()) * figures.margin):
            power, kwh = _moved(share * one.kva, peak, day, valley)
            kwh_year = kwh * figures.days_per_year
            text = f"move {share:.0%} of the demand into the valley ({kwh_year:,.0f} kWh a year)"
            cost = situation.costs.cost(ITEMS[1], kwh_year)
            yield _measure(situation, one, (TARIFF, share), power, cost, text)


def _bottlenecks(situation: Situation) -> Iterator[Bottleneck]:
    """Behind the first and the last overload of each way, and behind the head of feeders of weak voltage."""
    tree, known = strain_of(situation).tree, set()
    outer, inner = (overload_places(situation, nearest_source=first) for first in (True, False))
    for place in (*outer, *inner, *voltage_places(situation)):
        head = place.bus if place.table != "buses" else (tree.way(place.bus) or [place.bus])[-1]
        if (head, place.table == "buses") in known:
            continue
        known.add((head, place.table == "buses"))
        buses = tree.behind(head)
        share = (share_under if place.table == "buses" else share_over)(situation, place.bus)
        yield Bottleneck(place, buses, share, _coincident(situation.cases.kva[:, buses]))


def _coincident(kva: np.ndarray) -> np.ndarray:
    """What customers draw, scaled down to what is drawn of it together; nothing of what feeds."""
    drawn = np.where(kva.real > 0.0, kva, 0.0)
    whole, together = drawn.real.sum(axis=1), kva.real.sum(axis=1)
    scale = np.where(whole > 0.0, np.clip(together, 0.0, None) / np.where(whole > 0.0, whole, 1.0), 0.0)
    return np.asarray(drawn * scale[:, None])


def _unfit(situation: Situation, one: Bottleneck, lacking: tuple[str, ...]) -> str:
    """Why nothing can be proposed; "" where it can."""
    if lacking:
        return f"the cost table {situation.costs.name} has no price of {', '.join(lacking)}"
    if not one.share.any():
        return "the limit breaks by feed-in, or where demand behind it has no part: these cut demand alone"
    return "" if one.kva.any() else "nobody draws behind it"


def _compared(shares: tuple[float, ...], needed: float) -> list[float]:
    """The smallest share that is enough, and the largest."""
    enough = [share for share in shares if share >= needed]
    return sorted({min(enough, default=max(shares)), max(shares)})


def _days(situation: Situation) -> tuple[np.ndarray, np.ndarray]:
    """Day of each case within its scenario ("" for no hour), and whether its hour is in the valley."""
    labels, tariff = situation.cases.labels, read_tariff()
    hour = pd.to_datetime(labels["hour"], utc=True)
    local = hour.dt.tz_convert(operating_figures().valley_tariff.time_zone)
    begins = (local - pd.Timedelta(hours=tariff.day_from_hour)).dt.strftime("%Y-%m-%d")
    keys = [labels[name].astype(str) for name in ("scenario", "year", "outage")]
    day = begins.fillna("").str.cat(keys, sep="|").where(hour.notna(), "")
    return day.to_numpy(dtype=object), local.dt.hour.isin(tariff.valley_hours).to_numpy()


def _moved(
    kva: np.ndarray, peak: np.ndarray, day: np.ndarray, valley: np.ndarray
) -> tuple[np.ndarray, float]:
    """Power per case [kVA], less in the peak and more in the valley of its day; most moved a day [kWh]."""
    power, most = np.zeros_like(kva), 0.0
    for one in np.unique(day[peak]):
        leaves, lands = peak & (day == one), valley & (day == one)
        power[leaves] = -kva[leaves]
        moved = kva[leaves].sum(axis=0)
        power[lands] += moved / lands.sum()
        most = max(most, float(moved.real.sum()))
    return power, most


def _measure(
    situation: Situation, one: Bottleneck, what: tuple[str, float], power: np.ndarray, cost: Cost, text: str
) -> Measure:
    kind, share = what
    network = situation.network
    ids = network.buses.index[one.buses]
    feeders = situation.supply.buses["feeder_id"].iloc[one.buses].dropna().unique()
    used = np.flatnonzero(power.any(axis=0))
    months = max(situation.costs.months(item) for item in (ITEMS if kind == CONTRACT else ITEMS[1:]))
    return Measure(
        measure_id=f"{kind}|{one.place.table} {one.place.element_id}|{share:.0%}",
        kind=kind,
        table=one.place.table,
        element_id=one.place.element_id,
        changes=NetworkChanges(),
        cost=cost,
        months=months,
        text=f"{text} behind {one.place.element_id}",
        to_type=f"{share:.0%}",
        power_kva={str(ids[k]): power[:, k] for k in used},
        excludes=frozenset(f"demand of {feeder}" for feeder in feeders),
        reversible=True,
        geometry=shapely.MultiPoint(list(network.buses.geometry.iloc[one.buses[used]])),
    )
