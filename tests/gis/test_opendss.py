"""OpenDSS circuits: balanced ones are solved as OpenDSS solves them, others keep power, losses and ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gis
from benchmarks.compare_opendss import Comparison, compare_script
from gis.formats import opendss
from gis.formats.opendss.circuit import Terminal, terminal
from gis.formats.opendss.sequence import (
    directions,
    effective,
    series_equivalent,
    shunt_equivalent,
    without_neutral,
)
from gis.importer import Imported, import_file, require_network
from gridmodel import build_model, run_load_flow
from gridmodel.scenario import Scenario

CRS = "EPSG:32615"
# As far as OpenDSS's own iteration goes: its tolerance is 1e-4 of the voltage.
SAME_PU = 1e-4
SAME_SHARE = 1e-3

# A source behind an impedance, five units of length, a load at the end; 60 Hz.
#
#   a --- b (mi) --- c (kft) --- d (km) --- e (m) --- f (ft)
LINES = """clear
set defaultbasefrequency=60
new circuit.lines basekv=12.47 bus1=a pu=1.02 mvasc3=500
new linecode.overhead nphases=3 r1=0.3 x1=0.6 r0=0.7 x0=1.8 c1=12 c0=5 units=mi
new line.l1 bus1=a bus2=b linecode=overhead length=1.5 units=mi
new line.l2 bus1=b bus2=c linecode=overhead length=3.0 units=kft
new line.l3 bus1=c bus2=d linecode=overhead length=1.2 units=km
new line.l4 bus1=d bus2=e linecode=overhead length=800 units=m
new line.l5 bus1=e bus2=f linecode=overhead length=2000 units=ft
new load.x bus1=f kv=12.47 kw=900 kvar=300 vminpu=0.5
set voltagebases=[12.47]
calcvoltagebases
solve
"""
CABLE = """clear
set defaultbasefrequency=50
new circuit.cable basekv=20 bus1=a pu=1.0 mvasc3=5000
new linecode.cable nphases=3 units=km
~ rmatrix=[0.21 | 0.05 0.21 | 0.05 0.05 0.21]
~ xmatrix=[0.35 | 0.23 0.35 | 0.23 0.23 0.35]
~ cmatrix=[240 | 0 240 | 0 0 240]
new line.l bus1=a bus2=b linecode=cable length=30 units=km
new load.x bus1=b kv=20 kw=500 kvar=100 vminpu=0.5
set voltagebases=[20]
calcvoltagebases
solve
"""
TRANSFORMER = """clear
set defaultbasefrequency=50
new circuit.station basekv=20 bus1=a pu=1.0 mvasc3=5000
new transformer.t phases=3 windings=2 xhl=6 buses=[a b] conns=[delta wye] kvs=[20 0.4] kvas=[630 630]
~ %rs=[0.5 0.5]
~ wdg=1 tap=0.975
new line.l bus1=b bus2=c r1=0.2 x1=0.08 r0=0.8 x0=0.3 c1=0 c0=0 length=200 units=m
~ r1=0.0002 x1=0.00008 r0=0.0008 x0=0.0003
new load.x bus1=c kv=0.4 kw=200 kvar=50 vminpu=0.5
set voltagebases=[20 0.4]
calcvoltagebases
solve
"""
REGULATOR = """clear
set defaultbasefrequency=60
new circuit.regulated basekv=12.47 bus1=a pu=1.0 mvasc3=2000
new line.l1 bus1=a bus2=b r1=1 x1=2 r0=3 x0=6 c1=0 c0=0 length=1 units=mi
new transformer.reg phases=3 windings=2 xhl=0.01 %loadloss=0.001
~ buses=[b c] kvs=[12.47 12.47] kvas=[5000 5000]
new regcontrol.reg transformer=reg winding=2 vreg=122 band=1 ptratio=60
new line.l2 bus1=c bus2=d r1=1 x1=2 r0=3 x0=6 c1=0 c0=0 length=1 units=mi
new load.x bus1=d kv=12.47 kw=3000 kvar=1000 vminpu=0.5
set voltagebases=[12.47]
calcvoltagebases
solve
"""
CAPACITOR = LINES.replace(
    "set voltagebases", "new capacitor.k bus1=d phases=3 kv=13.2 kvar=900\nset voltagebases"
)
REACTOR = LINES.replace("bus1=a bus2=b", "bus1=r bus2=b").replace(
    "new load.x",
    "new reactor.s bus1=a bus2=r r=0.05 x=0.8\nnew reactor.p bus1=c kv=12.47 kvar=200\nnew load.x",
)
BALANCED = {
    "lines in five units": LINES,
    "cable, matrices": CABLE,
    "transformer, tap and vector group": TRANSFORMER,
    "regulator": REGULATOR,
    "capacitor": CAPACITOR,
    "reactors": REACTOR,
    "step-up": TRANSFORMER.replace("buses=[a b] conns=[delta wye] kvs=[20 0.4]", "buses=[a b]")
    .replace("~ %rs", "~ kvs=[20 0.4] conns=[wye delta] leadlag=lead %rs")
    .replace("wdg=1 tap=0.975", "wdg=2 tap=1.025"),
}

# One phase of a lateral, and a split-phase service behind a centre-tapped transformer.
ONE_PHASE = """clear
set defaultbasefrequency=60
new circuit.lateral basekv=12.47 bus1=a pu=1.0 mvasc3=20000 mvasc1=20000
new line.l phases=1 bus1=a.2 bus2=b.2 rmatrix=(2.0) xmatrix=(1.5) cmatrix=(0) length=1 units=km
new load.x phases=1 bus1=b.2 kv=7.2 kw=300 kvar=100 vminpu=0.5
set voltagebases=[12.47]
calcvoltagebases
solve
"""
SPLIT_PHASE = """clear
set defaultbasefrequency=60
new circuit.service basekv=12.47 bus1=a pu=1.0 mvasc3=20000 mvasc1=20000
new transformer.t phases=1 windings=3 xhl=2.4 xht=2.4 xlt=1.6 %noloadloss=0.4
~ wdg=1 bus=a.1 kv=7.2 kva=50 %r=0.3
~ wdg=2 bus=s.1.0 kv=0.12 kva=50 %r=0.6
~ wdg=3 bus=s.0.2 kv=0.12 kva=50 %r=0.6
new line.drop phases=2 bus1=s.1.2 bus2=h.1.2 length=30 units=m
~ rmatrix=[0.0006 | 0.0002 0.0006] xmatrix=[0.0004 | 0.0003 0.0004] cmatrix=[0 | 0 0]
new load.home phases=2 bus1=h.1.2 kv=0.208 kw=20 kvar=5 vminpu=0.5
set voltagebases=[12.47 0.208]
calcvoltagebases
solve
"""


@pytest.fixture
def master(tmp_path: Path) -> Path:
    pytest.importorskip("opendssdirect")
    return tmp_path / "Master.dss"


def compared(master: Path, text: str) -> Comparison:
    master.write_text(text, encoding="utf-8")
    return compare_script("test", master, CRS)


def imported(master: Path, text: str, crs: str | None = CRS) -> Imported:
    master.write_text(text, encoding="utf-8")
    return import_file(master, crs=crs)


def network_of(master: Path, text: str) -> gis.Network:
    return require_network(imported(master, text), master)


def named(network: gis.Network, rule: str, table: str) -> set[str]:
    found = network.findings
    return set(found["element_id"][(found["rule"] == rule) & (found["table"] == table)])


@pytest.mark.parametrize("text", BALANCED.values(), ids=BALANCED)
def test_a_balanced_circuit_is_solved_as_opendss_solves_it(master: Path, text: str) -> None:
    result = compared(master, text)
    assert result.as_it_is.v_off_max_pu < SAME_PU
    assert abs(result.as_it_is.p_off_percent) < 100.0 * SAME_SHARE
    assert result.loss_kw == pytest.approx(result.as_it_is.loss_kw, rel=0.01)


def test_a_magnetising_current_stands_in_the_middle_not_at_one_winding(master: Path) -> None:
    """OpenDSS draws 0.8 % behind the whole 6 %, the T circuit behind half of it: 0.8 % * 3 % = 2.4e-4 pu."""
    result = compared(master, TRANSFORMER.replace("%rs=[0.5 0.5]", "%rs=[0.5 0.5] %noloadloss=0.2 %imag=0.8"))
    assert 2e-4 < result.as_it_is.v_off_max_pu < 3e-4
    assert abs(result.as_it_is.p_off_percent) < 100.0 * SAME_SHARE
    assert result.loss_kw == pytest.approx(result.as_it_is.loss_kw, rel=0.001)


@pytest.mark.parametrize("text", [ONE_PHASE, SPLIT_PHASE], ids=["one phase", "split phase"])
def test_what_has_not_three_phases_keeps_its_power_losses_and_voltage(master: Path, text: str) -> None:
    result = compared(master, text)
    assert result.as_it_is.v_off_max_pu < 0.001
    assert abs(result.as_it_is.p_off_percent) < 0.05
    assert result.loss_kw == pytest.approx(result.as_it_is.loss_kw, rel=0.02)


def test_a_single_phase_line_keeps_loss_and_drop_by_hand() -> None:
    """One conductor of 2 + 1.5j ohm: 120 A lose 28.8 kW; 40 A in three of 6 + 4.5j ohm lose as much."""
    equivalent = series_equivalent(np.array([[[2.0 + 1.5j]]]), np.ones((1, 1), dtype=complex))[0]
    assert equivalent == pytest.approx(6.0 + 4.5j)
    assert 3.0 * 40.0**2 * equivalent.real == pytest.approx(120.0**2 * 2.0)
    assert 40.0 * equivalent == pytest.approx(120.0 * (2.0 + 1.5j))


def test_equivalents_of_two_and_three_conductors_by_hand() -> None:
    own, mutual = 0.5 + 1.0j, 0.1 + 0.4j

    def matrix(n: int) -> np.ndarray:
        return np.full((1, n, n), mutual) + np.eye(n) * (own - mutual)

    third = 2.0 * np.pi / 3.0
    three = directions(np.ones((1, 3)), np.array([[1, 2, 3]]))
    assert effective(matrix(3), three)[0] == pytest.approx(own - mutual)
    assert series_equivalent(matrix(3), three)[0] == pytest.approx(own - mutual)
    two = directions(np.array([[1.0, 0.98 * np.exp(-1.02j * third)]]), np.array([[1, 2]]))
    assert effective(matrix(2), two)[0] == pytest.approx(own - mutual / 2.0)
    legs = directions(np.array([[1.0, -0.99 + 0.02j]]), np.array([[1, 2]]))
    assert series_equivalent(matrix(2), legs)[0] == pytest.approx(1.5 * (own - mutual))
    assert shunt_equivalent(np.array([[[9.0]]]), np.ones((1, 1)))[0] == pytest.approx(3.0)
    unknown = directions(np.zeros((1, 2)), np.array([[2, 3]]))
    assert unknown[0, 1] == pytest.approx(np.exp(-1j * third))


def test_an_earthed_fourth_conductor_is_reduced_by_hand() -> None:
    """Kron: 0.5 - 0.1 * 0.1 / 0.5 on the diagonal, 0.1 - 0.02 beside it."""
    four = np.full((1, 4, 4), 0.1) + np.eye(4) * 0.4
    reduced = without_neutral(four)
    assert reduced.shape == (1, 3, 3)
    assert (reduced[0, 0, 0], reduced[0, 0, 1]) == pytest.approx((0.48, 0.08))


@pytest.mark.parametrize(
    ("text", "phases", "end"),
    [
        ("a", 3, Terminal("a", (1, 2, 3))),
        ("A.3", 1, Terminal("a", (3,))),
        ("a.2.3", 2, Terminal("a", (2, 3))),
        ("a.1.2.3.0", 3, Terminal("a", (1, 2, 3))),
    ],
)
def test_a_bus_is_read_with_its_nodes(text: str, phases: int, end: Terminal) -> None:
    assert terminal(text, phases) == end


@pytest.mark.parametrize("text", [LINES, TRANSFORMER], ids=["lines", "transformer"])
def test_without_load_every_voltage_is_the_source_s(master: Path, text: str) -> None:
    network = network_of(master, text.replace("c1=12 c0=5", "c1=0 c0=0").replace("tap=0.975", "tap=1"))
    result = run_load_flow(build_model(network), Scenario(load_factor=0.0))
    assert result.buses["vm_pu"].to_numpy() == pytest.approx(network.sources["vm_pu"].iloc[0], abs=1e-9)


def test_lengths_are_metres_whatever_their_unit(master: Path) -> None:
    lengths = network_of(master, LINES).lines["length_m"]
    wanted = [1.5 * 1609.344, 3.0 * 304.8, 1200.0, 800.0, 2000 * 0.3048]
    assert lengths.to_numpy() == pytest.approx(wanted)


def test_the_frequency_of_the_circuit_is_the_net_s(master: Path) -> None:
    assert build_model(network_of(master, LINES)).net.f_hz == 60.0
    assert build_model(network_of(master, CABLE)).net.f_hz == 50.0


def test_a_regulator_is_kept_at_its_tap_and_said_to_be_fixed(master: Path) -> None:
    network = network_of(master, REGULATOR)
    regulator = network.transformers.loc["reg"]
    assert regulator["tap_side"] == "lv"
    assert regulator["tap_pos"] == pytest.approx(round(regulator["tap_pos"]))
    assert regulator["tap_pos"] > 0.0
    assert (regulator["tap_step_percent"], regulator["tap_min"]) == pytest.approx((0.625, -16.0))
    assert named(network, "control_fixed", "transformers") == {"reg"}


def test_capacitors_stay_in_the_model_whatever_the_scenario(master: Path) -> None:
    network = network_of(master, CAPACITOR)
    assert tuple(network.capacitors.loc["k", ["bus_id", "q_kvar", "vn_kv"]]) == ("d", 900.0, 13.2)
    result = run_load_flow(build_model(network), Scenario(load_factor=0.0))
    at = result.buses["vm_pu"]["d"] * 12.47 / 13.2
    assert result.sources["q_kvar"].sum() < -0.9 * 900.0 * at**2


def test_single_phase_regulators_of_a_bank_are_one_transformer(master: Path) -> None:
    units = "".join(
        f"new transformer.r{n} phases=1 windings=2 xhl=0.01 buses=[b.{n} c.{n}] kvs=[7.2 7.2]\n"
        f"~ kvas=[1000 1000] wdg=2 tap={tap}\n"
        for n, tap in ((1, 1.0125), (2, 1.025), (3, 1.0375))
    )
    text = REGULATOR.replace("new regcontrol", "! new regcontrol").replace(
        "new transformer.reg", units + "! new transformer.reg"
    )
    text = text.replace("~ buses=[b c]", "! buses=[b c]")
    network = network_of(master, text)
    bank = network.transformers.loc["r1+r2+r3"]
    assert (bank["sn_kva"], bank["tap_pos"]) == pytest.approx((3000.0, 4.0))
    assert named(network, "bank_joined", "transformers") == {"r1+r2+r3"}


def test_switches_open_ends_and_disabled_elements_are_told_by_id(master: Path) -> None:
    network = network_of(
        master,
        LINES.replace(
            "set voltagebases",
            "new line.coupler bus1=f bus2=g switch=yes\nnew line.spare bus1=a bus2=f linecode=overhead "
            "length=1 units=mi\nnew load.off bus1=b kv=12.47 kw=7 enabled=no\nopen line.spare 2\n"
            "new line.joint bus1=f bus2=h r1=1e-6 x1=1e-6 c1=0 c0=0 length=1 units=m\nset voltagebases",
        ),
    )
    switches = network.switches
    assert tuple(switches.loc["coupler", ["element_table", "element_id", "closed"]]) == ("buses", "g", True)
    assert tuple(switches.loc["spare:to", ["bus_id", "element_id", "closed"]]) == ("f", "spare", False)
    assert bool(switches.loc["joint", "closed"])
    assert named(network, "no_impedance", "switches") == {"joint"}
    assert named(network, "disabled", "loads") == {"off"}
    assert "off" not in network.loads.index


def test_every_kw_is_modelled_and_what_is_not_balanced_is_named(master: Path) -> None:
    network = network_of(
        master,
        LINES.replace(
            "set voltagebases",
            "new line.lateral phases=1 bus1=f.3 bus2=g.3 linecode=overhead length=1 units=kft\n"
            "new load.one phases=1 bus1=g.3 kv=7.2 kw=50 pf=0.95 model=2\n"
            "new load.pv bus1=e kv=12.47 kw=-80 kvar=0\n"
            "new pvsystem.roof phases=1 bus1=b.1 kv=7.2 pmpp=40 kva=40 irradiance=0.5\nset loadmult=1.5\n"
            "set voltagebases",
        ).replace("linecode=overhead length=1 units=kft", "r1=1 x1=1 c1=0 length=1 units=kft"),
    )
    assert network.loads["p_kw"].sum() == pytest.approx(1.5 * (900.0 + 50.0))
    assert network.generators["p_kw"].to_dict() == pytest.approx(
        {"pvsystem.roof": 20.0, "pv": 120.0}, rel=0.01
    )
    assert network.quarantine.empty
    assert named(network, "not_balanced", "lines") == {"lateral"}
    assert named(network, "not_balanced", "loads") == {"one"}
    assert named(network, "not_balanced", "generators") == {"pvsystem.roof"}
    assert named(network, "load_model", "loads") == {"one"}
    assert named(network, "feeds_in", "generators") == {"pv"}
    assert network.lines.loc["lateral", "i_max_a"] == pytest.approx(400.0 / 3.0)
    result = run_load_flow(build_model(network))
    assert result.scenario.scenario_id == "snapshot"
    assert result.generation_kw == pytest.approx(140.0, rel=0.01)


def test_a_script_without_bases_or_solution_and_a_unit_of_three_windings(master: Path) -> None:
    network = network_of(
        master,
        """clear
