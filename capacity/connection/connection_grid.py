"""`ConnectionGrid`: the grid that applications are judged on, with its cases solved once for all of them.

A connection that is agreed on makes another such grid (`connected`): the queue is a chain of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from capacity.assumptions import Assumptions
from capacity.checks import State, Yardstick, broken_limits, make_yardstick, voltage_bounds
from capacity.connection.n_minus_1 import N1Rule, switching_after
from capacity.limits import Limits
from capacity.planning.plan_cases import PlanCases
from gis import Network
from gis.changes import NetworkChanges, apply_changes
from gis.routing import Router
from gridmodel import Catalogue, branch_ratings_kva, read_catalogue
from gridmodel.power_cases import run_power_cases


@dataclass(frozen=True, eq=False)
class ConnectionGrid:
    """A network, the cases every connection must hold in, and how they stand without it.

    Attributes
    ----------
    cases
        Power per bus of the network and switching, without the application (`site_cases` says which: peak,
        minimum load with feed-in, N-1 where the rule asks for it).
    states
        Per case; None where it has no solution.
    broken
        Limits broken per case already (`capacity.checks.broken_limits`).
    name
        Scenario in words, for the basis of answers.
    rule
        Which options must hold in cases with an outage; all where there is none.
    """

    yardstick: Yardstick
    cases: PlanCases
    states: tuple[State | None, ...]
    broken: tuple[pd.DataFrame, ...]
    catalogue: Catalogue
    assumptions: Assumptions
    name: str
    rule: N1Rule | None = None

    @property
    def network(self) -> Network:
        return self.yardstick.network

    @cached_property
    def router(self) -> Router:
        """Ways for new cables between buses of the network."""
        return Router(self.network)

    @cached_property
    def ratings_kva(self) -> dict[str, np.ndarray]:
        """Rating per line and per transformer [kVA]."""
        return branch_ratings_kva(self.network, self.catalogue)

    def connected(self, changes: NetworkChanges, bus_id: str, kva: np.ndarray) -> ConnectionGrid:
        """The grid once a site is connected: built, and drawing at its bus so much per case [kVA]."""
        network = apply_changes(self.network, changes)
        drawn = np.zeros((len(self.cases.kva), len(network.buses)), dtype=complex)
        drawn[:, network.buses.index.get_indexer(self.network.buses.index)] = self.cases.kva
        drawn[:, network.buses.index.get_indexer([bus_id])[0]] += kva
        switching = switching_after(self.network, self.yardstick.supply, changes, self.cases.switching)
        cases = replace(self.cases, kva=drawn, switching=switching)
        limits = self.yardstick.limits
        return grid_of(
            network, cases, limits, self.assumptions, name=self.name, catalogue=self.catalogue, rule=self.rule
        )


def grid_of(
    network: Network,
    cases: PlanCases,
    limits: Limits,
    assumptions: Assumptions,
    *,
    name: str,
    catalogue: Catalogue | None = None,
    rule: N1Rule | None = None,
) -> ConnectionGrid:
    """Solve cases on a network and lay the limits over them.

    Raises
    ------
    InputError
        The tables do not fit together, or a voltage has no band.
    """
    known = catalogue or read_catalogue()
    yardstick = make_yardstick(network, limits)
    solved = run_power_cases(network, cases.kva, cases.labels.index, cases.switching, catalogue=known)
    states = tuple(
        State(
            solved.vm_pu[row], solved.line_loading_percent[row], solved.transformer_loading_percent[row]
        )
        if solved.converged[row]
        else None
        for row in range(len(solved.converged))
    )  # fmt: skip
    broken = tuple(_broken(yardstick, state) for state in states)
    return ConnectionGrid(yardstick, cases, states, broken, known, assumptions, name, rule)


def _broken(yardstick: Yardstick, state: State | None) -> pd.DataFrame:
    """Broken limits of a state; most of many have none, which is seen without making tables."""
    nothing = pd.DataFrame(columns=["check", "table", "element_id"])
    if state is None:
        return nothing
    low, high = voltage_bounds(yardstick, state)
    loading = yardstick.limits.loading
    with np.errstate(invalid="ignore"):
        any_broken = (
            (state.vm_pu < low).any()
            or (state.vm_pu > high).any()
            or (state.line_loading_percent > loading.line_percent).any()
            or (state.transformer_loading_percent > loading.transformer_percent).any()
        )
    return broken_limits(yardstick, state) if any_broken else nothing
