"""What in the structure of a model keeps it from a solution, or some of its customers from supply.

Figures that are legal one by one and still wrong in the model: every check returns findings (warnings),
told with a failed load flow as well as beside a good one. Loads stand in `gridmodel.suspects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gis import Network
from gis.feeders import conducting_edges
from gis.findings import join_findings, make_findings
from gis.quality.connectivity import customers_are_supplied
from gis.voltage import LV_MAX_KV
from gridmodel.bounds import bounds_of
from gridmodel.build import branch_ratings_kva, line_figures, transformer_figures
from gridmodel.catalogue import Catalogue
from gridmodel.scenario import Scenario


def structural_causes(network: Network, catalogue: Catalogue, scenario: Scenario) -> pd.DataFrame:
    """Run every check of `CAUSES`; findings of severity "warning"."""
    return join_findings(cause(network, catalogue, scenario) for cause in CAUSES)


def islands_without_source(network: Network, catalogue: Catalogue, scenario: Scenario) -> pd.DataFrame:
    """Find customers no source reaches, with what they ask for in the scenario (`gis.quality`)."""
    loads = network.loads
    asked = loads.assign(p_kw=scenario.demand_kw(loads))
    return customers_are_supplied({**network.tables(), "loads": asked})


def lines_without_impedance(network: Network, catalogue: Catalogue, scenario: Scenario) -> pd.DataFrame:
    """Find lines that are a short circuit between their buses for any solver."""
    figures = line_figures(network, catalogue)
    z_ohm = np.hypot(figures["r_ohm_per_km"], figures["x_ohm_per_km"]) * figures["length_m"] / 1000.0
    none = z_ohm < bounds_of("impedance")["low_ohm"]
    message = "the impedance is next to nothing; merge the two buses, or correct the length or the figures"
    return doubt("zero_impedance", "lines", figures.index[none], message, z_ohm[none])


def lines_off_by_thousands(network: Network, catalogue: Catalogue, scenario: Scenario) -> pd.DataFrame:
    """Find lines whose length is another unit's: against what is drawn, and against what is built."""
    bounds, lines = bounds_of("length"), network.lines
    length_m = line_figures(network, catalogue)["length_m"].astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = length_m / shapely.length(np.asarray(lines.geometry.array))
    high = pd.Series(
        np.where(lines["vn_kv"] <= LV_MAX_KV, bounds["lv_high_m"], bounds["mv_high_m"]), lines.index
    )
    off = (share < bounds["share_of_drawn_low"]) | (share > bounds["share_of_drawn_high"])
    off |= length_m > high
    if off.mean() > 0.5:  # then it is the column, not its cells
        message = (
            f"{off.sum():,} of {len(off):,} lengths are not of the size of the lines drawn, "
            f"{np.nanmedian(share):,.4g} times in the middle; map length_m with the factor of its unit"
        )
        return doubt("line_length_unit", "lines", [""], message)
    values = [
        f"{metres:,.1f} m, {s:.4g} times the drawn"
        for metres, s in zip(length_m[off], share[off], strict=True)
    ]
    message = "length_m is not of the size of the line drawn; check its unit"
    return doubt("line_length_unit", "lines", lines.index[off], message, values)


def demand_above_ratings(network: Network, catalogue: Catalogue, scenario: Scenario) -> pd.DataFrame:
    """Find loads that as a whole ask for far more than all transformers are rated for: another unit."""
    sn_kva = branch_ratings_kva(network, catalogue)["transformers"].sum()
    each_kw = scenario.demand_kw(network.loads)
    demand_kw = each_kw.sum()
    most = each_kw.max() > 0.5 * demand_kw  # then it is that load, not the column
    if not demand_kw > bounds_of("demand")["times_ratings_high"] * sn_kva > 0.0 or most:
        return join_findings([])
    message = (
        f"all loads together ask for {demand_kw:,.0f} kW, {demand_kw / sn_kva:,.0f} times the rated power of "
        "all transformers; check the unit of p_kw, and the ratings"
    )
    return doubt("demand_above_ratings", "loads", [""], message)


