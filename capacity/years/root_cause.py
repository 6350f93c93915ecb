"""Root cause per customer: the chain of links that supplies it, and the weakest of them.

    source ==T0== busbar ---K1--- M2 ==T1== B1 ---L1--- A1 ---L2--- A2 (customer)
         substation    MV section   transformer  LV cable   service line

Every load has its row. What is which link follows from who feeds whom and from voltages, never from names:
a service line is the run of low-voltage lines behind which only one connection point draws, an LV cable what
several share; a transformer feeds low voltage, a substation transformer anything above. Of several elements
in one link (a cable of many sections) the one that uses most of its limit stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from capacity.checks import State, Yardstick, band_used_percent
from capacity.demand.year_demand import YearDemand
from capacity.years.year import BRANCHES, YearFindings, fed_positions
from gis.voltage import LV_MAX_KV
from gridmodel import GridModel
from gridmodel.demand_model import solve_demand
from gridmodel.outcome import Keep, ids_at

LINKS = ("service_line", "lv_cable", "transformer", "mv_section", "substation_transformer")
LINK_NAMES = {
    "service_line": "service line", "lv_cable": "LV cable", "transformer": "transformer",
    "mv_section": "MV section", "substation_transformer": "substation transformer",
}  # fmt: skip
# Per link: id of the element that stands for it, use of its loading limit [%], and the part of the voltage
# change from the source to the customer that all its elements take [%] in the customer's worst hour.
LINK_COLUMNS = tuple(f"{link}_{what}" for link in LINKS for what in ("id", "used_percent", "change_percent"))
CHAIN_COLUMNS = (
    "load_id", "bus_id", "feeder_id", "scenario", "year", "status", "reason", *LINK_COLUMNS, "vm_min_pu",
    "vm_max_pu", "voltage_used_percent", "weakest_link", "weakest_table", "weakest_id", "weakest_check",
    "weakest_used_percent", "first_year", "sentence",
)  # fmt: skip
_NO_LINK = -1
# Hours whose voltages are kept at once.
MOST_HOURS_KEPT = 200


class _Chains(NamedTuple):
    """Per bus: of each link the position of the bus its element feeds (-1 for none), and its use [%]."""

    place: np.ndarray
    used_percent: np.ndarray


class _VoltageUse(NamedTuple):
    """Per load, in its worse hour: share of the band used [%], whether low, change per link [pu]."""

    used_percent: np.ndarray
    is_low: np.ndarray
    change_pu: np.ndarray


def chains_of_year(
    model: GridModel, yardstick: Yardstick, demand: YearDemand, findings: YearFindings
) -> pd.DataFrame:
    """Find the chain and the weakest link of every customer in one year.

    In a closed loop the fewest-hops way to a source counts, as everywhere in `gis.feeders`.

    Parameters
    ----------
    findings
        Of this demand (`study_year`).

    Returns
    -------
    DataFrame
        Columns `CHAIN_COLUMNS`, a row per load of `demand.customers`. status: "ok" (every limit on the way
        holds), "limit_broken" (one does not), "no_solution" (none is seen broken, but the year has hours
        without solution), "no_supply", or why the customer was not placed. A link that does not exist is
        empty; reason says why. voltage_used_percent: share of the band used at the bus, in the hour of its
        lowest or highest voltage, whichever uses more. weakest_*: what uses most of its limit; where that is
        the voltage, the link that takes most of the change on the way.
    """
    points = _connection_points(demand)
    at = yardstick.network.buses.index.get_indexer(points["bus_id"])
    level = link_of_edges(yardstick, np.unique(at[at >= 0]))
    use = _voltage_use(model, yardstick, demand, findings, level, at)
    chains = _weakest_on_the_way(yardstick, findings, level)
    table = _with_weakest(_chain_table(yardstick, findings, points, at, chains, use), use)
    return _with_status(table, yardstick, findings, at)[list(CHAIN_COLUMNS)]


def with_first_years(chains: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the chains of years, and tell the first year in which a limit on the load's way is broken.

    first_year is that of the load's scenario; missing where none ever is.
    """
    parts = list(chains)
    if not parts:
        return pd.DataFrame(columns=list(CHAIN_COLUMNS))
    joined = pd.concat(parts, ignore_index=True)
    broken = joined["year"].where(joined["status"] == "limit_broken").astype("Int64")
    return joined.assign(first_year=broken.groupby([joined["scenario"], joined["load_id"]]).transform("min"))


