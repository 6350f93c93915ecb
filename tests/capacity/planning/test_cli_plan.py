"""`feederplan plan`: what it prints and writes, its exit codes and its refusals; two plans compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.capacity.conftest import Run

pytestmark = pytest.mark.usefixtures("by_hand")


def test_a_weak_town_gets_a_plan_that_is_written_and_proved(
    run: Run, weak_town: Path, tmp_path: Path
) -> None:
    plan, state = tmp_path / "plan.json", tmp_path / "state.json"
    words = ["plan", weak_town, "--measure", "second", "--json", "--verify", "--out", plan]
    code, said, told = run(*words, "--progress", state, "--checkpoint", tmp_path / "kept.json")
    found = json.loads(said)
    assert code == 0
    assert (found["status"], found["violations_before"], found["violations_after"]) == ("resolved", 2, 0)
    assert found["cost_eur"] == pytest.approx(sum(step["cost_eur"] for step in found["steps"]))
    assert found["unresolved"] == []
    assert [row["agrees"] for row in found["verified"]] == [True]
    assert {"seconds", "bound_eur", "present_value_eur", "cost_table", "currency", "cases"} <= set(found)
    assert plan.is_file()
    assert json.loads(state.read_text())["violations"] == 0
    assert "re-run" not in said
    assert "selecting among" in told


def test_what_no_measure_cures_ends_with_1_and_a_reason(run: Run, weak_town: Path) -> None:
    code, said, _ = run("plan", weak_town, "--measure", "larger", "--time-limit-s", "0.1")
    assert code == 1
    assert "unresolved line_overload L1" in said
    assert "the time limit of 0.1 s was reached" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--measure", "prayer"], "no measure prayer"),
        (["--method", "luck"], "must be milp or greedy"),
        (["--years", "2030"], "belongs to a demand scenario"),
        (["--resume"], "name the file with --checkpoint"),
        (["--scenario", "base", "--scenario", "base"], "name each once: base"),
        (["--scenario", "today", "--scenario", "electrification"], "of one demand scenario"),
        (["--scenario", "nowhere"], "no such scenario"),
        (["--costs", "nowhere"], "no such cost table"),
        (["--budget-eur-per-year", "nan"], "greater than or equal to"),
        (["--out", "plan.pdf"], "name it"),
    ],
)
def test_bad_input_is_refused_before_anything_is_solved(
    run: Run, town: Path, words: list[str], said: str
) -> None:
    code, out, told = run("plan", town, *words)
    assert code == 2
    assert said in " ".join((out + told).replace("│", " ").split())
    assert "solving" not in told


def test_two_plans_of_a_town_are_compared(run: Run, weak_town: Path, tmp_path: Path) -> None:
    plans = [tmp_path / f"{kind}.gpkg" for kind in ("second", "larger")]
    for path in plans:
        assert run("plan", weak_town, "--measure", path.stem, "--out", path)[0] in (0, 1)
    code, said, _ = run("compare", *plans, "--network", weak_town, "--json")
    found = json.loads(said)
    totals = {row["what"]: row for row in found["plan_totals"]}
    levels = found["plan_levels"]
    for side in "ab":
        of_levels = sum(row[f"cost_{side}_eur"] for row in levels)
        assert of_levels == pytest.approx(totals["capital"][f"value_{side}"], abs=0.01)
    assert code == int(any(row["worse"] == "b" for row in found["plan_totals"]))
    assert {row["within"] for row in found["plan_differences"]} == {"only A", "only B"}
    assert run("compare", *plans)[0] == 2  # the network is not named
