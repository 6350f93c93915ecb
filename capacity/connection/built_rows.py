"""`BuiltRows`: what one option builds, gathered row by row and made changes of a network once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from gis.changes import NetworkChanges, cells_of, no_cells

_NO_CELLS = no_cells()  # shared: a table of changes is never changed in place

Row = dict[str, object]


@dataclass
class BuiltRows:
    """Rows to be added per table, cells to be changed, and lines to be removed."""

    buses: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    transformers: list[Row] = field(default_factory=list)
    cells: list[tuple[str, str, str, object]] = field(default_factory=list)
    removed_lines: list[str] = field(default_factory=list)

    def changes(self) -> NetworkChanges:
        """The same as changes of a network."""
        tables = {"buses": self.buses, "lines": self.lines, "transformers": self.transformers}
        return NetworkChanges(
            {table: _frame(rows) for table, rows in tables.items() if rows},
            cells_of(*self.cells) if self.cells else _NO_CELLS,
            {"lines": tuple(self.removed_lines)} if self.removed_lines else {},
        )


def _frame(rows: list[Row]) -> pd.DataFrame:
    """Rows as a table; a column that a row lacks is empty there."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: [row.get(name) for row in rows] for name in columns}, dtype=object)
