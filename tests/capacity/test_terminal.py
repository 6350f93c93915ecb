"""Service lines and design figures against a standard: by hand, and every load a row with its reason."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from capacity.limits import read_limits
from capacity.terminal import (
    TERMINAL_COLUMNS,
    read_standard,
    service_lines,
    standard_names,
    terminal_bottlenecks,
)
from gis import InputError, Network
from gis.examples import network_from_text
from gis.feeders import trace_supply
from gridmodel import read_catalogue
from tests.capacity.grids import demo

# i_max_a of the thin line: 20 A at 400 V are 13.856 kVA, under the 14.5 kW of one dwelling.
THIN = "i_max_a=20 r_ohm_per_km=1.2 x_ohm_per_km=0.09"


#   S --m1-- A --m2-- B --m3-- C ....... D (no supply)
#            | s1     | s2     | (last span of the main: feeds H3 alone, through s3)
#            H1       H2       H3
def street(*more: str) -> Network:
    return network_from_text(f"""
        bus S 0.4
        bus A 0.4
        bus B 0.4
        bus C 0.4
        bus D 0.4
        bus H1 0.4
        bus H2 0.4
        bus H3 0.4
        source G S
        line m1 S A 100 "NAYY 4x150 SE"
        line m2 A B 100 "NAYY 4x150 SE"
        line m3 B C 100 "NAYY 4x150 SE"
        line s1 A H1 20 {THIN}
        line s2 B H2 20 "NAYY 4x50 SE"
        line s3 C H3 20 {THIN} parallel=2
        load one H1 2 residential 1 q_kvar=0
        load two H2 6 residential 3 q_kvar=0
        load pump H2 9 heat_pump 3 q_kvar=0
        load three H3 5 residential 1 q_kvar=0
        load shop B 20 commercial 1 q_kvar=0
        load off H1 2 residential 1 in_service=false
        load dark D 2 residential 1 q_kvar=0
        {chr(10).join(more)}
    """)


def judged(network: Network, standard: str | Path = "all_electric", **more: object) -> pd.DataFrame:
    found = terminal_bottlenecks(
        network, trace_supply(network), read_catalogue(), read_standard(standard), **more
    )  # type: ignore[arg-type]
    assert list(found.columns) == list(TERMINAL_COLUMNS)
    return found.set_index("load_id")


def test_service_lines_lead_to_one_connection_alone() -> None:
    found = service_lines(street(), trace_supply(street()))
    assert found.groupby("bus_id")["line_id"].apply(list).to_dict() == {
        "H1": ["s1"], "H2": ["s2"], "H3": ["s3", "m3"]
    }  # fmt: skip


def test_lines_and_figures_by_hand() -> None:
    """One dwelling alone draws 14.5 kW; 20 A at 0.4 kV carry 13.86 kW, two of them 27.71 kW."""
    found = judged(street())
    one_kva = math.sqrt(3.0) * 0.4 * 20.0
    assert found.loc["one", "line_kw"] == pytest.approx(one_kva)
    assert found.loc["one", "missing_line_kw"] == pytest.approx(14.5 - one_kva)
    assert found.loc["one", "missing_design_kw"] == pytest.approx(4.5 - 2.0)
    assert found.loc["one", "reason"] == (
        "s1 carries 13.9 kW of 14.5 kW asked of it; design figure 2.0 kW a customer, 4.5 kW asked"
    )
    assert found.loc["three", "line_kw"] == pytest.approx(2 * one_kva)
    assert found.loc["three", "length_m"] == pytest.approx(120.0)
    three_kw = 14.5 * (3 * 0.31 + 0.69 * math.sqrt(3.0))
    assert found.loc["two", "standard_kw"] == pytest.approx(three_kw)
    assert found["status"].to_dict() == {
        "one": "both_too_low", "two": "enough", "pump": "enough", "three": "enough", "shop": "not_judged",
        "off": "not_judged", "dark": "design_too_low",
    }  # fmt: skip


def test_a_heat_pump_counts_to_the_design_figure_of_its_home() -> None:
    """Three homes of 2 kW with 3 kW of heat pump each have 5 kW; without service of the pump 2 kW."""
    assert judged(street()).loc["two", "design_kw"] == pytest.approx(5.0)
    bare = street().loads.assign(in_service=lambda loads: loads["in_service"] & (loads.index != "pump"))
    found = judged(dataclasses.replace(street(), loads=bare))
    assert found.loc["two", "missing_design_kw"] == pytest.approx(3 * (4.5 - 2.0))


def test_nobody_disappears_and_each_says_why() -> None:
    found = judged(street())
    assert list(found.index) == list(street().loads.index)
    assert found.loc["shop", "reason"] == (
        "no line feeds this connection alone; its class is not in the standard: the file's figure counts"
    )
    assert found.loc["off", "reason"] == "in_service is false"
    assert found.loc["dark", "reason"].startswith("no supply; design figure 2.0 kW")
    assert (found.loc[found["status"] != "enough", "reason"] != "").all()


def test_nobody_has_enough_whose_line_could_not_be_judged() -> None:
    network = street("load main A 5 residential 1 q_kvar=0")
    found = judged(network)
    assert found.loc["main", "missing_design_kw"] == 0.0
    assert found.loc["main", "status"] == "not_judged"
    assert found.loc["main", "reason"] == "no line feeds this connection alone"


def test_without_loads_there_are_all_columns_and_no_rows() -> None:
    network = street()
    assert judged(dataclasses.replace(network, loads=network.loads.iloc[:0])).empty


def test_what_a_shared_line_misses_is_split_by_size_and_adds_up() -> None:
    network = street("load more H1 4 residential 2 q_kvar=0")
    found = judged(network)
    asked_kw = 14.5 * (3 * 0.31 + 0.69 * math.sqrt(3.0))
    missing_kw = asked_kw - math.sqrt(3.0) * 0.4 * 20.0
    assert found.loc["one", "missing_line_kw"] == pytest.approx(missing_kw / 3)
    assert found.loc["more", "missing_line_kw"] == pytest.approx(missing_kw * 2 / 3)
    assert found.loc["one", "customers_on_line"] == 3


def test_a_long_line_is_bound_by_voltage() -> None:
    """3 % of 0.4 kV over 500 m of 0.642 ohm/km: 0.03 x 0.16 / 0.321 MW."""
    network = street("bus F 0.4", 'line far A F 500 "NAYY 4x50 SE"', "load farm F 9 residential 1 q_kvar=0")
    found = judged(network, limits=read_limits("en50160"))
    assert read_limits("en50160").voltage_change.lv_percent == 3.0
    assert found.loc["farm", "line_kw"] == pytest.approx(0.03 * 0.16 / (0.642 * 0.5) * 1e3, rel=1e-3)
    assert found.loc["farm", "line_limit"] == "voltage"
    assert found.loc["one", "line_limit"] == "rating"


def test_a_line_without_rating_is_told_not_passed() -> None:
    network = street()
    network.lines.loc["s1", ["i_max_a", "type_id"]] = [np.nan, None]
    found = judged(network)
    assert np.isnan(found.loc["one", "missing_line_kw"])
    assert "its service line has no rating" in found.loc["one", "reason"]


def test_homes_of_unknown_floor_area_are_not_judged() -> None:
    network = street()
    known = network.loads.assign(floor_area_m2=[100.0, 160.0, None, None, None, None, None])
    found = judged(dataclasses.replace(network, loads=known), "shandong_2010")
    assert found.loc["one", "standard_kw"] == pytest.approx(6.0)
    assert found.loc["two", "standard_kw"] == pytest.approx(3 * 12.0 + 9.0)
    assert found.loc["three", "status"] == "not_judged"
    assert found.loc["three", "reason"] == "floor_area_m2 is missing, which is the size of residential"


def test_the_more_a_standard_asks_the_more_is_missing() -> None:
    network = street()
    less, more = (judged(network, name) for name in ("din_18015", "din_18015_water_heating"))
    gap = more["missing_line_kw"] - less["missing_line_kw"]
    assert gap.loc["one"] == pytest.approx(34.0 - 14.5)
    assert (gap.dropna() >= 0.0).all()


@pytest.mark.parametrize("name", standard_names())
def test_every_shipped_standard_reads_and_judges_the_demo_area(name: str) -> None:
    standard = read_standard(name)
    assert all(len(own.size.source) > 5 for own in standard.classes.values())
    found = judged(demo(), name)
    assert len(found) == len(demo().loads)
    assert found["status"].isin(["enough", "design_too_low", "not_judged"]).all()  # NAYY 4x50 has 98 kVA
    homes = found["customer_class"] == "residential"
    if name == "all_electric":
        missing = found.loc[homes, "missing_design_kw"] > 0.0
        assert missing.sum() == 1504
    assert (found.loc[homes, "status"] == "not_judged").all() == (name == "shandong_2010")


def test_an_unknown_standard_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shipped standards: all_electric, din_18015") as caught:
        read_standard("all_elektrik")
    assert caught.value.findings["rule"].tolist() == ["unknown_standard"]
    (tmp_path / "own.toml").write_text('name = "x"\nsource = "y"\n[class.residential]\ndesign_kw = -1\n')
    with pytest.raises(InputError) as caught:
        read_standard(tmp_path / "own.toml")
    assert set(caught.value.findings["element_id"]) == {
        "class.residential.size", "class.residential.coincidence", "class.residential.design_kw"
    }  # fmt: skip
