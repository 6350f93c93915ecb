"""One asset in one year of a scenario: its card, and the chain of the customer worst off behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from capacity.cards import Card, figure
from capacity.checks import Yardstick
from capacity.study.future_year import FutureYear
from capacity.years.root_cause import LINK_NAMES, LINKS, sum_upstream

_TITLES = {"lines": "Line", "transformers": "Transformer", "buses": "Bus", "sources": "Source"}

_STATES = {"ok": "every limit holds", "over": "over its limit in some hour", "no_supply": "no supply"}


def future_card(future: FutureYear, table: str, element_id: str) -> Card:
    """Describe one bus, line, transformer or source in one year.

    Returns
    -------
    list of (label, text)
        Figures with units; of an element that nothing is known of only what it is.
    """
    card = [(_TITLES[table], element_id)]
    rows = future.elements[
        (future.elements["table"] == table) & (future.elements["element_id"] == element_id)
    ]
    for row in rows.to_dict("records"):
        card += [("State", _STATES.get(row["status"], row["status"]))]
        card += _bus_lines(future, row) if table == "buses" else _branch_lines(future, row)
        card += [("Feeder", "none" if pd.isna(row["feeder_id"]) else str(row["feeder_id"]))]
    return card + _bottleneck_lines(future, table, element_id)


def causes_of(future: FutureYear, table: str, element_id: str) -> list[str]:
    """Why an asset is a bottleneck, a sentence per limit; none where it is not."""
    return [str(cause) for cause in _bottlenecks_at(future, table, element_id)["root_cause"]]


def worst_chain(future: FutureYear, yardstick: Yardstick, table: str, element_id: str) -> pd.Series | None:
    """The chain of the customer behind an asset whose weakest link uses most of its limit; or none.

    Returns
    -------
    Series or None
        A row of `root_cause.CHAIN_COLUMNS`; None where no customer is behind it.
    """
    bus_id = element_id if table == "buses" else yardstick.supply.fed_bus(table, element_id)
    if table == "sources" or bus_id is None:
        return None
    buses = yardstick.network.buses.index
    behind = sum_upstream((buses == bus_id).astype(float), yardstick.supply.parents) > 0.0
    rows = future.chains[future.chains["bus_id"].isin(buses[behind])]
    known = rows.dropna(subset=["weakest_used_percent"])
    return None if known.empty else known.loc[known["weakest_used_percent"].idxmax()]


def chain_table(chain: pd.Series) -> pd.DataFrame:
    """Links of one customer's chain from home to source: link, element, used_percent, change_percent."""
    rows = [
        (
            LINK_NAMES[link],
            chain[f"{link}_id"],
            chain[f"{link}_used_percent"],
            chain[f"{link}_change_percent"],
        )
        for link in LINKS
        if not pd.isna(chain[f"{link}_id"])
    ]
    table = pd.DataFrame(rows, columns=["link", "element", "used_percent", "change_percent"])
    return table.astype({"used_percent": float, "change_percent": float})


def _branch_lines(future: FutureYear, row: dict[str, object]) -> Card:
    percent, hours = _number(row["loading_max_percent"]), _number(row["hours_over"])
    weakest = future.chains["weakest_id"] == row["element_id"]
    return [
        ("Highest loading", f"{figure(percent, 1, '%')}{_at(row['loading_max_hour'])}"),
        (
            "Over its limit",
            f"{figure(hours, 0, 'h')}, {figure(_number(row['kwh_over']), 0, 'kWh')} beyond it",
        ),
        ("Weakest link of", f"{int(weakest.sum()):,} connected loads"),
    ]


def _bus_lines(future: FutureYear, row: dict[str, object]) -> Card:
    outside = _number(row["hours_below"]), _number(row["hours_above"])
    used = future.band_used_percent.get(str(row["element_id"]), np.nan)
    return [
        ("Lowest voltage", f"{figure(_number(row['vm_min_pu']), 4, 'pu')}{_at(row['vm_min_hour'])}"),
        ("Highest voltage", f"{figure(_number(row['vm_max_pu']), 4, 'pu')}{_at(row['vm_max_hour'])}"),
        ("Band used", figure(used, 0, "%")),
        ("Outside its band", f"{figure(outside[0], 0, 'h')} below, {figure(outside[1], 0, 'h')} above"),
    ]


def _bottleneck_lines(future: FutureYear, table: str, element_id: str) -> Card:
    rows = _bottlenecks_at(future, table, element_id)
    return [
        ("Cut because of it", figure(_number(kw), 0, "kW in the worst hour asked"))
        for kw in rows["unserved_kw"]
    ]


def _bottlenecks_at(future: FutureYear, table: str, element_id: str) -> pd.DataFrame:
    found = future.bottlenecks
    return found[(found["table"] == table) & (found["element_id"] == element_id)]


def _number(value: object) -> float:
    return float(value) if pd.notna(value) else np.nan  # type: ignore[arg-type]  # a cell of a number column


def _at(hour: object) -> str:
    """When, of the profiles' year; nothing where there is no hour."""
    return "" if pd.isna(hour) else f" on {pd.Timestamp(hour):%d %b %H:%M} UTC"  # type: ignore[arg-type]  # a time
