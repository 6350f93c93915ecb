"""Grids drawn at random: a tree of medium-voltage cables with a load at every bus."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pandapower
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

KV = 20.0
# Per km of a cable 150 Al 20 kV and its charging (NA2XS2Y 1x150 RM/25 12/20 kV in pandapower's std types).
R_OHM, X_OHM, C_NF, MAX_KA = 0.206, 0.116, 261.0, 0.315


class Grid(NamedTuple):
    """Bus n+1 hangs by a line at an earlier bus; each may draw power."""

    parents: list[int]
    length_km: list[float]
    p_mw: list[float]
    q_mvar: list[float]

    @property
    def size(self) -> int:
        return len(self.parents)


@st.composite
def grids(draw: st.DrawFn, least: int = 1) -> Grid:
    size = draw(st.integers(least, 9))
    parents = [draw(st.integers(0, bus)) for bus in range(size)]

    def several(low: float, high: float) -> list[float]:
        return draw(st.lists(st.floats(low, high), min_size=size, max_size=size))

    return Grid(parents, several(0.2, 6.0), several(0.0, 0.8), several(0.0, 0.3))


@cache
def _empty() -> pandapowerNet:
    return pandapower.create_empty_network()


def built(grid: Grid, *, c_nf: float = 0.0, vm_pu: float = 1.02) -> pandapowerNet:
    net = copy.deepcopy(_empty())
    pandapower.create_buses(net, grid.size + 1, KV)
    pandapower.create_ext_grid(net, 0, vm_pu=vm_pu)
    pandapower.create_lines_from_parameters(
        net, grid.parents, range(1, grid.size + 1), grid.length_km, R_OHM, X_OHM, c_nf, MAX_KA
    )
    pandapower.create_loads(net, range(1, grid.size + 1), grid.p_mw, grid.q_mvar)
    return net
