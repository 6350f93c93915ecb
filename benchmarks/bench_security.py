"""N-1 of all lines of SimBench's 1-MV-urban--0-sw with restoration: the study, and its states by peers.

Every outage that ends restored is also rebuilt in plain pandapower and held to what the study says of it.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandapower as pp
import pandas as pd
import peer_pgm
import power_grid_model as pgm
from machine import timed

from capacity.checks import make_yardstick
from capacity.limits import read_limits
from capacity.security import SecurityResults, study_security
from gis.importer import import_file, require_network
from gridmodel import GridModel, Scenario, build_model, rules_for
from gridmodel.engine import states
from gridmodel.engine.states import TURN_EDGE, TURN_SWITCH, Changes
from gridmodel.engine.switching import SwitchingGrid

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

CODE = "1-MV-urban--0-sw"
PANDAPOWER_STATES, RUNS = 100, 5
TABLES = {"switches": ("switch", "closed"), "lines": ("line", "in_service")}


class Solved(NamedTuple):
    """One call of the engine: the grid, its changes, and what else it was given."""

    grid: SwitchingGrid
    changes: Changes
    injection_pu: np.ndarray
    others: dict[str, object]


def run() -> list[str]:
    """Study, compare, and return lines for RESULTS.md."""
    model = build_model(simbench_network())
    yardstick, scenario = make_yardstick(model.network, read_limits()), Scenario()  # loads alone
    model.net.sgen["scaling"] = 0.0

    def study() -> SecurityResults:
        return study_security(model, yardstick, scenario, tables=("lines",))

    study()  # compiles
    with recorded() as calls:
        results = study()
    study_s = timed(study, RUNS)[0]
    agreed, final_s = as_pandapower(model, results)
    grid, injection = calls[0].grid, calls[0].injection_pu
    changes = of_lines_alone(model.net, calls)
    ours_s, solved = timed(lambda: states.solve_states(grid, changes, injection), RUNS)
    lowest = solved.figures.vm_min
    assert (solved.outcome == 0).all()
    pgm_s, pgm_pu = power_grid_model(model.net, grid, changes)
    pp_s, pp_pu = pandapower_loop(model.net, grid, changes)
    assert np.abs(lowest - pgm_pu).max() < 1e-6
    assert np.abs(lowest[: len(pp_pu)] - pp_pu).max() < 1e-8
    count, every = len(lowest), sum(len(call.changes.start) - 1 for call in calls)
    per_state = (ours_s / count, pgm_s / count, pp_s / len(pp_pu))
    ways = ("engine", "power-grid-model batch", "pandapower loop")
    statuses = results.outages["status"].value_counts().to_dict()
    outcomes = ", ".join(f"{n} {status}" for status, n in statuses.items())
    loop_s = every * per_state[2]
    return [
        f"N-1 of the {len(results.outages)} lines of SimBench `{CODE}` ({len(model.network.buses)} buses) "
        f"with restoration, {os.cpu_count()} cores for the engine and power-grid-model:",
        "",
        "| states of outages and restorations | ms a state | ratio |",
        "|---|---|---|",
        *(
            f"| {way} | {1e3 * seconds:.3f} | {seconds / per_state[0]:.1f} |"
            for way, seconds in zip(ways, per_state, strict=True)
        ),
        "",
        f"The study, which chooses among {every:,} states and finds load transfers and firm capacity, "
        f"takes {study_s:.3f} s; a pandapower loop over as many {loop_s:.1f} s ({len(pp_pu)} of them timed), "
        f"{loop_s / study_s:.0f} times as long. Outcomes: {outcomes}. {agreed} final states rebuilt in "
        f"pandapower ({final_s:.1f} s) supply what the study says, within limits, with the same highest "
        "loading.",
    ]


def simbench_network(code: str = CODE):  # type: ignore[no-untyped-def]
    """A grid of SimBench as pandapower has it, imported."""
    import simbench

    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        tempfile.TemporaryDirectory() as folder,
    ):
        warnings.simplefilter("ignore")
        path = Path(folder) / "grid.json"
        pp.to_json(simbench.get_simbench_net(code), str(path))
        return require_network(import_file(path, rules=rules_for()), path)


@contextlib.contextmanager
def recorded() -> Iterator[list[Solved]]:
    """Every call of the engine while this is open."""
    calls: list[Solved] = []
    solve = states.solve_states

    def recorder(grid, changes, injection_pu, **others):  # type: ignore[no-untyped-def]
        calls.append(Solved(grid, changes, injection_pu, others))
        return solve(grid, changes, injection_pu, **others)

    states.solve_states = recorder
    try:
        yield calls
    finally:
        states.solve_states = solve


def of_lines_alone(net: pandapowerNet, calls: list[Solved]) -> Changes:
    """States that turn nothing but lines and switches at lines: what power-grid-model's branches can do."""
    at_line = (net.switch["et"] == "l").to_numpy()
    found: list[list[tuple[int, int, bool]]] = []
    for call in calls:
        for t in range(len(call.changes.start) - 1):
            entries = entries_of(call.changes, t)
            if entries and all(
                k == TURN_EDGE or (k == TURN_SWITCH and at_line[row]) for k, row, _ in entries
            ):
                found.append(entries)
    what, at, on = np.array([entry for entries in found for entry in entries], dtype=np.int64).T
    start = np.concatenate([[0], np.cumsum([len(entries) for entries in found])]).astype(np.int64)
    return Changes(start, what.copy(), at.copy(), on.astype(bool))


