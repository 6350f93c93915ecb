"""`Outcome`: what many load flows leave as numbers, whoever solved them, and its tables with ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from gis import Network
from gis.errors import BalanceError
from gridmodel.model import GridModel
from gridmodel.points import Points
from gridmodel.results import BALANCE_KW, BALANCE_SHARE

# Columns per operating point, in this order.
POINT_COLUMNS = (
    "status", "reason", "demand_kw", "served_kw", "unserved_kw", "generation_kw", "source_kw", "source_kvar",
    "loss_kw", "vm_min_pu", "vm_min_bus_id", "vm_max_pu", "vm_max_bus_id", "line_loading_max_percent",
    "line_id", "transformer_loading_max_percent", "transformer_id", "undervoltages", "overvoltages",
    "line_overloads", "transformer_overloads",
)  # fmt: skip
# Columns per operating point without solution, and their dtypes (`failures.explain_failures`).
FAILURE_COLUMNS = {
    "weakest_bus_id": "object", "weakest_vm_pu": "float64", "servable_share": "float64",
    "unserved_kw": "float64", "suspect_load_id": "object", "suspect_bus_id": "object",
    "suspect_p_kw": "float64", "solves_without_suspect": "boolean", "reason": "object",
}  # fmt: skip
Chosen = Sequence[str] | Literal["all"]


@dataclass(frozen=True)
class Keep:
    """Elements whose full columns are kept; nothing unless asked: cases x elements can be very large.

    Attributes
    ----------
    buses, lines, transformers
        Ids, or "all".
    """

    buses: Chosen = ()
    lines: Chosen = ()
    transformers: Chosen = ()


KEEP_ALL = Keep("all", "all", "all")


class Kept(NamedTuple):
    """Positions of the elements whose columns are kept, in the order of the network's tables."""

    buses: np.ndarray
    lines: np.ndarray
    transformers: np.ndarray


class Extreme(NamedTuple):
    """A value per point or element, and the position where it occurs (-1 for none)."""

    value: np.ndarray
    place: np.ndarray


class BusFigures(NamedTuple):
    """Per bus over all points: extreme voltages [pu] with their point, and points outside the band."""

    vm_min: Extreme
    vm_max: Extreme
    below: np.ndarray
    above: np.ndarray


class BranchFigures(NamedTuple):
    """Per line or transformer over all points: largest loading [%], points over its limit, losses [kW]."""

    loading: Extreme
    over: np.ndarray
    loss_kw: np.ndarray


@dataclass(frozen=True, eq=False)
class Outcome:
    """Figures of many operating points; elements by their position in the network's tables.

    Attributes
    ----------
    converged
        Per point; all figures but the demand of one that did not converge are missing (NaN, -1).
    weakest_bus
        Bus where the voltage collapses at a point that did not converge; -1 elsewhere.
    supplied
        Per bus; what is drawn at one without supply is unserved.
    demand_kw, served_kw, unserved_kw, generation_kw, loss_kw, source_kva
        Totals per point [kW; complex kVA].
    vm_min, vm_max, line, transformer
        Extremes per point: voltage [pu] and loading [%], with the element.
    broken
        Points x 4: buses too low, buses too high, lines over, transformers over their limit.
    vm_pu, line_percent, transformer_percent
        Points x elements kept.
    buses, lines, transformers
        Extremes per element, where asked for.
    engine
        What solved it, and why where it was not the batch engine.
    """

    converged: np.ndarray
    weakest_bus: np.ndarray
    supplied: np.ndarray
    demand_kw: np.ndarray
    served_kw: np.ndarray
    unserved_kw: np.ndarray
    generation_kw: np.ndarray
    loss_kw: np.ndarray
    source_kva: np.ndarray
    vm_min: Extreme
    vm_max: Extreme
    line: Extreme
    transformer: Extreme
    broken: np.ndarray
    vm_pu: np.ndarray
    line_percent: np.ndarray
    transformer_percent: np.ndarray
    buses: BusFigures | None
    lines: BranchFigures | None
    transformers: BranchFigures | None
    engine: str


