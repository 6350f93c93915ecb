"""The words of a mapping file, and their check: every fault of the file at once.

name = "town GIS"
crs = "EPSG:27700"                                # of layers that declare none
[source]                                          # what the file cannot say about its text
encoding = "gb18030"
decimal = ","
[codes.state]                                     # code tables used by name
closed = true
"op*" = false                                     # every text that begins so
[recognised_by]                                   # a source with these columns is read by the shipped mapping
cables = ["surveyed", "circuit"]
[left_out]                                        # layers whose rows are told as not modelled, and why
capacitors = "a capacitor has no table"

[[layers]]                                        # a layer made of another, its columns named freely
name = "curves"
layer = "profiles"
columns = { id = "code", top = { max = ["p_*"] } }

[[nodes]]                                         # a layer of the nodes others name: columns id and place
name = "points"
ends = [{ layer = "cables", from = "a", to = "b", keep = { feeder = "circuit" } }]

[[tables]]
table = "lines"
layer = "cables"                                  # upper and lower case are one
optional = true                                   # a source without the layer is no fault
where = { status = ["in use"] }                   # rows to take; all when absent
joins = [{ layer = "units", as = "u", on = "id", key = "cable_id", aggregate = "sum" }]
high_first = [["u.kv", "v.kv"], ["a", "b"]]       # pairs are exchanged where the first one rises
geometry = { layer = "nodes", key = "nr", from = "a", to = "b" }
doubts = [{ column = "phases", unless = ["ABC"], rule = "phases", message = "it is modelled balanced" }]
[tables.columns]
line_id = "id"                                    # as it stands
length_m = { first = ["surveyed", "planned"], empty = [0] }    # the first that says something
in_service = { column = "state", codes = "state", default = true }
r_ohm_per_km = { column = "r_ohm", divide = "length_km" }
i_max_a = { column = "u.rated", multiply = "systems", factor = 1000 }  # of a joined layer
vn_kv = { value = 0.4 }                           # the same in every row
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.source import Dialect
from gis.schema import TABLES

Cell = bool | int | float | str


Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def named_in(text: str) -> list[str]:
    """Columns a text names in braces.

    Examples
    --------
    >>> named_in("pv={PV_p}; wind={Wind_p}")
    ['PV_p', 'Wind_p']
    """
    return re.findall(r"\{([^{}]+)\}", text)


class ColumnSource(_Words):
    """Where a column comes from, and how it is read.

    One of `column`, `first` (of several columns the first that says something), `sum` or `max` (of columns,
    `ENE_*` or `ENE_??` for many), `hypot` (root of the sum of squares), `text` (with columns in braces) or
    `value`; cells in `empty` say nothing; then `codes`, `minus`, `multiply` and `divide` (by a column) and
    `factor`; `default` where there is still nothing; `prefix` goes before the text.
    """

    column: str | None = None
    first: list[str] = Field(default_factory=list)
    sum: list[str] = Field(default_factory=list)
    max: list[str] = Field(default_factory=list)
    hypot: list[str] = Field(default_factory=list)
    value: Cell | None = None
    text: str = ""
    empty: list[Cell] = Field(default_factory=list)
    codes: dict[str, Cell] | str = Field(default_factory=dict)
    minus: str | None = None
    multiply: str | None = None
    divide: str | None = None
    factor: float | None = Field(default=None, allow_inf_nan=False)
    default: Cell | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnSource:
        lists = (self.first, self.sum, self.max, self.hypot)
        origins = (self.column, *lists, self.text, self.value is not None)
        if sum(bool(given) for given in origins) != 1:
            raise ValueError("give one of column, first, sum, max, hypot, text or value")
        if self.factor == 0.0:
            raise ValueError("factor must be a number other than 0")
        return self

    @property
    def needs(self) -> list[list[str]]:
        """What it reads: of every entry the source has at least one column."""
        single = (self.column, self.minus, self.multiply, self.divide)
        every = (*self.sum, *self.max, *self.hypot, *named_in(self.text))
        return [[name] for name in (*single, *every) if name] + ([self.first] if self.first else [])

    @property
    def columns(self) -> list[str]:
        """Every source column it may read."""
        return [name for names in self.needs for name in names]


class Join(_Words):
    """A layer whose columns are brought in as "layer.column" (or by the name `as`).

    Its `key` is the value of `on` here; of several rows the first non-empty cell, or the `sum` or `max`.
    """

    layer: str
    on: str
    key: str
    aggregate: Literal["first", "sum", "max"] = "first"
    named: str | None = Field(default=None, alias="as")

    @property
    def prefix(self) -> str:
        return f"{self.named or self.layer}."


class Doubt(_Words):
    """A warning for every row whose cell is none of `unless`; without it, whose cell is empty."""

    column: str
    unless: list[Cell] | None = None
    rule: str
    message: str


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


def _in_words(given: object) -> object:
    """The short forms of a column: its name, or names of which the first that says something counts."""
    if isinstance(given, str):
        return {"column": given}
    return {"first": given} if isinstance(given, list) else given


class Rows(_Words):
    """Rows of one layer, joined, filtered and with new columns: what a table and a made layer share."""

    layer: str = Field(min_length=1)
    optional: bool = False
    columns: dict[str, ColumnSource] = Field(default_factory=dict)
    where: dict[str, list[Cell]] = Field(default_factory=dict)
    distinct: str | None = None
    joins: list[Join] = Field(default_factory=list)
    high_first: list[Pair] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: object) -> object:
        """`line_id = "id"` is a column, `where = {a = 1}` a list of one."""
        if not isinstance(given, dict):
            return given
        columns, kept = given.get("columns"), given.get("where")
        if isinstance(columns, dict):
            given = given | {"columns": {c: _in_words(v) for c, v in columns.items()}}
        if isinstance(kept, dict):
            given = given | {"where": {c: v if isinstance(v, list) else [v] for c, v in kept.items()}}
        return given

    @property
    def needs(self) -> list[list[str]]:
        """What the rows are read from: of every entry the source has at least one column."""
        single = [*self.where, *(join.on for join in self.joins), *([self.distinct] if self.distinct else [])]
        single += [name for pair in self.high_first for name in pair]
        return [n for c in self.columns.values() for n in c.needs] + [[name] for name in single]


class LayerSource(Rows):
    """A layer made of another one, for tables and joins to read; its columns have any names."""

    name: str = Field(min_length=1)


class Ends(_Words):
    """Rows that join two nodes; `keep` gives the nodes further columns."""

    layer: str
    start: str = Field(alias="from")
    end: str | None = Field(default=None, alias="to")
    keep: dict[str, str] = Field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return [self.start, *([self.end] if self.end else []), *self.keep.values()]


class Places(_Words):
    """A layer that knows where nodes stand: its geometry, or columns of coordinates."""

    layer: str
    key: str
    x: str | None = None
    y: str | None = None


class NodesSource(_Words):
    """A layer of the nodes that rows of other layers join: `id`, what is kept, and a place.

    A node stands where `places` says, else where most of its lines end, else at a point that names it,
    else where the nearest node along the rows stands (told as a warning). `schematic` draws them in rows
    where no node has a place at all.
    """

    name: str = Field(min_length=1)
    schematic: bool = False
    ends: list[Ends] = Field(min_length=1)
    places: Places | None = None

    @property
    def kept(self) -> list[str]:
        return list(dict.fromkeys(name for ends in self.ends for name in ends.keep))


class TableSource(Rows):
    """Where a canonical table comes from."""

    table: str
    geometry: GeometrySource | None = None
    doubts: list[Doubt] = Field(default_factory=list)

    @model_validator(mode="after")
    def _known(self) -> TableSource:
        if self.table not in TABLES:
            raise ValueError(f"table {self.table!r} is none of {', '.join(TABLES)}")
        known = {column.name for column in TABLES[self.table].columns}
        lost = [c for c in self.columns if c not in known]
        if lost:
            raise ValueError(f"{self.table} has no column {', '.join(map(repr, lost))}")
        return self

    @property
    def needs(self) -> list[list[str]]:
        return [*super().needs, *([doubt.column] for doubt in self.doubts)]


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
    recognised_by: dict[str, list[str]] = Field(default_factory=dict)
    left_out: dict[str, str] = Field(default_factory=dict)
    layers: list[LayerSource] = Field(default_factory=list)
    nodes: list[NodesSource] = Field(default_factory=list)
    tables: list[TableSource] = Field(min_length=1)

    @model_validator(mode="after")
    def _codes_known(self) -> LayerMapping:
        columns = [c for rows in (*self.layers, *self.tables) for c in rows.columns.values()]
        used = {c.codes for c in columns if isinstance(c.codes, str)}
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
