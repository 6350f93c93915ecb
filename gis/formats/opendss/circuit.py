"""`Circuit`: what OpenDSS says of a solved circuit, as frames; nothing is balanced or judged yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

# One element as OpenDSS lists it: properties by name, of many types.
Element = dict[str, Any]

PHASES = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class Circuit:
    """A solved circuit.

    Attributes
    ----------
    f_hz, load_factor
        Frequency, and the factor the script sets on all loads (`loadmult`).
    elements, disabled
        Elements by class in lower case, those switched off apart.
    buses
        Indexed by bus_id: vn_kv (line to line), phases (how many there are), v_pu (mean of the phases, of
        three the positive sequence), angle_rad.
    volts
        Complex voltage to ground [V] by "bus.node".
    p_kw, q_kvar, loss_kw
        What all sources give, and what is lost.
    """

    name: str
    f_hz: float
    load_factor: float
    elements: dict[str, list[Element]]
    disabled: dict[str, list[Element]]
    buses: pd.DataFrame
    volts: pd.Series
    p_kw: float
    q_kvar: float
    loss_kw: float

    def pace(self, element: Element) -> float:
        """Frequency of the circuit against the one an element's reactance is given for."""
        return float(self.f_hz / element["BaseFreq"])

    def of(self, name: str) -> list[Element]:
        """Elements of a class that are switched on."""
        return self.elements[name]


@dataclass(frozen=True)
class Terminal:
    """One end of an element: its bus, and the node of every conductor (0 is earth)."""

    bus_id: str
    nodes: tuple[int, ...]


def make_circuit(answer: dict[str, Any]) -> Circuit:
    """Arrange the answer of `gis.formats.opendss.child`."""
    circuit = answer["circuit"]
    by_class: dict[str, list[Element]] = {n.lower(): rows for n, rows in circuit["elements"].items()}
    on = {n: [e for e in rows if e.get("Enabled", True)] for n, rows in by_class.items()}
    off = {n: [e for e in rows if not e.get("Enabled", True)] for n, rows in by_class.items()}
    solution = circuit["solution"]
    buses, volts = _buses(solution["buses"])
    return Circuit(
        name=circuit["name"],
        f_hz=circuit["frequency"],
        load_factor=circuit["loadmult"],
        elements=on,
        disabled=off,
        buses=buses,
        volts=volts,
        p_kw=solution["p_kw"],
        q_kvar=solution["q_kvar"],
        loss_kw=solution["loss_kw"],
    )


def bus_voltages(solution: dict[str, Any]) -> pd.DataFrame:
    """The buses of a solution; see `Circuit.buses`."""
    return _buses(solution["buses"])[0]


def terminal(text: str, phases: int) -> Terminal:
    """Read a bus as OpenDSS writes it, "632.3.2"; without nodes they are 1, 2, 3 in order.

    Examples
    --------
    >>> terminal("632.3.2", 2)
    Terminal(bus_id='632', nodes=(3, 2))
    >>> terminal("671", 3).nodes
    (1, 2, 3)
    """
    bus_id, *nodes = text.lower().split(".")
    given = [int(node) for node in nodes if node.isdigit()]
    return Terminal(bus_id, tuple(given[:phases] + list(range(len(given) + 1, phases + 1))))


def voltages_at(circuit: Circuit, terminals: Iterable[Terminal]) -> np.ndarray:
    """Complex voltage [V] per terminal and conductor, of terminals with equally many conductors."""
    keys = [[f"{end.bus_id}.{node}" for node in end.nodes] for end in terminals]
    flat = circuit.volts.reindex([key for row in keys for key in row]).fillna(0.0).to_numpy(dtype=complex)
    return flat.reshape(len(keys), -1)


def _buses(rows: list[Element]) -> tuple[pd.DataFrame, pd.Series]:
    nodes = pd.DataFrame(
        {
            "bus_id": [row["name"].lower() for row in rows for _ in row["nodes"]],
            "node": [node for row in rows for node in row["nodes"]],
            "v": [complex(re, im) for row in rows for re, im in zip(row["re"], row["im"], strict=True)],
        }
    ).astype({"v": complex, "node": int})
    kv = pd.Series({row["name"].lower(): float(row["kv"]) for row in rows}, dtype=float)
    phases = nodes[nodes["node"].isin(PHASES)]
    count = phases.groupby("bus_id").size().reindex(kv.index).fillna(0).astype(int)
    turned = phases["v"] * np.exp(2j * np.pi / 3.0 * (phases["node"] - 1))
    sequence = turned.groupby(phases["bus_id"]).sum().reindex(kv.index) / 3.0
    mean = phases["v"].abs().groupby(phases["bus_id"]).mean().reindex(kv.index)
    volts = np.where(count == 3, sequence.abs(), mean)
    frame = pd.DataFrame(
        {
            "vn_kv": np.sqrt(3.0) * kv,
            "phases": count,
            "v_pu": volts / (1000.0 * kv.replace(0.0, np.nan)),
            "angle_rad": np.angle(sequence.fillna(0.0)),
        },
        index=kv.index.rename("bus_id"),
    )
    return frame, pd.Series(nodes["v"].to_numpy(), nodes["bus_id"] + "." + nodes["node"].astype(str))
