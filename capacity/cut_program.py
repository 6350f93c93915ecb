"""The linear program of a cut: least total so that every plane is met. Solved by HiGHS.

    least   sum of x_i                                     cut per bus [kW]
    so that sum of relief_mi x_i >= asked_m  for every plane m
            0 <= x_i <= most_i

One plane alone is met by the buses in the order of their relief.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

# Buses that relieve a limit by less than this share of the best one come into the program only when its
# prices ask for them: the answer is the same, the program smaller.
FIRST_SHARE = 0.1
# What a plane may lack [kW of the best bus]: tolerance of the solver.
LACKING_KW = 1e-6
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
    """

    kw: np.ndarray
    price: np.ndarray


def solve_program(planes: Planes, most_kw: np.ndarray) -> Solution | None:
    """Find the least cut that meets all planes; nothing where none does."""
    if len(planes.asked) == 1:
        return _by_relief(planes, most_kw)
    chosen = (planes.relief >= FIRST_SHARE).any(axis=0) & (most_kw > 0.0)
    while True:
        solved = _solved(planes, most_kw, np.flatnonzero(chosen))
        if solved is None:
            if chosen.all():
                return None
            chosen[:] = True
            continue
        saves = (solved.price @ planes.relief > 1.0 + SAVING) & (most_kw > 0.0) & ~chosen
        if not saves.any():
            return solved
        chosen |= saves


def lacking_kw(planes: Planes, most_kw: np.ndarray) -> np.ndarray:
    """What each plane lacks where not all can be met, in the least sum [kW of its best bus]."""
    count, buses = planes.relief.shape
    found = linprog(
        np.concatenate([np.zeros(buses), np.ones(count)]),
        A_ub=np.hstack([-planes.relief, -np.eye(count)]),
        b_ub=-planes.asked,
        bounds=[*((0.0, most) for most in most_kw), *((0.0, None) for _ in range(count))],
        method="highs",
    )
    return np.asarray(found.x[buses:])


def _by_relief(planes: Planes, most_kw: np.ndarray) -> Solution | None:
    relief, asked = planes.relief[0], float(planes.asked[0])
    kw, price = np.zeros(len(most_kw)), np.zeros(1)
    if asked <= 0.0:
        return Solution(kw, price)
    order = np.argsort(-relief, kind="stable")
    order = order[relief[order] > 0.0]
    met = np.cumsum(relief[order] * most_kw[order])
    last = int(np.searchsorted(met, asked))
    if last == len(met):
        return None
    kw[order[:last]] = most_kw[order[:last]]
    before = met[last - 1] if last else 0.0
    kw[order[last]] = (asked - before) / relief[order[last]]
    price[0] = 1.0 / relief[order[last]]
    return Solution(kw, price)


def _solved(planes: Planes, most_kw: np.ndarray, at: np.ndarray) -> Solution | None:
    if not len(at):
        return (
            Solution(np.zeros(len(most_kw)), np.zeros(len(planes.asked)))
            if (planes.asked <= 0).all()
            else None
        )
    found = linprog(
        np.ones(len(at)),
        A_ub=-planes.relief[:, at],
        b_ub=-planes.asked,
        bounds=np.stack([np.zeros(len(at)), most_kw[at]], axis=1),
        method="highs",
    )
    if found.x is None:
        return None
    kw = np.zeros(len(most_kw))
    kw[at] = np.clip(found.x, 0.0, most_kw[at])
    return Solution(kw, np.maximum(-found.ineqlin.marginals, 0.0))
