"""The words of a mapping file, and their check: every fault of the file at once.

name = "town GIS"
crs = "EPSG:27700"                                # of layers that declare none
[source]                                          # what the file cannot say about its text
encoding = "gb18030"
decimal = ","
[codes.state]                                     # code tables used by name
closed = true
open = false

[[tables]]
table = "lines"
layer = "cables"                                  # upper and lower case are one
where = { status = ["in use"] }                   # rows to take; all when absent
joins = [{ layer = "units", on = "id", key = "cable_id", aggregate = "sum" }]
geometry = { layer = "nodes", key = "nr", from = "a", to = "b" }
[tables.columns]
line_id = "id"                                    # as it stands
length_m = { column = "length_km", factor = 1000 }
in_service = { column = "state", codes = "state", default = true }
r_ohm_per_km = { column = "r_ohm", divide = "length_km" }
i_max_a = { column = "units.rated" }              # of a joined layer
vn_kv = { value = 0.4 }                           # the same in every row
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.source import Dialect
from gis.schema import TABLES

Cell = bool | int | float | str


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class ColumnSource(_Words):
    """Where a canonical column comes from, and how it is read.

    One of `column`, `sum` (of columns), `hypot` (root of the sum of squares) or `value`; then `codes`,
    `divide` (by a column) and `factor`; `default` where the cell is empty.
    """

    column: str | None = None
    sum: list[str] = Field(default_factory=list)
    hypot: list[str] = Field(default_factory=list)
    value: Cell | None = None
    codes: dict[str, Cell] | str = Field(default_factory=dict)
    divide: str | None = None
    factor: float | None = Field(default=None, allow_inf_nan=False)
    default: Cell | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnSource:
        if sum(bool(given) for given in (self.column, self.sum, self.hypot, self.value is not None)) != 1:
            raise ValueError("give one of column, sum, hypot or value")
        if self.factor == 0.0:
            raise ValueError("factor must be a number other than 0")
        return self

    @property
    def columns(self) -> list[str]:
        """Every source column it reads."""
        return [
            *([self.column] if self.column else []),
            *self.sum,
            *self.hypot,
            *([self.divide] if self.divide else []),
        ]


class Join(_Words):
    """A layer whose columns are brought in as "layer.column": its `key` is the value of `on` here."""

    layer: str
    on: str
    key: str
    aggregate: Literal["first", "sum"] = "first"


class GeometrySource(_Words):
    """Where rows without geometry stand.

    Coordinates in columns (`x`, `y`), text (`wkt`), or the place of another layer's row: a point (`from`)
    or a straight line (`from`, `to`); `x` and `y` are then columns of that layer, unless it has geometry.
    """

    x: str | None = None
    y: str | None = None
    wkt: str | None = None
    layer: str | None = None
    key: str | None = None
    start: str | None = Field(default=None, alias="from")
    end: str | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _complete(self) -> GeometrySource:
        borrowed = self.layer is not None and self.key is not None and self.start is not None
        own = self.layer is None and self.key is None and self.start is None and self.end is None
        placed = self.x is not None and self.y is not None
        if (self.x is None) != (self.y is None) or not (
            borrowed or (own and placed != (self.wkt is not None))
        ):
            raise ValueError("give x and y, or wkt, or layer, key and from (and to)")
        return self


class TableSource(_Words):
    """Where a canonical table comes from."""

    table: str
    layer: str = Field(min_length=1)
    columns: dict[str, ColumnSource] = Field(default_factory=dict)
    where: dict[str, list[Cell]] = Field(default_factory=dict)
    joins: list[Join] = Field(default_factory=list)
    geometry: GeometrySource | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: object) -> object:
        """`line_id = "id"` is a column, `where = {a = 1}` a list of one."""
        if not isinstance(given, dict):
            return given
        columns, kept = given.get("columns"), given.get("where")
        if isinstance(columns, dict):
            given = given | {
                "columns": {c: {"column": v} if isinstance(v, str) else v for c, v in columns.items()}
            }
        if isinstance(kept, dict):
            given = given | {"where": {c: v if isinstance(v, list) else [v] for c, v in kept.items()}}
        return given

    @model_validator(mode="after")
    def _known(self) -> TableSource:
        if self.table not in TABLES:
            raise ValueError(f"table {self.table!r} is none of {', '.join(TABLES)}")
        known = {column.name for column in TABLES[self.table].columns}
        lost = [c for c in self.columns if c not in known]
        if lost:
            raise ValueError(f"{self.table} has no column {', '.join(map(repr, lost))}")
        return self


class TextSource(_Words):
    """How the text of Shapefile and CSV is to be read; see `gis.formats.source.Dialect`."""

    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    decimal: Literal[".", ","] | None = None


class LayerMapping(_Words):
    """A mapping file, read and checked."""

    name: str = ""
    crs: str | None = None
    source: TextSource = Field(default_factory=TextSource)
    codes: dict[str, dict[str, Cell]] = Field(default_factory=dict)
    tables: list[TableSource] = Field(min_length=1)

    @model_validator(mode="after")
    def _codes_known(self) -> LayerMapping:
        used = {c.codes for t in self.tables for c in t.columns.values() if isinstance(c.codes, str)}
        lost = sorted(used - set(self.codes))
        if lost:
            raise ValueError(f"there is no [codes.{lost[0]}]; add the code table")
        return self

    def dialect(self) -> Dialect:
        """How the text of the file is to be read."""
        return Dialect(self.source.encoding, self.source.delimiter, self.source.decimal)

    def codes_of(self, column: ColumnSource) -> dict[str, Cell]:
        """The code table of a column, by name or in place."""
        return self.codes[column.codes] if isinstance(column.codes, str) else column.codes


def read_mapping(path: Path) -> LayerMapping:
    """Read a mapping file.

    Raises
    ------
    InputError
        It is no TOML, or names unknown tables, columns or words; every fault is named.
    """
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise _refusal(str(path), [f"the file is no readable TOML: {error}"]) from error


def parse_mapping(text: str, source: str) -> LayerMapping:
    """Read the text of a mapping file; see `read_mapping`."""
    try:
        return LayerMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _refusal(source, [f"the file is no readable TOML: {error}"]) from error
    except ValidationError as error:
        raise _refusal(source, list(dict.fromkeys(_told(fault) for fault in error.errors()))) from error


def _told(fault: ErrorDetails) -> str:
    place = [str(part + 1) if isinstance(part, int) else str(part) for part in fault["loc"]]
    if "codes" in place:  # the kinds it may be are no place in the file
        place = place[: place.index("codes") + 1]
        return f"{'.'.join(place)}: codes must be a table of text = value, or the name of one"
    where = ".".join(place)
    if where == "tables":
        return "it maps no table; add a [[tables]] with table, layer and columns"
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown word {place[-1]!r}"
    if fault["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}".removeprefix(": ")


def _refusal(source: str, faults: list[str]) -> InputError:
    return InputError(source, make_findings("mapping", "mapping", [""] * len(faults), faults))
