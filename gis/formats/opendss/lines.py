"""Lines, series reactors and switches of a circuit: balanced equivalents with lengths in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gis.findings import join_findings, make_findings
from gis.formats.opendss.circuit import Circuit, Element, terminal, voltages_at
from gis.formats.opendss.sequence import (
    directions,
    effective,
    series_equivalent,
    shunt_equivalent,
    without_neutral,
)
from gis.schema import TABLES

UNITS_KM = {
    "mi": 1.609344,
    "kft": 0.3048,
    "km": 1.0,
    "m": 1e-3,
    "ft": 0.3048e-3,
    "in": 2.54e-5,
    "cm": 1e-5,
    "mm": 1e-6,
}
# Positive-sequence reactance [ohm/km] of any line or cable of low and medium voltage lies between 0.07 and
# 0.5 (Oswald, "Elektrische Energieverteilung", tables of cables and overhead lines): its middle tells the
# unit of lengths that have none.
USUAL_X_OHM_PER_KM = 0.25
GUESSED_UNITS = ("m", "ft", "kft", "km", "mi")
# A file whose lengths have no unit and whose voltages collapse was read in a wrong one: 0.431 pu is what
# metres read as kilometres gave.
COLLAPSED_PU = 0.7
# An impedance below this on 1 MVA is a joint: 10 MW over it drop 1e-5 pu, and a load flow that adds numbers
# of 16 digits loses its balance over less.
JOINT_PU, BASE_MVA = 1e-6, 1.0
# Length a series reactor is given: it has none, and a line needs one.
REACTOR_KM = 1.0
# Least resistance against reactance: a line without any is none for a load flow.
LEAST_R_SHARE = 1e-4
# What OpenDSS assumes where no rating is given (class Line, NormAmps).
USUAL_RATING_A = 400.0
_MAX_R, _MAX_X, _MAX_C = (
    float(TABLES["lines"].column(name).high or np.inf)
    for name in ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km")
)


@dataclass(frozen=True, eq=False)
class LineTables:
    """Raw canonical rows without geometry, and what was found."""

    lines: pd.DataFrame
    switches: pd.DataFrame
    findings: pd.DataFrame


def line_tables(circuit: Circuit, transformer_ends: set[frozenset[str]]) -> LineTables:
    """Lines and switches of a circuit.

    Parameters
    ----------
    transformer_ends
        Pairs of buses a transformer stands between: a line of one phase there is the missing unit of an
        open bank.
    """
    rows = pd.concat([_lines(circuit), _reactors(circuit)], ignore_index=True)
    pairs = [frozenset(pair) for pair in zip(rows["from_bus_id"], rows["to_bus_id"], strict=True)]
    beside = pd.Series([pair in transformer_ends for pair in pairs], rows.index, dtype=bool)
    jumper = beside & (rows["phases"] < 3)  # one of all three phases is a bypass, and stays
    found = [_jumpers(rows[jumper])]
    rows = rows[~jumper]
    switch = rows["switch"].astype(bool) | _negligible(rows, circuit)
    found.append(_short_circuits(rows[switch & ~rows["switch"].astype(bool)]))
    rows, units = _with_length(rows[~switch]), rows[switch]
    lines = _per_km(rows)
    lines.insert(3, "vn_kv", circuit.buses["vn_kv"].reindex(lines["from_bus_id"]).to_numpy())
    found += [_unbalanced(rows), _without_unit(rows, circuit), _stretched(rows, lines)]
    switches = pd.concat([_couplers(units), _open_ends(rows)], ignore_index=True)
    return LineTables(lines, switches, join_findings(found))


def _lines(circuit: Circuit) -> pd.DataFrame:
    """One row per line: ends, total balanced impedance and capacitance, length as written."""
    elements = circuit.of("line")
    codes = {code["Name"].lower(): str(code["Units"]).lower() for code in circuit.of("linecode")}
    frame = pd.DataFrame(
        {
            "line_id": [e["Name"] for e in elements],
            "phases": [int(e["Phases"]) for e in elements],
            "length": [float(e["Length"]) for e in elements],
            "unit": [str(e["Units"]).lower() for e in elements],
            "code_unit": [codes.get(str(e["LineCode"]).lower(), "none") for e in elements],
            "i_max_a": [float(e["NormAmps"]) for e in elements],
            "switch": [bool(e["Switch"]) for e in elements],
            "open_from": [e["Open"][0] for e in elements],
            "open_to": [e["Open"][1] for e in elements],
        }
    )
    ends = [(terminal(e["Bus1"], e["Phases"]), terminal(e["Bus2"], e["Phases"])) for e in elements]
    frame["from_bus_id"] = [first.bus_id for first, _ in ends]
    frame["to_bus_id"] = [second.bus_id for _, second in ends]
    frame["nodes"] = [".".join(map(str, first.nodes)) for first, _ in ends]
    totals = [
        _totals(circuit, [elements[i] for i in rows.index], rows.index, int(str(n)))
        for n, rows in frame.groupby("phases")
    ]
    return frame.join(pd.concat(totals) if totals else pd.DataFrame(columns=["z_ohm", "x_ohm", "c_nf"]))


def _totals(circuit: Circuit, elements: list[Element], index: pd.Index, phases: int) -> pd.DataFrame:
    """Balanced series impedance and capacitance of lines of equally many conductors, and the drop's x."""
    length = np.array([e["Length"] for e in elements])[:, None, None]
    raw = {name: np.array([e[name] for e in elements]) * length for name in ("RMatrix", "XMatrix", "CMatrix")}
    pace = np.array([circuit.pace(e) for e in elements])[:, None, None]
    series = without_neutral(raw["RMatrix"] + 1j * pace * raw["XMatrix"])
    ends = [terminal(e["Bus1"], phases) for e in elements]
    nodes = np.array([end.nodes for end in ends])[:, :3]
    unit = directions(voltages_at(circuit, ends)[:, :3], nodes)
    columns = {
        "z_ohm": series_equivalent(series, unit),
        "x_ohm": effective(series, unit).imag,
        "c_nf": shunt_equivalent(raw["CMatrix"][:, :3, :3], unit),
    }
    return pd.DataFrame(columns, index)


