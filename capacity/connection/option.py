"""`SupplyOption`: one way to supply a site, as changes of the network with their cost; `JudgedOption`: and
whether the grid carries it.

    kind        what is built                                    site --way-- supply point
    lv_feeder   a cable from a joint or cabinet of low voltage   site --cable-- o
    lv_busbar   a cable from a station's busbar                  site --cable-- [T]
    mv_tap      a new station on a spur from medium voltage      site --[T]--cable-- o or + of a line
    mv_loop     a new station looped into a line                 site --[T]==two cables== + + of a line
    mv_busbar   a new medium-voltage feeder from a substation    site --[T]--cable-- [HV/MV]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from capacity.costs import Cost
from capacity.measures.measure import Measure
from gis.changes import NetworkChanges, join_changes
from gis.routing import Route

SupplyKind = Literal["lv_feeder", "lv_busbar", "mv_tap", "mv_loop", "mv_busbar"]
# Who uses what is built: the site alone, or others with it.
Use = Literal["sole_use", "shared"]


@dataclass(frozen=True)
class WorkLine:
    """One line of the bill.

    Attributes
    ----------
    text
        What is done, in words for people; item, type_id, quantity and unit are of the cost table.
    use
        Works on the existing grid are shared.
    customer_share
        Share of its cost that the charging rule lays on the applicant.
    """

    item: str
    text: str
    quantity: float
    unit: str
    use: Use
    cost: Cost
    months: int
    type_id: str = ""
    customer_share: float = 1.0


@dataclass(frozen=True, eq=False)
class SupplyOption:
    """One way to supply a site, before it is judged.

    Attributes
    ----------
    option_id
        The same for the same site, supply point and works each time: "lv_feeder|B12|NAYY 4x150 SE". New ids
        in `changes` begin with "site_id|option_id".
    bus_id
        Existing bus it is supplied from; where a line is cut, the end of the line nearer to its source.
    voltage_kv
        Of the supply point.
    site_bus_id
        New or existing bus where the site draws.
    changes
        What is built, on the network as it is.
    route
        Way of the new cable.
    lines
        The bill without works on the existing grid.
    problem
        Why it cannot be built whatever the load flow says ("" if it can): no cable carries it, no way.
    """

    option_id: str
    kind: SupplyKind
    bus_id: str
    voltage_kv: float
    site_bus_id: str
    changes: NetworkChanges
    route: Route
    lines: tuple[WorkLine, ...]
    text: str
    problem: str = ""


@dataclass(frozen=True, eq=False)
class JudgedOption:
    """An option with what the load flow said in every case, and the works that make it fit.

    Attributes
    ----------
    blocked
        Limits that speak against the option alone, worst first: case_id, check, table, element_id, value,
        limit, unit, excess_percent, already (broken before it, and made worse). No rows when it fits.
    measures
        Works on the existing grid that cure all of them; none when it fits alone or nothing does.
    lines
        The whole bill, works on the existing grid included.
    fits
        With the works.
    reason
        In words: the tightest element when it fits alone, what the works cure, or why it does not fit.
    today
        What the option costs nobody waits for: fits without works on the existing grid or a new station.
    """

    option: SupplyOption
    blocked: pd.DataFrame
    fits: bool
    reason: str
    lines: tuple[WorkLine, ...]
    months: int
    measures: tuple[Measure, ...] = ()
    today: bool = False
    cost: Cost = field(default_factory=Cost)

    @property
    def changes(self) -> NetworkChanges:
        """Everything that is built for it; the option first, measures stand on it."""
        return join_changes([self.option.changes, *(measure.changes for measure in self.measures)])
