"""Hours of a year that may be the worst for somebody, so that many draws need not be solved in every hour.

More drawn by every group and less fed by every kind lowers every voltage and raises every current in a
radial grid. An hour that lies between a heavier and a lighter one in this sense is not worse than both: no
voltage is outside theirs, no loading above theirs. Two remarks bound that. Where a flow turns round between
the two hours and is little but reactive, the hour between may load it by up to sqrt(1 + tan_phi^2) more (5 %
at cos phi 0.95) than either. In grids with loops a branch carries the difference of what is drawn at its two
ends, and nothing of this holds: there every hour counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capacity.demand.year_demand import YearDemand
from gis import Network
from gis.feeders import Supply, conducting_edges

# With more hours than this that none outweighs, comparing costs more than solving.
MOST_WORST_HOURS = 2000


@dataclass(frozen=True, eq=False)
class HourOrder:
    """Which hours lie between which others.

    Attributes
    ----------
    weights
        Hours x figures, of which none is smaller in an hour that outweighs another (`hour_weights`).
    heaviest, lightest
        Positions of the hours that none outweighs, and that outweigh none.
    under, over
        Hours x heaviest and hours x lightest: whether the hour is outweighed by that one, or outweighs it;
        equal counts.
    """

    weights: np.ndarray
    heaviest: np.ndarray
    lightest: np.ndarray
    under: np.ndarray
    over: np.ndarray

    @property
    def worst(self) -> np.ndarray:
        """Positions of the hours that lie between no two others."""
        return np.union1d(self.heaviest, self.lightest)

    def not_between(self, safe: np.ndarray) -> np.ndarray:
        """Positions of the hours that lie between no two safe ones.

        Parameters
        ----------
        safe
            Flag per hour: solved, and every limit holds.
        """
        held = self.under[:, safe[self.heaviest]].any(axis=1) & self.over[:, safe[self.lightest]].any(axis=1)
        return np.flatnonzero(~held)


def order_of_hours(weights: np.ndarray) -> HourOrder | None:
    """Put hours in order by `hour_weights`; nothing where too many are not comparable."""
    heaviest = _not_outweighed(weights)
    lightest = None if heaviest is None else _not_outweighed(-weights)
    if heaviest is None or lightest is None:
        return None
    under = _outweighed_by(weights, weights[heaviest])
    over = _outweighed_by(-weights, -weights[lightest])
    return HourOrder(weights, heaviest, lightest, under, over)


def hour_weights(demand: YearDemand) -> np.ndarray:
    """Hours x figures that are larger in a heavier hour: factors of what draws, and less those of what feeds.

    A group with a customer that draws capacitive power (tan_phi below 0) is both: only equal hours compare.
    """
    customers, power = demand.customers, demand.demand
    capacitive = set(customers.loc[customers["tan_phi"] < 0.0, "group"])
    factors = demand.factors.to_numpy(dtype=float)
    count = len(power.groups)
    drawn = np.flatnonzero((power.kva != 0.0).any(axis=0))
    both = [at for at in drawn if power.groups[at] in capacitive]
    fed = count + np.flatnonzero((power.feed_kw != 0.0).any(axis=0))
    return np.concatenate([factors[:, drawn], -factors[:, both], -factors[:, fed]], axis=1)


def is_radial(network: Network, supply: Supply) -> bool:
    """Tell whether every supplied bus has one way to one source; parallel elements count as one."""
    edges = conducting_edges(network)
    supplied = np.zeros(len(network.buses), dtype=bool)
    supplied[supply.order] = True
    ends = np.sort(edges[["u", "v"]].to_numpy(dtype=np.int64), axis=1)
    pairs = np.unique(ends[supplied[ends[:, 0]]], axis=0)
    return bool(len(pairs) == np.count_nonzero(supply.parents >= 0))


def _not_outweighed(weights: np.ndarray) -> np.ndarray | None:
    """Positions of the rows that no other row is nowhere smaller than; of equal rows the first."""
    front = np.empty((MOST_WORST_HOURS, weights.shape[1]))
    chosen: list[int] = []
    for hour in np.argsort(-weights.sum(axis=1), kind="stable"):
        if (front[: len(chosen)] >= weights[hour]).all(axis=1).any():
            continue
        if len(chosen) == MOST_WORST_HOURS:
            return None
        front[len(chosen)] = weights[hour]
        chosen.append(int(hour))
    return np.sort(np.array(chosen, dtype=np.int64))


def _outweighed_by(weights: np.ndarray, heavier: np.ndarray) -> np.ndarray:
    """Rows x heavier rows: whether the row is nowhere larger."""
    found = np.ones((len(weights), len(heavier)), dtype=bool)
    for column in range(weights.shape[1]):
        found &= weights[:, column, None] <= heavier[None, :, column]
    return found