def transformers_off_ratio(network: Network, catalogue: Catalogue, scenario: Scenario) -> pd.DataFrame:
    """Find transformers whose ratio, tap included, is not that of the voltages they stand between."""
    figures = transformer_figures(network, catalogue)
    buses = network.buses["vn_kv"]
    steps = (figures["tap_pos"] - figures["tap_neutral"]).astype(float)
    tap = 1.0 + (steps * figures["tap_step_percent"].astype(float) / 100.0).fillna(0.0)
    tap = tap.where(figures["tap_side"] != "lv", 1.0 / tap)
    rated = tap * figures["vn_hv_kv"].astype(float) / figures["vn_lv_kv"].astype(float)
    nominal = network.transformers["hv_bus_id"].map(buses) / network.transformers["lv_bus_id"].map(buses)
    off = ((rated / nominal).astype(float) - 1.0).abs() > bounds_of("ratio")["off_high_share"]
    values = [f"{r:.4g} instead of {n:.4g}" for r, n in zip(rated[off], nominal[off], strict=True)]
    message = "the ratio with its tap does not fit the voltages; correct the rated voltages or tap_pos"
    return doubt("transformer_ratio", "transformers", figures.index[off], message, values)


def shifts_in_loops(network: Network, catalogue: Catalogue, scenario: Scenario) -> pd.DataFrame:
    """Find closed loops whose transformers turn the voltage by different angles: a current in a circle."""
    edges = conducting_edges(network)
    shift = network.transformers.index.to_series().map(
        transformer_figures(network, catalogue)["shift_degree"]
    )
    turned = edges["element_id"].map(shift).where(edges["table"] == "transformers", 0.0).to_numpy(dtype=float)
    angles = _angles(edges["u"].to_numpy(), edges["v"].to_numpy(), turned, len(network.buses))
    off = angles[edges["u"]] - turned - angles[edges["v"]]
    wrong = np.abs((off + 180.0) % 360.0 - 180.0) > bounds_of("shift")["off_high_degree"]
    pairs = pd.MultiIndex.from_arrays(np.sort(edges[["u", "v"]].to_numpy(), axis=1).T)
    named = edges.assign(turned=turned)[pairs.isin(pairs[wrong])]
    message = (
        "stands in a loop whose transformers turn the voltage by different angles; correct a shift_degree"
    )
    return join_findings(
        doubt(
            "shift_in_loop",
            str(table),
            rows["element_id"],
            message,
            [f"{t:g} degree" for t in rows["turned"]],
        )
        for table, rows in named.groupby("table")
    )


def doubt(
    rule: str,
    table: str,
    ids: Iterable[object],
    message: str | list[str],
    values: Iterable[object] | None = None,
) -> pd.DataFrame:
    """Build findings of severity "warning" with their values."""
    return make_findings(rule, table, ids, message, severity="warning", values=values)


CAUSES: tuple[Callable[[Network, Catalogue, Scenario], pd.DataFrame], ...] = (
    islands_without_source,
    lines_without_impedance,
    lines_off_by_thousands,
    demand_above_ratings,
    transformers_off_ratio,
    shifts_in_loops,
)


def _angles(u: np.ndarray, v: np.ndarray, turned: np.ndarray, count: int) -> np.ndarray:
    """Angle per bus [degree] along one tree of each island; v lags u by what its edge turns."""
    ones = np.ones(len(u), dtype=np.int8)
    islands = connected_components(csr_array((ones, (u, v)), shape=(count, count)), directed=False)[1]
    firsts = np.unique(islands, return_index=True)[1]  # hung on one root behind all buses
    ends = np.concatenate([u, np.full(len(firsts), count)]), np.concatenate([v, firsts])
    rooted = csr_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(count + 1, count + 1))
    parents = breadth_first_order(rooted, count, directed=False)[1][:count].astype(np.int64)
    here = np.arange(count)
    up = np.where(parents == count, here, parents)
    keys, first = np.unique(np.concatenate([u * count + v, v * count + u]), return_index=True)
    child = np.flatnonzero(up != here)
    angles = np.zeros(count)
    taken = first[np.searchsorted(keys, up[child] * count + child)]
    angles[child] = np.concatenate([-turned, turned])[taken]
    while not np.array_equal(further := up[up], up):  # pointer jumping: each round doubles the way summed
        angles += np.where(up != here, angles[up], 0.0)
        up = further
    return angles
