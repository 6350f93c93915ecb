"""The page of plans in Streamlit's own harness; a stand-in for the command hands over a plan made by hand."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import gis
from app_pages.frame import plain
from app_pages.plan_shelf import Shelved
from capacity.launch import NETWORK_VARIABLE
from capacity.planning import background_plan, plan_reading
from capacity.planning.background_plan import PlanQuestion, PlanRun, plan_command
from capacity.planning.plan_files import write_plan
from capacity.planning.plan_report import PlanReport
from gis.formats import read_source
from tests.app_pages.test_pages import metric, page_of, run_page
from tests.capacity.planning.plans import EVIL, cheaper_plan, small_plan


def _report(plan) -> PlanReport:
    ids = [*plan.network.lines.index, "F|line"]
    loading = pd.DataFrame(
        {
            "table": "lines", "element_id": ids * 2,
            "year": pd.array([2027] * len(ids) + [2030] * len(ids), "Int64"),
            "used_before_percent": 120.0, "used_after_percent": 60.0,
        }
    )  # fmt: skip
    return PlanReport(plan, None, loading, None, {"limits": "EN 50160", "cases": "2 cases"})


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network of the plans as a file, read once by all pages of this module."""
    path = tmp_path_factory.mktemp("town") / "town.gpkg"
    gis.write_network(small_plan().network, path)
    return path


@pytest.fixture
def network_path(town: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(NETWORK_VARIABLE, str(town))
    return town


@pytest.fixture
def page_with_plans(network_path: Path) -> AppTest:
    """The page with two plans on its shelf."""
    page = page_of("plan")
    page.session_state["plan_shelf"] = (
        Shelved("Plan 1", _report(small_plan())), Shelved("Plan 2 **x**", _report(cheaper_plan())),
    )  # fmt: skip
    return page.run()


def test_page_asks_before_there_is_a_plan(network_path: Path) -> None:
    page = run_page("plan")
    assert not page.exception and not page.error
    assert page.button(key="plan_start").label == "Make the plan"
    page.sidebar.radio(key="plan_cases").set_value("years of a demand scenario").run()
    page.sidebar.radio(key="plan_use").set_value("chosen kinds").run()
    assert not page.exception and not page.error
    page.sidebar.multiselect(key="plan_kinds").set_value([]).run()
    assert page.button(key="plan_start").disabled


def test_a_plan_is_answered_drawn_listed_and_compared(page_with_plans: AppTest) -> None:
    page = page_with_plans
    assert not page.exception and not page.error
    assert "220 m of low" in page.warning[0].value.replace("\\", "")
    assert metric(page, "Cost") == "17.6 kEUR"
    assert metric(page, "Limits broken") == "8 → 1"
    steps = next(frame.value for frame in page.dataframe if "text" in frame.value)
    assert steps["step"].tolist() == [1, 2, 3]
    assert EVIL in steps["text"].iloc[1]  # a table shows text, never markup
    assert "no measure of the kinds allowed helps" in page.dataframe[1].value["what"].iloc[0]

    page.radio(key="plan_after").set_value("Before")
    page.select_slider[0].set_value(2027)
    page.radio(key="plan_colour_by").set_value("Voltage")
    page.selectbox(key="plan_other_1_Plan 2 **x**").set_value(0).run()
    assert not page.exception and not page.error
    rows = next(frame.value for frame in page.dataframe if "within" in frame.value)
    assert rows["within"].tolist() == ["only A", "both", "both"]
    assert any(plain("Plan 2 **x**") in text.value for text in page.markdown)


def test_run_beside_the_screen_ends_with_its_plan(
    network_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made.gpkg"
    network = gis.read_network(network_path)
    write_plan(_report(replace(small_plan(), network=network)), made)
    monkeypatch.setattr(background_plan, "plan_command", _stand_in(made))
    monkeypatch.setattr(plan_reading, "read_untrusted", read_source)
    page = run_page("plan")
    page.button(key="plan_start").click().run()
    if "plan_run" in page.session_state:
        page.session_state["plan_run"]._process.wait(timeout=60)
        page.run()
    assert not page.exception and not page.error
    assert metric(page, "Cost") == "17.6 kEUR"


def _stand_in(made: Path):
    copy = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"
    return lambda question, place, checkpoint: [
        sys.executable, "-c", copy, str(made), str(place / "plan.gpkg")
    ]  # fmt: skip


def _question(path: Path, **more) -> PlanQuestion:
    return PlanQuestion(path, 0, ("base", "--out=x"), (), "en50160", "dena_2012", **more)


def test_a_name_is_never_an_option_of_the_command(tmp_path: Path) -> None:
    command = plan_command(_question(tmp_path / "-n.gpkg", measures=("tap",)), tmp_path, tmp_path / "c.json")
    assert "--scenario=--out=x" in command and "--measure=tap" in command
    assert command[-2] == "--"


def test_same_question_same_checkpoint_other_question_another(tmp_path: Path) -> None:
    question = _question(tmp_path / "n.gpkg")
    assert question.key == replace(question, time_limit_s=5.0).key
    assert question.key != replace(question, n_minus_1=True).key


@pytest.mark.parametrize(
    ("says", "code", "problem"),
    [
        ('{"error": "cases: 1 fault", "findings": [{"table": "t", "element_id": "x", "message": "bad"}]}', 2,
         "cases: 1 fault\nt x bad"),
        ("", 3, "exit code 3"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int, problem: str
) -> None:
    script = f"print({says!r}); raise SystemExit({code})"
    monkeypatch.setattr(background_plan, "plan_command", lambda *_: [sys.executable, "-c", script])
    run = PlanRun(_question(tmp_path / "n.gpkg"), tmp_path)
    outcome = run.outcome()
    assert outcome.plan is None and problem in outcome.problem


def test_a_run_nobody_holds_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(background_plan, "plan_command", lambda *_: waits)
    run = PlanRun(_question(tmp_path / "n.gpkg"), tmp_path)
    process = run._process
    assert run.is_running and run.progress.stage == "Starting"
    del run
    assert process.wait(timeout=10) != 0


@pytest.fixture
def handled_interrupt() -> Iterator[None]:
    """SIGINT is handled, as by the page's server; a shell leaves it ignored in what it starts with &."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("handled_interrupt")
def test_a_run_that_is_stopped_before_any_plan_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(background_plan, "plan_command", lambda *_: waits)
    run = PlanRun(_question(tmp_path / "n.gpkg"), tmp_path)
    run.cancel()
    assert run.is_stopping
    assert run.outcome().problem == "Stopped before there was any plan."
