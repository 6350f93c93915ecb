"""`letter_of`: from an assessment to the letter that answers it."""

from __future__ import annotations

from capacity.connection import Assessment
from capacity.connection.option import JudgedOption
from capacity.costs import Cost
from capacity.letter import sections
from capacity.letter.letter import Letter, LetterContext, Pair, Section
from capacity.letter.plain_rows import finite, plain_rows
from capacity.letter.sooner import further_facts, sooner
from capacity.letter.words import Words, add_months, cost_of, customer_cost, words_of

LETTER_VERSION = 1
_CONNECTABLE = ("connect", "connect_after_works")
_PAGE, _PAGES = "\x01", "\x02"


def letter_of(assessment: Assessment, *, language: str = "en", context: LetterContext) -> Letter:
    """Write the answer to an application in one language.

    Nothing is computed here: it says what the assessment says, with the range of dates that the figures of
    the letter make of its months.

    Parameters
    ----------
    language
        Code of a language that has message files: "en", "de", "zh".

    Raises
    ------
    InputError
        There is no such language.
    """
    words = words_of(language, assessment.basis.get("currency", ""), assessment.development.site_id)
    name, reason = sections.name_of(assessment), sections.why(words, assessment)
    drawn = sections.map_of(words, context.picture)
    before, _, rest = words.say("head.page", page=_PAGE, pages=_PAGES).partition(_PAGE)
    between, _, after = rest.partition(_PAGES)
    return Letter(
        language=words.messages.language.code,
        title=words.say("head.title", name=name),
        kind=words.say("head.kind"),
        answer=words.say(f"verdict.short_{assessment.verdict}"),
        verdict=assessment.verdict,
        sentence=_sentence(words, assessment, reason.texts),
        head=_head(words, assessment, context),
        parties=tuple(
            (words.say(f"head.{side}"), lines)
            for side, lines in (("from", context.from_lines), ("to", context.to_lines))
            if lines
        ),
        figures=_figures(words, assessment, context),
        sections=tuple(_sections(words, assessment, context, reason)),
        map=drawn,
        note=words.say("note.indicative"),
        page=(before, between, after),
        glyphs=(words.say("section.glyphs"), words.say("note.glyphs", codes="{codes}")),
        facts=_facts(assessment, context),
    )


def _sentence(words: Words, assessment: Assessment, reasons: tuple[str, ...]) -> str:
    """The answer in one sentence, and what it rests on."""
    key = f"verdict.{assessment.verdict}"
    asked = {"name": sections.name_of(assessment), "demand": words.power(assessment.demand_kw)}
    if assessment.verdict not in _CONNECTABLE:
        return words.say(key, **asked, reason=reasons[0] if reasons else words.say("also.no_reason"))
    best = assessment.ranked[0]
    cost, here = cost_of(best.lines), best.option.route.length_m == 0.0
    return words.say(
        "verdict.connect_here" if here and assessment.verdict == "connect" and not cost.eur else key,
        **asked,
        point=words.point(best.option),
        way_m=best.option.route.length_m,
        works=words.works(best),
        cost=words.money(cost.eur),
        low=words.money(cost.low_eur),
        high=words.money(cost.high_eur),
    )


def _head(words: Words, assessment: Assessment, context: LetterContext) -> tuple[Pair, ...]:
    development = assessment.development
    return (
        (words.say("head.reference"), context.reference or development.site_id),
        (words.say("head.issued_on"), words.messages.language.day(context.issued_on)),
        (words.say("head.valid_until"), words.messages.language.day(context.valid_until)),
        (words.say("head.site_id"), development.site_id),
        (words.say("head.site"), development.name),
    )


def _figures(words: Words, assessment: Assessment, context: LetterContext) -> tuple[Pair, ...]:
    pairs = [(words.say("figures.demand"), words.power(assessment.demand_kw))]
    if assessment.verdict in _CONNECTABLE:
        best = assessment.ranked[0]
        cost, share = cost_of(best.lines), customer_cost(best.lines)
        ready = words.ready(best.months, context.issued_on, context.figures.lead_time)
        pairs += [
            (
                words.say("figures.point"),
                words.say("figures.point_text", kind=words.kind(best.option.kind), bus_id=best.option.bus_id),
            ),
            (words.say("figures.way"), words.length(best.option.route.length_m)),
            (words.say("figures.cost"), words.money_range(cost.low_eur, cost.high_eur)),
            (words.say("figures.your_share"), words.money_range(share[0], share[2])),
            (words.say("figures.ready"), ready),
        ]
    return tuple(pairs)


