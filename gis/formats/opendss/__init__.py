"""OpenDSS circuits: read by OpenDSS itself in a process of its own, as balanced three-phase equivalents.

    master.dss -> lines that may run -> OpenDSS in a child process -> Circuit -> canonical tables
                  `script`              `process`, `child`            `circuit`   `lines`, `transformers`,
                                                                                  `points`, `layout`

What a balanced model cannot represent is a finding by id; `docs/opendss.md` says what is kept.
"""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.errors import InputError
from gis.findings import errors_of, join_findings, make_findings
from gis.formats.opendss.circuit import Circuit, make_circuit
from gis.formats.opendss.layout import place_buses, read_coordinates, usual_file
from gis.formats.opendss.lines import line_tables
from gis.formats.opendss.points import point_tables
from gis.formats.opendss.process import solve_circuit, solving_doubts
from gis.formats.opendss.script import read_script
from gis.formats.opendss.transformers import transformer_tables
from gis.formats.source import Source

_MAKES_CIRCUIT = re.compile(rb"^\s*new\s+(object\s*=\s*)?[\"'(\[{]?circuit\.", re.IGNORECASE | re.MULTILINE)
_INFO_LAYER = "network_info"


def recognises(path: Path) -> bool:
    """Tell whether the path is an OpenDSS script, or a folder with scripts in it."""
    if path.is_dir():
        return bool(_scripts(path))
    if path.suffix.lower() != ".dss":
        return False
    with path.open("rb") as stream:
        return b"\x00\x00" not in stream.read(4096)


def read(path: Path) -> Source:
    """Read a circuit into canonical tables.

    Coordinates have no CRS of their own; the importer asks for it.

    Parameters
    ----------
    path
        Master script, or the folder of one.

    Raises
    ------
    InputError
        There is no master, or several; a line may not run; OpenDSS does not read or solve it.
    """
    master = find_master(path)
    script = read_script(master)
    answer = solve_circuit(script, str(master))
    circuit = make_circuit(answer)
    files = script.coordinates or usual_file(master.parent)
    source = circuit_tables(circuit, read_coordinates(files))
    taken = [] if script.coordinates else [file.name for file in files]
    message = "no script reads coordinates; those of this file of the folder are taken"
    told = make_findings("coordinates_taken", "file", taken, message, severity="warning")
    return Source(
        source.layers, join_findings([script.findings(), solving_doubts(answer), told, source.findings])
    )


def find_master(path: Path) -> Path:
    """The script that makes the circuit: the file itself, or the one of a folder.

    Raises
    ------
    InputError
        None makes a circuit, or several do and none alone is called master.
    """
    if path.is_file():
        return path
    masters = [file for file in _scripts(path) if _MAKES_CIRCUIT.search(file.read_bytes())]
    if len(masters) == 1:
        return masters[0]
    names = ", ".join(file.name for file in masters)
    message = f"several scripts make a circuit ({names}); name one of them instead of the folder"
    if not masters:
        message = "no script of the folder makes a circuit (New Circuit...); name the master script"
    raise InputError(str(path), make_findings("master_script", "file", [""], message))


def circuit_tables(circuit: Circuit, coordinates: pd.DataFrame) -> Source:
    """Canonical tables of a solved circuit.

    Parameters
    ----------
    coordinates
        x, y by bus_id, of the buses that have them.

    Raises
    ------
    InputError
        Lengths cannot be read.
    """
    transformers = transformer_tables(circuit)
    lines = line_tables(circuit, transformers.ends())
    points = point_tables(circuit)
    rows = {"lines": lines.lines, "switches": lines.switches, "transformers": transformers.transformers}
    rows |= points.tables
    faults = errors_of(lines.findings)
    if len(faults):
        raise InputError(circuit.name, join_findings([faults, lines.findings.drop(faults.index)]))
    buses, unused = _buses(circuit, rows)
    places, placed = place_buses(buses.index, coordinates, _edges(rows))
    layers = {"buses": buses.reset_index(), **rows}
    layers = {name: _located(frame, name, places) for name, frame in layers.items()}
    info = {"name": circuit.name, "f_hz": f"{circuit.f_hz:g}"}
    layers[_INFO_LAYER] = pd.DataFrame({"key": list(info), "value": list(info.values())})
    if len(points.tables["generators"]):
        layers["scenarios"] = _snapshot()
    found = [transformers.findings, lines.findings, points.findings, unused, placed]
    return Source(layers, join_findings(found))


def _scripts(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix.lower() == ".dss" and f.is_file())


def _buses(circuit: Circuit, rows: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Buses at which anything stands, and the others by name."""
    ends = [
        rows["lines"][["from_bus_id", "to_bus_id"]],
        rows["transformers"][["hv_bus_id", "lv_bus_id"]],
        rows["switches"].loc[rows["switches"]["element_table"] == "buses", ["bus_id", "element_id"]],
        *(rows[name][["bus_id"]] for name in ("sources", "loads", "generators", "capacitors")),
    ]
    used = {bus for frame in ends for bus in frame.to_numpy().ravel()}
    inside = circuit.buses.index.isin(used)
    buses = circuit.buses.loc[inside, ["vn_kv", "phases"]].assign(kind="node")
    message = "nothing that is modelled stands at the bus; left out"
    lost = circuit.buses.index[~inside]
    return buses, make_findings("unused_bus", "buses", lost, message, severity="warning")


def _edges(rows: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Branches with their two buses, for drawing."""
    lines, transformers = rows["lines"], rows["transformers"]
    couplers = rows["switches"][rows["switches"]["element_table"] == "buses"]
    parts = [
        lines[["from_bus_id", "to_bus_id", "length_m"]],
        transformers[["hv_bus_id", "lv_bus_id"]].assign(length_m=np.nan),
        couplers[["bus_id", "element_id"]].assign(length_m=np.nan),
    ]
    named = [part.set_axis(["a", "b", "length_m"], axis=1) for part in parts if len(part)]
    return pd.concat(named, ignore_index=True) if named else pd.DataFrame(columns=["a", "b", "length_m"])


def _located(frame: pd.DataFrame, table: str, places: pd.DataFrame) -> gpd.GeoDataFrame:
    """Rows at their buses, without a CRS."""
    if table == "lines":
        ends = [places.reindex(frame[end]).to_numpy() for end in ("from_bus_id", "to_bus_id")]
        geometry = shapely.linestrings(np.stack(ends, axis=1)) if len(frame) else []
    else:
        geometry = shapely.points(places.reindex(frame[_BUS_OF.get(table, "bus_id")]).to_numpy())
    return gpd.GeoDataFrame(frame.reset_index(drop=True), geometry=list(geometry))


_BUS_OF = {"transformers": "hv_bus_id"}


def _snapshot() -> pd.DataFrame:
    """The state OpenDSS solves: every load, and every generator at what it injects there."""
    row = {"scenario_id": "snapshot", "name": "as solved by OpenDSS", "load_factor": 1.0}
    return pd.DataFrame([row | {"generation_factor": 1.0}])
