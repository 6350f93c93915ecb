"""Doubts about transformers: figures for their size, ratio, taps, vector group, and what hangs on them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis.findings import join_findings, make_findings
from gis.quality.bounds import bound, figures, span
from gis.quality.grid import Grid
from gis.quality.told import figures_of, told
from gis.rules import Tables
from gis.voltage import LV_MAX_KV, same_voltage


def figures_fit_the_size(tables: Tables) -> pd.DataFrame:
    """Short-circuit voltage and losses are those of a transformer of that rated power."""
    frame = Grid.of(tables).figures["transformers"]
    sn_kva, vk, vkr, pfe_kw, i0 = (
        frame[c].to_numpy(dtype=float)
        for c in ("sn_kva", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent")
    )
    usual_vk = np.interp(sn_kva, figures("transformer", "vk_sizes_kva"), figures("transformer", "vk_percent"))
    low, high = span("transformer", "vk_share")
    off = (vk < low * usual_vk) | (vk > high * usual_vk)
    parts = [
        told(
            "transformer_vk",
            frame,
            off,
            "vk_percent is not that of a transformer of this size; check it against the nameplate",
            _beside(vk[off], usual_vk[off], "%"),
        )
    ]
    for rule, kw, column in (
        ("transformer_load_loss", vkr / 100.0 * sn_kva, "load_loss_kw"),
        ("transformer_no_load_loss", pfe_kw, "no_load_loss_kw"),
    ):
        usual = _usual_loss(sn_kva, column)
        low, high = span("transformer", "loss_share")
        off = (kw > 0.0) & ((kw < low * usual) | (kw > high * usual))
        said = "vkr_percent" if column == "load_loss_kw" else "pfe_kw"
        message = f"{said} means losses no transformer of this size has; check its unit"
        parts.append(told(rule, frame, off, message, _beside(kw[off], usual[off], "kW")))
    beyond = i0 > bound("transformer", "i0_max_percent")
    # pfe is the active part of the no-load power i0 * sn: it cannot be larger.
    hollow = (i0 > 0.0) & (pfe_kw > bound("transformer", "pfe_max_by_i0") * i0 / 100.0 * sn_kva)
    message = "i0_percent does not fit: over 8 %, or far smaller than the no-load loss pfe_kw it contains"
    parts.append(told("transformer_i0", frame, beyond | hollow, message, i0[beyond | hollow]))
    return join_findings(parts)


def sizes_are_built(tables: Tables) -> pd.DataFrame:
    """No transformer with a low-voltage side is larger than its switchgear could carry."""
    grid = Grid.of(tables)
    frame = grid.figures["transformers"]
    sn_kva = frame["sn_kva"].to_numpy(dtype=float)
    low_side = frame["vn_lv_kv"].to_numpy(dtype=float) <= LV_MAX_KV
    over = low_side & (sn_kva > bound("rating", "lv_transformer_max_kva"))
    message = "no transformer of this size feeds low voltage; check whether sn_kva is in VA"
    return told("transformer_rating", frame, over, message, figures_of(sn_kva[over], "kVA"))


def taps_are_of_tap_changers(tables: Tables) -> pd.DataFrame:
    """Steps and range of the taps are those of a tap changer."""
    frame = Grid.of(tables).figures["transformers"]
    step, lowest, highest = (
        frame[c].to_numpy(dtype=float) for c in ("tap_step_percent", "tap_min", "tap_max")
    )
    span_percent = (highest - lowest) * step
    off = (step > bound("transformer", "tap_step_max_percent")) | (
        span_percent > bound("transformer", "tap_range_max_percent")
    )
    message = "a tap changer has steps up to 5 % and 40 % in all; check tap_step_percent and tap_min, tap_max"
    values = [f"{a:g} % a step, {b:g} % in all" for a, b in zip(step[off], span_percent[off], strict=True)]
    return told("transformer_tap_range", frame, off, message, values)


def ratios_fit_the_buses(tables: Tables) -> pd.DataFrame:
    """The ratio of a transformer is that of its buses within a tenth; more off is an error of `gis.rules`."""
    grid = Grid.of(tables)
    frame = grid.figures["transformers"]
    high, low = (grid.bus_kv[side] for side in grid.sides)
    rated = [frame[c].to_numpy(dtype=float) for c in ("vn_hv_kv", "vn_lv_kv")]
    share = (rated[0] / rated[1]) / (high / low)
    fits = same_voltage(rated[0], high) & same_voltage(rated[1], low)
    off = fits & (np.abs(share - 1.0) > bound("transformer", "ratio_off_share"))
    message = (
        "vn_hv_kv / vn_lv_kv is more than 10 % off the ratio of its buses: the voltage behind it is too; "
        "check both"
    )
    return told("transformer_ratio", frame, off, message, [f"{s:.3f} times" for s in share[off]])


def loads_fit_their_transformer(tables: Tables) -> pd.DataFrame:
    """What hangs behind a transformer is of its size, demand and generation."""
    grid = Grid.of(tables)
    frame = grid["transformers"]
    live = grid.transformer_conducts
    zone = np.where(live, np.append(grid.zones, -1)[grid.sides[1]], -1)
    rating_kva = np.where(live, np.append(grid.zone_rating_kva, np.nan)[zone], np.nan)
    demand_kw = np.append(grid.zone_demand_kw, 0.0)[zone]
    over = demand_kw > bound("transformer", "demand_max_share") * rating_kva
    message = "the loads behind it are more than three times its rating; check p_kw, sn_kva and open points"
    parts = [
        told(
            "transformer_demand",
            frame,
            over,
            message,
            _against(demand_kw[over], rating_kva[over], "kW", "kVA"),
        )
    ]
    generators = grid["generators"]
    at = np.append(grid.zones, -1)[grid.at_bus["generators"]]
    p_kw = generators["p_kw"].to_numpy(dtype=float)
    rating_kva = np.append(grid.zone_rating_kva, np.nan)[at]
    big = (p_kw > bound("transformer", "generation_max_share") * rating_kva) & generators["in_service"]
    message = "the generator is larger than the transformers that feed its part of the grid; check p_kw"
    parts.append(
        told(
            "generator_rating",
            generators,
            big.to_numpy(dtype=bool),
            message,
            _against(p_kw[big], rating_kva[big], "kW", "kVA"),
        )
    )
    return join_findings(parts)


def lines_fit_their_transformer(tables: Tables) -> pd.DataFrame:
    """The lines at a transformer's high side carry at least half its rating."""
    grid = Grid.of(tables)
    frame = grid["transformers"]
    size = len(grid["buses"]) + 1  # one more for unknown buses
    carried_kva, touched = np.zeros(size), np.zeros(size, dtype=bool)
    live = grid.line_conducts
    for ends in grid.line_ends:
        np.add.at(carried_kva, ends[live], grid.line_rating_kva[live])
        touched[ends[live]] = True
    coupled = np.zeros(size, dtype=bool)
    for ends in grid.couplers:
        coupled[ends] = True
    coupled[grid.at_bus["sources"]] = True
    at = grid.sides[0]
    rating_kva = grid.transformer_rating_kva
    thin = carried_kva[at] < bound("transformer", "line_min_share") * rating_kva
    thin &= touched[at] & ~coupled[at] & (at >= 0) & grid.transformer_conducts
    message = "the lines that feed it carry less than half its rating; check i_max_a, vn_kv and sn_kva"
    values = _against(carried_kva[at][thin], rating_kva[thin], "kVA", "kVA")
    return told("transformer_line", frame, thin, message, values)


