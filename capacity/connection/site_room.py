"""Room of one site in every hour of a year: the most it may draw, or feed, with no limit broken by it.

The network has the site's option built and draws by the profiles of a year. Each hour is a load flow of the
whole grid with the most the site asks for; where that breaks a limit, the largest power that breaks none is
sought by load flow, to within 1 kW. The rules are those of `judging`: a limit broken before counts where the
site takes a real part in it (then it has no room in that hour), and the voltage at the supply point may move
by what one connection may cause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.checks import make_yardstick
from capacity.connection.offer_states import TOLERANCE_PERCENT, TOLERANCE_PU
from capacity.impact import AFFECTED_SHARE, NOTICEABLE_KVA, NOTICEABLE_PU
from capacity.limits import Limits
from gis import Network
from gridmodel import Catalogue, GridModel, Scenario, branch_ratings_kva, build_model
from gridmodel.engine.bounds import Bounds
from gridmodel.outcome import Kept, Outcome
from gridmodel.points import Points
from gridmodel.profile_set import ProfileSet
from gridmodel.profiles import points_of_profiles
from gridmodel.solve_points import solve_points

ROOM_STEP_KW = 1.0
# Rounds of the search that go by the secant; then halves.
_SECANT_ROUNDS, _ROUNDS_MAX = 8, 40
# Excess that stands for a state without solution, beside others of the order of a share of a limit.
_NO_SOLUTION = 1.0
_CHECKS = ("line_overload", "transformer_overload", "undervoltage", "overvoltage", "voltage_change")
_TABLES = ("lines", "transformers", "buses", "buses", "buses")


@dataclass(frozen=True, eq=False)
class SiteYear:
    """A network with a site's option built, its hours, and where the site stands in it.

    Attributes
    ----------
    bus, supply_bus
        Positions of the bus the site draws at, and of its supply point.
    change_pu
        Largest change of voltage at the supply point [pu].
    """

    model: GridModel
    points: Points
    bounds: Bounds
    bus: int
    supply_bus: int
    change_pu: float
    ratings_kva: dict[str, np.ndarray]

    @property
    def network(self) -> Network:
        return self.model.network

    def solve(self, hours: np.ndarray, kva: np.ndarray, kept: Kept, *, per_element: bool = False) -> Outcome:
        """Solve hours with so much drawn by the site [kVA]."""
        points = replace(
            self.points,
            profiles=self.points.profiles[hours],
            added_point=np.arange(len(hours)),
            added_bus=np.full(len(hours), self.bus, dtype=np.int64),
            added_kva=kva,
        )
        return solve_points(self.model, points, bounds=self.bounds, kept=kept, per_element=per_element)


@dataclass(frozen=True, eq=False)
class HourRoom:
    """Room per hour.

    Attributes
    ----------
    kw
        Largest power, up to what was asked for; NaN where the grid has no solution without the site either.
    binding
        Columns check, table, element_id and hours: what holds it down, in most hours first.
    """

    kw: np.ndarray
    binding: pd.DataFrame


def site_year(
    network: Network,
    profiles: ProfileSet,
    scenario: Scenario,
    limits: Limits,
    *,
    site_bus_id: str,
    supply_bus_id: str,
    change_percent: float,
    catalogue: Catalogue | None = None,
) -> SiteYear:
    """Prepare the hours of a network.

    Parameters
    ----------
    scenario
        Its factors on loads stand on top of the profiles; generators follow theirs at rated power.

    Raises
    ------
    InputError
        The tables do not fit together, or a voltage has no band.
    """
    model = build_model(network, catalogue)
    classes = set(network.loads["customer_class"])
    drawn = {name: factor for name, factor in scenario.class_factors.items() if name in classes}
    full = replace(scenario, generation_factor=1.0, class_factors=drawn)
    return SiteYear(
        model=model,
        points=points_of_profiles(model, profiles.over(network), full),
        bounds=bounds_of(make_yardstick(network, limits)),
        bus=int(model.position("buses", [site_bus_id])[0]),
        supply_bus=int(model.position("buses", [supply_bus_id])[0]),
        change_pu=change_percent / 100.0,
        ratings_kva=branch_ratings_kva(network, model.catalogue),
    )


def room_per_hour(year: SiteYear, hours: np.ndarray, most_kw: float, per_kw: complex) -> HourRoom:
    """Find the largest power of a site in each hour.

    Parameters
    ----------
    hours
        Positions of the hours asked about.
    most_kw
        Largest power asked for [kW], the same in every hour.
    per_kw
        Complex power drawn per kW [kVA]; -1 for feed-in.
    """
    kw = np.full(len(hours), most_kw)
    nothing = pd.DataFrame(columns=["check", "table", "element_id", "hours"])
    if not len(hours) or most_kw <= 0.0:
        return HourRoom(kw, nothing)
    screened = year.solve(hours, np.full(len(hours), most_kw * per_kw), _kept_none(), per_element=True)
    places = _Places(year, screened)
    # The change of voltage is no limit that the engine counts: where it can bind every hour is looked at.
    doubtful = np.flatnonzero(
        ~screened.converged
        | (screened.broken > 0).any(axis=1)
        | _change_can_bind(year, hours, most_kw * per_kw)
    )
    if not len(doubtful):
        return HourRoom(kw, nothing)
    search = _Search(year, places, hours[doubtful], most_kw, per_kw)
    kw[doubtful], limit = search.largest_kw()
    return HourRoom(kw, places.named(limit[limit >= 0]))


def _change_can_bind(year: SiteYear, hours: np.ndarray, kva: complex) -> np.ndarray:
    """Flag per hour: the change of voltage at the supply point comes near what is allowed.

    A change hangs little on the hour: that of the middle hour tells of all, half of the limit being near.
    """
    one, at = hours[len(hours) // 2 : len(hours) // 2 + 1], np.array([year.supply_bus])
    kept = Kept(at, at[:0], at[:0])
    before, after = (year.solve(one, np.array([power]), kept).vm_pu[0, 0] for power in (0.0j, kva))
    near = not abs(after - before) < 0.5 * year.change_pu
    return np.full(len(hours), near)


def _kept_none() -> Kept:
    none = np.zeros(0, dtype=np.int64)
    return Kept(none, none, none)


class _Places:
    """Elements whose limits are ever broken when the site draws its most, and their margins in an outcome."""

    def __init__(self, year: SiteYear, screened: Outcome) -> None:
        assert screened.lines and screened.transformers and screened.buses  # asked for per element
        self.year = year
        self.lines = np.flatnonzero(screened.lines.over > 0)
        self.transformers = np.flatnonzero(screened.transformers.over > 0)
        self.low = np.flatnonzero(screened.buses.below > 0)
        self.high = np.flatnonzero(screened.buses.above > 0)
        reference = year.bounds.reference
        asked = np.concatenate(
            [self.low, self.high, reference[self.low], reference[self.high], [year.supply_bus, year.bus]]
        )
        self.buses = np.unique(asked[asked >= 0])
        self.kept = Kept(self.buses, self.lines, self.transformers)

    @property
    def sizes(self) -> tuple[int, ...]:
        return len(self.lines), len(self.transformers), len(self.low), len(self.high), 1

    def excess(self, solved: Outcome, before: Outcome | None) -> np.ndarray:
        """Points x limits: value less limit, as a share of it or in pu; positive is broken."""
        bounds, lines, transformers = self.year.bounds, solved.line_percent, solved.transformer_percent
        slack = TOLERANCE_PERCENT / 100.0
        low = self._lowest(solved, self.low, bounds.vm_min_pu) - self._vm(solved, self.low) - TOLERANCE_PU
        high = self._vm(solved, self.high) - self._lowest(solved, self.high, bounds.vm_max_pu) - TOLERANCE_PU
        change = np.zeros((len(solved.converged), 1))
        if before is not None:
            at = np.array([self.year.supply_bus])
            change = np.abs(self._vm(solved, at) - self._vm(before, at))
        parts = [
            lines / bounds.line_percent[self.lines] - 1.0 - slack,
            transformers / bounds.transformer_percent[self.transformers] - 1.0 - slack,
            low,
            high,
            change - self.year.change_pu - TOLERANCE_PU,
        ]
        return np.nan_to_num(np.concatenate(parts, axis=1), nan=-_NO_SOLUTION)

    def takes_part(self, with_site: Outcome, before: Outcome, s_kva: float) -> np.ndarray:
        """Points x limits: the site moves the value by a real share (`capacity.impact`)."""
        own = np.array([self.year.bus])
        own_pu = np.abs(self._vm(with_site, own) - self._vm(before, own))
        least_pu = np.maximum(AFFECTED_SHARE * own_pu, NOTICEABLE_PU)
        least_kva = max(AFFECTED_SHARE * s_kva, NOTICEABLE_KVA)
        ratings = self.year.ratings_kva
        more = (with_site.line_percent - before.line_percent) / 100.0 * ratings["lines"][self.lines]
        most = with_site.transformer_percent - before.transformer_percent
        most = most / 100.0 * ratings["transformers"][self.transformers]
        sunk = self._vm(before, self.low) - self._vm(with_site, self.low)
        risen = self._vm(with_site, self.high) - self._vm(before, self.high)
        none = np.zeros((len(own_pu), 1), dtype=bool)
        parts = [more >= least_kva, most >= least_kva, sunk >= least_pu, risen >= least_pu, none]
        return np.concatenate(parts, axis=1)

    def named(self, limit: np.ndarray) -> pd.DataFrame:
        """Limits by their number, how often each is named; the last number is no solution."""
        network, ends = self.year.network, np.cumsum(self.sizes)
        groups = (self.lines, self.transformers, self.low, self.high, np.array([self.year.supply_bus]))
        rows = []
        for number, hours in zip(*np.unique(limit, return_counts=True), strict=True):
            kind = int(np.searchsorted(ends, number, side="right"))
            if kind == len(_CHECKS):
                rows.append(("no_solution", "buses", str(network.buses.index[self.year.bus]), int(hours)))
                continue
            at = groups[kind][number - (ends[kind - 1] if kind else 0)]
            element_id = str(network.table(_TABLES[kind]).index[at])
            rows.append((_CHECKS[kind], _TABLES[kind], element_id, int(hours)))
        table = pd.DataFrame(rows, columns=["check", "table", "element_id", "hours"])
        return table.sort_values("hours", ascending=False, kind="stable", ignore_index=True)

    def _vm(self, solved: Outcome, at: np.ndarray) -> np.ndarray:
        return solved.vm_pu[:, np.searchsorted(self.buses, at)]

    def _lowest(self, solved: Outcome, at: np.ndarray, bound: np.ndarray) -> np.ndarray:
        """Bound of the band per point, from the busbar where it counts from there."""
        reference = self.year.bounds.reference[at]
        base = np.where(reference >= 0, self._vm(solved, np.maximum(reference, self.buses[0])), 0.0)
        return base + bound[at]


class _Search:
    """Largest power per hour, between one that holds and one that does not."""

    def __init__(
        self, year: SiteYear, places: _Places, hours: np.ndarray, most_kw: float, per_kw: complex
    ) -> None:
        self.year, self.places, self.hours = year, places, hours
        self.most_kw, self.per_kw = most_kw, per_kw
        self.before = year.solve(hours, np.zeros(len(hours), dtype=complex), places.kept)
        held, excess = places.excess(self.before, None), self._solved(np.arange(len(hours)), most_kw)
        already = np.column_stack([held > 0.0, np.zeros(len(hours), dtype=bool)])
        part = places.takes_part(self.full, self.before, most_kw * abs(per_kw))
        part = np.column_stack([part, np.zeros(len(hours), dtype=bool)])
        self.counts = ~already | part
        self.shut = (already & part & (excess > 0.0)).any(axis=1)
        start = np.column_stack([held, np.full(len(hours), -_NO_SOLUTION)])
        self.low_excess = np.where(already, -_NO_SOLUTION, start)
        self.high_excess = np.where(self.counts, excess, -_NO_SOLUTION)

    def largest_kw(self) -> tuple[np.ndarray, np.ndarray]:
        """Power per hour, and number of the limit that holds it down; -1 where none does."""
        fails = (self.high_excess > 0.0).any(axis=1)
        low = np.where(fails, 0.0, self.most_kw)
        high = np.full(len(self.hours), self.most_kw)
        high[self.shut] = 0.0
        for number in range(_ROUNDS_MAX):
            wide = np.flatnonzero(fails & (high - low > ROOM_STEP_KW))
            if not len(wide):
                break
            self._narrow(wide, low, high, secant=number < _SECANT_ROUNDS)
        limit = np.where(fails, self.high_excess.argmax(axis=1), -1)
        kw = np.where(self.before.converged, low, np.nan)
        return kw, np.where(self.before.converged, limit, -1)

    def _narrow(self, wide: np.ndarray, low: np.ndarray, high: np.ndarray, *, secant: bool) -> None:
        """One load flow per hour between its ends, which moves one of them."""
        tried = 0.5 * (low[wide] + high[wide])
        if secant:
            tried = self._crossing(wide, low[wide], high[wide])
        excess = np.where(self.counts[wide], self._solved(wide, tried), -_NO_SOLUTION)
        holds = (excess <= 0.0).all(axis=1)
        low[wide[holds]], high[wide[~holds]] = tried[holds], tried[~holds]
        self.low_excess[wide[holds]], self.high_excess[wide[~holds]] = excess[holds], excess[~holds]

    def _crossing(self, wide: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Where the first limit is reached on a straight line between the ends, half a step inside them."""
        below, above = self.low_excess[wide], self.high_excess[wide]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(above > 0.0, -below / (above - below), 1.0)
        at = low + np.nan_to_num(share, nan=0.5).clip(0.0, 1.0).min(axis=1) * (high - low)
        inside = 0.9 * ROOM_STEP_KW
        return np.asarray(at.clip(low + inside, high - inside))

    def _solved(self, at: np.ndarray, kw: float | np.ndarray) -> np.ndarray:
        power = np.full(len(at), kw) * self.per_kw
        solved = self.year.solve(self.hours[at], power, self.places.kept)
        if not hasattr(self, "full"):
            self.full = solved
        excess = self.places.excess(solved, _rows(self.before, at))
        unsolved = np.where(solved.converged, -_NO_SOLUTION, _NO_SOLUTION)
        return np.column_stack([excess, unsolved])


def _rows(outcome: Outcome, at: np.ndarray) -> Outcome:
    """Some points of an outcome, as far as voltages and loadings go."""
    return replace(
        outcome,
        converged=outcome.converged[at],
        vm_pu=outcome.vm_pu[at],
        line_percent=outcome.line_percent[at],
        transformer_percent=outcome.transformer_percent[at],
    )
