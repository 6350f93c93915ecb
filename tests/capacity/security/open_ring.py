"""An open ring of two feeders, small enough to be worked out on paper."""

from __future__ import annotations

from functools import cache

from capacity.checks import Yardstick, make_yardstick
from capacity.limits import read_limits
from capacity.security.practice import read_practice
from capacity.security.switching_plan import SwitchingPlan, plan_switching
from gis import Network
from gis.examples import network_from_text
from gridmodel import GridModel, Scenario, build_model, find_scenario

#        CB1      W1 W2       W3 W4       W5         10 customers at B, 20 at C, 30 at D, 40 at E
#     S---A===K1===B===K2======C===K3======D         K2 is 2 km, all others 1 km, cables of 20 kV
#         |                                 / Z      open point Z at D
#         +===K4===E===K5===================+        K5 is fed from E up to the open point
#         CB2      W6 W7
RING = """
    bus A 20
    bus B 20
    bus C 20
    bus D 20
    bus E 20
    source S A
    line K1 A B 1000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    line K2 B C 2000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    line K3 C D 1000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    line K4 A E 1000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    line K5 E D 1000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    switch CB1 closed A lines K1 kind=circuit_breaker
    switch W1 closed B lines K1
    switch W2 closed B lines K2
    switch W3 closed C lines K2
    switch W4 closed C lines K3
    switch W5 closed D lines K3
    switch CB2 closed A lines K4 kind=circuit_breaker
    switch W6 closed E lines K4
    switch W7 closed E lines K5
    switch Z open D lines K5{tie}
    load HB B 100 residential 10
    load HC C {c_kw} residential 20
    load HD D 300 residential 30
    load HE E {e_kw} residential 40
    scenario base
"""


@cache
def ring(c_kw: float = 200.0, e_kw: float = 400.0, tie: str = "load_break") -> Network:
    """The open ring; `tie` is the kind of the open point."""
    return network_from_text(RING.format(c_kw=c_kw, e_kw=e_kw, tie=f" kind={tie}"))


@cache
def studied(
    c_kw: float = 200.0, e_kw: float = 400.0, tie: str = "load_break"
) -> tuple[GridModel, Yardstick, Scenario]:
    """The ring with model, limits and scenario; a model is solved, never changed."""
    network = ring(c_kw, e_kw, tie)
    return build_model(network), make_yardstick(network, read_limits("en50160")), find_scenario(network)


@cache
def plan(table: str, element_id: str, *, practice: str = "rbts", **of_ring: object) -> SwitchingPlan:
    """Switching plan after a fault in the ring."""
    return plan_switching(*studied(**of_ring), (table, element_id), read_practice(practice))  # type: ignore[arg-type]
