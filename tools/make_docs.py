"""Make `docs/tables.md` and `docs/quality.md` from the declarations, so that they are always true."""

from __future__ import annotations

from pathlib import Path

from capacity.data_quality import ALL_RULES
from gis.quality import LEVELS, QualityRule
from gis.schema import SCHEMA_VERSION, TABLES, Column, Table

DOCS = Path(__file__).resolve().parents[1] / "docs"


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


def quality_page() -> str:
    """The page of quality rules as text."""
    parts = [
        "# Quality rules",
        "",
        f"{len(ALL_RULES)} rules, made from the registry (`gis/quality`, `gridmodel/rules.py`,",
        "`gridmodel/soundness.py`) by `make docs`; do not edit. A finding carries the name of its rule.",
        "An error of an element costs that element in an import, and refuses the file in `check`; a warning",
        "is a doubt. A level is passed when no error speaks against the file there or below; 5 and 6 are",
        "looked at by solving. Bounds stand in `gis/quality/bounds.toml`, `--bounds` sets your own;",
        "scores of feeders `gis/quality/score.py` and `score.toml`.",
    ]
    for level, name in LEVELS.items():
        rules = [rule for rule in ALL_RULES if rule.level == level]
        parts += ["", f"## Level {level}: {name}", ""]
        parts += ["| rule | severity | tables | finds | why it matters | what to do | source of the bound |"]
        parts += ["|---|---|---|---|---|---|---|", *(_rule(rule) for rule in rules)]
    return "\n".join(parts) + "\n"


def _rule(rule: QualityRule) -> str:
    of = ", ".join(rule.tables)
    told = rule.severity if rule.stage == "check" else f"{rule.severity}, told in {rule.stage}"
    cells = (f"`{rule.name}`", told, of, rule.about, rule.why, rule.remedy, rule.source)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


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
    (DOCS / "tables.md").write_text(tables_page(), encoding="utf-8")
    (DOCS / "quality.md").write_text(quality_page(), encoding="utf-8")
