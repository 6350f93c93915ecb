"""`Measure`: one thing that can be done about a weak grid, with what it changes, costs and takes.

The planner knows measures by these figures alone; what kinds there are stands in `capacity.measures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from capacity.costs.cost import Cost
from gis import Network
from gis.changes import NetworkChanges, inverse_of


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure on one network.

    Attributes
    ----------
    measure_id
        The same for the same measure on the same network each time: "replace_line|L1|NAYY 4x150 SE".
    kind
        Name in the registry: "replace_line".
    table, element_id
        The element it acts on, or the first it builds.
    changes
        What it changes of the network. New ids begin with the measure_id, so that no two measures build the
        same id.
    cost
        Capital and yearly cost.
    months
        Lead time from the decision until it is in service.
    text
        What is done, in words for people.
    from_type, to_type, length_m
        For the table of steps; "" and 0 where they mean nothing.
    power_kva
        Complex power drawn per bus [kVA], a value per case (batteries, contracts that shift or cut demand);
        what it feeds is negative. Buses of the network or of `changes`.
    cells_in
        Cells that a control sets in single cases, by case_id: a set-point that follows the load. Columns
        `gis.changes.CELL_COLUMNS`; they win over those of `changes`, which a case without entry has.
    excludes
        Keys beside the elements touched; of measures that share a key at most one is taken.
    reversible
        Whether it can be in force in one year and not in a later one (a contract, a tap): it costs nothing to
        stop. What is built stays.
    geometry
        Where it is, for the map, in the CRS of the network.
    shared_trench
        Key and length [m] of trenches that other measures may lie in too.
    trench_eur_per_m
        Cost of digging that is in `cost` for each metre of them; where several measures share a trench it is
        paid once.
    """

    measure_id: str
    kind: str
    table: str
    element_id: str
    changes: NetworkChanges
    cost: Cost
    months: int
    text: str
    from_type: str = ""
    to_type: str = ""
    length_m: float = 0.0
    power_kva: Mapping[str, np.ndarray] = field(default_factory=dict)
    cells_in: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    excludes: frozenset[str] = frozenset()
    reversible: bool = False
    geometry: BaseGeometry | None = None
    shared_trench: Mapping[str, float] = field(default_factory=dict)
    trench_eur_per_m: float = 0.0

    @property
    def keys(self) -> frozenset[object]:
        """Of two measures that share a key only one can be taken."""
        controlled = (NetworkChanges(cells=cells).touched for cells in self.cells_in.values())
        return frozenset(self.excludes).union(self.changes.touched, *controlled)

    def changes_in(self, case_id: str) -> NetworkChanges:
        """What it changes of the network in one case."""
        if case_id not in self.cells_in:
            return self.changes
        cells = pd.concat([self.changes.cells, self.cells_in[case_id]], ignore_index=True)
        last = cells.drop_duplicates(["table", "element_id", "column"], keep="last", ignore_index=True)
        return replace(self.changes, cells=last)

    def inverse(self, network: Network) -> NetworkChanges:
        """What takes the measure back on the network it is of."""
        return inverse_of(network, self.changes)
