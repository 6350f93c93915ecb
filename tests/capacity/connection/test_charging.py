"""Charging rules: shares by hand, every shipped rule, and users' files."""

from __future__ import annotations

from pathlib import Path

import pytest

from capacity.connection.charging import customer_share, read_charging, rule_names
from capacity.connection.option import Use, WorkLine
from capacity.costs import Cost
from gis import InputError


def line(use: Use, item: str = "lv_cable") -> WorkLine:
    return WorkLine(item, "lay", 1.0, "km", use, Cost(), 3)


@pytest.mark.parametrize("name", rule_names())
def test_every_shipped_rule_charges_what_is_built_for_the_site_alone(name: str) -> None:
    rule = read_charging(name)
    assert len(rule.source) > 40
    assert customer_share(rule, line("sole_use"), demand_kw=100.0, used_share=0.2) == 1.0


@pytest.mark.parametrize(
    ("name", "share"), [("shallow", 0.0), ("shallowish", 0.2), ("baukostenzuschuss", 0.35), ("deep", 1.0)]
)
def test_shared_works_are_charged_by_the_rule(name: str, share: float) -> None:
    # a site of 100 kW that takes a fifth of the new capacity; 30 kW are free: 50 % of 70/100
    rule = read_charging(name)
    assert customer_share(rule, line("shared"), demand_kw=100.0, used_share=0.2) == pytest.approx(share)


def test_demand_below_what_is_free_pays_nothing_to_the_grid() -> None:
    rule = read_charging("baukostenzuschuss")
    assert [customer_share(rule, line("shared"), demand_kw=kw) for kw in (0.0, 20.0, 30.0)] == [0.0, 0.0, 0.0]


def test_an_entry_for_an_item_goes_before_one_for_all(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\nsource = "me"\n[[charged]]\nuse = "shared"\nshare = 0.25\n'
        '[[charged]]\nuse = "shared"\nshare = 0.75\nitems = ["mv_cable"]\n'
    )
    rule = read_charging(path)
    assert [customer_share(rule, line("shared", item)) for item in ("lv_cable", "mv_cable")] == [0.25, 0.75]
    assert customer_share(rule, line("sole_use")) == 0.0  # not named, charged to nobody


def test_an_unknown_rule_is_refused_with_those_that_ship() -> None:
    with pytest.raises(InputError, match="baukostenzuschuss, deep, shallow, shallowish"):
        read_charging("none")


def test_a_share_over_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\nsource = "me"\n[[charged]]\nuse = "shared"\nshare = 1.5\n')
    with pytest.raises(InputError, match="less than or equal to 1"):
        read_charging(path)
