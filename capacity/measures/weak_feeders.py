"""`WeakFeeder`: a feeder with broken limits, and at which of its points a second supply would help most.

busbar ----a----b----c----d         a second cable to c, the line b-c opened: what c and d draw leaves a and b
       +~~~~~~~~~~~~~~+
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from capacity.measures.situation import Situation
from capacity.measures.strain import Strain, strain_of
from gridmodel import branch_ratings_kva


@dataclass(frozen=True, eq=False)
class WeakFeeder:
    """A feeder with broken limits, in the case that breaks them most.

    Attributes
    ----------
    feeder_id
        As in `gis.feeders`.
    vn_kv
        Its voltage.
    busbar
        Position of the bus it starts from.
    buses
        Positions of its buses, every bus after the one that feeds it.
    flow_kva
        Power into each of its buses [kVA], complex, linear.
    drop_pu
        Drop or rise from the busbar to each bus [pu], without sign.
    need_pu
        Per bus: how far its voltage is out of band [pu], in its worst case.
    over_kva
        Per bus: by how much the line that feeds it is over its limit [kVA].
    """

    feeder_id: str
    vn_kv: float
    busbar: int
    buses: np.ndarray
    flow_kva: np.ndarray
    drop_pu: np.ndarray
    need_pu: np.ndarray
    over_kva: np.ndarray

    @property
    def worst(self) -> int:
        """Position of the bus furthest out of band; of a feeder within its bands the one dropped most."""
        far = self.need_pu if self.need_pu.max() > 0.0 else self.drop_pu
        return int(self.buses[int(np.argmax(far))])


@lru_cache(maxsize=2)
def weak_feeders(situation: Situation) -> tuple[WeakFeeder, ...]:
    """Feeders with an overloaded line or a voltage out of band that lies in the feeder itself."""
    strain = strain_of(situation)
    over_kva = _over_kva(situation, strain)
    need = strain.bus_need_pu.max(axis=0, initial=0.0)
    weak = (need > 0.0) | (over_kva > 0.0)
    names = situation.supply.buses["feeder_id"].to_numpy()[strain.tree.order]
    fed_by_line = strain.tree.root[strain.tree.order] != strain.tree.order
    found = []
    for feeder_id, at in (
        pd.Series(names[fed_by_line]).groupby(names[fed_by_line], sort=False).indices.items()
    ):
        buses = strain.tree.order[fed_by_line][at]
        if weak[buses].any():
            found.append(_feeder(situation, strain, str(feeder_id), buses, over_kva))
    return tuple(found)


def _over_kva(situation: Situation, strain: Strain) -> np.ndarray:
    """Per bus: how far the line that feeds it is over its limit [kVA]."""
    limit = situation.yardstick.limits.loading.line_percent / 100.0
    rated = branch_ratings_kva(situation.network, situation.catalogue)["lines"] * limit
    over = np.where(strain.lines["overloaded"], strain.lines["flow_kva"] - rated, 0.0)
    feeding = strain.tree.line
    return np.where(feeding >= 0, over[feeding], 0.0) if len(over) else np.zeros(len(feeding))


def _feeder(
    situation: Situation, strain: Strain, feeder_id: str, buses: np.ndarray, over_kva: np.ndarray
) -> WeakFeeder:
    tree, need = strain.tree, strain.bus_need_pu[:, buses]
    load = np.abs(strain.flows[:, buses[0]])
    case = int(np.argmax(need.sum(axis=1))) if need.any() else int(np.argmax(load))
    flow = strain.flows[case, buses]
    step = tree.drops(strain.flows[[case]])[0]
    fallen = np.zeros(len(tree.parents))
    for bus in buses:
        fallen[bus] = fallen[tree.parents[bus]] + step[bus]
    return WeakFeeder(
        feeder_id=feeder_id,
        vn_kv=float(situation.network.buses["vn_kv"].iloc[buses[0]]),
        busbar=int(tree.root[buses[0]]),
        buses=buses,
        flow_kva=flow,
        drop_pu=np.abs(fallen[buses]),
        need_pu=need.max(axis=0),
        over_kva=over_kva[buses],
    )


def second_supply_points(
    situation: Situation,
    feeder: WeakFeeder,
    z_ohm_per_km: float,
    *,
    least_moved_share: float,
    count: int,
    beside_m: float = 0.0,
) -> list[int]:
    """Points of a feeder to which a second cable along it helps most for its length, best first.

    Points at one and two thirds and at half of the drop to the worst bus are always among them, where they
    move enough.

    Parameters
    ----------
    z_ohm_per_km
        Impedance of the cable.
    least_moved_share
        Of the feeder's power that the point and what it feeds must draw.
    count
        Most points.
    beside_m
        Length of cable that what has to be built beside it costs.
    """
    tree = strain_of(situation).tree
    power = np.abs(feeder.flow_kva)
    line_fed = tree.line[feeder.buses] >= 0
    beyond = tree.root[tree.parents[feeder.buses]] != tree.parents[feeder.buses]
    able = line_fed & beyond & (power >= least_moved_share * power.max()) & (power > 0.0)
    if not able.any():
        return []
    score = np.where(able, _worth(situation, feeder, z_ohm_per_km, beside_m), -np.inf)
    best = [int(at) for at in np.argsort(-score, kind="stable")[:count] if score[at] > 0.0]
    chosen = list(dict.fromkeys([*_at_shares(situation, feeder, able), *best]))[:count]
    return [int(feeder.buses[at]) for at in sorted(chosen, key=lambda at: -score[at])]


def _at_shares(situation: Situation, feeder: WeakFeeder, able: np.ndarray) -> list[int]:
    """Numbers of the points on the way to the worst bus at half, two thirds and a third of the drop."""
    way = strain_of(situation).tree.way(feeder.worst)
    number = {int(bus): at for at, bus in enumerate(feeder.buses)}
    at = np.array([number[bus] for bus in way if able[number[bus]]], dtype=int)
    if not len(at):
        return []
    whole = feeder.drop_pu[number[feeder.worst]]
    return [int(at[np.argmin(np.abs(feeder.drop_pu[at] - share * whole))]) for share in (1 / 2, 2 / 3, 1 / 3)]


def _worth(situation: Situation, feeder: WeakFeeder, z_ohm_per_km: float, beside_m: float) -> np.ndarray:
    """Per bus: share of needs that a cable to it would meet, per metre."""
    tree = strain_of(situation).tree
    power, length_m = np.abs(feeder.flow_kva), tree.from_root_m[feeder.buses]
    new = power * z_ohm_per_km * length_m / 1000.0 / (1000.0 * feeder.vn_kv**2)
    own = np.maximum(feeder.drop_pu - new, 0.0)
    # What stays on the feeder is relieved in proportion to what leaves it: exact at the head of the feeder.
    others = feeder.drop_pu * power / power.max()
    inside, whole = _behind(situation, feeder, feeder.need_pu), feeder.need_pu.sum()
    met = np.minimum(inside, own * _behind(situation, feeder, (feeder.need_pu > 0).astype(float)))
    met += np.minimum(whole - inside, others * (feeder.need_pu > 0).sum())
    gain = met / whole if whole > 0.0 else np.zeros(len(power))
    return (gain + _unloaded(situation, feeder, power)) / np.maximum(length_m + beside_m, 1.0)


def _unloaded(situation: Situation, feeder: WeakFeeder, power: np.ndarray) -> np.ndarray:
    """Per bus: share of overloads on its way that would go if its power left the feeder."""
    tree, total = strain_of(situation).tree, feeder.over_kva.sum()
    if total <= 0.0:
        return np.zeros(len(power))
    number = {int(bus): at for at, bus in enumerate(feeder.buses)}
    on_way = np.zeros(len(power))
    for at, bus in enumerate(feeder.buses):
        above = number.get(int(tree.parents[bus]))
        # The bus's own line is opened by the split, and unloaded whatever it carries.
        on_way[at] = feeder.over_kva[at] + (on_way[above] if above is not None else 0.0)
    return np.minimum(on_way, power + feeder.over_kva) / total


def _behind(situation: Situation, feeder: WeakFeeder, values: np.ndarray) -> np.ndarray:
    """Sum of values of the feeder's buses over each bus and what it feeds."""
    tree, total = strain_of(situation).tree, np.array(values, dtype=float)
    number = {int(bus): at for at, bus in enumerate(feeder.buses)}
    for at in range(len(feeder.buses) - 1, -1, -1):
        above = number.get(int(tree.parents[feeder.buses[at]]))
        if above is not None:
            total[above] += total[at]
    return total
