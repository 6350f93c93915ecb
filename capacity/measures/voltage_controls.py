"""Busbars whose voltage is ours to set: sources at low and medium voltage, HV/MV transformers with taps.

A source at a medium-voltage busbar stands for the controlled transformer above it; one at high voltage is the
grid of somebody else, and its voltage is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.measures.proposals import NotProposed
from capacity.measures.situation import Situation
from capacity.measures.taps import Taps, coupled_buses, groups_of, positions_for, taps_of
from gis.changes import cells_of
from gis.voltage import LV_MAX_KV, MV_MAX_KV

Cells = tuple[tuple[str, str, str, object], ...]


@dataclass(frozen=True, eq=False)
class Control:
    """One controlled busbar.

    Attributes
    ----------
    table, ids
        Sources or transformers that hold its voltage together.
    bus
        Position of the busbar.
    now_pu
        Present set-point; of transformers the voltage of the busbar in the mean of the cases.
    taps
        Of transformers; empty for sources.
    """

    table: str
    ids: tuple[str, ...]
    bus: int
    now_pu: float
    taps: dict[str, Taps]

    def cells(self, set_pu: float) -> Cells | str:
        """Cells that bring the busbar to a set-point as nearly as its steps allow, or why none do."""
        if self.table == "sources":
            return tuple(("sources", one, "vm_pu", round(set_pu, 6)) for one in self.ids)
        positions = positions_for(self.taps, list(self.ids), set_pu / self.now_pu)
        if isinstance(positions, str):
            return positions
        return tuple(("transformers", one, "tap_pos", at) for one, at in positions.items())

    def is_now(self, cells: Cells) -> bool:
        """Tell whether cells leave the control as it is."""
        if self.table == "sources":
            return all(np.isclose(float(str(cell[3])), self.now_pu, atol=1e-9) for cell in cells)
        return all(float(str(cell[3])) == self.taps[cell[1]].now for cell in cells)


def cells_frame(cells: Cells) -> pd.DataFrame:
    """Cells as a table."""
    return cells_of(*cells)


def controls_of(situation: Situation) -> list[Control]:
    """All controlled busbars of a network, those of sources first."""
    return [*_sources(situation), *_transformers(situation)]


def control_of_buses(situation: Situation, controls: list[Control]) -> np.ndarray:
    """Number per bus of the control that holds its voltage, the nearest on its way up; -1 for none."""
    own = {control.bus: number for number, control in enumerate(controls)}
    parents, held = situation.supply.parents, np.full(len(situation.network.buses), -1)
    for bus in situation.supply.order:
        held[bus] = own.get(int(bus), held[parents[bus]] if parents[bus] >= 0 else -1)
    return held


def untapped(situation: Situation, kind: str) -> list[NotProposed]:
    """HV/MV transformers in service that have no taps to control with."""
    reason = "neither the table nor its type tells its taps"
    known = taps_of(situation.network, situation.catalogue)
    return [
        NotProposed(kind, "transformers", group[0], reason)
        for group in _high_voltage_groups(situation)
        if not any(one in known for one in group)
    ]


def _sources(situation: Situation) -> list[Control]:
    network = situation.network
    sources = network.sources[network.sources["in_service"]]
    vn_kv = sources["bus_id"].map(network.buses["vn_kv"])
    ours = sources[vn_kv <= MV_MAX_KV]
    node = coupled_buses(network).reindex(ours["bus_id"]).to_numpy()
    found = []
    for _, group in ours.groupby(node, sort=False):
        bus = int(network.buses.index.get_indexer(group["bus_id"].iloc[:1])[0])
        ids = tuple(map(str, group.index))
        found.append(Control("sources", ids, bus, float(group["vm_pu"].iloc[0]), {}))
    return found


def _transformers(situation: Situation) -> list[Control]:
    network = situation.network
    known = taps_of(network, situation.catalogue)
    found = []
    for group in _high_voltage_groups(situation):
        tapped = [one for one in group if one in known]
        if not tapped:
            continue
        fed = [_fed_bus(situation, one) for one in group]
        bus = next((bus for bus in fed if bus >= 0), -1)
        voltages = situation.vm_pu[:, bus]
        if bus >= 0 and not np.isnan(voltages).all():
            ids = (tapped[0], *(one for one in group if one != tapped[0]))
            found.append(Control("transformers", ids, bus, float(np.nanmean(voltages)), known))
    return found


def _high_voltage_groups(situation: Situation) -> list[list[str]]:
    network = situation.network
    low_kv = network.transformers["lv_bus_id"].map(network.buses["vn_kv"])
    high_kv = network.transformers["hv_bus_id"].map(network.buses["vn_kv"])
    feeding = network.transformers.index[(high_kv > MV_MAX_KV) & (low_kv > LV_MAX_KV) & (low_kv <= MV_MAX_KV)]
    return [group for group in groups_of(network) if group[0] in set(feeding)]


def _fed_bus(situation: Situation, transformer_id: str) -> int:
    fed = situation.supply.fed_bus("transformers", transformer_id)
    return -1 if fed is None else int(situation.network.buses.index.get_indexer([fed])[0])
