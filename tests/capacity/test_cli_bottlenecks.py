"""`feederplan bottlenecks`: one scenario of the network, years of a demand scenario, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from capacity import cli_network
from gis import Network, write_network
from tests.capacity.conftest import Run
from tests.capacity.test_output import strict
from tests.capacity.years.years_by_hand import town as town_of

SCENARIO = """
scenario_id = "growing"
name = "Homes draw more"
source = "a test"
base_year = 2025
years = [2025, 2035]
seed = 1
draws = 5

[profile]
year = 2025
source = "a test"

[classes.residential]
growth_percent = 2.0
source = "a test"
"""


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """A demand scenario: the loads of the town grow by 2 % a year."""
    path = tmp_path / "growing.toml"
    path.write_text(SCENARIO)
    return path


def _written(network: Network, folder: Path) -> Path:
    path = folder / "town.gpkg"
    write_network(network, path)
    return path


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    """Within its limits in 2025, L1 over them in 2035."""
    return _written(town_of(a2_kw=140.0), tmp_path)


def test_years_of_a_scenario_file(run: Run, busy: Path, growing: Path) -> None:
    code, out, _ = run("bottlenecks", busy, "--scenario", growing, "--json")
    said = strict(out)
    assert code == 1
    assert said["demand_scenario"] == "growing"
    years = said["years"]
    assert [row["year"] for row in years] == [2025, 2035]  # type: ignore[attr-defined]
    assert [row["bottlenecks"] > 0 for row in years] == [False, True]  # type: ignore[attr-defined]
    assert [row["unserved_kwh"] for row in years] == [None, None]  # type: ignore[attr-defined]
    row = next(row for row in said["bottlenecks"] if row["element_id"] == "L1")  # type: ignore[attr-defined]
    assert (row["year"], row["first_year"], row["check"]) == (2035, 2035, "line_overload")
    assert row["hours_over"] > 0 and row["kwh_over"] > 0 and row["unserved_kw"] > 0
    assert row["unserved_kwh"] is None and row["probability"] is None


def test_all_hours_give_the_energy_not_served_and_draws_the_probability(
    run: Run, busy: Path, growing: Path
) -> None:
    words = ("--years", "2035", "--cut", "year", "--draws", "2")
    code, out, _ = run("bottlenecks", busy, "--scenario", growing, *words, "--json")
    said = strict(out)
    assert code == 1
    rows = said["bottlenecks"]
    energy_kwh = said["years"][0]["unserved_kwh"]  # type: ignore[index]
    assert energy_kwh > 0.0
    assert sum(row["unserved_kwh"] for row in rows) == pytest.approx(energy_kwh)  # type: ignore[attr-defined]
    assert {row["probability"] for row in rows if row["element_id"] == "L1"} == {1.0}  # type: ignore[attr-defined]
    assert said["years"][0]["draws"] == 2  # type: ignore[index]


def test_a_year_within_its_limits_is_exit_code_0_and_says_so(run: Run, busy: Path, growing: Path) -> None:
    code, out, _ = run("bottlenecks", busy, "--scenario", growing, "--years", "2025")
    assert code == 0
    assert re.search(r"^2025: 0 bottlenecks; [\d,]+ kWh drawn, at most [\d,]+ kW, 0 kW unserved$", out, re.M)


def test_chains_are_written_beside_the_bottlenecks(run: Run, busy: Path, growing: Path) -> None:
    target = busy.with_name("found.gpkg")
    run("bottlenecks", busy, "--scenario", growing, "--cut", "none", "--out", target)
    found, chains = (gpd.read_file(target, layer=name) for name in ("bottlenecks", "chains"))
    assert "L1" in found["element_id"].tolist() and found["unserved_kw"].isna().all()
    assert len(chains) == 6  # three loads in two years
    assert set(chains.loc[chains["load_id"] == "home-A2", "first_year"]) == {2035}
    table = busy.with_name("found.csv")
    run("bottlenecks", busy, "--scenario", growing, "--cut", "none", "--out", table)
    assert len(pd.read_csv(table)) == len(found)
    assert len(pd.read_csv(table.with_suffix(".chains.csv"))) == 6


def test_one_load_flow_can_be_written_as_a_table(run: Run, weak_town: Path) -> None:
    target = weak_town.with_name("b.csv")
    code, _, _ = run("bottlenecks", weak_town, "--out", target)
    assert code == 1
    assert "L1" in pd.read_csv(target)["element_id"].tolist()


def _refused(run: Run, *words: object) -> str:
    code, _, err = run("bottlenecks", *words)
    assert code == 2, err
    return re.sub(r"[\s│]+", " ", err)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: object) -> object:
        raise AssertionError("the model was built for a request that could be refused before")

    monkeypatch.setattr(cli_network, "model_of", forbidden)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("--scenario", "winter"), "no such scenario; the network has: base; demand scenarios:"),
        (("--scenario", "none.toml"), "no such scenario or file"),
        (("--scenario", "demand:winter"), "no such scenario or file"),
        (("--scenario", "network:today"), "no such scenario; the network has: base"),
        (("--years", "2030"), "belongs to a demand scenario"),
        (("--draws", "3"), "belongs to a demand scenario"),
        (("--cut", "year"), "belongs to a demand scenario"),
        (("--scenario", "today", "--cut", "half"), "must be year, worst or none"),
        (("--scenario", "growing.toml", "--years", "2035,soon"), "is no list of years"),
        (("--scenario", "growing.toml", "--years", ""), "is no list of years"),
        (("--scenario", "growing.toml", "--years", "2024,2035"), "the scenario is about 2025 to 2035"),
        (("--scenario", "growing.toml", "--years", "2036"), "the scenario is about 2025 to 2035"),
        (("--scenario", "growing.toml", "--draws", "0"), "greater than or equal to 1"),
        (("--scenario", "growing.toml", "--draws", "100000"), "less than or equal to 10000"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_any_work(
    run: Run, busy: Path, growing: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], advice: str
) -> None:
    monkeypatch.chdir(growing.parent)
    assert advice in _refused(run, busy, *words)


def test_a_name_of_both_worlds_is_refused_and_can_be_told_apart(run: Run, tmp_path: Path) -> None:
    network = town_of()
    scenarios = network.scenarios.rename(index={"base": "today"})
    path = _written(Network(**{**network.__dict__, "scenarios": scenarios}), tmp_path)
    said = _refused(run, path, "--scenario", "today")
    assert "write network:today or demand:today" in said
    code, out, _ = run("bottlenecks", path, "--scenario", "network:today", "--json")
    assert code == 0 and strict(out)["scenario"] == "today"
    code, out, _ = run("bottlenecks", path, "--scenario", "demand:today", "--cut", "none", "--json")
    assert code == 0 and strict(out)["demand_scenario"] == "today"


def test_weak_data_hold_chains_back() -> None:
    from capacity.data_quality import hold_back_chains

    chains = pd.DataFrame(
        {
            "load_id": ["a", "b"], "feeder_id": ["F", "G"], "status": ["ok", "limit_broken"],
            "vm_min_pu": [1.0, 0.9], "transformer_used_percent": [10.0, 120.0], "first_year": [pd.NA, 2030],
            "weakest_link": ["lv_cable"] * 2, "weakest_table": ["lines"] * 2, "weakest_id": ["L"] * 2,
            "weakest_check": ["line_overload"] * 2, "sentence": ["x", "y"],
        }
    )  # fmt: skip
    held = hold_back_chains(chains, {"G": "score 3 %"})
    assert held["status"].tolist() == ["ok", "data too weak"]
    assert held["sentence"].tolist() == ["x", "data too weak: score 3 %"]
    assert held.loc[1, ["vm_min_pu", "transformer_used_percent", "first_year"]].isna().all()
    assert held.loc[1, "weakest_id"] is None and held.loc[0, "weakest_id"] == "L"
    assert hold_back_chains(chains, {}) is chains