def entries_of(changes: Changes, t: int) -> list[tuple[int, int, bool]]:
    """What one state changes: kind, row, on."""
    start, *columns = changes
    rows = slice(start[t], start[t + 1])
    return list(zip(*(column[rows].tolist() for column in columns), strict=True))


def as_pandapower(model: GridModel, results: SecurityResults) -> tuple[int, float]:
    """Rebuild the final state of every outage that switching answers; their number and seconds."""
    outages = results.outages[results.outages["restored_kw"] > 0]
    kw, seconds = model.net.load["p_mw"].to_numpy() * 1e3, 0.0
    for case_id, row in outages.iterrows():
        net = copy.deepcopy(model.net)
        for step in results.steps[results.steps["case_id"] == case_id].itertuples():
            table, column = TABLES[step.table]
            at = model.network.table(step.table).index.get_loc(step.element_id)
            net[table].loc[at, column] = step.state == "closed"
        started = time.perf_counter()
        pp.runpp(net, calculate_voltage_angles=True, tolerance_mva=1e-9)
        seconds += time.perf_counter() - started
        dark = np.isnan(net.res_bus["vm_pu"].to_numpy())[net.load["bus"].to_numpy()]
        assert abs(kw[dark].sum() - row["left_kw"]) < 1e-6, case_id
        loading = pd.concat([net.res_line["loading_percent"], net.res_trafo["loading_percent"]]).max()
        assert abs(loading - row["loading_max_percent"]) < 1e-5, case_id
        assert loading <= 100.0 + 1e-5, case_id
        assert net.res_bus["vm_pu"].dropna().between(0.9, 1.1).all(), case_id
    return len(outages), seconds


def power_grid_model(net: pandapowerNet, grid: SwitchingGrid, changes: Changes) -> tuple[float, np.ndarray]:
    """Seconds for all states in one batch, and the lowest voltage of each."""
    switch = net.switch.copy()
    net.switch["closed"] |= net.switch["et"] == "l"
    pp.runpp(net, calculate_voltage_angles=True)
    inner = net._ppc["internal"]
    net.switch = switch
    tables = peer_pgm.pgm_grid(inner)
    branches = tables.tables["generic_branch"]
    closed = switch["closed"].to_numpy(dtype=bool)
    lines, sides = switch["element"].to_numpy(), line_sides(net)
    of_line = [
        np.flatnonzero((switch["et"] == "l").to_numpy() & (lines == line)) for line in range(len(net.line))
    ]

    def statuses(line: int, shut: np.ndarray, out: set[int]) -> tuple[bool, bool]:
        ends = [True, True]
        for row in of_line[line]:
            ends[sides[row]] &= bool(shut[row])
        return (False, False) if line in out else (ends[0], ends[1])

    for line in range(len(net.line)):
        branches["from_status"][line], branches["to_status"][line] = statuses(line, closed, set())
    asked = []
    for t in range(len(changes.start) - 1):
        shut, out, touched = closed.copy(), set(), []
        for what, row, on in entries_of(changes, t):
            line = int(lines[row] if what == TURN_SWITCH else grid.branches.position[row])
            touched.append(line)
            if what == TURN_SWITCH:
                shut[row] = on
            else:
                out.add(line)
        asked.append([(line, *statuses(line, shut, out)) for line in dict.fromkeys(touched)])
    width = max(map(len, asked))
    rows = np.array([one + [one[0]] * (width - len(one)) for one in asked])
    changed = pgm.initialize_array(pgm.DatasetType.update, pgm.ComponentType.generic_branch, rows.shape[:2])
    changed["id"] = branches["id"][rows[:, :, 0]]
    changed["from_status"], changed["to_status"] = rows[:, :, 1], rows[:, :, 2]
    model, method = tables.model(), pgm.CalculationMethod.newton_raphson
    seconds, solved = timed(lambda: peer_pgm.batch(model, {"generic_branch": changed}, method), RUNS)
    size = solved["node"]["u_pu"]
    return seconds, np.where(size > 0.1, size, np.inf).min(axis=1)  # nodes without supply are at 0


def line_sides(net: pandapowerNet) -> np.ndarray:
    """End per switch at a line: 0 from, 1 to."""
    first = net.line["from_bus"].reindex(net.switch["element"]).to_numpy()
    return np.where(net.switch["bus"].to_numpy() == first, 0, 1)


def pandapower_loop(net: pandapowerNet, grid: SwitchingGrid, changes: Changes) -> tuple[float, np.ndarray]:
    """Seconds for the first states, and the lowest voltage of each."""
    pp.runpp(net, calculate_voltage_angles=True)  # compiles
    column, lowest = net.switch.columns.get_loc("closed"), []
    switch = net.switch["closed"].to_numpy(copy=True)

    def loop() -> None:
        for t in range(min(PANDAPOWER_STATES, len(changes.start) - 1)):
            for what, row, on in entries_of(changes, t):
                if what == TURN_SWITCH:
                    net.switch.iloc[row, column] = on
                else:
                    net.line.loc[int(grid.branches.position[row]), "in_service"] = False
            pp.runpp(net, calculate_voltage_angles=True, tolerance_mva=1e-9)
            lowest.append(net.res_bus["vm_pu"].min())
            net.switch["closed"], net.line["in_service"] = switch, True

    return timed(loop, 1)[0], np.array(lowest)


if __name__ == "__main__":
    print("\n".join(run()))