def places_of(model: GridModel, keep: Keep | None) -> Kept:
    """Positions of the elements to keep.

    Raises
    ------
    KeyError
        An id is not in the network.
    """
    chosen = keep or Keep()
    return Kept(*(_positions(model, table, getattr(chosen, table)) for table in Kept._fields))


def check_balances(outcome: Outcome, *, constant_power: bool) -> Outcome:
    """Return the outcome if every point adds up.

    Source + generation = served + losses; where no load answers to its voltage, demand = served + unserved.

    Raises
    ------
    BalanceError
        It does not; the numbers are never shown.
    """
    gaps_kw = {
        "source + generation - served - losses": np.where(
            outcome.converged,
            outcome.source_kva.real + outcome.generation_kw - outcome.served_kw - outcome.loss_kw,
            0.0,
        )
    }
    if constant_power:
        gaps_kw["demand - served - unserved"] = outcome.demand_kw - outcome.served_kw - outcome.unserved_kw
    allowed_kw = BALANCE_SHARE * np.abs(outcome.demand_kw) + BALANCE_KW
    for name, gap_kw in gaps_kw.items():
        wrong = np.flatnonzero(~(np.abs(gap_kw) <= allowed_kw))
        if len(wrong):
            first = wrong[0]
            raise BalanceError(
                f"{name} = {gap_kw[first]:.3f} kW, allowed {allowed_kw[first]:.3f} kW, in load flow {first} "
                f"(one of {len(wrong)})"
            )
    return outcome


def point_table(outcome: Outcome, network: Network, index: pd.Index) -> pd.DataFrame:
    """Columns `POINT_COLUMNS`, one row per operating point."""
    columns: dict[str, object] = {
        "status": np.where(outcome.converged, "converged", "not_converged").astype(object),
        "reason": _reasons(outcome, network),
        "demand_kw": outcome.demand_kw,
        "served_kw": outcome.served_kw,
        "unserved_kw": outcome.unserved_kw,
        "generation_kw": outcome.generation_kw,
        "source_kw": outcome.source_kva.real,
        "source_kvar": outcome.source_kva.imag,
        "loss_kw": outcome.loss_kw,
        "vm_min_pu": outcome.vm_min.value,
        "vm_min_bus_id": ids_at(network.buses.index, outcome.vm_min.place),
        "vm_max_pu": outcome.vm_max.value,
        "vm_max_bus_id": ids_at(network.buses.index, outcome.vm_max.place),
        "line_loading_max_percent": outcome.line.value,
        "line_id": ids_at(network.lines.index, outcome.line.place),
        "transformer_loading_max_percent": outcome.transformer.value,
        "transformer_id": ids_at(network.transformers.index, outcome.transformer.place),
    }
    for number, name in enumerate(POINT_COLUMNS[-4:]):
        counts = pd.Series(outcome.broken[:, number], index, dtype="Int64")
        columns[name] = counts.where(outcome.converged)
    return pd.DataFrame(columns, index=index)[list(POINT_COLUMNS)]


def failure_table(
    model: GridModel, points: Points, outcome: Outcome, index: pd.Index, *, explain: bool
) -> pd.DataFrame:
    """One row per operating point without solution (`failures.explain_failures`); none unless asked for."""
    failed = np.flatnonzero(~outcome.converged)
    if explain and len(failed):
        from gridmodel.failures import explain_failures  # the engine needs numba

        return explain_failures(model, points, failed, index)
    return pd.DataFrame(index=index[:0], columns=list(FAILURE_COLUMNS)).astype(FAILURE_COLUMNS)


def ids_at(ids: pd.Index, at: np.ndarray) -> np.ndarray:
    """Id per position; none for -1."""
    named = np.full(len(ids) + 1, None, dtype=object)  # -1 takes the last
    named[:-1] = ids
    return named[at]


