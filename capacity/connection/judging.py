"""Whether a grid carries options: each a state of one drawn network, solved with all of the grid per case.

What speaks against an option: limits it breaks; limits broken before in which it takes a real part (the rule
of `capacity.impact`); the site or customers of today left without supply; a voltage change at its supply
point over what one connection may cause (`Limits.voltage_change`, in normal operation); a state without
solution. Ranking, works and words are not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
    switching_cases,
)
from capacity.connection.n_minus_1 import switching_with_piece_out
from capacity.connection.offer_states import CHECKS, TABLES, UNITS, OfferStates, states_of, today_of
from capacity.connection.option import SupplyOption
from capacity.connection.site import Site
from capacity.connection.way_facts import WayFacts
from gis.voltage import LV_MAX_KV
from gridmodel import branch_ratings_kva
from gridmodel.drawn_network import Turns, joined_turns
from gridmodel.drawn_states import Step, flags_of, solve_steps

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


class _Runs(NamedTuple):
    """States to be solved: number of case and offer, and of what the case turns (-1: nothing)."""

    case: np.ndarray
    offer: np.ndarray
    turn: np.ndarray


def _judge_block(grid: ConnectionGrid, offers: Sequence[Offer], cases: np.ndarray) -> list[Judgement]:
    bench = _Bench(grid, draw_options(grid, offers), cases)
    broken: list[Breaks] = []
    facts: list[WayFacts] = []
    for states in bench.solved():
        broken += bench.breaks(states)
        facts += bench.strained(states)
    blocked = _per_offer(_blocked_table(bench, breaks.joined(broken)), len(offers))
    worst = way_facts.worst_outages(way_facts.joined(facts), bench.normal)
    ways = _per_offer(_strained_table(bench, worst), len(offers))
    count = np.bincount(bench.runs.offer, minlength=len(offers))
    return [Judgement(*parts) for parts in zip(blocked, ways, count.tolist(), strict=True)]


def _runs_of(grid: ConnectionGrid, options: DrawnOptions, cases: np.ndarray) -> tuple[_Runs, Turns]:
    """Every offer in every case that bears on it; and the turns of the cases that switch.

    Where an offer has cut the line that is out, the piece of it nearer to the source fails instead.
    """
    solvable = cases[[grid.states[case] is not None for case in cases.tolist()]]
    at = grid.network.buses.index.get_indexer([offer.option.bus_id for offer in options.offers])
    row, offer = np.nonzero(bearing(grid)[solvable][:, at])
    case = solvable[row]
    turn = switching_cases(grid)[case]
    cut = _cut_rows(grid, options, case, offer)
    tables = [grid.cases.switching]
    known = grid.cases.switching["case_id"].nunique()
    for number, (state, piece) in enumerate(cut.items()):
        turn[state] = known + number
        tables.append(_with_piece_out(grid, options, str(grid.cases.labels.index[case[state]]), piece))
    rows = pd.concat(tables, ignore_index=True) if cut else tables[0]
    return _Runs(case, offer, turn), options.drawn.turns_of(rows)


def _cut_rows(
    grid: ConnectionGrid, options: DrawnOptions, case: np.ndarray, offer: np.ndarray
) -> dict[int, Piece]:
    """Numbers of the states in which the line that is out has been cut, and its piece near the source."""
    near = {(piece.offer, piece.line): piece for piece in options.pieces if piece.near}
    if not near:
        return {}
    outages = grid.cases.labels["outage"].astype(str)
    out = grid.network.lines.index.get_indexer(outages.str.removeprefix("lines "))
    return {
        int(state): near[int(offer[state]), int(out[case[state]])]
        for state in np.flatnonzero(out[case] >= 0)
        if (int(offer[state]), int(out[case[state]])) in near
    }


def _with_piece_out(grid: ConnectionGrid, options: DrawnOptions, case_id: str, piece: Piece) -> pd.DataFrame:
    """Switching of a case for the offer that has cut the line, under a name of its own."""
    rows = grid.cases.switching[grid.cases.switching["case_id"] == case_id]
    line_id = str(options.drawn.network.lines.index[piece.line])
    piece_id = str(options.drawn.network.lines.index[piece.row])
    changed = switching_with_piece_out(grid.network, rows, line_id, piece_id)
    return changed.assign(case_id=f"{case_id}|{piece.offer}")


@lru_cache(maxsize=4)
def bearing(grid: ConnectionGrid) -> np.ndarray:
    """Cases x buses: the case bears on what is connected there.

    All cases of normal operation do; an outage does where it moves the voltage: where it changes the flow on
    the way to the source, or the way itself. On low voltage none does unless the rule says so
    (`n_minus_1.toml`): it is planned without reserve.
    """
    found = np.ones((len(grid.states), len(grid.network.buses)), dtype=bool)
    normal = [(at, state) for at in normal_cases(grid) if (state := grid.states[at]) is not None]
    above_kv = LV_MAX_KV if grid.rule is None else grid.rule.supply_points_above_kv
    low = (grid.network.buses["vn_kv"] <= above_kv).to_numpy()
    for case in np.flatnonzero(grid.cases.labels["outage"].to_numpy() != ""):
        state, power = grid.states[case], grid.cases.kva[case]
        base = next((one for at, one in normal if np.array_equal(grid.cases.kva[at], power)), None)
        if state is not None and base is not None:
            with np.errstate(invalid="ignore"):
                moved = np.abs(state.vm_pu - base.vm_pu) > BEARING_PU
            found[case] = moved | (np.isnan(state.vm_pu) != np.isnan(base.vm_pu))
        found[case, low] = False
    return found


class _Bench:
    """Solves and judges the states of one drawn network."""

    def __init__(self, grid: ConnectionGrid, options: DrawnOptions, cases: np.ndarray) -> None:
        self.grid, self.options = grid, options
        self.runs, self._turns = _runs_of(grid, options, cases)
        self.normal = grid.cases.labels["outage"].to_numpy() == ""
        self._bounds = CaseBounds(grid, options, self._turns)
        self._today = today_of(grid, self._bounds, len(options.drawn.network.buses))
        self._ratings = branch_ratings_kva(options.drawn.network, grid.catalogue)
        change = grid.yardstick.limits.voltage_change
        low = np.array([offer.option.voltage_kv <= LV_MAX_KV for offer in options.offers])
        self._allowed = np.where(low, change.lv_percent, change.mv_percent)

    def solved(self) -> Iterator[OfferStates]:
        """Solve all states; those of the same power differ by switching alone and go in one batch."""
        options, runs = self.options, self.runs
        drawn = replace(options.drawn, turns=joined_turns(options.drawn.turns, self._turns))
        own, nothing = len(options.offers), flags_of(options.drawn)
        for group in self._alike():
            kva = options.power_kva(self.grid, int(runs.case[group[0]]))
            weights = np.where(np.arange(len(kva)) < drawn.bus_count, np.abs(kva), 0.0)
            steps = [
                Step(_NOTHING, np.array([offer] if turn < 0 else [offer, own + turn]))
                for offer, turn in zip(runs.offer[group].tolist(), runs.turn[group].tolist(), strict=True)
            ]
            for part in solve_steps(drawn, nothing, steps, kva, weights=weights):
                at = group[part.first : part.first + len(part.solved)]
                yield states_of(options, self._today, self._bounds, part, runs.case[at], runs.offer[at])

    def _alike(self) -> list[np.ndarray]:
        """Numbers of states in groups of the same power everywhere."""
        power = [
            self.grid.cases.kva[case].tobytes() + self.options.site_kva[case].tobytes()
            for case in range(len(self.grid.cases.kva))
        ]
        code = pd.factorize(np.array(power, dtype=object))[0][self.runs.case]
        return [np.flatnonzero(code == one) for one in np.unique(code)]

    def breaks(self, states: OfferStates) -> list[Breaks]:
        """Limits that the states break."""
        found = breaks.breaks_of(states, self._today, self.options, self._ratings, self.grid.yardstick.limits)
        normal = np.flatnonzero(self.normal[states.case])
        return [*found, breaks.change_breaks(states.take(normal), self._allowed[states.offer[normal]])]

    def strained(self, states: OfferStates) -> list[WayFacts]:
        """What the states strain on the way."""
        facts = way_facts.way_facts(
            states, self._today, self.options, self._ratings, self.grid.yardstick.limits
        )
        normal = np.flatnonzero(self.normal[states.case])
        return [*facts, way_facts.change_facts(states.take(normal), self._allowed[states.offer[normal]])]


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
