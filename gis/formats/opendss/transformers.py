"""Transformers and regulators of a circuit: two-winding balanced equivalents, banks of units joined.

A single-phase unit of rated power S between power P and its loss behaves, per unit, as a three-phase
transformer of the same S: P / S times the same short-circuit voltage. So it keeps its rated power and its
percentages. Units between the same two buses are one bank: powers add up, percentages are averaged by power.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gis.findings import join_findings, make_findings
from gis.formats.opendss.circuit import Circuit, Element, Terminal, terminal

# Steps of 1/32 of 20 % are the standard of step regulators (IEEE C57.15).
USUAL_STEPS = 32
_PER_WINDING = ("Buses", "Conns", "kVs", "Taps", "MinTap", "MaxTap", "NumTaps")


@dataclass(frozen=True)
class Unit:
    """One unit or bank, per unit of its own power.

    Attributes
    ----------
    buses, nodes
        Ends on the high and the low side, and the phases of the first.
    vn_kv
        Rated voltages as line to line, taps off the regulated winding in them.
    z_percent
        Short-circuit impedance on `sn_kva`.
    tap_side, tap, tap_range
        The winding whose tap counts, its ratio, and (lowest, highest, number of steps).
    """

    ids: tuple[str, ...]
    buses: tuple[str, str]
    nodes: tuple[int, ...]
    phases: int
    windings: int
    sn_kva: float
    vn_kv: tuple[float, float]
    z_percent: complex
    pfe_kw: float
    i_magnetising_kva: float
    shift_degree: float
    tap_side: str
    tap: float
    tap_range: tuple[float, float, float]
    regulated: bool

    @property
    def transformer_id(self) -> str:
        return "+".join(self.ids)


@dataclass(frozen=True, eq=False)
class TransformerTables:
    """Raw canonical rows without geometry, and what was found."""

    transformers: pd.DataFrame
    findings: pd.DataFrame

    def ends(self) -> set[frozenset[str]]:
        """Pairs of buses with a transformer between them."""
        pairs = zip(self.transformers["hv_bus_id"], self.transformers["lv_bus_id"], strict=True)
        return {frozenset(pair) for pair in pairs}


def transformer_tables(circuit: Circuit) -> TransformerTables:
    """Transformers of a circuit as two-winding balanced equivalents."""
    regulators = {e["Transformer"].lower(): int(e["TapWinding"]) for e in circuit.of("regcontrol")}
    elements = circuit.of("transformer")
    lost = [e for e in elements if len(_buses_of(e)) < 2]
    several = [e for e in elements if len(_buses_of(e)) > 2]
    pairs = [e for e in elements if len(_buses_of(e)) == 2] + [p for e in several for p in _pairs(e)]
    banks = _banks([_unit(circuit, e, regulators) for e in pairs])
    return TransformerTables(
        pd.DataFrame([_row(bank) for bank in banks], columns=list(_COLUMNS)),
        join_findings([_shorted(lost), _split(several), _unbalanced(banks), _joined(banks), _fixed(banks)]),
    )


def _buses_of(element: Element) -> list[str]:
    return list(dict.fromkeys(terminal(bus, 1).bus_id for bus in element["Buses"]))


def _pairs(element: Element) -> list[Element]:
    """A unit between more than two buses as units from the first winding to each other one."""
    power = element["kVAs"]
    return [
        element
        | {name: [element[name][0], element[name][k]] for name in _PER_WINDING}
        | {
            "Name": f"{element['Name']}:{k + 1}",
            "kVAs": [power[k]] * 2,
            "pctRs": [element["pctRs"][0] * power[k] / power[0], element["pctRs"][k]],
            "XHL": element["XSCArray"][k - 1] * power[k] / power[0],
            "pctNoLoadLoss": element["pctNoLoadLoss"] if k == 1 else 0.0,
            "pctIMag": element["pctIMag"] if k == 1 else 0.0,
        }
        for k in range(1, len(power))
    ]


def _unit(circuit: Circuit, element: Element, regulators: dict[str, int]) -> Unit:
    """One element, its high side first; two half windings on one bus (centre tap) are one side."""
    buses = _buses_of(element)
    count = int(element["Phases"])
    ends = [_ends(bus, count, conn) for bus, conn in zip(element["Buses"], element["Conns"], strict=True)]
    rated = [_rated_kv(circuit, e, kv, count) for e, kv in zip(ends, element["kVs"], strict=True)]
    first, second = 0, next(i for i, end in enumerate(ends) if end.bus_id != ends[0].bus_id)
    if circuit.buses["vn_kv"].get(buses[0], 0.0) < circuit.buses["vn_kv"].get(buses[1], 0.0):
        first, second = second, first
    tapped = regulators.get(element["Name"].lower(), 0) - 1
    if tapped not in (first, second):
        tapped = first if element["Taps"][first] != 1.0 and element["Taps"][second] == 1.0 else second
    other = first if tapped == second else second
    rated[other] *= element["Taps"][other]
    sn_kva = float(element["kVAs"][0])
    steps = (element["MinTap"][tapped], element["MaxTap"][tapped], element["NumTaps"][tapped] or USUAL_STEPS)
    no_load, magnetising = element["pctNoLoadLoss"] / 100.0, element["pctIMag"] / 100.0
    return Unit(
        ids=(element["Name"],),
        buses=(ends[first].bus_id, ends[second].bus_id),
        nodes=tuple(node for node in ends[0].nodes if node),
        phases=count,
        windings=len(ends),
        sn_kva=sn_kva,
        vn_kv=(rated[first], rated[second]),
        z_percent=_impedance(element, circuit.pace(element)),
        pfe_kw=no_load * sn_kva,
        i_magnetising_kva=float(np.hypot(no_load, magnetising)) * sn_kva,
        shift_degree=_shift(element, first, second) if count == 3 else 0.0,
        tap_side="hv" if tapped == first else "lv",
        tap=float(element["Taps"][tapped]),
        tap_range=steps,
        regulated=element["Name"].lower() in regulators,
    )


def _ends(bus: str, phases: int, conn: str) -> Terminal:
    """A winding's end: of one phase its two nodes, the second earth where it is connected to neutral."""
    if phases > 1:
        return terminal(bus, phases)
    name, *nodes = bus.lower().split(".")
    given = [int(node) for node in nodes if node.isdigit()] or [1]
    to_earth = conn.lower().startswith(("w", "y"))
    second = given[1] if len(given) > 1 else 0 if to_earth else given[0] % 3 + 1
    return Terminal(name, (given[0], second if second in (0, 1, 2, 3) else 0))


