"""How far apart what belongs together may be drawn, and which decisions topology may take by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from gis.voltage import LV_MAX_KV, MV_MAX_KV

# Line ends this close [m] are one bus: rounding of coordinates in GIS exports, well under the
# shortest real line (0.1 m segments are seen). Near misses are never joined silently.
END_TOLERANCE_M = 0.01
# A cluster of ends this many tolerances wide came about by creeping from end to end, not by one node drawn
# several times: ends of one node lie within one tolerance of each other, two allow for a chain of three.
WIDEST_CLUSTER_TOLERANCES = 2.0
# A loose end this close [m] to another bus of its voltage is worth a look (engineering judgement: less
# than the width of a street); it is told, not joined.
NEAR_MISS_M = 2.0
# An end moved by less [m] stays unsaid: a tenth of a millimetre is the noise of coordinates.
SAID_FROM_M = 0.00005
# Longest distance [m] from a load, generator or source to its bus: a long service line.
SNAP_MAX_M = 100.0
# Longest distance [m] from a transformer's point to the buses of its sides: a substation with its yard;
# 30 m is seen in the demo area (engineering judgement).
TRANSFORMER_MAX_M = 50.0
# A switch stands on a line at most this far [m] beside it, and at a line's end up to this far along it:
# the size of its symbol (engineering judgement).
SWITCH_MAX_M = 2.0


@dataclass(frozen=True)
class TopologyOptions:
    """Tolerances, limits and rules of topology.

    Attributes
    ----------
    lv_tolerance_m, mv_tolerance_m, hv_tolerance_m
        Line ends of low, medium and high voltage this close become one bus [m].
    near_miss_m
        Loose ends this close to another bus of their voltage are named [m].
    split_mains
        Which line ends that meet another line of their voltage in mid-span split it there: of "service"
        lines, of "all" lines, or of "none". A service line ends at a bus of kind service, or is a
        low-voltage line whose other end is loose: no other line and no transformer stands there. What
        is not split is told.
    attach_max_m
        Longest way from a load, generator or source to its bus [m].
    transformer_max_m
        Longest way from a transformer to the buses of its sides [m].
    switch_max_m
        How far a switch may stand beside its line, and from a line's end to stand at it [m].
    rejected
        Decisions not to be taken: pairs of a repair's action and element_id.
    """

    lv_tolerance_m: float = END_TOLERANCE_M
    mv_tolerance_m: float = END_TOLERANCE_M
    hv_tolerance_m: float = END_TOLERANCE_M
    near_miss_m: float = NEAR_MISS_M
    split_mains: Literal["service", "all", "none"] = "service"
    attach_max_m: float = SNAP_MAX_M
    transformer_max_m: float = TRANSFORMER_MAX_M
    switch_max_m: float = SWITCH_MAX_M
    rejected: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def tolerance_m(self, vn_kv: np.ndarray) -> np.ndarray:
        """Tolerance [m] per nominal voltage [kV]."""
        above = np.where(vn_kv <= MV_MAX_KV, self.mv_tolerance_m, self.hv_tolerance_m)
        return np.where(vn_kv <= LV_MAX_KV, self.lv_tolerance_m, above)

    def allows(self, action: str, element_ids: pd.Index | np.ndarray) -> np.ndarray:
        """Tell per element whether a decision may be taken."""
        refused = [element_id for name, element_id in self.rejected if name == action]
        if not refused:
            return np.ones(len(element_ids), dtype=bool)
        return ~pd.Index(element_ids).isin(refused)
