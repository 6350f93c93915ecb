"""Cards: what a person wants to know about one asset, as label, value and unit. No screen code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from gis.quality.score import TOO_WEAK
from gridmodel import LoadFlowResult, line_figures, transformer_figures
from gridmodel.catalogue import Catalogue

Card = list[tuple[str, str]]


def asset_card(
    yardstick: Yardstick,
    catalogue: Catalogue,
    result: LoadFlowResult,
    table: str,
    element_id: str,
    *,
    weak: Mapping[str, str] = MappingProxyType({}),
) -> Card:
    """Describe one line, transformer or bus in one solved scenario.

    Parameters
    ----------
    weak
        Feeders whose data are too weak for results, each with the reason (`capacity.data_quality`).

    Returns
    -------
    list of (label, text)
        Rating, loading or voltage, who stands behind it and what feeds it; figures with units.

    Raises
    ------
    KeyError
        The table has no card or the id is not in it.
    """
    makers = {"lines": _line_card, "transformers": _transformer_card, "buses": _bus_card}
    card = makers[table](yardstick, catalogue, result, element_id)
    supply = yardstick.supply
    feeders = supply.buses["feeder_id"] if table == "buses" else supply.feeders[table]
    why = weak.get(str(feeders[element_id]))
    return card if why is None else [card[0], ("Results", f"data too weak, {why}"), *card[1:]]


def headroom_bus(yardstick: Yardstick, table: str, element_id: str) -> str:
    """The bus whose headroom answers for an asset: itself, the far end of a line, a station's busbar."""
    network = yardstick.network
    if table == "buses":
        return element_id
    if table == "transformers":
        return str(network.transformers.loc[element_id, "lv_bus_id"])
    fed = yardstick.supply.fed_bus(table, element_id)
    return fed or str(network.lines.loc[element_id, "to_bus_id"])


def headroom_sentence(answer: pd.Series) -> str:
    """Say one row of `capacity.headroom` in words."""
    bus_id, kw = answer["bus_id"], answer["headroom_kw"]
    bound = f"{str(answer['binding_check']).replace('_', ' ')} at {answer['binding_id']}"
    if answer["status"] == TOO_WEAK:
        return f"Not to be said for {bus_id}: the data of its feeder are too weak, {answer['binding_check']}."
    if answer["status"] == "already_violated":
        return f"No more {answer['direction']} fits at {bus_id}: {bound} is there already."
    if answer["status"] == "undetermined":
        return f"Not to be said for {bus_id}: it has no supply, or the scenario no solution."
    if answer["status"] == "capped":
        return f"At least {kw:,.0f} kW more {answer['direction']} fits at {bus_id}; more was not tried."
    return f"{kw:,.0f} kW more {answer['direction']} fits at {bus_id}; one kW more gives {bound}."


def _line_card(yardstick: Yardstick, catalogue: Catalogue, result: LoadFlowResult, line_id: str) -> Card:
    line = yardstick.network.lines.loc[line_id]
    figures = line_figures(yardstick.network, catalogue).loc[line_id]
    solved = result.lines.loc[line_id]
    return [
        ("Line", line_id),
        ("Type", _text(line["type_id"])),
        ("Length", f"{figures['length_m']:,.0f} m"),
        ("Rated current", f"{figures['i_max_a'] * line['parallel']:,.0f} A"),
        ("Current", figure(solved["i_a"], 1, "A")),
        ("Loading", _loading(solved["loading_percent"], yardstick.limits.loading.line_percent)),
        *_behind(yardstick, result, "lines", line_id),
        ("Feeder", _text(yardstick.supply.feeders["lines"][line_id])),
    ]


def _transformer_card(
    yardstick: Yardstick, catalogue: Catalogue, result: LoadFlowResult, transformer_id: str
) -> Card:
    transformer = yardstick.network.transformers.loc[transformer_id]
    figures = transformer_figures(yardstick.network, catalogue).loc[transformer_id]
    solved = result.transformers.loc[transformer_id]
    rated = f"{figures['sn_kva'] * transformer['parallel']:,.0f} kVA"
    return [
        ("Transformer", transformer_id),
        ("Type", _text(transformer["type_id"])),
        ("Rated power", f"{rated}, {figures['vn_hv_kv']:g}/{figures['vn_lv_kv']:g} kV"),
        ("Power", figure(solved["s_kva"], 0, "kVA")),
        ("Loading", _loading(solved["loading_percent"], yardstick.limits.loading.transformer_percent)),
        ("Voltage at busbar", figure(result.buses["vm_pu"][transformer["lv_bus_id"]], 4, "pu")),
        *_behind(yardstick, result, "transformers", transformer_id),
        ("Fed by feeder", _text(yardstick.supply.feeders["transformers"][transformer_id])),
    ]


def _bus_card(yardstick: Yardstick, catalogue: Catalogue, result: LoadFlowResult, bus_id: str) -> Card:
    bus = yardstick.network.buses.loc[bus_id]
    fed = yardstick.supply.buses.loc[bus_id]
    loads = result.loads[yardstick.network.loads["bus_id"] == bus_id]
    return [
        ("Bus", bus_id),
        ("Nominal voltage", f"{bus['vn_kv']:g} kV"),
        ("Voltage", figure(result.buses.loc[bus_id, "vm_pu"], 4, "pu")),
        ("Demand here", f"{loads['demand_kw'].sum():,.1f} kW, {int(loads['customers'].sum()):,} customers"),
        ("Unserved here", f"{loads['unserved_kw'].sum():,.1f} kW"),
        ("Feeder", _text(fed["feeder_id"])),
        ("Station", _text(fed["station_id"])),
        ("Fed through", _text(fed["upstream_id"])),
    ]


def _behind(yardstick: Yardstick, result: LoadFlowResult, table: str, element_id: str) -> Card:
    bus_id = yardstick.supply.fed_bus(table, element_id)
    if bus_id is None:
        return [("Behind it", "closes a loop, or carries no supply")]
    demand, customers = (
        yardstick.supply.sum_downstream(result.per_bus(yardstick.network, column))[bus_id]
        for column in ("demand_kw", "customers")
    )
    return [("Behind it", f"{demand:,.0f} kW, {int(customers):,} customers")]


def _loading(percent: float, limit_percent: float) -> str:
    if np.isnan(percent):
        return "no data"
    verdict = "over the limit" if percent > limit_percent else "within the limit"
    return f"{percent:.1f} % ({verdict} of {limit_percent:g} %)"


def figure(value: float, digits: int, unit: str) -> str:
    """A number with its unit, or "no data" for a missing one."""
    return "no data" if np.isnan(value) else f"{value:,.{digits}f} {unit}"


def _text(value: object) -> str:
    return "none" if pd.isna(value) else str(value)
