"""Busbars whose voltage is ours to set: sources at low and medium voltage, HV/MV transformers with taps.

A source at a medium-voltage busbar stands for the controlled transformer above it; one at high voltage is the
grid of somebody else, and its voltage is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capacity.measures.proposals import NotProposed
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from capacity.measures.taps import Taps, coupled_buses, groups_of, positions_for, taps_of
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
    vm_pu
        Present voltage of the busbar per case; the mean of all in a case without solution.
    drop_pu
        Drop over the transformers per case, at 1 pu; none of sources.
    taps
        Of transformers; empty for sources.
    """

    table: str
    ids: tuple[str, ...]
    bus: int
    vm_pu: np.ndarray
    drop_pu: np.ndarray
    taps: dict[str, Taps]

    @property
    def now_pu(self) -> float:
        """Present set-point; of transformers the voltage in the mean of the cases."""
        return float(self.vm_pu.mean())

    def cells(self, set_pu: float, case: int) -> Cells | str:
        """Cells that bring the busbar to a set-point in a case as nearly as its steps allow, or why none do.

        Behind a transformer of constant power the drop falls as the voltage rises.
        """
        if self.table == "sources":
            return tuple(("sources", one, "vm_pu", round(set_pu, 6)) for one in self.ids)
        now, drop = self.vm_pu[case], self.drop_pu[case]
        lift = (set_pu + drop / set_pu) / (now + drop / now)
        positions = positions_for(self.taps, list(self.ids), float(lift))
        if isinstance(positions, str):
            return positions
        return tuple(("transformers", one, "tap_pos", at) for one, at in positions.items())

    def is_now(self, cells: Cells) -> bool:
        """Tell whether cells leave the control as it is."""
        if self.table == "sources":
            return all(np.isclose(float(str(cell[3])), self.now_pu, atol=1e-9) for cell in cells)
        return all(float(str(cell[3])) == self.taps[cell[1]].now for cell in cells)


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
        held = np.full(len(situation.vm_pu), float(group["vm_pu"].iloc[0]))
        found.append(Control("sources", ids, bus, held, np.zeros(len(held)), {}))
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
            held = np.where(np.isnan(voltages), np.nanmean(voltages), voltages)
            strain = strain_of(situation)
            found.append(
                Control("transformers", ids, bus, held, strain.tree.drops(strain.flows)[:, bus], known)
            )
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
