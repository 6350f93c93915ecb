"""Weak grids that measures are proposed for, and what plain pandapower says of a measure on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pandas as pd

from capacity.costs import CostTable
from capacity.limits import read_limits
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation, situation_of
from capacity.planning.plan_cases import PlanCases, cases_of_scenarios
from gis import Network
from gis.changes import apply_changes
from gis.feeders import conducting_edges, trace_supply
from gridmodel import Scenario, build_model, read_catalogue
from gridmodel.bus_power import with_bus_power
from gridmodel.lean import pandapower
from tests.capacity.grids import grid
from tests.capacity.measures.tables import PRICES

_SEEN: dict[tuple[object, ...], Situation] = {}
FULL = Scenario()
FEED_IN = Scenario("feed_in", "little load, all the sun", None, 0.1, 1.0)


@cache
def ring(h_kw: float = 200.0, g_kw: float = 0.0, b1_kw: float = 2000.0) -> Network:
    """An open ring of medium voltage with a weak low-voltage feeder.

    S1  M1 --K1, 3 km-- A1 --K2, 2 km-- A2 --K3, 2 km--o/o W-- B1 --K4, 3 km-- M1
                        |                                                         A1 8 MW, A2 8 MW
                        T1 250 kVA                                                B1 2 MW
                        N --L1, 400 m-- H     home h_kw, solar power g_kw
    """
    return grid(
        [
            ("M1", 20.0, 0.0, 0.0),
            ("A1", 20.0, 3000.0, 0.0),
            ("A2", 20.0, 3000.0, 2000.0),
            ("B1", 20.0, 0.0, 3000.0),
            ("N", 0.4, 3010.0, 0.0),
            ("H", 0.4, 3410.0, 0.0),
        ],
        [
            ("K1", "M1", "A1", 3000.0),
            ("K2", "A1", "A2", 2000.0),
            ("K3", "A2", "B1", 2000.0),
            ("K4", "B1", "M1", 3000.0),
            ("L1", "N", "H", 400.0),
        ],
        transformers=[("T1", "A1", "N")],
        switches=[("W", False, "B1", "lines", "K3")],
        loads=[
            ("shop-A1", "A1", 8000.0, 1),
            ("shop-A2", "A2", 8000.0, 1),
            ("shop-B1", "B1", b1_kw, 1),
            ("home", "H", h_kw, 20),
        ],
        generators=[("sun", "H", g_kw)] if g_kw else [],
    )


def situation(
    network: Network,
    scenarios: Sequence[Scenario] = (FULL,),
    *,
    profile: str = "en50160",
    costs: CostTable = PRICES,
    cases: PlanCases | None = None,
) -> Situation:
    """The network as measures see it, solved once."""
    key = (network, repr(scenarios), profile, costs, cases)
    if key not in _SEEN:
        asked = cases or cases_of_scenarios(network, scenarios)
        _SEEN[key] = situation_of(
            network, asked, read_limits(profile), catalogue=read_catalogue(), costs=costs
        )
    return _SEEN[key]


def at_hours(network: Network, hours: Sequence[tuple[str, float]]) -> PlanCases:
    """Cases that are hours (UTC) of one scenario, at a share of the full load each."""
    scenarios = [Scenario(hour, hour, None, share) for hour, share in hours]
    cases = cases_of_scenarios(network, scenarios)
    labels = cases.labels.assign(scenario="year", hour=pd.to_datetime([h for h, _ in hours], utc=True))
    return PlanCases(labels, cases.kva, cases.switching)


@cache
def by_pandapower(seen: Situation, case_id: str, measure: Measure | None = None) -> pd.DataFrame:
    """Voltage of buses [pu] and loading of lines and transformers [%], in one column by id."""
    network, row = seen.network, seen.cases.labels.index.get_loc(case_id)
    power = pd.Series(seen.cases.kva[row].copy(), network.buses.index)
    if measure is not None:
        network = apply_changes(network, measure.changes_in(case_id))
        for bus_id, kva in measure.power_kva.items():
            power[bus_id] += kva[row]
    drawn = power.reindex(network.buses.index, fill_value=0.0).to_numpy(dtype=complex)
    net = build_model(with_bus_power(network, drawn)).net
    pandapower().runpp(net, init="auto", tolerance_mva=1e-9)
    parts = [
        pd.Series(net.res_bus["vm_pu"].to_numpy(), network.buses.index),
        pd.Series(net.res_line["loading_percent"].to_numpy(), network.lines.index),
        pd.Series(net.res_trafo["loading_percent"].to_numpy(), network.transformers.index),
    ]
    return pd.concat(parts)


def of_kind(measures: Sequence[Measure], start: str) -> Measure:
    """The one measure whose id begins so."""
    (found,) = [one for one in measures if one.measure_id.startswith(start)]
    return found


def is_radial_and_whole(network: Network) -> bool:
    """Tell whether every bus has supply and nothing closes a loop."""
    supply = trace_supply(network)
    fed = int((supply.parents >= 0).sum())
    return len(conducting_edges(network)) == fed and bool(supply.buses["feeder_id"].notna().all())
