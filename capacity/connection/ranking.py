"""Options of a site in the order of what they cost in all, works on the existing grid included.

An option whose own cost is over the best total needs no search for works; one that breaks the same limits at
least as much as a cheaper one, or is another cable to the same point, needs works about as dear. Once some
option fits, works are looked for where `[works]` of the assumptions says. Each option says why they were not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from capacity.connection.charging import customer_share, read_charging
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.judging import BLOCKED_COLUMNS, Judgement
from capacity.connection.lead_times import total_months
from capacity.connection.option import JudgedOption, SupplyOption, WorkLine
from capacity.connection.reinforcement import Reinforcement, reinforce
from capacity.connection.site import Site
from capacity.connection.words import fit_words, limit_words
from capacity.costs import Cost, total_cost
from capacity.measures.measure import Measure


@dataclass(frozen=True, eq=False)
class _Open:
    """An option that breaks limits, and those limits: their largest excess per element [%]."""

    option: SupplyOption
    judgement: Judgement
    excess: Mapping[tuple[str, str, str], float]


def rank_options(
    grid: ConnectionGrid, site: Site, options: Sequence[SupplyOption], judged: Mapping[str, Judgement]
) -> tuple[JudgedOption, ...]:
    """Rank the options of a site, best first: those that fit by total cost, then those that do not by theirs.

    Parameters
    ----------
    judged
        By option_id, in all cases; options with a problem are not in it.
    """
    own_eur = {option.option_id: own_cost(option).eur for option in options}
    found = [_unbuildable(grid, option) for option in options if option.problem]
    found += [
        _fitting(grid, site, option, judged[option.option_id])
        for option in options
        if not option.problem and judged[option.option_id].fits
    ]
    best_eur = min((one.cost.eur for one in found if one.fits), default=math.inf)
    blocked = [one for one in options if not one.problem and not judged[one.option_id].fits]
    today = any(one.today for one in found)
    tried: list[tuple[_Open, Reinforcement]] = []
    for option in sorted(blocked, key=lambda one: (own_eur[one.option_id], one.option_id)):
        judgement = judged[option.option_id]
        case = _Open(option, judgement, _excess(judgement.blocked, site.site_id))
        one, works = _with_works(grid, site, case, tried, best_eur, today=today)
        if works is not None:
            tried.append((case, works))
        best_eur = min(best_eur, one.cost.eur) if one.fits else best_eur
        found.append(one)
    return tuple(sorted(found, key=_order))


def own_cost(option: SupplyOption) -> Cost:
    """Cost of an option without works on the existing grid."""
    return total_cost([line.cost for line in option.lines])


def _order(one: JudgedOption) -> tuple[bool, bool, float, float, str]:
    length_m = one.option.route.length_m
    return (
        not one.fits, bool(one.option.problem), one.cost.eur,
        length_m if math.isfinite(length_m) else math.inf, one.option.option_id,
    )  # fmt: skip


def _with_works(
    grid: ConnectionGrid,
    site: Site,
    case: _Open,
    tried: Sequence[tuple[_Open, Reinforcement]],
    best_eur: float,
    *,
    today: bool,
) -> tuple[JudgedOption, Reinforcement | None]:
    """An option that does not fit alone, and the works that were searched for it, if any.

    Parameters
    ----------
    today
        Another option fits without works and without a new station.
    """
    said = limit_words(case.judgement.blocked.iloc[0], site.site_id)
    left_eur = best_eur - own_cost(case.option).eur
    if left_eur <= 0.0:
        reason = f"{said}; works were not looked for, as it costs more than the best even without them"
        return _refused(grid, case, reason), None
    easier = next((one for one in tried if _as_hard(case, one)), None)
    if easier is not None:
        like, works = easier
        what = "none cure" if works.status == "none" else "they cost too much for"
        why = f"{what} {like.option.option_id}, which is cheaper and no harder to supply"
        reason = f"{said}; works were not looked for: {why}"
        return _refused(grid, case, reason), None
    against = _against_search(grid, case.option, tried, best_eur, today)
    if against:
        return _refused(grid, case, f"{said}; works were not looked for: {against}"), None
    works = reinforce(grid, case.option, site.kva, case.judgement.blocked, most_eur=left_eur)
    if works.status != "found":
        return _refused(grid, case, f"{said}; {works.reason}"), works
    lines = (*case.option.lines, *_lines_of(grid, site, works.measures))
    cost = total_cost([line.cost for line in lines])
    return JudgedOption(
        option=case.option,
        blocked=case.judgement.blocked,
        fits=True,
        reason=f"without works {said}; {works.reason}",
        lines=lines,
        months=total_months(lines, grid.assumptions.stages),
        measures=tuple(works.measures),
        cost=cost,
    ), works


def _excess(blocked: pd.DataFrame, site_id: str) -> dict[tuple[str, str, str], float]:
    """Largest excess per limit; what an option builds itself is told by its part, not its id."""
    own = f"{site_id}|"
    names = [name.rsplit("|", 1)[1] if name.startswith(own) else name for name in blocked["element_id"]]
    keys = zip(blocked["check"], blocked["table"], names, strict=True)
    most: dict[tuple[str, str, str], float] = {}
    for key, value in zip(keys, blocked["excess_percent"].tolist(), strict=True):
        most[key] = max(value, most.get(key, -math.inf))
    return most


def _no_easier(
    one: Mapping[tuple[str, str, str], float], other: Mapping[tuple[str, str, str], float]
) -> bool:
    """Tell whether one breaks all that the other does, at least as much."""
    return all(key in one and one[key] >= value for key, value in other.items())


def _against_search(
    grid: ConnectionGrid,
    option: SupplyOption,
    tried: Sequence[tuple[_Open, Reinforcement]],
    best_eur: float,
    today: bool,
) -> str:
    """Why works are not looked for; "" if they are."""
    rule, some_fits = grid.assumptions.works, math.isfinite(best_eur)
    if some_fits and rule.search == "if_none_fits":
        return "another option fits"
    if today and best_eur - own_cost(option).eur < rule.least_saving_eur:
        return f"they save less than {rule.least_saving_eur:,.0f}, and another needs none"
    points = {one.option.bus_id for one, _ in tried if one.option.kind == option.kind}
    most = rule.supply_points if some_fits else rule.supply_points_if_none_fits
    if len(points) >= most and option.bus_id not in points:
        return "they were at the cheapest supply points of the kind"
    return ""


def _as_hard(case: _Open, tried: tuple[_Open, Reinforcement]) -> bool:
    """Tell whether what was tried in vain is no harder: it breaks no more, or is at the same point."""
    other, works = tried
    if works.status == "found":
        return False
    same_point = other.option.bus_id == case.option.bus_id and other.option.kind == case.option.kind
    return (same_point and works.status == "too_dear") or _no_easier(case.excess, other.excess)


def _lines_of(grid: ConnectionGrid, site: Site, measures: Sequence[Measure]) -> list[WorkLine]:
    """Lines of the bill for works on the existing grid, which others use too."""
    rule = read_charging(grid.assumptions.charging.rule)
    lines = [
        WorkLine(
            item=measure.kind,
            text=measure.text,
            quantity=measure.length_m / 1e3 if measure.length_m else 1.0,
            unit="km" if measure.length_m else "unit",
            use="shared",
            cost=measure.cost,
            months=measure.months,
            type_id=measure.to_type,
        )
        for measure in measures
    ]
    return [
        WorkLine(**{**vars(line), "customer_share": customer_share(rule, line, demand_kw=site.demand_kw)})
        for line in lines
    ]


def _fitting(grid: ConnectionGrid, site: Site, option: SupplyOption, judgement: Judgement) -> JudgedOption:
    return JudgedOption(
        option=option,
        blocked=judgement.blocked,
        fits=True,
        reason=fit_words(judgement.way, site.site_id),
        lines=option.lines,
        months=total_months(option.lines, grid.assumptions.stages),
        today="transformers" not in option.changes.added,
        cost=own_cost(option),
    )


def _unbuildable(grid: ConnectionGrid, option: SupplyOption) -> JudgedOption:
    return JudgedOption(
        option, pd.DataFrame(columns=list(BLOCKED_COLUMNS)), False, option.problem, option.lines, 0
    )


def _refused(grid: ConnectionGrid, case: _Open, reason: str) -> JudgedOption:
    lines = case.option.lines
    return JudgedOption(
        option=case.option,
        blocked=case.judgement.blocked,
        fits=False,
        reason=reason,
        lines=lines,
        months=total_months(lines, grid.assumptions.stages),
        cost=own_cost(case.option),
    )
