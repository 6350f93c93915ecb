"""Score per feeder: how much of it is free of findings; below a threshold its results are not shown.

    score = 100 % x length share x demand share x element share

Each share is 1 less the part that is in doubt. An element counts with the weight of its gravest finding
(`score.toml`: 1 for one set aside, 0.25 for a warning); a finding on a whole column weighs on every
element of its table.

Example: a feeder of 4 lines of 100 m with 5 loads of 10 kW; one more load of 10 kW was set aside, one
line has a warning.

    length share    1 - 0.25 * 100 / 400            = 0.9375
    demand share    1 - 1.00 * 10 / 60              = 0.8333
    element share   mean of lines 1 - 0.25 / 4      = 0.9375
                    and loads 1 - 1.00 / 6          = 0.8333    = 0.8854
    score           100 * 0.9375 * 0.8333 * 0.8854  = 69.2 %    under 70 %: "data too weak"
"""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import shapely

from gis.feeders import Supply
from gis.network import Network
from gis.tracing import assign_feeders, line_lengths_m

OK, TOO_WEAK = "ok", "data too weak"
UNASSIGNED = "unassigned"
FEEDER_COLUMNS = (
    "feeder_id", "lines", "customers", "demand_kw", "findings", "quarantined", "score_percent", "status",
    "reason",
)  # fmt: skip
# Tables whose rows are elements of a feeder.
_TABLES = ("lines", "transformers", "switches", "loads", "generators", "capacitors", "buses")
_SHIPPED = Path(__file__).with_name("score.toml")
_REASONS_NAMED = 3


