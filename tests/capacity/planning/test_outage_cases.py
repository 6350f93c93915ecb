"""N-1 cases: what switching reaches must hold; by hand, on a ring of two feeders with an open point.

S (20 kV) --A-- 1 (3 MW) --C--o/ 2 (3 MW) --B-- S      C is open at 2; each cable carries 9 MVA at most
"""

from __future__ import annotations

import numpy as np
import pytest

from capacity.limits import read_limits
from capacity.planning import cases_of_scenarios, joined_cases
from capacity.planning.outage_cases import outage_cases, security_table
from capacity.planning.rerun import run_again
from gis import Network
from gis.examples import network_from_text
from gridmodel import Scenario

LIMITS = read_limits("en50160")


def ring(kw: float) -> Network:
    cable = '"NA2XS2Y 1x185 RM/25 12/20 kV"'
    return network_from_text(
        f"""
        bus S 20
        bus 1 20
        bus 2 20
        source Q S 1.0
        line A S 1 2000 {cable}
        line B S 2 2000 {cable}
        line C 1 2 2000 {cable}
        switch W open 2 lines C
        load H1 1 {kw} residential 900
        load H2 2 {kw} residential 900
        """
    )


@pytest.mark.parametrize(("kw", "short"), [(3000.0, 0), (8000.0, 2)])
def test_an_outage_is_a_case_where_the_open_point_cannot_carry_all(kw: float, short: int) -> None:
    """One cable carries both loads after the other is lost: 6 MW fit, 16 MW do not."""
    network = ring(kw)
    cases = cases_of_scenarios(network, [Scenario()])
    found = outage_cases(network, (), cases, LIMITS)
    limited = 0 if found.limited is None else len(found.limited.labels)
    assert limited == short
    if found.limited is None:
        return
    assert set(found.limited.labels["outage"]) == {"lines A", "lines B"}
    again = run_again(network, (), joined_cases([cases, found.limited]), LIMITS)
    lost = again.runs.set_index("case_id")
    assert (lost["unserved_kw"] == 0.0).all()  # everybody is supplied, over what the cable carries
    broken = again.broken[again.broken["check"] == "line_overload"]
    assert broken.groupby("case_id")["element_id"].agg(set).to_dict() == {
        "base | lines A": {"B"}, "base | lines B": {"A"},
    }  # fmt: skip


def test_outages_are_counted_before_and_after() -> None:
    network = ring(3000.0)
    found = outage_cases(network, (), cases_of_scenarios(network, [Scenario()]), LIMITS)
    table = security_table(found, found)
    assert table is not None
    assert (table["outages_before"] == table["outages_after"]).all()
    assert np.isclose(found.found["outages"].sum(), 3 + 1)  # lines and the source
