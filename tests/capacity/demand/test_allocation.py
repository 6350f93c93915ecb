"""Load allocation: meters met with losses, nested ones together, by pandapower; faults told at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from capacity.demand.allocation import MET_SHARE, METER_COLUMNS, Allocation, allocate_peaks
from capacity.demand.coincidence import AsGiven, Coincidence, Din18015, Rusck, Velander, coincident_demand
from capacity.demand.customers import customers_of
from capacity.demand.meter_peaks import meter_peaks_of, read_meter_peaks
from gis import InputError, Network
from gis.examples import network_from_text
from gis.feeders import Supply, trace_supply
from gridmodel import LoadFlowResult, Scenario, build_model, run_load_flow
from gridmodel.demand_model import network_with_demand
from gridmodel.profile_set import ProfileSet

RUSCK = Rusck(g_inf=0.2, source="Rusck 1956")
CABLE, MV = '"NAYY 4x150 SE"', '"NA2XS2Y 1x185 RM/25 12/20 kV"'


#   Q --k1-- M1 --k2-- M2           20 kV
#            |T1       |T2          0.4 MVA and 0.4 MVA (T2 twice)
#            B1        B2
#            |l1       |l2
#            H1        H2
def town() -> Network:
    return network_from_text(f"""
        bus Q 20
        bus M1 20
        bus M2 20
        bus B1 0.4
        bus B2 0.4
        bus H1 0.4
        bus H2 0.4
        source S Q
        line k1 Q M1 3000 {MV}
        line k2 M1 M2 3000 {MV}
        transformer T1 M1 B1 "0.4 MVA 20/0.4 kV"
        transformer T2 M2 B2 "0.4 MVA 20/0.4 kV" parallel=2
        line l1 B1 H1 60 {CABLE}
        line l2 B2 H2 60 {CABLE}
        load b1 B1 20 residential 10 annual_kwh=30000
        load h1 H1 10 residential 5 annual_kwh=30000
        load b2 B2 40 commercial 2 annual_kwh=90000
        load h2 H2 10 residential 5 annual_kwh=10000
        generator P H2 30 pv
    """)


METHODS: dict[str, Coincidence] = {"residential": RUSCK, "commercial": AsGiven()}


def readings_of(network: Network, *rows: tuple[object, ...]) -> pd.DataFrame:
    raw = pd.DataFrame(rows, columns=["meter_id", "table", "element_id", "peak_kw", "time"][: len(rows[0])])
    return meter_peaks_of(raw.astype(str), network, trace_supply(network))


def allocated(*rows: tuple[object, ...], **more: object) -> tuple[Network, Supply, Allocation]:
    network = town()
    supply = trace_supply(network)
    customers = more.pop("customers", customers_of(network))
    methods = more.pop("methods", METHODS)
    return network, supply, allocate_peaks(
        network, supply, customers, methods, readings_of(network, *rows), **more  # type: ignore[arg-type]
    )  # fmt: skip


def solved_by_pandapower(network: Network, supply: Supply, customers: pd.DataFrame) -> LoadFlowResult:
    """All customers at their peak, no generation."""
    methods = {str(group): METHODS[str(group)] for group in customers["group"].unique()}
    demand = coincident_demand(supply, customers, methods)
    return run_load_flow(build_model(network_with_demand(network, demand)), Scenario())


def test_every_meter_reads_in_pandapower_what_it_measured_losses_included() -> None:
    network, supply, found = allocated(
        ("head", "lines", "k1", 210.0),
        ("station", "transformers", "T2", 120.0),
        ("cable", "lines", "l2", 31.0),
    )
    assert list(found.meters.columns) == list(METER_COLUMNS)
    assert found.meters["status"].tolist() == ["met"] * 3
    assert found.rounds <= 8
    result = solved_by_pandapower(network, supply, found.customers)
    assert result.lines.loc["k1", "p_from_kw"] == pytest.approx(210.0, rel=MET_SHARE)
    assert result.transformers.loc["T2", "p_hv_kw"] == pytest.approx(120.0, rel=MET_SHARE)
    assert result.lines.loc["l2", "p_from_kw"] == pytest.approx(31.0, rel=MET_SHARE)
    assert result.loss_kw > 1.0  # there is something to find


def test_before_is_what_flows_without_the_meters() -> None:
    network, supply, found = allocated(("head", "lines", "k1", 210.0))
    before = solved_by_pandapower(network, supply, customers_of(network))
    assert found.meters["before_kw"].iloc[0] == pytest.approx(before.lines.loc["k1", "p_from_kw"], rel=1e-6)


def test_each_meter_scales_its_own_customers_alike_and_no_others() -> None:
    _, _, found = allocated(("station", "transformers", "T2", 120.0), ("cable", "lines", "l2", 31.0))
    after = found.customers.set_index("load_id")
    before = customers_of(town()).set_index("load_id")
    factor = (after["peak_kw"] / before["peak_kw"]).to_dict()
    assert factor["b1"] == factor["h1"] == 1.0
    assert after["meter_id"].to_dict() == {"b1": None, "h1": None, "b2": "station", "h2": "cable"}
    meters = found.meters.set_index("meter_id")
    assert factor["b2"] == pytest.approx(meters.loc["station", "factor"])
    assert factor["h2"] == pytest.approx(meters.loc["cable", "factor"])
    assert meters["customers"].to_dict() == {"station": 2, "cable": 5}


def test_a_meter_on_one_lossless_home_by_hand() -> None:
    """One customer of 5 kW behind 0.1 mm of cable, read 12 kW: 2.4 times as large."""
    network = network_from_text(f"""
        bus A 0.4
        bus B 0.4
        source S A
        line l A B 0.0001 {CABLE}
        load h B 5 residential 1 q_kvar=0
    """)
    supply = trace_supply(network)
    readings = readings_of(network, ("m", "lines", "l", 12.0))
    found = allocate_peaks(network, supply, customers_of(network), {"residential": RUSCK}, readings)
    assert found.customers["peak_kw"].iloc[0] == pytest.approx(12.0, rel=1e-5)
    assert found.meters["factor"].iloc[0] == pytest.approx(2.4, rel=1e-5)


def test_a_line_drawn_against_the_flow_reads_at_the_end_that_feeds_it() -> None:
    network = network_from_text(f"""
        bus A 0.4
        bus B 0.4
        source S A
        line l B A 400 {CABLE}
        load h B 5 residential 1 q_kvar=0
    """)
    supply, methods = trace_supply(network), {"residential": RUSCK}
    found = allocate_peaks(
        network, supply, customers_of(network), methods, readings_of(network, ("m", "lines", "l", 60.0))
    )
    result = solved_by_pandapower(network, supply, found.customers)
    at_b_kw, loss_kw = result.lines.loc["l", ["p_from_kw", "loss_kw"]]
    assert loss_kw > 1.0
    assert loss_kw - at_b_kw == pytest.approx(60.0, rel=MET_SHARE)


def test_by_energy_and_by_rating_set_the_ratio_between_customers() -> None:
    _, _, by_energy = allocated(("head", "lines", "k1", 210.0), by="energy")
    peak = by_energy.customers.set_index("load_id")["peak_kw"]
    assert by_energy.meters["status"].tolist() == ["met"]
    assert peak["b1"] / peak["h1"] == pytest.approx((30000 / 10) / (30000 / 5))
    assert peak["b2"] / peak["h2"] == pytest.approx((90000 / 2) / (10000 / 5))
    _, _, by_rating = allocated(("head", "lines", "k1", 210.0), by="transformer_rating")
    size = by_rating.customers.set_index("load_id").eval("customers * peak_kw")
    assert by_rating.meters["status"].tolist() == ["met"]
    assert (size["b2"] + size["h2"]) / (size["b1"] + size["h1"]) == pytest.approx(2.0)
    assert size["b1"] / size["h1"] == pytest.approx(2.0)


def test_by_energy_needs_the_energy_of_all() -> None:
    lost = customers_of(town())
    lost.loc[[0, 2], "annual_kwh"] = np.nan
    with pytest.raises(InputError) as caught:
        allocated(("head", "lines", "k1", 210.0), by="energy", customers=lost)
    assert caught.value.findings["element_id"].tolist() == ["b1", "b2"]


def test_a_reading_with_a_time_sees_the_hour_and_its_generation() -> None:
    hours = pd.date_range("2025-01-15T16:00Z", periods=2, freq="h")
    factors = pd.DataFrame({"home": [0.5, 1.0], "shop": [1.0, 0.2], "sun": [0.6, 0.0]}, hours)
    profiles = ProfileSet(factors, {"residential": "home", "commercial": "shop"}, {"pv": "sun"})
    network, supply, found = allocated(
        ("head", "lines", "k1", 90.0, "2025-01-15T18:00+01:00"),
        ("station", "transformers", "T2", 40.0, "2025-01-15T16:00Z"),
        profiles=profiles,
    )
    assert found.meters["status"].tolist() == ["met", "met"]
    demand = coincident_demand(supply, found.customers, METHODS)
    for row, meter, table, column in (
        (0, "T2", "transformers", "p_hv_kw"),
        (1, "k1", "lines", "p_from_kw"),
    ):
        part = factors.iloc[row]
        at = dataclasses.replace(
            demand,
            kva=demand.kva
            * [part["home"] if group == "residential" else part["shop"] for group in demand.groups],
        )
        plants = network.generators.assign(p_kw=part["sun"] * network.generators["p_kw"])
        plain = dataclasses.replace(network_with_demand(network, at), generators=plants)
        result = run_load_flow(build_model(plain), Scenario(generation_factor=1.0))
        measured = {"T2": 40.0, "k1": 90.0}[meter]
        assert getattr(result, table).loc[meter, column] == pytest.approx(measured, rel=MET_SHARE)


def test_a_reading_with_a_time_needs_the_profile_of_everyone() -> None:
    hours = pd.date_range("2025-01-15T16:00Z", periods=1, freq="h")
    profiles = ProfileSet(pd.DataFrame({"home": [0.5]}, hours), {"residential": "home"})
    with pytest.raises(InputError) as caught:
        allocated(("head", "lines", "k1", 90.0, "2025-01-15T16:00Z"), profiles=profiles)
    assert caught.value.findings["element_id"].tolist() == ["commercial", "pv"]


def test_without_readings_or_customers_nothing_moves() -> None:
    network = town()
    supply, customers = trace_supply(network), customers_of(network)
    none = readings_of(network, ("head", "lines", "k1", 90.0)).iloc[:0]
    found = allocate_peaks(network, supply, customers, METHODS, none)
    assert found.meters.empty and list(found.meters.columns) == list(METER_COLUMNS)
    assert found.customers["peak_kw"].equals(customers["peak_kw"])
    one = readings_of(network, ("head", "lines", "k1", 90.0))
    nobody = allocate_peaks(network, supply, customers.iloc[:0], METHODS, one)
    assert nobody.meters["status"].tolist() == ["no_customers"]


def test_meters_that_cannot_be_met_are_told() -> None:
    _, _, found = allocated(("head", "lines", "k1", 50.0), ("station", "transformers", "T2", 120.0))
    meters = found.meters.set_index("meter_id")
    assert meters["status"].to_dict() == {"head": "below_nested", "station": "met"}
    assert meters.loc["head", "after_kw"] > 120.0
    fixed = Din18015.model_validate({"electric_water_heating": False})
    _, _, found = allocated(
        ("cable", "lines", "l2", 31.0), methods={"residential": fixed, "commercial": AsGiven()}
    )
    assert found.meters["status"].tolist() == ["no_customers"]
    assert (found.customers["peak_kw"] == customers_of(town())["peak_kw"]).all()


def test_a_reading_the_grid_cannot_carry_is_told() -> None:
    _, _, found = allocated(("cable", "lines", "l2", 5000.0))
    assert found.meters["status"].tolist() == ["no_solution"]


def test_velanders_customers_are_scaled_by_energy() -> None:
    velander = Velander(k1_kw_per_kwh=3e-4, k2_kw_per_root_kwh=0.025, source="an example")
    _, _, found = allocated(
        ("cable", "lines", "l2", 31.0), methods={"residential": velander, "commercial": AsGiven()}
    )
    assert found.meters["status"].tolist() == ["met"]
    kwh = found.customers.set_index("load_id")["annual_kwh"]
    assert velander.together_kw(found.customers[found.customers["load_id"] == "h2"]) == pytest.approx(
        31, rel=0.01
    )
    assert kwh["h2"] > 10000 / 5
    assert kwh["b2"] == 90000 / 2


def test_every_fault_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    network = town()
    path = tmp_path / "readings.csv"
    path.write_text(
        "meter_id,table,element_id,peak_kw,time\n"
        "a,lines,k1,210,\n"
        "a,lines,k2,100,\n"
        ",lines,l1,5,\n"
        "b,cables,l1,5,\n"
        "c,lines,nowhere,5,\n"
        "d,lines,l2,-3,\n"
        "e,transformers,T1,12,2025-01-15T16:00\n"
        "f,transformers,T1,x,yesterday\n"
    )
    with pytest.raises(InputError) as caught:
        read_meter_peaks(path, network, trace_supply(network))
    found = caught.value.findings
    assert set(found["rule"]) == {"bad_reading"}
    assert sorted(found["element_id"]) == ["a", "a", "b", "c", "d", "e", "f", "f", "f", "row 3"]
    assert found[found["element_id"] == "e"]["message"].iloc[0].startswith("not a time with a zone")


def test_a_meter_on_what_feeds_nothing_is_refused() -> None:
    network = town()
    lines = network.lines.assign(in_service=network.lines.index != "l2")
    network = dataclasses.replace(network, lines=lines)
    with pytest.raises(InputError, match="the element feeds nothing"):
        readings_of(network, ("m", "lines", "l2", 5.0))


def test_columns_and_times_that_are_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("meter,kw\na,1\n")
    with pytest.raises(InputError) as caught:
        read_meter_peaks(tmp_path / "r.csv", town(), trace_supply(town()))
    assert caught.value.findings["element_id"].tolist() == ["meter_id", "table", "element_id", "peak_kw"]
    with pytest.raises(InputError, match="not among the hours of the profiles"):
        allocated(("head", "lines", "k1", 90.0, "2025-01-15T18:00Z"))
    with pytest.raises(InputError, match="not readable as CSV"):
        read_meter_peaks(tmp_path / "none.csv", town(), trace_supply(town()))
