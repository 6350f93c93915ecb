"""Doubts about loads and sources: size, power factor, energy, double counting, set-points.

A load that stands out is found by what it is compared with: the others of its class and level, the
equipment it hangs on, its own contract and energy. Each comparison leaves the load itself out, so that
it cannot hide behind its own figure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gis.findings import join_findings, make_findings
from gis.quality.bounds import bound, span, table_of
from gis.quality.grid import Grid
from gis.quality.told import figures_of, told
from gis.rules import Tables
from gis.voltage import LV_MAX_KV, MV_MAX_KV


def loads_stand_in_line(tables: Tables) -> pd.DataFrame:
    """No load stands far out of the loads like it, or over what it hangs on."""
    grid = Grid.of(tables)
    loads = grid["loads"]
    kw = loads["p_kw"].to_numpy(dtype=float)
    out = np.zeros(len(loads), dtype=bool)
    said = np.full(len(loads), "", dtype=object)
    for limit_kw, what in _load_limits(grid):
        over = ~out & (kw > limit_kw)
        said[over] = [f"{p:g} kW, {what} {li:,.3g} kW" for p, li in zip(kw[over], limit_kw[over], strict=True)]
        out |= over
    message = "p_kw stands far out; check its unit and its customer"
    return make_findings(
        "load_outlier", "loads", loads.index[out], message, severity="warning", values=said[out]
    )


def load_energy_fits(tables: Tables) -> pd.DataFrame:
    """A load's energy fits its power: a year has 8,760 hours, and nobody connects for twenty."""
    loads = tables["loads"]
    kw, kwh = (loads[c].to_numpy(dtype=float) for c in ("p_kw", "annual_kwh"))
    hours = kwh / np.where(kw > 0.0, kw, np.nan)
    off = (hours > bound("load", "hours_high")) | ((hours < bound("load", "hours_low")) & (kwh > 0.0))
    message = "annual_kwh does not fit p_kw: outside 20 to 8,760 full-load hours; check both units"
    return told("load_energy", loads, off, message, figures_of(hours[off], "h"))


def load_fits_its_contract(tables: Tables) -> pd.DataFrame:
    """A load does not draw far more than its service is contracted for."""
    loads = tables["loads"]
    kw, service_kw = (loads[c].to_numpy(dtype=float) for c in ("p_kw", "service_kw"))
    over = (service_kw > 0.0) & (kw > bound("load", "service_max_share") * service_kw)
    message = "p_kw is far over service_kw; correct one of them"
    values = [f"{p:g} kW of {s:g} kW" for p, s in zip(kw[over], service_kw[over], strict=True)]
    return told("load_over_service", loads, over, message, values)


def power_factors_are_of_customers(tables: Tables) -> pd.DataFrame:
    """A power factor is one customers have."""
    loads = tables["loads"]
    kw, kvar, given = (loads[c].to_numpy(dtype=float) for c in ("p_kw", "q_kvar", "cos_phi"))
    apparent_kva = np.hypot(kw, kvar)
    cos_phi = np.where(np.isnan(kvar), given, kw / np.where(apparent_kva > 0.0, apparent_kva, np.nan))
    low = cos_phi < bound("load", "cos_phi_min")
    message = "the power factor is under 0.7, which no customer may draw; check q_kvar or cos_phi"
    return told("load_cos_phi", loads, low, message, figures_of(cos_phi[low], "", 3))


def loads_have_customers(tables: Tables) -> pd.DataFrame:
    """Homes that draw power have a customer, and a customer draws power."""
    loads = tables["loads"]
    kw = loads["p_kw"].to_numpy(dtype=float)
    customers = loads["customers"].astype(float).to_numpy()
    live = loads["in_service"].to_numpy(dtype=bool)
    homes = (loads["customer_class"] == "residential").to_numpy()
    nobody = live & homes & (kw > 0.0) & (customers == 0.0)
    nothing = live & (kw == 0.0) & (customers > 0.0)
    parts = [
        told(
            "load_without_customers",
            loads,
            nobody,
            "the home draws power for no customer: an outage there counts nobody; give customers",
            figures_of(kw[nobody], "kW"),
        ),
        told(
            "customers_without_load",
            loads,
            nothing,
            "the customers draw 0 kW: nothing is planned for them; give p_kw",
            figures_of(customers[nothing], "customers"),
        ),
    ]
    return join_findings(parts)


def loads_are_counted_once(tables: Tables) -> pd.DataFrame:
    """No load stands twice in one place with a figure nobody else has.

    Flats of one house do share place and figure: a figure that other places have too is a standard one.
    """
    loads = tables["loads"]
    if loads.empty:
        return join_findings([])
    place = shapely.to_wkb(shapely.set_precision(np.asarray(loads.geometry.array), 0.01))
    columns = ["customer_class", "p_kw", "q_kvar", "annual_kwh", "service_kw"]
    row = loads[columns].assign(place=place, bus_id=loads["bus_id"])
    figure = loads[columns].groupby(columns, dropna=False).ngroup()
    same = row.groupby([figure.to_numpy(), "place", "bus_id"], dropna=False).ngroup().to_numpy()
    alike = pd.Series(same).map(pd.Series(same).value_counts()).to_numpy()
    anywhere = figure.map(figure.value_counts()).to_numpy()
    kw = loads["p_kw"].to_numpy(dtype=float)
    twice = (alike > 1) & (alike == anywhere) & (kw > 0.0) & loads.geometry.notna().to_numpy()
    ids = loads.index.to_series()[twice]
    others = ids.groupby(same[twice]).transform(", ".join)
    message = "the load stands more than once in one place with the same figures; remove what counts twice"
    return told("duplicate_load", loads, twice, message, list(others))