def _reactors(circuit: Circuit) -> pd.DataFrame:
    """Reactors in series, as lines of a length of their own."""
    elements = [e for e in circuit.of("reactor") if is_series(e)]
    count = pd.Series([int(e["Phases"]) for e in elements], dtype=int)
    impedance = np.array([complex(e["R"], e["X"] * circuit.pace(e)) for e in elements], dtype=complex)
    ends = [(terminal(e["Bus1"], e["Phases"]), terminal(e["Bus2"], e["Phases"])) for e in elements]
    return pd.DataFrame(
        {
            "line_id": [f"reactor.{e['Name']}" for e in elements],
            "phases": count,
            "length": REACTOR_KM,
            "unit": "km",
            "code_unit": "none",
            "i_max_a": [float(e["NormAmps"]) for e in elements],
            "switch": False,
            "open_from": False,
            "open_to": False,
            "from_bus_id": [first.bus_id for first, _ in ends],
            "to_bus_id": [second.bus_id for _, second in ends],
            "nodes": [".".join(map(str, first.nodes)) for first, _ in ends],
            "z_ohm": impedance * (3.0 / count.to_numpy()),
            "x_ohm": impedance.imag,
            "c_nf": 0.0,
        }
    )


def is_series(element: Element) -> bool:
    """Tell whether a reactor or capacitor stands between two buses."""
    first, second = (terminal(element[bus], 1).bus_id for bus in ("Bus1", "Bus2"))
    return first != second


def _negligible(rows: pd.DataFrame, circuit: Circuit) -> pd.Series:
    """Lines that are no more than a joint."""
    vn_kv = circuit.buses["vn_kv"].reindex(rows["from_bus_id"]).to_numpy()
    z_ohm = np.abs(np.asarray(rows["z_ohm"], dtype=complex))
    return pd.Series(z_ohm <= JOINT_PU * vn_kv**2 / BASE_MVA, rows.index)


def _short_circuits(rows: pd.DataFrame) -> pd.DataFrame:
    message = "the line has next to no impedance; modelled as a closed switch between its buses"
    return make_findings("no_impedance", "switches", rows["line_id"], message, severity="warning")


def _with_length(rows: pd.DataFrame) -> pd.DataFrame:
    """Length in km: in the line's own unit, else its line code's, else the one its reactance tells."""
    own = rows["unit"].where(rows["unit"].isin(UNITS_KM))
    code = rows["code_unit"].where(rows["code_unit"].isin(UNITS_KM))
    stated = own.where(own.notna(), code)
    told = _unit_of(rows[stated.isna()])
    origin = np.select([own.notna(), code.notna()], ["line", "line code"], "reactance")
    unit = stated.where(stated.notna(), told)
    return rows.assign(length_km=rows["length"] * unit.map(UNITS_KM), unit=unit, unit_from=origin)


def _unit_of(rows: pd.DataFrame) -> str:
    """The unit that makes the reactance per length of lines without any a usual one."""
    x_per_unit = (rows["x_ohm"] / rows["length"]).median()
    if not x_per_unit > 0.0:
        return "km"
    off = {unit: abs(np.log(x_per_unit / UNITS_KM[unit] / USUAL_X_OHM_PER_KM)) for unit in GUESSED_UNITS}
    return min(off, key=off.__getitem__)


