"""Colours, classes and line widths of the map. No limits: the caller brings the thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

# Smallest distance under deuteranopia 25 (a traffic light: 7); from low to high.
PALETTE: Final = ("#2166ac", "#74add1", "#e6b000", "#f46d43", "#a50026")
NO_DATA_COLOUR: Final = "#808080"
NO_DATA: Final = -1

# Width repeats what the colour says, for readers who cannot tell the colours apart.
_WIDTH_STEP_FACTOR: Final = (1.0, 1.0, 1.3, 1.7, 2.2)


def classify(values: npt.ArrayLike, thresholds: Sequence[float]) -> npt.NDArray[np.int8]:
    """Class number of each value, as an index into the palette.

    A value on a threshold belongs to the upper class, except on the last one: the last
    threshold is the limit, and 100.0 % of a limit is not over it.

    Parameters
    ----------
    values
        For example loading [%]; NaN means no data.
    thresholds
        One to four limits in the unit of the values, strictly increasing, the limit last.

    Returns
    -------
    numpy.ndarray
        int8, shape of `values`; -1 where there is no data.

    Raises
    ------
    ValueError
        Thresholds are not finite, not increasing, or there are none or more than four.

    Examples
    --------
    >>> classify([10.0, 50.0, 100.0, 100.1, float("nan")], (50, 75, 90, 100)).tolist()
    [0, 1, 3, 4, -1]
    """
    limits = _checked_thresholds(thresholds)
    measured = np.asarray(values, dtype=float)
    classes = np.searchsorted(limits[:-1], measured, side="right") + (measured > limits[-1])
    return np.where(np.isnan(measured), NO_DATA, classes).astype(np.int8)


def width_by_class(
    class_index: npt.NDArray[np.int8], *, base_width_px: float = 2.0
) -> npt.NDArray[np.float64]:
    """Line width [px] that grows with the class; no data gets the base width.

    Parameters
    ----------
    class_index
        Class of each line, -1 to 4.
    base_width_px
        Width of the lowest class [px].

    Returns
    -------
    numpy.ndarray
        Width of each line [px].
    """
    factors = np.array(_WIDTH_STEP_FACTOR)
    return np.asarray(base_width_px * factors[np.maximum(class_index, 0)], dtype=np.float64)


def _checked_thresholds(thresholds: Sequence[float]) -> npt.NDArray[np.float64]:
    limits = np.asarray(thresholds, dtype=float)
    if not 1 <= len(limits) < len(PALETTE):
        raise ValueError(f"one to {len(PALETTE) - 1} thresholds are possible, not {len(limits)}")
    if not np.isfinite(limits).all() or any(low >= high for low, high in pairwise(limits)):
        raise ValueError(f"thresholds must be finite and increasing: {list(thresholds)}")
    return limits
