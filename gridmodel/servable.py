"""How much of its demand a grid can carry: many load flows at once on pandapower's own matrix.

The matrix is factorised once; each load flow is a fixed-point iteration of currents (implicit Z-bus Gauss),

    V = V0 + Z conj(S / V)        V0: voltages without any injection, Z: inverse of the matrix without sources

which contracts up to the largest power the grid can carry (Bolognani and Zampieri 2016,
doi:10.1109/TPWRS.2015.2395452). Sources hold their voltage, so what hangs behind them falls into parts that
do not feel each other. Only numbers here: who is to blame stands in `gridmodel.suspects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import SuperLU, splu

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

# Voltages settled [pu]; fine enough to tell solvable from not, far coarser than a result.
SETTLED_PU = 1e-6
# At 0.5 % below the largest power a step still shrinks the error to 0.86: 150 of them to 1e-10.
MOST_STEPS = 150
# Below this a voltage has collapsed: at the largest power a bus keeps at least half of its own.
COLLAPSED_PU = 0.1
# The share is told within 1 % of itself, down to a millionth of the demand.
SHARE_WITHIN = 0.01
MOST_HALVINGS = 28
LEAST_SHARE = 1e-6


@dataclass(frozen=True, eq=False)
class Carrier:
    """A grid as seen from its sources, ready for many load flows.

    Attributes
    ----------
    places
        Row of each of the net's buses here; -1 for a bus of a source and for one without supply.
    parts
        Part per row: parts join only at sources.
    idle_pu
        Voltages without injection.
    fixed_pu
        Power injected by what is not a load (generators).
    factors
        The factorised matrix.
    """

    places: np.ndarray
    parts: np.ndarray
    idle_pu: np.ndarray
    fixed_pu: np.ndarray
    factors: SuperLU

    @property
    def part_count(self) -> int:
        return int(self.parts.max(initial=-1)) + 1

    def at_rows(self, buses: np.ndarray, power_mva: np.ndarray) -> np.ndarray:
        """Sum complex power given per bus of the net over the rows; that at sources and dead buses drops."""
        rows = self.places[buses]
        sums = np.zeros(len(self.parts), dtype=complex)
        np.add.at(sums, rows[rows >= 0], power_mva[rows >= 0])
        return sums


@dataclass(frozen=True, eq=False)
class Carried:
    """The largest share of its demand each part carries, in each case.

    Attributes
    ----------
    share
        Parts x cases [0..1, within 1 % of itself]; 0 where not even no demand at all is solvable.
    voltage_pu
        Rows x cases: complex voltages at that share, each part at its own.
    """

    share: np.ndarray
    voltage_pu: np.ndarray


def carrier_of(net: pandapowerNet) -> Carrier | None:
    """Factorise a net that pandapower has solved without any demand; nothing when all buses are sources.

    Reads pandapower's private `_ppc["internal"]` (pinned version; a test holds it to the result tables).
    """
    inner = net._ppc["internal"]
    if "ref" not in inner:  # nothing was to be solved
        return None
    matrix, sources = csc_array(inner["Ybus"]), inner["ref"]
    rows = np.setdiff1d(np.arange(matrix.shape[0]), sources)
    if not len(rows):
        return None
    behind = matrix[rows][:, rows]
    factors = splu(csc_array(behind))
    idle = factors.solve(-(matrix[rows][:, sources] @ inner["V"][sources]))
    places = np.full(matrix.shape[0] + 1, -1)
    places[rows] = np.arange(len(rows))
    lookup = np.minimum(net._pd2ppc_lookups["bus"], matrix.shape[0])
    return Carrier(
        places=places[lookup],
        parts=connected_components(behind != 0, directed=False)[1],
        idle_pu=idle,
        fixed_pu=np.asarray(inner["Sbus"][rows]),  # without demand: generators alone
        factors=factors,
    )


def demand_of(carrier: Carrier, net: pandapowerNet) -> np.ndarray:
    """Complex demand per row [pu] of the loads in service, at their present scaling."""
    return carrier.at_rows(net.load["bus"].to_numpy(), load_power_pu(net))


def load_power_pu(net: pandapowerNet) -> np.ndarray:
    """Complex power per load [pu of the net's base], 0 out of service."""
    load = net.load
    factor = (load["scaling"] * load["in_service"]).to_numpy(dtype=float) / net.sn_mva
    return factor * (load["p_mw"].to_numpy(dtype=float) + 1j * load["q_mvar"].to_numpy(dtype=float))


def largest_share(carrier: Carrier, demand_pu: np.ndarray) -> Carried:
    """Find the largest share of a demand that each part carries, by bisection from the last solvable point.

    Parameters
    ----------
    demand_pu
        Complex demand, rows x cases [pu].
    """
    cases = demand_pu.shape[1]
    voltage, idle_is_fine = settle(carrier, 0.0 * demand_pu, np.repeat(carrier.idle_pu[:, None], cases, 1))
    low, high = np.zeros((carrier.part_count, cases)), np.ones((carrier.part_count, cases))
    trial = high.copy()
    for _ in range(MOST_HALVINGS):
        found, solved = settle(carrier, trial[carrier.parts] * demand_pu, voltage)
        solved &= idle_is_fine
        voltage = np.where(solved[carrier.parts], found, voltage)
        low, high = np.where(solved, trial, low), np.where(solved, high, trial)
        open_ = idle_is_fine & (high - low > SHARE_WITHIN * low) & (high > LEAST_SHARE)
        if not open_.any():
            break
        trial = np.where(open_, (low + high) / 2.0, low)
    return Carried(low, np.where(idle_is_fine[carrier.parts], voltage, np.nan))


def settle(carrier: Carrier, demand_pu: np.ndarray, start_pu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Iterate the voltages of all parts and cases; tells per part and case whether they settled."""
    parts, shape = carrier.parts, (carrier.part_count, demand_pu.shape[1])
    injected, idle_pu = carrier.fixed_pu[:, None] - demand_pu, carrier.idle_pu[:, None]
    voltage, settled, collapsed = start_pu.copy(), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for _ in range(MOST_STEPS):
        live = np.flatnonzero(~(settled | collapsed).all(axis=0))
        if not len(live):
            break
        before, done = voltage[:, live], (settled | collapsed)[:, live][parts]
        current = np.where(done, 0.0, np.conj(injected[:, live] / before))
        after = np.where(done, before, idle_pu + carrier.factors.solve(current))
        held = np.abs(after) >= COLLAPSED_PU * np.abs(idle_pu)
        moved = np.abs(after - before) > SETTLED_PU
        collapsed[:, live] |= _any_in_part(~held, parts, shape[0])
        settled[:, live] |= ~_any_in_part(moved, parts, shape[0]) & ~collapsed[:, live]
        voltage[:, live] = after
    return voltage, settled


def _any_in_part(flags: np.ndarray, parts: np.ndarray, count: int) -> np.ndarray:
    """Tell per part and case whether any of its rows is flagged."""
    rows, cases = np.nonzero(flags)
    found = np.zeros((count, flags.shape[1]), dtype=bool)
    found[parts[rows], cases] = True
    return found
