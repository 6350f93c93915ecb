"""The queue: order, who triggers works, what a withdrawal frees, who hangs on whom; totals add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import permutations

import numpy as np
import pytest

from capacity.connection import queue
from capacity.connection.n_minus_1 import read_n1_rule
from capacity.connection.outcome import outcome_of
from capacity.connection.queue import QueueStudy, study_queue
from capacity.connection.reinforcement import Reinforcement
from capacity.connection.site_cases import ConnectionConfig
from capacity.costs import Cost
from capacity.demand.development import Development
from tests.capacity.connection.ring_town import at, town_grid
from tests.capacity.connection.toy_capacity import (
    CABLE_EUR,
    WORKS_EUR,
    ToyGrid,
    toy_assess_all,
    toy_connect,
    toy_hang_together,
    toy_site,
)

GRID = ToyGrid({"A": 100.0, "B": 100.0, "C": 1000.0})
DAYS = [date(2026, 1, day) for day in range(1, 20)]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "assess_all", toy_assess_all)
    monkeypatch.setattr(queue, "connect_site", toy_connect)
    monkeypatch.setattr(queue, "hang_together", toy_hang_together)


def _study(sites: Sequence[Development], grid: ToyGrid = GRID) -> QueueStudy:
    return study_queue(grid, sites, None)  # type: ignore[arg-type]  # the toy asks for no config


def _queue(*asked: tuple[str, float, str]) -> list[Development]:
    return [
        toy_site(site_id, kw, status=status, applied_on=day)
        for (site_id, kw, status), day in zip(asked, DAYS, strict=False)
    ]


@pytest.mark.usefixtures("toy")
def test_each_finds_what_those_ahead_leave_and_who_goes_over_triggers_the_works() -> None:
    study = _study(_queue(("A1", 60, "accepted"), ("A2", 60, "quoted"), ("A3", 60, "enquiry")))
    rows = study.applications.set_index("site_id")
    assert rows["verdict"].to_dict() == {"A1": "connect", "A2": "connect_after_works", "A3": "connect"}
    assert study.works["site_id"].to_list() == ["A2"]
    assert rows.loc["A2", "by_the_queue_eur"] == WORKS_EUR
    assert study.total_eur == 3 * CABLE_EUR + WORKS_EUR == rows["cost_eur"].sum()


@pytest.mark.usefixtures("toy")
def test_an_enquiry_holds_nothing_and_who_has_left_is_a_row_with_its_reason() -> None:
    asked = _queue(
        ("A1", 90, "enquiry"), ("A2", 90, "withdrawn"), ("A3", 90, "expired"), ("A4", 90, "quoted")
    )
    study = _study(asked)
    rows = study.applications.set_index("site_id")
    assert rows["state"].to_list() == ["judged", "left_out", "left_out", "judged"]
    assert rows.loc["A4", "verdict"] == "connect"
    assert "withdrawn" in rows.loc["A2", "reason"] and rows["place"].isna().sum() == 2


@pytest.mark.usefixtures("toy")
def test_what_a_withdrawal_frees_adds_up_to_the_difference_of_the_queues() -> None:
    asked = _queue(
        ("A1", 60, "accepted"), ("B1", 90, "accepted"), ("A2", 60, "quoted"), ("A3", 60, "quoted"),
        ("B2", 60, "enquiry"), ("C1", 60, "accepted"),
    )  # fmt: skip
    study = _study(asked)
    for gone, rows in study.withdrawals.groupby("withdrawn_id"):
        without = _study([one for one in asked if one.site_id != gone])
        assert rows["saved_eur"].sum() == pytest.approx(study.total_eur - without.total_eur)
        changed = set(rows["site_id"]) - {gone}
        for site, answer in without.assessments.items():
            assert (outcome_of(answer) != outcome_of(study.assessments[site])) == (site in changed)
    assert set(study.withdrawals["withdrawn_id"]) == {"A1", "B1", "A2", "A3", "C1"}


@pytest.mark.usefixtures("toy")
def test_pairs_are_those_that_share_what_is_not_enough_for_both() -> None:
    asked = _queue(("A1", 60, "quoted"), ("B1", 60, "quoted"), ("A2", 60, "quoted"), ("C1", 60, "quoted"))
    pairs = _study(asked).pairs
    assert pairs[["first_id", "second_id"]].to_numpy().tolist() == [["A1", "A2"]]
    row = pairs.iloc[0]
    assert row["together_eur"] == row["first_alone_eur"] + row["second_behind_eur"]
    assert row["more_eur"] == row["together_eur"] - row["alone_eur"] == WORKS_EUR


@pytest.mark.usefixtures("toy")
def test_a_site_that_only_fits_without_another_is_told_so() -> None:
    grid = replace(GRID, hopeless=frozenset("A"))
    study = _study(_queue(("A1", 60, "accepted"), ("A2", 60, "quoted")), grid)
    assert study.applications["verdict"].to_list() == ["connect", "refuse"]
    assert study.pairs.iloc[0]["text"] == "A2 cannot be connected behind A1"
    assert study.pairs.iloc[0][["connected_alone", "connected_together"]].to_list() == [2, 1]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("seed", range(4))
def test_order_matters_exactly_where_capacity_is_shared(seed: int) -> None:
    lot = np.random.default_rng(seed)
    names = [f"{lot.choice(list('ABC'))}{number}" for number in range(3)]
    kw = {name: float(lot.choice([30.0, 60.0, 90.0])) for name in names}
    seen: dict[str, set[object]] = {name: set() for name in names}
    for order in permutations(names):
        study = _study(_queue(*((name, kw[name], "accepted") for name in order)))
        for name, answer in study.assessments.items():
            seen[name].add(outcome_of(answer))
    for name, outcomes in seen.items():
        wanted = sum(own for other, own in kw.items() if other[0] == name[0])
        alone_fits = kw[name] <= GRID.left_kw[name[0]]
        assert (len(outcomes) > 1) == (alone_fits and wanted > GRID.left_kw[name[0]])


def test_the_screen_finds_who_shares_a_station_and_leaves_out_whose_answer_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A and B share a transformer; F, far off, does not: its answer behind A is its answer alone."""
    monkeypatch.setattr("capacity.connection.ranking.reinforce", _no_works)
    grid, config = town_grid(), ConnectionConfig(n_minus_1=read_n1_rule("none"))
    asked = [
        Development(at(x, -5.0), name, name, demand_kw=kw)
        for name, x, kw in (("A", 1060, 120), ("B", 1065, 110), ("F", 100, 40))
    ]
    alone = queue.assess_all(grid, asked, config)
    assert queue.hang_together(grid, alone).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    behind = queue.assess_all(queue.connect_site(grid, alone[0]), asked[1:], config)
    same = [outcome_of(a) == outcome_of(b) for a, b in zip(alone[1:], behind, strict=True)]
    assert same == [False, True]


def _no_works(*_: object, **__: object) -> Reinforcement:
    return Reinforcement((), Cost(), 0, "none", "no works here")
