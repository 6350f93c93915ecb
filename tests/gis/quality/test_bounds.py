"""Bounds: each has a source, a user's file replaces them, and a wrong one is refused with all its faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis import InputError
from gis.quality.bounds import bound, column_bounds, read_bounds, shipped_bounds, use_bounds
from gis.quality.connectivity import customers_are_supplied
from gis.quality.lines import low_voltage_stays_near
from tests.gis.quality.village import village, with_cells


def write(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_section_and_column_names_its_source() -> None:
    sections = {name: entries for name, entries in shipped_bounds().items() if isinstance(entries, dict)}
    assert all(entries["source"] for entries in sections.values())
    assert all(entry.source and entry.low < entry.high for entry in column_bounds())


def test_a_user_s_bound_counts_within_its_block_only(tmp_path: Path) -> None:
    tables = with_cells(village(), "lines", "length_m", 1200.0, "L")
    assert low_voltage_stays_near(tables).empty
    with use_bounds(write(tmp_path, "[length]\nlv_line_max_m = 1000")):
        assert low_voltage_stays_near(tables)["element_id"].tolist() == ["L"]
        assert bound("length", "lv_radius_max_m") == 1500.0
    assert low_voltage_stays_near(tables).empty
    assert customers_are_supplied(tables).empty


def test_a_wrong_file_is_refused_with_all_its_faults(tmp_path: Path) -> None:
    text = "[length]\nlv_line_max_km = 1\nlow_share = 'a'\n[impedance]\ntype_share = [1]\n[cables]\n"
    with pytest.raises(InputError) as refused, use_bounds(write(tmp_path, text)):
        pass
    assert set(refused.value.findings["element_id"]) == {
        "cables", "length.lv_line_max_km", "length.low_share", "impedance.type_share",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["[length", "\u0000"])
def test_what_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="TOML"):
        read_bounds(write(tmp_path, text))
