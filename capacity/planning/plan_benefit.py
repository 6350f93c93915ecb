"""What a plan is good for: demand that could not be served within the limits before, and customers it helps.

The measure is the least cut (`capacity.unserved`): the least demand that would have to go for every limit to
hold. What only outages or feed-in break asks for no cut of demand and counts nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from capacity.checks import make_yardstick
from capacity.limits import Limits
from capacity.planning.plan import Plan
from capacity.planning.plan_cases import PlanCases
from capacity.planning.rerun import Stand, stands_of
from gis import InputError, Network
from gridmodel import Catalogue, Scenario, build_model
from gridmodel.bus_power import with_bus_power

# Every load at its figure.
_ALL = Scenario("power", "power per bus", None, 1.0, 1.0)
# Cases in which the least cut is looked for, those with most limits broken first: the worst of them counts.
MOST_CASES = 3
# A cut below it is the search's, not the grid's [kW].
LEAST_CUT_KW = 0.05


@dataclass(frozen=True)
class Benefit:
    """What the plan unlocks in the case in which it unlocks most.

    Attributes
    ----------
    case_id
        That case; "" where no case asks for a cut.
    cut_before_kw, cut_after_kw
        Least cut of demand without and with the plan.
    customers_before, customers_after
        Customers at the buses from which it takes something.
    """

    case_id: str
    cut_before_kw: float
    cut_after_kw: float
    customers_before: int
    customers_after: int

    @property
    def unlocked_kw(self) -> float:
        """Demand that can be served with the plan and could not without."""
        return self.cut_before_kw - self.cut_after_kw

    @property
    def customers_helped(self) -> int:
        """Customers who would have been cut without the plan, less those who still would."""
        return self.customers_before - self.customers_after


def plan_benefit(plan: Plan, *, catalogue: Catalogue | None = None) -> Benefit | None:
    """Find what a plan unlocks.

    Returns
    -------
    Benefit or None
        Nothing for a plan that does not carry its cases and limits, or where the engine does not know an
        element of the network.
    """
    if plan.states is None or plan.limits is None:
        return None
    asked = _worst_cases(plan)
    try:
        found = [
            Benefit(case_id, before[0], after[0], before[1], after[1])
            for case_id, before, after in _cuts(plan, asked, plan.limits, plan.states, catalogue)
        ]
    except InputError:  # the engine does not know the network: no figure is better than a wrong one
        return None
    return max(found, key=lambda one: one.unlocked_kw, default=Benefit("", 0.0, 0.0, 0, 0))


def _worst_cases(plan: Plan) -> list[str]:
    """Cases in the normal state that break most limits without the plan."""
    cases = plan.cases
    broken = cases[(cases["outage"].fillna("") == "") & (cases["violations_before"] > 0)]
    ordered = broken.sort_values("violations_before", ascending=False, kind="stable")
    return list(dict.fromkeys(ordered["case_id"].astype(str)))[:MOST_CASES]


def _cuts(
    plan: Plan, asked: list[str], limits: Limits, states: PlanCases, catalogue: Catalogue | None
) -> Iterator[tuple[str, tuple[float, int], tuple[float, int]]]:
    before = _cuts_on(plan, (), asked, limits, states, catalogue)
    after = _cuts_on(plan, plan.taken, asked, limits, states, catalogue)
    yield from ((case_id, before[case_id], after[case_id]) for case_id in asked)


def _cuts_on(
    plan: Plan, taken: tuple, asked: list[str], limits: Limits, states: PlanCases, catalogue: Catalogue | None
) -> dict[str, tuple[float, int]]:
    """Least cut [kW] and customers cut per case; of one that counts in several years in the last of them."""
    cuts = {}
    for stand in stands_of(plan.network, taken, states):
        for row, case_id in enumerate(stand.cases.labels.index.astype(str)):
            if case_id not in asked:
                continue
            cuts[case_id] = _least_cut(stand, row, limits, plan.network, catalogue)
    return cuts


def _least_cut(
    stand: Stand, row: int, limits: Limits, network: Network, catalogue: Catalogue | None
) -> tuple[float, int]:
    from capacity.unserved import unserved_now  # needs numba

    drawn = with_bus_power(stand.network, stand.cases.kva[row])
    found = unserved_now(build_model(drawn, catalogue), make_yardstick(drawn, limits), _ALL)
    cut = found.customers[found.customers["unserved_kw"] > LEAST_CUT_KW]
    at = network.loads["bus_id"].isin(set(cut["bus_id"]))
    return float(found.customers["unserved_kw"].sum()), int(network.loads.loc[at, "customers"].sum())
