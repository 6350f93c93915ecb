"""How rules say what they found: a warning per element, or one for the column when it is the column."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from gis.findings import empty_findings, make_findings
from gis.quality.bounds import bound

_NAMED_AT_MOST = 5


def told(
    rule: str, frame: pd.DataFrame, out: np.ndarray, message: str, values: Iterable[object]
) -> pd.DataFrame:
    """Warn of every row that is out; of the column as a whole when many are.

    Parameters
    ----------
    frame
        Canonical table; its index is named like its id column.
    out
        One truth value per row.
    values
        The offending value of each row that is out.

    Returns
    -------
    DataFrame
        Findings. One per row; a single one without id, naming the first, when more than `column_rows` and
        `column_share` of the table are out: then it is what the column means, and no slip.
    """
    rows = np.flatnonzero(out)
    if not len(rows):
        return empty_findings()
    table = table_of_index(frame)
    said = list(values)
    if len(rows) <= max(bound("rows", "column_rows"), bound("rows", "column_share") * len(frame)):
        return make_findings(rule, table, frame.index[rows], message, severity="warning", values=said)
    first = ", ".join(f"{i!r} ({v})" for i, v in zip(frame.index[rows], said[:_NAMED_AT_MOST], strict=False))
    whole = f"{message}; so many are that the column as a whole is in doubt"
    value = f"{len(rows):,} of {len(frame):,}: {first}, ..."
    return make_findings(rule, table, [""], whole, severity="warning", values=[value])


def table_of_index(frame: pd.DataFrame) -> str:
    """Name of the canonical table whose ids a frame's index holds."""
    return {"bus_id": "buses", "switch_id": "switches"}.get(
        str(frame.index.name), str(frame.index.name).removesuffix("_id") + "s"
    )


def figures_of(values: np.ndarray, unit: str, digits: int = 4) -> list[object]:
    """Numbers with their unit, as findings show them."""
    return [f"{value:,.{digits}g} {unit}".strip() for value in values]
