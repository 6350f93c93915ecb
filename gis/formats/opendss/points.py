"""What stands at a bus of a circuit: sources, loads, generators, capacitors; and the record of the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gis.findings import join_findings, make_findings
from gis.formats.opendss.circuit import PHASES, Circuit, Element, terminal
from gis.formats.opendss.lines import is_series

# What a load's `model` is in OpenDSS (class Load); 1 is the constant power of our tables.
LOAD_MODELS = {
    2: "constant impedance",
    3: "constant P, quadratic Q",
    4: "exponents of voltage (CVR)",
    5: "constant current",
    6: "constant P, fixed Q",
    7: "constant P, fixed reactance",
    8: "ZIP",
}
# A load of constant power draws what it is rated for, but for the end of the iteration; more is told.
DRAWN_SHARE = 0.005
# A set-point and the voltage at its bus differ by the drop on the source's impedance; told from here.
SET_POINT_TOLD_PU = 0.0005
_TABLE_OF = {
    "line": "lines",
    "reactor": "lines",
    "transformer": "transformers",
    "regcontrol": "transformers",
    "vsource": "sources",
    "load": "loads",
    "generator": "generators",
    "pvsystem": "generators",
    "storage": "generators",
    "capacitor": "capacitors",
    "capcontrol": "capacitors",
}
_KINDS = {"generator": "other", "pvsystem": "pv", "storage": "battery"}


@dataclass(frozen=True, eq=False)
class PointTables:
    """Raw canonical rows by table name without geometry, and what was found."""

    tables: dict[str, pd.DataFrame]
    findings: pd.DataFrame


def point_tables(circuit: Circuit) -> PointTables:
    """Sources, loads, generators and capacitors of a circuit."""
    loads, generators = _loads(circuit), _generators(circuit)
    negative, drawing = loads["p_kw"] < 0.0, generators["p_kw"] < 0.0
    feeding = _turned(loads[negative], "load_id", "generator_id", kind="other")
    charging = _turned(generators[drawing], "generator_id", "load_id", customer_class="other", customers=0)
    tables = {
        "sources": _sources(circuit),
        "loads": _stacked(loads[~negative], charging),
        "generators": _stacked(generators[~drawing], feeding),
        "capacitors": _capacitors(circuit),
    }
    found = [
        _set_points(circuit, tables["sources"]),
        _models(circuit),
        _feeding(feeding, charging),
        *(_one_phase(tables[name], name) for name in ("loads", "generators", "capacitors")),
        _switched(circuit),
        _series_capacitors(circuit),
        _switched_off(circuit),
    ]
    return PointTables(tables, join_findings(found))


def _sources(circuit: Circuit) -> pd.DataFrame:
    """A source holds at its bus what OpenDSS has there: its set-point less the drop on its impedance."""
    elements = circuit.of("vsource")
    buses = [terminal(e["Bus1"], 1).bus_id for e in elements]
    return pd.DataFrame(
        {
            "source_id": [e["Name"] for e in elements],
            "bus_id": buses,
            "vm_pu": circuit.buses["v_pu"].reindex(buses).to_numpy(),
            "s_sc_mva": [float(e["MVASC3"]) for e in elements],
        }
    )


def _loads(circuit: Circuit) -> pd.DataFrame:
    elements = circuit.of("load")
    factors = np.array([_factor(circuit, e) for e in elements])
    return pd.DataFrame(
        {
            "load_id": [e["Name"] for e in elements],
            "bus_id": [terminal(e["Bus1"], 1).bus_id for e in elements],
            "customer_class": "other",
            "p_kw": np.array([float(e["kW"]) for e in elements]) * factors,
            "q_kvar": np.array([float(e["kvar"]) for e in elements]) * factors,
            "customers": [int(e["NumCust"]) for e in elements],
            "in_service": [not e["Open"][0] for e in elements],
            "phases": [int(e["Phases"]) for e in elements],
            "dss_bus": [e["Bus1"] for e in elements],
            "dss_model": [int(e["Model"]) for e in elements],
        }
    )


def _factor(circuit: Circuit, load: Element) -> float:
    return circuit.load_factor if str(load["Status"]).lower().startswith("v") else 1.0


def _generators(circuit: Circuit) -> pd.DataFrame:
    """Generators, PV and storage with what they inject in OpenDSS's solution."""
    units = [(name, e) for name in _KINDS for e in circuit.of(name)]
    return pd.DataFrame(
        {
            "generator_id": [f"{name}.{e['Name']}" for name, e in units],
            "bus_id": [terminal(e["Bus1"], 1).bus_id for _, e in units],
            "kind": [_KINDS[name] for name, _ in units],
            "p_kw": np.array([-sum(e["Powers"][0::2]) for _, e in units], dtype=float),
            "q_kvar": np.array([-sum(e["Powers"][1::2]) for _, e in units], dtype=float),
            "in_service": [not e["Open"][0] for _, e in units],
            "phases": pd.Series([int(e["Phases"]) for _, e in units], dtype=int),
            "dss_bus": [e["Bus1"] for _, e in units],
        }
    )


