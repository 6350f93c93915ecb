"""Many draws of one year of a scenario: where uptake lands by lot, and how sure a bottleneck is.

Draw after draw is solved and reduced to figures per element; nothing of the size draws x hours x elements is
made. In a radial grid only the hours are solved that can be the worst for somebody, and of draws that break a
limit in one of them also all hours that are not between two that hold (`capacity.years.worst_hours`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.checks import Yardstick
from capacity.demand.year_demand import YearDemand
from capacity.years.worst_hours import HourOrder, hour_weights, is_radial, order_of_hours
from capacity.years.year import step_h
from gridmodel import GridModel
from gridmodel.demand_model import solve_demand
from gridmodel.engine.bounds import Bounds
from gridmodel.profiles import ProfileResults

# Shares of draws below the figures that are told: a low, the middle and a high one.
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
_BROKEN = ("undervoltages", "overvoltages", "line_overloads", "transformer_overloads")


@dataclass(frozen=True, eq=False)
class DrawFindings:
    """Figures per element over the draws of one year; p10 is what one draw in ten is below.

    Attributes
    ----------
    draws
        A row per draw (index `draw`): hours_without_solution, hours_solved, buses_outside, lines_over,
        transformers_over (how many elements break a limit in some hour), vm_min_pu,
        line_loading_max_percent, transformer_loading_max_percent.
    buses
        vm_min_p10_pu, _p50_, _p90_, vm_max_..., hours_below_p10, ..., hours_above_p10, ... [h],
        probability_below, probability_above, probability: share of the draws in which the voltage is below,
        above or outside its band in some hour.
    lines, transformers
        loading_p10_percent, ..., hours_over_p10, ... [h], probability of being over the limit in some hour.
        Of hours without solution nothing counts; `draws` names the draws that have some.
    """

    scenario_id: str
    year: int
    draws: pd.DataFrame
    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame

    def branches(self, table: str) -> pd.DataFrame:
        """`lines` or `transformers`."""
        return self.lines if table == "lines" else self.transformers


class _Extremes(NamedTuple):
    """What one draw leaves per element: voltages [pu], loadings [%], and durations outside the limits [h]."""

    vm_min: np.ndarray
    vm_max: np.ndarray
    hours_below: np.ndarray
    hours_above: np.ndarray
    line_percent: np.ndarray
    line_hours: np.ndarray
    transformer_percent: np.ndarray
    transformer_hours: np.ndarray

    def joined(self, other: _Extremes) -> _Extremes:
        """The extremes of both parts of a year."""
        lowest, rows = np.fmin(self.vm_min, other.vm_min), zip(self, other, strict=True)
        joined = [np.fmax(a, b) if at in (1, 4, 6) else a + b for at, (a, b) in enumerate(rows)]
        return _Extremes(lowest, *joined[1:])


def study_draws(
    model: GridModel, yardstick: Yardstick, demands: Iterable[YearDemand], *, every_hour: bool = False
) -> DrawFindings:
    """Solve many draws of one year of a scenario.

    Parameters
    ----------
    model
        From `YearDemand.model_on`; the same for all draws.
    demands
        One per draw, made one after the other (a generator will do).
    every_hour
        Whether hours are solved that lie between others.

    Raises
    ------
    ValueError
        There is no draw, or they are not of one scenario and year.
    """
    bounds, radial = bounds_of(yardstick), is_radial(yardstick.network, yardstick.supply)
    first, order, weights = None, None, np.empty((0, 0))
    found, rows = [], []
    for demand in demands:
        first = first or demand
        if demand.label != first.label:
            raise ValueError(f"draws of {first.label} and of {demand.label} together")
        if radial and not every_hour:
            now = hour_weights(demand)
            if not np.array_equal(now, weights):  # draws of one year follow the same profiles
                weights, order = now, order_of_hours(now)
        extremes, row = _study_draw(model, demand, bounds, order)
        found.append(extremes)
        rows.append({"draw": demand.draw, **row})
    if first is None:
        raise ValueError("there is no draw")
    return _findings(yardstick, first, found, rows)


def _study_draw(
    model: GridModel, demand: YearDemand, bounds: Bounds, order: HourOrder | None
) -> tuple[_Extremes, dict[str, object]]:
    """One draw: its worst hours, then what these leave open."""
    step, count = step_h(demand.profiles), len(demand.factors)
    hours = np.arange(count) if order is None else order.worst
    results = _solved(model, demand, hours, bounds, step)
    extremes, unsolved = _extremes(results), _unsolved(results)
    if order is not None:
        safe = np.zeros(count, dtype=bool)
        safe[hours] = _holds(results)
        rest = np.setdiff1d(order.not_between(safe), hours)
        if len(rest):
            results = _solved(model, demand, rest, bounds, step)
            extremes, unsolved = extremes.joined(_extremes(results)), unsolved + _unsolved(results)
            hours = np.union1d(hours, rest)
    outside = (extremes.hours_below + extremes.hours_above) > 0
    return extremes, {
        "hours_without_solution": unsolved * step,
        "hours_solved": len(hours) * step,
        "buses_outside": int(outside.sum()),
        "lines_over": int((extremes.line_hours > 0).sum()),
        "transformers_over": int((extremes.transformer_hours > 0).sum()),
        "vm_min_pu": _largest(-extremes.vm_min, -1.0),
        "line_loading_max_percent": _largest(extremes.line_percent),
        "transformer_loading_max_percent": _largest(extremes.transformer_percent),
    }


def _solved(
    model: GridModel, demand: YearDemand, hours: np.ndarray, bounds: Bounds, step: float
) -> ProfileResults:
    return solve_demand(model, demand.demand, demand.factors.iloc[hours], step_h=step, bounds=bounds)


def _holds(results: ProfileResults) -> np.ndarray:
    """Whether an hour has a solution in which every limit holds."""
    broken = results.hours[list(_BROKEN)].fillna(1).sum(axis=1).to_numpy(dtype=int)
    return np.asarray(broken == 0)


def _unsolved(results: ProfileResults) -> int:
    return int((results.hours["status"] != "converged").sum())


def _extremes(results: ProfileResults) -> _Extremes:
    columns = [
        *(results.buses[name] for name in ("vm_min_pu", "vm_max_pu", "hours_below", "hours_above")),
        *(results.lines[name] for name in ("loading_max_percent", "hours_over")),
        *(results.transformers[name] for name in ("loading_max_percent", "hours_over")),
    ]
    return _Extremes(*(column.to_numpy(dtype=float) for column in columns))


def _largest(values: np.ndarray, sign: float = 1.0) -> float:
    known = values[~np.isnan(values)]
    return sign * float(known.max()) if len(known) else float("nan")


def _findings(
    yardstick: Yardstick, demand: YearDemand, found: list[_Extremes], rows: list[dict[str, object]]
) -> DrawFindings:
    network, of = yardstick.network, _Extremes(*(np.stack(parts) for parts in zip(*found, strict=True)))
    outside = (of.hours_below + of.hours_above) > 0
    buses = {
        **_quantiles(of.vm_min, "vm_min_{}_pu"),
        **_quantiles(of.vm_max, "vm_max_{}_pu"),
        **_quantiles(of.hours_below, "hours_below_{}"),
        **_quantiles(of.hours_above, "hours_above_{}"),
        "probability_below": (of.hours_below > 0).mean(axis=0),
        "probability_above": (of.hours_above > 0).mean(axis=0),
        "probability": outside.mean(axis=0),
    }
    branches = {
        table: {
            **_quantiles(percent, "loading_{}_percent"),
            **_quantiles(hours, "hours_over_{}"),
            "probability": (hours > 0).mean(axis=0),
        }
        for table, percent, hours in (
            ("lines", of.line_percent, of.line_hours),
            ("transformers", of.transformer_percent, of.transformer_hours),
        )
    }
    return DrawFindings(
        demand.scenario_id,
        demand.year,
        draws=pd.DataFrame(rows).set_index("draw"),
        buses=pd.DataFrame(buses, index=network.buses.index),
        lines=pd.DataFrame(branches["lines"], index=network.lines.index),
        transformers=pd.DataFrame(branches["transformers"], index=network.transformers.index),
    )


def _quantiles(values: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Figures per element that so many draws are below; missing where no draw has one."""
    known = ~np.isnan(values).all(axis=0)
    told = np.full((len(QUANTILES), values.shape[1]), np.nan)
    if known.any():
        told[:, known] = np.nanquantile(values[:, known], list(QUANTILES.values()), axis=0)
    return {name.format(label): row for label, row in zip(QUANTILES, told, strict=True)}
