"""Judging: states say what plain pandapower says of the network really built; rules of what counts."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from capacity.connection import ConnectionConfig, ConnectionGrid, connection_grid
from capacity.connection.drawn_options import Offer, blocks_of
from capacity.connection.judging import BLOCKED_COLUMNS, CHECK_COLUMNS, Judgement, bearing, judge
from capacity.connection.option import SupplyOption
from capacity.connection.site import Site
from capacity.connection.site_cases import site_of
from capacity.connection.supply_points import supply_options
from capacity.demand.development import Development
from capacity.limits import read_limits
from tests.capacity.connection.plain_pandapower import plain_today, plain_with
from tests.capacity.connection.ring_town import plot, town

BEHIND_C = plot(1150, -40)


@pytest.fixture(scope="module")
def grid() -> ConnectionGrid:
    return connection_grid(town())


@cache
def _judged(
    grid: ConnectionGrid, kw: float, **more: float
) -> tuple[Site, tuple[SupplyOption, ...], list[Judgement]]:
    site = site_of(grid, Development(BEHIND_C, site_id="new", demand_kw=kw, **more))  # type: ignore[arg-type]
    options = tuple(option for option in supply_options(grid, [site])[0].options if not option.problem)
    return site, options, judge(grid, [site], [options])[0]


@pytest.mark.parametrize("kw", [60.0, 3000.0])
def test_the_first_option_that_fits_breaks_nothing_in_plain_pandapower(
    grid: ConnectionGrid, kw: float
) -> None:
    site, options, judged = _judged(grid, kw)
    option = next(option for option, said in zip(options, judged, strict=True) if said.fits)
    for case in range(len(grid.states)):
        after = plain_with(grid, option.changes, option.site_bus_id, site.kva, case)
        assert after.broken() <= plain_today(grid, case).broken()
        assert np.isfinite(after.vm_pu[option.site_bus_id])


def test_what_blocks_is_what_plain_pandapower_finds_broken(grid: ConnectionGrid) -> None:
    """Stations and cables sized for 150 kW, and 30 % more drawn behind them."""
    sized, options, _ = _judged(grid, 150.0)
    site = Site(sized.development, sized.kva * 1.3, sized.demand_kw * 1.3)
    judged = judge(grid, [site], [options])[0]
    refused = [(o, j) for o, j in zip(options, judged, strict=True) if not j.fits]
    assert refused
    for option, said in refused[:2]:
        assert tuple(said.blocked.columns) == BLOCKED_COLUMNS
        for case_id, rows in said.blocked.groupby("case_id"):
            case = grid.cases.labels.index.get_loc(case_id)
            found = plain_with(grid, option.changes, option.site_bus_id, site.kva, case)
            told = rows[rows["check"] != "voltage_change"]
            assert set(zip(told["table"], told["element_id"], strict=True)) == found.broken()
            for row in rows[rows["table"] == "transformers"].itertuples():
                assert row.value == pytest.approx(found.transformer[row.element_id], abs=1e-4)


def test_a_site_at_a_cut_open_end_is_carried_by_the_open_point(grid: ConnectionGrid) -> None:
    """K3 ends open at M1: when its piece at M3 fails, W is closed for the site between."""
    _, options, judged = _judged(grid, 60.0)
    at = next(k for k, one in enumerate(options) if one.kind == "mv_tap" and "K3@" in one.option_id)
    assert judged[at].fits


def test_the_figures_told_are_those_of_the_network_really_built(grid: ConnectionGrid) -> None:
    site, options, judged = _judged(grid, 60.0)
    option, said = options[0], judged[0]
    assert tuple(said.checks.columns) == CHECK_COLUMNS
    cases = {case_id: grid.cases.labels.index.get_loc(case_id) for case_id in said.checks["case_id"]}
    built = (option.changes, option.site_bus_id, site.kva)
    plain = {one: (plain_with(grid, *built, case), plain_today(grid, case)) for one, case in cases.items()}
    for row in said.checks.itertuples():
        found, before = plain[row.case_id]
        if row.check == "voltage_change":
            moved = abs(found.vm_pu[row.element_id] - before.vm_pu[row.element_id])
            assert row.with_site == pytest.approx(100.0 * moved, abs=1e-5)
        elif row.table == "buses":
            assert row.with_site == pytest.approx(found.vm_pu[row.element_id], abs=1e-7)
        else:
            kind = "line" if row.table == "lines" else "transformer"
            assert row.with_site == pytest.approx(getattr(found, kind)[row.element_id], abs=1e-4)
            if not math.isnan(row.today):
                assert row.today == pytest.approx(getattr(before, kind)[row.element_id], abs=1e-4)


def test_an_outage_of_the_line_that_is_cut_takes_out_the_piece_nearer_to_the_source(
    grid: ConnectionGrid,
) -> None:
    """Looped into K1, the site is fed through W, K3 and K2 once the piece at M1 is out."""
    site, options, judged = _judged(grid, 400.0)
    loop = next(at for at, one in enumerate(options) if one.kind == "mv_loop" and "K1@" in one.option_id)
    assert judged[loop].fits
    case = grid.cases.labels.index.get_loc("n_minus_1|lines K1")
    found = plain_with(grid, options[loop].changes, options[loop].site_bus_id, site.kva, case)
    assert np.isfinite(found.vm_pu[options[loop].site_bus_id])
    assert found.line["K3"] > 3.0 * plain_today(grid, case).line["K3"]


def test_a_spur_that_nothing_restores_today_is_not_asked_for_n_minus_1(grid: ConnectionGrid) -> None:
    assert "n_minus_1|lines K4" not in grid.cases.labels.index


def test_an_outage_bears_only_where_it_changes_the_way(grid: ConnectionGrid) -> None:
    case = grid.cases.labels.index.get_loc("n_minus_1|lines K1")
    bears = dict(zip(grid.network.buses.index, bearing(grid)[case], strict=True))
    assert bears["M3"] and bears["M2"] and not bears["M1"] and not bears["M4"] and not bears["C"]


def test_a_voltage_change_over_the_limit_blocks_though_the_band_holds(grid: ConnectionGrid) -> None:
    tight = read_limits()
    tight = tight.model_copy(
        update={"voltage_change": tight.voltage_change.model_copy(update={"lv_percent": 0.5})}
    )
    held = connection_grid(town(), ConnectionConfig(limits=tight))
    _, options, judged = _judged(held, 60.0)
    at = next(k for k, one in enumerate(options) if one.bus_id == "D")
    assert set(judged[at].blocked["check"]) == {"voltage_change"}
    assert set(judged[at].blocked["case_id"]) == {"peak"}


def test_bands_that_count_from_a_busbar_hold_for_new_buses_too() -> None:
    """dena: a new station's busbar may lie 2 % under the bus above it, wherever that is fed from."""
    held = connection_grid(town(), ConnectionConfig(limits=read_limits("dena")))
    site, options, judged = _judged(held, 240.0)
    at = next(k for k, one in enumerate(options) if one.kind == "mv_tap" and one.bus_id == "M2")
    option = options[at]
    rows = judged[at].checks.query("table == 'buses' and check != 'voltage_change'")
    for row in rows.itertuples():
        case = held.cases.labels.index.get_loc(row.case_id)
        found = plain_with(held, option.changes, option.site_bus_id, site.kva, case)
        above = next(bus for bus in found.vm_pu.index if bus.endswith("|station"))
        assert row.limit == pytest.approx(
            found.vm_pu[above] + (-0.02 if row.check == "undervoltage" else 0.015)
        )


