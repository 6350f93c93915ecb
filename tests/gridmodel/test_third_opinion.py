"""Two engines agree on oddities, and why a converter between them did not.

That they agree on the reference grids stands in `test_engine_proof`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandapower
import pandas as pd
import pytest

from gridmodel import GridModel, Scenario
from gridmodel.loadflow import apply_scenario, solve
from tests.odd_grids import ODD, controlled_generator, plain, unlike_impedance
from tests.reference_grids import (
    STATION_AND_ONE,
    needs_simbench,
    reference_net,
    solve_closely,
    use_tap_positions,
)

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

pytest.importorskip("power_grid_model", reason="power-grid-model is a library of tests only")

from tests.third_opinion import (
    AGREED_PU,
    Opinion,
    largest_difference_pu,
    opinion_from_plates,
    require_agreement,
    third_opinion,
)


@pytest.mark.parametrize("name", ODD)
def test_power_grid_model_agrees_on_an_oddity(name: str) -> None:
    net = solve_closely(ODD[name]())
    require_agreement(net)
    assert np.ptp(np.abs(net._ppc["internal"]["V"])) > 0.001  # there is something to agree on


@pytest.mark.parametrize("broken", ["r_ohm_per_km", "c_nf_per_km", "length_km"])
def test_a_line_that_changed_after_the_solution_is_seen(broken: str) -> None:
    """The comparison can fail: a thousandth more of one line's impedance or capacitance."""
    net, other = plain(), plain()
    other.line.loc[0, broken] *= 1.001
    solve_closely(net)
    solve_closely(other)
    other._ppc["internal"]["V"] = net._ppc["internal"]["V"]
    assert largest_difference_pu(other) > 10.0 * AGREED_PU


def test_what_power_grid_model_has_not_is_said() -> None:
    with pytest.raises(ValueError, match="voltage-controlled"):
        third_opinion(solve_closely(controlled_generator()))
    with pytest.raises(ValueError, match="from both ends"):
        third_opinion(solve_closely(unlike_impedance()))


@needs_simbench
class TestTheDifferenceOfConverters:
    """1.7e-2 pu on 1-MVLV-urban-5.303-0-sw: tap positions that pandapower 3 leaves out.

    The two 63 MVA transformers 110/10 kV stand at tap -1 of 1.5 %. simbench 1.6.3 leaves the column
    `tap_changer_type` empty; without it pandapower 3 takes the neutral tap, and converters read the position.
    """

    def test_the_tap_positions_are_all_of_it(self) -> None:
        net = pi_solved(tapped=False)
        assert list(net.trafo["tap_pos"]) == [0.0, -1.0, -1.0]
        assert net.trafo["tap_changer_type"].isna().all()
        assert far_from(net, opinion_from_plates(net)) == pytest.approx(1.674e-2, abs=1e-5)
        assert largest_difference_pu(net) < AGREED_PU
        net.trafo["tap_pos"] = 0.0
        assert far_from(net, opinion_from_plates(net)) < AGREED_PU

    def test_with_a_changer_type_all_three_agree(self) -> None:
        net = pi_solved(tapped=True)
        assert far_from(net, opinion_from_plates(net)) < AGREED_PU
        assert largest_difference_pu(net) < AGREED_PU

    def test_one_step_of_the_tap_is_the_difference(self) -> None:
        """By hand: 1.5 % fewer turns on the high side lift all below by 1 / 0.985 - 1, without load.

        With load of constant power the drop shrinks too: 1.74 % at the far end.
        """
        step = 1.0 / (1.0 - 0.015) - 1.0
        idle, loaded = rise_by_taps(load_factor=0.0), rise_by_taps(load_factor=1.0)
        assert idle.min() == loaded.min() == 0.0  # the source
        assert idle.max() == pytest.approx(step, rel=1e-2)
        assert loaded.max() == pytest.approx(0.01744, abs=1e-5)

    def test_the_t_of_pandapower_is_a_thousandth_of_it(self) -> None:
        """What is left in a converter's answer once taps are right: a pi instead of pandapower's T."""
        net = reference_net(STATION_AND_ONE)
        use_tap_positions(net)
        solve_closely(net)
        assert far_from(net, opinion_from_plates(net)) == pytest.approx(1.2e-6, abs=1e-7)


def pi_solved(*, tapped: bool) -> pandapowerNet:
    net = reference_net(STATION_AND_ONE)
    if tapped:
        use_tap_positions(net)
    pandapower.runpp(net, trafo_model="pi", calculate_voltage_angles=True, numba=False, tolerance_mva=1e-10)
    return net


def rise_by_taps(load_factor: float) -> pd.Series:
    """How far the tap positions lift each bus, share of its voltage."""
    before, after = (reference_net(STATION_AND_ONE) for _ in range(2))
    use_tap_positions(after)
    for net in (before, after):
        net.load["scaling"] = net.sgen["scaling"] = load_factor
        solve_closely(net)
    return after.res_bus["vm_pu"] / before.res_bus["vm_pu"] - 1.0


def far_from(net: pandapowerNet, opinion: Opinion) -> float:
    """Largest difference of voltage magnitude [pu]."""
    return float(np.abs(np.abs(opinion.voltage_pu) - np.abs(net._ppc["internal"]["V"])).max())


@pytest.mark.parametrize(
    "scenario",
    [Scenario(), Scenario("feed_in", load_factor=0.1, generation_factor=0.85)],
    ids=lambda scenario: scenario.scenario_id,
)
def test_power_grid_model_agrees_on_the_demo_area(demo_model: GridModel, scenario: Scenario) -> None:
    apply_scenario(demo_model, scenario)
    assert solve(demo_model.net)
    assert largest_difference_pu(demo_model.net) < 1e-6  # pandapower's own tolerance, 1e-8 MVA
    vm_pu = np.abs(demo_model.net._ppc["internal"]["V"])
    assert np.ptp(vm_pu) > 0.01  # there is something to agree on
    apply_scenario(demo_model, Scenario())
