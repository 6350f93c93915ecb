"""What every method of coincidence answers. The methods themselves: `capacity.demand.coincidence`."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field


class Coincidence(Protocol):
    """What every method answers; figures are its fields, with their source."""

    needs: ClassVar[tuple[str, ...]]
    follows_peak: ClassVar[bool]

    @property
    def source(self) -> str:
        """Where the figures are from."""

    @property
    def many_factor(self) -> float:
        """Coincidence of very many customers: after-diversity demand over the peak of one alone."""

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        """Additive quantities per row of customers (`customers.CUSTOMER_COLUMNS`): rows x quantities.

        The first is a size, by which the power factors of a set are averaged.
        """

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        """Coincident peak [kW] of sets of customers: sets x quantities in, one figure per set out."""


class Method(BaseModel):
    """Figures of a method, frozen, with their source.

    Attributes
    ----------
    needs
        Columns of a customer without which the method cannot be applied to it.
    follows_peak
        Whether the peak of a set follows the peaks of its customers alone, in proportion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    needs: ClassVar[tuple[str, ...]] = ("peak_kw",)
    follows_peak: ClassVar[bool] = True
    source: str = Field(min_length=1)

    @property
    def many_factor(self) -> float:
        """Coincidence of very many customers: after-diversity demand over the peak of one alone."""
        return 1.0

    def weights(self, customers: pd.DataFrame) -> np.ndarray:
        raise NotImplementedError

    def peak_kw(self, sums: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def together_kw(self, customers: pd.DataFrame) -> float:
        """Coincident peak [kW] of all rows of customers; 0 of none."""
        return float(self.peak_kw(self.weights(customers).sum(axis=0, keepdims=True))[0])
