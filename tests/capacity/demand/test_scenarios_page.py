"""`docs/scenarios.md` is run: its example is laid over the demo area, and its tables name every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from capacity.demand.demand_scenario import (
    CustomerClass,
    DemandScenario,
    Meters,
    ProfileYear,
    SCurve,
    Sites,
    TariffChoice,
    Uptake,
    scenario_names,
)
from capacity.demo import copy_demo

PAGE = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")
BLOCKS = {"classes", "uptake", "sites", "tariff", "profile", "meters"}


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_demo(tmp_path)
    (example,), (python,) = _blocks("toml"), _blocks("python")
    (tmp_path / "cars.toml").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(python, "scenarios.md", "exec"), names)
    assert len(names["spread_kw"]) == 10  # type: ignore[arg-type]
    assert set(names["summary"]["year"]) == {2025, 2030, 2035}  # type: ignore[index]


@pytest.mark.parametrize(
    "model", [DemandScenario, CustomerClass, Uptake, SCurve, ProfileYear, TariffChoice, Sites, Meters]
)
def test_every_key_stands_in_a_table(model: type[BaseModel]) -> None:
    keys = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", PAGE, flags=re.MULTILINE))))
    assert set(model.model_fields) - BLOCKS <= keys


def test_every_shipped_scenario_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in scenario_names())
