"""Which element breaks which limit: a registry of checks, one function a criterion.

A check sees one solved state and answers with the violated elements. The same checks serve a load
flow (`violations`) and the cases of headroom and connection (`state_of_case`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.limits import Limits
from gis import InputError, Network
from gis.feeders import Supply, roots_of, trace_supply
from gis.findings import make_findings
from gis.voltage import LV_MAX_KV
from gridmodel import CaseResults, LoadFlowResult

VIOLATION_COLUMNS = (
    "scenario", "hour", "check", "table", "element_id", "feeder_id", "value", "limit", "unit",
    "excess_percent",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Limits laid over one network: limit per element, made once and used for every state.

    Attributes
    ----------
    bands
        min_pu, max_pu, from_busbar per bus; of a station's low-voltage busbar the station's band.
    busbar
        Position per bus of the bus that a relative band counts from: the busbar or source that feeds it,
        of a station's busbar the high-voltage bus of its transformer.
    """

    network: Network
    supply: Supply
    limits: Limits
    bands: pd.DataFrame
    busbar: np.ndarray


@dataclass(frozen=True, eq=False)
class State:
    """One solved state: voltage per bus [pu], loading per line and transformer [%]; NaN = dead."""

    vm_pu: np.ndarray
    line_loading_percent: np.ndarray
    transformer_loading_percent: np.ndarray


Check = Callable[[Yardstick, State], pd.DataFrame]


def make_yardstick(network: Network, limits: Limits, supply: Supply | None = None) -> Yardstick:
    """Lay limits over a network.

    Raises
    ------
    InputError
        The limits have no band for a voltage of the network: its buses would pass unchecked.
    """
    traced = supply or trace_supply(network)
    bands, busbar = limits.bands_of(network.buses["vn_kv"]), busbar_of(network, traced)
    _refuse_gaps(network, limits, bands)
    if limits.station is not None:
        at = _station_busbars(network, traced)
        bands.iloc[at] = (limits.station.min_pu, limits.station.max_pu, True)
        busbar[at] = traced.parents[at]
    return Yardstick(network, traced, limits, bands, busbar)


def _refuse_gaps(network: Network, limits: Limits, bands: pd.DataFrame) -> None:
    voltages = network.buses["vn_kv"][bands["min_pu"].isna()].unique()
    if len(voltages):
        message = "the limits have no voltage band for this nominal voltage [kV]; add one to the profile"
        faults = make_findings("limits_gap", "limits", [f"{kv:g}" for kv in sorted(voltages)], message)
        raise InputError(limits.name, faults)


def violations(yardstick: Yardstick, result: LoadFlowResult) -> pd.DataFrame:
    """Find every element of a load flow that breaks a limit.

    Returns
    -------
    DataFrame
        Columns `VIOLATION_COLUMNS`, largest excess first; no rows when all limits hold. A load flow
        that did not converge gives one row of the check "no_solution".
    """
    if not result.converged:
        found = _rows(
            "no_solution",
            "sources",
            result.sources.index[:1],
            np.array([result.servable_share]),
            1.0,
            "share",
        )
        found["excess_percent"] = 100.0 * (1.0 - result.servable_share)
    else:
        found = broken_limits(yardstick, state_of(result))
    found.insert(0, "scenario", result.scenario.scenario_id)
    found.insert(1, "hour", pd.Series(pd.NA, found.index, dtype="Int64"))
    found.insert(5, "feeder_id", _feeders_of(yardstick, found))
    found = found.sort_values("excess_percent", ascending=False, kind="stable", ignore_index=True)
    return found[list(VIOLATION_COLUMNS)]


def broken_limits(yardstick: Yardstick, state: State) -> pd.DataFrame:
    """Run all checks on one state: columns check, table, element_id, value, limit, unit, excess_percent."""
    parts = [check(yardstick, state) for check in CHECKS]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def state_of(result: LoadFlowResult) -> State:
    """The state a load flow found."""
    return State(
        result.buses["vm_pu"].to_numpy(),
        result.lines["loading_percent"].to_numpy(),
        result.transformers["loading_percent"].to_numpy(),
    )


def state_of_case(results: CaseResults, row: int) -> State:
    """The state of one case; all elements must have been kept (`gridmodel.KEEP_ALL`)."""
    kept = (results.vm_pu, results.line_loading_percent, results.transformer_loading_percent)
    return State(*(table.to_numpy()[row] for table in kept))


def undervoltage(yardstick: Yardstick, state: State) -> pd.DataFrame:
    """Buses under their band."""
    low, _ = voltage_bounds(yardstick, state)
    return _exceeding(
        "undervoltage", "buses", yardstick.network.buses.index, state.vm_pu, low, "pu", below=True
    )


def overvoltage(yardstick: Yardstick, state: State) -> pd.DataFrame:
    """Buses over their band."""
    _, high = voltage_bounds(yardstick, state)
    return _exceeding("overvoltage", "buses", yardstick.network.buses.index, state.vm_pu, high, "pu")


