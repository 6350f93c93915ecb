"""Which applications may change each other's answer: a screen by what each alone does to every element.

Two sites hang on each other where an element that both bear on would be over its limit with all sites there,
or where one builds what the other could use:

    element over its limit if what all sites add to it is added up       shared capacity
    works of one, and options of the other that the grid does not carry   works that help
    one feeds in what the other draws                                     relief
    new cable or station of one within reach of the other                 a nearer supply point

States are added up, not solved together, and a margin is left for what that neglects (`MARGIN_PERCENT`): the
screen says who is judged again, the answers come from load flows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from capacity.connection.assessment import Assessment
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.drawn_options import (
    CaseBounds,
    DrawnOptions,
    Offer,
    draw_options,
    switching_cases,
)
from capacity.connection.option import JudgedOption
from capacity.connection.outcome import option_taken
from capacity.connection.site_cases import site_of
from gridmodel.drawn_network import Turns
from gridmodel.drawn_states import SolvedStates, Step, flags_of, solve_steps

# An element counts as full this much under its limit [% of the rating; of nominal voltage a tenth of it]:
# sums of states neglect losses and voltage drops of second order, some 0.1 % of what is added up.
MARGIN_PERCENT = 2.0
MARGIN_VOLTAGE_PERCENT = 0.2
# A site bears on a line or transformer if so much of its own power flows there: what is less comes from the
# voltage it moves. It bears on a voltage that it moves by more than this [% of nominal].
BEARS_SHARE, BEARS_VOLTAGE_PERCENT = 0.01, 0.02
_NOTHING = np.zeros(0, dtype=np.int64)


def hang_together(grid: ConnectionGrid, answers: Sequence[Assessment]) -> np.ndarray:
    """Flag per pair of sites (both ways): the answer of one may change with the other there.

    Parameters
    ----------
    answers
        Of the sites alone on the grid.
    """
    flags = _build_for_each_other(grid, answers)
    taken = [(at, judged) for at, one in enumerate(answers) if (judged := option_taken(one)) is not None]
    if len(taken) > 1:
        at = np.array([place for place, _ in taken])
        flags[np.ix_(at, at)] |= _share_capacity(grid, [answers[k] for k in at], [one for _, one in taken])
    flags |= flags.T
    np.fill_diagonal(flags, False)
    return flags


def groups_of_pairs(flags: np.ndarray) -> np.ndarray:
    """Number of the group per site: who hangs on whom, over others too."""
    return np.asarray(connected_components(csr_array(flags), directed=False)[1])


def _share_capacity(
    grid: ConnectionGrid, answers: Sequence[Assessment], taken: Sequence[JudgedOption]
) -> np.ndarray:
    """Flag per pair: both bear on an element that all of them would bring over its limit."""
    offers = [
        Offer(site_of(grid, one.development), replace(judged.option, changes=judged.changes))
        for one, judged in zip(answers, taken, strict=True)
    ]
    options = draw_options(grid, offers)
    turns = options.drawn.turns_of(grid.cases.switching)
    bounds = CaseBounds(grid, options, turns)
    shared = np.zeros((len(offers), len(offers)), dtype=bool)
    for case, state in enumerate(grid.states):
        if state is not None:
            for bears in _bearing_on_full(
                grid, options, bounds, case, _each_alone(grid, options, turns, case)
            ):
                shared |= (bears @ bears.T) > 0.0
    return shared


def _bearing_on_full(
    grid: ConnectionGrid, options: DrawnOptions, bounds: CaseBounds, case: int, solved: SolvedStates
) -> list[np.ndarray]:
    """Per kind of limit, sites x elements of the network that would be full: 1 where the site bears on it."""
    loading, network = grid.yardstick.limits.loading, grid.network
    power = 100.0 * BEARS_SHARE * np.abs(options.site_kva[case])[:, None]
    low, high = bounds.above(np.full(len(solved.vm_pu), case), solved.vm_pu)
    lines, transformers, buses = len(network.lines), len(network.transformers), len(network.buses)
    return [
        _bearing(
            solved.line_percent[:, :lines],
            loading.line_percent - MARGIN_PERCENT,
            power / grid.ratings_kva["lines"],
        ),
        _bearing(
            solved.transformer_percent[:, :transformers],
            loading.transformer_percent - MARGIN_PERCENT,
            power / grid.ratings_kva["transformers"],
        ),
        _bearing(low[:, :buses], -MARGIN_VOLTAGE_PERCENT, BEARS_VOLTAGE_PERCENT),
        _bearing(high[:, :buses], -MARGIN_VOLTAGE_PERCENT, BEARS_VOLTAGE_PERCENT),
    ]


def _each_alone(grid: ConnectionGrid, options: DrawnOptions, turns: Turns, case: int) -> SolvedStates:
    """States of one case: the network as it is, then with each option alone."""
    switched = int(switching_cases(grid)[case])
    steps = [Step(_NOTHING, _NOTHING)]
    steps += [Step(_NOTHING, np.array([one])) for one in range(len(options.offers))]
    in_case = None if switched < 0 else (turns, switched)
    kva = options.power_kva(grid, case)
    parts = list(solve_steps(options.drawn, flags_of(options.drawn), steps, kva, case=in_case))
    columns = ("solved", "vm_pu", "line_percent", "transformer_percent", "lost")
    return SolvedStates(0, *(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def _bearing(values: np.ndarray, full: float, least: np.ndarray | float) -> np.ndarray:
    """Sites x elements that are full with all of them: 1.0 where the site adds at least so much, or relieves.

    Parameters
    ----------
    values
        States x elements, the first without any site; more is worse. What is new is nobody else's.
    """
    with np.errstate(invalid="ignore"):
        added = values[1:] - values[0]
        reached = values[0] + np.fmax(added, 0.0).sum(axis=0) > full
        return np.asarray(np.abs(added[:, reached]) >= np.broadcast_to(least, added.shape)[:, reached], float)


def _build_for_each_other(grid: ConnectionGrid, answers: Sequence[Assessment]) -> np.ndarray:
    """Flag [i, j]: what i builds or feeds may help j to another answer."""
    count = len(answers)
    flags = np.zeros((count, count), dtype=bool)
    places = np.array([one.development.place for one in answers], dtype=object)
    reach_m = np.array([_reach_m(grid, one) for one in answers])
    stopped = np.array([_has_stopped(one) for one in answers])
    drawn_kw = np.array([site_of(grid, one.development).kva.real for one in answers])
    for at, one in enumerate(answers):
        judged = option_taken(one)
        if judged is None:
            continue
        built = [place for place in (judged.option.route.geometry, places[at]) if place is not None]
        near = shapely.distance(places, shapely.union_all(np.array(built, dtype=object))) <= reach_m
        relieves = (np.sign(drawn_kw) * np.sign(drawn_kw[at]) < 0).any(axis=1)
        flags[at] |= near | (stopped & (relieves | bool(judged.measures)))
    return flags


def _reach_m(grid: ConnectionGrid, answer: Assessment) -> float:
    """How far away a new supply point of another can be and still beat the site's own."""
    judged = option_taken(answer)
    if judged is None:
        return grid.assumptions.route.max_mv_m
    own_m = judged.option.route.length_m
    station = judged.option.kind not in ("lv_feeder", "lv_busbar")
    return max(own_m, grid.assumptions.route.max_lv_m) if station else own_m


def _has_stopped(answer: Assessment) -> bool:
    """Whether the grid stops an option that would be cheaper, or any where none fits."""
    return any(len(judged.blocked) and not judged.option.problem for judged in answer.ranked)