def link_of_edges(yardstick: Yardstick, connected: np.ndarray) -> np.ndarray:
    """Which link the element that feeds each bus is: position in `LINKS`, -1 for a coupler or none.

    Parameters
    ----------
    connected
        Positions of the buses customers are connected at.
    """
    supply, vn_kv = yardstick.supply, yardstick.network.buses["vn_kv"].to_numpy()
    points = np.zeros(len(vn_kv))
    points[connected] = 1.0
    behind = supply.sum_downstream(pd.Series(points, supply.buses.index)).to_numpy()
    table = supply.buses["upstream_table"].to_numpy()
    line, transformer, low = table == "lines", table == "transformers", vn_kv <= LV_MAX_KV
    level = np.full(len(vn_kv), _NO_LINK)
    level[line & low] = LINKS.index("lv_cable")
    level[line & low & (behind <= 1.0)] = LINKS.index("service_line")
    level[line & ~low] = LINKS.index("mv_section")
    level[transformer & low] = LINKS.index("transformer")
    level[transformer & ~low] = LINKS.index("substation_transformer")
    return level


def _connection_points(demand: YearDemand) -> pd.DataFrame:
    """A row per load: load_id, bus_id, status, reason; placed if any of its groups is."""
    rows = demand.customers.assign(_later=demand.customers["status"] != "placed")
    rows = rows.sort_values("_later", kind="stable").drop_duplicates("load_id").sort_index()
    return rows[["load_id", "bus_id", "status", "reason"]].reset_index(drop=True)


def _weakest_on_the_way(yardstick: Yardstick, findings: YearFindings, level: np.ndarray) -> _Chains:
    """Of every link from each bus to its source the element that uses most of its limit."""
    own = np.full(len(level), np.nan)
    for table in BRANCHES:
        rows, fed = findings.branches(table), fed_positions(yardstick, table)
        used = 100.0 * rows["loading_max_percent"] / rows["limit_percent"]
        own[fed.to_numpy()] = used.reindex(fed.index).to_numpy()
    own = np.where(np.isnan(own), 0.0, own)  # carries nothing, or nobody knows its rating
    place, used_percent = [], []
    for number in range(len(LINKS)):
        here = level == number
        best = np.where(here, np.arange(len(level)), _NO_LINK)
        value = np.where(here, own, -np.inf)
        most, at = _largest_upstream(value, best, yardstick.supply.parents)
        place.append(at)
        used_percent.append(np.where(at >= 0, most, np.nan))
    return _Chains(np.array(place), np.array(used_percent))


