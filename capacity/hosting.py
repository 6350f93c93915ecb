"""Hosting capacity for generation, drawn at random: plants added one after another until a limit breaks.

Headroom asks one bus at a time; here many customers build plants of their own, wherever they happen to be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from capacity.headroom import Question, bounds_for, named_limits, operating_point
from capacity.impact import Impact

if TYPE_CHECKING:
    from gridmodel.engine.probes import Stage

HOSTING_COLUMNS = (
    "draw", "installed_kw", "plants", "binding_check", "binding_table", "binding_id", "scenario", "status",
)  # fmt: skip
# Plants of one draw at most; more are status "capped". A draw that long never meets a limit.
MOST_PLANTS = 10_000
# Plants of a draw tried at once: two blocks of the engine, one for each of two cores.
_AT_ONCE = 32


def hosting_capacity(
    impact: Impact,
    *,
    plant_kw: float,
    spread_kw: float = 0.0,
    draws: int = 50,
    seed: int = 0,
    bus_ids: Iterable[str] | None = None,
    most_plants: int = MOST_PLANTS,
) -> pd.DataFrame:
    """Add random plants to the scenario until a limit breaks, and again from the start for every draw.

    Sizes are normally distributed, at least 0 kW, at unity power factor; places are drawn with equal
    chances from `bus_ids`. One stream of random numbers serves all draws, size before place, so that a
    draw can be repeated plant by plant.

    Parameters
    ----------
    impact
        The scenario and limits; a limit broken before any plant stops every draw at none.
    plant_kw, spread_kw
        Mean and standard deviation of the size of a plant [kW].
    draws
        How often to start anew.
    seed
        Of `numpy.random.default_rng`.
    bus_ids
        Where a plant may come, one entry a chance; when absent the bus of every load with supply.
    most_plants
        Plants after which a draw ends without a limit broken.

    Returns
    -------
    DataFrame
        Columns `HOSTING_COLUMNS`, one row a draw. installed_kw and plants include the plant that breaks the
        limit, which is what the tutorial of pandapower counts. Status "ok"; "already_violated" (before any
        plant); "capped" (`most_plants` break none); "undetermined" (a bus named has no supply, or the
        scenario no solution).

    Raises
    ------
    KeyError
        A bus_id is not in the network.
    ValueError
        A size or number that makes no sense, or no bus to choose from.

    References
    ----------
    pandapower tutorial "hosting_capacity" (Monte Carlo of PV in mv_oberrhein).
    """
    network = impact.model.network
    supplied = network.loads["bus_id"].map(impact.yardstick.supply.buses["upstream_table"]).notna()
    ids = list(network.loads.loc[supplied, "bus_id"] if bus_ids is None else bus_ids)
    if not ids or plant_kw <= 0 or spread_kw < 0 or draws < 0 or most_plants < 1:
        raise ValueError("needs buses, plants of more than 0 kW, a spread and a number of draws")
    study = _Study(impact, impact.model.position("buses", ids), most_plants)
    stream = _Plants(np.random.default_rng(seed), len(ids), plant_kw, spread_kw)
    rows = [study.draw(stream) for _ in range(draws)]
    frame = pd.DataFrame(rows, columns=["installed_kw", "plants", "limit", "status"])
    check, table, element_id = named_limits(impact, frame["limit"].to_numpy(dtype=np.int64))
    frame = frame.assign(
        draw=range(draws), binding_check=check, binding_table=table, binding_id=element_id,
        scenario=impact.scenario.scenario_id,
    )  # fmt: skip
    return frame[list(HOSTING_COLUMNS)].astype({"installed_kw": float})


class _Plants:
    """An endless row of random plants; what was looked at and not used is used next."""

    def __init__(self, rng: np.random.Generator, places: int, plant_kw: float, spread_kw: float) -> None:
        self._rng, self._places, self._size = rng, places, (plant_kw, spread_kw)
        self._kw: list[float] = []
        self._place: list[int] = []

    def ahead(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Sizes [kW] and places of the next plants."""
        while len(self._kw) < count:
            self._kw.append(max(self._rng.normal(*self._size), 0.0))
            self._place.append(int(self._rng.choice(self._places)))
        return np.array(self._kw[:count]), np.array(self._place[:count])

    def use(self, count: int) -> None:
        """Take the next plants out of the row."""
        del self._kw[:count], self._place[:count]


class _Study:
    """One scenario with limits over it, ready for draws."""

    def __init__(self, impact: Impact, at: np.ndarray, most_plants: int) -> None:
        self._grid, self._injection_pu = operating_point(impact)
        self._bounds = bounds_for(impact, Question())
        self._at, self._row, self._most_plants = at, self._grid.bus_row[at], most_plants
        self._per_kw_pu = Question("generation").per_kw_pu(self._grid.sn_mva)
        self._before = self._stage(self._injection_pu) if (self._row >= 0).all() else None

    def draw(self, stream: _Plants) -> tuple[float, int, int, str]:
        """Add plants until a limit breaks: kW installed, plants, limit and status.

        Plants that fit become part of the grid the next ones are added to, a batch at a time.
        """
        from gridmodel.engine.answers import NO_LIMIT

        staged, installed_kw, plants, injection_pu = self._before, 0.0, 0, self._injection_pu
        if staged is None:
            return np.nan, 0, NO_LIMIT, "undetermined"
        if len(staged.broken):
            return 0.0, 0, int(staged.broken[0]), "already_violated"
        while plants < self._most_plants and staged is not None:
            kw, place = stream.ahead(min(_AT_ONCE, self._most_plants - plants))
            fitting, limit = self._fitting(staged, kw, place)
            added = fitting + (limit != NO_LIMIT)
            stream.use(added)
            installed_kw, plants = installed_kw + float(kw[:added].sum()), plants + added
            if limit != NO_LIMIT:
                return installed_kw, plants, limit, "ok"
            injection_pu = injection_pu + self._grid.at_rows(self._row[place], self._per_kw_pu * kw)
            staged = self._stage(injection_pu)
        return installed_kw, plants, NO_LIMIT, "capped"

    def _stage(self, injection_pu: np.ndarray) -> Stage | None:
        """The solved grid with the limits over it; nothing where it has no solution."""
        from gridmodel.engine.kernels import CONVERGED
        from gridmodel.engine.linearised import reference_at
        from gridmodel.engine.probes import stage

        point = reference_at(self._grid, injection_pu)
        if point.outcome != CONVERGED:
            return None
        return stage(self._grid, injection_pu, point, self._bounds)

    def _fitting(self, staged: Stage, kw: np.ndarray, place: np.ndarray) -> tuple[int, int]:
        """How many of some plants fit, added one by one, and the limit that the next one breaks."""
        from gridmodel.engine.answers import NO_LIMIT
        from gridmodel.engine.probes import Additions, probe

        tried = np.arange(len(kw)) + 1
        entry = np.concatenate([np.arange(plants) for plants in tried])
        additions = Additions(
            np.concatenate([[0], np.cumsum(tried)]), self._row[place[entry]], self._per_kw_pu * kw[entry],
            np.full(len(entry), np.inf), self._at[place[entry]], np.zeros(len(entry), dtype=complex),
        )  # fmt: skip
        verdicts = probe(staged, additions, np.arange(len(tried)), np.ones(len(tried)))
        broken = np.flatnonzero(~verdicts.holds)
        if not len(broken):
            return len(kw), NO_LIMIT
        return int(broken[0]), int(verdicts.limit[broken[0]])
