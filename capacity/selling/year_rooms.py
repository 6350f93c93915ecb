"""Room of buses over a year of demand, alone and together, by load flows of all that may be the worst hours.

The network carries the demand of a year (`YearDemand`); an asker adds load at one bus or, in fixed shares, at
many. Sought is the largest addition in whole steps with which no limit is broken in any hour. A limit that is
broken in one of the hours before any addition is broken for the whole search: who takes part in it
(`impact.AFFECTED_SHARE`) has no room, nobody else is held back by it.

Hours that another one outweighs are left out (`worst_hours`). Where the grid has loops nothing is outweighed
for sure; there the hours are added in which some element has its extreme.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.checks import State, Yardstick, broken_limits
from capacity.demand.year_demand import YearDemand
from capacity.impact import AFFECTED_SHARE, NOTICEABLE_PU
from capacity.years.worst_hours import hour_weights, is_radial, order_of_hours
from gridmodel import GridModel, branch_ratings_kva
from gridmodel.demand_model import points_of_demand, solve_demand
from gridmodel.outcome import KEEP_ALL, places_of
from gridmodel.solve_points import solve_points

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds
    from gridmodel.outcome import Outcome

# Addition that shows who takes part in what [kW]: small beside any rating, large beside rounding.
PROBE_KW = 10.0
# Operating points solved at once, and with all their elements kept.
_POINTS_AT_ONCE, _KEPT_AT_ONCE = 20_000, 50
_BROKEN_COLUMNS = ("check", "table", "element_id", "position", "excess", "hour")


class Asker(NamedTuple):
    """Who asks: positions of its buses, and what a step adds at each [kW]."""

    buses: np.ndarray
    kw_per_step: np.ndarray


class Found(NamedTuple):
    """Largest addition per asker, in steps, and the position of the hour that holds it; -1 for none."""

    steps: np.ndarray
    hour: np.ndarray


@dataclass(frozen=True, eq=False)
class RoomSearch:
    """A year of demand, ready to be asked.

    Attributes
    ----------
    hours
        Positions of the hours solved, heaviest first.
    bounds
        Limits without those of `broken`.
    broken
        Limits broken before any addition (`_BROKEN_COLUMNS`): excess over the limit as a share, and the time
        of the worst hour.
    unsolved
        Positions of hours without solution: then nothing is known.
    kva_per_kw
        Complex power drawn per kW of an addition.
    """

    model: GridModel
    yardstick: Yardstick
    demand: YearDemand
    hours: np.ndarray
    bounds: Bounds
    broken: pd.DataFrame
    unsolved: np.ndarray
    kva_per_kw: complex

    def largest(self, askers: list[Asker], most: int) -> Found:
        """Find the largest number of steps per asker, up to `most`, with which every limit holds."""
        steps, binding = np.full(len(askers), most), np.full(len(askers), -1)
        first = hours = self.hours[:1]  # mostly the heaviest hour has it
        asking = np.arange(len(askers) if len(hours) else 0)
        while len(asking) and len(hours):
            asker, hour = np.repeat(asking, len(hours)), np.tile(hours, len(asking))
            fails = ~self._holds(askers, asker, hour, steps[asker]).reshape(len(asking), len(hours))
            lower = fails.any(axis=1) & (steps[asking] > 0)
            lost, worst = asking[lower], hours[fails[lower].argmax(axis=1)]
            steps[lost], binding[lost] = self._bisect(askers, lost, worst, steps[lost]), worst
            if hours is first:
                hours = self._not_cleared(askers, steps)
            else:
                asking = lost
        return Found(steps, binding)

    def outcome(
        self,
        askers: list[Asker],
        asker: np.ndarray,
        hour: np.ndarray,
        steps: np.ndarray,
        *,
        kept: bool = False,
    ) -> Outcome:
        """Solve points: an asker's addition on top of an hour each."""
        points = points_of_demand(self.model, self.demand.demand, self.demand.factors.iloc[hour])
        sizes = [len(askers[one].buses) for one in asker]
        kw = [askers[one].kw_per_step * count for one, count in zip(asker, steps, strict=True)]
        added = replace(
            points,
            added_point=np.repeat(np.arange(len(asker)), sizes),
            added_bus=np.concatenate([askers[one].buses for one in asker]).astype(np.int64),
            added_kva=np.concatenate(kw) * self.kva_per_kw,
        )
        places = places_of(self.model, KEEP_ALL if kept else None)
        return solve_points(self.model, added, bounds=self.bounds, kept=places)

    def _not_cleared(self, askers: list[Asker], steps: np.ndarray) -> np.ndarray:
        """Hours in which a limit breaks when at every bus the most is added that any asker adds there.

        In all others every asker's own addition holds, as it is nowhere more.
        """
        most_kw = np.zeros(len(self.yardstick.network.buses))
        for asker, count in zip(askers, steps, strict=True):
            np.maximum.at(most_kw, asker.buses, asker.kw_per_step * count)
        everybody = Asker(np.flatnonzero(most_kw), most_kw[most_kw > 0.0])
        count = len(self.hours)
        holds = self._holds([everybody], np.zeros(count, dtype=int), self.hours, np.ones(count))
        return self.hours[~holds]

    def _bisect(
        self, askers: list[Asker], asker: np.ndarray, hour: np.ndarray, most: np.ndarray
    ) -> np.ndarray:
        """Largest steps that hold, in one hour each, below a number that does not."""
        low, high = np.zeros_like(most), most.copy()
        while (wide := np.flatnonzero(high - low > 1)).size:
            middle = (low[wide] + high[wide]) // 2
            holds = self._holds(askers, asker[wide], hour[wide], middle)
            low[wide] = np.where(holds, middle, low[wide])
            high[wide] = np.where(holds, high[wide], middle)
        return low

    def _holds(
        self, askers: list[Asker], asker: np.ndarray, hour: np.ndarray, steps: np.ndarray
    ) -> np.ndarray:
        held = np.empty(len(asker), dtype=bool)
        for start in range(0, len(asker), _POINTS_AT_ONCE):
            part = slice(start, start + _POINTS_AT_ONCE)
            outcome = self.outcome(askers, asker[part], hour[part], steps[part])
            held[part] = outcome.converged & (outcome.broken == 0).all(axis=1)
        return held


