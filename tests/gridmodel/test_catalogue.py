"""The catalogue: plausible figures with sources, agreeing with pandapower, open to a user's rows."""

from __future__ import annotations

from pathlib import Path

import pandapower as pp
import pytest

from gis.rules import RULES
from gridmodel import read_catalogue, rules_for
from tests.networks import station

TYPES = read_catalogue()


@pytest.mark.parametrize("table", ["lines", "transformers"])
def test_every_type_has_its_own_id_and_a_source(table: str) -> None:
    types = getattr(TYPES, table)
    assert types.index.is_unique and types["source"].str.len().min() > 10
    assert types.drop(columns="source").notna().all(axis=None)


def test_figures_lie_in_their_bounds() -> None:
    lines, transformers = TYPES.lines, TYPES.transformers
    assert (lines[["r_ohm_per_km", "x_ohm_per_km", "i_max_a", "vn_max_kv"]] > 0).all(axis=None)
    assert lines["i_max_a"].between(50, 1500).all() and lines["r_ohm_per_km"].between(0.01, 2).all()
    assert (transformers["vkr_percent"] < transformers["vk_percent"]).all()
    assert (transformers["vn_lv_kv"] < transformers["vn_hv_kv"]).all()
    copper_kw = transformers["vkr_percent"] / 100 * transformers["sn_kva"]
    assert (transformers["pfe_kw"] < copper_kw).all()


def test_thicker_cables_of_a_family_resist_less_and_carry_more() -> None:
    family = TYPES.lines.filter(regex=r"^NAYY 4x\d+ SE$", axis=0)
    ordered = family.loc[sorted(family.index, key=lambda name: int(name[7:-3]))]
    assert len(ordered) > 5
    assert ordered["r_ohm_per_km"].is_monotonic_decreasing and ordered["i_max_a"].is_monotonic_increasing


def test_types_of_pandapower_have_its_figures() -> None:
    standard = pp.available_std_types(pp.create_empty_network(), "line")
    shared = TYPES.lines.index.intersection(standard.index)
    assert len(shared) > 40
    for column in ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km"):
        ours, theirs = TYPES.lines.loc[shared, column], standard.loc[shared, column].astype(float)
        assert ours.tolist() == pytest.approx(theirs.tolist())
    assert TYPES.lines.loc[shared, "i_max_a"].tolist() == pytest.approx(
        (1000 * standard.loc[shared, "max_i_ka"].astype(float)).tolist()
    )


def test_a_user_s_rows_replace_and_extend_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(
        "type_id,vn_max_kv,kind,r_ohm_per_km,x_ohm_per_km,c_nf_per_km,i_max_a,source\n"
        "NAYY 4x150 SE,1.0,cable,0.2,0.08,0,300,ours\nmine,1.0,cable,0.1,0.08,0,400,ours\n"
    )
    types = read_catalogue(lines_csv=own)
    assert types.lines.loc[["NAYY 4x150 SE", "mine"], "i_max_a"].tolist() == [300, 400]
    assert types.lines.index.is_unique and len(types.lines) == len(TYPES.lines) + 1
    network = station("line M D E 5 mine")
    assert [len(rule(network.tables())) for rule in rules_for(types)[len(RULES) :]] == [0, 0]
    assert [len(rule(network.tables())) for rule in rules_for()[len(RULES) :]] == [1, 0]
