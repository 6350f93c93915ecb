"""Can this development be connected, where, at what cost and by when: options, verdict and one sentence.

Supply points come from every voltage level in reach, not the nearest alone:

    lv_feeder    a joint of an existing low-voltage cable       site --cable-- o
    lv_busbar    a new cable from a station's busbar            site --cable-- [T]
    mv_feeder    a new station on a medium-voltage line         site --[T]--cable-- o 20 kV

Each is checked by a load flow of the whole network. Not done here: routes along streets, works in
the existing grid, phases, the queue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.assumptions import Assumptions, read_assumptions
from capacity.checks import State, state_of_case
from capacity.demand.development import Development, demand_parts
from capacity.impact import Impact, additions, blocked_by, study_impact
from capacity.limits import Limits, read_limits
from capacity.supply_options import (
    Candidate,
    Works,
    describe_limit,
    find_candidates,
    size_works,
)
from gis.voltage import LV_MAX_KV
from gridmodel import KEEP_ALL, CaseResults, GridModel, find_scenario, run_cases

Verdict = Literal["connect", "connect_after_works", "refuse", "undetermined"]

OPTION_COLUMNS = (
    "rank", "kind", "bus_id", "voltage_kv", "route_m", "works", "cost_low_eur", "cost_eur", "cost_high_eur",
    "months", "fits", "reason", "geometry",
)  # fmt: skip


@dataclass(frozen=True)
class ConnectionConfig:
    """How connections are judged: scenario, limits and assumptions."""

    scenario_id: str | None = None
    limits: Limits = field(default_factory=read_limits)
    assumptions: Assumptions = field(default_factory=read_assumptions)


@dataclass(frozen=True, eq=False)
class Assessment:
    """The answer to one application.

    Attributes
    ----------
    verdict
        Of the cheapest option that fits. "connect": an existing low-voltage supply point has room.
        "connect_after_works": by a new station. "refuse": no supply point in reach fits.
        "undetermined": nothing could be checked.
    sentence
        The answer in one plain sentence, with the reason.
    demand
        Parts of the demand (`capacity.demand.development.demand_parts`).
    options
        Columns `OPTION_COLUMNS`, best first; geometry is the line from the site to the supply point.
    binding
        The limit that speaks against the best option that does not fit; empty when the first fits.
    reasons
        One line per option: why it fits or not.
    basis
        What the figures rest on: scenario, limits, cost_table, currency.
    """

    development: Development
    verdict: Verdict
    sentence: str
    demand_kw: float
    demand: pd.DataFrame
    options: gpd.GeoDataFrame
    binding: dict[str, object]
    reasons: tuple[str, ...]
    basis: dict[str, str]


def assess_connection(
    model: GridModel, development: Development, config: ConnectionConfig | None = None
) -> Assessment:
    """Judge one development on one scenario.

    Raises
    ------
    InputError
        The network has no scenario of the id in the config.
    """
    chosen = config or ConnectionConfig()
    scenario = find_scenario(model.network, chosen.scenario_id)
    return assess_on(study_impact(model, scenario, chosen.limits), development, chosen)


def assess_on(impact: Impact, development: Development, config: ConnectionConfig) -> Assessment:
    """Judge one development on a scenario that is solved already."""
    demand = demand_parts(development, config.assumptions)
    demand_kw = float(demand["p_kw"].sum())
    yardstick = impact.yardstick
    candidates = find_candidates(
        yardstick.network, yardstick.supply, development.place,
        demand_kw=demand_kw, assumptions=config.assumptions,
    )  # fmt: skip
    cos_phi = config.assumptions.power_factor.cos_phi
    if impact.base is None or not candidates:
        return _undetermined(impact, development, demand, config)
    bus_ids = [candidate.bus_id for candidate in candidates]
    results = run_cases(
        impact.model,
        additions(bus_ids, [demand_kw] * len(bus_ids), cos_phi=cos_phi),
        impact.scenario,
        keep=KEEP_ALL,
    )
    judged = [
        _judge(impact, results, row, candidate, demand_kw, config) for row, candidate in enumerate(candidates)
    ]
    judged.sort(key=lambda option: (not option.fits, option.works.cost_eur, option.works.route_m))
    verdict = _verdict(judged[0])
    return Assessment(
        development=development,
        verdict=verdict,
        sentence=_sentence(development, verdict, demand_kw, judged, config),
        demand_kw=demand_kw,
        demand=demand,
        options=_options_table(judged, impact),
        binding=judged[0].binding,
        reasons=tuple(option.reason for option in judged),
        basis=_basis(impact, config),
    )


@dataclass(frozen=True)
class _Judged:
    """One candidate with its works and what the load flow said."""

    candidate: Candidate
    works: Works
    fits: bool
    reason: str
    binding: dict[str, object]


def _judge(
    impact: Impact,
    results: CaseResults,
    row: int,
    candidate: Candidate,
    demand_kw: float,
    config: ConnectionConfig,
) -> _Judged:
    cos_phi = config.assumptions.power_factor.cos_phi
    bus = int(impact.model.position("buses", [candidate.bus_id])[0])
    state = state_of_case(results, row)
    change = _voltage_change_percent(impact, state, bus)
    works = size_works(
        candidate, demand_kw, float(state.vm_pu[bus]), impact.model.catalogue, config.assumptions,
        allowed_drop_percent=_allowed_drop(impact, state.vm_pu, bus, candidate, change),
    )  # fmt: skip
    blocked = blocked_by(impact, results, row, candidate.bus_id, demand_kw / cos_phi)
    if len(blocked):
        worst = blocked.iloc[0]
        return _Judged(candidate, works, False, describe_limit(worst), worst.to_dict())
    allowed = _allowed_change(config.limits, candidate)
    if change > allowed:
        reason = f"the voltage at {candidate.bus_id} would change by {change:.2f} % (limit {allowed:g} %)"
        binding = {
            "check": "voltage_change",
            "table": "buses",
            "element_id": candidate.bus_id,
            "value": change,
            "limit": allowed,
        }
        return _Judged(candidate, works, False, reason, binding)
    if works.problem:
        binding = {"check": "supply_cable", "table": "buses", "element_id": candidate.bus_id}
        return _Judged(candidate, works, False, works.problem, binding)
    return _Judged(candidate, works, True, _tightest(impact, state, candidate), {})


def _voltage_change_percent(impact: Impact, state: State, bus: int) -> float:
    assert impact.base is not None  # assess_on has ruled it out
    return 100.0 * abs(float(state.vm_pu[bus] - impact.base.vm_pu[bus]))


def _allowed_change(limits: Limits, candidate: Candidate) -> float:
    change = limits.voltage_change
    return change.lv_percent if candidate.voltage_kv <= LV_MAX_KV else change.mv_percent


def _allowed_drop(
    impact: Impact, vm_pu: np.ndarray, bus: int, candidate: Candidate, change_percent: float
) -> float:
    """Voltage drop [%] the new cable may take: what the supply point leaves of the change and of the band.

    Both count at the site: the change one connection may cause is spent once, by grid and new cable
    together; the band is that of the site's end, so at a station's busbar the one of the grid behind it.
    """
    band = impact.yardstick.limits.bands_of(pd.Series([candidate.voltage_kv])).iloc[0]
    busbar = bus if candidate.kind == "lv_busbar" else int(impact.yardstick.busbar[bus])
    lowest_pu = band["min_pu"] + (vm_pu[busbar] if band["from_busbar"] else 0.0)
    return float(
        np.fmin(
            _allowed_change(impact.yardstick.limits, candidate) - change_percent,
            100.0 * (vm_pu[bus] - lowest_pu),
        )
    )


def _tightest(impact: Impact, state: State, candidate: Candidate) -> str:
    """Say which element on the way is loaded most with the site."""
    path = impact.yardstick.supply.path_to_source(candidate.bus_id)
    loadings = []
    for table, values in (
        ("lines", state.line_loading_percent),
        ("transformers", state.transformer_loading_percent),
    ):
        on_way = path.loc[path["table"] == table, "element_id"]
        at = impact.model.network.table(table).index.get_indexer(on_way)
        loadings += list(zip(values[at], on_way, strict=True))
    loading, element = max(loadings, default=(0.0, candidate.bus_id))
    return f"fits; with it {element} is the most loaded on the way, at {loading:.0f} %"


def _verdict(best: _Judged) -> Verdict:
    if not best.fits:
        return "refuse"
    return "connect" if best.candidate.voltage_kv <= LV_MAX_KV else "connect_after_works"


def _sentence(
    development: Development,
    verdict: Verdict,
    demand_kw: float,
    judged: list[_Judged],
    config: ConnectionConfig,
) -> str:
    best = judged[0]
    asked = f"{development.name} ({demand_kw:,.0f} kW)"
    if verdict == "refuse":
        return f"No: {asked} cannot be connected, because {best.reason}."
    works, prices = best.works, config.assumptions.cost.prices
    answer = "Yes" if verdict == "connect" else "Yes, after works"
    why = ""
    nearest = min(judged, key=lambda option: option.works.route_m)
    if not nearest.fits:
        why = f"; the nearest point, {nearest.candidate.bus_id}, does not do because {nearest.reason}"
    return (
        f"{answer}: {asked} can be connected at {best.candidate.bus_id} with {works.text}, for about "
        f"{works.cost_eur:,.0f} {prices.currency} ({works.cost_low_eur:,.0f}-{works.cost_high_eur:,.0f}, "
        f"prices of {prices.price_year}), in about {works.months} months{why}."
    )


def _options_table(judged: list[_Judged], impact: Impact) -> gpd.GeoDataFrame:
    rows = [
        (
            rank, option.candidate.kind, option.candidate.bus_id, option.candidate.voltage_kv,
            option.works.route_m, option.works.text,
            option.works.cost_low_eur, option.works.cost_eur, option.works.cost_high_eur,
            option.works.months, option.fits, option.reason, option.candidate.line,
        )
        for rank, option in enumerate(judged, start=1)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(OPTION_COLUMNS))
    return gpd.GeoDataFrame(table, geometry="geometry", crs=impact.model.network.crs)


def _undetermined(
    impact: Impact, development: Development, demand: pd.DataFrame, config: ConnectionConfig
) -> Assessment:
    demand_kw = float(demand["p_kw"].sum())
    reason = _why_undetermined(impact, demand_kw, config.assumptions)
    empty = _options_table([], impact)
    return Assessment(
        development=development,
        verdict="undetermined",
        sentence=f"Not to be said: {development.name} cannot be judged, because {reason}.",
        demand_kw=demand_kw,
        demand=demand,
        options=empty,
        binding={},
        reasons=(reason,),
        basis=_basis(impact, config),
    )


def _basis(impact: Impact, config: ConnectionConfig) -> dict[str, str]:
    prices = config.assumptions.cost.prices
    return {
        "scenario": impact.scenario.name,
        "limits": impact.yardstick.limits.name,
        "cost_table": f"{prices.name}, prices of {prices.price_year}",
        "currency": prices.currency,
    }


def _why_undetermined(impact: Impact, demand_kw: float, assumptions: Assumptions) -> str:
    if impact.base is None:
        return f"the scenario {impact.scenario.scenario_id!r} has no solution even without it"
    most_kw = assumptions.supply.mv_feeder_max_kw
    if demand_kw > most_kw:
        return (
            f"{demand_kw:,.0f} kW is more than a medium-voltage feeder takes ({most_kw:,.0f} kW); ask for a "
            "supply from the substation or the high-voltage grid, which is not checked here"
        )
    reach_m = assumptions.route.max_mv_m
    return (
        f"there is no supplied network within {reach_m:,.0f} m of cable for a demand of {demand_kw:,.0f} kW"
    )


def place_at(crs: object, longitude: float, latitude: float) -> shapely.Point:
    """Return the point at a longitude and latitude [degree, WGS 84] in the CRS of a network.

    Raises
    ------
    ValueError
        There is no such place in that CRS.
    """
    place = gpd.GeoSeries([shapely.Point(longitude, latitude)], crs=4326).to_crs(crs).iloc[0]
    if not np.isfinite([place.x, place.y]).all():
        raise ValueError(f"longitude {longitude}, latitude {latitude} is no place on Earth")
    return place