new circuit.c basekv=20 bus1=a mvasc3=5000
new transformer.t windings=3 buses=[a b c] kvs=[20 0.4 0.7] kvas=[800 500 300]
~ xhl=5 xht=6 xlt=4 %rs=[0.4 0.4 0.4] %noloadloss=0.1
new line.l bus1=b bus2=d r1=0.2 x1=0.1 c1=0 length=0.05 units=km
new line.spare bus1=d bus2=e r1=0.2 x1=0.1 c1=0 length=0.05 units=km enabled=no
new load.x bus1=d kv=0.4 kw=100 kvar=20 vminpu=0.5
new load.y bus1=c kv=0.7 kw=50 kvar=10 vminpu=0.5
new storage.s bus1=c kv=0.7 kwrated=50 kwhrated=100 %stored=20 state=charging
new reactor.p bus1=c kv=0.7 r=0.001 x=2
""",
    )
    assert network.buses["vn_kv"].to_dict() == pytest.approx({"a": 20.0, "b": 0.4, "c": 0.7, "d": 0.4})
    split = network.transformers.loc[["t:2", "t:3"]]
    assert split["sn_kva"].tolist() == [500.0, 300.0]
    assert split["pfe_kw"].tolist() == pytest.approx([0.5, 0.0])
    assert named(network, "winding_split", "transformers") == {"t"}
    assert named(network, "disabled", "lines") == {"spare"}
    assert named(network, "draws", "loads") == {"storage.s"}
    assert network.loads.loc["storage.s", "p_kw"] > 0.0
    assert network.capacitors.loc["reactor.p", "q_kvar"] == pytest.approx(-(0.7**2) / 2.0 * 1000.0, rel=0.01)
    assert run_load_flow(build_model(network)).status == "converged"


def test_controls_that_do_not_settle_are_a_doubt(master: Path) -> None:
    text = REGULATOR.replace("set voltagebases", "set maxcontroliter=1\nset voltagebases").replace(
        "band=1 ptratio=60", "band=1 ptratio=60 maxtapchange=1"
    )
    assert named(network_of(master, text), "solving", "file") == {""}


def test_a_circuit_without_solution_is_refused_with_what_opendss_says(master: Path) -> None:
    with pytest.raises(gis.InputError, match="no solution") as refused:
        imported(master, LINES.replace("length=1.2 units=km", "length=0 units=km"))
    assert "it says" in str(refused.value)


def test_lengths_without_unit_are_told_by_id_and_a_collapse_is_refused(master: Path) -> None:
    bare = LINES.replace("length=1.5 units=mi", "length=1.5").replace("length=3.0 units=kft", "length=0.5")
    network = network_of(master, bare)
    assert named(network, "length_unit", "lines") == {"l1", "l2"}
    assert network.lines.loc["l1", "length_m"] == pytest.approx(1.5 * 1609.344)
    # 80 m written without unit, read as the 80 km of the line code
    meant_m = """clear
