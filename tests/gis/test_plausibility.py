"""Doubts: sound tables raise none, and each slip is named with its column or ids."""

from __future__ import annotations

import pandas as pd
import pytest

from gis.examples import network_from_text
from gis.plausibility import DOUBTS
from gis.rules import run_rules
from tests.networks import STATION

FIGURES = "r_ohm_per_km=0.2 x_ohm_per_km=0.08"


def doubts(*more: str, **scaled: float) -> pd.DataFrame:
    """Doubts about a village of six loads; keywords multiply a column of a table: `loads__p_kw=1000`."""
    text = STATION.replace('"NAYY 4x150 SE"', f'"NAYY 4x150 SE" i_max_a=270 {FIGURES}').replace(
        'T B C "0.4 MVA 20/0.4 kV"', "T B C sn_kva=400 vn_hv_kv=20 vn_lv_kv=0.4 vk_percent=4 vkr_percent=1"
    )
    homes = [f"load R{n} E 4 residential" for n in range(6)]
    tables = network_from_text("\n".join([text, *homes, *more])).tables()
    for key, factor in scaled.items():
        table, column = key.split("__")
        tables[table] = tables[table].assign(**{column: tables[table][column] * factor})
    return run_rules(tables, DOUBTS)


def test_sound_tables_raise_no_doubt() -> None:
    assert doubts().empty


@pytest.mark.parametrize(
    ("scaled", "table", "said"),
    [
        ({"lines__length_m": 0.001}, "lines", "length_m: the lengths look like km"),
        ({"lines__length_m": 1000.0}, "lines", "length_m: the lengths look like mm"),
        ({"lines__i_max_a": 0.001}, "lines", "i_max_a: the ratings look like kA"),
        ({"transformers__sn_kva": 0.001}, "transformers", "sn_kva: the ratings look like MVA"),
        ({"loads__p_kw": 0.001}, "loads", "p_kw: the loads look like MW"),
        ({"loads__p_kw": 1000.0}, "loads", "p_kw: the loads look like W"),
    ],
)
def test_a_column_off_by_a_thousand_is_named(scaled: dict[str, float], table: str, said: str) -> None:
    found = doubts(**scaled)
    named = found[(found["rule"] == "unit_slip") & (found["table"] == table)]
    assert said in named["message"].iloc[0]
    assert set(found["severity"]) == {"warning"}


def test_one_load_a_thousand_times_too_large_is_named() -> None:
    found = doubts("load X E 4000 residential")
    assert found[["rule", "element_id"]].to_numpy().tolist() == [["load_outlier", "X"]]


def test_a_line_drawn_twice_names_both_also_when_reversed() -> None:
    found = doubts('line N2 E D 80 "NAYY 4x150 SE"')
    assert found[["rule", "element_id", "value"]].to_numpy().tolist() == [
        ["duplicate_line", "N", "N, N2"],
        ["duplicate_line", "N2", "N, N2"],
    ]


def test_parallel_transformers_with_different_shift_refuse_the_file_and_are_both_named() -> None:
    figures = "sn_kva=400 vn_hv_kv=20 vn_lv_kv=0.4 vk_percent=4 vkr_percent=1"
    found = doubts(f"transformer T2 B C {figures} shift_degree=150")
    assert found[["rule", "severity", "element_id"]].to_numpy().tolist() == [["parallel_shift", "error", ""]]
    assert "T 0 degree, T2 150 degree" in found["message"].iloc[0]


def test_a_load_drawn_far_from_its_bus_is_an_error_by_id() -> None:
    network = network_from_text(STATION)
    away = network.loads.set_geometry(network.loads.translate(20_000.0, 0.0), crs=network.crs)
    found = run_rules(network.tables() | {"loads": away}, DOUBTS)
    assert found[["rule", "severity", "element_id"]].to_numpy().tolist() == [
        ["load_away", "error", "H"],
        ["load_away", "error", "J"],
    ]
