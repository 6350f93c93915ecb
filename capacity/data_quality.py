"""How far data can be trusted: the level a network passes, its feeders' scores, and results held back.

Rules over tables stand in `gis.quality` and `gridmodel.rules`, those over a load flow in
`gridmodel.soundness`; here is what they add up to, and what becomes of a result on a feeder whose data
are too weak: its place stays, its figures go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.connection import Assessment
from capacity.connection.option import JudgedOption
from capacity.costs import Cost
from capacity.headroom_year import YearHeadroom
from gis import Network, check_network
from gis.feeders import Supply, trace_supply
from gis.findings import join_findings
from gis.quality import LEVELS, QUALITY_RULES, QualityRule
from gis.quality.score import (
    FEEDER_COLUMNS,
    OK,
    TOO_WEAK,
    feeder_quality,
    network_score_percent,
    weak_feeders,
)
from gridmodel import LoadFlowResult, find_scenario, findings_of_result, read_catalogue, stored_result
from gridmodel.rules import TYPE_RULES, doubts_for
from gridmodel.soundness import PLAUSIBLE, SOLUTION_RULES

# Feeders whose results are held back, each with the reason.
WeakFeeders = Mapping[str, str]
# Figures of an option.
_OPTION_FIGURES = ("route_m", "cost_low_eur", "cost_eur", "cost_high_eur", "months")
# Highest level a network passes before it is solved.
HIGHEST_UNSOLVED = 4


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
    solved
        Whether a load flow was judged; without one 4 is the highest level.
    """

    findings: pd.DataFrame
    feeders: pd.DataFrame
    score_percent: float
    level: int
    solved: bool

    @property
    def awaits_solving(self) -> bool:
        """Whether all levels are passed that need no load flow, and none was solved."""
        return not self.solved and self.level == HIGHEST_UNSOLVED

    @property
    def level_name(self) -> str:
        return LEVELS.get(self.level, "none")


def judge_quality(
    network: Network | None, findings: pd.DataFrame, solution: pd.DataFrame | None = None
) -> DataQuality:
    """Sum up what was found in a file, and in a load flow of it when there is one.

    Parameters
    ----------
    network
        None when the file cannot be used.
    solution
        Findings of a load flow (`gridmodel.findings_of_result`); levels 5 and 6 need them.
    """
    if solution is not None:  # a cause that a rule over tables has told already is not told again
        findings = join_findings([findings, solution[~solution["rule"].isin(findings["rule"])]])
    if network is None:
        return DataQuality(findings, _no_feeders(), 0.0, level_passed(findings, solved=False), solved=False)
    supply = trace_supply(network)
    return DataQuality(
        findings=findings,
        feeders=feeder_quality(network, findings, supply),
        score_percent=round(network_score_percent(network, findings, supply), 2),
        level=level_passed(findings, solved=solution is not None),
        solved=solution is not None,
    )


def stored_solution(network: Network, path: Path) -> pd.DataFrame | None:
    """Findings of the first scenario's result where a fresh one is stored beside a network's file.

    Nothing where there is none, or it has no solution: then the grid must be solved to say why.
    """
    stored = stored_result(network, find_scenario(network, None), path)
    if stored is None or not stored.converged:
        return None
    return findings_of_result(network, read_catalogue(), stored)


def level_passed(findings: pd.DataFrame, *, solved: bool) -> int:
    """Highest level no error speaks against; 5 and 6 also need a load flow without any doubt about it.

    An element set aside is no error of the file any more; warnings of the data do not fail a level.
    """
    failing = findings["rule"].isin(_FAILS_A_SOLUTION) | (findings["severity"] == "error")
    levels = {rule.name: rule.level for rule in ALL_RULES}
    lowest = findings.loc[failing, "rule"].map(levels).fillna(1).min()
    highest = PLAUSIBLE if solved else HIGHEST_UNSOLVED
    return highest if np.isnan(lowest) else min(highest, int(lowest) - 1)


def weak_data(network: Network, supply: Supply | None = None) -> dict[str, str]:
    """Feeders whose data are too weak for results, each with the reason."""
    doubts = check_network(network, rules=doubts_for())
    told = join_findings([network.findings, doubts]).drop_duplicates(["rule", "table", "element_id"])
    return weak_feeders(feeder_quality(network, told, supply))


def hold_back_result(result: LoadFlowResult, yardstick: Yardstick, weak: WeakFeeders) -> LoadFlowResult:
    """A result without the figures of weak feeders; sums over the whole network stay, or nothing would."""
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
    """Bottlenecks, of years too, with a status, and without figures where their feeder is weak."""
    of_years = ["hours_over", "kwh_over", "probability", "unserved_kwh"]
    figures = ["loading_percent", "vm_pu", "unserved_kw", *(name for name in of_years if name in found)]
    held = hold_back_rows(found, weak, figures, reason="root_cause")
    return gpd.GeoDataFrame(held, geometry="geometry", crs=found.crs)


