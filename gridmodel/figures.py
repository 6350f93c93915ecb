"""Figures of elements: the file's own, and those of their types where the file has none."""

from __future__ import annotations

import pandas as pd

from gis.rules import Tables
from gridmodel.catalogue import Catalogue

LINE_FIGURES = ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "i_max_a")
TRANSFORMER_FIGURES = (
    "sn_kva",
    "vn_hv_kv",
    "vn_lv_kv",
    "vk_percent",
    "vkr_percent",
    "pfe_kw",
    "i0_percent",
    "shift_degree",
    "tap_neutral",
    "tap_min",
    "tap_max",
    "tap_step_percent",
)


def with_types(frame: pd.DataFrame, types: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Figures per element, those of its type where it has none of its own; missing where neither has."""
    typed = types[columns].reindex(frame["type_id"]).set_axis(frame.index)
    given = {column: frame[column].where(frame[column].notna(), typed[column]) for column in columns}
    return pd.DataFrame(given, frame.index)


def with_type_figures(tables: Tables, catalogue: Catalogue) -> dict[str, pd.DataFrame]:
    """Fill the figures of lines and transformers from their types, as the model will have them."""
    lines, transformers = tables["lines"], tables["transformers"]
    filled = {
        "lines": lines.assign(**with_types(lines, catalogue.lines, list(LINE_FIGURES))),
        "transformers": transformers.assign(
            **with_types(transformers, catalogue.transformers, list(TRANSFORMER_FIGURES))
        ),
    }
    return {**tables, **filled}
