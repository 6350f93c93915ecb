"""A load flow starts from the voltages without load where a flat start fails, and only there."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pytest

from gridmodel import build_model, run_load_flow
from gridmodel.start import no_load_start
from tests.networks import station

#  A (20 kV) --R1-- B --R2-- C --line-- D    two regulators of next to no impedance, taps far from neutral
REGULATORS = """
    bus C2 20
    bus D2 20
    transformer R1 A C2 X sn_kva=5000 vn_hv_kv=20 vn_lv_kv=20 vk_percent=0.001 vkr_percent=0.0001 {taps}
    transformer R2 C2 D2 X sn_kva=5000 vn_hv_kv=20 vn_lv_kv=20 vk_percent=0.001 vkr_percent=0.0001 {taps}
    line P D2 E2 2000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    bus E2 20
    load Z E2 2000
"""
TAPS = "tap_side=lv tap_neutral=0 tap_min=-16 tap_max=16 tap_step_percent=0.625 tap_pos=10"


def test_regulators_of_next_to_no_impedance_are_solved() -> None:
    result = run_load_flow(build_model(station(REGULATORS.format(taps=TAPS))))
    assert result.status == "converged"
    ratio = (1.0 + 10 * 0.00625) ** 2
    vm_pu = result.buses["vm_pu"]
    assert vm_pu["D2"] == pytest.approx(ratio * vm_pu["A"], abs=1e-4)


def test_voltages_without_load_have_every_ratio_in_them() -> None:
    net = build_model(station(REGULATORS.format(taps=TAPS), without=("generator",))).net
    net.load["scaling"] = 0.0
    net.line["c_nf_per_km"] = 0.0
    net.trafo["i0_percent"] = net.trafo["pfe_kw"] = 0.0
    with pytest.raises(pp.LoadflowNotConverged):
        pp.runpp(net, init="flat", numba=False, max_iteration=1)
    start = no_load_start(net)
    assert start is not None
    pp.runpp(net, numba=False, calculate_voltage_angles=True, **start)
    assert start["init_vm_pu"] == pytest.approx(net.res_bus["vm_pu"].to_numpy(), abs=1e-6)


def test_where_a_flat_start_is_as_good_there_is_no_other() -> None:
    net = build_model(station("load Z E 5000")).net
    net.ext_grid["vm_pu"] = 1.0
    net.trafo["tap_pos"] = np.nan
    with pytest.raises(pp.LoadflowNotConverged):
        pp.runpp(net, numba=False)
    assert no_load_start(net) is None
