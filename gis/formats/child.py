"""What runs inside the walls (`gis.formats.confine`): read one file, leave its layers as Arrow files.

Nothing goes back as a pickle: layers are Arrow, findings and names JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from gis.errors import InputError
from gis.findings import FINDING_COLUMNS, make_findings
from gis.formats import format_of
from gis.formats.arrow import pack
from gis.formats.source import Dialect, Source

ANSWER = "answer.json"


def answer(folder: Path, request: dict[str, Any]) -> None:  # Any: values of JSON
    """Read the file of a request in its private folder and write the answer there."""
    said: dict[str, Any] = {"walls": request["walls"], "layers": [], "profile": "", "refused": False}
    try:
        source, tables = _read(Path(request["path"]), request["name"], Dialect(**request["dialect"]))
    except InputError as error:
        said |= {"refused": True, "findings": to_rows(error.findings)}
    except MemoryError:
        said |= {"refused": True, "findings": to_rows(_too_large())}
    else:
        for number, table in enumerate(tables.values()):
            _write(table, folder / f"{number}.arrow")
        said |= {"layers": list(tables), "profile": source.profile, "findings": to_rows(source.findings)}
    (folder / ANSWER).write_text(json.dumps(said), encoding="utf-8")


def to_rows(findings: pd.DataFrame) -> list[dict[str, str | None]]:
    """Findings as JSON; what a reader finds has no place on the map."""
    plain = findings.drop(columns="geometry")
    texts = plain.astype(object).where(plain.notna(), None).map(str, na_action="ignore")
    return [dict(zip(texts.columns, row, strict=True)) for row in texts.to_numpy().tolist()]


def to_findings(rows: list[dict[str, str | None]]) -> pd.DataFrame:
    """Findings again of `to_rows`."""
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS), dtype=object)


def _too_large() -> pd.DataFrame:
    message = "reading the file needs more memory than files of its size do; it was stopped"
    return make_findings("file_size", "file", [""], message)


def _read(path: Path, name: str, dialect: Dialect) -> tuple[Source, dict[str, pa.Table]]:
    """What was found, and the layers as tables; frames are made only where the format has none."""
    form = format_of(path, name)
    if form.tables is not None:
        tables = form.tables(path)
        return Source({}, form.notes(path)), tables
    source = form.read(path, dialect)
    return source, {str(layer): pack(frame) for layer, frame in source.layers.items()}


def _write(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
