"""What holds the engine's sweep back: the bytes it moves and its operations against the machine's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from bench_year import engine_injections, row_power
from machine import bandwidth_gb_per_s
from numba import njit
from simbench_year import simbench_net, year_of

from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.kernels import COLLAPSED_SHARE, ROW, backward, forward
from gridmodel.engine.lanes import LANES, same, store
from gridmodel.engine.linearised import Reference, reference_at

SWEEPS = 200
# Bytes of a row and scenario that a sweep reads and writes, factors shared by the lanes apart. Forward: the
# right-hand side of the row, read, and of its neighbour, read and written (3 x 16). Backward: right-hand side
# and voltage, read and written (4 x 16), power and the neighbour's voltage, read (2 x 16).
STATE_BYTES = 3 * 16 + 4 * 16 + 2 * 16
# Bytes of a row that all lanes share: three blocks of factors and the slopes (4 x 32), pattern, push, floor.
ROW_BYTES = 4 * 32 + 8 + 8 + 16 + 8 + 1
# Operations of a row and scenario, a division as one: forward 8; backward 8 + 8 for the factors, 5 for the
# step, 7 for the extremes, 3 + 1 for |V|^2 and its inverse, 8 + 8 + 2 for the right-hand side.
OPERATIONS = 8 + 8 + 8 + 5 + 7 + 4 + 18


def run() -> list[str]:
    """Time sweeps alone, measure the machine, and return lines for RESULTS.md."""
    net = simbench_net()
    grid = compile_grid(net)
    injections = engine_injections(grid, year_of(net))
    power = row_power(injections, 0)
    point = reference_at(grid, power)
    state_bytes = grid.row_count * int(ROW) * 8
    moved_bytes = STATE_BYTES + ROW_BYTES / LANES
    lines = [
        f"The engine's sweep on {grid.row_count:,} rows, {LANES} scenarios side by side: a block's state is "
        f"{state_bytes / 1e6:.1f} MB. A row and scenario takes {moved_bytes:.0f} bytes of traffic and "
        f"{OPERATIONS} operations a sweep:",
        "",
        "| threads | ns a row, sweep, scenario | GB/s | of what add moves | G operations/s | of the peak |",
        "|---|---|---|---|---|---|",
    ]
    for threads in (1, 2):
        seconds = sweep_seconds(grid, point, power, threads)
        rate = threads * grid.row_count * LANES * SWEEPS / seconds
        moved, done = rate * moved_bytes / 1e9, rate * OPERATIONS / 1e9
        can_move, can_do = bandwidth_gb_per_s(state_bytes // 3, threads), peak_operations(threads) / 1e9
        lines.append(
            f"| {threads} | {1e9 / rate:.2f} | {moved:.0f} | {moved / can_move:.0%} of {can_move:.0f} "
            f"| {done:.1f} | {done / can_do:.0%} of {can_do:.0f} |"
        )
    return [
        *lines,
        "",
        "Add (a = b + c) is measured over arrays that together are as large as a block, the peak with chains "
        "of multiply and add in registers. Over arrays too large for any cache add moves "
        f"{bandwidth_gb_per_s(10**8, 2):.0f} GB/s on two threads.",
    ]


def sweep_seconds(grid: CompiledGrid, point: Reference, power: np.ndarray, threads: int) -> float:
    """Seconds of many sweeps, each thread over a block of its own; the shortest of some runs."""
    states = [settled_state(grid, point, power) for _ in range(threads)]
    floor = (COLLAPSED_SHARE * np.abs(grid.idle_pu)) ** 2
    live, shares = point.slopes.any(axis=1), np.zeros((0, 4))
    arguments = (point.factors, live, point.slopes, grid.pushed_pu, shares, floor)
    work = [(state, *arguments) for state in states]
    sweeps(*work[0], 1)
    with ThreadPoolExecutor(threads) as pool:
        return min(_seconds(lambda: list(pool.map(lambda w: sweeps(*w, SWEEPS), work))) for _ in range(5))


def _seconds(call: object) -> float:
    started = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - started


def settled_state(grid: CompiledGrid, point: Reference, power: np.ndarray) -> np.ndarray:
    """State of a block whose lanes all stand at the operating point, at a cache line."""
    room = np.zeros(grid.row_count * int(ROW) + 8)
    first = (-room.ctypes.data % 64) // 8
    state = room[first : first + grid.row_count * int(ROW)]
    groups = state.reshape(grid.row_count, 6, LANES)
    for group, values in ((0, point.voltage_pu), (4, power)):
        groups[:, group], groups[:, group + 1] = values.real[:, None], values.imag[:, None]
    return state


@njit(cache=True, nogil=True, error_model="numpy")
def sweeps(state, factors, live, slopes, pushed, shares, floor, count):  # type: ignore[no-untyped-def]
    """Sweep without a test of convergence."""
    extremes = np.empty(2 * LANES)
    for _ in range(count):
        forward(state, factors.start, factors.row, factors.low)
        backward(state, True, factors, live, slopes, pushed, shares, floor, extremes)


def peak_operations(threads: int) -> float:
    """Multiplications and additions a second this machine does on numbers in its registers."""
    rounds = 10**7
    _multiply_add(1)
    with ThreadPoolExecutor(threads) as pool:
        seconds = min(_seconds(lambda: list(pool.map(_multiply_add, [rounds] * threads))) for _ in range(5))
    return threads * rounds * 8 * 2 * LANES / seconds


@njit(cache=True, nogil=True, error_model="numpy")
def _multiply_add(rounds):  # type: ignore[no-untyped-def]
    """Eight chains of multiply and add side by side, so that none waits for another."""
    a, b, c, d, e, f, g, h = (
        same(0.1), same(0.2), same(0.3), same(0.4), same(0.5), same(0.6), same(0.7), same(0.8),
    )  # fmt: skip
    by, plus = same(0.999), same(0.001)
    for _ in range(rounds):
        a, b, c, d = a * by + plus, b * by + plus, c * by + plus, d * by + plus
        e, f, g, h = e * by + plus, f * by + plus, g * by + plus, h * by + plus
    out = np.empty(LANES)
    store(out, np.uint64(0), a + b + c + d + e + f + g + h)
    return out[0]


if __name__ == "__main__":
    print("\n".join(run()))
