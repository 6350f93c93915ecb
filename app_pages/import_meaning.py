"""Step 2 of the import: which layer is which table, which column is which, what codes mean, which CRS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import pandas as pd
import streamlit as st

from app_pages.frame import Columns, plain
from capacity.import_session import ImportChoices, Upload, crs_title, known_format, with_tolerances
from capacity.mapping_draft import (
    Draft,
    Layers,
    code_rows,
    coded_columns,
    column_rows,
    draft_of,
    is_canonical,
    lacking,
    meanings,
    needs_crs,
    propose,
    source_columns,
    with_codes,
    with_coordinates,
    with_rows,
    without_place,
)
from gis import TABLES, InputError, render_findings
from gis.mapping import LayerMapping, find_mapping, mapping_toml, parse_mapping, profile_names
from gis.mapping.grammar import TableSource
from gis.topology import TopologyOptions

if TYPE_CHECKING:
    from streamlit.elements.lib.column_types import ColumnConfig

PROPOSE, CANONICAL, MINE, PROFILE = "propose", "canonical", "mine", "profile"
WAYS = {
    PROPOSE: "Propose it from names and values, and let me correct it",
    CANONICAL: "The tables are feederplan's own already",
    MINE: "I have a mapping file",
    PROFILE: "It is a known format",
}
LEFT_OUT = "leave out"
Split = Literal["service", "all", "none"]
SPLITS: dict[Split, str] = {
    "service": "service lines to homes only",
    "all": "all lines",
    "none": "no line: it is named, and stays apart",
}


def ask_meaning(upload: Upload) -> ImportChoices | None:
    """Ask for mapping, coordinate system and tolerances; nothing while something needed is missing."""
    layers = upload.source.layers
    way = _ask_way(upload)
    draft = None if way == CANONICAL else _draft(upload, way)
    mapping, whole = (None, True) if draft is None else _ask_columns(layers, draft)
    if way != CANONICAL and (draft is None or mapping is None):
        return None
    crs, settled = _ask_crs(layers, mapping)
    topology = _ask_tolerances()
    return ImportChoices(mapping, crs, topology) if whole and settled else None


def _ask_way(upload: Upload) -> str:
    ways = [PROPOSE, MINE, *([PROFILE] if profile_names() else [])]
    if is_canonical(upload.source.layers):
        ways.insert(0, CANONICAL)
    elif known_format(upload.source):
        ways.remove(PROFILE)
        ways.insert(0, PROFILE)
    way: str = st.radio(
        "How shall layers and columns be understood?",
        ways,
        format_func=WAYS.__getitem__,
        key=f"import_way_{upload.key}",
    )
    return way


def _draft(upload: Upload, way: str) -> Draft | None:
    """The mapping to start from; nothing while it has to be chosen, or is faulty."""
    layers = upload.source.layers
    if way == PROPOSE:
        return _ask_layers(upload)
    try:
        mapping = _ask_profile(upload) if way == PROFILE else _ask_file()
    except InputError as error:
        _refuse("This mapping cannot be used. All faults found:", error)
        return None
    return None if mapping is None else draft_of(mapping, layers)


def _ask_profile(upload: Upload) -> LayerMapping:
    names = profile_names()
    known = known_format(upload.source)
    start = names.index(known) if known in names else 0
    return find_mapping(st.selectbox("Format", names, index=start, key="import_profile"))


def _ask_file() -> LayerMapping | None:
    file = st.file_uploader("Mapping file", type=["toml"], key="import_mapping")
    if file is None:
        st.caption("A TOML file, like the one this page gives you at the end of an import.")
        return None
    return parse_mapping(file.getvalue().decode("utf-8", errors="replace"), file.name)


def _ask_layers(upload: Upload) -> Draft:
    """Which layer is which table; another choice makes another proposal of its columns."""
    first = _proposal(upload, {})
    tables = {} if first.mapping is None else {t.layer: t.table for t in first.mapping.tables}
    why = {layer: told for (layer, _, column), told in first.sure.items() if column == ""}
    left = {layer: ("", reason) for layer, reason in first.left}
    rows = pd.DataFrame(
        [
            (layer, len(frame), tables.get(layer, LEFT_OUT), *why.get(layer, left.get(layer, ("", ""))))
            for layer, frame in upload.source.layers.items()
        ],
        columns=["layer", "rows", "table", "how_sure", "why"],
    )
    st.caption("Which of your layers is what? Double-click under *is our table* where the proposal is wrong.")
    edited = st.data_editor(
        rows,
        hide_index=True,
        disabled=["layer", "rows", "how_sure", "why"],
        key=f"import_tables_{upload.key}",
        column_config={
            "layer": "Your layer",
            "rows": st.column_config.NumberColumn("Rows", format="localized"),
            "table": st.column_config.SelectboxColumn(
                "is our table", options=[LEFT_OUT, *TABLES], required=True
            ),
            "how_sure": "How sure",
            "why": "Why",
        },
    )
    changed = edited["table"] != rows["table"]
    decided = edited.loc[changed, "table"].replace({LEFT_OUT: ""})
    return _proposal(upload, dict(zip(edited.loc[changed, "layer"], decided, strict=True)))


def _proposal(upload: Upload, chosen: Mapping[str, str]) -> Draft:
    """A proposal for this upload and these decisions, made once."""
    kept: dict[object, Draft] = st.session_state.setdefault("import_proposals", {})
    key = (upload.key, frozenset(chosen.items()))
    if key not in kept:
        with st.spinner("Comparing names, values and places ..."):
            kept[key] = propose(upload.source.layers, upload.title, chosen)
    return kept[key]


def _ask_columns(layers: Layers, draft: Draft) -> tuple[LayerMapping | None, bool]:
    """The mapping as edited, and whether all that is needed is there."""
    if draft.mapping is None:
        st.markdown(":red[No layer looks like any of our tables: say above which is which.]")
        return None, False
    st.caption(
        "One tab for each of our tables, one row for each of our columns. Double-click a cell under "
        "*Your column* to choose the one that fills it, or to clear it. Rows without one stay empty."
    )
    tables, sound = [], True
    stamp = hashlib.sha256(f"{draft.left}{mapping_toml(draft.mapping)}".encode()).hexdigest()[:12]
    places = st.tabs([plain(f"{t.table} ({t.layer})") for t in draft.mapping.tables])
    for number, (place, table) in enumerate(zip(places, draft.mapping.tables, strict=True)):
        with place:
            edited, fits = _ask_table(layers, draft, table, key=f"import_{stamp}_{number}")
        tables.append(edited)
        sound &= fits
    mapping = draft.mapping.model_copy(update={"tables": tables})
    for name, reason in draft.left:
        st.caption(plain(f"Layer {name} is left out: {reason}"))
    missing = lacking(layers, mapping)
    if missing:
        words = "  \n".join(f":red[Missing in {plain(table)}: {plain(told)}]" for table, told in missing)
        st.markdown(words)
    return mapping, sound and not missing


def _ask_table(layers: Layers, draft: Draft, table: TableSource, *, key: str) -> tuple[TableSource, bool]:
    """One table of columns, its coordinates and codes; the mapping as it was where an entry is faulty."""
    _say_table(draft, table)
    if without_place(layers, table):
        table = _ask_coordinates(layers, table, key)
    rows = st.data_editor(
        column_rows(draft, table),
        hide_index=True,
        disabled=["column", "needed", "how_sure", "why", "meaning"],
        placeholder="",
        key=f"{key}_columns",
        column_config=_column_config(source_columns(layers, table)),
    )
    try:
        table = with_rows(table, rows)
        return _ask_codes(layers, draft, table, key), True
    except InputError as error:
        _refuse("These entries do not fit:", error)
        return table, False


def _say_table(draft: Draft, table: TableSource) -> None:
    sure, why = draft.sure.get((table.layer, table.table, ""), ("", ""))
    said = f"{table.layer} becomes {table.table}: {TABLES[table.table].meaning}."
    if sure:
        said += f" How sure: {sure} ({why})."
    if table.where:
        kept = "; ".join(f"{c} is {' or '.join(map(str, cells))}" for c, cells in table.where.items())
        said += f" Only rows where {kept}."
    st.caption(plain(said))


def _column_config(sources: list[str]) -> Columns:
    return {
        "column": st.column_config.TextColumn("Our column", width=130),
        "needed": st.column_config.TextColumn("", width=105),
        "source": st.column_config.SelectboxColumn("Your column", options=sources, width=150),
        "factor": st.column_config.NumberColumn(
            "times", help="Factor into our unit, like 1000 for km to m", width=70
        ),
        "value": st.column_config.TextColumn(
            "or this value", help="In every row without your column; in empty cells with it", width=110
        ),
        "how_sure": st.column_config.TextColumn("How sure", width=120),
        "meaning": st.column_config.TextColumn("What it is [our unit]", width=250),
        "why": st.column_config.TextColumn("Why we think so", width=380),
    }


def _ask_coordinates(layers: Layers, table: TableSource, key: str) -> TableSource:
    """Columns of coordinates of a table without geometry; a place taken from another layer is told."""
    place = table.geometry
    if place is not None and (place.layer is not None or place.wkt is not None):
        lender = f"from layer {place.layer}" if place.layer is not None else f"from the text in {place.wkt}"
        st.caption(plain(f"Its places come {lender}."))
        return table
    columns = source_columns(layers, table)
    left, right, _ = st.columns([1, 1, 2])
    given = {"x": None, "y": None} if place is None else {"x": place.x, "y": place.y}
    picked = [
        spot.selectbox(
            label,
            columns,
            index=columns.index(at) if (at := given[axis]) in columns else None,
            placeholder="choose a column",
            key=f"{key}_{axis}",
        )
        for spot, axis, label in ((left, "x", "East (x, longitude)"), (right, "y", "North (y, latitude)"))
    ]
    return with_coordinates(table, picked[0], picked[1])


def _ask_codes(layers: Layers, draft: Draft, table: TableSource, key: str) -> TableSource:
    """What the words in coded columns mean; a value without meaning is set aside at the import."""
    assert draft.mapping is not None
    columns = coded_columns(layers, draft.mapping, table)
    if not columns:
        return table
    st.caption("What the values in your columns mean. A row whose value has no meaning is set aside.")
    places = st.columns(min(3, len(columns)))
    for number, column in enumerate(columns):
        rows = code_rows(layers, draft.mapping, table, column)
        with places[number % len(places)]:
            edited = st.data_editor(
                rows,
                hide_index=True,
                disabled=["value", "rows"],
                placeholder="",
                key=f"{key}_codes_{column}_{table.columns[column].column}",
                column_config={
                    "value": str(table.columns[column].column),
                    "rows": st.column_config.NumberColumn("Rows", format="localized"),
                    "means": _meaning_column(table, column),
                },
            )
            unknown = edited.loc[edited["means"].isna() | (edited["means"] == ""), "rows"].sum()
            if unknown:
                st.markdown(f":red[{unknown:,} rows have a value without meaning.]")
        table = with_codes(draft.mapping, table, column, edited)
    return table


def _meaning_column(table: TableSource, column: str) -> ColumnConfig:
    choices = meanings(table, column)
    if choices:
        return st.column_config.SelectboxColumn(f"is our {column}", options=choices)
    return st.column_config.TextColumn(f"is our {column}")


def _ask_crs(layers: Layers, mapping: LayerMapping | None) -> tuple[str | None, bool]:
    """The system of layers that declare none, and whether nothing is left to ask; it is never guessed."""
    silent = needs_crs(layers, mapping)
    if not silent:
        return None, True
    if mapping is not None and mapping.crs:
        st.caption(plain(f"Coordinate system of {', '.join(silent)}, from the mapping: {mapping.crs}"))
        return None, True
    st.markdown(f"**Coordinate system.** The file does not say that of {plain(', '.join(silent))}.")
    epsg = st.number_input(
        "Its EPSG number",
        min_value=1024,
        max_value=998_999,
        value=None,
        step=1,
        placeholder="25832 is UTM 32N in Europe, 4326 is longitude and latitude",
        key="import_epsg",
    )
    if epsg is None:
        st.markdown(":red[Missing: the EPSG number. Ask whoever made the file; it is never guessed.]")
        return None, False
    try:
        st.caption(plain(f"EPSG:{epsg} is {crs_title(int(epsg))}"))
    except InputError as error:
        _refuse("There is no such system:", error)
        return None, False
    return f"EPSG:{int(epsg)}", True


def _ask_tolerances() -> TopologyOptions:
    usual = TopologyOptions()
    with st.expander("Line ends that nearly meet: how near is one point?"):
        st.caption(
            "Ends of lines of one voltage this close become one point where the file has no ids of buses. "
            "Every end moved is listed; ends further apart are never joined, but named when they nearly meet."
        )
        places = st.columns(3)
        low, medium, high = (
            place.number_input(
                f"{name} [m]",
                min_value=0.0,
                max_value=5.0,
                value=value,
                step=0.01,
                key=f"import_near_{number}",
            )
            for number, (place, name, value) in enumerate(
                zip(
                    places,
                    ("Low voltage", "Medium voltage", "High voltage"),
                    (usual.lv_tolerance_m, usual.mv_tolerance_m, usual.hv_tolerance_m),
                    strict=True,
                )
            )
        )
        split: Split = st.radio(
            "An end that meets another line of its voltage between its ends is joined to it for",
            list(SPLITS),
            format_func=SPLITS.__getitem__,
            key="import_split",
        )
    return with_tolerances(low, medium, high, split)


def _refuse(words: str, error: InputError) -> None:
    st.error(words)
    st.code(render_findings(error.findings), language=None, wrap_lines=True)