def room_search(
    model: GridModel, yardstick: Yardstick, demand: YearDemand, hours: np.ndarray, *, cos_phi: float
) -> RoomSearch:
    """Prepare the search over some hours.

    Parameters
    ----------
    model
        From `demand.model_on(yardstick.network)`.
    hours
        Positions of the hours that count.
    cos_phi
        Power factor of what is added, inductive.
    """
    bounds, factors = bounds_of(yardstick), demand.factors.iloc[hours]
    solved = solve_demand(model, demand.demand, factors, bounds=bounds)
    extremes = [solved.lines["loading_max_hour"], solved.transformers["loading_max_hour"]]
    extremes.append(solved.buses["vm_min_hour"])
    worst = _worst_hours(demand, hours)
    if not is_radial(yardstick.network, yardstick.supply):
        at = demand.factors.index.get_indexer(pd.concat(extremes).dropna().unique())
        worst = np.union1d(worst, at)
    broken = _broken(solved, bounds)
    lost = solved.hours["status"].to_numpy() != "converged"
    return RoomSearch(
        model, yardstick, demand,
        hours=worst[np.argsort(-demand.total_kw()[worst], kind="stable")],
        bounds=_without(bounds, broken), broken=broken, unsolved=np.asarray(hours)[lost],
        kva_per_kw=complex(1.0, np.tan(np.arccos(cos_phi))),
    )  # fmt: skip


def takes_part(search: RoomSearch, buses: np.ndarray) -> np.ndarray:
    """Tell which buses take part in which limit broken before: buses x rows of `search.broken`.

    By load flow in the heaviest hour; as `impact` judges it: a real share of the bus' own power flows there,
    or the voltage falls by a real share of what it falls at the bus itself.
    """
    broken, askers = search.broken, [Asker(np.array([bus]), np.array([PROBE_KW])) for bus in buses]
    part = np.zeros((len(buses), len(broken)), dtype=bool)
    if broken.empty or not len(buses) or not len(search.hours):
        return part
    ratings = branch_ratings_kva(search.yardstick.network, search.model.catalogue)
    for start in range(0, len(buses), _KEPT_AT_ONCE):
        chunk = np.arange(start, min(start + _KEPT_AT_ONCE, len(buses)))
        asker, steps = np.append(chunk, chunk[0]), np.append(np.ones(len(chunk)), 0.0)
        solved = search.outcome(askers, asker, np.full(len(asker), search.hours[0]), steps, kept=True)
        vm, lines, transformers = (
            values[:-1] - values[-1]
            for values in (solved.vm_pu, solved.line_percent, solved.transformer_percent)
        )
        own = np.abs(vm[np.arange(len(chunk)), buses[chunk]])[:, None]
        for table, moved in (("buses", -vm), ("lines", lines), ("transformers", transformers)):
            rows = np.flatnonzero((broken["table"] == table).to_numpy())
            at = broken["position"].to_numpy()[rows]
            if table == "buses":
                least = np.maximum(AFFECTED_SHARE * own, NOTICEABLE_PU)
                sign = np.where(broken["check"].to_numpy()[rows] == "overvoltage", -1.0, 1.0)
                part[np.ix_(chunk, rows)] = moved[:, at] * sign >= least
            else:
                more_kva = moved[:, at] / 100.0 * ratings[table][at]
                part[np.ix_(chunk, rows)] = more_kva >= AFFECTED_SHARE * PROBE_KW * abs(search.kva_per_kw)
    return part


