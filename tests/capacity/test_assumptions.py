"""Assumptions: shipped figures with sources; a user's file is refused with every fault named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import capacity.assumptions
from capacity.assumptions import read_assumptions
from gis import InputError

SHIPPED = Path(capacity.assumptions.__file__).with_name("assumptions.toml").read_text(encoding="utf-8")


def _faults(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_assumptions(path)
    return dict(caught.value.findings[["element_id", "message"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("block", sorted(tomllib.loads(SHIPPED)))
def test_every_shipped_block_names_its_source(block: str) -> None:
    figures = getattr(read_assumptions(), block)
    for one in figures.values() if isinstance(figures, dict) else [figures]:
        assert len(one.source) > 10


def test_shipped_costs_are_named_and_dated() -> None:
    prices = read_assumptions().cost.prices
    assert (prices.name, prices.currency, prices.price_year) == ("dena 2012", "EUR", 2012)


def test_costs_of_another_table_or_year_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    wanted = 'table = "dena_2012_rural"\nprice_year = 2022\nindex_percent_per_year = 3.0'
    path.write_text(SHIPPED.replace('table = "dena_2012"', wanted), encoding="utf-8")
    prices = read_assumptions(path).cost.prices
    assert prices.name == "dena 2012 rural, +3 %/a to 2022"
    assert prices.cost("lv_cable", 1.0).eur == pytest.approx(60_000.0 * 1.03**10)


def test_a_cost_table_without_cables_is_refused(tmp_path: Path) -> None:
    table, path = tmp_path / "few.csv", tmp_path / "own.toml"
    table.write_text("item,unit,low,mid,high,currency,price_year,source\nswitch,unit,1,1,1,EUR,2024,me\n")
    path.write_text(SHIPPED.replace('table = "dena_2012"', f'table = "{table}"'), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_assumptions(path)
    assert set(caught.value.findings["element_id"]) == {
        "lv_cable", "mv_cable", "mv_lv_transformer", "mv_lv_station"
    }  # fmt: skip


def test_a_users_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(SHIPPED.replace("admd_kw = 2.0", "admd_kw = 4.5"), encoding="utf-8")
    assert read_assumptions(path).home.admd_kw == 4.5


def test_all_faults_of_a_users_file_come_in_one_report(tmp_path: Path) -> None:
    text = SHIPPED.replace("admd_kw = 2.0", "admd_kw = -2.0").replace(
        "detour_factor = 1.3", "detour_factor = 0.5"
    )
    text = text.replace("max_lv_m", "max_low_m")
    assert set(_faults(tmp_path, text)) == {
        "home.admd_kw", "route.detour_factor", "route.max_lv_m", "route.max_low_m"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ('table = "dena_2012"', 'table = ""', "cost.table", "at least 1 character"),
        ('table = "dena_2012"', 'table = "dena_2013"', "dena_2013", "shipped cost tables: dena_2012"),
        ("max_mv_m = 3000.0", "max_mv_m = inf", "route.max_mv_m", "finite"),
        ("admd_kw = 2.0", "admd_kw = nan", "home.admd_kw", "finite"),
        ("months = 2", "months = -2", "stages.stage.0.months", "greater than or equal"),
        ("cos_phi = 0.95", "cos_phi = 1.5", "power_factor.cos_phi", "less than or equal"),
        ("[floor_area]", "[floor_space]", "floor_area", "required"),
        ("[home]", "[home", "", "not readable as TOML"),
    ],
)
def test_figures_that_make_no_sense_are_refused(
    tmp_path: Path, old: str, new: str, place: str, said: str
) -> None:
    assert old in SHIPPED
    assert said in _faults(tmp_path, SHIPPED.replace(old, new, 1))[place]


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_assumptions(tmp_path / "none.toml")