def _largest_upstream(
    value: np.ndarray, place: np.ndarray, parents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Largest value from each bus up to its source, and where it stands; of equal ones the nearest."""
    up = parents
    while len(below := np.flatnonzero(up >= 0)):  # pointers double their step each time
        above = up[below]
        larger = value[above] > value[below]
        value, place = value.copy(), place.copy()
        found, there = (
            np.where(larger, value[above], value[below]),
            np.where(larger, place[above], place[below]),
        )
        value[below], place[below] = found, there
        up = np.where(up >= 0, up[up], -1)
    return value, place


def sum_upstream(values: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Sum per bus over itself and all buses on the way to its source (last axis)."""
    sums, up = values.copy(), parents
    while len(below := np.flatnonzero(up >= 0)):
        sums[..., below] = sums[..., below] + sums[..., up[below]]
        up = np.where(up >= 0, up[up], -1)
    return sums


def _voltage_use(
    model: GridModel,
    yardstick: Yardstick,
    demand: YearDemand,
    findings: YearFindings,
    level: np.ndarray,
    at: np.ndarray,
) -> _VoltageUse:
    """Look at every load in the hours of its lowest and of its highest voltage; the worse one counts."""
    count = len(at)
    use = _VoltageUse(
        np.full(count, np.nan), np.ones(count, dtype=bool), np.full((len(LINKS), count), np.nan)
    )
    extremes = _hours_of_extremes(findings, at)
    hours = np.unique(extremes[extremes >= 0])
    for start in range(0, len(hours), MOST_HOURS_KEPT):
        chunk = hours[start : start + MOST_HOURS_KEPT]
        solved = solve_demand(model, demand.demand, demand.factors.iloc[chunk], keep=Keep(buses="all"))
        for hour, vm_pu in zip(chunk, solved.vm_pu.to_numpy(), strict=True):
            loads = np.flatnonzero((extremes == hour).any(axis=0))
            _take_worse(use, yardstick, vm_pu, level, loads, at[loads])
    return use


def _hours_of_extremes(findings: YearFindings, at: np.ndarray) -> np.ndarray:
    """Positions of the hours of lowest and highest voltage (2 x loads); -1 without a voltage."""
    index, known = findings.hours.index, at >= 0
    hours = [findings.buses[name].iloc[np.where(known, at, 0)] for name in ("vm_min_hour", "vm_max_hour")]
    return np.array([np.where(known, index.get_indexer(pd.DatetimeIndex(named)), -1) for named in hours])


def _take_worse(
    use: _VoltageUse,
    yardstick: Yardstick,
    vm_pu: np.ndarray,
    level: np.ndarray,
    loads: np.ndarray,
    at: np.ndarray,
) -> None:
    """Keep what one hour shows of these loads where it uses more of the band than what is known."""
    used_percent = band_used_percent(yardstick, State(vm_pu, np.zeros(0), np.zeros(0)))[at]
    worse = ~(used_percent <= use.used_percent[loads])
    loads, at = loads[worse], at[worse]
    reference = np.where(yardstick.bands["from_busbar"], vm_pu[yardstick.busbar], 1.0)
    use.used_percent[loads] = used_percent[worse]
    use.is_low[loads] = vm_pu[at] <= reference[at]
    drop = _drop_per_link(yardstick.supply.parents, vm_pu, level)[:, at]
    use.change_pu[:, loads] = np.where(use.is_low[loads], drop, -drop)


def _drop_per_link(parents: np.ndarray, vm_pu: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Links x buses: how much voltage [pu] the elements of each link take from the source to the bus."""
    drop = np.where(parents >= 0, vm_pu[parents] - vm_pu, 0.0)
    own = np.array([np.where(level == number, drop, 0.0) for number in range(len(LINKS))])
    return sum_upstream(own, parents)


def _chain_table(
    yardstick: Yardstick,
    findings: YearFindings,
    points: pd.DataFrame,
    at: np.ndarray,
    chains: _Chains,
    use: _VoltageUse,
) -> pd.DataFrame:
    """A row per load: its links, their use, and its voltages."""
    supply, known = yardstick.supply.buses, at >= 0
    ids = pd.Index(supply["upstream_id"], dtype=object)
    columns: dict[str, object] = {
        "feeder_id": np.where(known, supply["feeder_id"].to_numpy(dtype=object)[at], None),
        "scenario": findings.scenario_id,
        "year": findings.year,
        "vm_min_pu": np.where(known, findings.buses["vm_min_pu"].to_numpy()[at], np.nan),
        "vm_max_pu": np.where(known, findings.buses["vm_max_pu"].to_numpy()[at], np.nan),
        "voltage_used_percent": use.used_percent,
        "first_year": pd.array([pd.NA] * len(at), dtype="Int64"),
    }
    for number, link in enumerate(LINKS):
        place = np.where(known, chains.place[number][at], _NO_LINK)
        there = place >= 0
        columns[f"{link}_id"] = ids_at(ids, place)
        columns[f"{link}_used_percent"] = np.where(there, chains.used_percent[number][at], np.nan)
        columns[f"{link}_change_percent"] = np.where(there, 100.0 * use.change_pu[number], np.nan)
    return points.assign(**columns)  # type: ignore[arg-type]  # arrays by column name


def _with_weakest(table: pd.DataFrame, use: _VoltageUse) -> pd.DataFrame:
    """Name the link that uses most of its limit, by loading or by voltage."""
    loading, change = (_of_links(table, what).fillna(-np.inf) for what in ("used_percent", "change_percent"))
    voltage = table["voltage_used_percent"].fillna(-np.inf).to_numpy()
    by_voltage = (voltage > loading.max(axis=1)) & np.isfinite(change.max(axis=1))
    link = np.where(by_voltage, change.to_numpy().argmax(axis=1), loading.to_numpy().argmax(axis=1))
    used = np.where(by_voltage, voltage, loading.to_numpy()[np.arange(len(table)), link])
    none = ~np.isfinite(used)
    names = np.array(LINKS, dtype=object)[link]
    is_transformer = np.isin(link, [LINKS.index("transformer"), LINKS.index("substation_transformer")])
    check = np.where(is_transformer, "transformer_overload", "line_overload")
    check = np.where(by_voltage, np.where(use.is_low, "undervoltage", "overvoltage"), check)
    ids = _of_links(table, "id").to_numpy(dtype=object)[np.arange(len(table)), link]
    named = {
        "weakest_link": names,
        "weakest_table": np.where(is_transformer, "transformers", "lines"),
        "weakest_id": ids,
        "weakest_check": check,
    }
    return table.assign(
        **{name: np.where(none, None, values.astype(object)) for name, values in named.items()},
        weakest_used_percent=np.where(none, np.nan, used),
    )


def _of_links(table: pd.DataFrame, what: str) -> pd.DataFrame:
    return table[[f"{link}_{what}" for link in LINKS]]


def _with_status(
    table: pd.DataFrame, yardstick: Yardstick, findings: YearFindings, at: np.ndarray
) -> pd.DataFrame:
    """Tell of every load how it stands, why links are missing, and the weakest one in a sentence."""
    network = yardstick.network
    dead = (at < 0) | (findings.buses["status"].to_numpy()[at] == "no_supply")
    status = np.where(table["weakest_used_percent"] > 100.0, "limit_broken", "ok").astype(object)
    if len(findings.without_solution):
        status[status == "ok"] = "no_solution"
    status[dead] = "no_supply"
    placed = (table["status"] == "placed").to_numpy()
    low = network.buses["vn_kv"].to_numpy()[at] <= LV_MAX_KV
    told = [
        "no source reaches its bus" if is_dead else _missing(row, is_low)
        for row, is_dead, is_low in zip(table.to_dict("records"), dead, low, strict=True)
    ]
    table = table.assign(
        status=np.where(placed, status, table["status"]), reason=np.where(placed, told, table["reason"])
    )
    return table.assign(sentence=[_sentence(row) for row in table.to_dict("records")])


def _missing(row: dict[str, object], is_low: bool) -> str:
    """Which links a customer does not have, and why."""
    why = {
        "service_line": "connected where others are fed too",
        "lv_cable": "shares no low-voltage line",
        "transformer": "its source feeds low voltage",
        "mv_section": "no line above low voltage on its way",
        "substation_transformer": "its source feeds the voltage above its transformer",
    }
    if not is_low:
        why |= dict.fromkeys(LINKS[:3], "connected above low voltage")
        why["substation_transformer"] = "its source feeds its voltage"
    return "; ".join(f"no {LINK_NAMES[link]}: {why[link]}" for link in LINKS if row[f"{link}_id"] is None)


def _sentence(row: dict[str, object]) -> str:
    """The weakest link in one line."""
    if row["status"] not in ("ok", "limit_broken", "no_solution"):
        return f"{row['status']}: {row['reason']}"
    link = row["weakest_link"]
    if link is None:
        return "no element on its way has a limit"
    named = f"{LINK_NAMES[str(link)]} {row['weakest_id']}"
    used = f"{row['weakest_used_percent']:.0f} %"
    if row["weakest_check"] in ("undervoltage", "overvoltage"):
        change = f"{row[f'{link}_change_percent']:.2f} % of voltage"
        return f"{row['weakest_check']}: {used} of the band used at its bus; {named} takes {change}"
    return f"{named} uses {used} of what it may carry"
