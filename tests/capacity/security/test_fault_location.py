"""Where the fault is: between the last lit and the first dark indicator."""

from __future__ import annotations

from pathlib import Path

import pytest

from capacity.security.fault_location import Location, locate_fault, read_indicators
from gis import InputError
from tests.capacity.security.open_ring import ring


def located(text: str) -> Location:
    return locate_fault(ring(), read_indicators(text))


def sections(location: Location) -> list[str]:
    return location.candidates["section_id"].tolist()


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ("CB1=lit, W2=lit, W4=dark", ["K2", "C"]),
        ("CB1=lit, W2=lit, W3=dark", ["K2"]),
        ("W4=lit", ["K3", "D"]),
        ("CB1=dark, CB2=lit, W7=dark", ["K4", "E"]),
        ("K3=lit", ["K3", "D"]),  # a line without place: its end towards the source
        ("K2@B=lit, K2@C=dark", ["K2"]),
    ],
)
def test_the_fault_lies_between_the_last_lit_and_the_first_dark(states: str, found: list[str]) -> None:
    location = located(states)
    assert sections(location) == found
    assert not location.contradictions
    assert location.best()[1] == found[0]


def test_sections_with_more_line_come_first_and_shares_add_up() -> None:
    location = located("CB1=lit, W4=dark")
    assert sections(location) == ["K2", "K1", "B", "C"]
    assert location.candidates["line_share"].tolist() == pytest.approx([2 / 3, 1 / 3, 0.0, 0.0])


def test_contradictions_are_told_and_the_fewest_wrong_indicators_win() -> None:
    location = located("CB1=lit, W2=dark, W4=lit, CB2=lit")
    said = " ".join(location.contradictions)
    assert "W4 is lit, but W2 between it and the source is dark" in said
    assert "CB1 and CB2 are both lit" in said
    # K3 contradicts W2 and CB2; K1 contradicts W4 and CB2: both two, nothing contradicts one.
    assert set(location.candidates["contradicted"]) == {2}
    assert {"K1", "K3"} <= set(sections(location))


def test_an_indicator_at_an_open_point_is_told_apart() -> None:
    location = located("Z=lit, CB1=lit, W2=dark")
    assert location.indicators.loc["Z", "status"].startswith("not used")
    assert sections(location) == ["K1", "B"]


def test_every_bad_indicator_is_named() -> None:
    with pytest.raises(InputError) as told:
        located("nowhere=lit, W2=bright, W3=lit, W3=dark")
    for text in ("nowhere", "bright", "told twice"):
        assert text in str(told.value)


def test_states_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "states.csv"
    path.write_text("indicator_id,state\nW2,lit\nW3,dark\n")
    assert sections(located(str(path))) == ["K2"]
    path.write_text("id,state\nW2,lit\n")
    with pytest.raises(InputError, match="lacks the columns indicator_id"):
        located(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        located(str(tmp_path / "none.csv"))
