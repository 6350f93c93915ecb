"""Whether a grid carries options: each a state of one drawn network, solved with all of the grid per case.

What speaks against an option: limits it breaks; limits broken before in which it takes a real part (the rule
of `capacity.impact`); the site or customers of today left without supply; a voltage change at its supply
point over what one connection may cause (`Limits.voltage_change`, in normal operation); a state without
solution. Ranking, works and words are not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from capacity.connection import breaks, way_facts
from capacity.connection.breaks import Breaks
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.drawn_options import (
    CaseBounds,
    DrawnOptions,
    Offer,
    Piece,
    blocks_of,
    draw_options,
)
from capacity.connection.n_minus_1 import turns_of_case, turns_with_piece_out
from capacity.connection.offer_states import (
    CHECKS,
    TABLES,
    UNITS,
    Today,
    states_of,
    today_of,
)
from capacity.connection.option import SupplyOption
from capacity.connection.site import Site
from capacity.connection.way_facts import WayFacts
from gis.voltage import LV_MAX_KV
from gridmodel import branch_ratings_kva
from gridmodel.drawn_network import Turns
from gridmodel.drawn_states import Flags, Step, flags_of, solve_steps, turned

BLOCKED_COLUMNS = (
    "case_id", "check", "table", "element_id", "value", "limit", "unit", "excess_percent", "already",
    "today",
)  # fmt: skip
CHECK_COLUMNS = (
    "case_id", "check", "table", "element_id", "today", "with_site", "limit", "unit", "caused_by",
)  # fmt: skip
# An outage bears on an option where it moves the voltage of its supply point by more than this.
BEARING_PU = 1e-6
_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What cases say of one option without further works.

    Attributes
    ----------
    blocked
        Columns `BLOCKED_COLUMNS`: limits that speak against it, worst first; no rows when it fits.
    way
        Columns `CHECK_COLUMNS`: what is most strained on the way to the source per case; of outages the
        worst.
    states
        Load flows behind it.
    """

    blocked: pd.DataFrame
    way: pd.DataFrame
    states: int

    @property
    def fits(self) -> bool:
        return self.blocked.empty

    @property
    def checks(self) -> pd.DataFrame:
        """Columns `CHECK_COLUMNS`: what is strained, and all that blocks."""
        stops = self.blocked.rename(columns={"value": "with_site"})
        stops["caused_by"] = np.where(stops["already"].to_numpy(dtype=bool), "already", "site")
        both = (
            pd.concat([stops[list(CHECK_COLUMNS)], self.way], ignore_index=True) if len(stops) else self.way
        )
        return both.drop_duplicates(["case_id", "check", "table", "element_id"], ignore_index=True)


def judge(
    grid: ConnectionGrid,
    sites: Sequence[Site],
    options: Sequence[Sequence[SupplyOption]],
    *,
    cases: np.ndarray | None = None,
) -> list[list[Judgement]]:
    """Judge the options of each site on its own, none of the others there.

    Parameters
    ----------
    options
        Per site; one with a problem, that cannot be built, must not be among them.
    cases
        Positions of the cases that count; all when absent.

    Returns
    -------
    list of list of Judgement
        In the order of the sites and of their options.
    """
    offers = [Offer(site, option) for site, own in zip(sites, options, strict=True) for option in own]
    judged = iter(judge_offers(grid, offers, cases=cases))
    return [[next(judged) for _ in own] for own in options]


def judge_offers(
    grid: ConnectionGrid, offers: Sequence[Offer], *, cases: np.ndarray | None = None
) -> list[Judgement]:
    """Judge offers, each on its own."""
    asked = np.arange(len(grid.states)) if cases is None else cases
    found: dict[int, Judgement] = {}
    for block in blocks_of(offers):
        judged = _judge_block(grid, [offers[at] for at in block], asked)
        found |= dict(zip(block.tolist(), judged, strict=True))
    return [found[at] for at in range(len(offers))]


