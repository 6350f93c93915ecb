"""Measure `capacitor`: gives the reactive power that loads draw, near where they draw it.

Against undervoltage it stands where reactive power behind the bus times the reactance before it is largest;
against overloads behind the last and the first of each way, where leaving out reactive power ends any.
"""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.measures.measure import Measure
from capacity.measures.operating_figures import operating_figures
from capacity.measures.proposals import NotProposed
from capacity.measures.relief import Place, need_kvar, overload_places, voltage_places
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from gis.changes import NetworkChanges
from gis.voltage import LV_MAX_KV

KIND = ITEM = "capacitor"


def propose_capacitor(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose capacitors in standard steps for feeders with undervoltage and for overloads."""
    known: set[tuple[int, str]] = set()
    banks: dict[str, Measure] = {}
    broken = strain_of(situation).broken
    low = set(broken.loc[broken["check"] == "undervoltage", "element_id"])
    weak = [place for place in voltage_places(situation) if place.element_id in low]
    overloads = [
        place for first in (False, True) for place in overload_places(situation, nearest_source=first)
    ]
    for place, bus in (
        *((place, place.bus) for place in overloads),
        *((place, _best_bus(situation, place.bus)) for place in weak),
    ):
        if (bus, place.table) in known:
            continue
        known.add((bus, place.table))
        reason = _unfit(situation, place, bus)
        if reason:
            yield NotProposed(KIND, place.table, place.element_id, reason)
        else:
            for kvar in _sizes(situation, place, bus):
                bank = _measure(situation, place, bus, kvar)
                banks.setdefault(bank.measure_id, bank)
    yield from banks.values()


def _unfit(situation: Situation, place: Place, bus: int) -> str:
    """Why no capacitor can be proposed; "" where one can."""
    if not situation.costs.has(ITEM):
        return f"the cost table {situation.costs.name} has no price of {ITEM}"
    kvar, least = _reactive_kvar(situation, bus), _steps(situation, bus)[0]
    if kvar < operating_figures().capacitor.least_power_share * least:
        return f"{max(kvar, 0.0):,.1f} kvar behind it are too few for the smallest step of {least:g} kvar"
    if place.table != "buses" and need_kvar(situation, bus) <= 0.0:
        return "active power alone overloads it"
    return ""


def _reactive_kvar(situation: Situation, bus: int) -> float:
    """Largest reactive power that enters a bus in a case that breaks a limit [kvar]."""
    broken = situation.cases.labels.index.isin(situation.violations["case_id"])
    return float(strain_of(situation).flows[broken, bus].imag.max(initial=0.0))


def _best_bus(situation: Situation, bus: int) -> int:
    """Bus on the way from the busbar at which compensating what is behind lifts the voltage most."""
    tree = strain_of(situation).tree
    way = tree.way(bus) or [bus]
    before = np.cumsum(tree.z_pu_per_kva.imag[way[::-1]])[::-1]
    lift = [_reactive_kvar(situation, one) * x for one, x in zip(way, before, strict=True)]
    return way[int(np.argmax(lift))]


def _steps(situation: Situation, bus: int) -> tuple[float, ...]:
    figures = operating_figures().capacitor
    low = situation.network.buses["vn_kv"].iloc[bus] <= LV_MAX_KV
    return figures.steps_lv_kvar if low else figures.steps_mv_kvar


def _sizes(situation: Situation, place: Place, bus: int) -> list[float]:
    """Steps to compare.

    Against an overload the first that is enough by estimate and the next; against undervoltage the first that
    reaches the reactive power behind the bus and those below it.
    """
    steps, count = _steps(situation, bus), operating_figures().capacitor.sizes
    if place.table != "buses":
        enough = min(int(np.searchsorted(steps, need_kvar(situation, bus))), len(steps) - 1)
        return list(steps[enough : enough + count])
    upper = min(int(np.searchsorted(steps, _reactive_kvar(situation, bus))), len(steps) - 1)
    return list(steps[max(0, upper + 1 - count) : upper + 1])


def _measure(situation: Situation, place: Place, bus: int, kvar: float) -> Measure:
    buses = situation.network.buses
    bus_id = str(buses.index[bus])
    measure_id = f"{KIND}|{bus_id}|{kvar:g} kvar"
    row = {"capacitor_id": measure_id, "bus_id": bus_id, "q_kvar": kvar, "in_service": True}
    new: pd.DataFrame = gpd.GeoDataFrame(
        [row], geometry=[buses.geometry.iloc[bus]], crs=situation.network.crs
    )
    return Measure(
        measure_id=measure_id,
        kind=KIND,
        table="capacitors",
        element_id=measure_id,
        changes=NetworkChanges(added={"capacitors": new}),
        cost=situation.costs.cost(ITEM, kvar),
        months=situation.costs.months(ITEM),
        text=f"capacitor of {kvar:g} kvar at {bus_id} against {place.table} {place.element_id}",
        to_type=f"{kvar:g} kvar",
        excludes=frozenset({f"{KIND} {bus_id}"}),
        geometry=buses.geometry.iloc[bus],
    )
