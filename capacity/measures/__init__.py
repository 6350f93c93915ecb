"""Measures against a weak grid: a registry of functions, each proposes measures of one kind for a situation.

The planner asks all of them and names none. `OPERATING` cost little and build no line; `BUILDING` do. A
proposer yields measures, and a `NotProposed` where it has none and can say why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from capacity.measures.battery import propose_battery
from capacity.measures.capacitor import propose_capacitor
from capacity.measures.flexibility import propose_flexibility, propose_valley_tariff
from capacity.measures.hv_mv_transformer import propose_hv_mv_transformer
from capacity.measures.larger_transformer import propose_larger_transformer
from capacity.measures.measure import Measure
from capacity.measures.move_open_point import propose_move_open_point
from capacity.measures.new_feeder import propose_new_feeder
from capacity.measures.new_station import propose_new_station
from capacity.measures.parallel_line import propose_parallel_line
from capacity.measures.proposals import NotProposed, Proposals, gathered
from capacity.measures.regulated_transformer import propose_regulated_transformer
from capacity.measures.replace_line import propose_replace_line
from capacity.measures.second_transformer import propose_second_transformer
from capacity.measures.setpoint import propose_line_drop_compensation, propose_oltc_setpoint
from capacity.measures.situation import Situation
from capacity.measures.split_feeder import propose_split_feeder
from capacity.measures.tap_change import propose_tap_change
from capacity.measures.voltage_regulator import propose_voltage_regulator

Proposer = Callable[[Situation], Iterable[Measure | NotProposed]]

OPERATING: dict[str, Proposer] = {
    "tap_change": propose_tap_change,
    "oltc_setpoint": propose_oltc_setpoint,
    "line_drop_compensation": propose_line_drop_compensation,
    "move_open_point": propose_move_open_point,
    "flexibility": propose_flexibility,
    "valley_tariff": propose_valley_tariff,
    "capacitor": propose_capacitor,
    "battery": propose_battery,
}
BUILDING: dict[str, Proposer] = {
    "replace_line": propose_replace_line,
    "parallel_line": propose_parallel_line,
    "split_feeder": propose_split_feeder,
    "larger_transformer": propose_larger_transformer,
    "second_transformer": propose_second_transformer,
    "new_station": propose_new_station,
    "new_feeder": propose_new_feeder,
    "voltage_regulator": propose_voltage_regulator,
    "regulated_transformer": propose_regulated_transformer,
    "hv_mv_transformer": propose_hv_mv_transformer,
}


def kinds() -> tuple[str, ...]:
    """Names of all kinds of measures."""
    return (*OPERATING, *BUILDING)


def propose_measures(situation: Situation, allowed: Collection[str] | None = None) -> Proposals:
    """Ask every kind of measure what it would do.

    Parameters
    ----------
    allowed
        Kinds that may be used; all when absent.

    Returns
    -------
    Proposals
        The measures, and in `not_proposed` what no measure is proposed for, with the reason.
    """
    every = {**OPERATING, **BUILDING}
    return gathered(
        proposed
        for kind, propose in every.items()
        if allowed is None or kind in allowed
        for proposed in propose(situation)
    )
