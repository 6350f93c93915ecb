"""Doubts about loads and sources: size, power factor, energy, double counting, set-points.

A load that stands out is found by what it is compared with: the others of its class and level, the
equipment it hangs on, its own contract and energy. Each comparison leaves the load itself out, so that
it cannot hide behind its own figure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis.findings import join_findings, make_findings
from gis.quality.bounds import bound, span, table_of
from gis.quality.grid import Grid
from gis.quality.places import points_xy
from gis.quality.told import figures_of, told
from gis.rules import Tables
from gis.voltage import LV_MAX_KV, MV_MAX_KV


def loads_stand_in_line(tables: Tables) -> pd.DataFrame:
    """No load is beyond what it hangs on, or stands far out of the loads like it."""
    grid = Grid.of(tables)
    loads = grid["loads"]
    kw = loads["p_kw"].to_numpy(dtype=float)
    by_kind = _limits_of_kind(grid)
    far = [
        (bound("load", "times_bar_beyond") * limit, f"{what}, many times over,") for limit, what in by_kind
    ]
    beyond, said_beyond = _over(kw, [*_limits_of_equipment(grid), *far])
    out, said_out = _over(kw, by_kind)
    parts = []
    for rule, rows, said, message in (
        ("load_beyond", beyond, said_beyond, "p_kw is beyond what it hangs on or is like; check its unit"),
        ("load_outlier", out & ~beyond, said_out, "p_kw stands out of the loads like it; check it"),
    ):
        ids, values = loads.index[rows], said[rows]
        parts.append(make_findings(rule, "loads", ids, message, severity="warning", values=values))
    return join_findings(parts)


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
    xy = points_xy(loads).round(2)
    columns = ["customer_class", "p_kw", "q_kvar", "annual_kwh", "service_kw"]
    row = loads[columns].assign(x_m=xy[:, 0], y_m=xy[:, 1], bus_id=loads["bus_id"])
    twice = row.duplicated(keep=False) & (loads["p_kw"] > 0.0) & ~np.isnan(xy[:, 0])
    # A figure that stands in other places too is a standard one.
    elsewhere = row[~twice][columns].drop_duplicates().assign(elsewhere=True)
    places_of = row[twice].drop_duplicates().groupby(columns, dropna=False)["x_m"].transform("size")
    one_place = row.loc[places_of.index[places_of == 1], columns].assign(one=True)
    marked = row[twice].reset_index().merge(one_place, on=columns).merge(elsewhere, "left", on=columns)
    ids = marked.loc[marked["elsewhere"].isna()].set_index(loads.index.name)
    others = ids.index.to_series().groupby([ids[c] for c in columns], dropna=False).transform(", ".join)
    out = loads.index.isin(ids.index)
    message = "the load stands more than once in one place with the same figures; remove what counts twice"
    return told("duplicate_load", loads, out, message, list(others.reindex(loads.index[out])))


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


def _over(kw: np.ndarray, limits: list[tuple[np.ndarray, str]]) -> tuple[np.ndarray, np.ndarray]:
    """Which loads are over any limit, and the first each is over, in words."""
    over, said = np.zeros(len(kw), dtype=bool), np.full(len(kw), "", dtype=object)
    for limit_kw, what in limits:
        fresh = ~over & (kw > limit_kw)
        pairs = zip(kw[fresh], limit_kw[fresh], strict=True)
        said[fresh] = [f"{load:g} kW, {what} {limit:,.3g} kW" for load, limit in pairs]
        over |= fresh
    return over, said


def _limits_of_kind(grid: Grid) -> list[tuple[np.ndarray, str]]:
    """Per load the largest power [kW] the others of its class and level leave it; missing: nothing said."""
    loads = grid["loads"]
    kw, customers, kinds = _sizes(grid)
    class_kw = loads["customer_class"].map(table_of("load", "customer_max_kw")).to_numpy(dtype=float)
    return [
        (_bar(kw, kinds), "loads of its kind leave"),
        (_bar(kw / customers, kinds) * customers, "loads of its kind and customers leave"),
        (_unless_usual(kw, class_kw * customers, kinds), "its class and customers leave"),
    ]


def _limits_of_equipment(grid: Grid) -> list[tuple[np.ndarray, str]]:
    """Per load the largest power [kW] what it hangs on leaves it; missing: nothing known."""
    loads = grid["loads"]
    at = grid.at_bus["loads"]
    rating_kva = np.append(grid.zone_rating_kva, np.nan)[np.append(grid.zones, -1)[at]]
    service_kw = loads["service_kw"].replace(0.0, np.nan).to_numpy(dtype=float)
    kw = loads["p_kw"].to_numpy(dtype=float)
    contract_kw = bound("load", "contract_max_share") * service_kw
    together = np.zeros(len(loads), dtype=int)
    return [
        (bound("load", "transformer_max_share") * rating_kva, "its transformers leave"),
        (bound("load", "line_max_share") * _line_at(grid)[at], "the lines at its bus leave"),
        (_unless_usual(kw, contract_kw, together), "its contract leaves"),
        (bound("load", "times_largest") * _others_largest(kw), "the largest other load leaves"),
    ]


def _sizes(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power, customers (at least one) and number of the kind (class and level) per load."""
    loads = grid["loads"]
    level = np.digitize(grid.bus_kv[grid.at_bus["loads"]], [LV_MAX_KV, MV_MAX_KV], right=True)
    kinds = 3 * pd.factorize(loads["customer_class"])[0] + level
    customers = np.maximum(loads["customers"].astype(float).to_numpy(), 1.0)
    return loads["p_kw"].to_numpy(dtype=float), customers, kinds