def vector_groups_agree(tables: Tables) -> pd.DataFrame:
    """Transformers fed by one grid have one phase shift where nearly all do: others look mistyped."""
    grid = Grid.of(tables)
    frame = grid.figures["transformers"]
    zone = np.append(grid.zones, -1)[grid.sides[0]]
    shift = np.round(np.nan_to_num(frame["shift_degree"].to_numpy(dtype=float)) % 360.0, 1)
    level = np.round(np.nan_to_num(grid.bus_kv[grid.sides[1]]), 3)
    table = pd.DataFrame({"zone": zone, "level": level, "shift": shift})
    of_kind = table.groupby(["zone", "level"])["shift"].transform("size").to_numpy()
    alike = table.groupby(["zone", "level", "shift"])["shift"].transform("size").to_numpy()
    few = (of_kind >= bound("transformer", "vector_group_least")) & (
        alike <= (1.0 - bound("transformer", "vector_group_share")) * of_kind
    )
    message = (
        "nearly all transformers of this grid have another phase shift; check the vector group before any "
        "two are run in parallel"
    )
    return told(
        "vector_group", frame, few & (zone >= 0), message, figures_of(shift[few & (zone >= 0)], "degree")
    )


def parallel_transformers_agree(tables: Tables) -> pd.DataFrame:
    """Transformers between the same two buses have one phase shift: others drive a current in a circle."""
    transformers = Grid.of(tables).figures["transformers"].query("in_service")
    ends = transformers[["hv_bus_id", "lv_bus_id"]].dropna()
    ends = ends[ends.duplicated(keep=False)]
    # A shift that only an unknown type could tell is not known; without a type there is none.
    untold = transformers["shift_degree"].isna() & transformers["type_id"].notna()
    ends = ends[~untold[ends.index]]
    shifts = transformers.loc[ends.index, "shift_degree"].fillna(0.0) % 360.0
    parts = []
    for buses, rows in shifts.groupby([ends["hv_bus_id"], ends["lv_bus_id"]]):
        if (rows != rows.iloc[0]).any():
            named = ", ".join(f"{i} {s:g} degree" for i, s in rows.items())
            message = f"parallel transformers with different shift_degree between {buses[0]} and {buses[1]}"
            parts.append(
                make_findings("parallel_shift", "transformers", [""], f"{message}: {named}; correct one")
            )
    return join_findings(parts)


def _usual_loss(sn_kva: np.ndarray, column: str) -> np.ndarray:
    """Loss of a usual transformer [kW], between the sizes of the table on a double logarithmic scale."""
    sizes = np.log(figures("transformer", "loss_sizes_kva"))
    return np.asarray(np.exp(np.interp(np.log(sn_kva), sizes, np.log(figures("transformer", column)))))


def _beside(values: np.ndarray, usual: np.ndarray, unit: str) -> list[object]:
    return [f"{v:.3g} {unit}, usual {u:.3g}" for v, u in zip(values, usual, strict=True)]


def _against(values: np.ndarray, limits: np.ndarray, unit: str, of: str) -> list[object]:
    return [f"{v:,.0f} {unit} against {r:,.0f} {of}" for v, r in zip(values, limits, strict=True)]
