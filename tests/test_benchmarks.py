"""Benchmarks measure what they say: each is in the registry, and the peers give the engine's answers."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandapower as pp
import pytest

from gridmodel.engine.compiled import compile_grid
from gridmodel.synthetic import radial_net, radial_system

pytest.importorskip("power_grid_model", reason="power-grid-model is a library of tests and benchmarks only")

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def benchmark_module(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Import by name, as `benchmarks/run.py` does."""
    monkeypatch.syspath_prepend(str(FOLDER))

    def find(name: str) -> ModuleType:
        return importlib.import_module(name)

    return find


def test_every_benchmark_is_in_the_registry(benchmark_module) -> None:  # type: ignore[no-untyped-def]
    registry = benchmark_module("run").BENCHMARKS
    assert {module.__name__ for module in registry} == {path.stem for path in FOLDER.glob("bench_*.py")}
    assert all(callable(module.run) for module in registry)


def test_bisections_of_both_peers_and_the_engine_give_every_bus_the_same(benchmark_module) -> None:  # type: ignore[no-untyped-def]
    headroom = benchmark_module("bench_headroom")
    net = radial_net(radial_system(400, seed=2))
    pp.runpp(net)
    answers = headroom.engine_headroom(net, compile_grid(net))
    few, more = np.arange(0, len(net.bus), 57), np.arange(0, len(net.bus), 7)
    assert np.ptp(answers.headroom_kw[more]) > 100  # there is something to agree on
    headroom.require_same(answers, more, headroom.pgm_headroom(net, more))
    headroom.require_same(answers, few, headroom.loop_headroom(net, few))
    with pytest.raises(AssertionError, match="differ at"):
        headroom.require_same(answers, few, headroom.loop_headroom(net, few) + 1)
