"""A battery behind a meter: it takes what the sun gives beyond the need and gives it back later."""

from __future__ import annotations

import numpy as np

from gis import BalanceError

# What an energy balance may miss, as a share of what went through the battery.
BALANCE_SHARE = 1e-9
# A year is repeated until the battery ends it as full as it began: one more, if it is empty or full
# in between.
MOST_ROUNDS = 10


def home_battery(
    load_kw: np.ndarray,
    pv_kw: np.ndarray,
    *,
    energy_kwh: float,
    power_kw: float,
    round_trip_efficiency: float,
    step_h: float = 1.0,
) -> np.ndarray:
    """Give what a battery draws (positive) and gives back (negative) to keep a household off the grid [kW].

    It charges from surplus as soon as there is one, and discharges as soon as there is need; it never draws
    from the grid nor feeds into it, does not know tomorrow, and loses nothing while it waits.

    Parameters
    ----------
    load_kw, pv_kw
        What the household draws and what its roof gives, at each step [kW], at least 0.
    energy_kwh
        What the battery stores [kWh], at least 0.
    power_kw
        The most it takes or gives [kW], at least 0.
    round_trip_efficiency
        Share of the energy taken that comes back, above 0 to 1; half of the loss on either way.
    step_h
        Length of a step [h].

    Returns
    -------
    ndarray
        One figure per step. Energy given = efficiency x energy taken over the whole.

    Raises
    ------
    ValueError
        A figure is out of its range, or the columns differ in length.
    BalanceError
        The energies do not add up.
    """
    load, pv = np.asarray(load_kw, dtype=float), np.asarray(pv_kw, dtype=float)
    if load.shape != pv.shape or not (np.isfinite(load).all() and np.isfinite(pv).all()):
        raise ValueError("load_kw and pv_kw must be finite and equally long")
    if min(energy_kwh, power_kw) < 0.0 or not 0.0 < round_trip_efficiency <= 1.0 or step_h <= 0.0:
        raise ValueError("energy, power and step must not be negative, the efficiency lies in (0, 1]")
    surplus = np.clip(pv - load, -power_kw, power_kw)
    one_way, stored_kwh = float(np.sqrt(round_trip_efficiency)), 0.0
    for _ in range(MOST_ROUNDS):
        begun_kwh = stored_kwh
        drawn_kw, stored_kwh = _run(surplus, energy_kwh, one_way, step_h, begun_kwh)
        if abs(stored_kwh - begun_kwh) <= BALANCE_SHARE * max(energy_kwh, 1.0):
            break
    taken_kwh = np.maximum(drawn_kw, 0.0).sum() * step_h
    given_kwh = np.maximum(-drawn_kw, 0.0).sum() * step_h
    missed_kwh = abs(taken_kwh * one_way - given_kwh / one_way - (stored_kwh - begun_kwh))
    if missed_kwh > BALANCE_SHARE * max(taken_kwh, 1.0):
        raise BalanceError(
            f"a battery took {taken_kwh} kWh and gave {given_kwh} kWh: {missed_kwh} kWh missing"
        )
    return drawn_kw


def _run(
    surplus_kw: np.ndarray, energy_kwh: float, one_way: float, step_h: float, stored_kwh: float
) -> tuple[np.ndarray, float]:
    """What is drawn at each step, and what is stored at the end."""
    drawn = []
    for surplus in surplus_kw.tolist():  # plain floats are several times faster than those of numpy
        if surplus > 0.0:
            power = min(surplus, max(energy_kwh - stored_kwh, 0.0) / (one_way * step_h))
            stored_kwh += power * one_way * step_h
        else:
            power = -min(-surplus, stored_kwh * one_way / step_h)
            stored_kwh = max(stored_kwh + power / one_way * step_h, 0.0)
        drawn.append(power)
    return np.array(drawn), stored_kwh
