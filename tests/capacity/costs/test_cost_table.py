"""What an amount costs: by hand, by type, per year; what is not priced is told."""

from __future__ import annotations

import pytest

from capacity.costs import read_costs, total_cost

DENA, NREL = read_costs("dena_2012"), read_costs("nrel_disco_v2")


def test_cost_is_amount_times_price_with_its_yearly_share() -> None:
    """350 m at 60-100 kEUR/km, half a percent a year."""
    cost = DENA.cost("lv_cable", 0.35)
    assert (cost.low_eur, cost.eur, cost.high_eur) == pytest.approx((21_000.0, 28_000.0, 35_000.0))
    assert (cost.yearly_low_eur, cost.yearly_eur, cost.yearly_high_eur) == pytest.approx(
        (105.0, 140.0, 175.0)
    )
    assert cost.items == (("lv_cable", 0.35, "km"),)


def test_what_is_paid_by_the_year_has_no_capital() -> None:
    cost = DENA.cost("flexibility_kw_year", 10.0)
    assert (cost.eur, cost.yearly_low_eur, cost.yearly_eur, cost.yearly_high_eur) == (
        0.0,
        160.0,
        220.0,
        280.0,
    )


def test_a_type_with_a_price_of_its_own_has_it_and_others_the_general_one() -> None:
    """NREL's 500 and 1000 kVA cost 20,600 and 28,900 USD: 800 kVA is 25,580 on the straight line."""
    assert NREL.cost("mv_lv_transformer", 2.0, "800 kVA 20/0.4 kV EU tier 1").eur == 2 * 25_580.0
    assert NREL.cost("mv_lv_transformer", 1.0, "of nobody").eur == NREL.cost("mv_lv_transformer", 1.0).eur


def test_what_is_not_priced_is_told() -> None:
    assert NREL.has("voltage_regulator", "mv") and not NREL.has("voltage_regulator", "lv")
    assert DENA.lacks(["lv_cable", "windmill", "windmill"]) == ("windmill",)
    for ask in (DENA.months, DENA.life_years):
        with pytest.raises(KeyError, match="no price of windmill"):
            ask("windmill")
    with pytest.raises(KeyError, match="dena 2012 has no price of windmill"):
        DENA.cost("windmill", 1.0)


def test_trench_is_the_cable_laid_less_the_cable_so_that_two_in_one_trench_dig_once() -> None:
    """60 to 100 less 9 kEUR/km, mean 80: 71 EUR/m. Two cables over 100 m: 2 x 900 + 7,100 EUR."""
    assert DENA.trench_per_m("lv_cable") == pytest.approx(71.0)
    both = total_cost([DENA.cost("lv_cable", 0.1), DENA.cost("lv_cable_only", 0.1)])
    assert both.eur == pytest.approx(2 * 900.0 + 7100.0)


def test_cables_along_a_way_pay_its_surfaces_and_share_its_trench() -> None:
    """200 m of cable and trench worth 150 m of an ordinary one: 200 x 20 + 150 x 90 EUR of medium voltage.

    A second cable in it is another 200 x 20.
    """
    assert DENA.cable_cost("mv_cable", 200.0, 150.0).eur == pytest.approx(4000.0 + 13_500.0)
    assert DENA.cable_cost("mv_cable", 200.0, 150.0, count=2).eur == pytest.approx(8000.0 + 13_500.0)
    plain = DENA.cable_cost("mv_cable", 200.0)
    assert (plain.low_eur, plain.eur, plain.high_eur) == pytest.approx((16_000.0, 22_000.0, 28_000.0))
    assert plain.items == DENA.cost("mv_cable", 0.2).items


def test_larger_types_are_dearer_than_the_standard_ones() -> None:
    """dena's figures are of 150 and 185 mm2 and 630 kVA: (240/150)^0.7 x 9 = 12.5 kEUR/km, 3.5 more."""
    assert DENA.cost("lv_cable", 1.0, "NAYY 4x240 SE").low_eur == 63_500.0
    assert DENA.cost("mv_lv_transformer", 1.0, "1000 kVA 20/0.4 kV EU tier 1").eur == 13_800.0
    assert DENA.cost("mv_lv_transformer", 1.0, "400 kVA 20/0.4 kV EU tier 1").eur == 10_000.0
