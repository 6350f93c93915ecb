"""The exception tree of feederplan. Nothing here computes.

FeederplanError                 everything we raise on purpose
|-- InputError                  input that cannot be interpreted; carries every fault as a row
`-- BalanceError                a result that does not add up; never shown as a number

A violated limit, a failed solve or an unfinished plan is a row with a status, not an exception.
"""

from __future__ import annotations

import pandas as pd

from gis.findings import render_findings


class FeederplanError(Exception):
    """Base of all errors raised by feederplan."""


class InputError(FeederplanError):
    """Input cannot be interpreted; `findings` holds one row per fault, all faults at once."""

    def __init__(self, source: str, findings: pd.DataFrame) -> None:
        self.source = source
        self.findings = findings
        count = len(findings)
        noun = "fault" if count == 1 else "faults"
        super().__init__(f"{source}: {count} {noun}\n{render_findings(findings)}")


class BalanceError(FeederplanError):
    """Energy or customers of a result do not add up: a defect of feederplan, never of the data."""
