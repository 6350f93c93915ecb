"""An application is read back as it was written, to the last digit, and said anew in cells."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from capacity.demand.development import Development, HomeGroup
from capacity.store import Application, Store
from capacity.store.application import development_of, plain_development
from capacity.store.cells import with_cells
from capacity.store.register import _NO_IDS
from capacity.store.rows import canonical
from gis import InputError
from tests.capacity.store.conftest import METRIC, full, plain


def test_the_full_one_says_something_in_every_field() -> None:
    nothing = Development(full().place)
    same = [
        one.name for one in fields(Development) if getattr(full(), one.name) == getattr(nothing, one.name)
    ]
    assert same == ["place", "site_id"]
    assert nothing.site_id in _NO_IDS


def test_every_field_comes_back_as_it_was(store: Store) -> None:
    added = store.add(full("K1"), METRIC, applicant="Bau GmbH", note="'; DROP TABLE applications; --")
    assert store.application("K1") == added
    assert added.development == full("K1")
    assert (added.revision, added.made_by, added.changed_by) == (1, "anna", "anna")


@settings(max_examples=8, deadline=None)
@given(
    st.floats(-1e7, 1e7), st.floats(-1e7, 1e7), st.floats(0.0, 1e9), st.text(max_size=20),
    st.lists(st.tuples(st.integers(0, 99), st.floats(1.0, 500.0)), max_size=3),
)  # fmt: skip
def test_any_development_survives_its_json(
    x: float, y: float, kw: float, name: str, homes: list[tuple[int, float]]
) -> None:
    groups = tuple(HomeGroup(count, area) for count, area in homes)
    asked = Development(shapely.Point(x, y), name=name, demand_kw=kw, homes=groups)
    text = canonical(plain_development(asked))
    assert development_of(plain_development(asked)) == asked
    assert canonical(plain_development(development_of(plain_development(asked)))) == text


def test_a_field_that_came_later_has_its_default() -> None:
    kept = plain_development(full())
    del kept["battery_use"]
    assert development_of(kept) == replace(full(), battery_use="self_consumption")


def test_the_place_is_given_in_the_system_of_a_network() -> None:
    application = Application(plain(), METRIC)
    assert application.development_in(METRIC) is application.development
    place = application.development_in(CRS("EPSG:4326")).place
    assert (place.x, place.y) == pytest.approx((7.875, 48.440), abs=0.01)


def test_cells_are_read_like_those_of_a_file() -> None:
    said = {"dwellings": "12", "homes": "12x85=heat_pump", "phases": "2027=0.4; 2030=0.6",
            "managed_charging": "true", "applied_on": "2026-05-01", "note": "two", "pv_kw": ""}  # fmt: skip
    told = with_cells(Application(full("K1"), METRIC), said)
    assert told.note == "two"
    assert told.development == replace(
        full("K1"), dwellings=12, homes=(HomeGroup(12, 85.0, "heat_pump"),), pv_kw=0.0,
        applied_on=date(2026, 5, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ({"dwelings": "1", "status": "accepted", "site_id": "x"}, ["dwelings", "status", "site_id"]),
        ({"dwellings": "many"}, ["dwellings"]),
        ({"supply": "maybe"}, ["supply"]),
        ({"pv_kw": "-3"}, ["pv_kw"]),
    ],
)
def test_a_cell_that_says_nothing_sensible_is_named(cells: dict[str, str], named: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        with_cells(Application(plain("K1"), METRIC), cells)
    assert all(name in str(refused.value) for name in ["K1", *named])
