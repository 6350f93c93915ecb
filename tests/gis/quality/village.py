"""A village without a doubt, drawn to scale, and ways to put faults into it."""

from __future__ import annotations

import pandas as pd

from gis.examples import network_from_text

#    S               T
#    A ------K------ B (20/0.4) C -----L----- D -----N----- E      homes at D and E, shop at D
VILLAGE = """
    bus A 20
    bus B 20
    bus C 0.4
    bus D 0.4
    bus E 0.4
    source S A 1.01
    transformer T B C "0.4 MVA 20/0.4 kV" sn_kva=400 vn_hv_kv=20 vn_lv_kv=0.4 vk_percent=6 vkr_percent=1.4
    line K A B 50 "NA2XS2Y 1x185 RM/25 12/20 kV" i_max_a=360 r_ohm_per_km=0.161 x_ohm_per_km=0.117
    line L C D 50 "NAYY 4x150 SE" i_max_a=270 r_ohm_per_km=0.208 x_ohm_per_km=0.08
    line N D E 50 "NAYY 4x150 SE" i_max_a=270 r_ohm_per_km=0.208 x_ohm_per_km=0.08
    load H D 5 commercial 1
    load R0 D 4 residential 1
    load R1 D 5 residential 1
    load R2 E 4 residential 1
    load R3 E 3 residential 2
    load R4 E 6 residential 1
    load R5 E 4 residential 1
"""

Tables = dict[str, pd.DataFrame]


def village(*more: str) -> Tables:
    """Tables of the village and of further statements."""
    return network_from_text("\n".join([VILLAGE, *more])).tables()


def with_cells(tables: Tables, table: str, column: str, value: object, *ids: str) -> Tables:
    """Tables with other cells: of the rows named, of all when none is."""
    frame = tables[table].copy()
    rows = list(ids) or list(frame.index)
    frame[column] = frame[column].astype(object if isinstance(value, str) else frame[column].dtype)
    frame.loc[rows, column] = value
    return {**tables, table: frame}


def scaled(tables: Tables, table: str, column: str, factor: float) -> Tables:
    """Tables with a column off by a factor."""
    return {**tables, table: tables[table].assign(**{column: tables[table][column] * factor})}
