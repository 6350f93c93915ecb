"""Which protective devices trip for a fault, and what they take off supply with it. Topology, no solving.

The fault current is interrupted by the nearest circuit breakers and fuses on every way to a source; where the
data have none, by the protection of the station's transformer, or of the source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.security.practice import Practice
from capacity.security.sections import Sections

DEVICE_COLUMNS = ("table", "element_id", "kind", "bus_id", "reason")


@dataclass(frozen=True, eq=False)
class Trip:
    """What trips.

    Attributes
    ----------
    devices
        Columns `DEVICE_COLUMNS`, a row per device, with the reason why it is taken to be this one.
    closed
        State of the cuts afterwards.
    """

    devices: pd.DataFrame
    closed: np.ndarray


def trip(sections: Sections, practice: Practice, faulty: np.ndarray) -> Trip:
    """Let protection interrupt a fault in the flagged sections, from the normal switching state."""
    cuts = sections.cuts
    closed = cuts["closed"].to_numpy()
    protects = closed & protective(sections, practice)
    reached = _spread(sections, faulty, closed & ~protects)
    fed_beyond = sections.fed(closed, without=reached)
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    outer = np.where(reached[a], b, a)
    trips = protects & sections.touching(reached) & fed_beyond[outer]
    # A source that fails itself is off by that alone.
    own = (cuts["table"] == "sources").to_numpy() & (faulty[a] & sections.infeed[a])
    opens = same_device(cuts, trips | own)
    devices = cuts[opens].drop_duplicates(["table", "element_id"])
    reasons = [_reason(row.table, row.element_id, row.kind) for row in devices.itertuples()]
    return Trip(devices.assign(reason=reasons)[list(DEVICE_COLUMNS)].reset_index(drop=True), closed & ~opens)


def protective(sections: Sections, practice: Practice) -> np.ndarray:
    """Flag per cut: it interrupts fault current by itself; transformers and sources have protection."""
    cuts = sections.cuts
    return np.asarray(cuts["kind"].isin(practice.protection.kinds) | (cuts["table"] != "switches"))


def same_device(cuts: pd.DataFrame, flags: np.ndarray) -> np.ndarray:
    """Flag every cut of what the flagged ones belong to: a transformer opens at both its ends."""
    key = pd.MultiIndex.from_frame(cuts[["table", "element_id"]])
    return np.asarray(key.isin(key[flags]))


def _spread(sections: Sections, faulty: np.ndarray, conducts: np.ndarray) -> np.ndarray:
    """Flag per section that the fault reaches through the cuts given."""
    island = sections.islands(conducts)
    return np.isin(island, np.unique(island[faulty]))


def _reason(table: str, element_id: str, kind: str) -> str:
    if table == "switches":
        return f"nearest {kind.replace('_', ' ')} on the way to a source"
    what = "transformer" if table == "transformers" else "source"
    return (
        f"the data have no circuit breaker or fuse before {what} {element_id}: its own protection is "
        "taken to trip"
    )
