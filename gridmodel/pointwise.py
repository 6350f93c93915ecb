"""Operating points solved by pandapower one after the other: for nets the batch engine cannot represent.

Slow (a load flow each) and the same in every figure: what `gridmodel.engine.outcomes` gives, this gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridmodel.lean import pandapower
from gridmodel.loadflow import solve
from gridmodel.model import GridModel
from gridmodel.outcome import BranchFigures, BusFigures, Extreme, Kept, Outcome
from gridmodel.points import Points, demand_kw, unserved_kw

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds


def solve_one_by_one(
    model: GridModel,
    points: Points,
    *,
    bounds: Bounds | None,
    kept: Kept,
    per_element: bool,
    why: str,
) -> Outcome:
    """Solve operating points with pandapower; the net is as it was afterwards, but for its results."""
    net, tally = model.net, _Tally(model, points, bounds, kept)
    with _probes(model, points.added_bus) as probe_of_bus:
        loads, generators = net.load.copy(), net.sgen.copy()
        net.sgen = generators.copy()
        for point in range(points.count):
            _set_point(model, points, point, loads, generators, probe_of_bus)
            if solve(net):
                tally.count(point)
    return tally.outcome(per_element, f"pandapower {pandapower().__version__}, because {why}")


@contextmanager
def _probes(model: GridModel, buses: np.ndarray) -> Iterator[np.ndarray]:
    """One load of 0 kW more per bus of an addition; gives the row of that load per bus of the net."""
    own, own_sgen = model.net.load, model.net.sgen
    probed = np.unique(buses)
    rows = np.full(len(model.net.bus), -1)
    rows[probed] = len(own) + np.arange(len(probed))
    template = own.iloc[:0].reindex(range(len(own), len(own) + len(probed)))
    zeros = [c for c in own.columns if own[c].dtype.kind == "f" and c not in ("sn_mva", "scaling")]
    template = template.assign(**dict.fromkeys(zeros, 0.0), bus=probed, in_service=True, scaling=1.0)
    template["type"] = "probe"
    try:
        model.net.load = pd.concat([own, template.astype(own.dtypes.to_dict())])
        yield rows
    finally:
        model.net.load, model.net.sgen = own, own_sgen


def _set_point(
    model: GridModel,
    points: Points,
    point: int,
    loads: pd.DataFrame,
    generators: pd.DataFrame,
    probe_of_bus: np.ndarray,
) -> None:
    """Put the power of one point into the net's loads and static generators."""
    net, own = model.net, len(points.load_factor)
    p_factor, q_factor = points.load_factors(point)
    p_mw, q_mvar = loads["p_mw"].to_numpy(copy=True), loads["q_mvar"].to_numpy(copy=True)
    p_mw[:own] *= p_factor
    q_mvar[:own] *= q_factor
    here = points.added_point == point
    at = probe_of_bus[points.added_bus[here]]
    np.add.at(p_mw, at, points.added_kva[here].real / 1e3)
    np.add.at(q_mvar, at, points.added_kva[here].imag / 1e3)
    net.load["p_mw"], net.load["q_mvar"], net.load["scaling"] = p_mw, q_mvar, 1.0
    factor = points.generator_factors(point)
    net.sgen["p_mw"] = generators["p_mw"].to_numpy() * factor
    net.sgen["q_mvar"] = generators["q_mvar"].to_numpy() * factor
    net.sgen["scaling"] = 1.0


