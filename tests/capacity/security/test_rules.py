"""Rules of security as data: classes, what they ask for, and how groups are judged."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from capacity.security.groups import GROUP_COLUMNS
from capacity.security.rules import judge_groups, read_rule, rule_names
from gis import InputError


def group(demand_kw: float, met: dict[float, float], vn_kv: float = 20.0) -> pd.DataFrame:
    rows = [
        ("feeder", "F", "F", vn_kv, 10, demand_kw, "lines", "L", minute, kw, "a reason")
        for minute, kw in met.items()
    ]
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


# Group demand [kW], class and what P2/8 asks for after a first outage: minutes (inf: by repair) and kW.
P2_8 = [
    (1_000.0, "A", {float("inf"): 1_000.0}),
    (1_001.0, "B", {180.0: 1.0, float("inf"): 1_001.0}),
    (12_000.0, "B", {180.0: 11_000.0, float("inf"): 12_000.0}),
    (30_000.0, "C", {15.0: 18_000.0, 180.0: 30_000.0}),
    (60_000.0, "C", {15.0: 40_000.0, 180.0: 60_000.0}),
    (200_000.0, "D", {1.0: 180_000.0, 180.0: 200_000.0}),
    (400_000.0, "E", {1.0: 400_000.0}),
]


@pytest.mark.parametrize(("demand_kw", "name", "asked"), P2_8)
def test_classes_and_demands_of_p2_8(demand_kw: float, name: str, asked: dict[float, float]) -> None:
    found = read_rule("p2_8").class_of(demand_kw, 33.0)
    assert found is not None and found.name == name
    first = [one for one in found.requirement if one.after == "first"]
    told = {one.minutes: one.required_kw(demand_kw) for one in first}
    assert told == pytest.approx(asked, rel=1e-6)


def test_second_outages_of_class_d_are_told_as_not_studied() -> None:
    judged = judge_groups(group(200_000.0, {0.0: 200_000.0}), read_rule("p2_8"))
    assert judged["status"].tolist() == ["met", "met", "not_studied"]
    assert judged["required_kw"].iloc[2] == pytest.approx(66_666.67, abs=1.0)
    small = judge_groups(group(90_000.0, {0.0: 90_000.0}), read_rule("p2_8"))
    assert small["status"].tolist() == ["met"] * 3  # up to 100 MW nothing is asked for


def test_what_comes_too_late_is_short_by_what_is_missing() -> None:
    late = judge_groups(group(5_000.0, {0.0: 0.0, 200.0: 5_000.0}), read_rule("p2_8"))
    assert late["status"].tolist() == ["short", "met"]
    assert late["short_kw"].tolist() == pytest.approx([4_000.0, 0.0])
    assert late["outage_id"].iloc[0] == "L" and late["reason"].iloc[0] == "a reason"
    in_time = judge_groups(group(5_000.0, {0.0: 0.0, 180.0: 4_000.0}), read_rule("p2_8"))
    assert in_time["status"].tolist() == ["met", "met"]


def test_the_outage_that_meets_least_counts() -> None:
    other = group(5_000.0, {0.0: 0.0, 60.0: 3_000.0}).assign(outage_id="M")
    both = pd.concat([group(5_000.0, {0.0: 0.0, 60.0: 5_000.0}), other], ignore_index=True)
    judged = judge_groups(both, read_rule("n-1"))
    assert judged["outage_id"].tolist() == ["M"] and judged["short_kw"].tolist() == [2_000.0]


def test_german_practice_goes_by_voltage_and_what_has_no_class_is_told() -> None:
    rule = read_rule("german_practice")
    low = judge_groups(group(300.0, {0.0: 0.0}, vn_kv=0.4), rule)
    assert (low["class"].iloc[0], low["status"].iloc[0]) == ("low voltage", "met")
    assert judge_groups(group(300.0, {0.0: 0.0}), rule)["status"].iloc[0] == "short"
    above = judge_groups(group(2e9, {0.0: 0.0}), read_rule("p2_8"))
    assert above["status"].tolist() == ["not_judged"]


def test_every_rule_that_ships_names_its_sources() -> None:
    assert {"p2_8", "n-1", "german_practice"} <= set(rule_names())
    for name in rule_names():
        rule = read_rule(name)
        assert rule.source and all(one.source for one in rule.classes)


def test_a_bad_rule_names_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nsource = "me"\n[[class]]\nname = "a"\nabove_kw = 5.0\nup_to_kw = 1.0\nsource = "me"\n'
        '[[class]]\nname = "b"\nsource = "me"\n[[class.requirement]]\nafter = "first"\nwithin = 60.0\n'
    )
    with pytest.raises(InputError) as told:
        read_rule(path)
    assert "above_kw must be below up_to_kw" in str(told.value) and "give share" in str(told.value)
    with pytest.raises(InputError, match="shipped rules: german_practice, n-1, p2_8"):
        read_rule("none")
