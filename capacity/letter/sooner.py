"""What is possible sooner, or with one thing different: homes live before works, flexible supply, changes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from capacity.connection import Assessment
from capacity.connection.option import JudgedOption
from capacity.letter.letter import LetterContext, LetterTable, Section
from capacity.letter.plain_rows import plain_rows
from capacity.letter.sections import columns_of
from capacity.letter.words import Words

_DASH = "–"
# First of the stages of `capacity.connection.phasing`.
_AS_IT_IS = "as it is"


def sooner(words: Words, assessment: Assessment, context: LetterContext) -> Iterator[Section]:
    """Sections for those of the further answers that the context has."""
    if context.phasing is not None:
        yield _stages(words, assessment, context)
    if context.flexible is not None:
        yield _flexible(words, context)
    turning = context.turning
    if turning is not None and turning["turned"].any():
        yield _turning(words, turning[turning["turned"].astype(bool)])


def further_facts(context: LetterContext) -> dict[str, object]:
    """The same in figures; null where nobody asked."""
    phasing, flexible, turning = context.phasing, context.flexible, context.turning
    return {
        "stages": None if phasing is None else plain_rows(phasing.stages),
        "flexible": None
        if flexible is None
        else {
            "hours": flexible.hours, "curtailed_kwh": flexible.curtailed_kwh, "share": flexible.share,
            "firm_kw": flexible.firm_kw, "valley_kw": flexible.valley_kw,
        },
        "turning": None if turning is None else plain_rows(turning),
    }  # fmt: skip


def _stages(words: Words, assessment: Assessment, context: LetterContext) -> Section:
    """How much of the site can be live at each stage of its way."""
    phasing, number = context.phasing, words.messages.language.number
    assert phasing is not None  # asked before
    way = next((one for one in assessment.ranked if one.fits or not one.option.problem), None)
    rows = tuple(
        (
            _stage(words, way, str(row["stage"])),
            words.say(f"sooner.{phasing.unit}", units=int(row["units"]), total=phasing.total),
            words.power(float(row["demand_kw"])),
            # A part alone goes by another option: the stage before the connection has no cost of its own.
            *(
                (_DASH, _DASH)
                if row["stage"] == _AS_IT_IS
                else (number(float(row["cost_eur"])), number(float(row["months"])))
            ),
        )
        for _, row in phasing.stages.iterrows()
    )
    columns = columns_of(words, stage="wide", live="left", demand="right", cost="right", months="right")
    return Section(words.say("section.stages"), table=LetterTable(columns, rows))


def _stage(words: Words, way: JudgedOption | None, stage: str) -> str:
    """A stage in words: "works 2" is the second of the measures of the way."""
    name, _, number = stage.partition(" ")
    if name == "works" and way is not None:
        measure = way.measures[int(number) - 1]
        return words.say("sooner.after", work=words.work(measure.kind, measure.text, measure.to_type))
    return words.say("sooner.connection" if name == "connection" else "sooner.as_it_is")


def _flexible(words: Words, context: LetterContext) -> Section:
    flexible = context.flexible
    assert flexible is not None  # asked before
    percent = words.messages.language.number(100.0 * flexible.share, 1)
    text = words.say(
        "sooner.flexible", hours=flexible.hours, kwh=flexible.curtailed_kwh, percent=percent,
        firm=words.power(flexible.firm_kw), valley=words.power(flexible.valley_kw),
    )  # fmt: skip
    return Section(words.say("section.flexible"), texts=(text,))


def _turning(words: Words, turning: pd.DataFrame) -> Section:
    """Single changes that would make the answer a better one."""
    number = words.messages.language.number
    rows = tuple(
        (
            words.messages.or_else(f"change.{row['change']}", str(row["text"])),
            words.power(float(row["demand_kw"])),
            words.say(f"verdict.short_{row['verdict']}"),
            _DASH if pd.isna(row["cost_eur"]) else number(float(row["cost_eur"])),
            _DASH if pd.isna(row["months"]) else number(float(row["months"])),
        )
        for _, row in turning.iterrows()
    )
    columns = columns_of(words, change="wide", demand="right", answer="left", cost="right", months="right")
    return Section(words.say("section.turning"), table=LetterTable(columns, rows))
