"""Customers of a network: which figure is their size, by hand, and nobody without one who is not told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from capacity.demand.coincidence import (
    AsGiven,
    DemandFactor,
    Method,
    Pylovo,
    Rusck,
    Velander,
    default_methods,
)
from capacity.demand.customer_size import COLUMN_OF, SizeBasis, default_sizes
from capacity.demand.customers import CUSTOMER_COLUMNS, ONLY_REACTIVE, customers_of, lacking_figures
from gis import Network
from gis.examples import network_from_text
from gis.schema import CUSTOMER_CLASSES
from gridmodel import build_model

RUSCK = Rusck(g_inf=0.2, source="Rusck 1956")
DEMAND_FACTOR = DemandFactor.model_validate({})
VELANDER = Velander(k1_kw_per_kwh=3e-4, k2_kw_per_root_kwh=0.025, source="an example")


def network() -> Network:
    return network_from_text("""
        bus A 0.4
        bus B 0.4
        source S A
        line L A B 40 "NAYY 4x150 SE"
        load one B 8 residential 4 annual_kwh=12000 service_kw=40
        load two B 3 residential 1 cos_phi=0.9
        load off B 3 residential 1 in_service=false
        load shop B 20 commercial 1 annual_kwh=50000 q_kvar=5
        load none B 5 residential 0
    """)


def peaks(basis: dict[str, object], method: object = RUSCK, **more: object) -> pd.DataFrame:
    size = SizeBasis.model_validate({"source": "the test", **basis})
    found = customers_of(network(), {"residential": size}, {"residential": method}, **more)  # type: ignore[arg-type, dict-item]
    return found.set_index("load_id")


@pytest.mark.parametrize(
    ("basis", "one_kw", "two_kw"),
    [
        ({"basis": "single_peak"}, 2.0, 3.0),
        ({"basis": "after_diversity"}, 2.0 / 0.2, 3.0 / 0.2),
        ({"basis": "coincident"}, 8.0 / (4 * 0.2 + 0.8 * 2.0), 3.0),
        ({"basis": "annual_kwh", "full_load_h": 2000.0}, 3000 / 2000 / 0.2, np.nan),
        ({"basis": "service_kw", "used_share": 0.5}, 5.0, np.nan),
        ({"basis": "admd", "admd_kw": 4.5}, 22.5, 22.5),
        ({"basis": "fixed", "single_kw": 14.5}, 14.5, 14.5),
    ],
)
def test_size_by_hand(basis: dict[str, object], one_kw: float, two_kw: float) -> None:
    """Four homes on one load of 8 kW, and one of 3 kW; Rusck with g_inf 0.2."""
    found = peaks(basis)
    assert found.loc["one", "peak_kw"] == pytest.approx(one_kw)
    assert found.loc["two", "peak_kw"] == pytest.approx(two_kw, nan_ok=True)
    assert found.loc["one", "customers"] == 4
    assert found.loc["none", "customers"] == 1


@pytest.mark.parametrize("method", [RUSCK, Pylovo(g_inf=0.07, source="pylovo"), DEMAND_FACTOR, AsGiven()])
def test_a_coincident_figure_comes_out_again_as_what_the_load_draws(method: Method) -> None:
    found = peaks({"basis": "coincident"}, method)
    for load_id, p_kw in (("one", 8.0), ("two", 3.0), ("none", 5.0)):
        assert method.together_kw(found.loc[[load_id]]) == pytest.approx(p_kw)


def test_a_figure_after_diversity_is_what_very_many_draw_each() -> None:
    found = peaks({"basis": "after_diversity"})
    many = pd.DataFrame({"customers": [10**9], "peak_kw": [found.loc["one", "peak_kw"]]})
    assert RUSCK.together_kw(many) / 10**9 == pytest.approx(2.0, rel=1e-3)


def test_floor_area_by_homes_and_by_square_metre() -> None:
    steps = [[80, 4], [120, 6], [150, 8], [1e9, 12]]
    area = pd.Series({"one": 80.0, "two": 80.5, "off": 200.0})
    homes = peaks({"basis": "home_area", "home_kw": steps}, floor_area_m2=area)
    assert homes["peak_kw"].to_dict() == {
        "one": 4.0, "two": 6.0, "off": 12.0, "shop": 20.0, "none": pytest.approx(np.nan, nan_ok=True)
    }  # fmt: skip
    assert homes.loc["none", "status"] == "no_figure"
    typical = peaks({"basis": "floor_area", "w_per_m2": 50.0, "floor_area_m2": 100.0}, floor_area_m2=area)
    assert typical["peak_kw"].to_dict() == {"one": 4.0, "two": 4.025, "off": 10.0, "shop": 20.0, "none": 5.0}


def test_who_lacks_the_figure_stays_with_status_and_reason_and_is_counted() -> None:
    found = peaks({"basis": "annual_kwh", "full_load_h": 2000.0})
    assert list(found.reset_index().columns) == list(CUSTOMER_COLUMNS)
    assert found["status"].to_dict() == {
        "one": "placed", "two": "no_figure", "off": "out_of_service", "shop": "placed", "none": "no_figure"
    }  # fmt: skip
    assert found.loc["two", "reason"] == "annual_kwh is missing, which is the size of residential"
    assert len(found) == len(network().loads)


def test_a_method_by_energy_asks_for_it_whatever_the_size() -> None:
    found = peaks({"basis": "single_peak"}, VELANDER)
    assert found.loc["two", "status"] == "no_figure"
    assert found.loc["two", "reason"] == "annual_kwh is missing, which the method of residential needs"
    again = lacking_figures(customers_of(network()), {"residential": VELANDER}).set_index("load_id")
    assert again["status"].to_dict() == found["status"].to_dict()


def test_without_sizes_every_load_is_as_the_file_says() -> None:
    found = customers_of(network()).set_index("load_id")
    assert found["peak_kw"].to_dict() == {"one": 2.0, "two": 3.0, "off": 3.0, "shop": 20.0, "none": 5.0}
    assert found.loc["two", "tan_phi"] == pytest.approx(np.tan(np.arccos(0.9)))
    assert found.loc["shop", "tan_phi"] == pytest.approx(0.25)


def test_reactive_power_is_that_of_a_plain_load_flow() -> None:
    """Where the file says nothing, both take the planning power factor."""
    net = build_model(network()).net
    found = customers_of(network())
    np.testing.assert_allclose(
        found["tan_phi"] * found["peak_kw"] * found["customers"], 1e3 * net.load["q_mvar"]
    )
    assert found["tan_phi"].min() > 0.0


def test_floor_area_of_the_file_is_used() -> None:
    grid = network()
    loads = grid.loads.assign(floor_area_m2=["70", "no number", "90", "", None])
    found = customers_of(dataclasses.replace(grid, loads=loads))
    np.testing.assert_array_equal(found["floor_area_m2"], [70.0, np.nan, 90.0, np.nan, np.nan])


def test_classes_have_sizes_of_their_own() -> None:
    sizes = {
        "residential": SizeBasis(basis="after_diversity", source="a"),
        "commercial": SizeBasis(basis="service_kw", source="b"),
    }
    methods = {"residential": RUSCK, "commercial": Pylovo(g_inf=0.5, source="pylovo")}
    found = customers_of(network(), sizes, methods).set_index("load_id")
    assert found.loc["one", "peak_kw"] == pytest.approx(10.0)
    assert found.loc["shop", "status"] == "no_figure"


def test_the_defaults_never_draw_less_at_the_head_than_the_file_says() -> None:
    sizes, methods = default_sizes(), default_methods()
    assert set(sizes) == set(CUSTOMER_CLASSES)
    placed = customers_of(network(), sizes, methods).query("status == 'placed'")
    for group, rows in placed.groupby("group"):
        given_kw = network().loads.loc[rows["load_id"], "p_kw"].sum()
        assert methods[group].together_kw(rows) >= given_kw - 1e-9  # type: ignore[attr-defined, index]
    assert isinstance(methods["industrial"], AsGiven)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"basis": "annual_kwh", "source": "x"}, "needs full_load_h"),
        ({"basis": "admd", "source": "x"}, "needs admd_kw"),
        ({"basis": "home_area", "home_kw": [[80, 6], [60, 4]], "source": "x"}, "ascend"),
        ({"basis": "by_guess", "source": "x"}, "Input should be"),
        ({"basis": "single_peak"}, "source"),
    ],
)
def test_a_size_that_makes_no_sense_is_refused(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SizeBasis.model_validate(written)


def test_every_basis_that_reads_a_column_reads_one_there_is() -> None:
    assert set(COLUMN_OF.values()) <= {*network().loads.columns, "floor_area_m2"}


def test_reactive_power_without_active_power_is_told_not_lost() -> None:
    text = (
        'bus A 0.4\nbus B 0.4\nsource S A\nline L A B 40 "NAYY 4x150 SE"\nload bank B 0 industrial 1 q_kvar=8'
    )
    assert customers_of(network_from_text(text))["reason"].tolist() == [ONLY_REACTIVE]
