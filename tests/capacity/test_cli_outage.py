"""The commands `outage` and `reliability` on files: exit codes, JSON, text, layers and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pyogrio
import pytest

from gis import write_network
from tests.capacity.conftest import Run
from tests.capacity.security.open_ring import ring


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ring") / "ring.gpkg"
    write_network(ring(), path)
    return path


def test_outage_that_waits_for_the_repair_in_text_and_layers(run: Run, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.gpkg"
    code, said, _ = run("outage", network, "--fault", "C", "--practice", "rbts", "--out", out)
    assert code == 1
    assert "trips: circuit_breaker CB1" in said and "close Z by hand: 30 customers" in said
    assert "20 customers, 200.0 kW: in the faulty section" in said
    layers = {str(name) for name, _ in pyogrio.list_layers(out)}
    assert {"switching_steps", "loads_off", "affected_lines", "all_steps", "left_until_repair"} <= layers
    assert len(pyogrio.read_dataframe(out, layer="loads_off")) == 3


def test_outage_by_indicators_as_json(run: Run, network: Path) -> None:
    code, said, _ = run("outage", network, "--indicators", "CB1=lit,W2=lit,W3=dark,W4=lit", "--json")
    told = json.loads(said)
    assert told["contradictions"] == ["W4 is lit, but W3 between it and the source is dark"]
    assert [row["section_id"] for row in told["candidates"]] == ["K2", "K3", "D"]  # the longest line first
    assert told["fault"] == {"table": "lines", "element_id": "K2"} and code == 0
    assert told["steps"][0]["stage"] == "trip" and told["customers_off"] == 60


def test_bad_questions_are_refused_before_any_work(run: Run, network: Path, tmp_path: Path) -> None:
    for words, why in (
        ((), "give either --fault ID or --indicators"),
        (("--fault", "K1", "--indicators", "W2=lit"), "give either --fault ID or --indicators"),
        (("--fault", "nothing"), "is in none of"),
        (("--fault", "K1", "--practice", "none"), "no such practice"),
        (("--fault", "K1", "--out", tmp_path / "plan.csv"), "a GeoPackage"),
    ):
        code, said, errors = run("outage", network, *words)
        assert code == 2 and why in said + errors
        assert "pandapower" not in errors


def test_reliability_and_a_rule_of_ones_own(run: Run, network: Path, tmp_path: Path) -> None:
    rule, out = tmp_path / "mine.toml", tmp_path / "reliability.gpkg"
    rule.write_text(
        'name = "quick"\nsource = "me"\n[[class]]\nname = "all"\nsource = "me"\n'
        '[[class.requirement]]\nafter = "first"\nwithin = 30.0\nshare = 0.5\n'
    )
    code, said, _ = run("reliability", network, "--practice", "rbts", "--rule", rule, "--json", "--out", out)
    told = json.loads(said)
    assert code == 1  # switching takes an hour
    assert told["saidi_minutes"] == pytest.approx(7.992)
    assert {row["group_id"]: row["short_kw"] for row in told["groups"]} == {
        "S": 500.0,
        "K1": 300.0,
        "K4": 200.0,
    }
    layers = {str(name) for name, _ in pyogrio.list_layers(out)}
    assert {"consequences", "reliability", "groups", "indices"} <= layers
