"""The least demand that must be cut at one operating point so that every limit holds.

A linear program over exact sensitivities (`cut_program`), made anew at its own cut point until the load flow
holds every limit there and the program proves that no smaller cut does. Planes that bound an earlier round
are kept (cutting planes: J. E. Kelley 1960, doi:10.1137/0108053): loadings are convex and voltages concave in
what is cut, so that a plane asks for too little, never for too much.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array

from capacity.unserved.cut_program import LACKING_KW, Planes, Solution, lacking_kw, solve_program
from capacity.unserved.limit_margins import LimitMargins
from gridmodel.engine.adjoint import change_per_power
from gridmodel.engine.collapse import servable_shares
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import Reference, reference_at

# The cut is the least within this [kW] and a share of it: of one load flow, and of each hour of a year.
CUT_WITHIN_KW = 0.01
WITHIN_SHARE = 1e-3
YEAR_WITHIN_SHARE = 5e-3
# Rounds that may follow the proof to bring it within the kW alone.
POLISH_ROUNDS = 4
# What the program keeps of every limit [pu of voltage, share of a rating], so that two load flows, which
# differ by less than this, agree that it holds.
KEPT_MARGIN = 1e-7
MOST_ROUNDS = 30
# What is missing at a cut that is lifted, and this share more: the last kW relieves less than the first.
LIFTED_SHARE = 0.03
# A step to a point without load flow is halved this often.
MOST_HALVINGS = 12
# A start stays below the largest servable share, where sensitivities have no end.
START_SHARE = 0.95
# Of voltages the worst within so many branches is watched in the first rounds, then each that is worse than
# its neighbours.
HOPS = 12
WIDE_ROUNDS = 3
# A limit that a bus relieves by less than this share of what the best bus does has no part in its cut.
PART_SHARE = 0.1
NONE = np.zeros(0, dtype=np.int64)


class Accuracy(NamedTuple):
    """Share of itself within which a cut is proved the least, and rounds to do better."""

    within_share: float
    polish_rounds: int


ONE_POINT = Accuracy(WITHIN_SHARE, POLISH_ROUNDS)
EACH_HOUR = Accuracy(YEAR_WITHIN_SHARE, 0)


class Point(NamedTuple):
    """One operating point.

    Attributes
    ----------
    injection_pu
        Complex power injected per row with all demand [pu].
    freed_pu
        Rows x buses: what cutting each bus entirely injects [pu].
    most_kw
        The most that can be cut per bus [kW].
    """

    injection_pu: np.ndarray
    freed_pu: csc_array
    most_kw: np.ndarray

    def with_cut(self, kw: np.ndarray) -> np.ndarray:
        """Power injected per row with a cut [pu]."""
        share = np.divide(kw, self.most_kw, out=np.zeros(len(kw)), where=self.most_kw > 0.0)
        return np.asarray(self.injection_pu + self.freed_pu @ share)


@dataclass(frozen=True, eq=False)
class LeastCut:
    """What must be cut, and which limits ask for it.

    Attributes
    ----------
    status
        "cut"; "not_by_demand" (some limits no cut of demand cures, all others hold); "not_proved" (no proof
        that it is the least, or that all hold); "no_solution" (no load flow without any demand either: all is
        cut).
    rounds
        Programs solved.
    at, kw
        Buses cut (positions in the point), and how much.
    limits
        Limits that bind.
    kw_of_limit
        Limits x buses cut: the cut by what each limit asks for; sums to `kw`.
    left
        Limits that no cut of demand cures.
    """

    status: str
    rounds: int
    at: np.ndarray
    kw: np.ndarray
    limits: np.ndarray
    kw_of_limit: np.ndarray
    left: np.ndarray

    def per_bus(self, count: int) -> np.ndarray:
        """Cut of every bus of the point [kW]."""
        kw = np.zeros(count)
        kw[self.at] = self.kw
        return kw


@dataclass(eq=False)
class _Search:
    """Where a search stands: cut, state, limits watched and given up, planes kept, the best so far."""

    kw: np.ndarray
    state: Reference
    watched: np.ndarray
    within_share: float
    left: np.ndarray = field(default_factory=lambda: NONE)
    kept: Planes | None = None
    priced: np.ndarray = field(default_factory=lambda: NONE)
    price: np.ndarray = field(default_factory=lambda: np.zeros(0))
    bound_kw: float = 0.0
    best: tuple[np.ndarray, Planes, np.ndarray] | None = None

    def price_of(self, limits: np.ndarray) -> np.ndarray:
        """Price per limit in the round before; 0 of those that were not watched."""
        known = np.isin(limits, self.priced)
        price = np.zeros(len(limits))
        price[known] = self.price[np.searchsorted(self.priced, limits[known])]
        return price


def least_cut(
    margins: LimitMargins,
    point: Point,
    *,
    start_kw: np.ndarray | None = None,
    watched: np.ndarray = NONE,
    accuracy: Accuracy = ONE_POINT,
) -> LeastCut:
    """Find the least cut at an operating point.

    Parameters
    ----------
    start_kw, watched
        Cut to begin with, and limits to watch from the beginning (those that bind in a neighbouring hour):
        they save time, the answer is the same within the tolerance.
    """
    search = _begun(margins.grid, point, start_kw, watched, accuracy.within_share)
    if search is None:
        at = np.flatnonzero(point.most_kw)
        return LeastCut("no_solution", 0, at, point.most_kw[at], NONE, np.zeros((0, len(at))), NONE)
    proved = 0
    for count in range(1, MOST_ROUNDS + 1):
        known = (len(search.left), len(search.watched))
        excess = margins.excess(search.state.voltage_pu)
        broken = np.setdiff1d(np.flatnonzero(excess > 0.0), search.left)
        search.watched = np.union1d(search.watched, _leading(margins, search, excess, broken, count))
        planes = _planes(margins, point, search, excess)
        target = _target(point, search, planes)
        if not len(np.setdiff1d(broken, search.left)):
            _remember(search, search.kw, planes, target)
        else:
            _lift(margins, point, search, planes, target)
        if _is_least(search):
            proved += 1
            if proved > accuracy.polish_rounds or _spare_kw(search) <= CUT_WITHIN_KW:
                return _answer(search, "not_by_demand" if len(search.left) else "cut", count)
        step = 1.0 if proved else 2.0 / (count + 1.0)
        moved = _moved(margins.grid, point, search, search.kw + step * (target.kw - search.kw))
        if not moved and known == (len(search.left), len(search.watched)):
            break
    if proved:
        return _answer(search, "not_by_demand" if len(search.left) else "cut", count)
    if search.best is None:
        search.best = (search.kw, planes, np.zeros(len(planes.asked)))
    return _answer(search, "not_proved", count)


def _begun(
    grid: CompiledGrid, point: Point, start_kw: np.ndarray | None, watched: np.ndarray, within_share: float
) -> _Search | None:
    """Begin at the cut given, at none, at what can be served, or at all."""
    nothing, everything = np.zeros(len(point.most_kw)), point.most_kw
    starts = [nothing] if start_kw is None else [np.minimum(start_kw, everything), nothing]
    for kw in starts:
        state = _solved(grid, point, kw)
        if state is not None:
            return _Search(kw, state, watched, within_share)
    for kw in (_servable(grid, point), everything):
        state = _solved(grid, point, kw)
        if state is not None:
            return _Search(kw, state, watched, within_share)
    return None


def _solved(grid: CompiledGrid, point: Point, kw: np.ndarray) -> Reference | None:
    state = reference_at(grid, point.with_cut(kw))
    return state if state.outcome == CONVERGED else None


def _servable(grid: CompiledGrid, point: Point) -> np.ndarray:
    """Cut that leaves of every part of the grid a little less than the largest share it can carry [kW]."""
    drawn = np.asarray(point.freed_pu.sum(axis=1))
    carried = servable_shares(grid, point.injection_pu + drawn, drawn[:, None])
    share = np.append(carried.share[:, 0], 1.0)[grid.row_part]  # -1, a source, takes the last
    first = point.freed_pu.indices[point.freed_pu.indptr[:-1]]
    return np.asarray(np.where(share[first] < 1.0, 1.0 - START_SHARE * share[first], 0.0) * point.most_kw)


def _leading(
    margins: LimitMargins, search: _Search, excess: np.ndarray, broken: np.ndarray, count: int
) -> np.ndarray:
    """Broken limits but for voltages near a worse one, which most often hold when that one does."""
    if len(search.left):  # nobody answers for the neighbours of a limit that was given up
        return broken
    hops = HOPS if count <= WIDE_ROUNDS else 1
    return broken[excess[broken] >= margins.worst_nearby(excess, hops)[broken]]


def _planes(margins: LimitMargins, point: Point, search: _Search, excess: np.ndarray) -> Planes:
    """Planes of the limits watched, about the present cut; what no cut cures is given up."""
    watched = np.setdiff1d(search.watched, search.left)
    change = change_per_power(margins.grid, search.state, margins.gradients(search.state.voltage_pu, watched))
    per_bus = -np.asarray((point.freed_pu.T @ change.T).T.real)
    relief = np.divide(per_bus, point.most_kw, out=np.zeros_like(per_bus), where=point.most_kw > 0.0)
    best = relief.max(axis=1, initial=0.0)
    helps = best > 0.0
    unit = np.where(helps, best, 1.0)
    asked = (excess[watched] + KEPT_MARGIN) / unit
    relief /= unit[:, None]
    asked += relief @ search.kw
    reached = np.maximum(relief, 0.0) @ point.most_kw
    hopeless = ~helps | (reached < asked)
    given_up = watched[hopeless & (excess[watched] > 0.0)]
    if len(given_up):
        search.left, search.bound_kw = np.union1d(search.left, given_up), 0.0
    return Planes(watched, relief, asked).chosen(~hopeless)


def _target(point: Point, search: _Search, planes: Planes) -> Solution:
    """Solve the program; give up limits that cannot hold together with the others."""
    known = None if search.kept is None else search.kept.chosen(np.isin(search.kept.limit, planes.limit))
    asked = planes.joined(known)
    guess = np.zeros(len(asked.asked))
    guess[: len(planes.asked)] = search.price_of(planes.limit)
    solution = solve_program(asked, search.kw, point.most_kw, guess)
    if solution is None:
        asked = _within_reach(point, search, planes)
        solution = solve_program(asked, search.kw, point.most_kw)
    if solution is None:
        raise ArithmeticError("a program made to be solvable was not solved")
    search.kept = asked.chosen(solution.price > 0.0)
    search.bound_kw = max(solution.bound_kw, search.bound_kw)
    price = np.zeros(len(planes.limit))
    np.add.at(price, np.searchsorted(planes.limit, asked.limit), solution.price)
    search.priced, search.price = planes.limit, price
    return Solution(solution.kw, price, solution.bound_kw)


def _within_reach(point: Point, search: _Search, planes: Planes) -> Planes:
    """Planes that can be met together, those that lack least."""
    lacking = lacking_kw(planes, point.most_kw)
    given_up = lacking > LACKING_KW
    search.left, search.bound_kw = np.union1d(search.left, planes.limit[given_up]), 0.0
    asked = planes.asked - np.where(lacking > 0.0, lacking + LACKING_KW, 0.0)
    return Planes(planes.limit, planes.relief, asked).chosen(~given_up)


def _remember(search: _Search, kw: np.ndarray, planes: Planes, target: Solution) -> None:
    """Keep the smallest cut at which every limit holds, with what it is told by."""
    if search.best is None or kw.sum() <= search.best[0].sum():
        search.best = (kw, planes, target.price)


def _lift(margins: LimitMargins, point: Point, search: _Search, planes: Planes, target: Solution) -> None:
    """Cut a little more, nobody less, where that is as good as the least: it need not come to rest first."""
    here = search.kw
    missing_kw = planes.asked - planes.relief @ here
    lifted_kw = missing_kw + LIFTED_SHARE * np.maximum(missing_kw, 0.0)
    missing = Planes(planes.limit, planes.relief, lifted_kw)
    more = solve_program(missing, np.zeros(len(here)), point.most_kw - here)
    if more is None or not _is_near(search, float((here + more.kw).sum())):
        return
    kw = np.minimum(here + more.kw, point.most_kw)
    state = _solved(margins.grid, point, kw)
    if state is None:
        return
    broken = np.flatnonzero(margins.excess(state.voltage_pu) > 0.0)
    if not len(np.setdiff1d(broken, search.left)):
        _remember(search, kw, planes, target)


def _is_least(search: _Search) -> bool:
    """Whether a cut at which every limit holds is within the tolerance of what any must have."""
    return search.best is not None and _spare_kw(search) <= _tolerance_kw(search, search.best[0].sum())


def _spare_kw(search: _Search) -> float:
    """What the best cut may be too large by."""
    return np.inf if search.best is None else float(search.best[0].sum()) - search.bound_kw


def _is_near(search: _Search, total_kw: float) -> bool:
    return total_kw - search.bound_kw <= _tolerance_kw(search, total_kw)


def _tolerance_kw(search: _Search, total_kw: float) -> float:
    return CUT_WITHIN_KW + search.within_share * total_kw


def _moved(grid: CompiledGrid, point: Point, search: _Search, target_kw: np.ndarray) -> bool:
    """Step to the target, or as far towards it as there is a load flow; tells whether it got anywhere."""
    step = 0.0 if np.array_equal(target_kw, search.kw) else 1.0
    for _ in range(MOST_HALVINGS if step else 0):
        kw = search.kw + step * (target_kw - search.kw)
        state = _solved(grid, point, kw)
        if state is not None:
            search.kw, search.state = kw, state
            return True
        step /= 2.0
    return False


def _answer(search: _Search, status: str, rounds: int) -> LeastCut:
    """Share the cut of each bus among the limits by price times relief: what each gives for it."""
    assert search.best is not None  # callers have seen to it
    cut_kw, planes, price = search.best
    at = np.flatnonzero(cut_kw > 0.0)
    kw, relief = cut_kw[at], planes.relief[:, at]
    relief = np.where(relief >= PART_SHARE, relief, 0.0)
    asked = relief * price[:, None]
    for instead in (relief, np.ones_like(relief)):  # cut at a point whose program has another corner
        asked = np.where(asked.sum(axis=0) > 0.0, asked, instead)
    binding = asked.sum(axis=1) > 0.0
    shares = asked[binding] / asked.sum(axis=0)
    return LeastCut(status, rounds, at, kw, planes.limit[binding], shares * kw, search.left)
