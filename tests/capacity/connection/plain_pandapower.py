"""An option proved in plain pandapower: built into the network, every case run, limits laid over by hand."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pandapower
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.n_minus_1 import switching_after
from gis import Network
from gis.changes import NetworkChanges, apply_changes, cells_of
from gridmodel import build_model
from gridmodel.bus_power import with_bus_power

# Column and value of what a case tells an element.
_CELLS = {"out": ("in_service", False), "open": ("closed", False), "closed": ("closed", True)}


@dataclasses.dataclass(frozen=True)
class Plain:
    """What pandapower finds in one case: voltage per bus [pu], loading per line and transformer [%]."""

    vm_pu: pd.Series
    line: pd.Series
    transformer: pd.Series

    def broken(self, *, low: float = 0.9, high: float = 1.1, most: float = 100.0) -> set[tuple[str, str]]:
        """Elements outside EN 50160 and their rating."""
        found = {("buses", bus) for bus, vm in self.vm_pu.items() if vm < low - 1e-7 or vm > high + 1e-7}
        found |= {("lines", line) for line, percent in self.line.items() if percent > most + 1e-5}
        return found | {("transformers", one) for one, part in self.transformer.items() if part > most + 1e-5}


def plain(network: Network, kva: np.ndarray, switching: pd.DataFrame) -> Plain:
    """One case of a network in pandapower; none of our engine."""
    cells = [(row.table, row.element_id, *_CELLS[row.state]) for row in switching.itertuples()]
    switched = apply_changes(network, NetworkChanges(cells=cells_of(*cells))) if cells else network
    net = build_model(with_bus_power(switched, kva)).net
    pandapower.runpp(net, numba=False, calculate_voltage_angles=True, init="auto", tolerance_mva=1e-8)
    return Plain(
        pd.Series(net.res_bus["vm_pu"].to_numpy(), network.buses.index),
        pd.Series(net.res_line["loading_percent"].to_numpy(), network.lines.index),
        pd.Series(net.res_trafo["loading_percent"].to_numpy(), network.transformers.index),
    )


@cache
def plain_today(grid: ConnectionGrid, case: int) -> Plain:
    """A case without any site."""
    return plain(grid.network, grid.cases.kva[case], _switching(grid.cases.switching, grid, case))


def plain_with(
    grid: ConnectionGrid, changes: NetworkChanges, bus_id: str, site_kva: np.ndarray, case: int
) -> Plain:
    """The same with what is built and a site at a bus."""
    network = apply_changes(grid.network, changes)
    kva = np.zeros(len(network.buses), dtype=complex)
    kva[network.buses.index.get_indexer(grid.network.buses.index)] = grid.cases.kva[case]
    kva[network.buses.index.get_loc(bus_id)] += site_kva[case]
    after = switching_after(grid.network, grid.yardstick.supply, changes, grid.cases.switching)
    return plain(network, kva, _switching(after, grid, case))


def _switching(switching: pd.DataFrame, grid: ConnectionGrid, case: int) -> pd.DataFrame:
    return switching[switching["case_id"] == grid.cases.labels.index[case]]