@cache
def score_config(path: Path = _SHIPPED) -> dict[str, object]:
    """Weights and threshold, with their reasons."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def feeder_quality(network: Network, findings: pd.DataFrame, supply: Supply | None = None) -> pd.DataFrame:
    """Score every feeder of a network by the findings on its elements.

    Parameters
    ----------
    findings
        What was found in the network, by reading and by rules.
    supply
        Its trace, when it is there already.

    Returns
    -------
    DataFrame
        Columns `FEEDER_COLUMNS`, weakest first; demand and customers of what is modelled [kW]. Elements
        without supply, and those set aside far from any line, are in the row "unassigned". No rows: no
        elements.
    """
    stock = _stock(network, findings, supply)
    if stock.empty:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in FEEDER_COLUMNS})
    score = score_by(stock, stock["feeder_id"])
    modelled = stock[~stock["quarantined"]]
    by_feeder = modelled.groupby("feeder_id")
    frame = pd.DataFrame({"score_percent": score.round(1)}, score.index)
    frame["lines"] = (modelled["table"] == "lines").groupby(modelled["feeder_id"]).sum()
    frame["customers"], frame["demand_kw"] = by_feeder["customers"].sum(), by_feeder["p_kw"].sum()
    frame["findings"] = by_feeder["findings"].sum()
    frame["quarantined"] = stock.groupby("feeder_id")["quarantined"].sum()
    counts = ["lines", "customers", "findings", "quarantined"]
    frame = frame.fillna(0.0).astype(dict.fromkeys(counts, "int64"))
    weak = frame["score_percent"] < cast(float, score_config()["threshold_percent"])
    frame["status"] = np.where(weak, TOO_WEAK, OK)
    frame["reason"] = _reasons(stock, findings).reindex(frame.index, fill_value="")
    order = frame.rename_axis("feeder_id").reset_index().sort_values(["score_percent", "feeder_id"])
    return order[list(FEEDER_COLUMNS)].reset_index(drop=True)


def network_score_percent(network: Network, findings: pd.DataFrame, supply: Supply | None = None) -> float:
    """Score of all elements together, by the same formula."""
    stock = _stock(network, findings, supply)
    if stock.empty:
        return 0.0
    return float(score_by(stock, pd.Series("all", stock.index)).iloc[0])


def score_by(stock: pd.DataFrame, group: pd.Series) -> pd.Series:
    """Score [%] per group of elements.

    Parameters
    ----------
    stock
        One row per element: table, length_m, p_kw, weight [0..1].
    group
        Group per element.
    """
    sizes = stock[["length_m", "p_kw"]].abs()  # a row set aside for its sign weighs by its size
    lost = sizes.mul(stock["weight"], axis=0).groupby(group).sum()
    whole = sizes.groupby(group).sum()
    shares = 1.0 - (lost / whole.where(whole > 0.0)).fillna(0.0)
    of_tables = 1.0 - stock["weight"].groupby([group, stock["table"]]).mean()
    elements = of_tables.groupby(level=0).mean()
    return 100.0 * shares["length_m"] * shares["p_kw"] * elements


def weak_feeders(quality: pd.DataFrame) -> dict[str, str]:
    """Reason per feeder whose data are too weak for results; what is unassigned has none."""
    weak = quality[(quality["status"] == TOO_WEAK) & (quality["feeder_id"] != UNASSIGNED)]
    return {
        str(feeder_id): f"score {score:.0f} %: {reason}"
        for feeder_id, score, reason in zip(
            weak["feeder_id"], weak["score_percent"], weak["reason"], strict=True
        )
    }


def _stock(network: Network, findings: pd.DataFrame, supply: Supply | None) -> pd.DataFrame:
    """Every element of the network and of its quarantine: feeder, size, weight of its findings."""
    feeders = assign_feeders(network, supply)
    weights = _weights(findings)
    parts = [
        _rows(network, name, feeders[name]["feeder_id"], weights[weights["table"] == name])
        for name in _TABLES
        if len(network.table(name))
    ]
    if len(network.quarantine):
        parts.append(_set_aside(network, feeders["lines"]["feeder_id"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _rows(network: Network, name: str, feeder: pd.Series, weights: pd.DataFrame) -> pd.DataFrame:
    frame = network.table(name)
    zeros = np.zeros(len(frame))
    loads = name == "loads"
    named = weights[weights["element_id"] != ""].groupby("element_id")["weight"].agg(["max", "size"])
    own = named.reindex(frame.index).fillna(0.0)
    of_column = weights.loc[weights["element_id"] == "", "weight"].max()
    return pd.DataFrame(
        {
            "table": name,
            "element_id": frame.index.to_numpy(),
            "feeder_id": feeder.astype(object).where(feeder.notna(), UNASSIGNED).to_numpy(),
            "length_m": line_lengths_m(network.lines).to_numpy() if name == "lines" else zeros,
            "p_kw": frame["p_kw"].to_numpy(dtype=float) if loads else zeros,
            "customers": frame["customers"].astype(float).to_numpy() if loads else zeros,
            "weight": np.fmax(own["max"].to_numpy(dtype=float), of_column),
            "findings": own["size"].to_numpy(dtype=int),
            "quarantined": False,
        }
    )


def _set_aside(network: Network, line_feeders: pd.Series) -> pd.DataFrame:
    """Elements of the quarantine, at the feeder of the nearest line."""
    aside = network.quarantine[network.quarantine["table"].isin(_TABLES)]
    lengths_m = [_cell(cells, "length_m") for cells in aside["cells"]]
    drawn_m = shapely.length(np.asarray(aside["geometry"], dtype=object))
    return pd.DataFrame(
        {
            "table": aside["table"].to_numpy(),
            "element_id": aside["element_id"].to_numpy(),
            "feeder_id": _nearest_feeder(network, aside["geometry"], line_feeders),
            "length_m": np.where(aside["table"] == "lines", np.nan_to_num(np.fmax(lengths_m, drawn_m)), 0.0),
            "p_kw": aside["p_kw"].fillna(0.0).to_numpy(dtype=float),
            "customers": 0.0,
            "weight": 1.0,
            "findings": 0,
            "quarantined": True,
        }
    )


def _nearest_feeder(network: Network, places: pd.Series, line_feeders: pd.Series) -> np.ndarray:
    points = shapely.centroid(np.asarray(places, dtype=object))
    feeders = np.full(len(points), UNASSIGNED, dtype=object)
    usable = np.flatnonzero(np.isfinite(shapely.bounds(points)).all(axis=1))
    fed = line_feeders.notna().to_numpy()
    if not len(usable) or not fed.any():
        return feeders
    tree = shapely.STRtree(np.asarray(network.lines.geometry.array)[fed])
    reach_m = cast(float, score_config()["nearest_line_max_m"])
    (rows, lines) = tree.query_nearest(points[usable], max_distance=reach_m, all_matches=False)
    feeders[usable[rows]] = line_feeders.to_numpy()[fed][lines]
    return feeders


def _weights(findings: pd.DataFrame) -> pd.DataFrame:
    """Weight per finding of an element still in the network; what is set aside counts there."""
    config = score_config()
    by_rule, by_severity = (cast("dict[str, float]", config[key]) for key in ("rule", "severity"))
    open_rows = findings[findings["severity"] != "quarantine"]
    weight = open_rows["rule"].map(by_rule).fillna(open_rows["severity"].map(by_severity)).astype(float)
    return open_rows[["table", "element_id"]].assign(weight=weight)


def _reasons(stock: pd.DataFrame, findings: pd.DataFrame) -> pd.Series:
    """The rules that weigh most on each feeder, with how many elements."""
    weighed = _weights(findings).assign(rule=findings["rule"])
    weighed = weighed[weighed["weight"] > 0.0]
    at = stock.loc[~stock["quarantined"], ["table", "element_id", "feeder_id"]]
    own = weighed[weighed["element_id"] != ""].merge(at, on=["table", "element_id"])
    whole = weighed[weighed["element_id"] == ""].merge(
        at[["table", "feeder_id"]].drop_duplicates(), on="table"
    )
    aside = stock[stock["quarantined"]].assign(rule="set aside")[["feeder_id", "rule", "weight"]]
    said = pd.concat([own, whole, aside], ignore_index=True)
    if said.empty:
        return pd.Series(dtype=object)
    sums = said.groupby(["feeder_id", "rule"])["weight"].agg(["sum", "size"]).reset_index()
    sums = sums.sort_values(["sum", "rule"], ascending=[False, True], kind="stable")
    texts = sums["rule"].str.cat(sums["size"].astype(str), sep=" x ")
    return texts.groupby(sums["feeder_id"]).agg(lambda rules: ", ".join(rules.head(_REASONS_NAMED)))


def _cell(cells: object, name: str) -> float:
    """A number of a row set aside, from its cells."""
    value = json.loads(cells).get(name) if isinstance(cells, str) else None
    try:
        return float(value) if value is not None else np.nan
    except (TypeError, ValueError):
        return np.nan