def line_overload(yardstick: Yardstick, state: State) -> pd.DataFrame:
    """Lines over their rating."""
    lines = yardstick.network.lines.index
    limit = np.full(len(lines), yardstick.limits.loading.line_percent)
    return _exceeding("line_overload", "lines", lines, state.line_loading_percent, limit, "%")


def transformer_overload(yardstick: Yardstick, state: State) -> pd.DataFrame:
    """Transformers over their rating."""
    transformers = yardstick.network.transformers.index
    limit = np.full(len(transformers), yardstick.limits.loading.transformer_percent)
    values = state.transformer_loading_percent
    return _exceeding("transformer_overload", "transformers", transformers, values, limit, "%")


CHECKS: tuple[Check, ...] = (undervoltage, overvoltage, line_overload, transformer_overload)


def voltage_bounds(yardstick: Yardstick, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest allowed voltage per bus [pu]; NaN where no band applies."""
    bands = yardstick.bands
    reference = _reference(yardstick, state, of_nominal=0.0)
    return bands["min_pu"].to_numpy() + reference, bands["max_pu"].to_numpy() + reference


def loading_used_percent(yardstick: Yardstick, state: State) -> tuple[np.ndarray, np.ndarray]:
    """How much of its loading limit each line and each transformer uses [%]; over 100 it is broken."""
    limits = yardstick.limits.loading
    return (
        100.0 * state.line_loading_percent / limits.line_percent,
        100.0 * state.transformer_loading_percent / limits.transformer_percent,
    )


def band_used_percent(yardstick: Yardstick, state: State) -> np.ndarray:
    """How much of its voltage band each bus uses [%]: 0 at its reference, 100 at the limit.

    Counted from the reference of the band (nominal voltage, busbar or, at a station, the bus above)
    towards the side the voltage lies on; over 100 the limit is broken. NaN where a bus is dead or no
    band applies.
    """
    low, high = voltage_bounds(yardstick, state)
    reference = _reference(yardstick, state, of_nominal=1.0)
    drop, rise = reference - state.vm_pu, state.vm_pu - reference
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100.0 * np.where(drop > 0, drop / (reference - low), rise / (high - reference))


def busbar_of(network: Network, supply: Supply) -> np.ndarray:
    """Position per bus of the busbar it hangs on through lines, couplers and regulators in lines."""
    through = supply.buses["upstream_table"].isin(["lines", "switches"]).to_numpy()
    through |= behind_regulator(network, supply)
    return roots_of(np.where(through, supply.parents, np.arange(len(supply.parents))))


def behind_regulator(network: Network, supply: Supply) -> np.ndarray:
    """Tell which buses a transformer between equal voltages feeds: a regulator in a line is no station."""
    vn_kv = network.buses["vn_kv"].to_numpy()
    fed = (supply.buses["upstream_table"] == "transformers").to_numpy()
    return np.asarray(fed & np.isclose(vn_kv, vn_kv[supply.parents]))


def _reference(yardstick: Yardstick, state: State, *, of_nominal: float) -> np.ndarray:
    """Voltage per bus that its band counts from [pu]."""
    return np.where(yardstick.bands["from_busbar"], state.vm_pu[yardstick.busbar], of_nominal)


def _station_busbars(network: Network, supply: Supply) -> np.ndarray:
    """Positions of the low-voltage buses a transformer feeds: the station band is theirs alone."""
    fed = (supply.buses["upstream_table"] == "transformers") & ~behind_regulator(network, supply)
    return np.flatnonzero(fed & (network.buses["vn_kv"] <= LV_MAX_KV))


def _exceeding(
    check: str,
    table: str,
    ids: pd.Index,
    values: np.ndarray,
    limit: np.ndarray,
    unit: str,
    *,
    below: bool = False,
) -> pd.DataFrame:
    with np.errstate(invalid="ignore"):
        broken = values < limit if below else values > limit
    return _rows(check, table, ids[broken], values[broken], limit[broken], unit)


def _rows(
    check: str, table: str, ids: pd.Index, values: np.ndarray, limit: np.ndarray | float, unit: str
) -> pd.DataFrame:
    excess = 100.0 * np.abs(values - limit) / np.abs(limit)
    columns = {
        "check": check, "table": table, "element_id": ids, "value": values, "limit": limit, "unit": unit,
        "excess_percent": excess,
    }  # fmt: skip
    return pd.DataFrame(columns, index=range(len(ids)))


def _feeders_of(yardstick: Yardstick, found: pd.DataFrame) -> pd.Series:
    supply = yardstick.supply
    feeders = pd.Series(None, found.index, dtype=object)
    for table, known in (("buses", supply.buses["feeder_id"]), *supply.feeders.items()):
        rows = found["table"] == table
        feeders[rows] = found.loc[rows, "element_id"].map(known)
    return feeders