def test_each_is_judged_as_if_the_others_were_not_there(grid: ConnectionGrid) -> None:
    site, options, alone = _judged(grid, 60.0)
    other = site_of(grid, Development(plot(500, -60), site_id="other", demand_kw=90.0))
    theirs = [option for option in supply_options(grid, [other])[0].options if not option.problem]
    both = judge(grid, [site, other], [options, theirs])
    for one, two in zip(alone, both[0], strict=True):
        assert one.checks.round(9).equals(two.checks.round(9))


def test_two_of_one_name_are_drawn_apart(grid: ConnectionGrid) -> None:
    site, options, _ = _judged(grid, 10.0)
    offers = [Offer(site, options[0]), Offer(site, options[0]), Offer(site, options[1])]
    assert [block.tolist() for block in blocks_of(offers)] == [[0, 2], [1]]


def test_more_demand_never_unblocks(grid: ConnectionGrid) -> None:
    """Of the same options, with more drawn: what is blocked stays blocked, and more is."""
    site, options, _ = _judged(grid, 150.0)
    drawn = [Site(site.development, site.kva * more, site.demand_kw * more) for more in (1.0, 2.0)]
    fits = np.array([[one.fits for one in judge(grid, [more], [options])[0]] for more in drawn])
    assert (fits[1] <= fits[0]).all() and fits[1].sum() < fits[0].sum()
