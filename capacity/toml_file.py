"""Figures from TOML files into checked values: one report with every fault of a file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gis import InputError
from gis.findings import make_findings

Figures = TypeVar("Figures", bound=BaseModel)


def read_figures(path: Path, model: type[Figures], *, subject: str, rule: str) -> Figures:
    """Read a TOML file into its model.

    Parameters
    ----------
    subject
        What the figures are, as the findings' table.
    rule
        Name of the findings' rule for a figure that makes no sense.

    Raises
    ------
    InputError
        The file is not readable or a figure makes no sense; every fault is named.
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"not TOML or not readable as TOML: {error}"
        raise InputError(str(path), make_findings("file_damaged", subject, [""], message)) from error
    except ValidationError as error:
        places = [".".join(map(str, fault["loc"])) for fault in error.errors()]
        messages = [fault["msg"] for fault in error.errors()]
        values = [_shown(fault["input"]) for fault in error.errors()]
        raise InputError(str(path), make_findings(rule, subject, places, messages, values=values)) from error


def shipped_names(folder: Path, suffix: str = ".toml") -> tuple[str, ...]:
    """Names of the TOML files, or of another suffix, that ship in a folder."""
    return tuple(sorted(path.stem for path in folder.glob(f"*{suffix}")))


def shipped_or_own(
    named: str | Path,
    folder: Path,
    *,
    what: str,
    heading: str,
    subject: str,
    rule: str,
    suffix: str = ".toml",
) -> Path:
    """Path of a file that ships in a folder by its name, or of a user's own.

    Parameters
    ----------
    what
        What such a file is, as in "no such scenario or file".
    heading, subject
        What the error is about, and the finding's table.
    rule
        Name of the finding's rule where there is neither.

    Raises
    ------
    InputError
        There is neither; the names that ship are told.
    """
    names = shipped_names(folder, suffix)
    path = folder / f"{named}{suffix}" if str(named) in names else Path(named)
    if not path.is_file():
        message = f"no such {what} or file; shipped {what}s: {', '.join(names)}"
        raise InputError(heading, make_findings(rule, subject, [str(named)], message))
    return path


def _shown(value: object) -> object:
    """The offending figure; nothing where a whole block is meant."""
    return value if isinstance(value, str | int | float) else None
