"""Results of studies read from their folders again, and two of them compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd

from capacity.result_files import GEOPACKAGE, RECORD, sha256_of
from capacity.study.comparison import compare_elements, compare_years
from gis import InputError
from gis.findings import make_findings
from gis.formats import geopackage
from gis.formats.arrow import unpack


@dataclass(frozen=True, eq=False)
class StoredStudy:
    """A folder of results.

    Attributes
    ----------
    record
        What `study.json` says.
    layers
        Layers of its GeoPackage by name.
    """

    folder: Path
    record: Mapping[str, object]
    layers: Mapping[str, pd.DataFrame]

    @property
    def sha256(self) -> str:
        """Sha256 of the record, which has that of every table."""
        return sha256_of(self.folder / RECORD)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Demand scenarios it has years of."""
        return tuple(dict.fromkeys(self.table("years")["scenario"]))

    def table(self, name: str) -> pd.DataFrame:
        """A result table, put together from its layers.

        Raises
        ------
        InputError
            The study has no such table.
        """
        listed = {row["table"]: row["layers"] for row in self.record["tables"]}  # type: ignore[attr-defined]
        if name not in listed:
            message = f"the study has no table {name}; it has: {', '.join(listed)}"
            raise InputError(str(self.folder), make_findings("no_results", "study", [name], message))
        parts = [self.layers[layer] for layer in listed[name]]
        return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def open_stored(folder: Path) -> StoredStudy:
    """Open a folder of results.

    Raises
    ------
    InputError
        It is none, or is damaged.
    """
    record, tables = folder / RECORD, folder / GEOPACKAGE
    if not record.is_file() or not geopackage.recognises(tables):
        message = "this is no folder of results; run feederplan study first"
        raise InputError(str(folder), make_findings("no_results", "study", [""], message))
    try:
        said = json.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{RECORD} is damaged ({error}); run the study again"
        raise InputError(str(folder), make_findings("no_results", "study", [""], message)) from error
    layers = {name: unpack(table) for name, table in geopackage.read_tables(tables).items()}
    return StoredStudy(folder, said, layers)


def compare_stored(
    a: StoredStudy, b: StoredStudy, scenario_a: str | None = None, scenario_b: str | None = None
) -> dict[str, pd.DataFrame]:
    """Compare a scenario of one stored study with one of another.

    Parameters
    ----------
    scenario_a, scenario_b
        Their scenario_id; of a study with one scenario that one, else one both have.

    Returns
    -------
    dict
        Tables "comparison_years" and "comparison_elements" (`capacity.study.comparison`).

    Raises
    ------
    InputError
        A study has no such scenario, or there are several to choose from.
    """
    name_a, name_b = _names(a, b, scenario_a, scenario_b)
    years, elements = (
        [study.table(table).loc[lambda rows, name=name: rows["scenario"] == name] for study, name in chosen]
        for table, chosen in (("years", ((a, name_a), (b, name_b))), ("elements", ((a, name_a), (b, name_b))))
    )
    return {
        "comparison_years": compare_years(*years),
        "comparison_elements": compare_elements(*(gpd.GeoDataFrame(rows) for rows in elements)),
    }


def _names(a: StoredStudy, b: StoredStudy, scenario_a: str | None, scenario_b: str | None) -> tuple[str, str]:
    known_a, known_b = a.scenarios, b.scenarios
    both = [name for name in known_a if name in known_b]
    name_a = scenario_a or (known_a[0] if len(known_a) == 1 else both[0] if len(both) == 1 else None)
    name_b = scenario_b or (known_b[0] if len(known_b) == 1 else name_a)
    faults = [
        make_findings(
            "unknown_demand_scenario", "study", [name or ""],
            f"{study.folder} has: {', '.join(known)}; name one with --scenario-{side}",
        )
        for side, study, name, known in (("a", a, name_a, known_a), ("b", b, name_b, known_b))
        if name not in known
    ]  # fmt: skip
    if faults or name_a is None or name_b is None:
        raise InputError("--scenario", pd.concat(faults, ignore_index=True))
    return name_a, name_b
