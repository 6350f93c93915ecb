"""Hold answers about connections against plain pandapower and exhaustive search, and print PROOF.md's table.

    python benchmarks/prove_connection.py [--sites 200] [--few 40] [--search if_none_fits] [GRID ...]

GRID is "demo" or a SimBench code. Sites are drawn by lot (seed 7): near a bus of low voltage, 0 to 800 kW,
every other one with as much PV. `--search cheapest` looks for works at dear options too. Of all sites:

    holds        the chosen option, built into the network, breaks no limit in plain pandapower that holds
                 without it: in every case of normal operation, and after the outages that strain it most
    needed       where it needs works on the existing grid, plain pandapower finds a limit broken without
    adds up      the lines of every option's bill add up to its cost, low, mid and high

and of the first of them (`--few`, `--exhaustive`, `--queue`):

    zero         the same place with no demand fits and takes the cheapest of all that is offered
    1 m          moved by 1 m the verdict is the same, for a cost that differs by under 2 % + 200
    exhaustive   with every supply point in reach offered, not the nearest alone, the best total is the same
    queue        of pairs of sites, the study says that one hangs on the other exactly where its answer on
                 the grid with the other connected is not its answer alone

Every site that is not as it should be is named on stderr.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_security import simbench_network

from capacity.assumptions import only_if_none_fits, read_assumptions
from capacity.connection import Assessment, ConnectionConfig, ConnectionGrid, assess_all, connection_grid
from capacity.connection.judging import bearing, normal_cases
from capacity.connection.option import JudgedOption
from capacity.connection.outcome import connect_site, outcome_of
from capacity.connection.queue import study_queue
from capacity.connection.ranking import own_cost
from capacity.connection.site_cases import site_of
from capacity.connection.supply_points import supply_options
from capacity.demand.development import Development
from capacity.demo import demo_network_path
from gis import Network, read_network
from gis.changes import NetworkChanges
from gis.voltage import LV_MAX_KV
from tests.capacity.connection.plain_pandapower import plain_today, plain_with

GRIDS = ("demo", "1-MVLV-urban-5.303-0-sw", "1-MVLV-semiurb-3.202-0-sw")
VERDICTS = ("connect", "connect_after_works", "refuse", "undetermined")
SEED, NEAR_M, MOST_KW = 7, 120.0, 800.0
MOVED_SHARE, MOVED_EUR = 0.02, 200.0
HEAD = (
    "| grid | sites | yes | after works | no | no answer | holds | needed | adds up | zero | 1 m "
    "| queue | exhaustive | states | s |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
)


def main() -> None:
    """Prove each grid; one row each."""
    asked = _arguments()
    warnings.filterwarnings("ignore")
    print(*HEAD, sep="\n")
    for name in asked.grids or GRIDS:
        print(_row(name, asked), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--few", type=int, default=40, help="sites of no demand, and moved by 1 m")
    parser.add_argument("--outages", type=int, default=1, help="outages per site in pandapower")
    parser.add_argument("--exhaustive", type=int, default=5, help="sites searched exhaustively")
    parser.add_argument("--queue", type=int, default=6, help="sites of which every pair is asked")
    parser.add_argument("--search", choices=("if_none_fits", "cheapest"), default="if_none_fits")
    parser.add_argument("grids", nargs="*")
    return parser.parse_args()


def _row(name: str, asked: argparse.Namespace) -> str:
    start = time.perf_counter()
    network = read_network(demo_network_path()) if name == "demo" else simbench_network(name)
    assumptions = read_assumptions()
    grid = connection_grid(
        network,
        ConnectionConfig(
            assumptions=only_if_none_fits(assumptions) if asked.search == "if_none_fits" else assumptions
        ),
    )
    sites = sites_by_lot(network, asked.sites)
    answers = assess_all(grid, sites)
    verdicts = pd.Series([answer.verdict for answer in answers]).value_counts()
    few = sites[: asked.few]
    print(f"{name}: {len(sites)} sites in {time.perf_counter() - start:,.0f} s", file=sys.stderr, flush=True)
    held, needed, states = _proved(grid, answers, asked.outages)
    cells = [name, len(sites), *(int(verdicts.get(kind, 0)) for kind in VERDICTS), held, needed]
    proofs = {
        "adds up": lambda: _adding_up(answers),
        "zero": lambda: _zero(grid, few),
        "1 m": lambda: _moved(grid, few, answers),
        "queue": lambda: _queued(grid, sites[: asked.queue], answers),
        "exhaustive": lambda: _exhaustive(grid, sites[: asked.exhaustive], answers),
    }
    print(f"{name}: {cells}, {states} load flows", file=sys.stderr, flush=True)
    for proof, prove in proofs.items():
        cells.append(prove())
        print(f"{name}: {proof} {cells[-1]}", file=sys.stderr, flush=True)
    cells += [states, f"{time.perf_counter() - start:,.0f}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def _missed(proof: str, answer: Assessment, said: str) -> None:
    print(f"{proof}: {answer.development.site_id}: {said}", file=sys.stderr, flush=True)


def sites_by_lot(network: Network, count: int) -> list[Development]:
    """Developments near buses of low voltage, small ones more often than large ones."""
    lot = np.random.default_rng(SEED)
    low = network.buses[network.buses["vn_kv"] <= LV_MAX_KV]
    picked = low.geometry.iloc[lot.integers(0, len(low), count)]
    angle, away = lot.uniform(0.0, 2.0 * np.pi, count), lot.uniform(5.0, NEAR_M, count)
    kw = np.round(MOST_KW * lot.uniform(0.0, 1.0, count) ** 3, 1)
    return [
        Development(
            shapely.Point(bus.x + r * np.cos(phi), bus.y + r * np.sin(phi)), site_id=f"site {number}",
            demand_kw=float(power), pv_kw=float(power) * (number % 2),
        )
        for number, (bus, phi, r, power) in enumerate(zip(picked, angle, away, kw, strict=True))
    ]  # fmt: skip


def _proved(grid: ConnectionGrid, answers: Sequence[Assessment], outages: int) -> tuple[str, str, int]:
    """How many chosen options hold, how many works were needed, and the load flows it took."""
    held = fitting = needed = with_works = states = 0
    for answer in answers:
        if not answer.ranked or not answer.ranked[0].fits:
            continue
        best, fitting = answer.ranked[0], fitting + 1
        cases = _cases(grid, best, outages)
        wrong = [case for case in cases if not _holds(grid, answer, best, best.changes, case)]
        held += not wrong
        for case in wrong:
            _missed("holds", answer, f"{best.option.option_id}, {grid.cases.labels.index[case]}")
        states += len(cases)
        if best.measures:
            with_works += 1
            case = int(grid.cases.labels.index.get_loc(best.blocked["case_id"].iloc[0]))
            change = best.blocked["check"].iloc[0] == "voltage_change"
            broken = change or not _holds(grid, answer, best, best.option.changes, case)
            needed += broken
            if not broken:
                _missed("needed", answer, f"{best.option.option_id}, {best.blocked.iloc[0].to_dict()}")
    return f"{held}/{fitting}", f"{needed}/{with_works}", states


def _cases(grid: ConnectionGrid, best: JudgedOption, outages: int) -> list[int]:
    """All cases of normal operation, and of the outages that bear on the option those of most loading."""
    normal = normal_cases(grid).tolist()
    at = grid.network.buses.index.get_loc(best.option.bus_id)
    bears = [
        case for case in np.flatnonzero(bearing(grid)[:, at]) if case not in normal and grid.states[case]
    ]
    loading = {
        case: float(np.nanmax(state.line_loading_percent)) for case in bears if (state := grid.states[case])
    }
    return normal + sorted(bears, key=lambda case: -loading[case])[:outages]


def _holds(
    grid: ConnectionGrid, answer: Assessment, best: JudgedOption, changes: NetworkChanges, case: int
) -> bool:
    kva = site_of(grid, answer.development).kva
    found = plain_with(grid, changes, best.option.site_bus_id, kva, case)
    supplied = bool(np.isfinite(found.vm_pu[best.option.site_bus_id]))
    return supplied and found.broken() <= plain_today(grid, case).broken()


def _adding_up(answers: Sequence[Assessment]) -> str:
    right = every = 0
    for answer in answers:
        sums = answer.bill.groupby("rank")[["cost_low_eur", "cost_eur", "cost_high_eur"]].sum()
        told = answer.options.set_index("rank")[list(sums.columns)].astype(float)
        right += int(np.isclose(sums.reindex(told.index, fill_value=0.0), told, atol=0.01).all(axis=1).sum())
        every += len(told)
    return f"{right}/{every}"


def _zero(grid: ConnectionGrid, sites: Sequence[Development]) -> str:
    """Sites of no demand that take the cheapest of all options."""
    idle = [replace(site, demand_kw=0.0, pv_kw=0.0) for site in sites]
    offered = supply_options(grid, [site_of(grid, site) for site in idle])
    right = known = 0
    for answer, own in zip(assess_all(grid, idle), offered, strict=True):
        costs = [own_cost(option).eur for option in own.options if not option.problem]
        if not costs:
            continue
        known += 1
        best = answer.ranked[0]
        same = best.fits and abs(best.cost.eur - min(costs)) < 0.01
        right += same
        if not same:
            _missed("zero", answer, f"{best.option.option_id} {best.cost.eur:,.0f}, not {min(costs):,.0f}")
    return f"{right}/{known}"


def _moved(grid: ConnectionGrid, sites: Sequence[Development], answers: Sequence[Assessment]) -> str:
    """Sites whose answer is all but the same 1 m to the east."""
    moved = [replace(site, place=shapely.affinity.translate(site.place, 1.0, 0.0)) for site in sites]
    same = 0
    for before, after in zip(answers, assess_all(grid, moved), strict=False):
        if before.verdict != after.verdict:
            _missed("1 m", before, f"{before.verdict}, then {after.verdict}")
            continue
        if not before.ranked or not before.ranked[0].fits:
            same += 1
            continue
        eur, other = before.ranked[0].cost.eur, after.ranked[0].cost.eur
        near = abs(eur - other) <= MOVED_SHARE * eur + MOVED_EUR
        same += near
        if not near:
            names = [one.ranked[0].option.option_id for one in (before, after)]
            _missed("1 m", before, f"{names[0]} {eur:,.0f}, then {names[1]} {other:,.0f}")
    return f"{same}/{len(sites)}"


def _exhaustive(grid: ConnectionGrid, sites: Sequence[Development], answers: Sequence[Assessment]) -> str:
    """Sites whose best total is the same when every supply point is offered."""
    figures = grid.assumptions
    wide = figures.search.model_copy(update={"nearest": 100_000, "likely": 0, "lines": 100_000})
    config = ConnectionConfig(
        limits=grid.yardstick.limits, assumptions=figures.model_copy(update={"search": wide})
    )
    same = 0
    for site, answer in zip(sites, answers, strict=False):
        full = assess_all(grid, [site], config)[0]
        if not answer.ranked or not full.ranked:
            same += bool(answer.ranked) == bool(full.ranked)
            continue
        ours, best = answer.ranked[0], full.ranked[0]
        least = ours.fits == best.fits and (not best.fits or ours.cost.eur <= best.cost.eur + 0.01)
        same += least
        if not least:
            names = [f"{one.option.option_id} {one.cost.eur:,.0f}" for one in (ours, best)]
            _missed("exhaustive", answer, f"{names[0]}, but {names[1]}")
    return f"{same}/{len(sites)}"


def _queued(grid: ConnectionGrid, sites: Sequence[Development], answers: Sequence[Assessment]) -> str:
    """Pairs of which the study says that they hang on each other exactly where they do."""
    config = ConnectionConfig(limits=grid.yardstick.limits, assumptions=grid.assumptions)
    accepted = [replace(site, status="accepted") for site in sites]
    pairs = study_queue(grid, accepted, config).pairs
    said = {frozenset(pair) for pair in zip(pairs["first_id"], pairs["second_id"], strict=True)}
    found: set[frozenset[str]] = set()
    for first, site in enumerate(sites):
        others = [k for k in range(len(sites)) if k != first]
        behind = assess_all(connect_site(grid, answers[first]), [sites[k] for k in others], config)
        found |= {
            frozenset((site.site_id, sites[k].site_id))
            for k, one in zip(others, behind, strict=True)
            if outcome_of(one) != outcome_of(answers[k])
        }
    for pair in said ^ found:
        print(f"queue: {sorted(pair)}: {'said' if pair in said else 'found'} alone", file=sys.stderr)
    every = len(sites) * (len(sites) - 1) // 2
    return f"{every - len(said ^ found)}/{every}, {len(found)} hang"


if __name__ == "__main__":
    main()
