"""A plan's checkpoint: which measures each selection took, so that a run that was stopped goes on from there.

A small JSON file, whole or not there. It holds ids of measures; what they change and cost is proposed again,
and the same input proposes the same measures. A checkpoint of other input is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from capacity.costs import CostTable
from capacity.limits import Limits
from capacity.network_record import network_record
from capacity.planning.plan import PlanTerms
from capacity.planning.plan_cases import PlanCases
from gis import InputError, Network
from gis.findings import make_findings
from gis.formats.whole import write_whole

# Form of the file; raised when keys change their meaning.
VERSION = 1


@dataclass(frozen=True)
class TakenId:
    """A measure by its id, and from which year to which it is in force."""

    measure_id: str
    year: int | None
    until: int | None


@dataclass(frozen=True)
class Chosen:
    """What one selection took.

    Attributes
    ----------
    done
        Whether the selection came to its end; else it is the best it had.
    """

    taken: tuple[TakenId, ...]
    bound_eur: float | None
    done: bool


@dataclass(frozen=True)
class Checkpoint:
    """The selections of a run in their order, and where they are kept (nowhere without path)."""

    path: Path | None
    key: Mapping[str, str]
    selections: tuple[Chosen, ...] = ()

    def at(self, number: int) -> Chosen | None:
        """The selection of that number, if it was made or begun."""
        return self.selections[number] if number < len(self.selections) else None

    def with_selection(self, number: int, chosen: Chosen) -> Checkpoint:
        """Put a selection down, in the file too; those after it are void."""
        kept = Checkpoint(self.path, self.key, (*self.selections[:number], chosen))
        if self.path is not None:
            write_whole(self.path, lambda draft: draft.write_text(kept.as_text(), encoding="utf-8"))
        return kept

    def as_text(self) -> str:
        """The file's content."""
        value = {
            "version": VERSION, "key": dict(self.key), "selections": [asdict(one) for one in self.selections],
        }  # fmt: skip
        return json.dumps(value, indent=1)


def checkpoint_key(
    network: Network, cases: PlanCases, limits: Limits, terms: PlanTerms, costs: CostTable, **more: object
) -> dict[str, str]:
    """What a checkpoint belongs to, as one sha256 for each part of the input."""
    power = hashlib.sha256(np.ascontiguousarray(cases.kva).tobytes())
    power.update(cases.labels.to_csv().encode() + cases.switching.to_csv().encode())
    # How long a run may take is no part of what it answers.
    asked = terms.model_dump_json(exclude={"time_limit_s"})
    parts = {
        "network": str(network_record(network)["sha256"]),
        "cases": power.hexdigest(),
        "limits": _sha256(limits.model_dump_json()),
        "terms": _sha256(asked),
        "costs": _sha256(f"{costs.name} {costs.currency} {costs.price_year} {costs.rows.to_csv()}"),
    }
    return parts | {name: _sha256(repr(value)) for name, value in more.items()}


def open_checkpoint(path: Path | None, key: Mapping[str, str], *, resume: bool) -> Checkpoint:
    """Take up a run that was stopped, or begin one where there is no file yet.

    Parameters
    ----------
    resume
        Whether there must be one. A file that is there is never written over by a run of other input: it may
        be all that is left of one.

    Raises
    ------
    InputError
        There is nothing to take up, the file is damaged or it belongs to other input; what differs is named.
    """
    if path is None or not (resume or path.exists()):
        return Checkpoint(path, key)
    if not path.is_file():
        raise _refusal(path, ["there is no such checkpoint; leave --resume out to begin"])
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        selections = tuple(
            Chosen(tuple(TakenId(**one) for one in row["taken"]), row["bound_eur"], bool(row["done"]))
            for row in said["selections"]
        )
        version, kept = said["version"], dict(said["key"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refusal(path, [f"this is no checkpoint of a plan ({error}); name another file"]) from error
    differing = [name for name in {**kept, **key} if kept.get(name) != key.get(name)]
    if version != VERSION:
        differing.insert(0, "form of the file")
    if differing:
        message = "the checkpoint is of another {}; give the same input, or name another file"
        raise _refusal(path, [message.format(name) for name in differing])
    return Checkpoint(path, key, selections)


def _refusal(path: Path, messages: list[str]) -> InputError:
    return InputError(
        "--checkpoint", make_findings("bad_checkpoint", "plan", [str(path)] * len(messages), messages)
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
