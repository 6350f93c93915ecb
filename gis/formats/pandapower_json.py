"""Networks that pandapower wrote as JSON, read as tables and nothing else.

pandapower's own reader imports modules, calls functions and opens files that a network names. Here the
text is parsed by `json` alone; `_module` and `_class` are never resolved, objects in cells stay text and
are not looked at, and only the tables listed here are taken.
"""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats.drawing import fit_drawing
from gis.formats.source import Dialect, Source

# Tables of elements; those the mapping has no use for are told with their number of rows.
TABLES = (
    "bus", "line", "trafo", "switch", "ext_grid", "load", "sgen", "gen", "asymmetric_load",
    "asymmetric_sgen", "storage", "motor", "shunt", "ward", "xward", "trafo3w", "impedance", "dcline", "svc",
    "ssc", "tcsc", "vsc",    "bus_dc", "line_dc", "load_dc", "source_dc", "controller",
)  # fmt: skip
_PLACES = ("bus_geodata", "line_geodata")  # before pandapower 3
# Columns the mapping reads, by table, and what an absent one means: older versions do not have all.
_COLUMNS: dict[str, dict[str, object]] = {
    "bus": {"name": None, "vn_kv": None, "type": None, "in_service": True},
    "line": {
        "from_bus": None, "to_bus": None, "length_km": None, "r_ohm_per_km": None, "x_ohm_per_km": None,
        "c_nf_per_km": 0.0, "g_us_per_km": 0.0, "max_i_ka": None, "df": 1.0, "parallel": 1,
    },
    "trafo": {
        "hv_bus": None, "lv_bus": None, "sn_mva": None, "df": 1.0, "parallel": 1, "tap_step_degree": 0.0,
        "tap_pos": None, "tap_changer_type": "Ratio", "tap_phase_shifter": False,
    },
    "switch": {"bus": None, "element": None, "et": None, "type": None, "z_ohm": 0.0, "in_ka": None},
    "ext_grid": {"bus": None, "vm_pu": None, "va_degree": 0.0, "s_sc_max_mva": None},
    "load": {
        "bus": None, "p_mw": None, "q_mvar": None, "scaling": 1.0, "const_z_p_percent": 0.0,
        "const_i_p_percent": 0.0, "const_z_q_percent": 0.0, "const_i_q_percent": 0.0,
    },
    "sgen": {"bus": None, "p_mw": None, "q_mvar": None, "scaling": 1.0, "type": None},
    "gen": {"bus": None, "p_mw": None, "vm_pu": None, "scaling": 1.0, "slack": False},
    "asymmetric_load": {
        "bus": None, "p_a_mw": None, "p_b_mw": None, "p_c_mw": None, "q_a_mvar": None, "q_b_mvar": None,
        "q_c_mvar": None, "scaling": 1.0,
    },
}  # fmt: skip
_OLD_NAMES = {"const_z_percent": "const_z_p_percent", "const_i_percent": "const_i_p_percent"}
BYTES_MAX = 400_000_000
_HEAD = 4_096
OUR_FREQUENCY_HZ = 50.0


