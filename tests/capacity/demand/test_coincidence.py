"""Coincidence: each method by hand, what all must obey for unequal customers, and every element of a tree."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from capacity.demand.coincidence import (
    METHODS,
    AnyMethod,
    AsGiven,
    DemandFactor,
    Din18015,
    Measured,
    Method,
    Pylovo,
    Rusck,
    StrandAxelsson,
    Velander,
    coincident_demand,
    default_methods,
    peaks_behind,
)
from capacity.demand.curves import by_number, least_concave
from capacity.demand.customers import customers_of
from gis import Network
from gis.examples import network_from_text
from gis.feeders import trace_supply
from gis.schema import CUSTOMER_CLASSES
from gridmodel import Scenario, build_model, run_load_flow
from gridmodel.demand_model import network_with_demand

TECHNOLOGIES = (
    "ev", "heat_pump", "cooking", "water_heating", "electric_boiler", "storage_heating", "cooling", "battery",
)  # fmt: skip
ROUNDING = 1e-9
EXAMPLES: dict[type[Method], Method] = {
    AsGiven: AsGiven(),
    Measured: Measured(source="meters"),
    Rusck: Rusck(g_inf=0.2, source="Rusck 1956"),
    Pylovo: Pylovo(g_inf=0.07, source="pylovo"),
    Velander: Velander(k1_kw_per_kwh=3e-4, k2_kw_per_root_kwh=0.025, source="an example"),
    StrandAxelsson: StrandAxelsson.model_validate({
        "constants": [
            {"customer_class": "residential", "k1_kw_per_kwh": 3e-4, "k2_kw_per_root_kwh": 0.025},
            {"customer_class": "commercial", "k1_kw_per_kwh": 4e-4, "k2_kw_per_root_kwh": 0.01},
        ],
        "source": "an example",
    }),
    Din18015: Din18015.model_validate({"electric_water_heating": True}),
    DemandFactor: DemandFactor.model_validate({}),
}  # fmt: skip


def equal(count: float, peak_kw: float = 8.0, annual_kwh: float = 4000.0) -> pd.DataFrame:
    return pd.DataFrame(
        {"group": ["residential"], "customers": [count], "peak_kw": [peak_kw], "annual_kwh": [annual_kwh]}
    )


# What n customers of 8 kW and 4,000 kWh draw together by the textbook.
def _jgj(n: float) -> float:
    """Printed factors 1, 0.9, 0.65 at 3, 9, 24; straight n x K(n) between."""
    return float(np.interp(n, [0, 3, 9, 24], [0, 3.0, 9 * 0.9, 24 * 0.65]))


TEXTBOOK = {
    AsGiven: lambda n: 8.0 * n,
    Measured: lambda n: 8.0 * n,
    Rusck: lambda n: 8.0 * n * (0.2 + 0.8 / math.sqrt(n)),
    Pylovo: lambda n: 8.0 * n * (0.07 + 0.93 * n**-0.75),
    Velander: lambda n: 3e-4 * 4000 * n + 0.025 * math.sqrt(4000 * n),
    StrandAxelsson: lambda n: 3e-4 * 4000 * n + 0.025 * math.sqrt(4000 * n),
    Din18015: lambda n: {1: 34.0, 2: 52.0, 7: 93.0, 10: 107.0, 20: 147.0}[n],
    DemandFactor: lambda n: 8.0 * _jgj(n),
}


def test_every_method_is_tried() -> None:
    assert set(METHODS) == set(EXAMPLES) == set(TEXTBOOK)


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("count", [1, 2, 7, 10, 20])
def test_equal_customers_follow_the_textbook(kind: type[Method], count: int) -> None:
    assert EXAMPLES[kind].together_kw(equal(count)) == pytest.approx(TEXTBOOK[kind](count), rel=1e-12)


@pytest.mark.parametrize("kind", METHODS)
def test_no_customers_draw_nothing_and_one_row_counts_as_its_customers(kind: type[Method]) -> None:
    method, homes = EXAMPLES[kind], pd.concat([equal(1)] * 5, ignore_index=True)
    assert method.together_kw(equal(5).iloc[:0]) == 0.0
    assert method.together_kw(homes) == pytest.approx(method.together_kw(equal(5)), rel=1e-12)


@st.composite
def streets(draw: st.DrawFn) -> tuple[pd.DataFrame, np.ndarray]:
    """Unequal customers, and a split of them in two."""
    size = draw(st.integers(1, 12))
    column = lambda low, high: draw(st.lists(st.floats(low, high), min_size=size, max_size=size))  # noqa: E731
    table = pd.DataFrame({
        "group": draw(st.lists(st.sampled_from(["residential", "commercial"]), min_size=size, max_size=size)),
        "customers": draw(st.lists(st.integers(1, 60), min_size=size, max_size=size)),
        "peak_kw": column(0.0, 60.0),
        "annual_kwh": column(0.0, 60_000.0),
    })  # fmt: skip
    return table, np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))


@pytest.mark.parametrize("kind", METHODS)
@settings(max_examples=60, deadline=None)
@given(street=streets())
def test_more_never_draw_less_and_never_more_than_their_parts(
    kind: type[Method], street: tuple[pd.DataFrame, np.ndarray]
) -> None:
    method, (customers, here) = EXAMPLES[kind], street
    whole = method.together_kw(customers)
    left, right = method.together_kw(customers[here]), method.together_kw(customers[~here])
    slack = ROUNDING * (1.0 + whole)
    assert max(left, right) <= whole + slack
    assert whole <= left + right + slack


@pytest.mark.parametrize("kind", METHODS)
@settings(max_examples=60, deadline=None)
@given(street=streets(), extra=st.floats(0.0, 50.0))
def test_a_larger_customer_never_makes_the_whole_smaller(
    kind: type[Method], street: tuple[pd.DataFrame, np.ndarray], extra: float
) -> None:
    method, (customers, here) = EXAMPLES[kind], street
    grown = customers.assign(
        peak_kw=customers["peak_kw"] + np.where(here, extra, 0.0),
        annual_kwh=customers["annual_kwh"] + np.where(here, 1e3 * extra, 0.0),
    )
    before = method.together_kw(customers)
    assert method.together_kw(grown) >= before - ROUNDING * (1.0 + before)


@pytest.mark.parametrize("kind", [AsGiven, Measured, Rusck, Pylovo])
@settings(max_examples=60, deadline=None)
@given(street=streets(), factor=st.floats(0.01, 10.0))
def test_twice_the_customers_peaks_is_twice_the_peak(
    kind: type[Method], street: tuple[pd.DataFrame, np.ndarray], factor: float
) -> None:
    method, (customers, _) = EXAMPLES[kind], street
    scaled = method.together_kw(customers.assign(peak_kw=factor * customers["peak_kw"]))
    assert scaled == pytest.approx(factor * method.together_kw(customers), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", [AsGiven, Rusck, Pylovo, DemandFactor])
def test_many_factor_is_what_very_many_come_to(kind: type[Method]) -> None:
    method, many = EXAMPLES[kind], 10**9
    assert method.together_kw(equal(many)) / many / 8.0 == pytest.approx(method.many_factor, rel=1e-3)


def test_homes_of_two_sizes_stand_in_layers() -> None:
    """24 homes have 4 kW (K 0.65), 9 of them 4 kW more (K 0.9), one of these 4 kW that no level holds."""
    street = pd.DataFrame({"customers": [15, 8, 1], "peak_kw": [4.0, 8.0, 20.0]})
    by_hand = 4 * 24 * 0.65 + 4 * 9 * 0.9 + (12 - 8) * 1 + (16 - 12) * 1 + (20 - 16)
    assert EXAMPLES[DemandFactor].together_kw(street) == pytest.approx(by_hand)


def test_printed_factors_are_never_undercut_and_mostly_met() -> None:
    method = DemandFactor.model_validate({})
    printed = {homes: homes * factor for homes, factor in method.factors}
    for homes, together in printed.items():
        assert method.together_kw(equal(homes, peak_kw=4.0)) >= 4.0 * together * (1 - 1e-12)
    for homes in (3, 9, 24, 372):
        assert method.together_kw(equal(homes, peak_kw=4.0)) == pytest.approx(4.0 * printed[homes])


def test_a_table_in_steps_gets_the_least_concave_cover() -> None:
    x, y = least_concave([(1.0, 1.0), (2.0, 1.1), (4.0, 3.0), (6.0, 3.2)])
    assert (x.tolist(), y.tolist()) == ([0.0, 1.0, 4.0, 6.0], [0.0, 1.0, 3.0, 3.2])
    x, _ = least_concave([(1.0, 1.0), (4.0, 3.0), (6.0, 3.2)], least_slope=0.5)
    assert x.tolist() == [0.0, 1.0, 4.0]
    beyond = by_number(np.array([10.0]), [(1.0, 1.0), (4.0, 3.0), (6.0, 3.2)], beyond=0.5)
    assert beyond[0] == pytest.approx(3.0 + 0.5 * 6.0)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"method": "ruskc", "g_inf": 0.2, "source": "x"}, "does not match any of the expected tags"),
        ({"method": "rusck", "g_inf": 1.2, "source": "x"}, "less than or equal to 1"),
        ({"method": "rusck", "g_inf": 0.2}, "source"),
        ({"method": "velander", "source": "x"}, "k1_kw_per_kwh"),
        ({"method": "din_18015", "electric_water_heating": True, "curve": [[1, 5], [1, 6]]}, "ascend"),
        ({"method": "demand_factor", "factors": [[3, 1.0], [9, 1.4]]}, "not above 1"),
        ({"method": "demand_factor", "levels_kw": [8, 4]}, "ascend"),
    ],
)
def test_a_method_that_makes_no_sense_is_refused(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnyMethod).validate_python(written)


@pytest.mark.parametrize("kind", METHODS)
def test_every_method_goes_through_toml_and_back(kind: type[Method]) -> None:
    adapter: TypeAdapter[Method] = TypeAdapter(AnyMethod)
    assert adapter.validate_json(adapter.dump_json(EXAMPLES[kind])) == EXAMPLES[kind]


def test_every_class_and_technology_has_a_default_with_its_source() -> None:
    methods = default_methods()
    assert set(methods) == {*CUSTOMER_CLASSES, *TECHNOLOGIES}
    assert all(len(method.source) > 10 for method in methods.values())


def test_water_heating_default_meets_the_difference_of_the_two_din_curves_at_ten_dwellings() -> None:
    with_, without = (
        Din18015.model_validate({"electric_water_heating": electric}).together_kw(equal(10))
        for electric in (True, False)
    )
    water = default_methods()["water_heating"].together_kw(equal(10, peak_kw=34.0 - 14.5))  # type: ignore[attr-defined]
    assert water == pytest.approx(with_ - without, rel=0.02)


#   S --a-- A --b-- B --d-- D       homes: A 1, B 2, C 1, D 3, E 4
#           |       +---c-- C
#           +---e-- E
def small_tree() -> Network:
    return network_from_text("""
        bus S 0.4
        bus A 0.4
        bus B 0.4
        bus C 0.4
        bus D 0.4
        bus E 0.4
        source G S
        line a S A 40 "NAYY 4x150 SE"
        line b A B 30 "NAYY 4x150 SE"
        line c B C 20 "NAYY 4x150 SE"
        line d B D 20 "NAYY 4x150 SE"
        line e A E 60 "NAYY 4x150 SE"
        load La A 6 residential 1 annual_kwh=9000
        load Lb B 12 residential 2 annual_kwh=8000
        load Lc C 8 residential 1 annual_kwh=3000
        load Ld D 18 residential 3 annual_kwh=10000
        load Le E 24 residential 4 annual_kwh=20000
    """)


@pytest.mark.parametrize("kind", METHODS)
def test_every_branch_of_a_load_flow_carries_the_peak_of_all_behind_it(kind: type[Method]) -> None:
    network, method = small_tree(), EXAMPLES[kind]
    supply, customers = trace_supply(network), customers_of(network)
    demand = coincident_demand(supply, customers, {"residential": method})
    result = run_load_flow(build_model(network_with_demand(network, demand)), Scenario())
    behind = {"a": "ABCDE", "b": "BCD", "c": "C", "d": "D", "e": "E"}
    lines_behind = {"a": "abcde", "b": "bcd", "c": "c", "d": "d", "e": "e"}
    for line, buses in behind.items():
        loss_kw = result.lines.loc[list(lines_behind[line]), "loss_kw"].sum()
        own = customers[customers["bus_id"].isin(list(buses))]
        carried_kw = result.lines.loc[line, "p_from_kw"] - loss_kw
        assert carried_kw == pytest.approx(method.together_kw(own), rel=1e-6)
    assert demand.kva.real.sum() == pytest.approx(method.together_kw(customers), rel=1e-12)


def test_power_factor_of_a_set_is_the_mean_by_size() -> None:
    network = small_tree()
    customers = customers_of(network).assign(tan_phi=[0.0, 0.1, 0.2, 0.3, 0.4])
    kva = peaks_behind(trace_supply(network), customers, EXAMPLES[Rusck])[0]
    by_hand = (0.1 * 12 + 0.2 * 8 + 0.3 * 18 + 0.4 * 24) / (6 + 12 + 8 + 18 + 24)
    assert kva.imag / kva.real == pytest.approx(by_hand)


def test_a_customer_without_the_figure_is_never_a_silent_nothing() -> None:
    network = small_tree()
    customers = customers_of(network)
    customers.loc[2, "annual_kwh"] = np.nan
    with pytest.raises(ValueError, match="1 customers lack a figure their method needs, first Lc"):
        coincident_demand(trace_supply(network), customers, {"residential": EXAMPLES[Velander]})
