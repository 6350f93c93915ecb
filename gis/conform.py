"""Bring one raw layer into its canonical form: columns, types, bounds, defaults, ids.

Looks at one table at a time. What spans tables is in `gis.rules`; what spans layers' CRS in `gis.crs`.
Nothing is guessed: a cell that cannot be read as its column's kind is a fault with its id.
"""

from __future__ import annotations

from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import shapely

from gis.findings import findings_of, join_findings, make_findings
from gis.numbers import read_numbers
from gis.schema import Column, Table

TRUE_WORDS = {"true", "t", "yes", "y", "1", "1.0"}
FALSE_WORDS = {"false", "f", "no", "n", "0", "0.0"}
# So many rows negative without exception are a convention, one or two may be slips (engineering judgement).
_ROWS_FOR_SIGN = 3
_EXACT_BELOW = 2.0**53  # whole floats below it are exact


def conform_table(raw: gpd.GeoDataFrame | pd.DataFrame, table: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Type one raw layer by its declaration.

    Parameters
    ----------
    raw
        Layer as it was read, ids as ordinary column.
    table
        Declaration of the canonical table.

    Returns
    -------
    frame, findings
        Frame with all canonical columns (and the file's further ones after them), indexed by id;
        cells that could not be read are missing in it and named in the findings.
    """
    if raw.empty and table.id_column not in raw.columns:  # GeoJSON keeps no columns without rows
        return _empty_like(table, raw), join_findings([])
    missing = [c for c in table.columns if c.required and c.name not in raw.columns]
    parts = [_missing_columns(table, missing, list(raw.columns))]
    if table.columns[0] in missing:
        return _empty_like(table, raw), parts[0]
    ids, findings = _read_ids(raw[table.id_column], table)
    parts.append(findings)
    columns: dict[str, pd.Series] = {}
    for column in table.columns[1:]:
        if column.name in raw.columns:
            columns[column.name], faults = _read_column(raw[column.name].set_axis(ids), column, table.name)
            parts.append(faults)
        else:  # a required column that is missing as a whole is one fault, not one per row
            columns[column.name] = _with_default(_nothing(column, ids), column)
    frame = _assemble(raw, table, ids, columns)
    parts.append(_check_alternatives(frame, table))
    return frame, join_findings(parts)


def empty_table(table: Table, crs: object) -> pd.DataFrame:
    """Return the table without rows: all canonical columns, right dtypes."""
    raw = pd.DataFrame({column.name: pd.Series(dtype=object) for column in table.columns})
    if table.has_geometry:
        raw = gpd.GeoDataFrame(raw, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
    return conform_table(raw, table)[0]


def _empty_like(table: Table, raw: pd.DataFrame) -> pd.DataFrame:
    return empty_table(table, raw.crs if isinstance(raw, gpd.GeoDataFrame) else None)


def _assemble(raw: pd.DataFrame, table: Table, ids: pd.Index, columns: dict[str, pd.Series]) -> pd.DataFrame:
    known = {column.name for column in table.columns} | {"geometry"}
    extra = {name: raw[name].set_axis(ids) for name in raw.columns if name not in known}
    frame = pd.DataFrame({**columns, **extra}, index=ids)
    if not table.has_geometry:
        return frame
    geometry = cast(gpd.GeoDataFrame, raw).geometry
    return gpd.GeoDataFrame(frame, geometry=_plain_geometry(geometry.array), crs=geometry.crs)


def _plain_geometry(geometry: gpd.array.GeometryArray) -> np.ndarray:
    """Geometry in two dimensions; a multi-part geometry of one part, or of parts that meet, is one."""
    flat = np.array(geometry, dtype=object)
    deep = shapely.has_z(flat)
    flat[deep] = shapely.force_2d(flat[deep])
    several = np.flatnonzero(np.isin(shapely.get_type_id(flat), (4, 5)))
    single = several[shapely.get_num_geometries(flat[several]) == 1]
    flat[single] = shapely.get_geometry(flat[single], 0)
    parted = several[shapely.get_type_id(flat[several]) == shapely.GeometryType.MULTILINESTRING]
    flat[parted] = _merged(flat[parted])
    return flat


def _merged(parted: np.ndarray) -> np.ndarray:
    """Lines whose parts meet end to end as one, from where the first part begins; others as they are."""
    whole = shapely.line_merge(parted)
    begins = shapely.get_point(shapely.get_geometry(parted, 0), 0)
    turned = shapely.equals(shapely.get_point(whole, -1), begins)
    whole = np.where(turned, shapely.reverse(whole), whole)
    return np.where(shapely.get_type_id(whole) == shapely.GeometryType.LINESTRING, whole, parted)


def _missing_columns(table: Table, missing: list[Column], found: list[str]) -> pd.DataFrame:
    messages = [
        f"column {c.name!r} is missing ({c.meaning}{f', in {c.unit}' if c.unit else ''}); "
        f"add it or map it from one of: {', '.join(sorted(found)) or 'no columns at all'}"
        for c in missing
    ]
    return make_findings("missing_column", table.name, [""] * len(missing), messages)


def _read_ids(source: pd.Series, table: Table) -> tuple[pd.Index, pd.DataFrame]:
    text = as_text(source)
    index = pd.Index(text.to_numpy(), name=table.id_column)
    rows = np.flatnonzero(text.isna())
    absent = make_findings(
        "missing_id",
        table.name,
        [f"row {row + 1}" for row in rows],
        f"the {table.id_column} is missing; give each row its own id",
    )
    duplicated = text[text.duplicated(keep=False) & text.notna()]
    counts = duplicated.value_counts(sort=False)
    twice = make_findings(
        "duplicate_id",
        table.name,
        counts.index,
        f"the same {table.id_column} stands in several rows; give each row its own id",
        values=[f"{count} rows" for count in counts],
    )
    return index, join_findings([absent, twice])


def _read_column(source: pd.Series, column: Column, table: str) -> tuple[pd.Series, pd.DataFrame]:
    rewritten = np.zeros(len(source), dtype=bool)
    if column.kind in ("number", "integer"):
        values, unreadable, rewritten = _as_number(source, whole=column.kind == "integer")
    elif column.kind == "boolean":
        values, unreadable = _as_boolean(source)
    else:
        values = as_text(source)
        unreadable = _outside_choices(values, column)
    parts = [_unreadable(source, unreadable, column, table)]
    if column.kind in ("number", "integer"):
        parts.append(decimal_comma_findings(source[rewritten], column.name, table))
        values, reversed_sign = _with_own_sign(values, column, table)
        parts.append(reversed_sign)
        parts.append(_outside_bounds(values, column, table))
    if column.required:
        parts.append(_missing_cells(values, unreadable, column, table))
    return _with_default(values, column), join_findings(parts)


def as_text(source: pd.Series) -> pd.Series:
    """Text without surrounding blanks; whole floats lose their '.0', blanks become missing."""
    if pd.api.types.is_float_dtype(source.dtype):
        whole = source.notna() & (source == source.round()) & (source.abs() < _EXACT_BELOW)
        source = source.astype(object).where(~whole, source.where(whole, 0).astype("int64").astype(object))
    present = source.notna()
    text = source.astype(object).where(present, None)
    if pd.api.types.infer_dtype(text, skipna=True) != "string":
        text = text.map(str, na_action="ignore")
    text = _stripped(text) if len(text) and present.any() else text
    return text.astype(object).where(text.notna() & (text != ""), None)


def _stripped(text: pd.Series) -> pd.Series:
    """Text without surrounding blanks: most columns have none, which Arrow tells at once."""
    try:
        array = pa.array(text.to_numpy(), type=pa.string(), from_pandas=True)
    except (pa.ArrowInvalid, UnicodeEncodeError):  # what is no text for Arrow
        return text.str.strip()
    return text if pc.utf8_trim_whitespace(array).equals(array) else text.str.strip()


def decimal_comma_findings(cells: pd.Series, column: str, table: str) -> pd.DataFrame:
    """Say which cells, indexed by id, were read with a decimal comma or thousands separators."""
    message = (
        f"{column} is written with a decimal comma or separators between thousands; check how it was read"
    )
    return make_findings(
        "decimal_comma", table, cells.index, message, severity="warning", values=[repr(v) for v in cells]
    )


def _as_number(source: pd.Series, *, whole: bool) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Cells as numbers; which of them are none, and which were written with a decimal comma or so."""
    given = source.notna().to_numpy(dtype=bool)
    numbers, rewritten = read_numbers(source)
    finite = np.isfinite(numbers.to_numpy())
    bad = given & ~finite
    bad[bad] = as_text(source[bad]).notna()  # blanks are missing, not unreadable
    if whole:
        bad |= finite & (numbers != numbers.round()).to_numpy()
    return (numbers.mask(bad) if bad.any() else numbers), bad, rewritten


def _nothing(column: Column, ids: pd.Index) -> pd.Series:
    """Cells of a column the file does not have."""
    if column.kind in ("number", "integer"):
        return pd.Series(np.nan, ids)
    return pd.Series(None, ids, dtype=object)


def _with_own_sign(values: pd.Series, column: Column, table: str) -> tuple[pd.Series, pd.DataFrame]:
    """Power that is negative in every row follows another sign convention: a whole column is no slip."""
    known = values.dropna()
    if column.name != "p_kw" or len(known) < _ROWS_FOR_SIGN or not (known < 0.0).all():
        return values, join_findings([])
    message = (
        f"p_kw is negative in all {len(known)} rows and was read without the sign: "
        "is it reversed? Map the column with factor = -1 if so, and correct the source if not"
    )
    return -values, make_findings("sign_reversed", table, [""], message, severity="warning")


def _as_boolean(source: pd.Series) -> tuple[pd.Series, np.ndarray]:
    if pd.api.types.is_bool_dtype(source.dtype) and not source.isna().any():
        return source.astype(object), np.zeros(len(source), dtype=bool)
    text = as_text(source).map(str.lower, na_action="ignore")
    values = text.map(lambda t: True if t in TRUE_WORDS else False if t in FALSE_WORDS else None)
    return values.astype(object), (text.notna() & values.isna()).to_numpy(dtype=bool)


def _outside_choices(values: pd.Series, column: Column) -> np.ndarray:
    if not column.choices:
        return np.zeros(len(values), dtype=bool)
    return (values.notna() & ~values.isin(column.choices)).to_numpy(dtype=bool)


def _unreadable(source: pd.Series, bad: np.ndarray, column: Column, table: str) -> pd.DataFrame:
    if column.choices:
        wanted = f"one of: {', '.join(column.choices)}"
    elif column.kind == "boolean":
        wanted = "true or false"
    else:
        wanted = f"a {'whole number' if column.kind == 'integer' else 'number'}"
        wanted += f" in {column.unit}" if column.unit else ""
        wanted += " with a decimal point"
    ids, values = source.index[bad], [repr(v) for v in source[bad]]
    return make_findings("unreadable_cell", table, ids, f"{column.name} is not {wanted}", values=values)


def _outside_bounds(values: pd.Series, column: Column, table: str) -> pd.DataFrame:
    bad = np.zeros(len(values), dtype=bool)
    words = []
    for bound, broken, sign in (
        (column.low, values.lt, ">="),
        (column.above, values.le, ">"),
        (column.high, values.gt, "<="),
    ):
        if bound is not None:
            bad |= broken(bound).to_numpy(dtype=bool)
            words.append(f"{sign} {bound:g}")
    message = f"{column.name} must be {' and '.join(words)} {column.unit}".rstrip() + "; check the unit"
    return findings_of("out_of_range", table, values[bad], message)


def _missing_cells(values: pd.Series, unreadable: np.ndarray, column: Column, table: str) -> pd.DataFrame:
    absent = values.isna().to_numpy(dtype=bool) & ~unreadable
    unit = f" in {column.unit}" if column.unit else ""
    message = f"{column.name} is missing; give the {column.meaning}{unit}"
    return make_findings("missing_value", table, values.index[absent], message)


def _with_default(values: pd.Series, column: Column) -> pd.Series:
    if column.kind == "boolean":
        fill = True if column.default is None else bool(column.default)
        return values.where(values.notna(), fill).astype(bool)
    if column.kind == "integer":
        whole = values.astype("Int64")
        return whole if column.default is None else whole.fillna(int(cast(int, column.default)))
    if column.kind == "number":
        numbers = values.astype(float)
        return numbers if column.default is None else numbers.fillna(float(cast(float, column.default)))
    return values.astype(object)


def _check_alternatives(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    if not table.one_of or frame.empty:
        return make_findings("missing_value", table.name, [], "")
    filled = np.zeros(len(frame), dtype=bool)
    for group in table.one_of:
        filled |= frame[list(group)].notna().all(axis=1).to_numpy(dtype=bool)
    wanted = " or ".join(", ".join(group) for group in table.one_of)
    return make_findings("missing_value", table.name, frame.index[~filled], f"give {wanted}")