def normal_cases(grid: ConnectionGrid) -> np.ndarray:
    """Positions of the cases of normal operation."""
    return np.flatnonzero(grid.cases.labels["outage"].to_numpy() == "")


class _Run(NamedTuple):
    """Offers to be solved in one case, and what the case turns."""

    case: int
    turns: tuple[Turns, int] | None
    offers: np.ndarray


def _judge_block(grid: ConnectionGrid, offers: Sequence[Offer], cases: np.ndarray) -> list[Judgement]:
    bench = _Bench(grid, draw_options(grid, offers))
    broken: list[Breaks] = []
    facts: list[WayFacts] = []
    count = np.zeros(len(offers), dtype=np.int64)
    for run in _runs(grid, bench.options, cases):
        for found, strained in bench.solve(run):
            broken += found
            facts += strained
        count[run.offers] += 1
    blocked = _per_offer(_blocked_table(bench, breaks.joined(broken)), len(offers))
    normal = grid.cases.labels["outage"].to_numpy() == ""
    strained = _strained_table(bench, way_facts.worst_outages(way_facts.joined(facts), normal))
    tables = zip(blocked, _per_offer(strained, len(offers)), count.tolist(), strict=True)
    return [Judgement(*parts) for parts in tables]


def _runs(grid: ConnectionGrid, options: DrawnOptions, cases: np.ndarray) -> Iterator[_Run]:
    bears = bearing(grid)
    buses, lines = grid.network.buses.index, grid.network.lines.index
    at = buses.get_indexer([offer.option.bus_id for offer in options.offers])
    near = [
        piece
        for piece in options.pieces
        if buses.get_indexer([_supplied_from(options, piece)])[0] == piece.end
    ]
    for case in cases.tolist():
        if grid.states[case] is None:
            continue
        case_id, outage = str(grid.cases.labels.index[case]), str(grid.cases.labels["outage"].iloc[case])
        line = lines.get_indexer([outage.removeprefix("lines ")])[0] if outage.startswith("lines ") else -1
        cut = {piece.offer: piece for piece in near if piece.line == line}
        asked = np.flatnonzero(bears[case, at])
        rest = asked[~np.isin(asked, list(cut))]
        if len(rest):
            yield _Run(case, turns_of_case(options.drawn, grid.cases, case_id), rest)
        for offer, piece in cut.items():
            piece_id = str(options.drawn.network.lines.index[piece.row])
            own = options.offers[offer].option
            yield _Run(
                case,
                turns_with_piece_out(options.drawn, grid.cases, case_id, own, piece_id),
                np.array([offer]),
            )


def _supplied_from(options: DrawnOptions, piece: Piece) -> str:
    return options.offers[piece.offer].option.bus_id


@lru_cache(maxsize=4)
def bearing(grid: ConnectionGrid) -> np.ndarray:
    """Cases x buses: the case bears on what is connected there.

    All cases of normal operation do; an outage does where it moves the voltage: where it changes the flow on
    the way to the source, or the way itself.
    """
    found = np.ones((len(grid.states), len(grid.network.buses)), dtype=bool)
    normal = [(at, state) for at in normal_cases(grid) if (state := grid.states[at]) is not None]
    for case in np.flatnonzero(grid.cases.labels["outage"].to_numpy() != ""):
        state, power = grid.states[case], grid.cases.kva[case]
        base = next((one for at, one in normal if np.array_equal(grid.cases.kva[at], power)), None)
        if state is not None and base is not None:
            with np.errstate(invalid="ignore"):
                moved = np.abs(state.vm_pu - base.vm_pu) > BEARING_PU
            found[case] = moved | (np.isnan(state.vm_pu) != np.isnan(base.vm_pu))
    return found


