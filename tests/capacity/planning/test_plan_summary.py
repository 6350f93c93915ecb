"""What is told of a plan on one page, and of two plans beside each other."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from capacity.planning.plan_benefit import Benefit
from capacity.planning.plan_differences import differing_assets, differing_steps, figures_beside
from capacity.planning.plan_page import summary_html, summary_markdown, summary_pdf
from capacity.planning.plan_report import PlanReport
from capacity.planning.plan_sketch import plan_sketch
from capacity.planning.plan_summary import plan_figures, plan_sentence, plan_summary, unresolved_in_words
from tests.capacity.planning.plans import EVIL, cheaper_plan, small_plan

BENEFIT = Benefit("cold", 44.0, 0.0, 7, 0)


def _report(*, resolved: bool = False) -> PlanReport:
    loading = pd.DataFrame(
        {
            "table": ["lines", "lines", "buses"], "element_id": ["N", "L", "E"],
            "year": pd.array([2030] * 3, "Int64"), "used_before_percent": [130.0, 90.0, 140.0],
            "used_after_percent": [80.0, 60.0, np.nan],
        }
    )  # fmt: skip
    return PlanReport(small_plan(resolved=resolved), None, loading, BENEFIT, {"limits": "EN 50160"})


def test_the_answer_is_one_sentence() -> None:
    assert plan_sentence(_report(resolved=True)) == (
        "220 m of low-voltage line and 1 setting for 17.6 kEUR (13.2-22.0) by 2030: that ends all that was "
        "broken (1 overload and 1 voltage out of band); proved by 2 load flows."
    )
    assert "from 8 to 1" in plan_sentence(_report())
    stopped = _report()
    stopped = replace(stopped, plan=replace(stopped.plan, status="cancelled"))
    assert plan_sentence(stopped).startswith("Stopped before the end, the best plan so far: 220 m")


def test_a_plan_without_steps_says_so() -> None:
    report = _report(resolved=True)
    empty = replace(report.plan, taken=(), steps=report.plan.steps.iloc[:0])
    told = plan_sentence(replace(report, plan=empty))
    assert told == "Nothing has to be done: every limit holds; proved by 2 load flows."
    stopped = replace(
        empty, status="cancelled", cases=_report().plan.cases, unresolved=_report().plan.unresolved
    )
    assert plan_sentence(replace(report, plan=stopped)).startswith("Stopped before any measure was taken: 1")


def test_figures_by_hand() -> None:
    figures = plan_figures(_report())
    assert figures["Unlocked"] == "44 kW"
    assert figures["Unlocked per kEUR"] == "2.5 kW"  # 44 / 17.6
    assert figures["Customers"] == "7 helped"
    assert figures["Limits broken"] == "8 → 1"
    assert figures["Above the bound of the program"] == "at most 5.3 %"  # 900 of 16,900


def test_what_stays_broken_is_told_once_per_place_with_its_reason() -> None:
    plan = small_plan()
    twice = replace(plan, unresolved=pd.concat([plan.unresolved] * 2, ignore_index=True))
    assert unresolved_in_words(twice) == (
        "L: line overload 104 %, limit 100 (cold, 2030): no measure of the kinds allowed helps",
    )


def test_names_are_data_on_every_page() -> None:
    summary = plan_summary(_report())
    html, markdown = summary_html(summary), summary_markdown(summary)
    assert "<img" not in html and "&lt;img" in html and "http-equiv" not in html
    assert "src=" not in html.replace("&lt;img src=x", "")
    assert "<img" not in markdown.replace(r"\<img", "")
    assert EVIL not in markdown
    assert "Indicative" in html and summary.note in html


def test_sketch_shows_before_and_after_and_no_names() -> None:
    sketch = ElementTree.fromstring(plan_sketch(_report()))
    before, after = (list(panel.iter()) for panel in sketch)
    over = [[part.get("stroke") for part in panel].count("#a50026") for panel in (before, after)]
    assert over == [1, 0]  # N is over its limit before
    assert [part.get("stroke") for part in after].count("#008837") == 1
    assert not any(part.text for part in (*before, *after))


@pytest.mark.parametrize("steps", [3, 400])
def test_pdf_is_one_page_and_the_same_each_time(steps: int) -> None:
    summary = plan_summary(_report())
    summary = replace(summary, unresolved=(f"L: broken, {EVIL}",) * (steps // 8))
    pdf = summary_pdf(summary)
    assert pdf.startswith(b"%PDF") and b"/Count 1/" in pdf
    assert pdf == summary_pdf(summary)


def test_two_plans_differ_by_the_step_that_one_leaves_out() -> None:
    a, b = small_plan(), cheaper_plan()
    rows = differing_steps(a, b)
    assert list(zip(rows["within"], rows["measure_id"], strict=True)) == [
        ("only A", "F"), ("both", "replace_line|N|NAYY 4x240 SE"), ("both", "tap|T|2"),
    ]  # fmt: skip
    assert rows["cost_b_eur"].isna().tolist() == [True, False, False]
    drawn = differing_assets(a, b)
    assert sorted(drawn["within"]) == ["both", "both", "only A", "only A"]
    beside = figures_beside(_report(), replace(_report(), plan=b)).set_index("figure")
    assert beside.loc["Cost"].tolist() == ["17.6 kEUR (13.2-22.0)", "6.4 kEUR (4.8-8.0)"]