def hold_back_chains(chains: pd.DataFrame, weak: WeakFeeders) -> pd.DataFrame:
    """Chains of customers without figures and weakest link where their feeder is weak."""
    lost = chains["feeder_id"].isin(weak)
    if not lost.any():
        return chains
    figures = [name for name in chains if name.endswith(("_percent", "_pu"))]
    named = ["weakest_link", "weakest_table", "weakest_id", "weakest_check"]
    why = TOO_WEAK + ": " + chains["feeder_id"].map(weak).astype(str)
    return chains.assign(
        **{name: chains[name].mask(lost) for name in (*figures, "first_year")},
        **{name: chains[name].where(~lost, None) for name in named},
        status=chains["status"].where(~lost, TOO_WEAK),
        sentence=chains["sentence"].where(~lost, why),
    )


def hold_back_headroom(
    found: gpd.GeoDataFrame, supply: Supply, weak: WeakFeeders, *, figures: tuple[str, ...] = ("headroom_kw",)
) -> gpd.GeoDataFrame:
    """Headroom without figures at buses of weak feeders."""
    feeders = pd.Series(supply.buses["feeder_id"].reindex(found["bus_id"]).to_numpy(), found.index)
    lost = feeders.isin(weak)
    if not lost.any():
        return found
    named = {c: found[c].where(~lost, None) for c in ("binding_table", "binding_id")}
    why = feeders.map(weak)
    return found.assign(
        **{c: found[c].mask(lost) for c in figures},
        binding_check=found["binding_check"].where(~lost, why),
        status=found["status"].where(~lost, TOO_WEAK),
        **named,
    )


def hold_back_year(found: YearHeadroom, supply: Supply, weak: WeakFeeders) -> YearHeadroom:
    """Headroom of a year without figures at buses of weak feeders."""
    figures = ("firm_kw", "off_peak_kw", "firm_hour")
    firm = hold_back_headroom(found.firm, supply, weak, figures=figures)
    lost = (firm["status"] == TOO_WEAK).to_numpy()
    kw, status = np.where(lost, np.nan, found.kw), np.where(lost, TOO_WEAK, found.status)
    return replace(found, firm=firm, kw=kw, status=status)


def hold_back_joint(
    found: pd.DataFrame, bus_ids: list[str], supply: Supply, weak: WeakFeeders
) -> pd.DataFrame:
    """Joint headroom without figures where a bus of the group is on a weak feeder."""
    feeders = supply.buses["feeder_id"].reindex(bus_ids)
    lost = feeders[feeders.isin(weak)]
    if lost.empty:
        return found
    return found.assign(
        headroom_kw=np.nan, total_kw=np.nan, binding_check=weak[lost.iloc[0]], binding_table=None,
        binding_id=None, status=TOO_WEAK,
    )  # fmt: skip


def hold_back_assessment(answer: Assessment, supply: Supply, weak: WeakFeeders) -> Assessment:
    """An assessment without figures of options on weak feeders; no verdict when the best is one."""
    options = answer.options
    feeders = pd.Series(supply.buses["feeder_id"].reindex(options["bus_id"]).to_numpy(), options.index)
    lost = feeders.isin(weak)
    if not lost.any():
        return answer
    why = TOO_WEAK + ": feeder " + feeders.astype(str) + ", " + feeders.map(weak).astype(str)
    held = options.assign(
        **{c: options[c].astype(float).mask(lost) for c in _OPTION_FIGURES},
        fits=options["fits"].astype(object).where(~lost, None),
        reason=options["reason"].where(~lost, why),
    )
    ranks = set(options.loc[lost, "rank"])
    kept = replace(
        answer,
        options=held,
        reasons=tuple(held["reason"]),
        ranked=tuple(
            _held_option(one, why[row]) if lost[row] else one
            for row, one in zip(options.index, answer.ranked, strict=True)
        ),
        bill=answer.bill[~answer.bill["rank"].isin(ranks)],
        checks=answer.checks[~answer.checks["rank"].isin(ranks)],
    )
    if not lost.iloc[0]:
        return kept
    sentence = (
        f"Not to be said: {answer.development.name} cannot be judged at the best supply point, {why.iloc[0]}."
    )
    return replace(kept, verdict="undetermined", sentence=sentence, binding={})


def _held_option(one: JudgedOption, why: str) -> JudgedOption:
    """An option without what was judged and costed."""
    return replace(
        one, blocked=one.blocked.iloc[:0], fits=False, reason=why, lines=(), months=0, measures=(),
        today=False, cost=Cost(),
    )  # fmt: skip


def _no_feeders() -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=object) for column in FEEDER_COLUMNS})


ALL_RULES: tuple[QualityRule, ...] = (*QUALITY_RULES, *TYPE_RULES, *SOLUTION_RULES)
# A cause alone is a doubt: what fails level 5 is that there is no solution.
_FAILS_A_SOLUTION = [
    rule.name for rule in SOLUTION_RULES if rule.level == PLAUSIBLE or rule.name == "does_not_solve"
]
