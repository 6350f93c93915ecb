"""Changes of a network: applied, joined, taken back; every fault at once and nothing half done."""

from __future__ import annotations

import pandas as pd
import pytest

from gis import InputError, Network
from gis.changes import NetworkChanges, apply_changes, cells_of, inverse_of, join_changes
from tests.capacity.grids import station


@pytest.fixture(scope="module")
def network() -> Network:
    return station()


def _line_beside(network: Network, line_id: str) -> pd.DataFrame:
    """A row for a new line beside one that is there."""
    line = network.lines.iloc[[0]].reset_index()
    return line[["from_bus_id", "to_bus_id", "vn_kv", "type_id", "length_m", "geometry"]].assign(
        line_id=line_id
    )


def test_rows_are_added_changed_and_removed_and_the_network_given_stays(network: Network) -> None:
    first, last = network.lines.index[0], network.loads.index[-1]
    before = network.lines.copy()
    changes = NetworkChanges(
        {"lines": _line_beside(network, "new")},
        cells_of(("lines", first, "in_service", False)),
        {"loads": (last,)},
    )
    changed = apply_changes(network, changes)
    assert set(changed.lines.index) == {*network.lines.index, "new"}
    assert changed.lines.loc["new", "in_service"] and changed.lines.loc["new", "parallel"] == 1  # defaults
    assert not changed.lines.loc[first, "in_service"]
    assert last not in changed.loads.index
    assert changed.lines.dtypes.equals(before.dtypes) and changed.lines.crs == network.crs
    pd.testing.assert_frame_equal(pd.DataFrame(network.lines), pd.DataFrame(before))


def test_the_inverse_leads_back(network: Network) -> None:
    first = network.lines.index[0]
    changes = NetworkChanges(
        {"lines": _line_beside(network, "new")},
        cells_of(("lines", first, "type_id", "NAYY 4x150 SE"), ("lines", first, "r_ohm_per_km", None)),
    )
    changed = apply_changes(network, changes)
    assert pd.isna(changed.lines.loc[first, "r_ohm_per_km"])
    assert apply_changes(changed, inverse_of(network, changes)).equals(network)


def test_a_row_removed_comes_back_with_all_its_cells(network: Network) -> None:
    last = network.loads.index[-1]
    changes = NetworkChanges(removed={"loads": (last,)})
    assert apply_changes(apply_changes(network, changes), inverse_of(network, changes)).equals(network)


def test_joined_changes_are_all_of_them(network: Network) -> None:
    one = NetworkChanges({"lines": _line_beside(network, "one")})
    two = NetworkChanges(
        {"lines": _line_beside(network, "two")}, cells_of(("sources", "grid", "vm_pu", 1.02))
    )
    joined = join_changes([one, two, NetworkChanges()])
    assert list(joined.added["lines"]["line_id"]) == ["one", "two"]
    assert joined.touched == {("sources", "grid")}
    assert len(join_changes([]).cells) == 0


def test_every_fault_is_named_at_once(network: Network) -> None:
    first = network.lines.index[0]
    changes = NetworkChanges(
        {"lines": _line_beside(network, first)},
        cells_of(
            ("lines", "lost", "in_service", False),
            ("lines", first, "colour", "red"),
            ("lines", first, "parallel", 1),
            ("lines", first, "parallel", 2),
            ("pipes", "p", "x", 1),
        ),
        {"loads": ("gone",)},
    )
    with pytest.raises(InputError) as told:
        apply_changes(network, changes)
    text = str(told.value)
    for fault in (
        "'lost'",
        "no such column: colour",
        "parallel is told two values: 1, 2",
        "no such table",
        "'gone'",
    ):
        assert fault in text
    assert "is to be added but is there already" in text


def test_a_row_that_breaks_its_table_is_refused(network: Network) -> None:
    bad = _line_beside(network, "new").assign(length_m=-5.0)
    with pytest.raises(InputError, match="length_m"):
        apply_changes(network, NetworkChanges({"lines": bad}))
