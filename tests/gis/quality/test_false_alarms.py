"""Sound networks stay nearly silent: published ones, the demo area, and large synthetic ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import gis
from gis.examples import synthetic_network
from gis.importer import import_file
from gridmodel import rules_for
from gridmodel.rules import doubts_for
from tests.foreign import ding0_network, network_of

# Told rightly of networks without places whose tables number their rows: the drawing, and equal ids.
OF_THE_CONVERSION = {"schematic_map", "id_shared", "bus_unused"}


def rules_raised(network: gis.Network) -> dict[str, int]:
    found = gis.check_network(network, rules=(*rules_for(), *doubts_for()))
    return {str(rule): int(count) for rule, count in found["rule"].value_counts().items()}


def test_the_demo_area_raises_only_what_is_known_of_it(demo_network: gis.Network) -> None:
    # Cables shorter than the straight line drawn, two homes of 30 kW, a line open at both ends.
    assert rules_raised(demo_network) == {"length_mismatch": 10, "load_outlier": 2, "line_dead": 1}


def test_a_large_synthetic_network_raises_nothing() -> None:
    assert rules_raised(synthetic_network(2_000)) == {}


@pytest.mark.parametrize(
    "name", ["create_kerber_dorfnetz", "create_kerber_vorstadtnetz_kabel_1", "kb_extrem_dorfnetz"]
)
def test_published_low_voltage_networks_raise_no_doubt_of_figures(name: str) -> None:
    networks = pytest.importorskip("pandapower.networks")
    assert set(rules_raised(network_of(getattr(networks, name)()))) <= OF_THE_CONVERSION


def test_real_oddities_of_ding0_are_found(shared: Callable[[str], Path]) -> None:
    raised = rules_raised(ding0_network(shared("02_ding0") / "network_1"))
    # 26 ohm/km on two lines, 9,828 h of a load, a station whose sides are swapped.
    assert raised["line_resistance"] == 2
    assert raised["load_energy"] == 4
    assert raised["transformer_swapped"] == 1
    assert sum(raised.values()) <= 15


@pytest.mark.parametrize("name", ["ok_plain", "ok_3d", "ok_multi_single", "ok_wgs84", "ok_chinese"])
def test_good_files_raise_nothing(name: str, shared: Callable[[str], Path], tmp_path: Path) -> None:
    from tests.capacity.test_bad_inputs import MAPPING

    mapping = tmp_path / "raw.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    path = shared("10_bad_inputs") / f"{name}.gpkg"
    found = import_file(path, mapping=mapping, rules=(*rules_for(), *doubts_for()))
    assert found.findings.empty
