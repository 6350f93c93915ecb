"""Rules of a queue as data: which applications hold capacity for those behind them, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from capacity.demand.development import Development
from capacity.toml_file import read_figures, shipped_names, shipped_or_own
from gis import InputError
from gis.findings import make_findings

_RULES = Path(__file__).with_name("queue_rules")
DEFAULT_QUEUE_RULE = "first_come"

Holds = Literal["always", "while_valid", "never"]
State = Literal["enquiry", "quoted", "accepted", "energised", "withdrawn", "expired"]


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Judged(_Block):
    """States whose applications get an answer."""

    states: tuple[State, ...]


class Quote(_Block):
    """How long an offer holds [days], counted from the application."""

    valid_days: int = Field(ge=0)


class QueueRule(_Block):
    """One rule, by its name in words."""

    name: str = Field(min_length=1)
    source: str = Field(min_length=1)
    holds: dict[State, Holds]
    judged: Judged
    quote: Quote

    def counts(self, development: Development, as_of: date | None) -> bool:
        """Whether those behind it find it connected.

        Parameters
        ----------
        as_of
            Day the queue is looked at; None: every state is as it is written, an offer holds until it is
            set to expired.
        """
        held = self.holds.get(development.status, "never")  # type: ignore[call-overload]  # a state is a str
        if held != "while_valid" or as_of is None or development.applied_on is None:
            return bool(held != "never")
        return development.applied_on + timedelta(days=self.quote.valid_days) >= as_of

    def why_left_out(self, development: Development) -> str:
        """Why an application takes no part; "" for one that does."""
        if development.status in self.judged.states:
            return ""
        return f"{development.status}: it takes no part in the queue"


def queue_rule_names() -> tuple[str, ...]:
    """Names of the shipped rules."""
    return shipped_names(_RULES)


def read_queue_rule(rule: str | Path = DEFAULT_QUEUE_RULE) -> QueueRule:
    """Read a shipped rule by name, or a user's TOML file.

    Raises
    ------
    InputError
        No such rule or file, or figures that make no sense; every fault is named.

    Examples
    --------
    >>> read_queue_rule().holds["quoted"]
    'while_valid'
    """
    path = shipped_or_own(
        rule, _RULES, what="queue rule", heading="queue", subject="queue", rule="bad_figure"
    )
    return _read(path, path.stat().st_mtime_ns)


def in_order(developments: Iterable[Development]) -> list[Development]:
    """Applications in the order of the queue: by day, then id; without a day last.

    Raises
    ------
    InputError
        Two have one id; every such id is named.
    """
    ordered = sorted(developments, key=lambda one: (one.applied_on or date.max, one.site_id))
    ids = [one.site_id for one in ordered]
    twice = sorted({site_id for site_id in ids if ids.count(site_id) > 1})
    if twice:
        message = "several applications have this id; give each its own"
        raise InputError("queue", make_findings("duplicate_id", "sites", twice, message))
    return ordered


@lru_cache(maxsize=16)
def _read(path: Path, _stamp: int) -> QueueRule:
    return read_figures(path, QueueRule, subject="queue", rule="bad_figure")
