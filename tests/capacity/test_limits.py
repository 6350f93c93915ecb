"""Profiles of limits: shipped ones with sources, and a user's own with all faults named."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import capacity.limits
from capacity.limits import profile_names, read_limits
from gis import InputError

GOOD = """
name = "own"
source = "test"
[[voltage]]
above_kv = 0.0
up_to_kv = 1.0
min_pu = 0.9
max_pu = 1.1
[loading]
line_percent = 100.0
transformer_percent = 100.0
source = "test"
[voltage_change]
lv_percent = 3.0
mv_percent = 2.0
source = "test"
"""


def _faults(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_limits(path)
    return list(caught.value.findings[["element_id", "message"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_loads_and_every_figure_has_a_source(name: str) -> None:
    limits = read_limits(name)
    blocks = [*limits.voltage, limits.loading, limits.voltage_change, limits.station or limits]
    assert limits.name and limits.source
    assert all(block.source or limits.source for block in blocks)


def test_the_four_profiles_are_shipped() -> None:
    assert profile_names() == ("ansi", "dena", "en50160", "gbt12325")


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize(
    "vn_kv", [0.23, 0.4, 0.69, 1.0, 6.0, 10.0, 11.0, 20.0, 22.0, 33.0, 36.0, 110.0, 380.0]
)
def test_every_voltage_has_exactly_one_band_in_every_shipped_profile(name: str, vn_kv: float) -> None:
    bands = read_limits(name).voltage
    assert sum(band.above_kv < vn_kv <= band.up_to_kv for band in bands) == 1


@pytest.mark.parametrize(
    ("name", "vn_kv", "expected"),
    [
        ("en50160", 0.4, (0.90, 1.10, False)),
        ("en50160", 20.0, (0.90, 1.10, False)),
        ("en50160", 110.0, (0.90, 1.10, False)),
        ("dena", 0.4, (-0.065, 0.035, True)),
        ("dena", 20.0, (-0.015, 0.05, True)),
        ("dena", 110.0, (0.90, 1.10, False)),
        ("gbt12325", 0.4, (0.90, 1.07, False)),
        ("gbt12325", 20.0, (0.93, 1.07, False)),
        ("gbt12325", 110.0, (0.95, 1.05, False)),
        ("ansi", 0.4, (0.95, 1.05, False)),
        ("ansi", 20.0, (0.95, 1.05, False)),
        ("ansi", 110.0, (0.95, 1.05, False)),
    ],
)
def test_bands_per_voltage_level(name: str, vn_kv: float, expected: tuple[float, float, bool]) -> None:
    bands = read_limits(name).bands_of(pd.Series([vn_kv], ["b"]))
    assert tuple(bands.loc["b"]) == expected


def test_a_voltage_without_a_band_has_none(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD)
    bands = read_limits(path).bands_of(pd.Series([0.4, 20.0]))
    assert bands["min_pu"].tolist()[0] == 0.9
    assert np.isnan(bands["min_pu"].tolist()[1])


def test_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="ansi, dena, en50160, gbt12325") as caught:
        read_limits("en50161")
    assert caught.value.findings["element_id"].tolist() == ["en50161"]


def test_all_faults_of_a_users_file_come_in_one_report(tmp_path: Path) -> None:
    text = GOOD.replace("min_pu = 0.9\n", 'min_pu = "low"\n').replace(
        "line_percent = 100.0\n", "line_percent = -1.0\n"
    )
    text = text.replace("[voltage_change]\nlv_percent = 3.0\n", "[voltage_change]\nlv_procent = 3.0\n")
    places = [place for place, _ in _faults(tmp_path, text)]
    wanted = {
        "voltage.0.min_pu",
        "loading.line_percent",
        "voltage_change.lv_percent",
        "voltage_change.lv_procent",
    }
    assert set(places) == wanted


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("min_pu = 0.9", "min_pu = 90.0", "min_pu must be below max_pu"),
        ("min_pu = 0.9\nmax_pu = 1.1", "min_pu = 90.0\nmax_pu = 110.0", "not percent"),
        ("min_pu = 0.9", "min_pu = -0.1", "around 1"),
        ("min_pu = 0.9", "min_pu = nan", "finite"),
        ("line_percent = 100.0", "line_percent = inf", "finite"),
        ("up_to_kv = 1.0", "up_to_kv = 0.0", "greater than 0"),
        ('transformer_percent = 100.0\nsource = "test"', "transformer_percent = 100.0", "required"),
        (
            "[loading]",
            "[[voltage]]\nabove_kv=0.5\nup_to_kv=2.0\nmin_pu=0.9\nmax_pu=1.1\n[loading]",
            "two bands",
        ),
        ('name = "own"', "name = ", "not TOML"),
    ],
)
def test_figures_that_make_no_sense_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert said in " ".join(message for _, message in _faults(tmp_path, GOOD.replace(old, new, 1)))


def test_a_profile_without_any_band_is_refused_instead_of_checking_nothing(tmp_path: Path) -> None:
    text = "voltage = []\n" + GOOD[: GOOD.index("[[voltage]]")] + GOOD[GOOD.index("[loading]") :]
    assert [place for place, _ in _faults(tmp_path, text)] == ["voltage"]


def test_shipped_files_name_no_figure_without_a_source_key() -> None:
    folder = Path(capacity.limits.__file__).parent / "limit_profiles"
    for path in folder.glob("*.toml"):
        content = tomllib.loads(path.read_text())
        assert all("source" in content[block] for block in ("loading", "voltage_change")), path


def test_limits_are_frozen() -> None:
    limits = read_limits()
    with pytest.raises((dataclasses.FrozenInstanceError, ValueError)):
        limits.name = "other"  # type: ignore[misc]
