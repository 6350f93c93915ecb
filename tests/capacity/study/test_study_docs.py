"""docs/study.md says what a study file may say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from capacity.study import run_study
from capacity.study.study_file import STEP_NAMES, PlanQuestion, StudyFile, open_study
from tests.capacity.grids import station
from tests.capacity.study.study_towns import STUDY, write_study

PAGE = (Path(__file__).parents[3] / "docs" / "study.md").read_text(encoding="utf-8")


def _first_cells(heading: str) -> list[str]:
    """Code words in the first column of the table that begins so."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0]
    return [word for row in table.splitlines()[2:] for word in re.findall(r"`([\w.]+)`", row.split("|")[1])]


def test_the_page_lists_every_key() -> None:
    blocks = {"headroom": {"direction", "cos_phi"}, "unserved": {"hours"}}
    blocks |= {"plan": set(PlanQuestion.model_fields)}
    keys = {name for name in StudyFile.model_fields if name not in blocks}
    keys |= {f"{block}.{name}" for block, names in blocks.items() for name in names}
    assert set(_first_cells("| key |")) == keys


def test_the_page_lists_every_step() -> None:
    assert tuple(_first_cells("| step |")) == STEP_NAMES


def test_the_example_is_a_study_file() -> None:
    example = PAGE[PAGE.index("```toml") + 7 :].split("```")[0]
    assert StudyFile.model_validate(tomllib.loads(example)).draws == 200


def test_tables_of_the_page_are_those_a_step_makes(tmp_path: Path) -> None:
    study = open_study(
        write_study(tmp_path, station(), STUDY + 'steps = ["check", "loadflow", "headroom"]\n')
    )
    rows = PAGE[PAGE.index("| step |") :].split("\n\n")[0]
    for name in run_study(study).tables:
        assert f"`{name}`" in rows
