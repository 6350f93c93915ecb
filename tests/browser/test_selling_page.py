"""The pages about years in a real browser: drawn offline, a row flies to its place."""

from __future__ import annotations

import pytest

from .test_app import _click_first_row, _keep, _map, demo_app, open_page  # noqa: F401  # fixtures

pytestmark = pytest.mark.browser


def test_selling_page_draws_stations_by_what_they_can_take(open_page, traffic) -> None:  # noqa: F811
    page = open_page("Where to sell")
    page.get_by_text("Taken together").wait_for()
    page.wait_for_timeout(2000)
    assert _map(page).get_by_text("Spare capacity [kW]").is_visible()
    _keep(page, "sell")
    _click_first_row(page)
    page.get_by_text("at any hour of the year").wait_for()
    page.wait_for_timeout(1500)
    _keep(page, "sell_station")
    traffic.assert_clean()