def _rated_kv(circuit: Circuit, end: Terminal, kv: float, phases: int) -> float:
    """Rated voltage as line to line of the balanced model: the same share of its bus's voltage."""
    vn_kv = float(circuit.buses["vn_kv"].get(end.bus_id, np.nan))
    if phases > 1 or not vn_kv > 0.0:
        return float(kv)
    volts = [complex(circuit.volts.get(f"{end.bus_id}.{node}", 0.0)) for node in end.nodes]
    if 0 in end.nodes:
        return float(kv * np.sqrt(3.0))
    apart = np.angle(volts[0] / volts[1]) if all(volts) else 2.0 * np.pi / 3.0
    opposite = abs(apart) > 5.0 * np.pi / 6.0  # the legs of a split-phase service
    return float(kv * np.sqrt(3.0) / 2.0) if opposite else float(kv)


def _impedance(element: Element, pace: float) -> complex:
    """Short-circuit impedance [%]; with a centre tap, both halves loaded alike: Zh + Zl / 2."""
    r = element["pctRs"]
    x_hl, x_ht, x_lt = (pace * element[name] for name in ("XHL", "XHT", "XLT"))
    if len(r) < 3:
        return complex(sum(r), x_hl)
    high, low, third = (x_hl + x_ht - x_lt) / 2.0, (x_hl + x_lt - x_ht) / 2.0, (x_ht + x_lt - x_hl) / 2.0
    return complex(r[0] + (r[1] + r[2]) / 4.0, high + (low + third) / 4.0)


def _shift(element: Element, first: int, second: int) -> float:
    """Degrees the low side lags: 30 between star and delta, unless the unit is said to lead."""
    stars = [element["Conns"][i].lower().startswith(("w", "y")) for i in (first, second)]
    lags = not str(element["LeadLag"]).lower().startswith(("lead", "e"))
    return 0.0 if stars[0] == stars[1] else 30.0 if lags else -30.0


def _banks(units: list[Unit]) -> list[Unit]:
    """Single-phase units between the same two buses, joined: on different phases, or side by side."""
    groups: dict[object, list[Unit]] = defaultdict(list)
    for unit in units:
        groups[(unit.buses, unit.tap_side) if unit.phases == 1 else unit.ids].append(unit)
    return [_bank(group) for group in groups.values()]


