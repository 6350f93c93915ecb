"""A pandapower net compiled for many load flows: its own admittance matrix, factorised once.

The matrix is pandapower's (`_pd2ppc`, `makeYbus`), so taps, shifts, shunts and open switches are the same
model by construction. Rows are the nodes without source voltage in the order they are eliminated in, then
the nodes of sources. What one row is to the net stands in `bus_row` and `Branches.position`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import connected_components

from gridmodel.engine.factors import Factors, Stamps, elimination_order, factorise, stamps_of
from gridmodel.engine.kernels import COLLAPSED_SHARE
from gridmodel.engine.matrix import LINE, OTHER, TRANSFORMER, Branches, PandapowerCase, read_case
from gridmodel.lean import pandapower


@dataclass(frozen=True, eq=False)
class CompiledGrid:
    """A grid ready for many load flows; holds numbers only and may be shared by threads.

    Attributes
    ----------
    sn_mva
        Base power of all per unit powers.
    bus_row
        Row per bus, in the order of the net's bus table; -1 where it has no supply.
    row_bus
        A bus per row (several buses joined by closed switches are one row); -1 for auxiliary nodes.
    free_count
        Rows 0..free_count-1 are free; the others are sources, which hold their voltage.
    part_start
        Parts join only at sources and do not feel each other: rows part_start[p]..part_start[p+1]-1.
    stamps, factors
        The free part of the admittance matrix in elimination order, and its factors.
    idle_pu
        Complex voltage per row without any injection; of a source its own.
    fixed_pu
        Power per row injected by what is neither load nor generator of the tables [pu, complex].
    shares
        Rows x 4: constant-current and constant-impedance share of active power, then of reactive power, as
        pandapower sums them per bus; nothing where all power is constant.
    load_row, load_pu, generator_row, generator_pu
        Row (-1 without supply) and complex power at scaling 1 [pu; 0 out of service] per load and per
        static generator of the net, in the order of their tables.
    pushed_pu
        Current that the sources push into each free row [pu]: idle voltages are its solution.
    matrix
        Whole admittance matrix, rows x rows.
    counts, resting
        Rows of the net's tables; per line and transformer whether both its ends have supply.
    out_of_scope
        Why pandapower must solve this net instead; empty when the engine may.
    """

    sn_mva: float
    bus_row: np.ndarray
    row_bus: np.ndarray
    row_kv: np.ndarray
    free_count: int
    part_start: np.ndarray
    stamps: Stamps
    factors: Factors
    idle_pu: np.ndarray
    fixed_pu: np.ndarray
    shares: np.ndarray | None
    load_row: np.ndarray
    load_pu: np.ndarray
    generator_row: np.ndarray
    generator_pu: np.ndarray
    branches: Branches
    pushed_pu: np.ndarray
    matrix: csr_array
    counts: dict[str, int] = field(default_factory=dict)
    resting: dict[str, np.ndarray] = field(default_factory=dict)
    out_of_scope: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        return len(self.idle_pu)

    @property
    def part_count(self) -> int:
        return len(self.part_start) - 1

    @property
    def floor_pu(self) -> np.ndarray:
        """Voltage per row below which it has collapsed [pu]: a share of its idle one, or of 1 pu.

        The larger: where transformers of different shift work against each other the idle one is near 0.
        """
        return COLLAPSED_SHARE * np.maximum(np.abs(self.idle_pu), 1.0)

    @property
    def row_part(self) -> np.ndarray:
        """Part per row; -1 for sources."""
        part = np.full(self.row_count, -1)
        part[: self.free_count] = np.repeat(np.arange(self.part_count), np.diff(self.part_start))
        return part

    @property
    def named_row(self) -> np.ndarray:
        """Per row the nearest one towards the source that is a bus of the net: mostly itself."""
        named, start = np.arange(self.row_count), self.stamps.start
        joined = np.flatnonzero(np.diff(start) > 0)
        up = named.copy()
        up[joined] = self.stamps.row[start[joined]]
        for _ in range(self.row_count):
            lost = (self.row_bus[named] < 0) & (up[named] != named)
            if not lost.any():
                break
            named = np.where(lost, up[named], named)
        return named

    def at_rows(self, rows: np.ndarray, power_pu: np.ndarray) -> np.ndarray:
        """Sum complex power given per element over the rows; what has no supply (-1) drops out."""
        return sum_at_rows(rows, power_pu, self.row_count)

    def injection_pu(self, load_factors: np.ndarray, generation_factors: np.ndarray) -> np.ndarray:
        """Complex power injected per row [pu] with a factor on each load and each static generator."""
        drawn = self.at_rows(self.load_row, self.load_pu * load_factors)
        fed = self.at_rows(self.generator_row, self.generator_pu * generation_factors)
        return self.fixed_pu - drawn + fed


def sum_at_rows(rows: np.ndarray, values: np.ndarray, row_count: int) -> np.ndarray:
    """Sum complex values given per element over the rows; those at row -1 drop out."""
    alive = rows >= 0
    real = np.bincount(rows[alive], values.real[alive], minlength=row_count)
    imaginary = np.bincount(rows[alive], values.imag[alive], minlength=row_count)
    return real + 1j * imaginary


def compile_grid(net: object) -> CompiledGrid:
    """Compile a pandapower net; its tables and results stay as they are.

    Raises
    ------
    UserWarning
        No source is in service (pandapower's own).
    """
    return compile_case(read_case(net))


def compile_case(case: PandapowerCase) -> CompiledGrid:
    """Compile what was read of a net."""
    order, part_start = _by_part(case.matrix, elimination_order(case.matrix, case.source_nodes))
    nodes = np.concatenate([order, case.source_nodes]).astype(np.int64)
    row_of_node = np.full(len(nodes) + 1, -1)  # the last entry answers for node -1
    row_of_node[nodes] = np.arange(len(nodes))
    stamps, free_count = stamps_of(case.matrix, order), len(order)
    factors = factorise(stamps)
    matrix = csr_array(case.matrix)[nodes][:, nodes]
    pushed = -(matrix[:free_count, free_count:] @ case.source_pu)
    bus_row = row_of_node[case.bus_node]
    row_bus = np.full(len(nodes), -1)
    row_bus[bus_row[bus_row >= 0][::-1]] = np.flatnonzero(bus_row >= 0)[::-1]
    return CompiledGrid(
        sn_mva=case.sn_mva,
        bus_row=bus_row,
        row_bus=row_bus,
        row_kv=case.bus_kv[nodes],
        free_count=free_count,
        part_start=part_start,
        stamps=stamps,
        factors=factors,
        idle_pu=np.concatenate([factors.solve(pushed), case.source_pu]),
        fixed_pu=case.fixed_pu[nodes],
        shares=None if case.shares is None else np.ascontiguousarray(case.shares[nodes]),
        load_row=row_of_node[case.load_node],
        load_pu=case.load_pu,
        generator_row=row_of_node[case.generator_node],
        generator_pu=case.generator_pu,
        branches=_branches(case, row_of_node),
        pushed_pu=pushed,
        matrix=matrix,
        counts=case.counts,
        resting=case.resting,
        out_of_scope=case.out_of_scope,
    )


def _by_part(matrix: csc_array, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay the parts one after the other, each in its own order, and say where each begins."""
    if not len(order):
        return order, np.zeros(1, dtype=np.int64)
    behind = matrix[order][:, order]
    count, part = connected_components(behind != 0, directed=False)
    start = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=count))]).astype(np.int64)
    return order[np.argsort(part, kind="stable")], start


def _branches(case: PandapowerCase, row_of_node: np.ndarray) -> Branches:
    """Sort the branches of each kind by row, so that a sweep over them walks through memory."""
    from_row, to_row = row_of_node[case.branches.from_row], row_of_node[case.branches.to_row]
    order = np.lexsort((np.minimum(from_row, to_row), case.branches.kind))
    renumbered = case.branches._replace(from_row=from_row, to_row=to_row)
    return Branches(*(np.ascontiguousarray(values[order]) for values in renumbered))


def engine_name() -> str:
    """What solved it, with the version of the model it rests on."""
    return f"feederplan engine on pandapower {pandapower().__version__}"


__all__ = [
    "LINE",
    "OTHER",
    "TRANSFORMER",
    "Branches",
    "CompiledGrid",
    "compile_case",
    "compile_grid",
    "engine_name",
]
