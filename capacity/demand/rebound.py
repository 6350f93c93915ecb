"""Coincidence under a tariff: what many timers start at the same moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from capacity.demand.coincidence_method import Coincidence


@dataclass(frozen=True)
class Rebound:
    """Coincidence of a group of which a share acts as one, because a tariff starts it.

    P'(S) = s x sum of p_i + (1 - s) x P(S): one customer alone draws what it drew, more of them coincide
    more. A sum of two parts that are monotone and subadditive is so too; the smaller of "all at once" and
    "k times P(S)" is not, where customers are unequal.

    Attributes
    ----------
    of
        Coincidence without tariff.
    share
        s, 0..1; from `raised`.
    tariff
        Its name.
    """

    needs: ClassVar[tuple[str, ...]] = ("peak_kw",)
    follows_peak: ClassVar[bool] = True

    of: Coincidence
    share: float
    tariff: str

    @property
    def source(self) -> str:
        return f"{self.of.source}; {100.0 * self.share:.3g} % start as one under the tariff {self.tariff}"

    @property
    def many_factor(self) -> float:
        return self.share + (1.0 - self.share) * self.of.many_factor

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        """Sum of peaks [kW], then what the coincidence without tariff adds up."""
        return np.column_stack([_peaks_kw(customers), self.of.weights(customers)])

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        return np.asarray(self.share * sums[:, 0] + (1.0 - self.share) * self.of.peak_kw(sums[:, 1:]))


def raised(method: Coincidence, customers: pd.DataFrame, peak_factor: float, tariff: str) -> Coincidence:
    """Coincidence by which a whole group draws `peak_factor` times what it drew, no customer more than alone.

    Where that would be more than all of them at once, it is all at once.

    Parameters
    ----------
    customers
        All of the group that draw.
    peak_factor
        Peak of the group's profile under the tariff, over the one without, at least 1; the profile is divided
        by it.
    """
    if peak_factor == 1.0 or customers.empty:
        return method
    at_once_kw = float(_peaks_kw(customers).sum())
    together_kw = float(method.peak_kw(method.weights(customers).sum(axis=0, keepdims=True))[0])
    if together_kw >= at_once_kw:
        return method
    wanted_kw = min(peak_factor * together_kw, at_once_kw)
    return Rebound(method, (wanted_kw - together_kw) / (at_once_kw - together_kw), tariff)


def _peaks_kw(customers: pd.DataFrame) -> np.ndarray:
    return (customers["customers"] * customers["peak_kw"]).to_numpy(dtype=float)