def _bank(units: list[Unit]) -> Unit:
    if len(units) == 1:
        return units[0]
    powers = np.array([unit.sn_kva for unit in units])
    shares = powers / powers.sum()
    return replace(
        units[0],
        ids=tuple(i for unit in units for i in unit.ids),
        nodes=tuple(sorted({node for unit in units for node in unit.nodes})),
        phases=min(3, len(units)),
        sn_kva=float(powers.sum()),
        z_percent=complex(sum(s * unit.z_percent for s, unit in zip(shares, units, strict=True))),
        pfe_kw=sum(unit.pfe_kw for unit in units),
        i_magnetising_kva=sum(unit.i_magnetising_kva for unit in units),
        tap=float(np.average([unit.tap for unit in units])),
        regulated=any(unit.regulated for unit in units),
    )


_COLUMNS = (
    "transformer_id",
    "hv_bus_id",
    "lv_bus_id",
    "sn_kva",
    "vn_hv_kv",
    "vn_lv_kv",
    "vk_percent",
    "vkr_percent",
    "pfe_kw",
    "i0_percent",
    "shift_degree",
    "tap_side",
    "tap_neutral",
    "tap_min",
    "tap_max",
    "tap_step_percent",
    "tap_pos",
    "dss_nodes",
)


def _row(unit: Unit) -> dict[str, object]:
    low, high, count = unit.tap_range
    step_percent = 100.0 * (high - low) / count
    position = 100.0 * (unit.tap - 1.0) / step_percent
    return {
        "transformer_id": unit.transformer_id,
        "hv_bus_id": unit.buses[0],
        "lv_bus_id": unit.buses[1],
        "sn_kva": unit.sn_kva,
        "vn_hv_kv": unit.vn_kv[0],
        "vn_lv_kv": unit.vn_kv[1],
        "vk_percent": abs(unit.z_percent),
        "vkr_percent": unit.z_percent.real,
        "pfe_kw": unit.pfe_kw,
        "i0_percent": 100.0 * unit.i_magnetising_kva / unit.sn_kva,
        "shift_degree": unit.shift_degree,
        "tap_side": unit.tap_side,
        "tap_neutral": 0.0,
        "tap_min": min(100.0 * (low - 1.0) / step_percent, position),
        "tap_max": max(100.0 * (high - 1.0) / step_percent, position),
        "tap_step_percent": step_percent,
        "tap_pos": position,
        "dss_nodes": ".".join(map(str, unit.nodes)),
    }


def _shorted(elements: list[Element]) -> pd.DataFrame:
    message = "all windings stand at one bus; left out"
    names = [e["Name"] for e in elements]
    return make_findings("not_represented", "transformers", names, message, severity="warning")


def _split(elements: list[Element]) -> pd.DataFrame:
    message = "windings at three buses or more; modelled as a transformer from the first to each other one"
    names, values = [e["Name"] for e in elements], [", ".join(_buses_of(e)) for e in elements]
    return make_findings("winding_split", "transformers", names, message, severity="warning", values=values)


def _unbalanced(units: list[Unit]) -> pd.DataFrame:
    split = [unit for unit in units if unit.windings > 2]
    single = [unit for unit in units if unit.phases < 3 and unit.windings == 2]
    parts = []
    for chosen, message in (
        (split, "split-phase unit with a centre tap; modelled as balanced, both halves loaded alike"),
        (single, "the unit has not all three phases; modelled as a balanced one of the same power"),
    ):
        ids, values = [u.transformer_id for u in chosen], [f"nodes {u.nodes}" for u in chosen]
        parts.append(
            make_findings("not_balanced", "transformers", ids, message, severity="warning", values=values)
        )
    return join_findings(parts)


def _joined(units: list[Unit]) -> pd.DataFrame:
    banks = [unit for unit in units if len(unit.ids) > 1]
    message = "single-phase units on the phases of the same two buses; joined into one, taps averaged"
    ids = [unit.transformer_id for unit in banks]
    return make_findings("bank_joined", "transformers", ids, message, severity="warning")


def _fixed(units: list[Unit]) -> pd.DataFrame:
    regulated = [unit for unit in units if unit.regulated]
    message = "a regulator; fixed at the tap OpenDSS's own solution ends with"
    ids, values = [u.transformer_id for u in regulated], [f"ratio {u.tap:.5f}" for u in regulated]
    return make_findings("control_fixed", "transformers", ids, message, severity="warning", values=values)
