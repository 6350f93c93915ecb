"""The least cut of a small feeder by trying every combination of shares on ever finer grids, then polished.

Voltages by the Z-bus iteration of all combinations at once, in numpy alone: neither the engine nor a linear
program has a part in it. Charging of cables is left out (1e-7 of the current of a short 0.4 kV cable).
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from gridmodel import GridModel

SHARES = 6
FINER = 12
# What the polish may lack of a limit [pu, share]: its own tolerance.
LACKING = 1e-6


class Feeder(NamedTuple):
    """A 0.4 kV feeder: bus 0 is the source; impedances and ratings of lines, power of loads [kVA]."""

    ends: np.ndarray
    ohm: np.ndarray
    most_ka: np.ndarray
    bus: np.ndarray
    kva: np.ndarray
    kv: float
    source_pu: float


def feeder_of(model: GridModel, load_factor: float = 1.0) -> Feeder:
    """The feeder of a model that has lines and loads only, its source at bus 0."""
    line, load = model.net.line, model.net.load
    km = line["length_km"].to_numpy()
    return Feeder(
        line[["from_bus", "to_bus"]].to_numpy(dtype=int),
        (line["r_ohm_per_km"] + 1j * line["x_ohm_per_km"]).to_numpy() * km,
        line["max_i_ka"].to_numpy(),
        load["bus"].to_numpy(dtype=int),
        1e3 * load_factor * (load["p_mw"] + 1j * load["q_mvar"]).to_numpy(),
        float(model.net.bus["vn_kv"].iloc[0]),
        float(model.net.ext_grid["vm_pu"].iloc[0]),
    )


def state_of(feeder: Feeder, served: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voltages [pu] and loadings [share] per combination of shares served (combinations x loads)."""
    buses = int(feeder.ends.max()) + 1
    admittance = np.zeros((buses, buses), dtype=complex)
    for (one, two), ohm in zip(feeder.ends, feeder.ohm, strict=True):
        admittance[[one, two], [one, two]] += 1.0 / ohm
        admittance[[one, two], [two, one]] -= 1.0 / ohm
    impedance = np.linalg.inv(admittance[1:, 1:])
    base_kv = feeder.kv / np.sqrt(3.0)  # line to earth: one phase carries a third of the power
    drawn = np.zeros((len(served), buses), dtype=complex)
    for load, bus in enumerate(feeder.bus):
        drawn[:, bus] += served[:, load] * feeder.kva[load] / 3e3  # MVA a phase
    source_kv = feeder.source_pu * base_kv
    volts = np.full((len(served), buses), source_kv, dtype=complex)
    for _ in range(60):
        current = np.conj(drawn[:, 1:] / volts[:, 1:])  # kA
        volts[:, 1:] = source_kv - current @ impedance.T
    through = (volts[:, feeder.ends[:, 0]] - volts[:, feeder.ends[:, 1]]) / feeder.ohm
    return np.abs(volts) / base_kv, np.abs(through) / feeder.most_ka


def least_cut_kw(feeder: Feeder, min_pu: float) -> float:
    """The least cut [kW]: the best of ever finer grids, polished by sequential quadratic programs."""
    kw, count = feeder.kva.real, len(feeder.kva)
    middle, half, best = np.full(count, 0.5), 0.5, np.inf
    for _ in range(FINER):
        steps = half * np.linspace(-1, 1, SHARES + 1)
        served = np.array(list(product(*(np.unique(np.clip(share + steps, 0.0, 1.0)) for share in middle))))
        holds = (margins(feeder, served, min_pu) >= 0.0).all(axis=1)
        cut_kw = np.where(holds, (1.0 - served) @ kw, np.inf)
        if cut_kw.min() < best:
            best, middle = float(cut_kw.min()), served[int(cut_kw.argmin())]
        half *= 0.8
    return min(best, _polished_kw(feeder, min_pu, middle))


def margins(feeder: Feeder, served: np.ndarray, min_pu: float) -> np.ndarray:
    """What is left to every limit, combinations x limits [pu, share]."""
    vm_pu, loading = state_of(feeder, served)
    return np.concatenate([vm_pu - min_pu, 1.0 - loading], axis=1)


def _polished_kw(feeder: Feeder, min_pu: float, served: np.ndarray) -> float:
    kw = feeder.kva.real
    found = minimize(
        lambda share: float((1.0 - share) @ kw) / kw.sum(),
        served,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(kw),
        constraints={"type": "ineq", "fun": lambda share: margins(feeder, share[None], min_pu)[0]},
        options={"ftol": 1e-9, "maxiter": 200},
    )
    share = np.clip(found.x, 0.0, 1.0)
    holds = (margins(feeder, share[None], min_pu) >= -LACKING).all()
    return float((1.0 - share) @ kw) if holds else np.inf
