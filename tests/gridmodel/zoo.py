"""Grids of every kind of topology the engine meets, in text, and how an outcome is compared with another."""

from __future__ import annotations

from functools import cache

import numpy as np

from gis.examples import network_from_text
from gridmodel import GridModel, build_model
from gridmodel.outcome import BranchFigures, BusFigures, Extreme, Outcome
from tests.networks import STATION

LINE = '"NAYY 4x150 SE"'
MV_LINE = '"NA2XS2Y 1x185 RM/25 12/20 kV"'
# What stands behind the station: a dead end, a line out of service, one open at its far end.
#
#    ... E --P (out of service)-- F --Q-- X --U-- Y      F, X, Y without supply; load M at Y
#    ... D --R--/ Z                                      open at Z: charged, Z without supply
#    ... D --V (out of service)-- E, and D /--W1--/ E    both ends have supply: loaded 0 %
ODDITIES = f"""
    bus F 0.4
    bus X 0.4
    bus Y 0.4
    bus Z 0.4
    line P E F 40 {LINE} in_service=false
    line Q F X 40 {LINE}
    line U X Y 40 {LINE}
    line R D Z 60 {LINE}
    switch V open Z lines R
    line V D E 40 {LINE} in_service=false
    line W1 D E 40 {LINE}
    switch W2 open D lines W1
    switch W3 open E lines W1
    load M Y 7 residential 2
    load N D 4 residential 1 in_service=false
"""
GRIDS = {
    "station": STATION,
    "oddities": STATION + ODDITIES,
    #  S
    #  A --K-- B ==T== C          C --a-- D --b-- E --c-- C, a ring; capacitor at E
    "ring": STATION + f"line c E C 90 {LINE}\ncapacitor Q1 E 15\n",
    #  two sources that work together, and an island of its own with a third
    "sources": STATION
    + f"""
    bus G 20
    source S2 G 1.005
    line K2 G B 500 {MV_LINE}
    bus I 0.4
    bus J1 0.4
    source S3 I 0.98
    line I1 I J1 70 {LINE}
    load I2 J1 25 commercial 1
    """,
    #  busbar sections C and C2 joined by a closed coupler; D fed twice
    "coupler": STATION
    + f"""
    bus C2 0.4
    switch Y closed C buses C2
    line O C2 E 150 {LINE}
    load O1 C2 9 residential 3
    transformer T2 B C2 "0.25 MVA 20/0.4 kV" tap_pos=1
    """,
    "no lines": 'bus A 20\nbus B 0.4\nsource S A\ntransformer T A B "0.4 MVA 20/0.4 kV"\nload H B 50\n',
    "no branch in service": f"bus A 0.4\nbus B 0.4\nsource S A\nload H A 20\nload J B 5\n"
    f"line L A B 100 {LINE} in_service=false\n",
    "no transformers": f"bus A 0.4\nbus B 0.4\nsource S A\nline L A B 100 {LINE}\nload H B 20\n",
}


@cache
def model_of(name: str) -> GridModel:
    """The model of one of the grids; tests change nothing in its net."""
    return build_model(network_from_text(GRIDS[name]))


def assert_same_outcome(ours: Outcome, theirs: Outcome) -> None:
    """Figures of two solvers agree: voltages within 1e-8 pu, power and loading within 1e-6 of themselves."""
    np.testing.assert_array_equal(ours.converged, theirs.converged)
    np.testing.assert_array_equal(ours.supplied, theirs.supplied)
    np.testing.assert_array_equal(ours.broken, theirs.broken)
    for name in ("demand_kw", "served_kw", "unserved_kw", "generation_kw", "loss_kw", "source_kva"):
        _near(getattr(ours, name), getattr(theirs, name))
    _volts(ours.vm_pu, theirs.vm_pu)
    _near(ours.line_percent, theirs.line_percent)
    _near(ours.transformer_percent, theirs.transformer_percent)
    for name in ("vm_min", "vm_max"):
        _same_extreme(getattr(ours, name), getattr(theirs, name), _volts)
    for name in ("line", "transformer"):
        _same_extreme(getattr(ours, name), getattr(theirs, name), _near)
    _same_buses(ours.buses, theirs.buses)
    _same_branches(ours.lines, theirs.lines)
    _same_branches(ours.transformers, theirs.transformers)


def _same_buses(ours: BusFigures | None, theirs: BusFigures | None) -> None:
    assert ours is not None and theirs is not None
    _same_extreme(ours.vm_min, theirs.vm_min, _volts)
    _same_extreme(ours.vm_max, theirs.vm_max, _volts)
    np.testing.assert_array_equal(ours.below, theirs.below)
    np.testing.assert_array_equal(ours.above, theirs.above)


def _same_branches(ours: BranchFigures | None, theirs: BranchFigures | None) -> None:
    assert ours is not None and theirs is not None
    _same_extreme(ours.loading, theirs.loading, _near)
    np.testing.assert_array_equal(ours.over, theirs.over)
    _near(ours.loss_kw, theirs.loss_kw)


def _same_extreme(ours: Extreme, theirs: Extreme, near) -> None:  # type: ignore[no-untyped-def]
    near(ours.value, theirs.value)
    np.testing.assert_array_equal(ours.place, theirs.place)


def _near(ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-4)  # kW, % and kVA: a tenth of a watt


def _volts(ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)
