"""Solve operating points: by the batch engine, or by pandapower where the engine cannot represent the net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridmodel.model import GridModel
from gridmodel.outcome import Kept, Outcome, check_balances
from gridmodel.points import Points
from gridmodel.pointwise import solve_one_by_one

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds


def solve_points(
    model: GridModel,
    points: Points,
    *,
    bounds: Bounds | None,
    kept: Kept,
    per_element: bool = False,
) -> Outcome:
    """Solve operating points and check that each adds up.

    Parameters
    ----------
    bounds
        Limits that are counted; none are broken when absent.
    kept
        Elements whose columns are kept.
    per_element
        Whether extremes, counts and losses per element are wanted.

    Raises
    ------
    InputError
        No source is in service.
    BalanceError
        A point does not add up.
    """
    # The engine needs numba, which takes a second to import; a command that solves nothing goes without.
    from gridmodel.engine.of_model import compiled
    from gridmodel.engine.outcomes import solve_in_batches

    grid = compiled(model)
    if grid.out_of_scope:
        why = f"the engine does not know {' and '.join(grid.out_of_scope)}"
        outcome = solve_one_by_one(model, points, bounds=bounds, kept=kept, per_element=per_element, why=why)
    else:
        outcome = solve_in_batches(model, grid, points, bounds=bounds, kept=kept, per_element=per_element)
    return check_balances(outcome, constant_power=grid.shares is None)
