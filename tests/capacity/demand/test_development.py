"""Demand of a development: Rusck by hand, parts that add up, nothing that is no number."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import capacity.assumptions
from capacity.assumptions import read_assumptions
from capacity.demand.coincidence import Velander
from capacity.demand.development import PART_COLUMNS, Development, coincident_kw, demand_parts, together_kw
from capacity.demand.development_text import HomeGroup, parse_homes, write_homes
from gis import InputError

HERE = shapely.Point(0.0, 0.0)


@pytest.mark.parametrize(
    ("count", "expected_kw"),
    [(0, 0.0), (1, 10.0), (4, 4 * 10.0 * (0.2 + 0.8 / 2)), (25, 25 * 10.0 * (0.2 + 0.8 / 5)), (100, 280.0)],
)
def test_rusck_by_hand(count: int, expected_kw: float) -> None:
    """One home draws 2 kW / 0.2 = 10 kW alone; g(n) = 0.2 + 0.8 / sqrt(n)."""
    assert coincident_kw(count, admd_kw=2.0, g_inf=0.2) == pytest.approx(expected_kw)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 100_000), g_inf=st.floats(0.05, 1.0))
def test_more_customers_draw_more_in_all_and_less_each(count: int, g_inf: float) -> None:
    now, more = coincident_kw(count, 2.0, g_inf), coincident_kw(count + 1, 2.0, g_inf)
    assert more > now
    assert more / (count + 1) <= now / count * (1 + 1e-12)
    assert now >= 2.0 * count * (1 - 1e-12)


def test_parts_by_hand_and_they_add_up() -> None:
    development = Development(
        HERE, dwellings=4, heat_pumps=10, ev_points=4, floor_area_m2=200.0, demand_kw=7.5
    )
    parts = demand_parts(development, read_assumptions()).set_index("part")["p_kw"]
    assert parts.to_dict() == {
        "homes": pytest.approx(24.0),
        "heat pumps": pytest.approx(17.0),
        "charging points": pytest.approx(4 * 11.0 * 0.6),
        "floor area, m2": pytest.approx(10.0),
        "stated by the applicant, kW": 7.5,
    }
    assert parts.sum() == pytest.approx(24.0 + 17.0 + 26.4 + 10.0 + 7.5)


def test_homes_by_size_and_heating_by_hand() -> None:
    """Steps 4 kW to 80 m2, 6 kW to 120 m2 (92 m2 is usual): 10 kW alone each, 6.67 kW the small ones."""
    homes = (HomeGroup(3, 70.0, "heat_pump"), HomeGroup(2, None, "direct_electric"))
    parts = demand_parts(Development(HERE, dwellings=4, homes=homes), read_assumptions()).set_index("part")
    whole_kw = 0.2 * (6 * 10.0 + 3 * 20.0 / 3.0) + 0.8 * math.sqrt(6 * 100.0 + 3 * (20.0 / 3.0) ** 2)
    assert parts.loc[["homes", "homes of 70 m2"], "p_kw"].sum() == pytest.approx(whole_kw)
    assert parts.loc["homes", "p_kw"] == pytest.approx(whole_kw * 60.0 / 80.0)
    assert parts.loc["heat pumps", "p_kw"] == pytest.approx(3 * 1.7)
    assert parts.loc["direct electric heating", "p_kw"] == pytest.approx(2 * 92.0 * 50.0 / 1e3)


def test_floors_roofs_and_batteries_by_hand() -> None:
    site = Development(HERE, floors=(("school", 1000.0), ("shop", 50.0)), pv_kw=100.0, battery_kw=20.0)
    parts = demand_parts(site, read_assumptions()).set_index("part")
    assert parts["p_kw"].to_dict() == {
        "school, m2": 16.0,
        "shop, m2": 3.0,
        "solar, kW": 0.0,
        "battery, kW": 0.0,
    }
    assert parts["feed_in_kw"].to_dict()["solar, kW"] == 85.0
    market = demand_parts(replace(site, battery_use="market"), read_assumptions()).set_index("part")
    assert market.loc["battery, kW", ["p_kw", "feed_in_kw"]].tolist() == [20.0, 20.0]


def test_an_unknown_use_of_floor_area_is_refused_with_those_known() -> None:
    with pytest.raises(InputError, match=r"take one of: shop, shopping_centre, office"):
        demand_parts(Development(HERE, floors=(("casino", 10.0),)), read_assumptions())


@pytest.mark.parametrize(
    ("points", "held_kw"), [(0, 0.0), (1, 4.2), (5, 4.2 * (1 + 4 * 0.65)), (20, 4.2 * (1 + 19 * 0.45))]
)
def test_managed_charging_by_hand(points: int, held_kw: float) -> None:
    """Section 14a EnWG: 4.2 kW for the first, 0.65 of it for each further of 5, 0.45 from 9 on."""
    site = Development(HERE, ev_points=points, managed_charging=True)
    free = demand_parts(replace(site, managed_charging=False), read_assumptions())["p_kw"].sum()
    assert demand_parts(site, read_assumptions())["p_kw"].sum() == pytest.approx(held_kw)
    assert held_kw <= free


@settings(max_examples=50, deadline=None)
@given(share=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_a_larger_share_is_never_less(share: float, more: float) -> None:
    site = Development(
        HERE, dwellings=7, homes=(HomeGroup(5, 60.0), HomeGroup(9, 130.0)), ev_points=11, demand_kw=3.0
    )
    small, large = site.share(min(share, more)), site.share(max(share, more))
    assert small.home_count <= large.home_count <= site.home_count
    assert small.demand_kw <= large.demand_kw and small.ev_points <= large.ev_points
    assert site.share(1.0) == site and site.share(0.0).home_count == 0


@pytest.mark.parametrize(
    ("text", "homes"),
    [
        ("12x85=heat_pump; 6x120 ;4=direct_electric", (HomeGroup(12, 85.0, "heat_pump"), HomeGroup(6, 120.0),
                                                       HomeGroup(4, None, "direct_electric"))),
        ("", ()),
    ],
)  # fmt: skip
def test_homes_are_read_as_written(text: str, homes: tuple[HomeGroup, ...]) -> None:
    assert parse_homes(text) == homes
    assert parse_homes(write_homes(homes)) == homes


def test_every_word_and_figure_that_is_none_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Development(
            HERE,
            site_id="s1",
            supply="soft",  # type: ignore[arg-type]
            pv_kw=-1.0,
            homes=(HomeGroup(-2),),
            phases=((2027, 0.5),),
        )
    said = [message.split(" must")[0] for message in caught.value.findings["message"]]
    assert said == ["pv_kw", "count of homes 1", "supply", "shares of phases"]


def test_every_part_names_its_source() -> None:
    development = Development(HERE, dwellings=1, heat_pumps=1, ev_points=1, floor_area_m2=1.0, demand_kw=1.0)
    assert demand_parts(development, read_assumptions())["source"].str.len().gt(5).all()


def test_no_development_has_no_parts_but_all_columns() -> None:
    parts = demand_parts(Development(HERE), read_assumptions())
    assert list(parts.columns) == list(PART_COLUMNS)
    assert parts.empty
    assert float(parts["p_kw"].sum()) == 0.0


def test_every_figure_that_is_no_demand_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Development(HERE, site_id="s1", dwellings=-1, floor_area_m2=math.nan, demand_kw=math.inf)
    findings = caught.value.findings
    assert findings["element_id"].tolist() == ["s1"] * 3
    assert [message.split()[0] for message in findings["message"]] == [
        "dwellings",
        "floor_area_m2",
        "demand_kw",
    ]


def test_assumptions_may_name_another_method(tmp_path: Path) -> None:
    shipped = Path(capacity.assumptions.__file__).with_suffix(".toml").read_text()
    own = shipped + '\n[home.coincidence]\nmethod = "din_18015"\nelectric_water_heating = true\n'
    (tmp_path / "own.toml").write_text(own)
    homes = Development(HERE, dwellings=10)
    assert demand_parts(homes, read_assumptions(tmp_path / "own.toml"))["p_kw"].tolist() == [107.0]
    assert demand_parts(homes, read_assumptions())["p_kw"].iloc[0] == pytest.approx(
        20.0 + 8.0 * math.sqrt(10)
    )


def test_a_method_by_energy_is_refused_where_there_is_none() -> None:
    velander = Velander(k1_kw_per_kwh=3e-4, k2_kw_per_root_kwh=0.025, source="an example")
    with pytest.raises(InputError, match="coincidence by energy has nothing to go by"):
        together_kw(3, 10.0, velander)
