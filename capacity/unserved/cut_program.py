"""The linear program of a cut: least total so that every plane is met. Solved by HiGHS.

    least   sum of (1 - STAY) a_i + (1 + STAY) b_i         cut x_i = a_i + b_i per bus [kW]
    so that sum of relief_mi x_i >= asked_m                for every plane m
            0 <= a_i <= now_i,  0 <= b_i <= most_i - now_i

Customers who do equally well but for STAY are not exchanged for those cut now: else every round, and every
hour, would cut others, and no round would come to rest. One plane alone is met in the order of the relief.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csc_array

# Buses that relieve a limit by less than this share of the best one come into the program only when its
# prices ask for them: the answer is the same, the program smaller.
FIRST_SHARE = 0.1
# Reliefs below this couple what is hardly coupled. They count at the cut as it stands, and at the prices of
# the round before, so that the program falls apart into small ones; the bound knows them in full.
FAINT_SHARE = 0.03
# What a plane may lack [kW of the best bus]: tolerance of the solver.
LACKING_KW = 1e-6
# Share by which another bus must do better than one that is cut now.
STAY = 1e-4
# Prices are tried as they are and less by these shares, where they prove more.
PRICES_LESS = (0.0, STAY, 5 * STAY, 10 * STAY, 20 * STAY, 40 * STAY)
# A bus comes in when it would save more than this per kW.
SAVING = 1e-9


@dataclass(eq=False)
class Planes:
    """What linearised limits ask for.

    Attributes
    ----------
    limit
        Limit that each plane belongs to.
    relief
        Planes x buses, 1 for the bus that relieves most per kW.
    asked
        Sum of relief times cut that is needed [kW].
    """

    limit: np.ndarray
    relief: np.ndarray
    asked: np.ndarray

    def chosen(self, at: np.ndarray) -> Planes:
        """Some of the planes."""
        return Planes(self.limit[at], self.relief[at], self.asked[at])

    def joined(self, other: Planes | None) -> Planes:
        """These planes and others."""
        if other is None:
            return self
        return Planes(
            np.concatenate([self.limit, other.limit]),
            np.concatenate([self.relief, other.relief]),
            np.concatenate([self.asked, other.asked]),
        )


@dataclass(frozen=True, eq=False)
class Solution:
    """The least cut of a program.

    Attributes
    ----------
    kw
        Per bus.
    price
        kW of cut per kW asked, per plane; 0 where it does not bind.
    bound_kw
        No cut that meets the planes is smaller.
    """

    kw: np.ndarray
    price: np.ndarray
    bound_kw: float


def solve_program(
    planes: Planes, now_kw: np.ndarray, most_kw: np.ndarray, guess: np.ndarray | None = None
) -> Solution | None:
    """Find the least cut that meets all planes; nothing where none does.

    Parameters
    ----------
    now_kw
        Cut now, which the answer stays with where it is as good.
    guess
        Price per plane in the round before: what faint reliefs are worth.
    """
    always = np.minimum(planes.relief, 0.0) @ most_kw >= planes.asked
    asking = np.flatnonzero(~always)
    solution = Solution(np.zeros(len(most_kw)), np.zeros(0), 0.0)
    if len(asking):
        asked = planes.chosen(asking)
        worth = np.zeros(len(asking)) if guess is None else guess[asking]
        found = _with_few_buses(asked, now_kw, most_kw, worth)
        if found is None:
            return None
        solution = found
    price = np.zeros(len(planes.asked))
    price[asking] = solution.price
    return Solution(solution.kw, price, solution.bound_kw)


def _with_few_buses(
    planes: Planes, now_kw: np.ndarray, most_kw: np.ndarray, guess: np.ndarray
) -> Solution | None:
    """Begin with the buses that relieve a limit well, and take in those that the prices ask for."""
    chosen = ((planes.relief >= FIRST_SHARE).any(axis=0) | (now_kw > 0.0)) & (most_kw > 0.0)
    while True:
        solved = _solved(planes, now_kw, most_kw, np.flatnonzero(chosen), guess)
        if solved is None:
            if chosen.all():
                return None
            chosen[:] = True
            continue
        kw, price = solved
        saves = (price @ planes.relief > 1.0 + STAY + SAVING) & (most_kw > 0.0) & ~chosen
        if not saves.any():
            return Solution(kw, price, _bound_kw(planes, most_kw, price))
        chosen |= saves


def lacking_kw(planes: Planes, most_kw: np.ndarray) -> np.ndarray:
    """What each plane lacks where not all can be met, in the least sum [kW of its best bus]."""
    count, buses = planes.relief.shape
    found = linprog(
        np.concatenate([np.zeros(buses), np.ones(count)]),
        A_ub=np.hstack([-planes.relief, -np.eye(count)]),
        b_ub=-planes.asked,
        bounds=np.stack([np.zeros(buses + count), np.append(most_kw, np.full(count, np.inf))], axis=1),
        method="highs",
    )
    return np.asarray(found.x[buses:])


def _bound_kw(planes: Planes, most_kw: np.ndarray, price: np.ndarray) -> float:
    """What any prices prove: every cut x has sum(x) >= price asked + sum((1 - price relief) x)."""
    worth, asked = price @ planes.relief, float(price @ planes.asked)
    proved = [
        asked / (1.0 + less) + float(np.minimum(1.0 - worth / (1.0 + less), 0.0) @ most_kw)
        for less in PRICES_LESS
    ]
    return max(proved)


def _solved(
    planes: Planes, now_kw: np.ndarray, most_kw: np.ndarray, at: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Cut per bus and price per plane, with the buses chosen."""
    cut_now = at[now_kw[at] > 0.0]
    column = np.concatenate([cut_now, at])
    most = np.concatenate([now_kw[cut_now], most_kw[at] - now_kw[at]])
    relief = planes.relief[:, column]
    faint = np.where((np.abs(relief) < FAINT_SHARE) & (len(relief) > 1), relief, 0.0)
    asked = planes.asked - faint[:, len(cut_now) :] @ now_kw[at]
    relief = relief - faint
    cost = np.repeat([1.0 - STAY, 1.0 + STAY], [len(cut_now), len(at)]) - guess @ faint
    solve = _by_relief if len(planes.asked) == 1 else _by_program
    solved = solve(cost, relief, asked, most)
    if solved is None:
        return None
    kw = np.bincount(column, np.clip(solved[0], 0.0, most), len(most_kw))
    return np.minimum(kw, most_kw), solved[1]


def _by_program(
    cost: np.ndarray, relief: np.ndarray, asked: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    bounds = np.stack([np.zeros(len(most)), most], axis=1)
    found = linprog(cost, A_ub=csc_array(-relief), b_ub=-asked, bounds=bounds, method="highs")
    return None if found.x is None else (found.x, np.maximum(-found.ineqlin.marginals, 0.0))


def _by_relief(
    cost: np.ndarray, relief: np.ndarray, asked: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """One plane: who relieves most per cost comes first."""
    per_cost = relief[0] / cost
    order = np.argsort(-per_cost, kind="stable")
    order = order[per_cost[order] > 0.0]
    met = np.cumsum(relief[0, order] * most[order])
    last = int(np.searchsorted(met, asked[0]))
    if last == len(met):
        return None
    kw = np.zeros(len(most))
    kw[order[:last]] = most[order[:last]]
    before = met[last - 1] if last else 0.0
    kw[order[last]] = max(asked[0] - before, 0.0) / relief[0, order[last]]
    return kw, np.array([1.0 / per_cost[order[last]] if asked[0] > 0.0 else 0.0])
