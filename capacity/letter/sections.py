"""The parts of a letter, each made from the assessment: why, what is needed, options, checks, demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from capacity.connection import Assessment
from capacity.connection.option import JudgedOption, SupplyOption, WorkLine
from capacity.costs import Cost
from capacity.letter.letter import Align, LetterContext, LetterMap, LetterTable, Pair, Section
from capacity.letter.picture import NEW_COLOUR, NO_SUPPLY_COLOUR, SITE_COLOUR, Picture
from capacity.letter.plain_rows import record_of
from capacity.letter.words import Words, cost_of, customer_cost, shortened, voltage
from gis.webmap.palette import PALETTE

# Rows that a letter has room for; the record of the assessment has all.
MOST_OPTIONS, MOST_CHECKS, MOST_REASONS, MOST_NOT_OFFERED = 10, 12, 3, 8
_DASH: Final = "–"
_KM_DIGITS: Final = 3


def why(words: Words, assessment: Assessment) -> Section:
    """What speaks for the answer: limits that hold, are cured or stand against it; and what else would do."""
    return Section(words.say("section.why"), texts=tuple(_reasons(words, assessment)))


def _reasons(words: Words, assessment: Assessment) -> list[str]:
    ranked = assessment.ranked
    if assessment.verdict == "undetermined":
        return [words.say("also.nothing_judged"), *_as_recorded(words, assessment)]
    best = ranked[0]
    if not best.fits:
        return list(dict.fromkeys(words.against(judged) for judged in ranked))[:MOST_REASONS]
    texts = [words.say("also.holds")]
    if best.measures and len(best.blocked):
        texts.append(words.say("also.cured", reason=words.against(best)))
    return [*texts, *_nearer(words, ranked)]


def _as_recorded(words: Words, assessment: Assessment) -> list[str]:
    return [words.say("also.as_recorded", text=text.rstrip(".")) for text in assessment.reasons[:1]]


def held_back(assessment: Assessment) -> np.ndarray:
    """Flag per way: its figures are not told, since the data of its feeder are too weak."""
    fits = assessment.options["fits"]
    return fits.isna().to_numpy(dtype=bool)


def _nearer(words: Words, ranked: Sequence[JudgedOption]) -> list[str]:
    """Why the nearest point was not taken, where it is not the best."""
    nearest = min(ranked, key=lambda judged: judged.option.route.length_m)
    if nearest.fits:
        return []
    option = nearest.option
    said = words.say(
        "also.nearest_does_not_do",
        kind=words.kind(option.kind),
        bus_id=option.bus_id,
        way_m=option.route.length_m,
        reason=words.against(nearest),
    )
    return [said]


def needed(words: Words, best: JudgedOption) -> Section:
    """The bill of the best option, with its sum."""
    columns = columns_of(
        words, work="wide", quantity="right", use="left", span="right", cost="right", your_share="right"
    )
    rows = [_bill_row(words, line) for line in best.lines]
    share = customer_cost(best.lines)[1]
    rows.append((words.say("total.sum"), "", "", *_cost_cells(words, cost_of(best.lines), share)))
    table = LetterTable(columns, tuple(rows), total=True)
    return Section(words.say("section.needed"), table=table)


def _bill_row(words: Words, line: WorkLine) -> tuple[str, ...]:
    language = words.messages.language
    digits = _KM_DIGITS if line.unit == "km" else 0 if float(line.quantity).is_integer() else 1
    return (
        words.line(line),
        f"{language.number(line.quantity, digits)} {words.unit(line.unit, line.quantity)}",
        words.say(f"use.{line.use}"),
        *_cost_cells(words, line.cost, line.customer_share * line.cost.eur),
    )


def _cost_cells(words: Words, cost: Cost, share_eur: float) -> tuple[str, str, str]:
    number = words.messages.language.number
    return words.span(cost.low_eur, cost.high_eur), number(cost.eur), number(share_eur)


def columns_of(words: Words, **looks: Align) -> tuple[tuple[str, Align], ...]:
    """Headings of a table with their looks."""
    return tuple((words.say(f"column.{name}", currency=words.currency), look) for name, look in looks.items())


def options(words: Words, assessment: Assessment) -> Section | None:
    """Every way that was compared, best first."""
    columns = columns_of(
        words, rank="left", way="left", point="left", voltage="right", cable="wide", span="right",
        months="right", result="wide",
    )  # fmt: skip
    if not assessment.ranked:
        return None
    held = held_back(assessment)
    ranked = enumerate(assessment.ranked[:MOST_OPTIONS], start=1)
    rows = tuple(_option_row(words, rank, judged, held=bool(held[rank - 1])) for rank, judged in ranked)
    texts = tuple(_best_of_kinds(words, assessment, held))
    notes = _left_over(words, len(assessment.ranked), MOST_OPTIONS)
    return Section(words.say("section.options"), texts=texts, table=LetterTable(columns, rows), notes=notes)


def _best_of_kinds(words: Words, assessment: Assessment, held: np.ndarray) -> Iterator[str]:
    """The best way of each kind beside the one that is answered with, and why it is not the answer."""
    told: set[str] = {assessment.ranked[0].option.kind}
    for judged, unknown in zip(assessment.ranked, held.tolist(), strict=True):
        option = judged.option
        if option.kind in told or unknown:
            continue
        told.add(option.kind)
        cost, reason = words.money(cost_of(judged.lines).eur), words.against(judged)
        key = "also.dearer" if judged.fits else "also.lost"
        yield words.say(key, kind=words.kind(option.kind), bus_id=option.bus_id, cost=cost, reason=reason)


def _option_row(words: Words, rank: int, judged: JudgedOption, *, held: bool) -> tuple[str, ...]:
    option, cost, language = judged.option, cost_of(judged.lines), words.messages.language
    start = (str(rank), words.kind(option.kind), option.bus_id, voltage(words, option.voltage_kv))
    if held:
        return (*start, _DASH, _DASH, _DASH, words.say("also.held_back"))
    return (
        *start,
        _cable(words, option),
        words.span(cost.low_eur, cost.high_eur),
        language.number(judged.months),
        _result(words, judged),
    )


def _cable(words: Words, option: SupplyOption) -> str:
    """Length and type of the new cable."""
    if not option.route.found:
        return _DASH
    types = (line.type_id for line in option.lines if "cable" in line.item)
    return f"{words.length(option.route.length_m)} {next(types, '')}".rstrip()


def _result(words: Words, judged: JudgedOption) -> str:
    if not judged.fits:
        return (
            words.brief(record_of(judged.blocked.iloc[0])) if len(judged.blocked) else words.against(judged)
        )
    if judged.measures:
        return words.say("result.fits_with", works=words.measures(judged))
    return words.say("result.fits")


def not_offered(words: Words, assessment: Assessment) -> Section | None:
    """Kinds and points that are no option, with the reasons in the words of the check."""
    rows = assessment.not_offered
    if rows.empty:
        return None
    told = tuple(
        (words.kind(str(row["kind"])), str(row["bus_id"] or _DASH), str(row["reason"]))
        for _, row in rows.head(MOST_NOT_OFFERED).iterrows()
    )
    table = LetterTable(columns_of(words, way="left", point="left", result="wide"), told)
    notes = (words.say("result.reason_as_recorded"), *_left_over(words, len(rows), MOST_NOT_OFFERED))
    return Section(words.say("section.not_offered"), table=table, notes=notes)


def _left_over(words: Words, count: int, most: int) -> tuple[str, ...]:
    more = count - most
    return (words.messages.count("total.more_rows", more),) if more > 0 else ()


def checks(words: Words, assessment: Assessment) -> Section | None:
    """What was checked for the best option: today, with the site, the limit; nearest to it first."""
    rows = assessment.checks
    of_best = rows[rows["rank"] == 1] if len(rows) else rows
    if of_best.empty or held_back(assessment)[:1].any():
        return None
    columns = columns_of(
        words, check="left", element="wide", case="wide", today="right", with_site="right", limit="right",
        cause="left",
    )  # fmt: skip
    told = tuple(_check_row(words, record_of(row)) for _, row in of_best.head(MOST_CHECKS).iterrows())
    before = (
        (words.say("result.without_works"),) if any(one.measures for one in assessment.ranked[:1]) else ()
    )
    notes = (*before, *_left_over(words, len(of_best), MOST_CHECKS))
    return Section(words.say("section.checks"), table=LetterTable(columns, told), notes=notes)


def _check_row(words: Words, row: dict[str, object]) -> tuple[str, ...]:
    unit = str(row["unit"] or "")
    cause = str(row.get("caused_by") or "none")
    return (
        words.check(str(row["check"])),
        words.name(str(row["element_id"])),
        words.case(str(row["case_id"])),
        words.figure(row["today"], unit),
        words.figure(row["with_site"], unit),
        words.figure(row["limit"], unit),
        words.messages.or_else(f"cause.{cause}", cause),
    )


def demand(words: Words, assessment: Assessment) -> Section:
    """Parts of the demand with their sources, and the sum."""
    parts, number = assessment.demand, words.messages.language.number
    columns = columns_of(words, part="left", count="right", power="right", feed_in="right", source="wide")
    rows = [
        (
            words.part(str(row["part"])), number(float(row["count"])), number(float(row["p_kw"]), 1),
            number(float(row["feed_in_kw"]), 1), str(row["source"]),
        )
        for _, row in parts.iterrows()
    ]  # fmt: skip
    fed_kw = float(parts["feed_in_kw"].sum())
    rows.append((words.say("total.sum"), "", number(assessment.demand_kw, 1), number(fed_kw, 1), ""))
    return Section(words.say("section.demand"), table=LetterTable(columns, tuple(rows), total=True))


def rests_on(words: Words, assessment: Assessment, context: LetterContext) -> Section:
    """Scenario, limits, prices, rule, range of dates, queue, and the hashes of what was computed."""
    pairs = [
        (words.messages.or_else(f"rests_on.{name}", name), words.basis(name, text))
        for name, text in assessment.basis.items()
    ]
    pairs += _lead_time(words, assessment, context)
    pairs.append((words.say("rests_on.queue"), _queue(words, context.applications_ahead)))
    for name in ("network_sha256", "assessment_sha256", "version"):
        pairs.append((words.say(f"rests_on.{name}"), getattr(context, name)))
    return Section(words.say("section.rests_on"), pairs=tuple(pair for pair in pairs if pair[1]))


def _lead_time(words: Words, assessment: Assessment, context: LetterContext) -> list[Pair]:
    if not assessment.ranked:
        return []
    lead = context.figures.lead_time
    said = words.say(
        "rests_on.months_text",
        likely=words.messages.count("months", assessment.ranked[0].months),
        low_percent=100.0 * lead.low_factor,
        high_percent=100.0 * lead.high_factor,
    )
    return [(words.say("rests_on.months"), said)]


def _queue(words: Words, ahead: int | None) -> str:
    if ahead is None:
        return words.say("rests_on.queue_unknown")
    return words.messages.count("rests_on.queue_count", ahead)


def validity(words: Words, context: LetterContext) -> Section:
    """How long it holds, and what is not in it."""
    days = context.figures.validity.days
    texts = (
        words.messages.count("note.validity", days, until=context.valid_until),
        words.say("note.exclusions"),
    )
    return Section(words.say("section.validity"), texts=texts)


def map_of(words: Words, picture: Picture | None) -> LetterMap | None:
    """The picture with its words."""
    if picture is None:
        return None
    return LetterMap(
        svg=picture.svg,
        captions=(words.say("map.before"), words.say("map.after"))[: picture.panel_count],
        legend=tuple(_legend(words, picture.classes_percent)),
        note=words.say("map.caption", width_m=round(picture.width_m)),
    )


def _legend(words: Words, bounds: tuple[float, ...]) -> list[tuple[str, str, str]]:
    """Label, colour and look (line, dashed, ring, area) per sign."""
    labels = [words.say("map.below", high=bounds[0])]
    labels += [words.say("map.between", low=low, high=high) for low, high in pairwise(bounds)]
    labels.append(words.say("map.over", low=bounds[-1]))
    signs = [(label, colour, "line") for label, colour in zip(labels, PALETTE, strict=True)]
    return [
        *signs,
        (words.say("map.no_supply"), NO_SUPPLY_COLOUR, "dashed"),
        (words.say("map.new"), NEW_COLOUR, "dashed"),
        (words.say("map.point"), SITE_COLOUR, "ring"),
        (words.say("map.site"), SITE_COLOUR, "area"),
    ]


def name_of(assessment: Assessment) -> str:
    """The site's name as sentences have it."""
    return shortened(assessment.development.name)
