"""`context_of`: all that a letter says beside the assessment, from the grid that the assessment is of."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version

from capacity.connection import Assessment, assessment_record, site_power_kva
from capacity.connection.connection_grid import ConnectionGrid
from capacity.letter.figures import LetterFigures, read_letter_figures
from capacity.letter.letter import LetterContext
from capacity.letter.picture import picture_of
from capacity.network_record import network_record


def context_of(
    grid: ConnectionGrid,
    assessment: Assessment,
    *,
    issued_on: dt.date,
    reference: str = "",
    from_lines: Sequence[str] = (),
    to_lines: Sequence[str] = (),
    applications_ahead: int | None = None,
    figures: LetterFigures | None = None,
) -> LetterContext:
    """Gather the map, the hashes and the version for the letter of an assessment.

    The map solves every case of the grid once more, with the best way of connection.

    Parameters
    ----------
    issued_on
        Day of the letter; ranges of dates count from it.
    applications_ahead
        How many applications are connected in the grid already; None where nobody looked.
    """
    known = figures or read_letter_figures()
    best = assessment.ranked[0] if assessment.verdict != "undetermined" else None
    kva = site_power_kva(assessment.development, grid.cases, grid.assumptions)
    return LetterContext(
        issued_on=issued_on,
        reference=reference,
        from_lines=tuple(from_lines),
        to_lines=tuple(to_lines),
        applications_ahead=applications_ahead,
        network_sha256=str(network_record(grid.network)["sha256"]),
        assessment_sha256=sha256(json.dumps(assessment_record(assessment)).encode()).hexdigest(),
        version=f"feederplan {version('feederplan')}",
        picture=picture_of(grid, assessment.development.place, best, kva, known.map),
        figures=known,
    )
