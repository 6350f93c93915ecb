"""Measure `hv_mv_transformer`: a larger HV/MV transformer, or one more beside it, where one is overloaded."""

from __future__ import annotations

from collections.abc import Iterator

from capacity.measures.larger_transformer import larger_units
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.second_transformer import further_unit
from capacity.measures.situation import Situation
from capacity.measures.stations import strained_stations

KIND = "hv_mv_transformer"


def propose_hv_mv_transformer(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose larger and further transformers for every HV/MV station that is overloaded."""
    for station in strained_stations(situation, KIND):
        if station.overloaded:
            yield from larger_units(situation, KIND, station)
            yield from further_unit(situation, KIND, station)