class _Tally:
    """Figures of the points solved so far."""

    def __init__(self, model: GridModel, points: Points, bounds: Bounds | None, kept: Kept) -> None:
        net, count = model.net, points.count
        self.model, self.points, self.bounds, self.kept = model, points, bounds, kept
        self.converged = np.zeros(count, dtype=bool)
        self.supplied = np.zeros(len(net.bus), dtype=bool)
        self.served_kw, self.generation_kw = np.zeros(count), np.full(count, np.nan)
        self.loss_kw, self.source_kva = np.full(count, np.nan), np.full(count, np.nan, dtype=complex)
        self.extremes = [_nothing(count) for _ in range(4)]
        self.broken = np.full((count, 4), -1)
        self.columns = [np.full((count, len(chosen)), np.nan) for chosen in kept]
        sizes = [len(net[table]) for table in ("bus", "bus", "line", "trafo")]
        self.per_element = [_nothing(size) for size in sizes]
        self.outside = [np.zeros(size, dtype=np.int64) for size in sizes]
        self.lost_kw = [np.zeros(size) for size in sizes[2:]]

    def count(self, point: int) -> None:
        """Take the figures of the point that the net has just solved."""
        net = self.model.net
        vm_pu = net.res_bus["vm_pu"].to_numpy(dtype=float)
        self.converged[point] = True
        self.supplied = ~np.isnan(vm_pu)
        self._count_totals(point)
        line, trafo = (
            net[f"res_{table}"]["loading_percent"].to_numpy(dtype=float) for table in ("line", "trafo")
        )
        outside = _outside(self.bounds, vm_pu, line, trafo)
        for number, values in enumerate((-vm_pu, vm_pu, line, trafo)):
            at = -1 if np.isnan(values).all() else int(np.nanargmax(values))
            value = values[at] if at >= 0 else np.nan
            self.extremes[number].value[point], self.extremes[number].place[point] = value, at
            _raise_to(self.per_element[number], values, point)
            self.outside[number] += outside[number]
            self.broken[point, number] = outside[number].sum()
        for columns, values, chosen in zip(self.columns, (vm_pu, line, trafo), self.kept, strict=True):
            columns[point] = values[chosen]

    def _count_totals(self, point: int) -> None:
        net = self.model.net
        lost = [1e3 * net[f"res_{table}"]["pl_mw"].fillna(0.0).to_numpy() for table in ("line", "trafo")]
        for sums, values in zip(self.lost_kw, lost, strict=True):
            sums += values
        self.loss_kw[point] = lost[0].sum() + lost[1].sum()
        drawn = 1e3 * net.res_load["p_mw"].fillna(0.0).to_numpy()[: len(self.points.load_factor)]
        self.served_kw[point] = drawn.sum()
        self.generation_kw[point] = sum(1e3 * net[f"res_{table}"]["p_mw"].sum() for table in ("sgen", "gen"))
        source = net.res_ext_grid
        self.source_kva[point] = 1e3 * complex(source["p_mw"].sum(), source["q_mvar"].sum())

    def outcome(self, per_element: bool, engine: str) -> Outcome:
        """All that was counted."""
        demand = demand_kw(self.model, self.points)
        drawn_kw, fed_kw = self.points.added_kw(self.supplied[self.points.added_bus])
        low, high, line, trafo = self.extremes
        lowest, highest, *loading = self.per_element
        branches = [
            BranchFigures(extreme, outside, lost)
            for extreme, outside, lost in zip(loading, self.outside[2:], self.lost_kw, strict=True)
        ]
        buses = BusFigures(Extreme(-lowest.value, lowest.place), highest, self.outside[0], self.outside[1])
        return Outcome(
            converged=self.converged,
            weakest_bus=np.full(self.points.count, -1),
            supplied=self.supplied,
            demand_kw=demand,
            unserved_kw=np.where(self.converged, unserved_kw(self.model, self.points, self.supplied), demand),
            served_kw=self.served_kw + np.where(self.converged, drawn_kw, 0.0),
            generation_kw=self.generation_kw + fed_kw,
            loss_kw=self.loss_kw,
            source_kva=self.source_kva,
            vm_min=Extreme(-low.value, low.place),
            vm_max=high,
            line=line,
            transformer=trafo,
            broken=self.broken,
            vm_pu=self.columns[0],
            line_percent=self.columns[1],
            transformer_percent=self.columns[2],
            buses=buses if per_element else None,
            lines=branches[0] if per_element else None,
            transformers=branches[1] if per_element else None,
            engine=engine,
        )


def _nothing(count: int) -> Extreme:
    return Extreme(np.full(count, np.nan), np.full(count, -1))


def _raise_to(extreme: Extreme, values: np.ndarray, point: int) -> None:
    """Keep what is larger than all before."""
    won = ~np.isnan(values) & ~(values <= extreme.value)
    extreme.value[won], extreme.place[won] = values[won], point


def _outside(
    bounds: Bounds | None, vm_pu: np.ndarray, line: np.ndarray, trafo: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Buses too low and too high, lines and transformers over their limit, as flags."""
    if bounds is None:
        nothing = np.zeros(len(vm_pu), dtype=bool)
        return nothing, nothing, np.zeros(len(line), dtype=bool), np.zeros(len(trafo), dtype=bool)
    zero = np.where(bounds.reference >= 0, vm_pu[bounds.reference], 0.0)
    return (
        vm_pu < bounds.vm_min_pu + zero,
        vm_pu > bounds.vm_max_pu + zero,
        line > bounds.line_percent,
        trafo > bounds.transformer_percent,
    )
