"""A year of hours on SimBench's 10,458-bus grid: the engine, power-grid-model and pandapower."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandapower as pp
from machine import timed
from peer_pandapower import year_seconds
from peer_pgm import METHODS, PgmGrid, all_loads, batch, highest_percent, percent_per_pu, pgm_grid
from simbench_year import CODE, HOURS, Year, simbench_net, year_of

from gridmodel.engine.batch import Batch, Injections, solve_batch, steady, with_profiles
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.linearised import reference_at

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

RUNS = 3
# Every twelfth hour for power-grid-model, a hundred for pandapower: a year takes them 30 s and 12 minutes.
PGM_STEP = 12
PANDAPOWER_STEPS = 100
# What is left after the last step of each is below this [pu].
SAME_PU = 1e-8


@dataclass(frozen=True, eq=False)
class Case:
    """The grid, its year, and the powers of every hour as each engine takes them."""

    net: pandapowerNet
    year: Year


def run() -> list[str]:
    """Time the three, check that they agree, and return lines for RESULTS.md."""
    net = simbench_net()
    case = Case(net, year_of(net))
    pp.runpp(net)
    grid_s, grid = timed(lambda: compile_grid(net), RUNS)
    ours_s, ours = timed(lambda: engine_year(grid, case.year), RUNS)
    pgm_s, reduced_s, method = pgm_year(case, ours)
    loop_s = year_seconds(simbench_net(), case.year, PANDAPOWER_STEPS) / PANDAPOWER_STEPS * HOURS
    profiles = case.year.load_p.shape[1] + case.year.plant_p.shape[1]
    return [
        f"{HOURS:,} hourly load flows on SimBench `{CODE}` ({len(net.bus):,} buses, {len(net.load):,} loads "
        f"and {len(net.sgen):,} generators that follow {profiles} profiles), constant power, all cores:",
        "",
        "| way | seconds a year | ratio |",
        "|---|---|---|",
        f"| the engine: voltages, loadings, losses and source power of every hour | {ours_s:.2f} | 1 |",
        f"| power-grid-model {method}, batches of {HOURS // PGM_STEP} hours, extrapolated "
        f"| {pgm_s:.1f} | {pgm_s / ours_s:.1f} |",
        f"| pandapower, numba, kept matrix, last solution as start, {PANDAPOWER_STEPS} hours, extrapolated "
        f"| {loop_s:.0f} | {loop_s / ours_s:.0f} |",
        "",
        "Of every hour the engine keeps the lowest and highest voltage, the highest loading of lines and of "
        f"transformers with their places, losses and source power. Compiling the grid takes {grid_s:.2f} s "
        "more, the reference point is in its time. power-grid-model's time is its batch alone, with the "
        "figures of nodes and branches these come from: taking them from its arrays with numpy adds "
        f"{reduced_s:.1f} s. The two agree in every hour compared: {SAME_PU:g} pu, 1e-4 % of loading, 10 W.",
    ]


def engine_year(grid: CompiledGrid, year: Year) -> Batch:
    """All hours with the engine: reference point at the mean of the year, then the sweeps."""
    injections = engine_injections(grid, year)
    mean = injections._replace(factors=injections.factors.mean(axis=0, keepdims=True))
    return solve_batch(grid, injections, reference_at(grid, row_power(mean, 0)))


def engine_injections(grid: CompiledGrid, year: Year) -> Injections:
    """The year as the engine takes it: terms that follow profiles, active and reactive power apart."""
    rows = np.concatenate([grid.load_row, grid.load_row, grid.generator_row])
    power = np.concatenate([-grid.load_pu.real, -1j * grid.load_pu.imag, grid.generator_pu])
    at_q, at_plant = np.cumsum([year.load_p.shape[1], year.load_q.shape[1]])
    profiles = np.concatenate([year.load_profile, at_q + year.load_profile, at_plant + year.plant_profile])
    factors = np.concatenate([year.load_p, year.load_q, year.plant_p], axis=1)
    return with_profiles(steady(grid.fixed_pu, len(factors)), rows, power, profiles, factors)


def row_power(injections: Injections, scenario: int) -> np.ndarray:
    """Complex power per row of one scenario [pu]."""
    rows = np.repeat(np.arange(len(injections.base_pu)), np.diff(injections.term_start))
    power = injections.base_pu.copy()
    np.add.at(power, rows, injections.term_pu * injections.factors[scenario][injections.term_profile])
    return power


def pgm_year(case: Case, ours: Batch) -> tuple[float, float, str]:
    """Seconds of a year with power-grid-model and of numpy's extremes of it, and its faster method."""
    hours = slice(0, HOURS, PGM_STEP)
    grid, percent = pgm_grid(case.net._ppc["internal"]), percent_per_pu(case.net)
    changed = {"sym_load": pgm_rows(case, grid, hours)}
    seconds = {method: timed(lambda m=method: batch(grid.model(), changed, m), 1)[0] for method in METHODS}
    best = min(METHODS, key=lambda method: seconds[method])
    model = grid.model()
    best_s, solved = timed(lambda: batch(model, changed, best), RUNS)
    started = time.perf_counter()
    extremes = pgm_extremes(solved, percent)
    reduced_s = time.perf_counter() - started
    require_same(ours, extremes, hours)
    scale = HOURS / len(range(*hours.indices(HOURS)))
    return scale * best_s, scale * reduced_s, best.name


def pgm_rows(case: Case, grid: PgmGrid, hours: slice) -> np.ndarray:
    """Powers of the hours, summed at pandapower's inner buses, for those that ever draw or feed."""
    net, lookup = case.net, case.net._pd2ppc_lookups["bus"]
    load_mw, load_mvar, plant_mw = case.year.power(net, hours)
    at_load, at_plant = lookup[net.load["bus"]], lookup[net.sgen["bus"]]
    p_mw, q_mvar = (np.zeros((len(grid.tables["node"]), len(load_mw))) for _ in range(2))
    np.add.at(p_mw, at_load, load_mw.T)
    np.add.at(p_mw, at_plant, -plant_mw.T)
    np.add.at(q_mvar, at_load, load_mvar.T)
    used = np.flatnonzero(p_mw.any(axis=1) | q_mvar.any(axis=1))
    return all_loads(grid, used, p_mw[used].T, q_mvar[used].T)


def pgm_extremes(solved: dict[str, np.ndarray], percent: np.ndarray) -> dict[str, np.ndarray]:
    """What the engine keeps, from power-grid-model's arrays."""
    voltages, branches = solved["node"]["u_pu"], solved["generic_branch"]
    return {
        "vm_min": voltages.min(axis=1),
        "vm_max": voltages.max(axis=1),
        "percent": highest_percent(branches, percent),
        "loss": (branches["p_from"] + branches["p_to"]).sum(axis=1) / 1e6,
    }


def require_same(ours: Batch, theirs: dict[str, np.ndarray], hours: slice) -> None:
    """Stop unless every hour agrees."""
    figures = ours.figures
    assert ours.converged.all()
    for name, values, tolerance in (
        ("vm_min", figures.vm_min, SAME_PU),
        ("vm_max", figures.vm_max, SAME_PU),
        ("percent", np.maximum(figures.line_percent, figures.transformer_percent), 1e-4),
        ("loss", figures.loss, 1e-5),  # MW; the base power is 1 MVA
    ):
        error = np.abs(values[hours] - theirs[name]).max()
        assert error < tolerance, f"{name} differs by {error}"


if __name__ == "__main__":
    print("\n".join(run()))
