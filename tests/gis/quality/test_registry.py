"""Every doubt has a network that raises it under its name; the village raises none; no name is undeclared."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import shapely.affinity

from capacity.data_quality import ALL_RULES
from gis import FINDING_COLUMNS
from gis.examples import network_from_text
from gis.quality import CHECKS, LEVELS, QUALITY_RULES, doubts
from gis.quality.registry import DOUBT_RULES
from gridmodel import rules_for
from gridmodel.rules import TYPE_RULES, doubts_for
from gridmodel.soundness import SOLUTION_RULES
from tests.gis.quality.village import Tables, scaled, village, with_cells

ROOT = Path(__file__).resolve().parents[3]
FIGURES = "i_max_a=270 r_ohm_per_km=0.208 x_ohm_per_km=0.08"
UNIT = "sn_kva=400 vn_hv_kv=20 vn_lv_kv=0.4 vk_percent=6 vkr_percent=1.4"
STREET = [f'line S{n} C{n} C{n + 1} 50 "NAYY 4x150 SE" {FIGURES}' for n in range(12)]
STREET_BUSES = [f"bus C{n} 0.4" for n in range(13)]


def moved(table: str, element_id: str, dx_m: float) -> Tables:
    """The village with one element drawn elsewhere."""
    tables = village()
    frame = tables[table]
    places = frame.geometry.copy()
    places[element_id] = shapely.affinity.translate(places[element_id], dx_m)
    return {**tables, table: frame.set_geometry(places)}


def twelve_stations() -> Tables:
    """Stations along one cable; one has another vector group."""
    words = [f"bus M{n} 20\nbus V{n} 0.4\nload W{n} V{n} 4\ntransformer U{n} M{n} V{n} X {UNIT} shift_degree="
             + ("330" if n == 3 else "150") for n in range(12)]  # fmt: skip
    words += [f"line Q{n} M{n} M{n + 1} 100 X {FIGURES}" for n in range(11)]
    return village(*words, f"line Q B M0 100 X {FIGURES}")


# name of the rule: tables that raise it
TRIGGERS: dict[str, Callable[[], Tables]] = {
    "unit_slip": lambda: scaled(village(), "lines", "i_max_a", 0.001),
    "voltage_unit": lambda: with_cells(village(), "buses", "vn_kv", 400.0, "C", "D", "E"),
    "unit_doubt": lambda: with_cells(village(), "loads", "annual_kwh", 4.0),
    "length_mismatch": lambda: with_cells(village(*STREET_BUSES, *STREET), "lines", "length_m", 500.0, "S3"),
    "schematic_map": lambda: scaled(village(*STREET_BUSES, *STREET), "lines", "length_m", 7.0),
    "line_resistance": lambda: with_cells(village(), "lines", "r_ohm_per_km", 20.8, "L"),
    "line_reactance": lambda: with_cells(village(), "lines", "x_ohm_per_km", 50.0, "L"),
    "line_x_by_r": lambda: with_cells(village(), "lines", "r_ohm_per_km", 0.0208, "L"),
    "line_zero_impedance": lambda: village(
        f"line Z D E 0.001 X {FIGURES}", "line Y A B 400000 X i_max_a=300 r_ohm_per_km=1 x_ohm_per_km=1"
    ),
    "line_rating": lambda: with_cells(village(), "lines", "i_max_a", 2.7, "L"),
    "rating_unknown": lambda: village() | _without_type("L"),
    "rating_from_type": lambda: with_cells(village(), "lines", "i_max_a", float("nan"), "L"),
    "lv_line_long": lambda: with_cells(village(), "lines", "length_m", 2500.0, "L"),
    "lv_radius": lambda: with_cells(village(), "lines", "length_m", 900.0, "L", "N"),
    "type_resistance": lambda: with_cells(village(), "lines", "r_ohm_per_km", 0.86, "L"),
    "line_of_the_future": lambda: with_cells(village(), "lines", "installed_year", 2199, "L"),
    "transformer_vk": lambda: with_cells(village(), "transformers", "vk_percent", 0.6),
    "transformer_load_loss": lambda: with_cells(village(), "transformers", "vkr_percent", 0.014),
    "transformer_no_load_loss": lambda: with_cells(village(), "transformers", "pfe_kw", 600.0),
    "transformer_i0": lambda: with_cells(village(), "transformers", "i0_percent", 15.0),
    "transformer_rating": lambda: with_cells(village(), "transformers", "sn_kva", 400_000.0),
    "transformer_tap_range": lambda: with_cells(village(), "transformers", "tap_step_percent", 12.5),
    "transformer_ratio": lambda: with_cells(village(), "transformers", "vn_lv_kv", 0.455),
    "transformer_demand": lambda: with_cells(village(), "transformers", "sn_kva", 10.0),
    "generator_rating": lambda: village("generator G E 1200 pv"),
    "transformer_line": lambda: with_cells(village(), "lines", "i_max_a", 3.6, "K"),
    "vector_group": twelve_stations,
    "parallel_shift": lambda: village(f"transformer T2 B C X {UNIT} shift_degree=330"),
    "load_beyond": lambda: with_cells(village(), "loads", "p_kw", 4000.0, "R2"),
    "load_outlier": lambda: with_cells(village(), "loads", "p_kw", 40.0, "R2"),
    "load_energy": lambda: with_cells(village(), "loads", "annual_kwh", 4_000_000.0, "R2"),
    "load_over_service": lambda: with_cells(village(), "loads", "service_kw", 2.0, "R2"),
    "load_cos_phi": lambda: with_cells(village(), "loads", "q_kvar", 40.0, "R2"),
    "load_without_customers": lambda: with_cells(village(), "loads", "customers", 0, "R2"),
    "customers_without_load": lambda: with_cells(village(), "loads", "p_kw", 0.0, "R2"),
    "duplicate_load": lambda: village("load X D 7.3 industrial", "load Y D 7.3 industrial"),
    "source_voltage": lambda: with_cells(village(), "sources", "vm_pu", 1.15),
    "source_set_points": lambda: village("source S2 B 1.03"),
    "source_strength": lambda: with_cells(village("source S2 B 1.01"), "sources", "s_sc_mva", 500.0, "S"),
    "island_without_source": lambda: village("switch W open D lines L"),
    "line_dead": lambda: village("switch W open D lines N", "switch V open E lines N"),
    "transformer_dangling": lambda: village(f"bus F 0.4\ntransformer T2 B F X {UNIT}"),
    "bus_unused": lambda: village("bus F 0.4"),
    "id_shared": lambda: village(f"line T D E 50 X {FIGURES}"),
    "load_away": lambda: moved("loads", "R2", 20_000.0),
    "line_end_away": lambda: moved("lines", "N", 300.0),
    "element_far": lambda: moved("transformers", "T", 100_000.0),
    "duplicate_line": lambda: village(f'line N2 E D 50 "NAYY 4x150 SE" {FIGURES}'),
    "text_control": lambda: with_cells(village(), "loads", "name", "Mill\u200b Lane", "R2"),
    "text_mojibake": lambda: with_cells(village(), "loads", "name", "MÃ¼hlweg", "R2"),
    "text_long": lambda: with_cells(village(), "loads", "name", "x" * 201, "R2"),
    "unknown_type": lambda: village("line M D E 50 NAYY"),
    "type_voltage": lambda: village('line M A B 50 "NAYY 4x150 SE"'),
    "type_figure": lambda: with_cells(village(), "lines", "i_max_a", 2700.0, "L"),
    "type_class": lambda: village('line M D E 50 "NA2XS2Y 1x185 RM/25 12/20 kV"'),
}


def _without_type(line_id: str) -> Tables:
    tables = with_cells(village(), "lines", "i_max_a", float("nan"), line_id)
    lines = tables["lines"]
    return {"lines": lines.assign(type_id=lines["type_id"].where(lines.index != line_id, None))}


def found(tables: Tables) -> pd.DataFrame:
    """All that the rules of a model and the doubts find."""
    return pd.concat([rule(tables) for rule in (*rules_for(), *doubts_for())], ignore_index=True)


def test_the_village_raises_no_doubt() -> None:
    assert found(village()).empty


@pytest.mark.parametrize("rule", [*DOUBT_RULES, *TYPE_RULES], ids=lambda rule: rule.name)
def test_every_doubt_is_raised_by_its_fault_with_its_severity_and_table(rule) -> None:  # type: ignore[no-untyped-def]
    rows = found(TRIGGERS[rule.name]())
    assert tuple(rows.columns) == FINDING_COLUMNS
    own = rows[rows["rule"] == rule.name]
    assert len(own)
    assert set(own["severity"]) == {rule.severity}
    assert not rule.tables or set(own["table"]) <= set(rule.tables)
    assert own["message"].str.len().gt(20).all()
    assert set(rows["rule"]) <= {known.name for known in ALL_RULES}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_holds_on_tables_without_rows_and_on_unknown_buses(check) -> None:  # type: ignore[no-untyped-def]
    assert check(network_from_text("bus A 20").tables())["rule"].isin(["bus_unused"]).all()
    lost = village(
        "line X nowhere D 5 X", "load Y nowhere 5", "transformer U nowhere C X", "switch V open X buses D"
    )
    assert tuple(check(lost).columns) == FINDING_COLUMNS


def test_a_check_alone_finds_what_it_finds_among_all() -> None:
    tables = TRIGGERS["island_without_source"]()
    alone = pd.concat([check(tables) for check in CHECKS], ignore_index=True)
    assert alone["rule"].tolist() == doubts(tables)["rule"].tolist()


def test_every_rule_is_registered_once_and_says_what_it_means() -> None:
    names = [rule.name for rule in ALL_RULES]
    assert len(names) == len(set(names)) >= 30
    for rule in ALL_RULES:
        assert rule.level in LEVELS
        assert all((rule.about, rule.why, rule.remedy, rule.source))
        assert rule.check is not None or rule.stage != "check"


def test_no_finding_carries_a_name_that_is_not_registered() -> None:
    known = {rule.name for rule in ALL_RULES}
    emitted = {}
    for package in ("gis", "gridmodel", "capacity"):
        for path in (ROOT / package).rglob("*.py"):
            for name in _emitted_names(ast.parse(path.read_text(encoding="utf-8"))):
                emitted[name] = path.name
    assert len(emitted) > 30
    assert {name: file for name, file in emitted.items() if name not in known} == {}


def test_the_quality_page_is_made_from_the_registry() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    import make_docs

    page = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    assert page == make_docs.quality_page(), "run `make docs`"


def test_rules_of_results_come_after_all_others() -> None:
    assert min(rule.level for rule in SOLUTION_RULES) == 5
    assert max(rule.level for rule in QUALITY_RULES) == 4


def _emitted_names(tree: ast.AST) -> set[str]:
    """Rule names written in calls that make findings."""
    makers = {"make_findings", "findings_of", "told", "doubt"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    first = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in makers]
    return {arg.value for arg in first if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
