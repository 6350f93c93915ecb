"""Make `docs/tables.md` from the declaration of the canonical tables, so that it is always true."""

from __future__ import annotations

from pathlib import Path

from gis.schema import SCHEMA_VERSION, TABLES, Column, Table

TARGET = Path(__file__).resolve().parents[1] / "docs" / "tables.md"


def tables_page() -> str:
    """The page as text."""
    parts = [
        "# Canonical tables",
        "",
        f"Schema version {SCHEMA_VERSION}. Made from `gis/schema.py` by `make docs`; do not edit.",
        "A file holds one layer per table (GeoPackage), or one `<table>.geojson` (folder). Ids are text and",
        "unique in their table. Columns marked * are required. Further columns are kept as they are.",
    ]
    for table in TABLES.values():
        parts += ["", *_section(table)]
    return "\n".join(parts) + "\n"


def _section(table: Table) -> list[str]:
    required = "required layer" if table.required else "optional layer"
    lines = [f"## {table.name}", "", f"{table.geometry}, {required}: {table.meaning}.", ""]
    if table.one_of:
        groups = " or ".join("`" + "`, `".join(group) + "`" for group in table.one_of)
        lines += [f"Each row gives {groups}.", ""]
    lines += ["| column | kind | unit | allowed | default | meaning |", "|---|---|---|---|---|---|"]
    return lines + [_row(column) for column in table.columns]


def _row(column: Column) -> str:
    star = "*" if column.required else ""
    default = "" if column.default is None else str(column.default)
    cells = (f"`{column.name}`{star}", column.kind, column.unit, _allowed(column), default, column.meaning)
    return f"| {' | '.join(cells)} |"


def _allowed(column: Column) -> str:
    if column.choices:
        return ", ".join(column.choices)
    if column.refers_to:
        return f"id in {column.refers_to}"
    bounds = [(">=", column.low), (">", column.above), ("<=", column.high)]
    return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


if __name__ == "__main__":
    TARGET.write_text(tables_page(), encoding="utf-8")
