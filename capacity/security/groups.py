"""Groups of supply: what every circuit supplies, and how much of it is back how soon after the circuit fails.

The group of a line, transformer or source is what lies behind it; a feeder is the group of its first line, a
station that of its transformer. Small parts inside a large group are groups of their own, as the rules of
supply mean it. Rules over groups are `rules`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from capacity.security.rules import MET, NOT_JUDGED, NOT_STUDIED, SHORT
from gis import Network
from gis.feeders import Supply
from gridmodel import Scenario

GROUP_COLUMNS = (
    "group_kind", "group_id", "feeder_id", "vn_kv", "customers", "group_demand_kw", "outage_table",
    "outage_id", "minute", "met_kw", "reason",
)  # fmt: skip
FEEDER_COLUMNS = (
    "group_kind", "group_id", "vn_kv", "customers", "group_demand_kw", "class", "status", "parts",
    "parts_short", "short_kw", "worst_table", "worst_id", "within_minutes", "required_kw", "met_kw", "reason",
)  # fmt: skip
FEEDER, STATION, SOURCE, PART = "feeder", "station", "source", "part"
# Worst first.
_ORDER = {SHORT: 0, NOT_STUDIED: 1, NOT_JUDGED: 2, MET: 3}


def group_supply(
    network: Network, supply: Supply, consequences: pd.DataFrame, scenario: Scenario
) -> pd.DataFrame:
    """Tell for the group of every circuit how much of its demand is met from which minute on.

    Parameters
    ----------
    consequences
        `consequences.CONSEQUENCE_COLUMNS`; failures of buses are no outages of circuits and are left out.

    Returns
    -------
    DataFrame
        Columns `GROUP_COLUMNS`: group_kind "feeder", "station", "source" or "part" (inside the feeder
        feeder_id), named after its circuit; vn_kv at which it is supplied; three rows each: at once,
        switched, repaired. Circuits that feed nobody are left out.
    """
    circuits = consequences[consequences["table"] != "buses"].reset_index(drop=True)
    bus = _fed_buses(supply, circuits)
    kw, customers = _behind(network, supply, scenario)
    keep = (bus >= 0) & (np.append(kw, 0.0)[bus] > 0)
    circuits, bus = circuits[keep].reset_index(drop=True), bus[keep]
    demand_kw = kw[bus]
    feeders = supply.buses["feeder_id"].to_numpy()[bus]
    group = pd.DataFrame(
        {
            "group_kind": _kinds(circuits, feeders),
            "group_id": circuits["element_id"],
            "feeder_id": feeders,
            "vn_kv": network.buses["vn_kv"].to_numpy()[bus],
            "customers": customers[bus].round().astype(int),
            "group_demand_kw": demand_kw,
            "outage_table": circuits["table"],
            "outage_id": circuits["element_id"],
            "reason": circuits["reason"],
        }
    )
    lost_kw = (circuits["kw_switched"] + circuits["kw_left"]).to_numpy()
    # What protection takes off with it beyond the group is back before the group is.
    stages = (
        (np.zeros(len(group)), np.minimum(np.maximum(circuits["kw_off"].to_numpy(), lost_kw), demand_kw)),
        (circuits["minute_switched"], np.minimum(circuits["kw_left"].to_numpy(), demand_kw)),
        (circuits["minute_left"], np.zeros(len(group))),
    )
    parts = [
        group.assign(minute=np.asarray(minute), met_kw=(demand_kw - dark_kw).round(6))
        for minute, dark_kw in stages
    ]
    return pd.concat(parts, ignore_index=True)[list(GROUP_COLUMNS)]


def feeder_verdicts(judged: pd.DataFrame) -> pd.DataFrame:
    """One row per feeder, station and source: its class, and the worst verdict of it and the parts inside.

    Parameters
    ----------
    judged
        What `rules.judge_groups` told of the groups of `group_supply`.

    Returns
    -------
    DataFrame
        Columns `FEEDER_COLUMNS`: parts (circuits judged inside and itself) and how many of them are short;
        the requirement, circuit and reason of the one that is most short. Worst first.
    """
    ranked = judged.assign(order=judged["status"].map(_ORDER)).sort_values(
        ["order", "short_kw"], ascending=[True, False], kind="stable"
    )
    heads = judged[judged["group_kind"] != PART].drop_duplicates(["group_kind", "group_id"])
    rows = [_verdict(head, ranked) for head in heads.to_dict("records")]
    table = pd.DataFrame(rows, columns=list(FEEDER_COLUMNS))
    order = table["status"].map(_ORDER)
    by = table.assign(order=order).sort_values(["order", "short_kw"], ascending=[True, False], kind="stable")
    return by[list(FEEDER_COLUMNS)].reset_index(drop=True)


def _verdict(head: dict[str, object], ranked: pd.DataFrame) -> dict[str, object]:
    own = (ranked["group_kind"] == head["group_kind"]) & (ranked["group_id"] == head["group_id"])
    inside = (ranked["group_kind"] == PART) & (ranked["feeder_id"] == head["group_id"])
    rows = ranked[own | inside]
    worst, circuits = rows.iloc[0], rows.drop_duplicates(["outage_table", "group_id"])
    short = rows[rows["status"] == SHORT].drop_duplicates("group_id")
    return {
        **{name: head[name] for name in ("group_kind", "group_id", "vn_kv", "customers", "group_demand_kw")},
        "class": head["class"],
        "status": worst["status"],
        "parts": circuits["group_id"].nunique(),
        "parts_short": len(short),
        "short_kw": float(worst["short_kw"]),
        "worst_table": worst["outage_table"],
        "worst_id": worst["group_id"],
        **{name: worst[name] for name in ("within_minutes", "required_kw", "met_kw", "reason")},
    }


def _kinds(circuits: pd.DataFrame, feeders: np.ndarray) -> np.ndarray:
    table = circuits["table"].to_numpy()
    first = (table == "lines") & (circuits["element_id"].to_numpy() == feeders)
    return np.select([table == "sources", table == "transformers", first], [SOURCE, STATION, FEEDER], PART)


def _behind(network: Network, supply: Supply, scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Demand [kW] and customers behind every bus."""
    loads = network.loads
    kw = scenario.demand_kw(loads).groupby(loads["bus_id"]).sum()
    live = loads["customers"].where(loads["in_service"], 0).astype(float)
    customers = live.groupby(loads["bus_id"]).sum()
    return supply.sum_downstream(kw).to_numpy(), supply.sum_downstream(customers).to_numpy()


def _fed_buses(supply: Supply, circuits: pd.DataFrame) -> np.ndarray:
    """Position of the bus that each circuit feeds; -1 where it feeds none."""
    buses = supply.buses
    at_root = buses["upstream_id"].isna().to_numpy() & buses["feeder_id"].notna().to_numpy()
    table = np.where(at_root, "sources", buses["upstream_table"])
    element_id = np.where(at_root, buses["feeder_id"], buses["upstream_id"])
    fed = pd.MultiIndex.from_arrays([table, element_id])
    position = pd.Series(np.arange(len(buses)), index=fed)
    position = position[~position.index.duplicated()]
    keys = pd.MultiIndex.from_frame(circuits[["table", "element_id"]])
    return position.reindex(keys).fillna(-1).to_numpy().astype(int)
