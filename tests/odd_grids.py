"""One small grid, with one oddity each: what the reference grids do not have, and an engine may get wrong.

A 110 kV   source, 1.02 pu
|T1
B 20 kV ----L1---- C ----L2---- D          load at C, D
|                               |L4
+--------L3-------- E ----------+          open at the D end of L4, load at E
                    |T2
                    F 0.4 kV ---L5--- G ---L6--- H      loads at F, G, H; sgen at H
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import pandapower

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

CABLE, LV_CABLE = "NA2XS2Y 1x185 RM/25 12/20 kV", "NAYY 4x150 SE"


def plain() -> pandapowerNet:
    """The drawing, all loads of constant power."""
    return copy.deepcopy(_drawing())


@cache
def _drawing() -> pandapowerNet:
    net = pandapower.create_empty_network()
    for name, vn_kv in zip("ABCDEFGH", (110, 20, 20, 20, 20, 0.4, 0.4, 0.4), strict=True):
        pandapower.create_bus(net, vn_kv, name=name)
    pandapower.create_ext_grid(net, 0, vm_pu=1.02)
    pandapower.create_transformer(net, 0, 1, "25 MVA 110/20 kV", tap_pos=-2)
    pandapower.create_transformer(net, 4, 5, "0.4 MVA 20/0.4 kV", tap_pos=1)
    lines = [(1, 2, 3.0, CABLE), (2, 3, 4.0, CABLE), (1, 4, 5.0, CABLE), (4, 3, 6.0, CABLE),
             (5, 6, 0.2, LV_CABLE), (6, 7, 0.15, LV_CABLE)]  # fmt: skip
    for from_bus, to_bus, length_km, std_type in lines:
        pandapower.create_line(net, from_bus, to_bus, length_km, std_type)
    pandapower.create_switch(net, 3, 3, et="l", closed=False)
    demand = {2: (1.2, 0.4), 3: (2.5, 0.6), 4: (0.8, 0.3), 5: (0.05, 0.01), 6: (0.06, 0.02), 7: (0.04, 0.0)}
    for bus, (p_mw, q_mvar) in demand.items():
        pandapower.create_load(net, bus, p_mw, q_mvar)
    pandapower.create_sgen(net, 7, 0.03, 0.005)
    return net


def closed_ring() -> pandapowerNet:
    net = plain()
    net.switch["closed"] = True
    return net


def voltage_dependent_loads() -> pandapowerNet:
    """Every load another mix, active and reactive power apart."""
    net = plain()
    net.load["const_z_p_percent"] = [100.0, 0.0, 30.0, 0.0, 50.0, 25.0]
    net.load["const_i_p_percent"] = [0.0, 100.0, 40.0, 0.0, 50.0, 25.0]
    net.load["const_z_q_percent"] = [0.0, 60.0, 0.0, 100.0, 20.0, 25.0]
    net.load["const_i_q_percent"] = [100.0, 0.0, 0.0, 0.0, 80.0, 75.0]
    return net


def voltage_dependent_beside_constant() -> pandapowerNet:
    """Two loads at a bus: pandapower takes the plain mean of their shares, and of generation too."""
    net = plain()
    net.load.loc[5, ["const_z_p_percent", "const_z_q_percent"]] = 80.0
    pandapower.create_load(net, 7, 0.01, 0.004)
    return net


def two_sources() -> pandapowerNet:
    """A second source of another set-point and angle behind a line, the ring closed between them."""
    net = closed_ring()
    far = pandapower.create_bus(net, 20.0, name="Z")
    pandapower.create_line(net, 3, far, 2.0, CABLE)
    pandapower.create_ext_grid(net, far, vm_pu=1.01, va_degree=-151.0)
    return net


def two_sources_on_one_bus() -> pandapowerNet:
    net = plain()
    pandapower.create_ext_grid(net, 0, vm_pu=1.02)
    return net


def sources_that_only_meet_at_a_bus() -> pandapowerNet:
    """The second source holds B itself: what hangs at B does not feel the transformer."""
    net = plain()
    pandapower.create_ext_grid(net, 1, vm_pu=0.99, va_degree=-150.0)
    return net


def dead_island() -> pandapowerNet:
    """A line out of service leaves D dark with its load; E and below stay."""
    net = plain()
    net.line.loc[1, "in_service"] = False
    return net


def open_bus_switch() -> pandapowerNet:
    """A busbar coupler closed, another open with a dark load behind it."""
    net = plain()
    for closed in (True, False):
        twin = pandapower.create_bus(net, 0.4)
        pandapower.create_load(net, twin, 0.02, 0.01)
        pandapower.create_switch(net, 7, twin, et="b", closed=closed)
    return net


def switch_with_impedance() -> pandapowerNet:
    net = plain()
    twin = pandapower.create_bus(net, 0.4)
    pandapower.create_load(net, twin, 0.02, 0.01)
    pandapower.create_switch(net, 7, twin, et="b", z_ohm=0.02)
    return net


def capacitors() -> pandapowerNet:
    """A capacitor of two steps, a reactor with losses, one rated for another voltage, one switched off."""
    net = plain()
    pandapower.create_shunt(net, 3, q_mvar=-0.4, step=2)
    pandapower.create_shunt(net, 1, q_mvar=1.0, p_mw=0.02)
    pandapower.create_shunt(net, 7, q_mvar=-0.02, vn_kv=0.42)
    pandapower.create_shunt(net, 2, q_mvar=-5.0, in_service=False)
    return net


def parallel_units() -> pandapowerNet:
    """Transformers and lines in parallel: as a number, as rows, and rows unlike each other."""
    net = plain()
    net.trafo.loc[1, "parallel"] = 2
    pandapower.create_transformer(net, 0, 1, "40 MVA 110/20 kV", tap_pos=-2)
    pandapower.create_line(net, 1, 2, 3.0, CABLE, parallel=3)
    pandapower.create_transformer(net, 4, 5, "0.63 MVA 20/0.4 kV", tap_pos=1)
    return net


def open_transformers() -> pandapowerNet:
    """A transformer idle behind an open switch on its low side, one open on its high side."""
    net = plain()
    for opened in (5, 4):
        unit = pandapower.create_transformer(net, 4, 5, "0.63 MVA 20/0.4 kV")
        pandapower.create_switch(net, opened, unit, et="t", closed=False)
    return net


def unlike_shifts() -> pandapowerNet:
    """Feeders of several vector groups from one busbar; one with its taps on the low side."""
    net = plain()
    for std_type, shift_degree in (("0.25 MVA 20/0.4 kV", 0.0), ("0.25 MVA 20/0.4 kV", 330.0)):
        station = pandapower.create_bus(net, 0.4)
        unit = pandapower.create_transformer(net, 2, station, std_type, tap_pos=-1)
        net.trafo.loc[unit, ["shift_degree", "tap_side"]] = [shift_degree, "lv"]
        pandapower.create_load(net, station, 0.09, 0.03)
    return net


def phase_shifter() -> pandapowerNet:
    """A ring with a transformer 20/20 kV that turns the voltage by 2 degrees."""
    net = closed_ring()
    end = pandapower.create_bus(net, 20.0)
    unit = pandapower.create_transformer_from_parameters(
        net, 2, end, 10.0, 20.0, 20.0, 0.3, 6.0, 5.0, 0.1, shift_degree=0.0, tap_side="hv", tap_neutral=0,
        tap_pos=2, tap_step_degree=1.0, tap_step_percent=0.0, tap_changer_type="Ideal", tap_min=-5, tap_max=5,
    )  # fmt: skip
    assert net.trafo.loc[unit, "tap_changer_type"] == "Ideal"
    pandapower.create_line(net, end, 4, 2.0, CABLE)
    return net


def three_windings() -> pandapowerNet:
    net = plain()
    middle, low = pandapower.create_bus(net, 20.0), pandapower.create_bus(net, 10.0)
    pandapower.create_transformer3w(net, 0, middle, low, "63/25/38 MVA 110/20/10 kV", tap_pos=2)
    pandapower.create_load(net, middle, 8.0, 2.0)
    pandapower.create_load(net, low, 5.0, 1.0)
    return net


def two_islands() -> pandapowerNet:
    """A grid of its own beside the other, of another set-point; and a source out of service."""
    net = plain()
    for name in "XY":
        pandapower.create_bus(net, 10.0, name=name)
    pandapower.create_line(net, 8, 9, 2.0, CABLE)
    pandapower.create_load(net, 9, 1.5, 0.5)
    pandapower.create_ext_grid(net, 8, vm_pu=0.97, va_degree=12.0)
    pandapower.create_ext_grid(net, 9, vm_pu=1.1, in_service=False)
    return net


def fused_buses_of_unlike_loads() -> pandapowerNet:
    """Voltage-dependent loads at both ends of a closed coupler: one row of the matrix."""
    net = voltage_dependent_loads()
    twin = pandapower.create_bus(net, 0.4)
    pandapower.create_load(net, twin, 0.02, 0.01, const_z_p_percent=70.0, const_z_q_percent=40.0)
    pandapower.create_switch(net, 6, twin, et="b")
    return net


def other_base() -> pandapowerNet:
    """Per unit of 63 MVA instead of 1 MVA, at 60 Hz."""
    net = plain()
    net.sn_mva, net.f_hz = 63.0, 60.0
    return net


def derated() -> pandapowerNet:
    """Derating, leakage of a cable, windings that are not rated for the voltage of their bus."""
    net = plain()
    net.line["df"], net.trafo["df"] = 0.8, 0.9
    net.line["g_us_per_km"] = 3.0
    net.trafo.loc[1, ["vn_hv_kv", "vn_lv_kv"]] = 20.8, 0.41
    return net


def gaps_in_the_indices() -> pandapowerNet:
    """Tables neither in order nor without gaps."""
    net = plain()
    pandapower.toolbox.reindex_buses(net, {bus: 100 - 7 * bus for bus in net.bus.index})
    for table in ("bus", "line", "trafo", "load"):
        net[table] = net[table].iloc[::-1]
    for table in ("line", "trafo"):
        pandapower.toolbox.reindex_elements(net, table, [3 * i + 40 for i in net[table].index])
    return net


def everything_off() -> pandapowerNet:
    """One of each out of service; loads scaled; a bus out of service takes its line with it."""
    net = plain()
    net.load.loc[0, "in_service"], net.load.loc[2, "scaling"] = False, 0.7
    spare = pandapower.create_bus(net, 20.0, in_service=False)
    pandapower.create_line(net, 2, spare, 1.0, CABLE)
    pandapower.create_load(net, spare, 1.0)
    pandapower.create_sgen(net, 3, 2.0, in_service=False)
    pandapower.create_transformer(net, 4, 5, "0.63 MVA 20/0.4 kV", in_service=False)
    return net


def heavy_load() -> pandapowerNet:
    """Close to what the cable to H carries at all: 0.65 pu there, no solution at 0.45 MW."""
    net = plain()
    net.load.loc[5, ["p_mw", "q_mvar"]] = 0.4, 0.1
    return net


def strong_generation() -> pandapowerNet:
    """Power flows back through both transformers; a battery charges, a motor runs."""
    net = plain()
    net.sgen.loc[0, "p_mw"] = 0.2
    pandapower.create_sgen(net, 3, 9.0, -1.0, scaling=0.9)
    pandapower.create_storage(net, 4, 0.3, 1.0, q_mvar=0.1)
    pandapower.create_motor(
        net, 5, pn_mech_mw=0.03, cos_phi=0.85, efficiency_percent=94.0, loading_percent=80.0
    )
    return net


def wards_and_unbalance() -> pandapowerNet:
    """A ward (power and impedance) and loads given by phase."""
    net = plain()
    pandapower.create_ward(net, 3, 0.3, 0.1, 0.2, 0.05)
    pandapower.create_asymmetric_load(net, 6, 0.01, 0.004, 0.0, 0.002, 0.001, 0.0)
    pandapower.create_asymmetric_sgen(net, 7, 0.0, 0.005, 0.0)
    return net


ODD: dict[str, Callable[[], pandapowerNet]] = {
    maker.__name__: maker
    for maker in (
        plain, closed_ring, voltage_dependent_loads, voltage_dependent_beside_constant, two_sources,
        two_sources_on_one_bus, sources_that_only_meet_at_a_bus, dead_island, open_bus_switch,
        switch_with_impedance, capacitors, parallel_units, open_transformers, unlike_shifts, phase_shifter,
        three_windings, two_islands, fused_buses_of_unlike_loads, other_base, derated, gaps_in_the_indices,
        everything_off, heavy_load, strong_generation, wards_and_unbalance,
    )
}  # fmt: skip


def unlike_impedance() -> pandapowerNet:
    """An impedance that is not the same from both ends, in the ring."""
    net = plain()
    pandapower.create_impedance(net, 2, 4, 0.02, 0.05, 5.0, rtf_pu=0.03, xtf_pu=0.06)
    return net


def controlled_generator() -> pandapowerNet:
    """A generator that holds its voltage."""
    net = plain()
    pandapower.create_gen(net, 3, 1.0, vm_pu=1.0)
    return net


def extended_ward() -> pandapowerNet:
    """A ward with a voltage of its own."""
    net = plain()
    pandapower.create_xward(net, 3, 0.1, 0.05, 0.1, 0.02, 0.1, 0.5, 1.0)
    return net
