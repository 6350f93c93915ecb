"""Demand of a development: Rusck by hand, parts that add up, nothing that is no number."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import capacity.assumptions
from capacity.assumptions import read_assumptions
from capacity.demand.coincidence import Velander
from capacity.demand.development import PART_COLUMNS, Development, coincident_kw, demand_parts, together_kw
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
