"""Voltage bounds of every drawn bus in a state: who feeds whom decides what a band counts from.

The same rules as `capacity.checks.make_yardstick`, on arrays: a plan that moves an open point or builds a
station gives buses another busbar, and a station's busbar the band of its station.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from capacity.limits import Limits
from capacity.planning.plan_grid import pair_codes
from gis.feeders import roots_of
from gis.voltage import LV_MAX_KV
from gridmodel.drawn_network import LINE, SWITCH, TRANSFORMER, DrawnNetwork
from gridmodel.drawn_states import Flags


@dataclass(frozen=True, eq=False)
class VoltageBounds:
    """Lowest and highest voltage per drawn bus [pu], the bus they count from (-1: none), and rings supplied.

    Elements in parallel make no ring.
    """

    low: np.ndarray
    high: np.ndarray
    reference: np.ndarray
    rings: int

    def above(self, vm_pu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By how much voltages (... x buses) are under and over [% of nominal]; less than nothing: within."""
        base = np.where(self.reference >= 0, vm_pu[..., self.reference], 0.0)
        return 100.0 * (self.low + base - vm_pu), 100.0 * (vm_pu - self.high - base)


class Tracer:
    """Traces states of a drawn-in network; holds what all of them share."""

    def __init__(self, drawn: DrawnNetwork, limits: Limits) -> None:
        network = drawn.network
        self._pairs = pair_codes(drawn)
        self._count = len(network.buses)
        self._vn_kv = network.buses["vn_kv"].to_numpy()
        self._low_voltage = (network.buses["vn_kv"] <= LV_MAX_KV).to_numpy()
        self._bands = limits.bands_of(network.buses["vn_kv"])
        self._station = limits.station
        self._source_at = network.buses.index.get_indexer(network.sources["bus_id"])
        self._guards = {
            code: network.table(table).index.get_indexer(network.switches["element_id"])
            for code, table in ((LINE, "lines"), (TRANSFORMER, "transformers"))
        }
        self._of = {
            code: (network.switches["element_table"] == table).to_numpy()
            for code, table in ((LINE, "lines"), (TRANSFORMER, "transformers"), (SWITCH, "buses"))
        }

    def joined_pairs(self, flags: Flags) -> dict[int, np.ndarray]:
        """Pairs of buses that something joins in a state, per kind."""
        live = {SWITCH: flags.switches & self._of[SWITCH]}
        for code, inside in ((LINE, flags.lines), (TRANSFORMER, flags.transformers)):
            opened = self._guards[code][~flags.switches & self._of[code]]
            live[code] = inside.copy()
            live[code][opened[opened >= 0]] = False
        return {code: pairs[live[code] & (pairs >= 0)] for code, pairs in self._pairs.items()}

    def bounds(self, flags: Flags) -> VoltageBounds:
        """Voltage bounds in a state."""
        parents, through, rings = self._trace(flags)
        here = np.arange(self._count)
        # A transformer between equal voltages regulates a line: what is behind it hangs on the busbar above.
        regulated = (through == TRANSFORMER) & np.isclose(self._vn_kv, self._vn_kv[parents])
        through = np.where(regulated, LINE, through)
        busbar = roots_of(np.where((through == LINE) | (through == SWITCH), parents, here))
        low, high = self._bands["min_pu"].to_numpy().copy(), self._bands["max_pu"].to_numpy().copy()
        relative = self._bands["from_busbar"].to_numpy().copy()
        if self._station is not None:
            at = np.flatnonzero((through == TRANSFORMER) & self._low_voltage)
            low[at], high[at], relative[at] = self._station.min_pu, self._station.max_pu, True
            busbar[at] = parents[at]
        return VoltageBounds(low, high, np.where(relative, busbar, -1), rings)

    def _trace(self, flags: Flags) -> tuple[np.ndarray, np.ndarray, int]:
        """Feeding bus per bus (-1: none), the kind of what feeds it, and the number of rings."""
        count, pairs = self._count, self.joined_pairs(flags)
        every = np.concatenate([pairs[LINE], pairs[TRANSFORMER], pairs[SWITCH]])
        kinds = np.repeat([LINE, TRANSFORMER, SWITCH], [len(pairs[k]) for k in (LINE, TRANSFORMER, SWITCH)])
        keys, first = np.unique(every, return_index=True)
        fed = np.unique(self._source_at[flags.sources & (self._source_at >= 0)])
        u = np.concatenate([keys // count, np.full(len(fed), count)])
        v = np.concatenate([keys % count, fed])
        graph = csr_array((np.ones(len(u), dtype=np.int8), (u, v)), shape=(count + 1, count + 1))
        reached, parents = breadth_first_order(graph, count, directed=False)
        lit = np.zeros(count + 1, dtype=bool)
        lit[reached] = True
        rings = int(lit[keys // count].sum()) - (len(reached) - 1 - len(fed))
        parents = parents[:count].astype(np.int64)
        parents[(parents == count) | (parents < 0)] = -1
        child = np.flatnonzero(parents >= 0)
        pair = np.minimum(child, parents[child]) * count + np.maximum(child, parents[child])
        through = np.full(count, -1)
        through[child] = kinds[first[np.searchsorted(keys, pair)]]
        return parents, through, rings
