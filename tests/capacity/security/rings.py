"""Small medium-voltage rings with normally-open points, in text, for the tests of security."""

from __future__ import annotations

from functools import cache

import numpy as np

from capacity.checks import Yardstick
from capacity.security import SecurityResults, study_security
from gis import Network
from gis.examples import network_from_text
from gridmodel import GridModel, Scenario, build_model
from tests.capacity.grids import yardstick_of

CABLE = '"NA2XS2Y 1x185 RM/25 12/20 kV"'  # 362 A: 12,540 kVA at 20 kV

#   S                     K5: cable with an open switch at E
#   A --K1-- B --K2-- C ----------/-- E --K4-- D --K3-- A         loads: 2, 3 | 3, 4 MW
RING = f"""
    bus A 20 450000 5360000
    bus B 20 451000 5360500
    bus C 20 452000 5360500
    bus D 20 451000 5359500
    bus E 20 452000 5359500
    source S A 1.0
    line K1 A B 1000 {CABLE}
    line K2 B C 1000 {CABLE}
    line K3 A D 1000 {CABLE}
    line K4 D E 1000 {CABLE}
    line K5 C E 1000 {CABLE}
    switch W1 closed A lines K1
    switch W2 closed B lines K2
    switch W3 closed A lines K3
    switch W4 closed D lines K4
    switch W5 open E lines K5
    load LB B 2000 commercial 20 q_kvar=0
    load LC C 3000 commercial 30 q_kvar=0
    load LD D 3000 commercial 30 q_kvar=0
    load LE E {{e_kw}} commercial 40 q_kvar=0
    scenario base
"""


@cache
def ring(e_kw: float = 4000.0, *more: str) -> tuple[GridModel, Yardstick]:
    """Two feeders that meet at an open point."""
    return ready(network_from_text("\n".join([RING.format(e_kw=e_kw), *more])))


def ready(network: Network, limits: str = "en50160") -> tuple[GridModel, Yardstick]:
    return build_model(network), yardstick_of(network, limits)


def study(grid: tuple[GridModel, Yardstick], factor: float = 1.0, **options: object) -> SecurityResults:
    """N-1 with all loads at a factor."""
    return study_security(*grid, Scenario("s", "s", load_factor=factor), **options)  # type: ignore[arg-type]


@cache
def lot(seed: int) -> tuple[GridModel, Yardstick]:
    """Three feeders of two or three stations from one busbar, with loads by lot and ties between stations."""
    lots = np.random.default_rng(seed)
    text, stations = ["bus A 20 0 0", "source S A 1.0"], []
    for feeder in range(3):
        above = "A"
        for step in range(int(lots.integers(2, 4))):
            name = f"N{feeder}{step}"
            text += [
                f"bus {name} 20 {1000 * (step + 1)} {1000 * feeder}",
                f"line K{name} {above} {name} {int(lots.integers(200, 3000))} {CABLE}",
                f"switch U{name} closed {above} lines K{name}",
                f"load L{name} {name} {int(lots.integers(500, 4500))} commercial {int(lots.integers(1, 50))}",
            ]
            above = name
            stations.append(name)
        text.append(f"switch V{above} closed {above} lines K{above}")
    pairs = [(one, two) for one in stations for two in stations if one[1] < two[1]]
    for at in lots.choice(len(pairs), 3, replace=False):
        one, two = pairs[at]
        text += [
            f"line T{one}{two} {one} {two} {int(lots.integers(200, 2000))} {CABLE}",
            f"switch X{one}{two} open {two} lines T{one}{two}",
        ]
    return ready(network_from_text("\n".join([*text, "scenario base"])))
