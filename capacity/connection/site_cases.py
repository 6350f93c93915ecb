"""Cases that every connection must hold in, and what a site draws in each of them.

    case_id                 network                                    site
    peak                    loads and generation of the scenario       its demand, no feed-in
    feed_in                 its loads at their least, generation high  least demand, all it feeds in
    n_minus_1|lines L1      peak, L1 out, supply restored              its demand
    (any other)             as given                                   demand, or feed-in where the
                                                                       network feeds back as a whole

Least load and highest generation are shares of dena-Verteilnetzstudie 2012 (`capacity.planning.worst_cases`,
`Assumptions.least_demand`, `Assumptions.pv`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from capacity.assumptions import Assumptions, read_assumptions
from capacity.connection.connection_grid import ConnectionGrid, grid_of
from capacity.connection.n_minus_1 import N1Rule, outage_cases_of, read_n1_rule
from capacity.connection.site import Site
from capacity.demand.development import Development, demand_parts
from capacity.limits import Limits, read_limits
from capacity.planning.plan_cases import PlanCases, case_labels, joined_cases, no_switching
from capacity.planning.worst_cases import read_worst_cases, worst_case_power
from gis import Network
from gridmodel import Catalogue, find_scenario
from gridmodel.bus_power import bus_power

CaseKind = Literal["peak", "feed_in", "n_minus_1"]
PEAK, FEED_IN, N_MINUS_1 = "peak", "feed_in", "n_minus_1"


@dataclass(frozen=True)
class ConnectionConfig:
    """How connections are judged: scenario, limits, assumptions (with charging rule) and the rule of N-1."""

    scenario_id: str | None = None
    limits: Limits = field(default_factory=read_limits)
    assumptions: Assumptions = field(default_factory=read_assumptions)
    n_minus_1: N1Rule = field(default_factory=read_n1_rule)


def connection_cases(
    network: Network, config: ConnectionConfig, *, catalogue: Catalogue | None = None
) -> PlanCases:
    """The cases of a scenario: peak, feed-in, and the outages that the rule of N-1 asks for.

    Raises
    ------
    InputError
        The network has no scenario of the id in the config.
    """
    scenario = find_scenario(network, config.scenario_id)
    shares = read_worst_cases().feed_in_case
    kva = np.stack([bus_power(network, scenario), worst_case_power(network, shares, scenario)])
    labels = case_labels([PEAK, FEED_IN], [scenario.scenario_id] * 2)
    normal = PlanCases(labels, kva, no_switching())
    outages = outage_cases_of(network, normal, PEAK, config.n_minus_1, config.limits, catalogue=catalogue)
    return normal if outages is None else joined_cases([normal, outages])


def connection_grid(
    network: Network,
    config: ConnectionConfig | None = None,
    *,
    catalogue: Catalogue | None = None,
    cases: PlanCases | None = None,
) -> ConnectionGrid:
    """The grid of a network that applications are judged on.

    Parameters
    ----------
    cases
        Instead of those of the scenario (`connection_cases`): hours of a demand scenario, outages.

    Raises
    ------
    InputError
        The network has no such scenario, does not fit together, or a voltage has no band.
    """
    chosen = config or ConnectionConfig()
    known = connection_cases(network, chosen, catalogue=catalogue) if cases is None else cases
    name = find_scenario(network, chosen.scenario_id).name if cases is None else _names_of(cases)
    return grid_of(
        network, known, chosen.limits, chosen.assumptions,
        name=name, catalogue=catalogue, rule=chosen.n_minus_1,
    )  # fmt: skip


def case_kind(case_id: str) -> CaseKind | None:
    """What a case is by its id; nothing for one that `connection_cases` did not make.

    Examples
    --------
    >>> case_kind("n_minus_1|lines L1"), case_kind("base 2035-01-14 18:00")
    ('n_minus_1', None)
    """
    kind = case_id.split("|", 1)[0]
    return kind if kind in (PEAK, FEED_IN, N_MINUS_1) else None  # type: ignore[return-value]  # one of them


def case_kinds(cases: PlanCases) -> tuple[CaseKind, ...]:
    """Kind per case; one made elsewhere is an outage, or peak or feed-in by what the network does in it."""
    return tuple(
        case_kind(str(case_id)) or _kind_of(str(outage), kva)
        for case_id, outage, kva in zip(cases.labels.index, cases.labels["outage"], cases.kva, strict=True)
    )


def _kind_of(outage: str, kva: np.ndarray) -> CaseKind:
    if outage:
        return "n_minus_1"
    return "feed_in" if float(kva.real.sum()) < 0.0 else "peak"


def site_power_kva(development: Development, cases: PlanCases, assumptions: Assumptions) -> np.ndarray:
    """Complex power that a site draws per case [kVA]; what it feeds is negative.

    At peak, and after an outage, nothing is fed in; in a feed-in case the demand is at its least share. What
    is fed in has power factor 1.
    """
    parts = demand_parts(development, assumptions)
    demand_kw = float(parts["p_kw"].sum())
    drawn = demand_kw * (1.0 + 1j * np.tan(np.arccos(assumptions.power_factor.cos_phi)))
    fed_kw, least = float(parts["feed_in_kw"].sum()), assumptions.least_demand.share
    feeding = np.array([kind == FEED_IN for kind in case_kinds(cases)])
    return np.where(feeding, least * drawn - fed_kw, drawn)


def site_of(grid: ConnectionGrid, development: Development) -> Site:
    """A development with what it draws in the cases of a grid."""
    demand_kw = float(demand_parts(development, grid.assumptions)["p_kw"].sum())
    return Site(development, site_power_kva(development, grid.cases, grid.assumptions), demand_kw)


def with_assumptions(grid: ConnectionGrid, config: ConnectionConfig) -> ConnectionGrid:
    """The grid with the assumptions of a config; its cases and states do not hang on them."""
    same = grid.assumptions == config.assumptions
    return grid if same else replace(grid, assumptions=config.assumptions)


def _names_of(cases: PlanCases) -> str:
    names = list(dict.fromkeys(cases.labels["scenario"].astype(str)))
    years = f", {cases.years[0]}-{cases.years[-1]}" if cases.years else ""
    return ", ".join(names) + years
