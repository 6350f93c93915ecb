"""Generation of a network as rows: what is left out of a row is told in it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from capacity.demand.generation import ACTIVE_ONLY, feed_kw, generation_of
from gis.examples import network_from_text

TOWN = network_from_text("""
    bus A 0.4
    bus B 0.4
    source S A
    line L A B 40 "NAYY 4x150 SE"
    load H B 3 residential 1
    generator roof B 12 pv
    generator mill B 30 hydro q_kvar=4
    generator old B 5 pv in_service=false
""")


def test_every_generator_is_a_row_with_what_is_left_out_of_it() -> None:
    rows = generation_of(TOWN).set_index("unit_id")
    assert rows["reason"].to_dict() == {"roof": "", "mill": ACTIVE_ONLY, "old": "in_service is false"}
    assert rows["status"].to_dict() == {"roof": "placed", "mill": "placed", "old": "out_of_service"}


def test_what_feeds_is_summed_per_bus_and_kind() -> None:
    power_kw = feed_kw(generation_of(TOWN), pd.Index(["A", "B"]), ["pv", "hydro"])
    assert np.array_equal(power_kw, [[0.0, 0.0], [12.0, 30.0]])
