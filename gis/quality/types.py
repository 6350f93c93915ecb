"""What the name of a type says about a line: the cross-section, and with it the resistance."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from gis.quality.bounds import bound, span
from gis.quality.grid import Grid
from gis.quality.told import told
from gis.rules import Tables

# "NAYY 4x150 SE", "3x1x240" (the last factor), "48-AL1/8-ST1A".
_CROSS_SECTION = re.compile(r"(?:\d+\s*[x×]\s*)+(\d+(?:[.,]\d+)?)|^(\d+(?:[.,]\d+)?)-AL")
_SMALLEST_MM2, _LARGEST_MM2 = 1.5, 1200.0


def resistances_fit_the_name(tables: Tables) -> pd.DataFrame:
    """A line's own resistance is that of copper or aluminium of the cross-section its type is named after."""
    lines = Grid.of(tables)["lines"]
    r = lines["r_ohm_per_km"].to_numpy(dtype=float)
    if np.isnan(r).all():
        return told("type_resistance", lines, np.zeros(len(lines), dtype=bool), "", [])
    area_mm2 = cross_sections_mm2(lines["type_id"])
    low_share, high_share = span("impedance", "name_r_share")
    low = low_share * bound("impedance", "rho_cu_ohm_mm2_per_km") / area_mm2
    high = high_share * bound("impedance", "rho_al_ohm_mm2_per_km") / area_mm2
    off = (r < low) | (r > high)
    values = [
        f"{ohm:.4g} ohm/km, {area:g} mm2 have {a:.3g} to {b:.3g}"
        for ohm, area, a, b in zip(r[off], area_mm2[off], low[off], high[off], strict=True)
    ]
    message = "r_ohm_per_km is not that of the cross-section its type is named after; correct one of them"
    return told("type_resistance", lines, off, message, values)


def cross_sections_mm2(type_ids: pd.Series) -> np.ndarray:
    """Cross-section [mm2] named in each type; missing where the name tells none.

    Examples
    --------
    >>> cross_sections_mm2(pd.Series(["NAYY 4x150 SE", "48-AL1/8-ST1A", "old cable"])).tolist()
    [150.0, 48.0, nan]
    """
    codes, names = pd.factorize(type_ids)
    area_mm2 = np.array([_area_mm2(name) for name in names], dtype=float)
    sound = (area_mm2 >= _SMALLEST_MM2) & (area_mm2 <= _LARGEST_MM2)
    return np.append(np.where(sound, area_mm2, np.nan), np.nan)[codes]


def _area_mm2(name: str) -> float:
    match = _CROSS_SECTION.search(name)
    return float((match[1] or match[2]).replace(",", ".")) if match else np.nan