new circuit.c basekv=11 bus1=a mvasc3=5000
new linecode.k nphases=3 r1=0.3 x1=0.3 c1=0 c0=0 units=km
new line.l bus1=a bus2=b linecode=k length=80
new load.x bus1=b kv=11 kw=2500 kvar=800
set voltagebases=[11]
calcvoltagebases
solve
"""
    master.write_text(meant_m, encoding="utf-8")
    with pytest.raises(gis.InputError, match=r"units=") as refused:
        opendss.read(master)
    assert "'l'" in str(refused.value)


def test_lengths_without_any_unit_take_the_one_of_their_reactance(master: Path) -> None:
    bare = LINES.replace("units=mi\n", "\n", 1)
    for unit in ("mi", "kft", "km", "m", "ft"):
        bare = bare.replace(f" units={unit}\n", "\n")
    network = network_of(
        master, bare.replace("length=800", "length=0.5").replace("length=2000", "length=0.4")
    )
    assert len(named(network, "length_unit", "lines")) == 5
    assert network.lines.loc["l1", "length_m"] == pytest.approx(1.5 * 1609.344)


def test_buses_without_coordinates_stand_beside_their_neighbour(master: Path) -> None:
    text = LINES.replace("solve\n", "buscoords XY.csv\nsolve\n")
    (master.parent / "XY.csv").write_text(
        "Bus, X, Y\nA, 500000, 4000000\nc\t503000\t4000000\n", encoding="utf-8"
    )
    network = network_of(master, text)
    assert named(network, "placed_beside", "buses") == {"b", "d", "e", "f"}
    assert tuple(network.buses.geometry["a"].coords[0]) == (500000.0, 4000000.0)
    reach = network.buses.geometry["d"].distance(network.buses.geometry["c"])
    assert reach == pytest.approx(1200.0)
    again = network_of(master, text)
    assert again.equals(network)
    (master.parent / "XY.csv").write_text("a, 1, 2\nb, one, two\n", encoding="utf-8")
    with pytest.raises(gis.InputError, match=r"XY\.csv:2"):
        opendss.read(master)


def test_a_sketch_is_drawn_as_large_as_its_lines_and_a_usual_file_is_taken(master: Path) -> None:
    (master.parent / "BusCoords.dat").write_text(
        "a 0 0\nb 0 1\nc 1 1\nd 1 2\ne 2 2\nf 2 3\n", encoding="utf-8"
    )
    network = network_of(master, LINES)
    assert named(network, "sketch", "buses") == {""}
    assert named(network, "coordinates_taken", "file") == {"BusCoords.dat"}
    drawn = network.lines.geometry.length
    assert drawn.median() == pytest.approx(network.lines["length_m"].median(), rel=0.5)


def test_a_circuit_without_coordinates_is_drawn_and_asks_for_a_crs(master: Path) -> None:
    refused = imported(master, LINES, crs=None)
    assert refused.network is None
    assert "crs_missing" in set(refused.findings["rule"])
    network = network_of(master, LINES)
    assert len(named(network, "placed_beside", "buses")) == 6
    places = pd.Series(network.buses.geometry.to_wkt())
    assert places.is_unique
