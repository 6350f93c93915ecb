"""Uptake: what share of customers has a technology in a year, and which of them they are.

Each customer draws a number between 0 and 1 once, from the seed, the draw, the technology and its own id, and
has the technology in every year whose share is above that number. So who has it in 2030 still has it in 2035,
a higher share keeps all of a lower one, and a customer's lot is the same whatever else stands in the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.demand.demand_scenario import SCurve, Uptake
from gis import InputError
from gis.findings import make_findings

# Each candidate draws a lot of its own. More than a large city has are a slip in a file, and fill the memory.
MOST_CANDIDATES = 20_000_000

# SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, eq=False)
class Candidates:
    """Customers that may take up a technology, one entry each (a row of 12 homes has 12).

    Attributes
    ----------
    rows
        Row of the customers' table per candidate who does not have it yet.
    numbers
        Which of its row's customers it is.
    xy_m
        Where it is, candidates x 2.
    having
        Customers who have it already, because the network says so.
    """

    rows: np.ndarray
    numbers: np.ndarray
    xy_m: np.ndarray
    having: int

    @property
    def all_count(self) -> int:
        return len(self.rows) + self.having

    def open_share(self, share: float) -> float:
        """Share of those without it who take it up, so that `share` of all have it."""
        return max(share * self.all_count - self.having, 0.0) / max(len(self.rows), 1)


def share_in(uptake: Uptake, year: int, base_year: int) -> float:
    """Share of customers that have a technology in a year, 0..1.

    Between given shares monotone cubic interpolation, before and after them the first and the last.

    References
    ----------
    F. N. Fritsch, R. E. Carlson, "Monotone piecewise cubic interpolation", SIAM J. Numer. Anal. 17 (1980).

    Examples
    --------
    >>> shares = {2020: 0.0, 2030: 0.5}
    >>> uptake = Uptake(
    ...     technology="ev", customers=("residential",), shares=shares, unit_kw=11.0, source="x"
    ... )
    >>> share_in(uptake, 2025, 2020), share_in(uptake, 2040, 2020)
    (0.25, 0.5)
    """
    if uptake.s_curve is not None:
        return _logistic(uptake.s_curve, year, base_year)
    years = sorted(uptake.shares)
    shares = [uptake.shares[known] for known in years]
    if len(years) == 1:
        return shares[0]
    from scipy.interpolate import PchipInterpolator  # 0.2 s of import only where a curve is given by points

    return float(PchipInterpolator(years, shares)(np.clip(year, years[0], years[-1])))


def candidates_of(
    customers: pd.DataFrame, classes: Iterable[str], xy_m: np.ndarray, having: pd.Series
) -> Candidates:
    """Find who may take up a technology.

    Parameters
    ----------
    customers
        `customers.CUSTOMER_COLUMNS`; only those placed count.
    classes
        Customer classes in question.
    xy_m
        Place of each row, rows x 2.
    having
        Units the network has already, per bus_id: as many customers of that bus have one.

    Raises
    ------
    InputError
        There are more than `MOST_CANDIDATES`; the largest rows are named.
    """
    asked = customers["group"].isin(list(classes)) & (customers["status"] == "placed")
    rows = np.flatnonzero(asked)
    counts = np.round(customers["customers"].to_numpy(dtype=float)[rows]).astype(np.int64)
    if counts.sum() > MOST_CANDIDATES:
        largest = customers["load_id"].iloc[rows[np.argsort(-counts, kind="stable")[:3]]]
        message = (
            f"{counts.sum():,} customers, above {MOST_CANDIDATES:,} in one network; check the largest loads"
        )
        raise InputError("customers", make_findings("out_of_range", "loads", list(largest), message))
    each = np.repeat(rows, counts)
    numbers = np.arange(len(each)) - np.repeat(np.cumsum(counts) - counts, counts)
    bus_ids = customers["bus_id"].iloc[each]
    order_at_bus = bus_ids.groupby(bus_ids.to_numpy(), sort=False).cumcount().to_numpy()
    has_one = order_at_bus < bus_ids.map(having).fillna(0.0).to_numpy()
    return Candidates(each[~has_one], numbers[~has_one], xy_m[each[~has_one]], int(has_one.sum()))


def luck_of(
    candidates: Candidates, row_keys: np.ndarray, uptake: Uptake, *, seed: int, draw: int, lot: str
) -> np.ndarray:
    """Number per candidate in [0, 1): it takes the technology up when the share is above it.

    By lot each number stands alone. Clustered, `uptake.clusters` candidates are drawn by lot, and the numbers
    rise evenly with the distance to the nearest of them: neighbours follow first.

    Parameters
    ----------
    row_keys
        Of `keys_of`, per row of the customers.
    """
    key = keys_of([f"{seed}|{draw}|{lot}"])[0]
    mixed = _mixed(row_keys[candidates.rows] ^ key, candidates.numbers)
    luck = (mixed >> np.uint64(11)).astype(float) * 2.0**-53
    if uptake.siting == "lot" or not len(luck):
        return np.asarray(luck)
    centres = candidates.xy_m[np.argsort(luck, kind="stable")[: uptake.clusters]]
    distance_m = np.full(len(luck), np.inf)
    for centre in centres:
        np.minimum(distance_m, np.hypot(*(candidates.xy_m - centre).T), out=distance_m)
    numbers = np.empty(len(luck))
    numbers[np.lexsort((luck, distance_m))] = (np.arange(len(luck)) + 0.5) / len(luck)
    return numbers


def keys_of(ids: Iterable[object]) -> np.ndarray:
    """64 bits per id, the same on every machine."""
    digests = [hashlib.blake2b(str(one).encode(), digest_size=8).digest() for one in ids]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _mixed(keys: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # modulo 2^64 is meant
        z = keys + _GOLDEN * (numbers.astype(np.uint64) + np.uint64(1))
        z = (z ^ (z >> np.uint64(30))) * _MIX[0]
        z = (z ^ (z >> np.uint64(27))) * _MIX[1]
    return np.asarray(z ^ (z >> np.uint64(31)))


def _logistic(curve: SCurve, year: int, base_year: int) -> float:
    def risen(at: int) -> float:
        return float(1.0 / (1.0 + np.exp(-curve.rate_per_year * (at - curve.midpoint_year))))

    base = risen(base_year)
    progress = (risen(max(year, base_year)) - base) / (1.0 - base)
    return curve.start_share + (curve.saturation_share - curve.start_share) * progress
