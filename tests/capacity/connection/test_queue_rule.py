"""Which applications hold their place, as the rule's file says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import shapely

from capacity.connection.queue_rule import in_order, queue_rule_names, read_queue_rule
from capacity.demand.development import Development
from gis import InputError

PLACE = shapely.Point(0.0, 0.0)
QUOTED = Development(PLACE, "Q", status="quoted", applied_on=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("status", "counts", "takes_part"),
    [
        ("energised", True, True),
        ("accepted", True, True),
        ("quoted", True, True),
        ("enquiry", False, True),
        ("withdrawn", False, False),
        ("expired", False, False),
    ],
)
def test_states_hold_their_place_as_the_rule_says(status: str, counts: bool, takes_part: bool) -> None:
    rule = read_queue_rule()
    asked = replace(QUOTED, status=status)
    assert rule.counts(asked, None) is counts
    assert (rule.why_left_out(asked) == "") is takes_part


def test_an_offer_holds_until_its_last_day() -> None:
    rule = read_queue_rule()
    last = date(2026, 1, 1) + timedelta(days=rule.quote.valid_days)
    assert rule.counts(QUOTED, last) and not rule.counts(QUOTED, last + timedelta(days=1))
    assert rule.counts(replace(QUOTED, status="accepted"), last + timedelta(days=1))


def test_the_order_is_by_day_then_id_and_without_a_day_last() -> None:
    days = [("B", date(2026, 2, 1)), ("A", date(2026, 2, 1)), ("Z", date(2026, 1, 1)), ("C", None)]
    asked = [Development(PLACE, name, applied_on=day) for name, day in days]
    assert [one.site_id for one in in_order(asked)] == ["Z", "A", "B", "C"]


def test_two_applications_of_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="several applications have this id"):
        in_order([QUOTED, QUOTED])


def test_own_rules_are_read_and_unknown_ones_refused(tmp_path: Path) -> None:
    shipped = Path(str(read_queue_rule.__globals__["_RULES"])) / f"{queue_rule_names()[0]}.toml"
    own = tmp_path / "own.toml"
    own.write_text(shipped.read_text().replace('enquiry = "never"', 'enquiry = "always"'))
    assert read_queue_rule(own).counts(replace(QUOTED, status="enquiry"), None)
    own.write_text(shipped.read_text().replace("valid_days = 90", "valid_days = -1"))
    with pytest.raises(InputError, match="valid_days"):
        read_queue_rule(own)
    with pytest.raises(InputError, match="no such queue rule"):
        read_queue_rule("last_come")