def _sections(words: Words, assessment: Assessment, context: LetterContext, reason: Section) -> list[Section]:
    drawn = context.picture is not None
    told = [
        _with_dearer(words, assessment, context, reason),
        Section(words.say("section.map"), texts=() if drawn else (words.say("map.none"),), map=drawn),
        sections.needed(words, assessment.ranked[0]) if assessment.verdict in _CONNECTABLE else None,
        *sooner(words, assessment, context),
        sections.options(words, assessment),
        sections.not_offered(words, assessment),
        sections.checks(words, assessment),
        sections.demand(words, assessment),
        sections.rests_on(words, assessment, context),
        sections.validity(words, context),
    ]
    return [section for section in told if section is not None]


def _with_dearer(words: Words, assessment: Assessment, context: LetterContext, reason: Section) -> Section:
    """Where the best needs works: the first that needs none, though it is dearer."""
    other = _first_without_works(assessment)
    if other is None:
        return reason
    said = words.say(
        "also.dearer_without_works",
        point=words.point(other.option),
        cost=words.money(cost_of(other.lines).eur),
        ready=words.ready(other.months, context.issued_on, context.figures.lead_time),
    )
    return Section(reason.title, texts=(*reason.texts, said))


def _first_without_works(assessment: Assessment) -> JudgedOption | None:
    if assessment.verdict != "connect_after_works":
        return None
    return next((judged for judged in assessment.ranked if judged.fits and judged.today), None)


def _facts(assessment: Assessment, context: LetterContext) -> dict[str, object]:
    """The answer in figures with units, for systems."""
    connectable = assessment.verdict in _CONNECTABLE
    best = assessment.ranked[0] if connectable else None
    return {
        "letter_version": LETTER_VERSION,
        "reference": context.reference or assessment.development.site_id,
        "site_id": assessment.development.site_id,
        "site": assessment.development.name,
        "issued_on": context.issued_on.isoformat(),
        "valid_until": context.valid_until.isoformat(),
        "indicative": True,
        "verdict": assessment.verdict,
        "demand_kw": assessment.demand_kw,
        "best": None if best is None else _option_facts(best, context),
        "options": [
            _held_facts(judged) if held else _option_facts(judged, context)
            for judged, held in zip(assessment.ranked, sections.held_back(assessment).tolist(), strict=True)
        ],
        "not_offered": plain_rows(assessment.not_offered),
        "checks": plain_rows(assessment.checks),
        "demand": plain_rows(assessment.demand),
        "basis": dict(assessment.basis),
        **further_facts(context),
        "applications_ahead": context.applications_ahead,
        "figures": context.figures.model_dump(mode="json"),
        "network_sha256": context.network_sha256,
        "assessment_sha256": context.assessment_sha256,
        "version": context.version,
    }


def _option_facts(judged: JudgedOption, context: LetterContext) -> dict[str, object]:
    option, share, lead = judged.option, customer_cost(judged.lines), context.figures.lead_time
    return {
        "option_id": option.option_id,
        "kind": option.kind,
        "bus_id": option.bus_id,
        "voltage_kv": option.voltage_kv,
        "route_m": finite(option.route.length_m),
        "fits": judged.fits,
        "problem": option.problem,
        **_cost_facts(cost_of(judged.lines)),
        "customer_low_eur": share[0], "customer_eur": share[1], "customer_high_eur": share[2],
        "months": judged.months,
        "first_month": add_months(context.issued_on, judged.months * lead.low_factor).isoformat()[:7],
        "last_month": add_months(context.issued_on, judged.months * lead.high_factor).isoformat()[:7],
        "measures": [measure.measure_id for measure in judged.measures],
        "against": plain_rows(judged.blocked),
        "bill": [
            {
                "item": line.item, "type_id": line.type_id, "quantity": line.quantity, "unit": line.unit,
                "use": line.use, "customer_share": line.customer_share, **_cost_facts(line.cost),
            }
            for line in judged.lines
        ],
    }  # fmt: skip


def _held_facts(judged: JudgedOption) -> dict[str, object]:
    """An option without figures: the data of its feeder are too weak."""
    option = judged.option
    return {"option_id": option.option_id, "kind": option.kind, "bus_id": option.bus_id, "held_back": True}


def _cost_facts(cost: Cost) -> dict[str, float]:
    return {"cost_low_eur": cost.low_eur, "cost_eur": cost.eur, "cost_high_eur": cost.high_eur}