def _capacitors(circuit: Circuit) -> pd.DataFrame:
    """Capacitors, and reactors to earth with negative power; steps as OpenDSS's solution has them."""
    banks = [e for e in circuit.of("capacitor") if not is_series(e)]
    coils = [e for e in circuit.of("reactor") if not is_series(e) and _at_phases(e)]
    drawn = circuit.buses.reindex([terminal(e["Bus1"], 1).bus_id for e in coils])
    powers = [circuit.pace(e) * float(np.dot(e["kvar"], e["States"][: len(e["kvar"])])) for e in banks]
    return pd.DataFrame(
        {
            "capacitor_id": [e["Name"] for e in banks] + [f"reactor.{e['Name']}" for e in coils],
            "bus_id": [terminal(e["Bus1"], 1).bus_id for e in [*banks, *coils]],
            # A reactor's kvar may be left from before its ohms were given: what it draws is known.
            "q_kvar": powers
            + [-sum(e["Powers"][1::2]) / v**2 for e, v in zip(coils, drawn["v_pu"], strict=True)],
            "vn_kv": [_rated_kv(e) for e in banks] + drawn["vn_kv"].tolist(),
            "in_service": [not e["Open"][0] for e in banks] + [True] * len(coils),
            "phases": pd.Series([int(e["Phases"]) for e in [*banks, *coils]], dtype=int),
            "dss_bus": [e["Bus1"] for e in [*banks, *coils]],
        }
    )


def _at_phases(element: Element) -> bool:
    """Tell whether it stands between phases and earth, and not at a neutral."""
    return set(terminal(element["Bus1"], int(element["Phases"])).nodes) <= set(PHASES)


def _rated_kv(element: Element) -> float:
    """Rated voltage as line to line: one phase to neutral is rated to neutral."""
    to_neutral = element["Phases"] == 1 and str(element["Conn"]).lower().startswith(("w", "y"))
    return float(element["kV"]) * (np.sqrt(3.0) if to_neutral else 1.0)


def _set_points(circuit: Circuit, sources: pd.DataFrame) -> pd.DataFrame:
    wanted = np.array([float(e["pu"]) for e in circuit.of("vsource")])
    off = np.abs(wanted - sources["vm_pu"].to_numpy()) > SET_POINT_TOLD_PU
    values = [
        f"{a:.4f} pu behind it, {b:.4f} pu at the bus"
        for a, b in zip(wanted[off], sources["vm_pu"][off], strict=True)
    ]
    message = "the source has an impedance; it is modelled as the voltage OpenDSS's solution has at the bus"
    ids = sources["source_id"][off]
    return make_findings("source_impedance", "sources", ids, message, severity="warning", values=values)


def _models(circuit: Circuit) -> pd.DataFrame:
    """Loads that follow their voltage: by their model, or since it left the band of constant power."""
    elements = circuit.of("load")
    rated = np.array([float(e["kW"]) * _factor(circuit, e) for e in elements])
    drawn = np.array([sum(e["Powers"][0::2]) for e in elements])
    models = np.array([int(e["Model"]) for e in elements], dtype=int)
    odd = (models != 1) | (np.abs(drawn - rated) > DRAWN_SHARE * np.abs(rated))
    words = [LOAD_MODELS.get(int(m), "out of its voltage band") for m in models[odd]]
    values = [
        f"{w}: {r:.4g} kW rated, {d:.4g} kW drawn"
        for w, r, d in zip(words, rated[odd], drawn[odd], strict=True)
    ]
    message = "in OpenDSS the load follows its voltage; modelled as the constant power it is rated for"
    names = [e["Name"] for e, is_odd in zip(elements, odd, strict=True) if is_odd]
    return make_findings("load_model", "loads", names, message, severity="warning", values=values)


def _turned(rows: pd.DataFrame, id_column: str, new_id: str, **cells: object) -> pd.DataFrame:
    """Loads as generators, or generators as loads: powers change their sign."""
    turned = rows.rename(columns={id_column: new_id})
    return turned.assign(p_kw=-turned["p_kw"], q_kvar=-turned["q_kvar"], **cells)


def _stacked(rows: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, more], ignore_index=True)[list(rows.columns)] if len(more) else rows


def _feeding(feeding: pd.DataFrame, charging: pd.DataFrame) -> pd.DataFrame:
    fed, drawn = feeding["generator_id"], charging["load_id"]
    message = "a load of negative power feeds in; modelled as a generator"
    told = make_findings("feeds_in", "generators", fed, message, severity="warning", values=feeding["p_kw"])
    message = "the unit charges in OpenDSS's solution; modelled as a load"
    return join_findings(
        [told, make_findings("draws", "loads", drawn, message, severity="warning", values=charging["p_kw"])]
    )


def _one_phase(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    odd = rows[rows["phases"] < 3]
    message = "it stands on one or two phases; a balanced model spreads it over three"
    ids = odd.iloc[:, 0]
    return make_findings("not_balanced", table, ids, message, severity="warning", values=odd["dss_bus"])


def _switched(circuit: Circuit) -> pd.DataFrame:
    names = [str(e["Capacitor"]) for e in circuit.of("capcontrol")]
    message = "a switched capacitor; its steps are fixed as OpenDSS's own solution ends"
    return make_findings("control_fixed", "capacitors", names, message, severity="warning")


def _series_capacitors(circuit: Circuit) -> pd.DataFrame:
    names = [e["Name"] for e in circuit.of("capacitor") if is_series(e)]
    message = "a capacitor in series cannot be modelled; what lies behind it has no supply by it"
    return make_findings("not_represented", "capacitors", names, message, severity="warning")


def _switched_off(circuit: Circuit) -> pd.DataFrame:
    parts = []
    for name, elements in circuit.disabled.items():
        table = _TABLE_OF.get(name)
        if table is None:
            continue
        values = [f"{float(e['kW']):g} kW" if "kW" in e else None for e in elements]
        message = f"the {name} is disabled in the script; not in the model"
        ids = [e["Name"] for e in elements]
        parts.append(make_findings("disabled", table, ids, message, severity="warning", values=values))
    return join_findings(parts)