def binding_limits(
    search: RoomSearch, askers: list[Asker], found: Found
) -> list[tuple[str | None, str | None, str | None]]:
    """Check, table and element_id of the limit that one step more breaks; None where nothing binds."""
    named: list[tuple[str | None, str | None, str | None]] = [(None, None, None)] * len(askers)
    bound = np.flatnonzero(found.hour >= 0)
    known = pd.MultiIndex.from_frame(search.broken[["check", "table", "element_id"]])
    for start in range(0, len(bound), _KEPT_AT_ONCE):
        asker = bound[start : start + _KEPT_AT_ONCE]
        solved = search.outcome(askers, asker, found.hour[asker], found.steps[asker] + 1, kept=True)
        for row, one in enumerate(asker):
            if not solved.converged[row]:
                named[one] = ("no_solution", None, None)
                continue
            state = State(solved.vm_pu[row], solved.line_percent[row], solved.transformer_percent[row])
            limits = broken_limits(search.yardstick, state)
            new = limits[~pd.MultiIndex.from_frame(limits[["check", "table", "element_id"]]).isin(known)]
            if len(new):
                worst = new.loc[new["excess_percent"].idxmax()]
                named[one] = (worst["check"], worst["table"], worst["element_id"])
    return named


def _worst_hours(demand: YearDemand, hours: np.ndarray) -> np.ndarray:
    """Positions of the hours asked about that no other of them outweighs; all where too many are left."""
    order = order_of_hours(hour_weights(demand)[hours])
    return np.asarray(hours if order is None else hours[order.heaviest])


def _broken(solved: object, bounds: Bounds) -> pd.DataFrame:
    """Limits broken in any hour, from `solve_demand`."""
    rows = []
    for table, check, over, value, hour, limit in (
        ("transformers", "transformer_overload", "hours_over", "loading_max_percent", "loading_max_hour",
         bounds.transformer_percent),
        ("lines", "line_overload", "hours_over", "loading_max_percent", "loading_max_hour",
         bounds.line_percent),
        ("buses", "undervoltage", "hours_below", "vm_min_pu", "vm_min_hour", bounds.vm_min_pu),
        ("buses", "overvoltage", "hours_above", "vm_max_pu", "vm_max_hour", bounds.vm_max_pu),
    ):  # fmt: skip
        figures = getattr(solved, table)
        at = np.flatnonzero((figures[over].fillna(0) > 0).to_numpy())
        excess = np.abs(figures[value].to_numpy()[at] / limit[at] - 1.0)
        rows.append(
            pd.DataFrame(
                {
                    "check": check, "table": table, "element_id": figures.index[at], "position": at,
                    "excess": excess, "hour": figures[hour].to_numpy()[at],
                }
            )
        )  # fmt: skip
    filled = [part for part in rows if len(part)]
    if not filled:
        return pd.DataFrame(columns=list(_BROKEN_COLUMNS))
    return pd.concat(filled, ignore_index=True)


def _without(bounds: Bounds, broken: pd.DataFrame) -> Bounds:
    """Limits without those that are broken."""
    lifted = {}
    for name, check, none in (
        ("transformer_percent", "transformer_overload", np.inf),
        ("line_percent", "line_overload", np.inf),
        ("vm_min_pu", "undervoltage", -np.inf),
        ("vm_max_pu", "overvoltage", np.inf),
    ):
        limit = getattr(bounds, name).copy()
        limit[broken.loc[broken["check"] == check, "position"].to_numpy(dtype=int)] = none
        lifted[name] = limit
    return replace(bounds, **lifted)
