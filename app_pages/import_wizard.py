"""Page "Import data": from files, with their meaning checked by a person, to a network and its faults."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app_pages.frame import Columns, plain
from app_pages.import_meaning import ask_meaning
from app_pages.import_result import show_outcome
from app_pages.session_folder import session_folder
from capacity.import_session import (
    ENCODINGS,
    SUFFIXES,
    UPLOAD_MOST_MB,
    ImportChoices,
    Outcome,
    Upload,
    layer_table,
    preview,
    read_upload,
    run_import,
)
from gis import InputError, render_findings

_WELCOME = (
    "GeoPackage, Shapefile (zipped, or its .shp, .shx, .dbf, .prj and .cpg together), GeoJSON, FlatGeobuf, "
    "GeoParquet, CSV or Excel tables with coordinates, Esri FileGDB (zipped), pandapower JSON, OpenDSS "
    "(folder zipped). "
    f"Up to {UPLOAD_MOST_MB} MB; larger files with the command feederplan import."
)
_PRIVATE = (
    "Your files stay on this server, for this browser tab alone, "
    "and are deleted a few minutes after you close it."
)


def show_import() -> None:
    """Ask for files, show what is in them, ask what it means, import, and show what became of it."""
    st.subheader("Import data")
    st.markdown("#### 1. Your files")
    upload = _ask_files()
    if upload is None:
        _show_last()
        return
    _show_found(upload)
    st.markdown("#### 2. What the columns mean")
    choices = ask_meaning(upload)
    st.markdown("#### 3. Import")
    outcome = _ask_import(upload, choices)
    if outcome is not None:
        show_outcome(upload, outcome)


def _show_last() -> None:
    """What was imported before the user looked at another page, which empties the upload."""
    done = st.session_state.get("import_outcome")
    read = st.session_state.get("import_read")
    if isinstance(done, Outcome) and isinstance(read, Upload):
        st.markdown(plain(f"Your last import: {done.title}"))
        show_outcome(read, done)


def refuse(words: str, error: InputError) -> None:
    """Show every fault as text: names in it are data, never markup."""
    st.error(words)
    st.code(render_findings(error.findings), language=None, wrap_lines=True)


def _ask_files() -> Upload | None:
    files = st.file_uploader(
        "Files of your network",
        type=list(SUFFIXES),
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MOST_MB,
        key="import_files",
    )
    if not files:
        st.caption(plain(_WELCOME))
        st.caption(_PRIVATE)
        return None
    encoding = st.session_state.get("import_encoding")
    asked = (tuple(file.file_id for file in files), encoding)
    if st.session_state.get("import_asked") != asked:
        st.session_state["import_read"] = _read(files, encoding)
        st.session_state["import_asked"] = asked
        for earlier in ("import_outcome", "import_proposals", "import_shown"):
            st.session_state.pop(earlier, None)
    read: Upload | InputError = st.session_state["import_read"]
    if isinstance(read, Upload):
        return read
    refuse("These files cannot be read. All faults found:", read)
    _ask_encoding(doubtful=False)
    return None


def _read(files: Sequence[UploadedFile], encoding: str | None) -> Upload | InputError:
    with st.spinner("Reading the files ..."):
        try:
            return read_upload(session_folder(), [(file.name, file.getvalue()) for file in files], encoding)
        except InputError as error:
            return error


def _show_found(upload: Upload) -> None:
    """What was found: layers, warnings, the first rows."""
    found = layer_table(upload.source)
    st.caption(plain(f"Found in {upload.title}: {len(found)} layers, {found['rows'].sum():,} rows."))
    config: Columns = {
        "layer": "Layer",
        "rows": st.column_config.NumberColumn("Rows", format="localized"),
        "geometry": "Geometry",
        "crs": "Coordinate system",
        "columns": "Columns",
    }
    st.dataframe(found, hide_index=True, column_config=config, key="import_layers")
    findings = upload.source.findings
    if len(findings):
        st.warning(f"{len(findings)} doubts while reading:")
        st.code(render_findings(findings), language=None, wrap_lines=True)
    _ask_encoding(doubtful=bool((findings["rule"] == "encoding").any()))
    with st.expander("Look at the first rows"):
        layer = st.selectbox("Layer", list(upload.source.layers), key="import_preview")
        if layer is not None:
            st.dataframe(_headed(preview(upload.source.layers[layer])), hide_index=True)


def _headed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose headings differ: what Streamlit can show even where a file repeats a name."""
    return rows.loc[:, ~rows.columns.duplicated()]


def _ask_encoding(*, doubtful: bool) -> None:
    with st.expander("Names look wrong (é, ?, □)? Choose the encoding of the text", expanded=doubtful):
        st.selectbox(
            "Encoding of text in Shapefile and CSV",
            [None, *ENCODINGS],
            format_func=lambda name: "told from the file" if name is None else ENCODINGS[name],
            key="import_encoding",
        )


def _ask_import(upload: Upload, choices: ImportChoices | None) -> Outcome | None:
    """The button, and the outcome of the last import if it was of exactly these choices."""
    if choices is None:
        st.caption("The import can start once the points in red above are settled.")
    started = st.button("Import", type="primary", disabled=choices is None, key="import_start")
    if started and choices is not None:
        with st.spinner("Importing: mapping, connecting, checking ..."):
            try:
                st.session_state["import_outcome"] = run_import(session_folder(), upload, choices)
            except InputError as error:
                st.session_state["import_outcome"] = error
            st.session_state["import_outcome_of"] = choices
    done: Outcome | InputError | None = st.session_state.get("import_outcome")
    if done is None or choices is None:
        return None
    if st.session_state.get("import_outcome_of") != choices:
        st.info("You changed something since the last import: import again.")
        return None
    if isinstance(done, Outcome):
        return done
    refuse("The file is refused: no network can be made of it. All faults found:", done)
    return None
