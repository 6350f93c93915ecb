"""Taps of transformers: what each position does to the low side, and which transformers move together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from capacity.measures.operating_figures import operating_figures
from gis import Network
from gridmodel import Catalogue, transformer_figures


@dataclass(frozen=True, eq=False)
class Taps:
    """Positions of one transformer.

    Attributes
    ----------
    positions
        From tap_min to tap_max.
    lift
        Voltage of the low side in each position over that in the present one.
    now
        Present position; the neutral one where the table has none.
    """

    positions: np.ndarray
    lift: np.ndarray
    now: float

    def nearest(self, lift: float) -> int:
        """Row of the position that comes nearest to a lift."""
        return int(np.argmin(np.abs(self.lift - lift)))


def taps_of(network: Network, catalogue: Catalogue) -> dict[str, Taps]:
    """Taps per transformer that has any; those without figures or with a single position are left out."""
    figures = transformer_figures(network, catalogue)
    needed = ["tap_neutral", "tap_min", "tap_max", "tap_step_percent"]
    known = figures[needed].notna().all(axis=1) & figures["tap_side"].notna()
    tapped = figures[known & (figures["tap_max"] > figures["tap_min"]) & (figures["tap_step_percent"] > 0.0)]
    return {str(transformer_id): _taps(row) for transformer_id, row in tapped.iterrows()}


def groups_of(network: Network) -> Iterator[list[str]]:
    """Transformers in service by the busbar they feed, those on one busbar together."""
    transformers = network.transformers[network.transformers["in_service"]]
    busbar = coupled_buses(network).reindex(transformers["lv_bus_id"]).to_numpy()
    for _, ids in pd.Series(transformers.index, dtype=object).groupby(busbar, sort=False):
        yield [str(one) for one in ids]


def coupled_buses(network: Network) -> pd.Series:
    """Number per bus: equal ones are one node through closed couplers."""
    switches = network.switches
    closed = switches[(switches["element_table"] == "buses") & switches["closed"]]
    ends = [network.buses.index.get_indexer(closed[column]) for column in ("bus_id", "element_id")]
    known = (ends[0] >= 0) & (ends[1] >= 0)
    count = len(network.buses)
    joined = csr_array(
        (np.ones(known.sum(), dtype=np.int8), (ends[0][known], ends[1][known])), shape=(count, count)
    )
    return pd.Series(connected_components(joined, directed=False)[1], network.buses.index)


def positions_for(taps: dict[str, Taps], group: list[str], lift: float) -> dict[str, float] | str:
    """Position per transformer of a group that lifts the low side so much.

    Returns
    -------
    dict or str
        Why there is none: a transformer without taps, or ratios too different to run in parallel.
    """
    found, lifts = {}, []
    for one in group:
        if one not in taps:
            return f"{one} beside it has no taps, and the two would not run in parallel"
        row = taps[one].nearest(lift)
        found[one] = float(taps[one].positions[row])
        lifts.append(taps[one].lift[row])
    if 100.0 * (max(lifts) - min(lifts)) > operating_figures().tap_change.parallel_ratio_percent:
        return f"the taps of {' and '.join(group)} do not match, and they would not run in parallel"
    return found


def _taps(row: pd.Series) -> Taps:
    now = float(row["tap_pos"] if pd.notna(row["tap_pos"]) else row["tap_neutral"])
    positions = np.arange(row["tap_min"], row["tap_max"] + 0.5)
    turns = 1.0 + (np.append(positions, now) - row["tap_neutral"]) * row["tap_step_percent"] / 100.0
    low_side = turns if row["tap_side"] == "lv" else 1.0 / turns
    return Taps(positions, low_side[:-1] / low_side[-1], now)
