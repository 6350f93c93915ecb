"""A load wrong by a thousand is always named, by ten mostly, and hardly one that is right.

Each load in turn is scaled in a network that is otherwise as it was published, so every statistic is
taken with the fault in it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gis
from gis import Network
from gis.quality.loads import loads_stand_in_line, others_quantile
from tests.foreign import ding0_network, network_of
from tests.gis.quality.village import village, with_cells

# name: loads of it tried are every n-th
TRIED = {"create_kerber_dorfnetz": 2, "create_kerber_landnetz_kabel_1": 1, "create_cigre_network_lv": 1,
         "create_kerber_vorstadtnetz_kabel_1": 5, "case33bw": 2}  # fmt: skip


def named(network: Network, load_id: str, factor: float) -> bool:
    """Tell whether the load is named when its power is scaled."""
    loads = network.loads.copy()
    loads.loc[load_id, ["p_kw", "q_kvar"]] *= factor
    found = loads_stand_in_line({**network.tables(), "loads": loads})
    return load_id in set(found["element_id"])


def tried(network: Network, step: int) -> list[str]:
    loads = network.loads
    return list(loads.index[loads["in_service"] & (loads["p_kw"] > 0.0)][::step])


@pytest.fixture(scope="module")
def published() -> dict[str, Network]:
    networks = pytest.importorskip("pandapower.networks")
    return {name: network_of(getattr(networks, name)()) for name in TRIED}


@pytest.mark.parametrize("name", TRIED)
def test_every_load_wrong_by_a_thousand_is_named(name: str, published: dict[str, Network]) -> None:
    network = published[name]
    missed = [i for i in tried(network, TRIED[name]) if not named(network, i, 1000.0)]
    assert missed == []


def test_most_loads_wrong_by_ten_are_named_and_hardly_a_right_one(published: dict[str, Network]) -> None:
    hits = [
        named(network, i, 10.0) for name, network in published.items() for i in tried(network, TRIED[name])
    ]
    assert np.mean(hits) >= 0.6
    alarms = sum(len(loads_stand_in_line(network.tables())) for network in published.values())
    assert alarms < 0.01 * sum(len(network.loads) for network in published.values())


def test_ding0_and_the_demo_area_keep_the_promise(
    shared: Callable[[str], Path], demo_network: gis.Network
) -> None:
    networks = {"demo": (demo_network, 100), "ding0": (ding0_network(shared("02_ding0") / "network_1"), 2)}
    for network, step in networks.values():
        ids = tried(network, step)
        assert all(named(network, i, 1000.0) for i in ids)
        assert np.mean([named(network, i, 10.0) for i in ids]) >= 0.6
        assert len(loads_stand_in_line(network.tables())) < 0.01 * len(network.loads)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("p_kw", 330.0, "its transformers leave"), ("service_kw", 1.0, "its contract leaves"),
     ("p_kw", 60.0, "loads of its kind leave")],
)  # fmt: skip
def test_a_load_is_told_what_it_is_over(column: str, value: float, said: str) -> None:
    found = loads_stand_in_line(with_cells(village(), "loads", column, value, "R2"))
    assert found["element_id"].tolist() == ["R2"]
    assert said in found["value"].iloc[0]


def test_a_house_of_many_customers_is_no_outlier() -> None:
    tables = with_cells(village(), "loads", "p_kw", 40.0, "R2")
    assert loads_stand_in_line(with_cells(tables, "loads", "customers", 12, "R2"))["element_id"].tolist() == [
        "R2"
    ]
    small = with_cells(with_cells(tables, "loads", "customers", 12, "R2"), "loads", "p_kw", 20.0, "R2")
    assert loads_stand_in_line(small).empty


def test_a_quantile_leaves_its_own_value_out() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 1000.0])
    quantile, others = others_quantile(values, np.zeros(6, dtype=int))
    by_hand = [np.quantile(np.delete(values, i), 0.9, method="lower") for i in range(6)]
    assert quantile.tolist() == by_hand
    assert set(others) == {5}


def test_kinds_of_few_loads_say_nothing() -> None:
    quantile, _ = others_quantile(np.array([1.0, 2.0, 3.0]), np.zeros(3, dtype=int))
    assert pd.isna(quantile).all()
