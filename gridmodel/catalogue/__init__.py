"""Catalogue of equipment: line and transformer types with ratings, impedances and sources.

The CSV files beside this module are made by `tools/make_catalogue.py`; a user's own files replace
them row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

_HERE = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Types by id.

    Attributes
    ----------
    lines
        Indexed by `type_id`: vn_max_kv [kV], kind, r/x [ohm/km], c [nF/km], i_max_a [A], source.
    transformers
        Indexed by `type_id`: sn_kva [kVA], voltages [kV], vk/vkr/i0 [%], pfe_kw [kW], taps, source.
    """

    lines: pd.DataFrame
    transformers: pd.DataFrame


def read_catalogue(lines_csv: Path | None = None, transformers_csv: Path | None = None) -> Catalogue:
    """Read the catalogue shipped with feederplan, with a user's rows put over it.

    Examples
    --------
    >>> float(read_catalogue().lines.loc["NAYY 4x150 SE", "i_max_a"])
    270.0
    """
    return Catalogue(
        lines=_read(_HERE / "lines.csv", lines_csv),
        transformers=_read(_HERE / "transformers.csv", transformers_csv),
    )


def _read(shipped: Path, own: Path | None) -> pd.DataFrame:
    types = pd.read_csv(shipped, index_col="type_id")
    if own is None:
        return types
    theirs = pd.read_csv(own, index_col="type_id")
    return pd.concat([theirs, types[~types.index.isin(theirs.index)]])
