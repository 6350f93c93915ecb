"""Which supply points seem to have room: what is left on the way to the source, and how the voltage moves.

A first look in a few milliseconds that says which points are worth a load flow; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from capacity.checks import State, voltage_bounds
from capacity.connection.connection_grid import ConnectionGrid
from gis.voltage import LV_MAX_KV
from gridmodel import line_figures, transformer_figures


@dataclass(frozen=True, eq=False)
class SupplyRoom:
    """What the grid has left per bus, in the normal switching state.

    Attributes
    ----------
    room_kva
        Least that is left of the ratings on the way to the source, over all cases.
    z_pu_per_kva
        Impedance of the way to the source per kVA drawn: voltage change is the real part of it times the
        conjugate of the power.
    cases
        Positions of the cases that have a solution and are no outage.
    vm_pu, low_pu, high_pu
        Cases x buses: voltage and its bounds, missing where no band applies.
    """

    room_kva: np.ndarray
    z_pu_per_kva: np.ndarray
    cases: np.ndarray
    vm_pu: np.ndarray
    low_pu: np.ndarray
    high_pu: np.ndarray
    change_pu: np.ndarray

    def drop_pu(self, buses: np.ndarray, kva: np.ndarray) -> np.ndarray:
        """Voltage drop over the grid that a power causes at buses [pu]: cases x buses."""
        return np.real(self.z_pu_per_kva[None, buses] * np.conj(kva[self.cases])[:, None])

    def seems_free(self, buses: np.ndarray, kva: np.ndarray) -> np.ndarray:
        """Flag per bus: a power per case seems to fit there."""
        drop = self.drop_pu(buses, kva)
        after = self.vm_pu[:, buses] - drop
        inside = ~(after < self.low_pu[:, buses]) & ~(after > self.high_pu[:, buses])
        inside &= np.abs(drop) <= self.change_pu[buses]
        return np.asarray((np.abs(kva).max(initial=0.0) <= self.room_kva[buses]) & inside.all(axis=0))


@lru_cache(maxsize=4)
def supply_room(grid: ConnectionGrid) -> SupplyRoom:
    """What a grid has left per bus."""
    yardstick, network = grid.yardstick, grid.network
    normal = (grid.cases.labels["outage"] == "").to_numpy()
    cases = np.flatnonzero(normal & np.array([state is not None for state in grid.states], dtype=bool))
    states = [state for case in cases if (state := grid.states[case]) is not None]
    edge_kva, edge_z = _edges(grid, states)
    parents = yardstick.supply.parents
    bounds = [voltage_bounds(yardstick, state) for state in states]
    none = np.zeros((0, len(network.buses)))
    change = yardstick.limits.voltage_change
    low = network.buses["vn_kv"].to_numpy() <= LV_MAX_KV
    return SupplyRoom(
        room_kva=_along(parents, edge_kva, np.minimum),
        z_pu_per_kva=_along(parents, edge_z, np.add),
        cases=cases,
        vm_pu=np.array([state.vm_pu for state in states]) if states else none,
        low_pu=np.array([bound[0] for bound in bounds]) if states else none,
        high_pu=np.array([bound[1] for bound in bounds]) if states else none,
        change_pu=np.where(low, change.lv_percent, change.mv_percent) / 100.0,
    )


def _edges(grid: ConnectionGrid, states: list[State]) -> tuple[np.ndarray, np.ndarray]:
    """What is left of the rating of the element that feeds each bus [kVA], and its impedance [pu per kVA]."""
    network, loading = grid.network, grid.yardstick.limits.loading
    fed_by = grid.yardstick.supply.buses
    left = np.full(len(network.buses), np.inf)
    impedance = np.zeros(len(network.buses), dtype=complex)
    of_table = {
        "lines": ("line_loading_percent", loading.line_percent, _line_z(grid)),
        "transformers": ("transformer_loading_percent", loading.transformer_percent, _transformer_z(grid)),
    }
    for table, (figure, limit, z) in of_table.items():
        buses = np.flatnonzero(fed_by["upstream_table"] == table)
        rows = network.table(table).index.get_indexer(fed_by["upstream_id"].iloc[buses])
        used = np.zeros(len(rows))
        for state in states:
            used = np.fmax(used, np.nan_to_num(getattr(state, figure)[rows]))
        left[buses] = (limit - used) / 100.0 * grid.ratings_kva[table][rows]
        impedance[buses] = z[rows]
    return left, impedance


def _line_z(grid: ConnectionGrid) -> np.ndarray:
    """Impedance per line [pu per kVA]."""
    lines = grid.network.lines
    figures = line_figures(grid.network, grid.catalogue)
    length_km = figures["length_m"].to_numpy(dtype=float) / 1000.0
    ohm = (figures["r_ohm_per_km"] + 1j * figures["x_ohm_per_km"]).to_numpy() * length_km
    vn_kv = lines["vn_kv"].to_numpy(dtype=float)
    return np.asarray(ohm / lines["parallel"].to_numpy(dtype=float) / (vn_kv**2 * 1000.0))


def _transformer_z(grid: ConnectionGrid) -> np.ndarray:
    """Impedance per transformer [pu per kVA]."""
    figures = transformer_figures(grid.network, grid.catalogue)
    r = figures["vkr_percent"].to_numpy(dtype=float)
    x = np.sqrt(np.maximum(figures["vk_percent"].to_numpy(dtype=float) ** 2 - r**2, 0.0))
    units = grid.network.transformers["parallel"].to_numpy(dtype=float)
    return np.asarray((r + 1j * x) / 100.0 / (figures["sn_kva"].to_numpy(dtype=float) * units))


def _along(
    parents: np.ndarray, own: np.ndarray, join: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Join the figures of all elements from each bus to its source, doubling the step each time."""
    total, up = own.copy(), parents.copy()
    while len(below := np.flatnonzero(up >= 0)):
        total[below] = join(total[below], total[up[below]])
        up = np.where(up >= 0, up[up], -1)
    return total