def recognises(path: Path) -> bool:
    """Tell whether the file begins as a network that pandapower wrote."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"pandapowerNet"' in head


def read(path: Path, dialect: Dialect) -> Source:
    """Read the tables of elements; the row number of each is its id, column `index`.

    Raises
    ------
    InputError
        The file is damaged, too large, or a table is none; every one is named.
    """
    content = _content(path)
    layers, faults = {}, []
    for name in (*TABLES, *_PLACES):
        try:
            layers[name] = _with_columns(name, _table(content.get(name)))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            message = (
                f"table {name!r} is no table as pandapower 2 and later write it ({error}); save it again"
            )
            faults.append(make_findings("file_damaged", "file", [""], message))
    if faults:
        raise InputError(str(path), join_findings(faults))
    told = [_frequency(content), _unknown_tables(content)]
    layers["trafo"] = _without_idle_taps(layers["trafo"])
    bus, line = (_drawn(layers[n], layers.pop(f"{n}_geodata")) for n in ("bus", "line"))
    ends = (line["from_bus"].astype(str), line["to_bus"].astype(str))
    lengths_m = pd.to_numeric(line["length_km"], errors="coerce") * 1000.0
    bus, line, drawing = fit_drawing(bus, line, ends, lengths_m)
    return Source(layers | {"bus": bus, "line": line}, join_findings([*told, drawing]), "pandapower")


def _content(path: Path) -> dict[str, object]:
    fault = ""
    if path.stat().st_size > BYTES_MAX:
        fault = f"the file has more than {BYTES_MAX / 1e6:,.0f} MB"
    else:
        try:
            whole = json.loads(path.read_bytes())
            content = whole["_object"]
            if isinstance(content, dict) and whole.get("_class") == "pandapowerNet":
                return content
            fault = "the file holds no network of pandapower"
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, KeyError, TypeError) as error:
            fault = f"the file is damaged or cut off ({type(error).__name__}); take a fresh copy"
    raise InputError(str(path), make_findings("file_damaged", "file", [""], fault))


def _table(entry: object) -> pd.DataFrame:
    """A table in the "split" layout: columns, index, rows; cells that are no scalars become text."""
    if entry is None:
        return pd.DataFrame({"index": pd.Series(dtype=object)})
    if not isinstance(entry, dict) or entry.get("orient") != "split":
        raise ValueError("its layout is not 'split'")
    parts = json.loads(str(entry["_object"]))
    columns, index, rows = (list(parts[key]) for key in ("columns", "index", "data"))
    if len(index) != len(rows) or any(len(row) != len(columns) for row in rows):
        raise ValueError("rows and columns do not fit")
    if len(index) != len({str(i) for i in index}):
        raise ValueError("an index stands twice")
    frame = pd.DataFrame(rows, columns=[str(c) for c in columns], dtype=object)
    plain = frame.map(lambda cell: json.dumps(cell) if isinstance(cell, dict | list) else cell)
    return plain.infer_objects().assign(index=[str(i) for i in index])


def _with_columns(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    renamed = frame.rename(columns={old: new for old, new in _OLD_NAMES.items() if new not in frame})
    added = {c: value for c, value in _COLUMNS.get(name, {}).items() if c not in renamed}
    return renamed.assign(**added)


def _without_idle_taps(trafo: pd.DataFrame) -> pd.DataFrame:
    """A transformer without a kind of tap changer stands at its rated ratio, whatever its position says."""
    idle = trafo["tap_changer_type"].isna() | trafo["tap_changer_type"].isin(["None", "none", ""])
    return trafo.assign(tap_pos=trafo["tap_pos"].mask(idle))


def _drawn(table: pd.DataFrame, places: pd.DataFrame) -> gpd.GeoDataFrame:
    """Rows with geometry: of the column `geo`, or of the table of places older versions kept."""
    geometry = np.full(len(table), None, dtype=object)
    if "geo" in table:
        text = table["geo"].map(lambda cell: cell if isinstance(cell, str) else None)
        geometry = shapely.from_geojson(text.to_numpy(dtype=object), on_invalid="ignore")
    elif {"x", "y"} <= set(places) and len(places):
        at = (
            places.set_index("index")[["x", "y"]]
            .apply(pd.to_numeric, errors="coerce")
            .reindex(table["index"])
        )
        known = np.isfinite(at.to_numpy(dtype=float)).all(axis=1)
        geometry[known] = shapely.points(at.to_numpy(dtype=float)[known])
    elif "coords" in places and len(places):
        text = '{"type":"LineString","coordinates":' + places.set_index("index")["coords"].astype(str) + "}"
        geometry = shapely.from_geojson(
            text.reindex(table["index"]).to_numpy(dtype=object), on_invalid="ignore"
        )
    return gpd.GeoDataFrame(table.drop(columns="geo", errors="ignore"), geometry=geometry)


def _frequency(content: dict[str, object]) -> pd.DataFrame:
    hertz = content.get("f_hz", OUR_FREQUENCY_HZ)
    message = (
        f"the network is of {hertz} Hz; the charging of its lines is computed at {OUR_FREQUENCY_HZ:g} Hz"
    )
    off = hertz != OUR_FREQUENCY_HZ
    return make_findings("frequency", "lines", [""] * off, message, severity="warning")


def _unknown_tables(content: dict[str, object]) -> pd.DataFrame:
    """Tables with rows that are neither elements nor results."""
    skipped = ("res_", "std_types", "pwl_cost", "poly_cost", "measurement", "group", "characteristic")
    names = [
        n
        for n, entry in content.items()
        if isinstance(entry, dict)
        and "orient" in entry
        and n not in (*TABLES, *_PLACES)
        and not n.startswith(skipped)
    ]
    filled = [n for n in names if '"index":[]' not in str(content[n].get("_object", ""))[:2_000]]  # type: ignore[attr-defined]
    message = f"tables that are not read: {', '.join(filled)}"
    return make_findings("not_modelled", "file", [""] * bool(filled), message, severity="warning")
