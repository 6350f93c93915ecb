"""Another way to one bus: the state in which its path to the source carries what it must, without diversity.

Every branch on the path carries the coincident peak of all behind it. What a bus of the path passes on beside
the path is shared between the branches that leave it, in proportion to their own peaks, and so on to the
leaves. No bus draws less than nothing, so it is a state that can be: the one in which the bus is worst off.
There is one for every bus; the seam (`gridmodel.demand_model`) has one for all.

    P(2) = 30 kW        the state of c:  1 -> 2 carries 30, 2 -> c carries P(c) = 12,
    1 --- 2 --- c                        18 are left for d and e, by their own peaks 14 and 13
          |\\
          | d, e        the seam:        1 -> 2 carries 30, c, d, e carry 12, 14, 13, and 2 draws -9

Shared by the tests and benchmarks/prove_demand.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from capacity.demand.coincidence import Coincidence, coincident_demand, peaks_behind
from gis import Network
from gis.feeders import Supply, conducting_edges, trace_supply
from gridmodel import LoadFlowResult, Scenario, build_model, run_load_flow
from gridmodel.demand_model import BusDemand, network_with_demand


class Peaks(NamedTuple):
    """Coincident peaks of one group [kVA]: of the customers at each bus, and of all behind it."""

    own: np.ndarray
    behind: np.ndarray


class PathCheck(NamedTuple):
    """Seam less state of the path, at one bus: voltage [pu], largest and smallest loading on the path [%]."""

    bus_id: str
    vm_pu: float
    seam_pu: float
    most_percent: float
    least_percent: float
    least_kw: float


def peaks_of(supply: Supply, customers: pd.DataFrame, method: Coincidence) -> Peaks:
    """Peaks per bus of a group's customers."""
    alone = dataclasses.replace(supply, parents=np.full_like(supply.parents, -1))
    return Peaks(*(peaks_behind(one, customers, method) for one in (alone, supply)))


def drawn_for(supply: Supply, peaks: Peaks, bus: int) -> np.ndarray:
    """What each bus draws [kVA] in the state of the path to `bus`."""
    on_path = np.zeros(len(supply.parents), dtype=bool)
    while bus >= 0:
        on_path[bus] = True
        bus = int(supply.parents[bus])
    below = np.flatnonzero(supply.parents >= 0)
    passed_on = np.zeros(len(on_path), dtype=complex)
    np.add.at(passed_on, supply.parents[below], np.where(on_path, peaks.behind, 0.0)[below])
    asked = peaks.own.real.copy()
    np.add.at(asked, supply.parents[below], np.where(on_path, 0.0, peaks.behind.real)[below])
    flow, share = peaks.behind.tolist(), [0j] * len(on_path)
    parents, beside = supply.parents.tolist(), (~on_path).tolist()
    for at in supply.order.tolist():
        if beside[at] and parents[at] >= 0:
            flow[at] = share[parents[at]] * peaks.behind[at].real
        share[at] = (flow[at] - passed_on[at]) / asked[at] if asked[at] > 0.0 else 0j
    without_supply = np.setdiff1d(np.arange(len(on_path)), supply.order)
    drawn = np.array(share) * peaks.own.real
    drawn[without_supply] = peaks.own[without_supply]
    return drawn


def check_paths(
    network: Network,
    customers: pd.DataFrame,
    methods: Mapping[str, Coincidence],
    bus_ids: list[str],
) -> list[PathCheck]:
    """Compare the seam with the state of the path, each solved by pandapower, at some buses."""
    supply = trace_supply(network)
    demand = coincident_demand(supply, customers, dict(methods))
    placed = customers[customers["status"] == "placed"]
    peaks = [peaks_of(supply, placed[placed["group"] == group], methods[group]) for group in demand.groups]
    seam = _solved(network, demand)
    return [_check(network, supply, peaks, demand, seam, bus_id) for bus_id in bus_ids]


def _check(
    network: Network,
    supply: Supply,
    peaks: list[Peaks],
    demand: BusDemand,
    seam: LoadFlowResult,
    bus_id: str,
) -> PathCheck:
    bus = int(network.buses.index.get_loc(bus_id))
    drawn = np.stack([drawn_for(supply, one, bus) for one in peaks], axis=1)
    np.testing.assert_allclose(drawn.sum(), demand.kva.sum(), rtol=1e-9)
    state = _solved(network, dataclasses.replace(demand, kva=drawn))
    path = supply.path_to_source(bus_id)
    over = [
        getattr(seam, table).loc[ids, "loading_percent"] - getattr(state, table).loc[ids, "loading_percent"]
        for table in ("lines", "transformers")
        if len(ids := path.loc[path["table"] == table, "element_id"])
    ]
    percent = pd.concat(over)
    seam_pu = float(seam.buses.loc[bus_id, "vm_pu"])
    apart_pu = seam_pu - float(state.buses.loc[bus_id, "vm_pu"])
    return PathCheck(bus_id, apart_pu, seam_pu, percent.max(), percent.min(), float(drawn.real.min()))


def _solved(network: Network, demand: BusDemand) -> LoadFlowResult:
    result = run_load_flow(build_model(network_with_demand(network, demand)), Scenario())
    assert result.converged
    return result


def carried_less_losses_kw(network: Network, supply: Supply, result: LoadFlowResult) -> pd.Series:
    """What flows into every bus from above, less the losses of all branches behind and of that one [kW].

    Of buses fed by a line or transformer that is in no ring.
    """
    by_branch = supply.buses["upstream_table"].isin(["lines", "transformers"]).to_numpy(dtype=bool)
    fed = supply.buses[by_branch & ~in_ring(network, supply)]
    lines, transformers = fed[fed["upstream_table"] == "lines"], fed[fed["upstream_table"] == "transformers"]
    line = result.lines.loc[lines["upstream_id"]]
    drawn_forwards = network.lines.loc[lines["upstream_id"], "to_bus_id"].to_numpy() == lines.index
    line_kw = np.where(drawn_forwards, line["p_from_kw"], line["loss_kw"] - line["p_from_kw"])
    transformer = result.transformers.loc[transformers["upstream_id"]]
    flow = pd.concat([pd.Series(line_kw, lines.index), transformer["p_hv_kw"].set_axis(transformers.index)])
    # Losses count at the end that is fed; those of a branch that closes a ring at either, the ring is behind.
    at = network.lines["to_bus_id"].copy()
    at[lines["upstream_id"]] = lines.index
    loss = (
        result.lines["loss_kw"]
        .groupby(at)
        .sum()
        .add(transformer["loss_kw"].set_axis(transformers.index), fill_value=0.0)
    )
    return flow - supply.sum_downstream(loss)[flow.index]


def in_ring(network: Network, supply: Supply) -> np.ndarray:
    """Whether what feeds a bus is part of a ring.

    Every branch that closes a ring puts a number of its own at one end and takes it away at the other: behind
    a branch outside all rings they cancel.
    """
    edges = conducting_edges(network)
    fed = supply.buses.reset_index()[["upstream_table", "upstream_id"]].dropna()
    feeding = set(fed.itertuples(index=False, name=None))
    closes = [
        (table, name) not in feeding for table, name in zip(edges["table"], edges["element_id"], strict=True)
    ]
    own = np.random.default_rng(0).uniform(1.0, 2.0, sum(closes))
    count = len(network.buses)
    ends = np.bincount(edges["u"][closes], own, count) - np.bincount(edges["v"][closes], own, count)
    around = supply.sum_downstream(pd.Series(ends, network.buses.index)).to_numpy()
    return np.abs(around) > 1e-9