class _Bench:
    """Solves and judges the states of one drawn network."""

    def __init__(self, grid: ConnectionGrid, options: DrawnOptions) -> None:
        self.grid, self.options = grid, options
        self._nothing = flags_of(options.drawn)
        self._bounds = CaseBounds(grid, options)
        self._ratings = branch_ratings_kva(options.drawn.network, grid.catalogue)
        change = grid.yardstick.limits.voltage_change
        self._allowed = np.array(
            [
                change.lv_percent if offer.option.voltage_kv <= LV_MAX_KV else change.mv_percent
                for offer in options.offers
            ]
        )

    def solve(self, run: _Run) -> Iterator[tuple[list[Breaks], list[WayFacts]]]:
        """Solve a run; what each state breaks, and what it strains."""
        options, limits = self.options, self.grid.yardstick.limits
        kva, count = options.power_kva(self.grid, run.case), options.drawn.bus_count
        weights = np.where(np.arange(len(kva)) < count, np.abs(kva), 0.0)
        bounds = self._bounds.of(self._flags(run))
        steps = [Step(_NOTHING, _NOTHING), *(Step(_NOTHING, np.array([one])) for one in run.offers)]
        today: Today | None = None
        for part in solve_steps(options.drawn, self._nothing, steps, kva, case=run.turns, weights=weights):
            today = today or today_of(part, bounds, limits)
            first = max(part.first, 1)
            offers = run.offers[first - 1 : part.first + len(part.solved) - 1]
            if not len(offers):
                continue
            states = states_of(options, today, part, slice(first - part.first, None), offers, run.case)
            both = (states, today, bounds, options, self._ratings, limits)
            found, strained = breaks.breaks_of(*both), way_facts.way_facts(*both)
            if self.grid.cases.labels["outage"].iloc[run.case] == "":
                found.append(breaks.change_breaks(states, self._allowed[offers]))
                strained.append(way_facts.change_facts(states, self._allowed[offers]))
            yield found, strained

    def _flags(self, run: _Run) -> Flags | None:
        return None if run.turns is None else turned(self._nothing, run.turns[0], np.array([run.turns[1]]))


def _blocked_table(bench: _Bench, found: Breaks) -> pd.DataFrame:
    """Rows of all offers, each offer's worst first."""
    table = _named(bench, found.offer, found.case, found.check, found.row)
    with np.errstate(invalid="ignore", divide="ignore"):
        over = 100.0 * np.abs(found.value - found.limit) / np.abs(found.limit)
    table["value"], table["limit"] = found.value, found.limit
    table["unit"] = np.array(UNITS, dtype=object)[found.check]
    table["excess_percent"] = np.where(np.isfinite(over), over, np.inf)
    table["already"], table["today"] = found.already, found.before
    order = np.lexsort((found.row, found.check, found.case, -table["excess_percent"], found.offer))
    return table.iloc[order].reset_index(drop=True)


def _strained_table(bench: _Bench, facts: WayFacts) -> pd.DataFrame:
    table = _named(bench, facts.offer, facts.case, facts.check, facts.row)
    table["today"], table["with_site"], table["limit"] = facts.today, facts.with_site, facts.limit
    table["unit"] = np.array(UNITS, dtype=object)[facts.check]
    table["caused_by"] = ""
    return table


def _named(
    bench: _Bench, offer: np.ndarray, case: np.ndarray, check: np.ndarray, row: np.ndarray
) -> pd.DataFrame:
    """Columns offer, case_id, check, table and element_id."""
    names = np.empty(len(row), dtype=object)
    tables = np.array(TABLES, dtype=object)[check]
    for table, ids in bench.options.names.items():
        names[tables == table] = ids[row[tables == table]]
    case_ids = bench.grid.cases.labels.index.to_numpy(dtype=object)[case]
    return pd.DataFrame(
        {
            "offer": offer,
            "case_id": case_ids,
            "check": np.array(CHECKS, dtype=object)[check],
            "table": tables,
            "element_id": names,
        }
    )


def _per_offer(table: pd.DataFrame, count: int) -> list[pd.DataFrame]:
    """The rows of each offer; they come sorted by offer."""
    ends = np.searchsorted(table["offer"].to_numpy(), np.arange(count + 1))
    plain = table.drop(columns="offer")
    return [plain.iloc[ends[at] : ends[at + 1]].reset_index(drop=True) for at in range(count)]
