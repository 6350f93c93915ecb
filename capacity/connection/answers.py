"""`Answers`: what else is said of an application beside its verdict, together, and as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from capacity.connection.assessment import Assessment
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.flexible import FlexibleSupply, flexible_supply
from capacity.connection.phasing import Phasing, homes_before_works
from capacity.connection.site_cases import ConnectionConfig, with_assumptions
from capacity.connection.turning import flexible_option, what_would_turn
from gridmodel.profile_set import ProfileSet

_FLEXIBLE_FIGURES = (
    "option_id", "demand_kw", "asked_kwh", "delivered_kwh", "curtailed_kwh", "hours", "share",
    "largest_cut_kw", "fed_kwh", "feed_curtailed_kwh", "feed_hours", "firm_kw", "valley_kw", "window",
    "unsolved",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Answers:
    """Further answers to one application.

    Attributes
    ----------
    flexible
        None where the best option is the cheapest, so that nothing has to be flexible.
    turning
        Columns `turning.TURNING_COLUMNS`.
    """

    assessment: Assessment
    phasing: Phasing
    flexible: FlexibleSupply | None
    turning: pd.DataFrame


def answers_of(
    grid: ConnectionGrid,
    assessment: Assessment,
    config: ConnectionConfig | None = None,
    *,
    profiles: ProfileSet | None = None,
) -> Answers:
    """Answer what can be live before which works, what is possible now, and what would turn the answer.

    Parameters
    ----------
    assessment
        Of the application on the same grid.
    profiles
        Hours that a flexible supply is looked at in; a year of the shipped best estimate when absent.
    """
    development = assessment.development
    known = grid if config is None else with_assumptions(grid, config)
    phasing = homes_before_works(known, development, config, assessment=assessment)
    option = flexible_option(assessment)
    flexible = None
    if option is not None:
        flexible = flexible_supply(known, development, option, profiles=profiles)
    turning = what_would_turn(known, development, assessment, config, phasing=phasing, flexible=flexible)
    return Answers(assessment, phasing, flexible, turning)


def answers_values(answers: Answers) -> dict[str, object]:
    """The answers as values for JSON."""
    flexible = answers.flexible
    return {
        "phasing": {
            "sentence": answers.phasing.sentence,
            "unit": answers.phasing.unit,
            "total": answers.phasing.total,
            "stages": _records(answers.phasing.stages),
            "phases": _records(answers.phasing.phases),
        },
        "flexible": None
        if flexible is None
        else {
            "sentence": flexible.sentence,
            **{name: getattr(flexible, name) for name in _FLEXIBLE_FIGURES},
            "by_month": _records(flexible.by_month),
            "binding": _records(flexible.binding),
        },
        "turning": _records(answers.turning),
    }


def answers_lines(answers: Answers) -> list[str]:
    """The answers as lines for people."""
    lines = [f"In phases: {answers.phasing.sentence}"]
    for row in answers.phasing.phases.itertuples():
        start = f"; order by {row.start_by}" if row.start_by else ""
        lines.append(f"  {row.year}: {100.0 * row.share:.0f} %, {row.demand_kw:,.0f} kW: {row.works}{start}")
    if answers.flexible is None:
        lines.append("Flexible supply: nothing cheaper would be gained by one")
    else:
        lines.append(f"Flexible supply: {answers.flexible.sentence}")
    lines.append("What would turn the answer:" if len(answers.turning) else "Nothing was found to try")
    return [*lines, *(f"  {line}" for line in _turning_lines(answers.turning))]


def with_answers(
    report: tuple[dict[str, object], list[str]], answered: Sequence[Answers]
) -> tuple[dict[str, object], list[str]]:
    """A report of `feederplan connect` with the answers of every site."""
    values, lines = report
    said = [line for one in answered for line in answers_lines(one)]
    if "sites" not in values:
        return values | {"answers": answers_values(answered[0])}, [*lines, *said]
    by_site = {one.assessment.development.site_id: answers_values(one) for one in answered}
    return values | {"answers": by_site}, [*lines, *said]


def _turning_lines(turning: pd.DataFrame) -> list[str]:
    return [
        f"{'yes' if row.turned else 'no':4} {row.text}: {row.verdict}"
        + (f", {row.cost_eur:,.0f}" if pd.notna(row.cost_eur) else "")
        for row in turning.itertuples()
    ]


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    return table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[return-value]
