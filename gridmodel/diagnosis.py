"""Why a load flow has no solution: how far it gets, where it breaks, and which loads or data are to blame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gis.feeders import islands_of
from gis.findings import empty_findings, join_findings
from gridmodel.causes import doubt, structural_causes
from gridmodel.loadflow import apply_scenario, collect, confirmed_share, solve
from gridmodel.model import GridModel
from gridmodel.results import LoadFlowResult
from gridmodel.scenario import Scenario, find_scenario

if TYPE_CHECKING:
    from gridmodel.engine.collapse import Servable
    from gridmodel.engine.compiled import CompiledGrid

AREA_COLUMNS = ("source_ids", "buses", "demand_kw", "servable_share", "weakest_bus_id", "weakest_vm_pu")
SUSPECT_COLUMNS = (
    "load_id",
    "bus_id",
    "p_kw",
    "times_median",
    "rating_percent",
    "share_without",
    "solves_without",
    "reason",
)
OVERLOAD_COLUMNS = ("table", "element_id", "loading_percent")
MOST_OVERLOADS = MOST_GENERATORS = 5


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Why a scenario has no solution.

    Attributes
    ----------
    servable_share
        Largest share of all loads alike that has a solution [0..1, within 1 %].
    demand_kw, max_served_kw, min_unserved_kw
        Demand of the scenario, and what of it is served and unserved at that share.
    weakest_bus_id, weakest_vm_pu
        Bus of the lowest voltage at that share; nothing where no share has a solution.
    areas
        One row per island with a source: source_ids, buses, demand_kw, servable_share (of its own loads),
        weakest_bus_id, weakest_vm_pu (at the servable share of all).
    overloads
        The most loaded lines and transformers at that share: table, element_id, loading_percent.
    suspects
        Loads to blame, likeliest first (`gridmodel.suspects`).
    solves_without_suspects
        Whether the scenario has a solution without them.
    causes
        Findings about the structure (`gridmodel.causes`).
    """

    scenario_id: str
    servable_share: float
    demand_kw: float
    max_served_kw: float
    weakest_bus_id: str | None
    weakest_vm_pu: float
    areas: pd.DataFrame
    overloads: pd.DataFrame
    suspects: pd.DataFrame
    solves_without_suspects: bool
    causes: pd.DataFrame

    @property
    def min_unserved_kw(self) -> float:
        return self.demand_kw - self.max_served_kw

    def sentence(self) -> str:
        """What a planner needs to know first, in one sentence."""
        if np.isnan(self.weakest_vm_pu):
            blamed = "generation" if "generation_not_carried" in set(self.causes["rule"]) else "structure"
            return f"without any demand there is no solution either: no load is to blame but the {blamed}"
        said = (
            f"{self.servable_share:.1%} of the demand can be served at most: {self.max_served_kw:,.1f} kW, "
            f"{self.min_unserved_kw:,.1f} kW remain unserved; "
            f"weakest bus {self.weakest_bus_id} ({self.weakest_vm_pu:.3f} pu)"
        )
        if self.suspects.empty:
            return f"{said}; no single load is to blame{self._most_loaded()}"
        named = ", ".join(self.suspects["load_id"].head(3))
        effect = "without it" if len(self.suspects) == 1 else "without the suspects"
        solved = f"; {effect} there is a solution" if self.solves_without_suspects else ""
        return f"{said}; suspect loads: {named}{solved}"

    def summary(self) -> dict[str, object]:
        """Key figures and rows under the names of `feederplan loadflow --json`."""
        return {
            "servable_share": round(self.servable_share, 6),
            "max_served_kw": self.max_served_kw,
            "min_unserved_kw": self.min_unserved_kw,
            "weakest_bus_id": self.weakest_bus_id,
            "weakest_vm_pu": self.weakest_vm_pu,
            "areas": self.areas.to_dict("records"),
            "overloads": self.overloads.to_dict("records"),
            "suspects": self.suspects.to_dict("records"),
            "solves_without_suspects": self.solves_without_suspects,
        }

    def _most_loaded(self) -> str:
        if self.overloads.empty:
            return ""
        first = self.overloads.iloc[0]
        kind = str(first["table"]).removesuffix("s")
        return f", {kind} {first['element_id']} is loaded to {first['loading_percent']:,.0f} % there"


