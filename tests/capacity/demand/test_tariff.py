"""A peak/valley tariff: by hand over a day, and by what must hold of any: energy, sign, and who is moved."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.demand.tariff import REPORT_COLUMNS, Shift, Tariff, apply_tariff, read_tariff
from gis import InputError
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import demand_profiles


def _shift(**figures: object) -> Shift:
    usual = {"shiftable_share": 0.5, "response": "automatic", "earlier_h": 0, "later_h": 12, "spread_h": 3}
    return Shift(**{**usual, "rebound_share": 0.0, "source": "test", **figures})  # type: ignore[arg-type]


def _tariff(groups: dict[str, Shift], **figures: object) -> Tariff:
    return read_tariff().model_copy(update={"groups": groups, **figures})


def _day(values: list[float] | np.ndarray, start: str = "2025-06-10 12:00", zone: str = "UTC") -> ProfileSet:
    time = pd.date_range(pd.Timestamp(start, tz=zone).tz_convert("UTC"), periods=len(values), freq="h")
    factors = pd.DataFrame({"ev": values, "cooking": values}, time)
    return ProfileSet(factors, {"ev": "ev", "cooking": "cooking"}, {"pv": "cooking"}, time_zone=zone)


def test_an_evening_by_hand() -> None:
    """From noon: 1.0 at 18 h, 0.6 at 19 h, half of both is moved, 10 % comes back on top.

    0.5 + 0.3 land evenly at 22, 23 and 0 h: 0.8 x 1.1 / 3 each.
    """
    values = np.zeros(24)
    values[[6, 7]] = 1.0, 0.6
    effect = apply_tariff(_day(values), _tariff({"ev": _shift(rebound_share=0.1)}))
    expected = np.zeros(24)
    expected[[6, 7]] = 0.5, 0.3
    expected[[10, 11, 12]] = 0.88 / 3
    assert effect.profiles.factors["ev"].to_numpy() == pytest.approx(expected, abs=1e-12)
    row = effect.report.set_index("group").loc["ev"]
    assert row["before_h"] == pytest.approx(1.6) and row["after_h"] == pytest.approx(1.68)
    assert row["moved_h"] == pytest.approx(0.8) and row["rebound_h"] == pytest.approx(0.08)
    assert row["status"] == "moved"


def test_load_without_a_valley_hour_in_reach_stays_where_it_is() -> None:
    """6 hours on from 14 h is 20 h: no valley yet. From 17 h it is 23 h: 22 and 23 h are in reach."""
    values = np.zeros(24)
    values[[2, 5]] = 1.0
    effect = apply_tariff(_day(values), _tariff({"ev": _shift(later_h=6)}))
    after = effect.profiles.factors["ev"].to_numpy()
    assert after[2] == 1.0 and after[5] == 0.5 and after[[10, 11]] == pytest.approx([0.25, 0.25])
    row = effect.report.set_index("group").loc["ev"]
    assert row["out_of_reach_h"] == pytest.approx(0.5)


def test_load_is_not_moved_into_another_day() -> None:
    """10 h belongs to the day that began at noon before: its valley is over, the next is not its own."""
    values = np.zeros(48)
    values[22] = 1.0  # 10 h
    after = apply_tariff(_day(values), _tariff({"ev": _shift(later_h=23)})).profiles.factors["ev"]
    assert after.to_numpy() == pytest.approx(values)
    back = apply_tariff(_day(values), _tariff({"ev": _shift(earlier_h=6, spread_h=2)})).profiles.factors["ev"]
    assert back.to_numpy()[[16, 17, 22]] == pytest.approx([0.25, 0.25, 0.5])  # 4 and 5 h of the same morning


def test_the_rebound_peak_is_kept() -> None:
    """All of an evening in one hour is a new peak, 5 times the old one."""
    values = np.zeros(24)
    values[4:10] = 1.0
    effect = apply_tariff(_day(values), _tariff({"ev": _shift(shiftable_share=1.0, spread_h=1)}))
    assert effect.profiles.factors["ev"].max() == pytest.approx(6.0)
    row = effect.report.set_index("group").loc["ev"]
    assert (row["peak_before"], row["peak_after"]) == (1.0, pytest.approx(6.0))
    assert row["peak_time"] == pd.Timestamp("2025-06-10T22:00Z")


def test_valley_hours_are_of_the_local_clock_on_the_days_it_changes() -> None:
    """The night of 29 to 30 March 2025 has no 2 h: 22, 23, 0, 1, 3, 4 and 5 h are 21Z to 03Z."""
    values = np.zeros(24)
    values[6] = 1.0  # 18 h local, 17Z
    profiles = _day(values, "2025-03-29 12:00", "Europe/Berlin")
    after = apply_tariff(profiles, _tariff({"ev": _shift(spread_h=8)})).profiles.factors["ev"]
    landed = after[after.index >= pd.Timestamp("2025-03-29T18:00Z")]
    assert landed[landed > 0].index.strftime("%dT%H").tolist() == [
        "29T21", "29T22", "29T23", "30T00", "30T01", "30T02", "30T03",
    ]  # fmt: skip
    assert landed.sum() == pytest.approx(0.5)


def test_a_price_moves_habits_after_arcturus_and_nothing_where_valley_is_not_cheaper() -> None:
    """0.011 + 0.065 ln 4 = 10.1 % of peak load; half of the customers: 5.05 %."""
    habit = _tariff({"ev": _shift(response="by_habit")}, price_ratio=4.0)
    assert habit.moved_share("ev") == pytest.approx(0.1011091)
    assert habit.model_copy(update={"participation_share": 0.5}).moved_share("ev") == pytest.approx(0.0505546)
    assert _tariff({"ev": _shift(response="by_habit", shiftable_share=0.05)}).moved_share("ev") == 0.05
    assert habit.model_copy(update={"price_ratio": 1.0}).moved_share("ev") == 0.0
    ratios = [habit.model_copy(update={"price_ratio": ratio}).moved_share("ev") for ratio in (1.5, 2, 3, 9)]
    assert ratios == sorted(ratios)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1), share=st.floats(0.0, 1.0), rebound=st.floats(0.0, 1.0),
    earlier=st.integers(0, 23), later=st.integers(0, 23), spread=st.integers(1, 24),
    valley=st.sets(st.integers(0, 23), min_size=1), day_from=st.integers(0, 23),
)  # fmt: skip
def test_energy_is_kept_nothing_is_negative_and_only_the_group_moves(
    seed: int, share: float, rebound: float, earlier: int, later: int, spread: int, valley: set[int],
    day_from: int,
) -> None:  # fmt: skip
    values = np.random.default_rng(seed).uniform(0.0, 1.0, 100)
    shift = _shift(
        shiftable_share=share, rebound_share=rebound, earlier_h=earlier, later_h=later, spread_h=spread
    )
    tariff = _tariff({"ev": shift}, valley_hours=tuple(sorted(valley)), day_from_hour=day_from)
    profiles = _day(values, zone="Europe/Berlin")
    effect = apply_tariff(profiles, tariff)
    after = effect.profiles.factors
    row = effect.report.set_index("group").loc["ev"]
    assert after["ev"].sum() == pytest.approx(values.sum() + rebound * row["moved_h"], rel=1e-9)
    assert after["ev"].min() >= -1e-12
    assert after["cooking"].equals(profiles.factors["cooking"])
    peak = ~np.isin(profiles.local_time.hour, list(valley))
    gone = values[peak] - after["ev"].to_numpy()[peak]
    assert (gone >= -1e-12).all() and (gone <= share * values[peak] + 1e-12).all()
    assert (after["ev"].to_numpy()[~peak] >= values[~peak] - 1e-12).all()
    assert row["moved_h"] + row["out_of_reach_h"] == pytest.approx(share * values[peak].sum(), abs=1e-9)


def test_a_column_that_others_follow_stays_theirs() -> None:
    profiles = _day(np.linspace(0.0, 1.0, 24))
    effect = apply_tariff(profiles, _tariff({"cooking": _shift()}))
    shifted = effect.profiles
    assert shifted.factors["cooking"].equals(profiles.factors["cooking"])
    assert shifted.of_kind["pv"] == "cooking" and shifted.of_class["cooking"] != "cooking"
    assert shifted.factors[shifted.of_class["cooking"]].sum() == pytest.approx(12.0)


def test_a_battery_that_feeds_is_not_moved_and_quarters_are_quarters() -> None:
    values = np.concatenate([np.full(24, -0.5), np.full(24, 0.8), np.zeros(48)])
    time = pd.date_range("2025-06-10T12:00Z", periods=96, freq="15min")
    profiles = ProfileSet(pd.DataFrame({"ev": values}, time), {"ev": "ev"})
    effect = apply_tariff(profiles, _tariff({"ev": _shift(spread_h=2)}))
    after = effect.profiles.factors["ev"].to_numpy()
    assert (after[:24] == -0.5).all()
    moved = 0.5 * 0.8 * 16
    assert after[40:48] == pytest.approx(0.8 + moved / 8)  # the two hours from 22 h
    assert (after[48:] == 0).all()
    assert effect.report["moved_h"].sum() == pytest.approx(0.5 * 0.8 * 16 * 0.25)  # 18 h to 22 h


def test_gaps_between_weeks_are_not_bridged() -> None:
    values = np.zeros(24)
    values[9] = 1.0  # 21 h, the last hour before the gap
    profiles = _day(values)
    late = profiles.factors.set_axis(
        profiles.time[:10].append(profiles.time[10:] + pd.Timedelta(days=7)), axis=0
    )
    after = apply_tariff(dataclasses.replace(profiles, factors=late), _tariff({"ev": _shift()}))
    assert after.profiles.factors["ev"].to_numpy() == pytest.approx(values)


def test_the_shipped_tariff_over_a_year() -> None:
    profiles = demand_profiles(2028)
    effect = apply_tariff(profiles, read_tariff())
    report = effect.report.set_index("group")
    assert list(effect.report.columns) == list(REPORT_COLUMNS) and set(report.index) == set(profiles.of_class)
    assert {"ev", "water_heating", "heat_pump", "residential"} <= set(
        report.index[report["status"] == "moved"]
    )
    assert report.loc["ev", "peak_after"] > 1.5
    assert report.loc["storage_heating", "status"] == "unmoved"
    assert report.loc["public", "status"] == "not_in_tariff"
    assert (report["reason"] == "")[report["status"] == "moved"].all()
    assert (report["reason"] != "")[report["status"] != "moved"].all()
    assert profiles.factors.equals(demand_profiles(2028).factors)  # the input is as it was


def test_a_tariff_that_makes_no_sense_is_refused_with_every_fault(tmp_path: Path) -> None:
    text = Path("capacity/demand/tariff.toml").read_text(encoding="utf-8")
    path = tmp_path / "tariff.toml"
    wrong = text.replace("shiftable_share = 0.8", "shiftable_share = 1.8").replace("= 2.0", "= -2.0")
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_tariff(path)
    assert {"groups.ev.shiftable_share", "price_ratio"} <= set(caught.value.findings["element_id"])
    path.write_text(text.replace("[22, 23, 0", "[22, 22, 0"), encoding="utf-8")
    with pytest.raises(InputError, match="each once"):
        read_tariff(path)