def _per_km(rows: pd.DataFrame) -> pd.DataFrame:
    """Canonical rows: impedance per km on a length that keeps it within what the tables take."""
    z_ohm = np.asarray(rows["z_ohm"], dtype=complex)
    x_ohm = np.maximum(z_ohm.imag, 0.0)
    r_ohm = np.maximum(z_ohm.real, LEAST_R_SHARE * x_ohm)
    c_nf = np.maximum(rows["c_nf"].to_numpy(dtype=float), 0.0)
    least = np.max([r_ohm / _MAX_R, x_ohm / _MAX_X, c_nf / _MAX_C], axis=0)
    length_km = np.maximum(rows["length_km"].to_numpy(dtype=float), least * (1.0 + 1e-9))
    rating = rows["i_max_a"].where(rows["i_max_a"] > 0.0, USUAL_RATING_A)
    return pd.DataFrame(
        {
            "line_id": rows["line_id"],
            "from_bus_id": rows["from_bus_id"],
            "to_bus_id": rows["to_bus_id"],
            "r_ohm_per_km": r_ohm / length_km,
            "x_ohm_per_km": x_ohm / length_km,
            "c_nf_per_km": c_nf / length_km,
            "i_max_a": rating * np.minimum(rows["phases"], 3) / 3.0,
            "length_m": 1000.0 * length_km,
            "dss_nodes": rows["nodes"],
        }
    )


def _couplers(rows: pd.DataFrame) -> pd.DataFrame:
    """Lines said to be switches, or without impedance: switches between two buses."""
    return pd.DataFrame(
        {
            "switch_id": rows["line_id"],
            "kind": "load_break",
            "closed": ~(rows["open_from"] | rows["open_to"]).astype(bool),
            "bus_id": rows["from_bus_id"],
            "element_table": "buses",
            "element_id": rows["to_bus_id"],
            "i_max_a": rows["i_max_a"].where(rows["i_max_a"] > 0.0),
        }
    )


def _open_ends(rows: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for side in ("from", "to"):
        at = rows[rows[f"open_{side}"].astype(bool)]
        parts.append(
            pd.DataFrame(
                {
                    "switch_id": at["line_id"].astype(str) + f":{side}",
                    "kind": "load_break",
                    "closed": False,
                    "bus_id": at[f"{side}_bus_id"],
                    "element_table": "lines",
                    "element_id": at["line_id"],
                    "i_max_a": np.nan,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _jumpers(rows: pd.DataFrame) -> pd.DataFrame:
    message = (
        "the line leads one phase past a bank of regulators; a balanced model has no phases apart: left out"
    )
    return make_findings("not_balanced", "lines", rows["line_id"], message, severity="warning")


def _unbalanced(rows: pd.DataFrame) -> pd.DataFrame:
    odd = rows[rows["phases"] < 3]
    message = (
        "the line has not all three phases; its balanced equivalent keeps power, losses and the voltage of "
        "the phases it has, not the unbalance"
    )
    values = [f"nodes {nodes}" for nodes in odd["nodes"]]
    return make_findings("not_balanced", "lines", odd["line_id"], message, severity="warning", values=values)


def _without_unit(rows: pd.DataFrame, circuit: Circuit) -> pd.DataFrame:
    """Lines whose length has no unit: a doubt, and a fault where the voltages collapse."""
    open_units = rows[rows["unit_from"] != "line"]
    lowest = float(circuit.buses["v_pu"].min())
    collapsed = lowest < COLLAPSED_PU and len(open_units) > 0
    values = [
        f"{length:g} {unit} by its {origin}"
        for length, unit, origin in zip(
            open_units["length"], open_units["unit"], open_units["unit_from"], strict=True
        )
    ]
    message = "OpenDSS knows no unit of the length (units= has to follow the impedances); check the one taken"
    named = make_findings(
        "length_unit", "lines", open_units["line_id"], message, severity="warning", values=values
    )
    fault = (
        f"lengths have no unit and the voltage falls to {lowest:.2f} pu: give every line units= "
        "(the lines are named beside this)"
    )
    return join_findings([make_findings("length_unit", "file", [""] * collapsed, fault), named])


def _stretched(rows: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    given_m = 1000.0 * rows["length_km"].to_numpy(dtype=float)
    longer = lines["length_m"].to_numpy() > given_m * (1.0 + 1e-6)
    values = [
        f"{m:.4g} m instead of {g:.4g} m"
        for m, g in zip(lines["length_m"][longer], given_m[longer], strict=True)
    ]
    message = "the impedance is too large for the length; modelled on a longer line with the same impedance"
    ids = lines["line_id"][longer]
    return make_findings("length_impedance", "lines", ids, message, severity="warning", values=values)
