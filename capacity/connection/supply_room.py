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
from capacity.impact import NOTICEABLE_PU
from gis.voltage import LV_MAX_KV
from gridmodel import line_figures, transformer_figures

# Voltage [pu] below which a first look means nothing.
LEAST_PU = 0.5


@dataclass(frozen=True, eq=False)
class SupplyRoom:
    """What the grid has left per bus: the worst of the cases at one power of the grid, outages among them.

    Ways are those of the normal switching state.

    Attributes
    ----------
    power_of
        Number of the power per case; -1 for cases without solution.
    room_kva
        Least that is left of the ratings on the way to the source, over all cases.
    z_pu_per_kva
        Impedance of the way to the source per kVA drawn: voltage change is the real part of it times the
        conjugate of the power.
    z_of_busbar
        The same of the bus that the band of each bus counts from; 0 where it counts from nominal voltage.
    vm_pu
        Powers x buses: lowest voltage.
    below_pu, above_pu
        Powers x buses: how far the voltage may fall and rise within its band; infinite where none applies.
    down_pu, up_pu
        The same until the bus or one that it feeds leaves its band; of bands that count from nominal voltage,
        then of those that count from a busbar.
    """

    parents: np.ndarray
    power_of: np.ndarray
    room_kva: np.ndarray
    z_pu_per_kva: np.ndarray
    z_of_busbar: np.ndarray
    vm_pu: np.ndarray
    below_pu: np.ndarray
    above_pu: np.ndarray
    change_pu: np.ndarray
    down_pu: tuple[np.ndarray, np.ndarray]
    up_pu: tuple[np.ndarray, np.ndarray]

    def powers(self, kva: np.ndarray) -> np.ndarray:
        """The largest of what a site draws in the cases of each power [kVA]."""
        largest = np.zeros(len(self.vm_pu), dtype=complex)
        for case in np.argsort(np.abs(kva), kind="stable"):
            if self.power_of[case] >= 0:
                largest[self.power_of[case]] = kva[case]
        return largest

    def drop_pu(self, buses: np.ndarray, kva: np.ndarray) -> np.ndarray:
        """Voltage drop over the grid that a power per case causes at buses [pu]: powers x buses."""
        power = np.conj(self.powers(kva))[:, None]
        return drop_at(np.real(self.z_pu_per_kva[None, buses] * power), self.vm_pu[:, buses])

    def holds(self, kva: np.ndarray) -> np.ndarray:
        """Flag per bus: a power per case drawn there seems to leave every bus of the grid in its band.

        A bus falls by the drop at the bus where its way leaves that of the power: so every bus on the way is
        asked for what it feeds.
        """
        power = np.conj(self.powers(kva))[:, None]
        inside = np.ones(len(self.parents), dtype=bool)
        for z, down, up in zip(
            (self.z_pu_per_kva, self.z_pu_per_kva - self.z_of_busbar), self.down_pu, self.up_pu, strict=True
        ):
            drop = drop_at(np.real(z[None] * power), self.vm_pu)
            inside &= ~((drop > down) | (-drop > up)).any(axis=0)
        return _along(self.parents, inside, np.logical_and)

    def seems_free(self, buses: np.ndarray, kva: np.ndarray, own_z: np.ndarray) -> np.ndarray:
        """Flag per bus: a power per case seems to fit there, drawn behind an impedance [pu per kVA] each."""
        at_bus, power = self.drop_pu(buses, kva), self.powers(kva)[:, None]
        after = self.vm_pu[:, buses] - at_bus
        drop = at_bus + drop_at(np.real(own_z[None] * np.conj(power)), after)
        inside = ~((drop > self.below_pu[:, buses]) | (-drop > self.above_pu[:, buses]))
        inside &= ~(np.abs(at_bus) > self.change_pu[buses])
        at_site = np.maximum(self.vm_pu[:, buses] - drop, LEAST_PU)
        inside &= ~(np.abs(power) / at_site > self.room_kva[buses])
        return np.asarray(inside.all(axis=0) & self.holds(kva)[buses])


