"""Headroom asked of radial nets, and plain pandapower's answer to the same question."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandapower

from gridmodel.engine.answers import Answers
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.paths import path_headroom
from gridmodel.engine.proof import WholeGrid, whole_grid

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

CAP_KW = 20_000
# Injected per kW: load at cos phi 0.95 inductive, generation at unity.
LOAD, GENERATION = -1.0 - 1j * np.tan(np.arccos(0.95)), 1.0 + 0j


class Question(NamedTuple):
    """A solved net, its limits and an addition; factors are on the net's own scaling."""

    net: pandapowerNet
    grid: CompiledGrid
    injection_pu: np.ndarray
    voltage_pu: np.ndarray
    bounds: Bounds
    per_kw_pu: complex
    load_factor: float | np.ndarray
    generation_factor: float

    @property
    def whole(self) -> WholeGrid:
        return whole_grid(self.grid, self.injection_pu, self.voltage_pu, self.bounds)

    @property
    def buses(self) -> np.ndarray:
        return np.arange(len(self.net.bus))

    def answers(self, buses: np.ndarray | None = None, **options: int) -> Answers:
        asked = self.buses if buses is None else buses
        return path_headroom(
            self.grid, self.injection_pu, self.voltage_pu, self.bounds, asked,
            per_kw_pu=self.per_kw_pu, **{"cap_kw": CAP_KW, "threads": 1, **options},
        )  # fmt: skip


def question(
    net: pandapowerNet,
    bounds: Bounds,
    addition: complex,
    *,
    load_factor: float | np.ndarray = 1.0,
    generation_factor: float = 1.0,
) -> Question:
    """Solve a net with factors on its own scaling."""
    grid = compile_grid(net)
    injection_pu = grid.injection_pu(
        net.load["scaling"].to_numpy() * load_factor, net.sgen["scaling"].to_numpy() * generation_factor
    )
    reference = reference_at(grid, injection_pu)
    assert reference.outcome == CONVERGED
    return Question(
        net, grid, injection_pu, reference.voltage_pu, bounds, addition / grid.sn_mva / 1e3,
        load_factor, generation_factor,
    )  # fmt: skip


def bounds_of(
    net: pandapowerNet, low_pu: float, high_pu: float, percent: float, change_pu: float = np.inf
) -> Bounds:
    """The same limits everywhere."""
    buses = len(net.bus)
    return Bounds(
        np.full(buses, low_pu), np.full(buses, high_pu), np.full(buses, -1), np.full(len(net.line), percent),
        np.full(len(net.trafo), percent), np.full(buses, change_pu),
    )  # fmt: skip


class PlainPandapower:
    """Answers by plain load flows, written without our code; for nets that break no limit before."""

    def __init__(self, asked: Question) -> None:
        self.net, self.bounds = copy.deepcopy(asked.net), asked.bounds
        self.per_kw_mva = asked.per_kw_pu * asked.grid.sn_mva
        self.net.load["scaling"] *= asked.load_factor
        self.net.sgen["scaling"] *= asked.generation_factor
        self.row = pandapower.create_sgen(self.net, self.net.bus.index[0], p_mw=0.0)
        self.before = self._solved().copy()
        assert self._within(self.before)

    def holds(self, bus: int, kw: int) -> bool:
        """Whether no limit is broken with kW more at a bus."""
        power = self.per_kw_mva * kw
        columns = ["bus", "p_mw", "q_mvar"]
        self.net.sgen.loc[self.row, columns] = (self.net.bus.index[bus], power.real, power.imag)
        self.net.sgen["bus"] = self.net.sgen["bus"].astype(int)
        try:
            vm_pu = self._solved()
        except pandapower.LoadflowNotConverged:
            return False
        return self._within(vm_pu) and not abs(vm_pu[bus] - self.before[bus]) > self.bounds.change_pu[bus]

    def headroom_kw(self, bus: int) -> int:
        """Largest whole kW by doubling and bisection; the cap if that holds."""
        low, high = 0, 1
        while high < CAP_KW and self.holds(bus, high):
            low, high = high, 2 * high
        high = min(high, CAP_KW + 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.holds(bus, middle) else (low, middle)
        return low

    def _solved(self) -> np.ndarray:
        pandapower.runpp(self.net, numba=False, calculate_voltage_angles=True, tolerance_mva=1e-9)
        return self.net.res_bus["vm_pu"].to_numpy()

    def _within(self, vm_pu: np.ndarray) -> bool:
        bounds, net = self.bounds, self.net
        with np.errstate(invalid="ignore"):
            return not (
                (vm_pu < bounds.vm_min_pu).any()
                or (vm_pu > bounds.vm_max_pu).any()
                or (net.res_line["loading_percent"].to_numpy() > bounds.line_percent).any()
                or (net.res_trafo["loading_percent"].to_numpy() > bounds.transformer_percent).any()
            )
