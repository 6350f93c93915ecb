"""Why some of many operating points have no solution: a row for each that failed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gridmodel.engine.collapse import Servable, servable_shares
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.model import GridModel
from gridmodel.outcome import FAILURE_COLUMNS
from gridmodel.points import Points, demand_kw, unserved_kw
from gridmodel.servable import Demand, compiled_or_none, largest_shares
from gridmodel.suspects import Loads, loads_of, smallest_rating_kva, suspect_loads

# Points explained at a time: bounds the memory, loads x points and five times that for leaving one out.
TOGETHER = 64
_NOTHING: dict[str, object] = {
    "weakest_bus_id": None,
    "suspect_load_id": None,
    "suspect_bus_id": None,
    "solves_without_suspect": pd.NA,
}


def explain_failures(model: GridModel, points: Points, failed: np.ndarray, ids: pd.Index) -> pd.DataFrame:
    """Say for each operating point without solution where it breaks, what it could serve, who is to blame.

    Every point asked about is a row, also one that has a solution (share 1). What a case adds is a suspect
    like any load: then `suspect_load_id` is missing and `suspect_bus_id` names where it stands.

    Parameters
    ----------
    points
        All operating points (of cases or of hours).
    failed
        Positions of those to explain.
    ids
        Label per operating point.

    Returns
    -------
    DataFrame
        Indexed by the labels: weakest_bus_id and weakest_vm_pu (lowest voltage [pu] at the servable share, or
        where the solution is lost and no voltage), servable_share (of all demand alike [0..1, within 1 %]),
        unserved_kw (what remains of the demand then), suspect_load_id, suspect_bus_id, suspect_p_kw (the
        likeliest of `gridmodel.suspects`, missing for none), solves_without_suspect, reason.
    """
    failed = np.asarray(failed, dtype=np.int64)
    grid = compiled_or_none(model)
    why = _beyond(grid)
    if grid is None or why:
        rows: list[dict[str, object]] = [{**_NOTHING, "reason": why} for _ in failed]
    else:
        rating_kva = smallest_rating_kva(model)
        rows = [
            row for chosen in _chunks(failed) for row in _explained(model, grid, points, chosen, rating_kva)
        ]
    return pd.DataFrame(rows, index=ids[failed], columns=list(FAILURE_COLUMNS)).astype(FAILURE_COLUMNS)


def demand_at(grid: CompiledGrid, points: Points, chosen: np.ndarray) -> tuple[Demand, np.ndarray]:
    """Demand and generation at some operating points, and the bus of each addition that draws.

    Additions that draw stand behind the network's loads, one per bus; what they inject is generation.
    """
    drawn, fed = [], []
    for point in chosen.tolist():
        active, reactive = points.load_factors(point)
        drawn.append(grid.load_pu.real * active + 1j * grid.load_pu.imag * reactive)
        fed.append(grid.at_rows(grid.generator_row, grid.generator_pu * points.generator_factors(point)))
    column = np.full(points.count, -1)
    column[chosen] = np.arange(len(chosen))
    ours = column[points.added_point] >= 0
    at, bus = column[points.added_point[ours]], points.added_bus[ours]
    power = points.added_kva[ours] / (1e3 * grid.sn_mva)
    draws = power.real >= 0.0
    buses, position = np.unique(bus[draws], return_inverse=True)
    added = np.zeros((len(buses), len(chosen)), dtype=complex)
    np.add.at(added, (position, at[draws]), power[draws])
    fixed = grid.fixed_pu[:, None] + np.stack(fed, axis=1)
    row = grid.bus_row[bus]
    feeds = ~draws & (row >= 0)
    np.subtract.at(fixed, (row[feeds], at[feeds]), power[feeds])
    return (
        Demand(
            np.concatenate([grid.load_row, grid.bus_row[buses]]),
            np.concatenate([np.stack(drawn, axis=1), added]),
            fixed,
        ),
        buses,
    )


def _beyond(grid: CompiledGrid | None) -> str:
    if grid is None:
        return "no current can be told: an impedance is zero"
    if grid.out_of_scope:
        return f"not explained: the engine does not know {' and '.join(grid.out_of_scope)}"
    return ""


def _chunks(failed: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(failed), TOGETHER):
        yield failed[first : first + TOGETHER]


def _explained(
    model: GridModel, grid: CompiledGrid, points: Points, chosen: np.ndarray, rating_kva: pd.Series
) -> Iterator[dict[str, object]]:
    demand, buses = demand_at(grid, points, chosen)
    carried = largest_shares(grid, demand)
    loads = _with_additions(model, loads_of(model, rating_kva), buses, rating_kva)
    suspects = suspect_loads(grid, loads, demand, carried)
    sound, supplied = _is_sound(grid), grid.bus_row >= 0
    asked_kw, dark_kw = demand_kw(model, points)[chosen], unserved_kw(model, points, supplied)[chosen]
    remaining_kw = asked_kw - carried.of_all * (asked_kw - dark_kw)
    for scenario, named in enumerate(suspects):
        yield {
            **_NOTHING,
            **_place(model, grid, carried, scenario),
            "servable_share": float(carried.of_all[scenario]),
            "unserved_kw": float(remaining_kw[scenario]),
            **_blamed(named, carried, scenario, sound=sound),
        }


def _with_additions(model: GridModel, loads: Loads, buses: np.ndarray, rating_kva: pd.Series) -> Loads:
    """Loads with the additions behind them: no id, no class, the rating of their bus."""
    names = model.network.buses.index.to_numpy(dtype=object)[buses]
    rating = rating_kva.reindex(names).to_numpy(dtype=float)
    nothing = np.full(len(buses), None, dtype=object)
    unknown = np.full(len(buses), "", dtype=object)
    return loads._replace(
        load_id=np.concatenate([loads.load_id, nothing]),
        bus_id=np.concatenate([loads.bus_id, names]),
        customer_class=np.concatenate([loads.customer_class, unknown]),
        rating_kva=np.concatenate([loads.rating_kva, rating]),
    )


def _is_sound(grid: CompiledGrid) -> bool:
    """Whether the grid has a solution with neither demand nor generation."""
    nothing = np.zeros((grid.row_count, 1), dtype=complex)
    return bool(servable_shares(grid, grid.fixed_pu, nothing).solved.all())


def _place(model: GridModel, grid: CompiledGrid, carried: Servable, scenario: int) -> dict[str, object]:
    """Weakest bus of the part that carries least."""
    if not len(carried.share):
        return {}
    part = int(np.argmin(np.where(carried.solved[:, scenario], carried.share[:, scenario], -1.0)))
    row = int(carried.weakest_row[part, scenario])
    bus = grid.row_bus[grid.named_row[row]]
    vm_pu = float(np.abs(carried.voltage_pu[row, scenario]))
    return {"weakest_bus_id": model.network.buses.index[bus] if bus >= 0 else None, "weakest_vm_pu": vm_pu}


def _blamed(named: pd.DataFrame, carried: Servable, scenario: int, *, sound: bool) -> dict[str, object]:
    """The likeliest suspect, or what else is to blame."""
    if not carried.solved[:, scenario].all():
        blamed = "generation cannot be carried away" if sound else "the structure"
        return {"reason": f"without any demand there is no solution either: {blamed}"}
    if carried.of_all[scenario] >= 1.0:
        return {"reason": ""}
    if not len(named):
        return {"reason": "the demand as a whole; no single load is to blame"}
    first = named.iloc[0]
    alone = (carried.share[:, scenario] < 1.0).sum() == 1
    added = "" if first["load_id"] is not None else "what the case adds there: "
    return {
        "suspect_load_id": first["load_id"],
        "suspect_bus_id": first["bus_id"],
        "suspect_p_kw": first["p_kw"],
        "solves_without_suspect": bool(first["solves_without"]) and alone,
        "reason": f"{added}{first['reason']}",
    }
