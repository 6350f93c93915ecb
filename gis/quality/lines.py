"""Doubts about lines: length, impedance, rating, age. Array code; one function a thought."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from gis.findings import empty_findings, join_findings, make_findings
from gis.quality.bounds import bound, span
from gis.quality.grid import Grid
from gis.quality.told import figures_of, told
from gis.rules import Tables
from gis.voltage import LV_MAX_KV, MV_MAX_KV


def lengths_fit_what_is_drawn(tables: Tables) -> pd.DataFrame:
    """A line's `length_m` agrees with what is drawn, where the column as a whole does."""
    grid = Grid.of(tables)
    lines, drawn_m = grid["lines"], grid.drawn_m
    given_m = lines["length_m"].to_numpy(dtype=float)
    share = given_m / np.where(drawn_m > 0.0, drawn_m, np.nan)
    known = ~np.isnan(share)
    agrees = (share >= bound("length", "low_share")) & (share <= bound("length", "high_share"))
    apart = known & ~agrees & (np.abs(given_m - drawn_m) > bound("length", "least_difference_m"))
    if known.any() and agrees[known].mean() < bound("length", "agree_share"):
        return _schematic(lines, apart, share[known])
    values = [f"{g:,.1f} m, drawn {d:,.1f} m" for g, d in zip(given_m[apart], drawn_m[apart], strict=True)]
    message = "length_m does not fit the line drawn; correct the length or the drawing"
    return told("length_mismatch", lines, apart, message, values)


def impedances_are_of_lines(tables: Tables) -> pd.DataFrame:
    """Resistance, reactance and their quotient are of a size that is built at the line's level."""
    lines = Grid.of(tables).figures["lines"]
    r, x, kv = (lines[c].to_numpy(dtype=float) for c in ("r_ohm_per_km", "x_ohm_per_km", "vn_kv"))
    parts = []
    for rule, column, values, high in (
        ("line_resistance", "r_ohm_per_km", r, bound("impedance", "r_max_ohm_per_km")),
        ("line_reactance", "x_ohm_per_km", x, bound("impedance", "x_max_ohm_per_km")),
    ):
        over = values > high
        message = f"{column} is over {high:g} ohm/km, more than any conductor has; check its unit"
        parts.append(told(rule, lines, over, message, figures_of(values[over], "ohm/km")))
    quotient = x / np.where(r > 0.0, r, np.nan)
    lowest, highest = _by_level(kv, "impedance", "x_by_r")
    off = ((quotient < lowest) & (x > 0.0)) | (quotient > highest)
    message = "x / r is not that of a line of its voltage; check which is which, and their units"
    parts.append(told("line_x_by_r", lines, off, message, figures_of(quotient[off], "")))
    return join_findings(parts)


def impedances_are_not_zero(tables: Tables) -> pd.DataFrame:
    """No line is so short that its impedance drowns in rounding beside the others'."""
    grid = Grid.of(tables)
    lines = grid.figures["lines"]
    per_km = np.hypot(*(lines[c].to_numpy(dtype=float) for c in ("r_ohm_per_km", "x_ohm_per_km")))
    ohm = per_km * grid.length_m / 1000.0
    known = ohm[np.isfinite(ohm)]
    largest = known.max(initial=0.0)
    tiny = (ohm < bound("impedance", "least_ohm")) & (ohm * bound("impedance", "spread") < largest)
    message = "the line has next to no impedance beside the others; draw a switch instead or merge its buses"
    return told("line_zero_impedance", lines, tiny, message, figures_of(ohm[tiny], "ohm"))


def ratings_are_of_lines(tables: Tables) -> pd.DataFrame:
    """A rated current is one that is built at the line's level."""
    lines = tables["lines"]
    rated_a, kv = lines["i_max_a"].to_numpy(dtype=float), lines["vn_kv"].to_numpy(dtype=float)
    low, high = _by_level(kv, "rating", "line_a")
    off = (rated_a < low) | (rated_a > high)
    message = "i_max_a is none of a line of its voltage; check its unit (kA?)"
    return told("line_rating", lines, off, message, figures_of(rated_a[off], "A"))


