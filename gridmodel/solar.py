"""What the sun can give at most: irradiance of a clear sky on roofs, from where the sun stands.

No weather: an hour's figure is the most a clear day of that date brings, which is the safe side when
generation is the question. It is not the energy of a year.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

# Extraterrestrial irradiance [W/m2] and clear-sky transmittance of Meinel's model.
_SOLAR_CONSTANT = 1353.0
# Planes a roof may have: tilt and azimuth [degree], azimuth from south, east negative. 30 degrees is a usual
# roof; the hour's figure is that of the best plane, so no roof is underestimated (engineering judgement).
PLANES = ((0.0, 0.0), (30.0, 0.0), (30.0, -90.0), (30.0, 90.0))


def clear_sky_factors(
    time: pd.DatetimeIndex,
    *,
    latitude_degree: float,
    longitude_degree: float,
    roofs: Literal["best", "mixed"] = "best",
) -> np.ndarray:
    """Give the clear-sky output of rooftop PV per hour as a share of its yearly maximum.

    Parameters
    ----------
    time
        Beginnings of hours, UTC; the sun is taken in the middle of the hour.
    latitude_degree, longitude_degree
        Place, north and east positive.
    roofs
        "best": of each hour the best of `PLANES`; "mixed": the mean of them, as many roofs give together.

    Returns
    -------
    ndarray
        One factor per hour, 0 at night, 1 in the best hour.

    Notes
    -----
    Declination by Cooper, equation of time by Spencer, air mass by Kasten and Young, beam irradiance by
    Meinel, global irradiance by Haurwitz, diffuse light from all of the sky alike.

    References
    ----------
    Duffie and Beckman, Solar Engineering of Thermal Processes, 4th ed. 2013, eq. 1.5.3, 1.6.1, 1.6.2, 2.15.1;
    Kasten and Young, Applied Optics 28 (1989) 4735; Meinel and Meinel, Applied Solar Energy, 1976;
    Haurwitz, Journal of Meteorology 2 (1945) 154, coefficients as in Reno, Hansen and Stein, SAND2012-2389,
    eq. 9.
    """
    sines, angles = _sun(time + pd.Timedelta(minutes=30), latitude_degree, longitude_degree)
    beam, diffuse = _irradiance(sines)
    given = []
    for tilt, azimuth in PLANES:
        lit = np.maximum(_cosine_to_plane(angles, latitude_degree, tilt, azimuth), 0.0)
        given.append(beam * lit + diffuse * (1.0 + np.cos(np.deg2rad(tilt))) / 2.0)
    power = np.max(given, axis=0) if roofs == "best" else np.mean(given, axis=0)
    return np.asarray(power / power.max())


def _sun(
    time: pd.DatetimeIndex, latitude: float, longitude: float
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Sine of the sun's height, and its declination and hour angle [rad]."""
    day = time.dayofyear.to_numpy()
    declination = np.deg2rad(23.45) * np.sin(2.0 * np.pi * (284 + day) / 365.0)
    b = 2.0 * np.pi * (day - 1) / 365.0
    equation_min = 229.2 * (
        0.000075
        + 0.001868 * np.cos(b)
        - 0.032077 * np.sin(b)
        - 0.014615 * np.cos(2 * b)
        - 0.04089 * np.sin(2 * b)
    )
    hours = (time.hour + time.minute / 60.0).to_numpy() + longitude / 15.0 + equation_min / 60.0
    hour_angle = np.deg2rad(15.0 * (hours - 12.0))
    phi = np.deg2rad(latitude)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    return sine, (declination, hour_angle)


def _irradiance(sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Beam irradiance on a plane that faces the sun, and diffuse irradiance on level ground [W/m2]."""
    up = sine > 0.0
    height = np.where(up, sine, 1.0)
    elevation_degree = np.rad2deg(np.arcsin(np.clip(height, -1.0, 1.0)))
    air_mass = 1.0 / (height + 0.50572 * (elevation_degree + 6.07995) ** -1.6364)
    beam = _SOLAR_CONSTANT * 0.7 ** (air_mass**0.678)
    total = 1098.0 * height * np.exp(-0.057 / height)
    diffuse = np.maximum(total - beam * height, 0.0)
    return np.where(up, beam, 0.0), np.where(up, diffuse, 0.0)


def _cosine_to_plane(
    angles: tuple[np.ndarray, ...], latitude: float, tilt: float, azimuth: float
) -> np.ndarray:
    """Cosine of the angle between the sun and a plane's normal (Duffie and Beckman, eq. 1.6.2)."""
    declination, hour = angles
    phi, beta, gamma = np.deg2rad(latitude), np.deg2rad(tilt), np.deg2rad(azimuth)
    level = np.sin(declination) * np.sin(phi) * np.cos(beta)
    level = level - np.sin(declination) * np.cos(phi) * np.sin(beta) * np.cos(gamma)
    turning = np.cos(declination) * np.cos(phi) * np.cos(beta) * np.cos(hour)
    turning = turning + np.cos(declination) * np.sin(phi) * np.sin(beta) * np.cos(gamma) * np.cos(hour)
    return np.asarray(level + turning + np.cos(declination) * np.sin(beta) * np.sin(gamma) * np.sin(hour))
