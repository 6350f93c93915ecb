"""What may be decided of an application in which state, as data (`states.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """One decision: the states it may be taken in, and the state afterwards."""

    name: str
    from_states: tuple[str, ...]
    to_state: str
    meaning: str


@cache
def outcomes() -> dict[str, Outcome]:
    """Every decision by name.

    Examples
    --------
    >>> outcomes()["accept"].to_state
    'accepted'
    """
    declared = tomllib.loads(Path(__file__).with_name("states.toml").read_text(encoding="utf-8"))["outcome"]
    return {
        one["name"]: Outcome(one["name"], tuple(one["from"]), one["to"], one["meaning"]) for one in declared
    }


def outcomes_from(status: str) -> tuple[Outcome, ...]:
    """Decisions that may be taken of an application in a state.

    Examples
    --------
    >>> [outcome.name for outcome in outcomes_from("energised")]
    ['take_back']
    """
    return tuple(outcome for outcome in outcomes().values() if status in outcome.from_states)
