"""Curves by number of customers: what n equal ones draw together, from the points of a printed table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Points = Sequence[tuple[float, float]]


def by_number(count: np.ndarray, points: Points, beyond: float | None = None) -> np.ndarray:
    """Read a curve by number: straight lines from nothing through the points of its least concave cover.

    Concave, because only then do more customers never draw more together than their parts alone. A printed
    table that is concave is met at every point; one that is not (a table in steps) is never undercut.

    Parameters
    ----------
    count
        Number of customers [>= 0], any shape.
    points
        (number, value), ascending.
    beyond
        Slope beyond the last point, and the least anywhere; that of the last straight line if not given.

    Examples
    --------
    >>> by_number(np.array([0.0, 0.5, 1.0, 2.0, 4.0]), [(1.0, 10.0), (3.0, 20.0)])
    array([ 0.,  5., 10., 15., 25.])
    """
    x, y = least_concave(points, -np.inf if beyond is None else beyond)
    slope = (y[-1] - y[-2]) / (x[-1] - x[-2]) if beyond is None else beyond
    return np.asarray(np.interp(count, x, y) + slope * np.maximum(count - x[-1], 0.0))


def least_concave(points: Points, least_slope: float = -np.inf) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the least concave curve from (0, 0) over all points whose slope is nowhere under the least.

    Examples
    --------
    >>> least_concave([(1.0, 4.0), (2.0, 5.0), (3.0, 7.0)])
    (array([0., 1., 3.]), array([0., 4., 7.]))
    """
    corners: list[tuple[float, float]] = []
    for point in [(0.0, 0.0), *points]:
        while len(corners) > 1 and _slope(corners[-2], corners[-1]) <= _slope(corners[-1], point):
            corners.pop()
        corners.append(point)
    while len(corners) > 2 and _slope(corners[-2], corners[-1]) <= least_slope:
        corners.pop()
    x, y = zip(*corners, strict=True)
    return np.array(x), np.array(y)


def require_curve(points: Points, *, name: str) -> None:
    """Refuse what is no curve by number.

    Raises
    ------
    ValueError
        No points, or numbers or values that are not above 0, or do not ascend.
    """
    numbers, values = np.array([(0.0, 0.0), *points]).T
    if len(points) == 0 or (np.diff(numbers) <= 0.0).any() or (np.diff(values) < 0.0).any() or values[1] <= 0:
        raise ValueError(
            f"{name} must have points whose numbers ascend from above 0 and whose values do not fall"
        )


def _slope(left: tuple[float, float], right: tuple[float, float]) -> float:
    return (right[1] - left[1]) / (right[0] - left[0])
