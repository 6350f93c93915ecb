"""Answers about connections in plain words: limits, options, and the one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from capacity.connection.option import JudgedOption
from capacity.connection.site_cases import FEED_IN, N_MINUS_1
from capacity.costs import CostTable
from capacity.demand.development import Development

_NEW = {
    "cable": "the new cable", "cable a": "the new cable", "cable b": "the new cable",
    "site": "the site", "station": "the new station", "transformer": "the new transformer",
    "joint": "the new joint", "joint a": "the new joint", "joint b": "the new joint",
    "piece a": "the cut line", "piece b": "the cut line",
}  # fmt: skip
NOUNS = {"lines": "line", "transformers": "transformer", "buses": "bus"}


def element_words(site_id: str, table: str, element_id: str) -> str:
    """An element as people know it: what an option builds has no name of its own.

    Examples
    --------
    >>> element_words("S", "lines", "L1"), element_words("S", "lines", "S|lv_feeder|B1|NAYY|cable")
    ('line L1', 'the new cable')
    """
    if element_id.startswith(f"{site_id}|"):
        return _NEW.get(element_id.rsplit("|", 1)[1], "what is built")
    return element_id if table == "buses" else f"{NOUNS[table]} {element_id}"


def case_words(case_id: str) -> str:
    """When a limit is broken, as the end of a sentence; nothing at peak.

    Examples
    --------
    >>> case_words("n_minus_1|lines L1"), case_words("peak")
    (' after the loss of line L1', '')
    """
    kind, _, outage = case_id.partition("|")
    if kind == N_MINUS_1 and outage:
        table, _, element_id = outage.partition(" ")
        return f" after the loss of {table[:-1]} {element_id}"
    if kind == FEED_IN:
        return " when little is drawn and much is fed in"
    return ""


def limit_words(limit: pd.Series, site_id: str) -> str:
    """Say which limit stands against an option, and when."""
    name = element_words(site_id, str(limit["table"]), str(limit["element_id"]))
    value, bound, when = limit["value"], limit["limit"], case_words(str(limit["case_id"]))
    if limit["check"] == "no_solution":
        return f"the network could not carry it at all: the load flow has no solution{when}"
    if limit["check"] == "unsupplied":
        return f"{value:,.0f} kVA would be without supply{when}"
    if limit["check"] == "voltage_change":
        return f"the voltage at {name} would change by {value:.2f} % (limit {bound:g} %){when}"
    before = "is over its limit already and would be at" if limit["already"] else "would be at"
    if limit["check"] in ("undervoltage", "overvoltage"):
        side = "minimum" if limit["check"] == "undervoltage" else "maximum"
        return f"the voltage at {name} {before} {value:.3f} pu ({side} {bound:.3f} pu){when}"
    digits = 0 if round(value) > round(bound) else 2
    return f"{name} {before} {value:.{digits}f} % of its rating ({bound:.0f} % allowed){when}"


def fit_words(way: pd.DataFrame, site_id: str) -> str:
    """Say which element on the way is loaded most with the site."""
    loaded = way[way["check"].isin(["line_overload", "transformer_overload"])]
    if loaded.empty:
        return "fits; it loads nothing noticeably"
    worst = loaded.iloc[int(np.argmax((loaded["with_site"] / loaded["limit"]).to_numpy()))]
    name = element_words(site_id, str(worst["table"]), str(worst["element_id"]))
    return (
        f"fits; with it {name} is the most loaded on the way, at {worst['with_site']:.0f} %"
        f"{case_words(str(worst['case_id']))}"
    )


def works_words(option: JudgedOption) -> str:
    """What is built, works on the existing grid included."""
    return " and ".join([option.option.text, *(measure.text for measure in option.measures)])


def sentence_of(
    development: Development,
    verdict: str,
    demand_kw: float,
    ranked: Sequence[JudgedOption],
    prices: CostTable,
) -> str:
    """The answer in one sentence."""
    best, asked = ranked[0], f"{development.name} ({demand_kw:,.0f} kW)"
    if verdict == "refuse":
        return f"No: {asked} cannot be connected, because {best.reason}."
    answer = "Yes" if verdict == "connect" else "Yes, after works"
    return (
        f"{answer}: {asked} can be connected at {best.option.bus_id} with {works_words(best)}, for about "
        f"{best.cost.eur:,.0f} {prices.currency} ({best.cost.low_eur:,.0f}-{best.cost.high_eur:,.0f}, "
        f"prices of {prices.price_year}), in about {best.months} months{_aside(ranked, prices)}."
    )


def _aside(ranked: Sequence[JudgedOption], prices: CostTable) -> str:
    """What else has to be said: a dearer way without works, or why the nearest point does not do."""
    best, rest = ranked[0], ranked[1:]
    at_once = next((one for one in rest if one.fits and one.today), None)
    if not best.today and at_once is not None:
        return (
            f"; without works on the existing grid and a new station it can be at {at_once.option.bus_id} "
            f"for about {at_once.cost.eur:,.0f} {prices.currency}"
        )
    without = next((one for one in rest if one.fits and not one.measures), None)
    if best.measures and without is not None:
        return (
            f"; without works on the existing grid it can be at {without.option.bus_id} "
            f"for about {without.cost.eur:,.0f} {prices.currency}"
        )
    near = min(ranked, key=lambda one: (one.option.route.length_m, one.option.option_id))
    if not near.fits and near.option.bus_id != best.option.bus_id:
        return f"; the nearest point, {near.option.bus_id}, does not do because {near.reason}"
    return ""