def _bar(values: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """What the others of its kind leave a value: a multiple of their quantile, a larger one of a few."""
    quantile, others = others_quantile(values, kinds)
    few = others < bound("load", "many")
    return quantile * np.where(few, bound("load", "times_quantile_of_few"), bound("load", "times_quantile"))


def _unless_usual(kw: np.ndarray, limit_kw: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """The limit, but not of a kind that often exceeds it: then it is the column that means something else."""
    over = pd.Series(kw > limit_kw).astype(float).where(~np.isnan(limit_kw))
    often = over.groupby(kinds).transform("mean").to_numpy()
    alone = over.groupby(kinds).transform("sum").to_numpy() <= 1
    return np.where(alone | (often <= bound("load", "usual_share")), limit_kw, np.nan)


def _others_largest(values: np.ndarray) -> np.ndarray:
    """The largest of all other values, per value."""
    if len(values) < 2:
        return np.full(len(values), np.nan)
    second, first = np.sort(np.nan_to_num(values))[-2:]
    return np.where(values >= first, second, first)


def others_quantile(values: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantile of the other values of the same kind and how many those are, per value.

    Missing where there are fewer than `compare_least`. Leaving each value out of its own quantile keeps a
    faulty one from lifting the bar it is held to. In the sorted group, taking away a value moves those
    behind it one place up.
    """
    order = np.lexsort((values, kinds))
    sorted_values, sorted_codes = values[order], kinds[order]
    starts = np.searchsorted(sorted_codes, sorted_codes, side="left")
    sizes = np.searchsorted(sorted_codes, sorted_codes, side="right") - starts
    rank = np.arange(len(values)) - starts
    at = np.floor(bound("load", "quantile") * (sizes - 2)).astype(int)
    at = np.where(at >= rank, at + 1, at)
    enough = sizes - 1 >= bound("load", "compare_least")
    quantile, others = np.full(len(values), np.nan), np.zeros(len(values), dtype=int)
    others[order] = sizes - 1
    taken = sorted_values[np.clip(starts + at, 0, len(values) - 1)] if len(values) else sorted_values
    quantile[order] = np.where(enough & (taken > 0.0), taken, np.nan)
    return quantile, others


def _line_at(grid: Grid) -> np.ndarray:
    """Largest rating of a line per bus [kVA]; missing where none is known, or the bus is fed otherwise."""
    rating_kva = np.full(len(grid["buses"]) + 1, -np.inf)
    for ends in grid.line_ends:
        np.maximum.at(rating_kva, ends, np.nan_to_num(grid.line_rating_kva, nan=np.inf))
    for at in (*grid.couplers, *grid.sides, grid.at_bus["sources"]):
        rating_kva[at] = np.inf
    rating_kva[-1] = np.inf
    return np.where(np.isfinite(rating_kva), rating_kva, np.nan)
