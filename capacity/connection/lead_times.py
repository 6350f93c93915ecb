"""How long a connection takes: the stages before the works, then the works side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from capacity.assumptions import Stage, Stages
from capacity.connection.option import WorkLine

STAGE_COLUMNS = ("group", "name", "months", "start_month", "end_month", "source")
WORKS = "works"


def total_months(lines: Sequence[WorkLine], stages: Stages) -> int:
    """Months from the application until the site is supplied.

    Parameters
    ----------
    lines
        The whole bill; the longest of its items is the works programme, the others run beside it.
    """
    return int(programme(lines, stages)["end_month"].max())


def programme(lines: Sequence[WorkLine], stages: Stages) -> pd.DataFrame:
    """Stages and works with their months.

    Returns
    -------
    DataFrame
        Columns `STAGE_COLUMNS`, in the order of time: group, name, months, start_month and end_month counted
        from the application, source. The works are the last row; a bill without lines has works of 0 months.
    """
    rows: list[tuple[object, ...]] = []
    start = 0
    for group, of_group in _by_group(lines, stages).items():
        rows += [(group, one.name, one.months, start, start + one.months, one.source) for one in of_group]
        start += max(one.months for one in of_group)
    months = max((line.months for line in lines), default=0)
    longest = max(lines, key=lambda line: line.months).text if lines else "nothing is built"
    rows.append((WORKS, longest, months, start, start + months, "months of the cost table"))
    return pd.DataFrame(rows, columns=list(STAGE_COLUMNS))


def _by_group(lines: Iterable[WorkLine], stages: Stages) -> dict[str, list[Stage]]:
    """Stages that the bill asks for, per group in the order of the table."""
    items = {line.item for line in lines}
    found: dict[str, list[Stage]] = {}
    for stage in stages.stage:
        if not stage.items or items & set(stage.items):
            found.setdefault(stage.group, []).append(stage)
    return found
