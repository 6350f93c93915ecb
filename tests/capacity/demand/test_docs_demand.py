"""docs/demand.md is true: its example runs, and every method, basis, standard and status stands in it."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import get_args

import pytest

from capacity.demand.allocation import _REASONS
from capacity.demand.coincidence import METHODS, DemandFactor
from capacity.demand.customer_size import Basis
from capacity.terminal import standard_names
from tests.capacity.demand.test_coincidence import equal

PAGE = Path(__file__).resolve().parents[3] / "docs" / "demand.md"
NAMED = [
    *(kind.model_fields["method"].default for kind in METHODS),
    *get_args(Basis),
    *standard_names(),
    *_REASONS,
]


def test_the_worked_example_runs() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried > 5) == (0, True)


@pytest.mark.parametrize("name", NAMED)
def test_the_page_names_it(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")


def test_what_the_page_says_of_the_concave_cover_is_so() -> None:
    method = DemandFactor.model_validate({})
    cover = {n: round(method.together_kw(equal(n, peak_kw=4.0)) / 4.0 / n, 2) for n in (36, 72, 900)}
    assert cover == {36: 0.56, 72: 0.47, 900: 0.32}