def kept_tables(
    outcome: Outcome, network: Network, index: pd.Index, kept: Kept
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Voltages [pu] and loadings [%] kept: one row per point, one column per element."""
    buses, lines, transformers = (network.table(table).index for table in Kept._fields)
    return (
        pd.DataFrame(outcome.vm_pu, index, buses[kept.buses]),
        pd.DataFrame(outcome.line_percent, index, lines[kept.lines]),
        pd.DataFrame(outcome.transformer_percent, index, transformers[kept.transformers]),
    )


def element_tables(
    outcome: Outcome, network: Network, index: pd.Index
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Extremes per bus, line and transformer over all points, with the label of the point.

    Returns
    -------
    tuple of DataFrame
        Buses: status ("supplied", "no_supply"), vm_min_pu, vm_min_at, vm_max_pu, vm_max_at, below, above.
        Lines and transformers: loading_max_percent, loading_max_at, over, loss_kw (sum over the points).
        No rows where the outcome has none.
    """
    return (
        _bus_table(outcome, network.buses.index, index),
        _branch_table(outcome.lines, network.lines.index, index),
        _branch_table(outcome.transformers, network.transformers.index, index),
    )


def _bus_table(outcome: Outcome, ids: pd.Index, index: pd.Index) -> pd.DataFrame:
    figures, supplied = outcome.buses, outcome.supplied
    if figures is None:
        nothing = Extreme(np.zeros(0), np.zeros(0, dtype=np.int64))
        figures = BusFigures(nothing, nothing, nothing.place, nothing.place)
        ids, supplied = ids[:0], supplied[:0]
    columns = {
        "status": np.where(supplied, "supplied", "no_supply").astype(object),
        "vm_min_pu": figures.vm_min.value,
        "vm_min_at": labels_at(index, figures.vm_min.place),
        "vm_max_pu": figures.vm_max.value,
        "vm_max_at": labels_at(index, figures.vm_max.place),
        "below": figures.below,
        "above": figures.above,
    }
    return pd.DataFrame(columns, index=ids)


def _branch_table(figures: BranchFigures | None, ids: pd.Index, index: pd.Index) -> pd.DataFrame:
    if figures is None:
        nothing = np.zeros(0, dtype=np.int64)
        figures, ids = BranchFigures(Extreme(np.zeros(0), nothing), nothing, np.zeros(0)), ids[:0]
    columns = {
        "loading_max_percent": figures.loading.value,
        "loading_max_at": labels_at(index, figures.loading.place),
        "over": figures.over,
        "loss_kw": figures.loss_kw,
    }
    return pd.DataFrame(columns, index=ids)


def labels_at(index: pd.Index, at: np.ndarray) -> pd.Index | np.ndarray:
    """Label per position; missing for -1."""
    if isinstance(index, pd.DatetimeIndex):
        return index.append(pd.DatetimeIndex([pd.NaT]).tz_localize(index.tz)).take(at)
    return ids_at(index, at)


def _reasons(outcome: Outcome, network: Network) -> np.ndarray:
    """Why a point has no solution: the bus whose voltage collapses."""
    reasons = np.full(len(outcome.converged), "", dtype=object)
    failed = np.flatnonzero(~outcome.converged)
    buses = ids_at(network.buses.index, outcome.weakest_bus[failed])
    reasons[failed] = [
        f"the voltage collapses at {bus}" if bus is not None else "no solution" for bus in buses
    ]
    return reasons


def _positions(model: GridModel, table: str, chosen: Chosen) -> np.ndarray:
    if isinstance(chosen, str):
        if chosen != "all":
            raise KeyError(f"{table}: give a list of ids or 'all', not {chosen!r}")
        return np.arange(len(model.network.table(table)))
    return model.position(table, list(chosen)) if len(chosen) else np.zeros(0, dtype=np.int64)