def sources_agree(tables: Tables) -> pd.DataFrame:
    """Sources hold a usual voltage, sources that feed one island the same, and state their strength alike."""
    grid = Grid.of(tables)
    sources = grid["sources"]
    vm_pu = sources["vm_pu"].to_numpy(dtype=float)
    low, high = span("source", "vm_pu")
    live = sources["in_service"].to_numpy(dtype=bool) & (grid.at_bus["sources"] >= 0)
    off = (vm_pu < low) | (vm_pu > high)
    message = "vm_pu is outside 0.9 to 1.1: customers behind it are outside EN 50160; check it"
    parts = [told("source_voltage", sources, off, message, figures_of(vm_pu[off], "pu"))]
    island = pd.Series(np.where(live, np.append(grid.islands, -1)[grid.at_bus["sources"]], -1), sources.index)
    held = sources["vm_pu"].groupby(island)
    apart = (held.transform("max") - held.transform("min")).to_numpy()
    circle = live & (apart > bound("source", "set_point_max_difference_pu"))
    message = "sources that feed one island hold different voltages and drive power in a circle; open one way"
    parts.append(told("source_set_points", sources, circle, message, figures_of(vm_pu[circle], "pu")))
    weak = sources["s_sc_mva"].isna().to_numpy() & live
    if weak.any() and not weak[live].all():
        message = "s_sc_mva is missing where other sources have it: this one counts as infinitely strong"
        parts.append(told("source_strength", sources, weak, message, ["missing"] * int(weak.sum())))
    return join_findings(parts)


def _load_limits(grid: Grid) -> list[tuple[np.ndarray, str]]:
    """Per load the largest power [kW] each comparison leaves it; missing where it says nothing."""
    loads = grid["loads"]
    kw = loads["p_kw"].to_numpy(dtype=float)
    customers = np.maximum(loads["customers"].astype(float).to_numpy(), 1.0)
    at = grid.at_bus["loads"]
    kv = grid.bus_kv[at]
    level = np.select([kv <= LV_MAX_KV, kv <= MV_MAX_KV], [0, 1], 2)
    kinds = pd.MultiIndex.from_arrays([loads["customer_class"], level])
    times = bound("load", "times_quantile")
    limits = [(times * others_quantile(kw, kinds), f"{times:g} times the 90 % quantile of its kind is")]
    per_customer = times * others_quantile(kw / customers, kinds) * customers
    if (customers > 1.0).any():
        limits.append((per_customer, "for its customers the others of its kind would have up to"))
    zone = np.append(grid.zones, -1)[at]
    rating_kva = np.append(grid.zone_rating_kva, np.nan)[zone]
    limits.append((bound("load", "transformer_max_share") * rating_kva, "80 % of its transformers is"))
    limits.append((bound("load", "line_max_share") * _line_at(grid)[at], "90 % of the lines at its bus is"))
    service_kw = loads["service_kw"].to_numpy(dtype=float)
    limits.append((np.where(service_kw > 0.0, 3.0 * service_kw, np.nan), "three times its contract is"))
    class_kw = loads["customer_class"].map(table_of("load", "customer_max_kw")).astype(float).to_numpy()
    limits.append((class_kw * customers, "the most its class has for its customers is"))
    return limits


def others_quantile(values: np.ndarray, kinds: pd.MultiIndex) -> np.ndarray:
    """Quantile of the other values of the same kind, per value; missing where there are too few others.

    Leaving each value out of its own quantile keeps a faulty one from lifting the bar it is held to; in
    arrays: in the sorted group, taking away a value moves those behind it one place up.
    """
    codes = kinds.factorize()[0]
    order = np.lexsort((values, codes))
    sorted_values, sorted_codes = values[order], codes[order]
    starts = np.searchsorted(sorted_codes, sorted_codes, side="left")
    sizes = np.searchsorted(sorted_codes, sorted_codes, side="right") - starts
    rank = np.arange(len(values)) - starts
    at = np.floor(bound("load", "quantile") * (sizes - 2)).astype(int)
    at = np.where(at >= rank, at + 1, at)
    enough = sizes - 1 >= bound("load", "compare_least")
    quantile = np.full(len(values), np.nan)
    taken = sorted_values[np.clip(starts + at, 0, len(values) - 1)] if len(values) else sorted_values
    quantile[order] = np.where(enough & (taken > 0.0), taken, np.nan)
    return quantile


def _line_at(grid: Grid) -> np.ndarray:
    """Largest rating of a line per bus [kVA]; missing where none is known, or the bus is fed otherwise."""
    rating_kva = np.full(len(grid["buses"]) + 1, -np.inf)
    for ends in grid.line_ends:
        np.maximum.at(rating_kva, ends, np.nan_to_num(grid.line_rating_kva, nan=np.inf))
    for at in (*grid.couplers, *grid.sides, grid.at_bus["sources"]):
        rating_kva[at] = np.inf
    rating_kva[-1] = np.inf
    return np.where(np.isfinite(rating_kva), rating_kva, np.nan)
