"""Lead times by hand: groups of stages follow each other, the longest of a group and of the works counts."""

from __future__ import annotations

from capacity.assumptions import Stage, Stages, read_assumptions
from capacity.connection.lead_times import programme, total_months
from capacity.connection.option import WorkLine
from capacity.costs import Cost


def line(item: str, months: int) -> WorkLine:
    return WorkLine(item, f"build {item}", 1.0, "unit", "sole_use", Cost(), months)


STAGES = Stages(
    source="test",
    stage=(
        Stage(name="offer", group="offer", months=2, source="test"),
        Stage(name="road", group="permits", months=1, items=("lv_cable", "mv_cable"), source="test"),
        Stage(name="way-leave", group="permits", months=4, items=("mv_cable",), source="test"),
    ),
)


def test_stages_of_a_group_run_side_by_side_and_the_works_after_them() -> None:
    cable, station = line("mv_cable", 9), line("mv_lv_station", 12)
    table = programme([cable, station], STAGES)
    assert table[["name", "start_month", "end_month"]].to_numpy().tolist() == [
        ["offer", 0, 2], ["road", 2, 3], ["way-leave", 2, 6], ["build mv_lv_station", 6, 18],
    ]  # fmt: skip
    assert total_months([cable, station], STAGES) == 18


def test_a_stage_counts_where_the_bill_has_its_item() -> None:
    assert total_months([line("lv_cable", 3)], STAGES) == 2 + 1 + 3


def test_nothing_built_takes_the_stages_that_always_count() -> None:
    assert total_months([], STAGES) == 2


def test_further_works_never_make_it_shorter() -> None:
    stages = read_assumptions().stages
    bill = [line("lv_cable", 3), line("mv_lv_station", 12), line("mv_cable", 9), line("switch", 6)]
    months = [total_months(bill[:count], stages) for count in range(len(bill) + 1)]
    assert months == sorted(months)
    assert all(stage.source for stage in stages.stage)