@lru_cache(maxsize=4)
def supply_room(grid: ConnectionGrid) -> SupplyRoom:
    """What a grid has left per bus."""
    yardstick = grid.yardstick
    parents = yardstick.supply.parents
    solved = [(case, state) for case, state in enumerate(grid.states) if state is not None]
    power_of, count = _powers(grid, [case for case, _ in solved])
    vm_pu, below_pu, above_pu = (np.full((count, len(parents)), np.inf) for _ in range(3))
    for case, state in solved:
        low, high = voltage_bounds(yardstick, state)
        for least, figure in (
            (vm_pu, state.vm_pu),
            (below_pu, state.vm_pu - low),
            (above_pu, high - state.vm_pu),
        ):
            np.fmin(least[power_of[case]], figure, out=least[power_of[case]])
    edge_kva, edge_z = _edges(grid, [state for _, state in solved])
    z = _along(parents, edge_z, np.add)
    relative = yardstick.bands["from_busbar"].to_numpy(dtype=bool)
    change = yardstick.limits.voltage_change
    low_voltage = grid.network.buses["vn_kv"].to_numpy() <= LV_MAX_KV
    return SupplyRoom(
        parents=parents,
        power_of=power_of,
        room_kva=_along(parents, edge_kva, np.minimum),
        z_pu_per_kva=z,
        z_of_busbar=np.where(relative, z[yardstick.busbar], 0.0),
        vm_pu=np.where(np.isfinite(vm_pu), vm_pu, 1.0),
        below_pu=below_pu,
        above_pu=above_pu,
        change_pu=np.where(low_voltage, change.lv_percent, change.mv_percent) / 100.0,
        down_pu=_below(grid, below_pu, relative),
        up_pu=_below(grid, above_pu, relative),
    )


def _powers(grid: ConnectionGrid, cases: list[int]) -> tuple[np.ndarray, int]:
    """Number per case of the power that the grid draws in it, -1 for others; and how many there are."""
    known: dict[bytes, int] = {}
    numbers = np.full(len(grid.states), -1)
    for case in cases:
        numbers[case] = known.setdefault(grid.cases.kva[case].tobytes(), len(known))
    return numbers, len(known)


def drop_at(nominal_pu: np.ndarray, vm_pu: np.ndarray) -> np.ndarray:
    """A drop told at nominal voltage as it is at a voltage [pu] that falls by it.

    What draws constant power draws more current as the voltage falls.
    """
    after = np.maximum(vm_pu - nominal_pu, LEAST_PU)
    return np.asarray(nominal_pu / (vm_pu * after))


def _below(
    grid: ConnectionGrid, margin_pu: np.ndarray, relative: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least margin of each bus and all it feeds: of bands from nominal voltage, and of those from a busbar.

    What is broken already leaves what nobody notices.
    """
    parents, busbar = grid.yardstick.supply.parents, grid.yardstick.busbar
    margin_pu = np.maximum(margin_pu, NOTICEABLE_PU)
    own = np.where(relative, busbar, -1)
    same_busbar = (parents >= 0) & (own == own[parents]) & relative
    return (
        _least_below(grid, np.where(relative, np.inf, margin_pu), parents >= 0),
        _least_below(grid, np.where(relative, margin_pu, np.inf), same_busbar),
    )


def _least_below(grid: ConnectionGrid, values: np.ndarray, linked: np.ndarray) -> np.ndarray:
    """Least value of each bus and all below it that are linked to it: cases x buses."""
    least, parents = values.copy(), grid.yardstick.supply.parents
    for row in grid.yardstick.supply.order[::-1].tolist():
        if linked[row]:
            up = parents[row]
            np.minimum(least[:, up], least[:, row], out=least[:, up])
    return least


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