def ratings_are_given(tables: Tables) -> pd.DataFrame:
    """Where a file gives ratings, each line has one: else its type's is taken, or nothing is known."""
    grid = Grid.of(tables)
    lines = grid["lines"]
    missing = lines["i_max_a"].isna().to_numpy()
    given_share = 1.0 - missing.mean() if len(lines) else 0.0
    filled = grid.figures["lines"]["i_max_a"].notna().to_numpy()
    known = grid.figures["lines"]["r_ohm_per_km"].notna().to_numpy()  # an unknown type has its own rule
    # Without the catalogue nothing is known of what a type fills in.
    unknown = missing & ~filled & known & (grid.knows_types | lines["type_id"].isna().to_numpy())
    parts = [
        told(
            "rating_unknown",
            lines,
            unknown,
            "i_max_a is missing and no type fills it: no overload can be seen; give it in A (> 0)",
            ["missing"] * int(unknown.sum()),
        )
    ]
    if given_share >= bound("rating", "given_share"):
        from_type = missing & ~unknown
        values = [f"missing, type {t}" for t in lines["type_id"][from_type]]
        message = "i_max_a is missing where other lines have it, its type's is taken; give it in A (> 0)"
        parts.append(told("rating_from_type", lines, from_type, message, values))
    return join_findings(parts)


def low_voltage_stays_near(tables: Tables) -> pd.DataFrame:
    """No low-voltage line, and no way along them from the station, is longer than low voltage carries."""
    grid = Grid.of(tables)
    lines, buses = grid["lines"], grid["buses"]
    low = (lines["vn_kv"] <= LV_MAX_KV).to_numpy(dtype=bool)
    long = low & (grid.length_m > bound("length", "lv_line_max_m"))
    message = "a low-voltage line of that length feeds nobody; check length_m and vn_kv"
    parts = [told("lv_line_long", lines, long, message, figures_of(grid.length_m[long], "m"))]
    radius_m = bound("length", "lv_radius_max_m")
    away_m = np.where(np.isfinite(grid.distance_m), grid.distance_m, 0.0)
    far = (grid.bus_kv[:-1] <= LV_MAX_KV) & (away_m > radius_m)
    if far.any():  # only the farthest of each zone speaks for it
        order = np.argsort(-away_m, kind="stable")
        first = np.unique(grid.zones[order][far[order]], return_index=True)[1]
        far = np.isin(np.arange(len(far)), order[far[order]][first])
    message = f"the way from the station along low-voltage lines is over {radius_m:,.0f} m; check lengths"
    parts.append(told("lv_radius", buses, far, message, figures_of(away_m[far], "m")))
    return join_findings(parts)


def lines_are_built(tables: Tables) -> pd.DataFrame:
    """No line in service is built in a year to come."""
    lines = tables["lines"]
    this_year = datetime.now(UTC).year
    year = lines["installed_year"].astype(float).to_numpy()
    ahead = (year > this_year) & lines["in_service"].to_numpy(dtype=bool)
    message = f"installed_year is after {this_year}; correct it or take the line out of service"
    return told("line_of_the_future", lines, ahead, message, list(year[ahead].astype(int)))


def _schematic(lines: pd.DataFrame, apart: np.ndarray, share: np.ndarray) -> pd.DataFrame:
    """One finding for a map that is a drawing; none for a sketch, or a unit (`gis.quality.columns`)."""
    unit = not bound("length", "column_low") <= np.median(share) <= bound("length", "column_high")
    if unit or len(share) < bound("length", "least_lines"):
        return empty_findings()
    message = (
        "length_m as a whole does not fit what is drawn: the map looks schematic; the lengths count, "
        "distances on the map do not"
    )
    value = f"{apart.sum():,} of {len(lines):,}: {', '.join(map(str, lines.index[apart][:5]))}, ..."
    return make_findings("schematic_map", "lines", [""], message, severity="warning", values=[value])


def _by_level(kv: np.ndarray, section: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest figure per row, by its voltage level."""
    levels = [kv <= LV_MAX_KV, kv <= MV_MAX_KV]
    spans = [span(section, f"{level}_{name}") for level in ("lv", "mv", "hv")]
    low, high = (np.select(levels, [s[end] for s in spans[:2]], spans[2][end]) for end in (0, 1))
    return low, high
