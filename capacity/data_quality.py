"""How far data can be trusted: the level a network passes, its feeders' scores, and results held back.

Rules over tables stand in `gis.quality` and `gridmodel.rules`; here are those over a solved load flow,
and what becomes of a result on a feeder whose data are too weak: its place stays, its figures go.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.connection import Assessment
from gis import Network, check_network
from gis.feeders import Supply, trace_supply
from gis.findings import join_findings, make_findings
from gis.quality import LEVELS, QUALITY_RULES, QualityRule
from gis.quality.score import (
    FEEDER_COLUMNS,
    OK,
    TOO_WEAK,
    feeder_quality,
    network_score_percent,
    weak_feeders,
)
from gridmodel import LoadFlowResult
from gridmodel.rules import TYPE_RULES, doubts_for

WeakFeeders = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class DataQuality:
    """What is known about the data of one network.

    Attributes
    ----------
    findings
        All that was found, results' findings included.
    feeders
        Score per feeder (`gis.quality.score.FEEDER_COLUMNS`).
    score_percent
        Score of the network as a whole.
    level
        Highest level passed: no error speaks against the file there or below; 0 when none is.
    """

    findings: pd.DataFrame
    feeders: pd.DataFrame
    score_percent: float
    level: int

    @property
    def level_name(self) -> str:
        return LEVELS.get(self.level, "none")


def judge_quality(
    network: Network | None, findings: pd.DataFrame, result: LoadFlowResult | None = None
) -> DataQuality:
    """Sum up what was found in a file, and in a load flow of it when there is one.

    Parameters
    ----------
    network
        None when the file cannot be used.
    result
        A solved scenario; levels 5 and 6 need one.
    """
    if network is not None and result is not None:
        findings = join_findings([findings, judge_result(result)])
    if network is None:
        return DataQuality(findings, _no_feeders(), 0.0, level_passed(findings, solved=False))
    supply = trace_supply(network)
    return DataQuality(
        findings=findings,
        feeders=feeder_quality(network, findings, supply),
        score_percent=round(network_score_percent(network, findings, supply), 2),
        level=level_passed(findings, solved=result is not None),
    )


def level_passed(findings: pd.DataFrame, *, solved: bool) -> int:
    """Highest level no error speaks against; 5 and 6 also need a load flow without any doubt about it.

    An element set aside is no error of the file any more; warnings of the data do not fail a level.
    """
    levels = _levels()
    of_results = [rule.name for rule in (*RESULT_RULES, *DIAGNOSIS_RULES)]
    failing = findings["rule"].isin(of_results) | (findings["severity"] == "error")
    lowest = findings.loc[failing, "rule"].map(levels).fillna(1).min()
    highest = 6 if solved else 4
    return highest if np.isnan(lowest) else min(highest, int(lowest) - 1)


def judge_result(result: LoadFlowResult) -> pd.DataFrame:
    """Find what makes a load flow none of a grid anybody runs."""
    bounds = result_bounds()
    if not result.converged:
        share = f"{result.servable_share:.0%} of the demand can be served at most"
        message = "the load flow has no solution; look at the warnings first, then at load_beyond"
        return _of_network("does_not_solve", message, share)
    vm_pu = result.buses["vm_pu"]
    off = vm_pu[(vm_pu < bounds["vm_min_pu"]) | (vm_pu > bounds["vm_max_pu"])]
    loaded = {"lines": result.lines, "transformers": result.transformers}
    parts = [
        _named("voltage_implausible", "buses", off, "pu", "no grid holds such a voltage; check what feeds it")
    ]
    for table, frame in loaded.items():
        percent = frame["loading_percent"]
        over = percent[percent > bounds["loading_max_percent"]]
        message = "no protection lets such a current pass; check ratings and loads behind it"
        parts.append(_named("loading_implausible", table, over, "%", message))
    if result.loss_kw > bounds["loss_max_share"] * max(result.demand_kw, result.generation_kw):
        message = "losses are over 20 % of the demand; check impedances and lengths"
        parts.append(_of_network("losses_implausible", message, f"{result.loss_kw:,.1f} kW"))
    if result.unserved_kw > bounds["unserved_max_kw"]:
        message = "not all that is asked for is served; see island_without_source"
        value = f"{result.unserved_kw:,.1f} of {result.demand_kw:,.1f} kW"
        parts.append(_of_network("unserved", message, value))
    return join_findings(parts)


def weak_data(network: Network, supply: Supply | None = None) -> dict[str, str]:
    """Feeders whose data are too weak for results, each with the reason."""
    doubts = check_network(network, rules=doubts_for())
    told = join_findings([network.findings, doubts]).drop_duplicates(["rule", "table", "element_id"])
    return weak_feeders(feeder_quality(network, told, supply))


def hold_back_result(result: LoadFlowResult, yardstick: Yardstick, weak: WeakFeeders) -> LoadFlowResult:
    """A result without the figures of weak feeders, and without the losses they are a part of."""
    if not weak:
        return result
    supply = yardstick.supply
    buses = supply.buses["feeder_id"].isin(weak)
    at = {table: feeders.isin(weak) for table, feeders in supply.feeders.items()}
    figures = ["vm_pu", "va_degree"]
    return replace(
        result,
        buses=result.buses.assign(**{c: result.buses[c].mask(buses) for c in figures}),
        lines=result.lines.mask(at["lines"]),
        transformers=result.transformers.mask(at["transformers"]),
        loss_kw=float("nan"),
    )


def hold_back_rows(
    rows: pd.DataFrame, weak: WeakFeeders, figures: list[str], reason: str = ""
) -> pd.DataFrame:
    """Rows of a result table with a status, and without figures where their feeder is weak.

    Parameters
    ----------
    figures
        Columns that hold figures.
    reason
        Column that gets the reason in words.
    """
    lost = rows["feeder_id"].isin(weak)
    held = rows.assign(status=np.where(lost, TOO_WEAK, OK))
    held = held.assign(**{column: held[column].astype(float).mask(lost) for column in figures})
    if reason and lost.any():
        why = TOO_WEAK + ": " + held["feeder_id"].map(weak).astype(str)
        held[reason] = held[reason].where(~lost, why)
    return held


def hold_back_bottlenecks(found: gpd.GeoDataFrame, weak: WeakFeeders) -> gpd.GeoDataFrame:
    """Bottlenecks with a status, and without figures where their feeder is weak."""
    figures = ["loading_percent", "vm_pu", "unserved_kw"]
    held = hold_back_rows(found, weak, figures, reason="root_cause")
    return gpd.GeoDataFrame(held, geometry="geometry", crs=found.crs)


def hold_back_headroom(found: gpd.GeoDataFrame, supply: Supply, weak: WeakFeeders) -> gpd.GeoDataFrame:
    """Headroom without figures at buses of weak feeders."""
    feeders = pd.Series(supply.buses["feeder_id"].reindex(found["bus_id"]).to_numpy(), found.index)
    lost = feeders.isin(weak)
    if not lost.any():
        return found
    named = {c: found[c].where(~lost, None) for c in ("binding_table", "binding_id")}
    why = feeders.map(weak)
    return found.assign(
        headroom_kw=found["headroom_kw"].mask(lost),
        binding_check=found["binding_check"].where(~lost, why),
        status=found["status"].where(~lost, TOO_WEAK),
        **named,
    )


def hold_back_assessment(answer: Assessment, supply: Supply, weak: WeakFeeders) -> Assessment:
    """An assessment without figures of options on weak feeders; no verdict when the best is one."""
    options = answer.options
    feeders = pd.Series(supply.buses["feeder_id"].reindex(options["bus_id"]).to_numpy(), options.index)
    lost = feeders.isin(weak)
    if not lost.any():
        return answer
    why = TOO_WEAK + ": feeder " + feeders.astype(str) + ", " + feeders.map(weak).astype(str)
    figures = ("route_m", "cost_low_eur", "cost_eur", "cost_high_eur", "months")
    held = options.assign(
        **{c: options[c].astype(float).mask(lost) for c in figures},
        fits=options["fits"].astype(object).where(~lost, None),
        reason=options["reason"].where(~lost, why),
    )
    reasons = tuple(held["reason"])
    if not lost.iloc[0]:
        return replace(answer, options=held, reasons=reasons)
    sentence = (
        f"Not to be said: {answer.development.name} cannot be judged at the best supply point, {why.iloc[0]}."
    )
    return replace(
        answer, verdict="undetermined", sentence=sentence, options=held, reasons=reasons, binding={}
    )


@cache
def result_bounds() -> dict[str, float]:
    """Bounds of a plausible load flow, from `data_quality.toml`."""
    text = Path(__file__).with_name("data_quality.toml").read_text(encoding="utf-8")
    return cast("dict[str, float]", tomllib.loads(text))


def _no_feeders() -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=object) for column in FEEDER_COLUMNS})


def _levels() -> dict[str, int]:
    return {rule.name: rule.level for rule in ALL_RULES}


def _of_network(rule: str, message: str, value: str) -> pd.DataFrame:
    return make_findings(rule, "network", [""], message, severity="warning", values=[value])


def _named(rule: str, table: str, values: pd.Series, unit: str, message: str) -> pd.DataFrame:
    said = [f"{value:.4g} {unit}" for value in values]
    return make_findings(rule, table, values.index, message, severity="warning", values=said)


def _solving(level: int, name: str, about: str, why: str, remedy: str) -> QualityRule:
    source = " ".join(str(result_bounds()["source"]).split())
    return QualityRule(name, level, "warning", (), about, why, remedy, source, stage="solving")


RESULT_RULES: tuple[QualityRule, ...] = (
    _solving(5, "does_not_solve", "the load flow has no solution",
             "nobody can say what flows", "follow the warnings on loads, lengths and impedances"),
    _solving(6, "voltage_implausible", "a voltage is under 0.5 or over 1.5 pu",
             "a solution of the equations, not of a grid", "check what feeds the bus"),
    _solving(6, "loading_implausible", "an element carries over ten times its rating",
             "its rating or what hangs on it is wrong", "check both"),
    _solving(6, "losses_implausible", "losses are over 20 % of the demand",
             "impedances or lengths are too large", "check their units"),
    _solving(6, "unserved", "not all demand is served",
             "a grid that converges may still leave customers dark", "see island_without_source"),
)  # fmt: skip
# Told by `gridmodel` when it looks for what keeps a network from being solved.
DIAGNOSIS_RULES: tuple[QualityRule, ...] = (
    _solving(5, "load_keeps_from_solving", "without this load far more demand can be served",
             "the whole grid has no result for one cell", "check p_kw and its unit"),
    _solving(5, "zero_impedance", "an element has no impedance", "the equations have no solution",
             "draw a switch instead"),
    _solving(5, "line_length_unit", "a length is of another unit than the others'",
             "m taken for km has no solution", "check length_m"),
    _solving(5, "shift_in_loop", "transformers of a loop turn the voltage by different angles",
             "power flows in a circle", "correct a shift_degree"),
    _solving(6, "slack_circulation", "sources drive power in a circle",
             "their set-points or ways differ", "open one way or align them"),
)  # fmt: skip
ALL_RULES: tuple[QualityRule, ...] = (*QUALITY_RULES, *TYPE_RULES, *RESULT_RULES, *DIAGNOSIS_RULES)