def diagnose(model: GridModel, scenario: Scenario | str | None = None) -> Diagnosis:
    """Say why a scenario of a model has no solution.

    Does not judge a scenario that has one: its servable share is 1 then. The model's net holds the scenario
    afterwards, and the solution of the servable share.

    Parameters
    ----------
    scenario
        A scenario, the id of one of the network's, or nothing for its first.

    Raises
    ------
    InputError
        The network has no scenario of that id, or no source is in service.
    """
    chosen = scenario if isinstance(scenario, Scenario) else find_scenario(model.network, scenario)
    # The engine needs numba, which takes a second to import: what solves goes without.
    from gridmodel.servable import compiled_or_none, demand_in, largest_shares
    from gridmodel.suspects import loads_of, smallest_rating_kva, solves_without, suspect_loads

    grid = compiled_or_none(model)
    if grid is None:
        return _without_solution(model, chosen)
    demand = demand_in(model, chosen)
    carried = largest_shares(grid, demand)
    share = confirmed_share(model, chosen, float(carried.of_all[0])) if carried.solved[:, 0].all() else 0.0
    if not share:
        return _without_solution(model, chosen)
    limit = collect(model, chosen, converged=True, servable_share=share)
    apply_scenario(model, chosen)
    suspects = suspect_loads(grid, loads_of(model, smallest_rating_kva(model)), demand, carried)[0]
    freed = len(suspects) > 0 and solves_without(grid, demand, 0, suspects.index.to_numpy())
    found = _diagnosis(model, limit, _area_shares(model, grid, carried))
    return replace(found, suspects=suspects.reset_index(drop=True), solves_without_suspects=freed)


def _diagnosis(model: GridModel, limit: LoadFlowResult, shares: pd.Series) -> Diagnosis:
    """All but the suspects, from the solution of the servable share and the share of each island."""
    vm_pu = limit.buses["vm_pu"].dropna()
    return Diagnosis(
        scenario_id=limit.scenario.scenario_id,
        servable_share=limit.servable_share,
        demand_kw=limit.demand_kw,
        max_served_kw=limit.served_kw,
        weakest_bus_id=str(vm_pu.idxmin()) if len(vm_pu) else None,
        weakest_vm_pu=float(vm_pu.min()) if len(vm_pu) else float("nan"),
        areas=_areas(model, limit, shares),
        overloads=_overloads(limit),
        suspects=pd.DataFrame(columns=list(SUSPECT_COLUMNS)),
        solves_without_suspects=False,
        causes=structural_causes(model.network, model.catalogue, limit.scenario),
    )


def _without_solution(model: GridModel, scenario: Scenario) -> Diagnosis:
    """No load is to blame where there is no solution without any: look at generation and structure."""
    blamed = _generation_to_blame(model, scenario)
    limit = collect(model, scenario, converged=False, servable_share=0.0)
    found = _diagnosis(model, limit, pd.Series(0.0, islands_of(model.network).unique()))
    return replace(found, causes=join_findings([blamed, found.causes]))


def _generation_to_blame(model: GridModel, scenario: Scenario) -> pd.DataFrame:
    """Find the largest generators where there is a solution without any generation."""
    apply_scenario(model, replace(scenario, generation_factor=0.0, class_factors={}), share=0.0)
    solved = solve(model.net)
    apply_scenario(model, scenario)
    generators = model.network.generators
    p_kw = generators["p_kw"] * scenario.generation_factors(generators["kind"])
    largest = p_kw[generators["in_service"] & (p_kw > 0.0)].nlargest(MOST_GENERATORS)
    if not solved:
        return empty_findings()
    message = (
        f"{p_kw.sum():,.1f} kW of generation cannot be carried away: without it there is a solution; "
        "check p_kw and its unit, the largest first"
    )
    return doubt(
        "generation_not_carried", "generators", largest.index, message, [f"{p:,.1f} kW" for p in largest]
    )


def _area_shares(model: GridModel, grid: CompiledGrid, carried: Servable) -> pd.Series:
    """Servable share per island: the smallest of its parts; 1 where no bus is behind a source."""
    part = np.append(grid.row_part, -1)[grid.bus_row]
    own = np.where(part >= 0, np.append(carried.share[:, 0], 1.0)[part], 1.0)
    return pd.Series(own, model.network.buses.index).groupby(islands_of(model.network)).min()


def _areas(model: GridModel, limit: LoadFlowResult, shares: pd.Series) -> pd.DataFrame:
    network = model.network
    islands = islands_of(network)
    live = network.sources[network.sources["in_service"]]
    named = live.index.to_series().groupby(live["bus_id"].map(islands)).agg(", ".join)
    demand = limit.loads["demand_kw"].groupby(network.loads["bus_id"].map(islands)).sum()
    vm_pu = limit.buses["vm_pu"]
    weakest = vm_pu.dropna().groupby(islands).idxmin()
    areas = pd.DataFrame(
        {
            "source_ids": named,
            "buses": islands.value_counts().reindex(named.index),
            "demand_kw": demand.reindex(named.index, fill_value=0.0),
            "servable_share": shares.reindex(named.index),
            "weakest_bus_id": weakest.reindex(named.index),
            "weakest_vm_pu": vm_pu.groupby(islands).min().reindex(named.index),
        }
    )
    return areas.sort_values("servable_share").reset_index(drop=True)


def _overloads(limit: LoadFlowResult) -> pd.DataFrame:
    """The most loaded branches above their rating."""
    rows = [
        frame["loading_percent"].rename_axis("element_id").reset_index().assign(table=table)
        for table, frame in (("lines", limit.lines), ("transformers", limit.transformers))
    ]
    branches = pd.concat(rows, ignore_index=True)
    over = branches[branches["loading_percent"] > 100.0]
    return over.nlargest(MOST_OVERLOADS, "loading_percent")[list(OVERLOAD_COLUMNS)].reset_index(drop=True)
