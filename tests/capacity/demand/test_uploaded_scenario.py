"""A scenario sent by a person: its figures count, its faults are all told, it opens nothing on the server."""

from __future__ import annotations

import pytest

from capacity.demand.uploaded_scenario import UPLOAD_MOST_MB, read_uploaded_scenario
from gis import InputError

GOOD = """
scenario_id = "own"
name = "Mine"
source = "me"
base_year = 2025
years = [2025, 2030]
seed = 1
[profile]
year = 2025
source = "me"
[uptake.ev]
technology = "ev"
customers = ["residential"]
shares = { 2025 = 0.0, 2030 = 0.5 }
unit_kw = 11.0
source = "me"
"""


def faults_of(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(InputError) as refused:
        read_uploaded_scenario(content, "mine.toml")
    return [f"{row.element_id}: {row.message}" for row in refused.value.findings.itertuples()]


def test_a_scenario_sent_is_read_as_one_on_disk() -> None:
    scenario = read_uploaded_scenario(GOOD.encode(), "mine.toml")
    assert (scenario.name, scenario.years) == ("Mine", (2025, 2030))
    assert scenario.uptake["ev"].unit_kw == 11.0


def test_every_key_that_names_a_file_is_refused_at_once() -> None:
    text = GOOD.replace('year = 2025\nsource = "me"', 'year = 2025\nfile = "/etc/passwd"\nsource = "me"')
    text += (
        '[meters]\nfile = "../readings.csv"\nmapping = "m.toml"\nsource = "me"\n'
        '[sites]\nfile = "s.gpkg"\nassumptions = "a.toml"\nsource = "me"\n'
        '[tariff]\nfile = "t.toml"\nsource = "me"\n'
    )
    keys = {fault.split(":")[0] for fault in faults_of(text)}
    expected = {
        "profile.file", "meters.file", "meters.mapping", "sites.file", "sites.assumptions", "tariff.file"
    }  # fmt: skip
    assert keys == expected


def test_a_refusal_names_the_users_file_and_no_place_on_the_server() -> None:
    with pytest.raises(InputError) as refused:
        read_uploaded_scenario(b"not TOML", "mine.toml")
    assert str(refused.value).startswith("mine.toml")
    assert "feederplan-scenario" not in str(refused.value)


def test_all_faults_of_figures_are_told() -> None:
    faults = faults_of(GOOD.replace("seed = 1", "seed = -1").replace("unit_kw = 11.0", "unit_kw = -2"))
    assert [fault.split(":")[0] for fault in faults] == ["seed", "uptake.ev.unit_kw"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"#" * (UPLOAD_MOST_MB * 1024 * 1024 + 1), "bytes"),
        (b"x = " + b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not TOML"),
        (GOOD.replace("[2025, 2030]", str(list(range(2025, 2100)))).encode(), "75 years"),
        ((GOOD + 'siting = "clustered"\nclusters = 1_000_000_000\n').encode(), "1,000,000,000 clusters"),
    ],
    ids=["too large", "too deep", "no text", "too many years", "too many clusters"],
)
def test_a_scenario_that_would_hold_up_others_is_refused(content: bytes, word: str) -> None:
    assert word in " ".join(faults_of(content))
