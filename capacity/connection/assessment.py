"""Can this development be connected, where, at what cost and by when: options, verdict and one sentence.

    supply points of all levels      `supply_points`
    each a state of one drawn grid   `judging`
    works where it does not fit      `reinforcement`
    order, verdict, sentence         `ranking`, `words`

Many developments are judged in one draw, each as if the others were not there; a queue and a portfolio, in
which they are, stand in `queue` and `portfolio`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.judging import CHECK_COLUMNS, Judgement, judge, normal_cases
from capacity.connection.option import JudgedOption
from capacity.connection.quick_judging import judge_quickly
from capacity.connection.ranking import rank_options
from capacity.connection.site import Site
from capacity.connection.site_cases import ConnectionConfig, connection_grid, site_of, with_assumptions
from capacity.connection.supply_points import NOT_OFFERED_COLUMNS, SiteOptions, supply_options
from capacity.connection.words import sentence_of, works_words
from capacity.demand.development import Development, demand_parts
from gis import Network
from gridmodel import GridModel

Verdict = Literal["connect", "connect_after_works", "refuse", "undetermined"]

OPTION_COLUMNS = (
    "rank", "kind", "bus_id", "voltage_kv", "route_m", "works", "cost_low_eur", "cost_eur", "cost_high_eur",
    "months", "fits", "reason", "geometry",
)  # fmt: skip
BILL_COLUMNS = (
    "rank", "item", "text", "quantity", "unit", "use", "customer_share", "cost_low_eur", "cost_eur",
    "cost_high_eur",
)  # fmt: skip
# Sites whose options are drawn into one network.
SITES_AT_ONCE = 25


@dataclass(frozen=True, eq=False)
class Assessment:
    """The answer to one application.

    Attributes
    ----------
    verdict
        Of the cheapest option that fits. "connect": it needs no works on the existing grid and no new
        station. "connect_after_works": it does. "refuse": none fits, with works either. "undetermined":
        nothing could be checked.
    sentence
        The answer in one plain sentence, with the reason.
    demand
        Parts of the demand (`capacity.demand.development.demand_parts`).
    options
        Columns `OPTION_COLUMNS`, best first; geometry is the way of the new cable.
    binding
        The limit that speaks against the best option; empty when it fits alone.
    reasons
        One line per option: why it fits or not.
    basis
        What the figures rest on: scenario, limits, cases, n_minus_1, charging, cost_table, currency.
    ranked
        The options with all that is known of them, in the same order.
    bill
        Columns `BILL_COLUMNS`: what each option is made of; its lines add up to its cost.
    checks
        Columns rank and `judging.CHECK_COLUMNS`, of the options without works: figures today and with the
        site; caused_by is "site" or "already" where a limit is broken, else "".
    not_offered
        kind, bus_id, reason: what is no option at all.
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
    ranked: tuple[JudgedOption, ...] = ()
    bill: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(BILL_COLUMNS)))
    checks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["rank", *CHECK_COLUMNS]))
    not_offered: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(NOT_OFFERED_COLUMNS)))


def assess_connection(
    network: Network | GridModel, development: Development, config: ConnectionConfig | None = None
) -> Assessment:
    """Judge one development on one scenario of a network.

    Raises
    ------
    InputError
        The network has no scenario of the id in the config.
    """
    chosen = config or ConnectionConfig()
    plain = network.network if isinstance(network, GridModel) else network
    return assess_on(connection_grid(plain, chosen), development, chosen)


def assess_on(
    grid: ConnectionGrid, development: Development, config: ConnectionConfig | None = None
) -> Assessment:
    """Judge one development on a grid that is solved already (`connection_grid`)."""
    return assess_all(grid, [development], config)[0]


def assess_all(
    grid: ConnectionGrid, developments: Sequence[Development], config: ConnectionConfig | None = None
) -> list[Assessment]:
    """Judge many developments, each as if the others were not there.

    Parameters
    ----------
    config
        Its assumptions hold; limits and cases are those of the grid.

    Returns
    -------
    list of Assessment
        In the order of the developments.
    """
    chosen = config or ConnectionConfig(limits=grid.yardstick.limits, assumptions=grid.assumptions)
    known = with_assumptions(grid, chosen)
    found: list[Assessment] = []
    for first in range(0, len(developments), SITES_AT_ONCE):
        found += _assess_block(known, developments[first : first + SITES_AT_ONCE], chosen)
    return found


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


def _assess_block(
    grid: ConnectionGrid, developments: Sequence[Development], config: ConnectionConfig
) -> list[Assessment]:
    sites = [site_of(grid, development) for development in developments]
    if all(grid.states[case] is None for case in normal_cases(grid)):
        reason = f"the network has no solution in {grid.name!r} even without it"
        return [_undetermined(grid, site, reason, None, config) for site in sites]
    offered = supply_options(grid, sites)
    if grid.assumptions.works.search == "if_none_fits":
        offered, judged = judge_quickly(grid, sites, offered)
    else:
        judged = _judged(grid, sites, offered)
    return [
        _answer(grid, site, own, judgements, config)
        for site, own, judgements in zip(sites, offered, judged, strict=True)
    ]


def _judged(
    grid: ConnectionGrid, sites: Sequence[Site], offered: Sequence[SiteOptions]
) -> list[dict[str, Judgement]]:
    """Judgement by option_id per site."""
    buildable = [[option for option in own.options if not option.problem] for own in offered]
    judged = judge(grid, sites, buildable)
    return [
        {option.option_id: judgement for option, judgement in zip(options, judgements, strict=True)}
        for options, judgements in zip(buildable, judged, strict=True)
    ]


def _answer(
    grid: ConnectionGrid,
    site: Site,
    offered: SiteOptions,
    judged: dict[str, Judgement],
    config: ConnectionConfig,
) -> Assessment:
    ranked = rank_options(grid, site, offered.options, judged)
    if not ranked:
        return _undetermined(grid, site, _why_no_option(grid, site, offered), offered, config)
    verdict = _verdict(ranked[0])
    blocked = ranked[0].blocked
    return Assessment(
        development=site.development,
        verdict=verdict,
        sentence=sentence_of(site.development, verdict, site.demand_kw, ranked, grid.assumptions.cost.prices),
        demand_kw=site.demand_kw,
        demand=demand_parts(site.development, grid.assumptions),
        options=_options_table(ranked, grid),
        binding=blocked.iloc[0].to_dict() if len(blocked) else {},
        reasons=tuple(option.reason for option in ranked),
        basis=_basis(grid, config),
        ranked=ranked,
        bill=_bill(ranked),
        checks=_checks(ranked, judged),
        not_offered=offered.not_offered,
    )


def _verdict(best: JudgedOption) -> Verdict:
    if not best.fits:
        return "refuse"
    return "connect" if best.today else "connect_after_works"


def _options_table(ranked: Sequence[JudgedOption], grid: ConnectionGrid) -> gpd.GeoDataFrame:
    rows = [
        (
            rank, one.option.kind, one.option.bus_id, one.option.voltage_kv, one.option.route.length_m,
            works_words(one), one.cost.low_eur, one.cost.eur, one.cost.high_eur, one.months, one.fits,
            one.reason, one.option.route.geometry,
        )
        for rank, one in enumerate(ranked, start=1)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(OPTION_COLUMNS))
    return gpd.GeoDataFrame(table, geometry="geometry", crs=grid.network.crs)


def _bill(ranked: Sequence[JudgedOption]) -> pd.DataFrame:
    rows = [
        (
            rank, line.item, line.text, line.quantity, line.unit, line.use, line.customer_share,
            line.cost.low_eur, line.cost.eur, line.cost.high_eur,
        )
        for rank, one in enumerate(ranked, start=1)
        for line in one.lines
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(BILL_COLUMNS))


def _checks(ranked: Sequence[JudgedOption], judged: dict[str, Judgement]) -> pd.DataFrame:
    parts = [
        judged[one.option.option_id].checks.assign(rank=rank)
        for rank, one in enumerate(ranked, start=1)
        if one.option.option_id in judged
    ]
    columns = ["rank", *CHECK_COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _undetermined(
    grid: ConnectionGrid, site: Site, reason: str, offered: SiteOptions | None, config: ConnectionConfig
) -> Assessment:
    nothing = pd.DataFrame(columns=list(NOT_OFFERED_COLUMNS))
    return Assessment(
        development=site.development,
        verdict="undetermined",
        sentence=f"Not to be said: {site.development.name} cannot be judged, because {reason}.",
        demand_kw=site.demand_kw,
        demand=demand_parts(site.development, grid.assumptions),
        options=_options_table([], grid),
        binding={},
        reasons=(reason,),
        basis=_basis(grid, config),
        not_offered=offered.not_offered if offered else nothing,
    )


def _basis(grid: ConnectionGrid, config: ConnectionConfig) -> dict[str, str]:
    prices, outages = grid.assumptions.cost.prices, grid.cases.labels["outage"] != ""
    return {
        "scenario": grid.name,
        "limits": grid.yardstick.limits.name,
        "cases": f"{int((~outages).sum())} of normal operation, {int(outages.sum())} outages",
        "n_minus_1": config.n_minus_1.name,
        "charging": grid.assumptions.charging.rule,
        "cost_table": f"{prices.name}, prices of {prices.price_year}",
        "currency": prices.currency,
    }


def _why_no_option(grid: ConnectionGrid, site: Site, offered: SiteOptions) -> str:
    most_kw = grid.assumptions.supply.mv_busbar_max_kw
    if site.demand_kw > most_kw:
        return (
            f"{site.demand_kw:,.0f} kW is more than a busbar of medium voltage takes ({most_kw:,.0f} kW); "
            "ask for a supply from the high-voltage grid, which is not checked here"
        )
    reach_m = grid.assumptions.route.max_mv_feeder_m
    return f"there is no supplied network in reach ({reach_m:,.0f} m of cable) for {site.demand_kw:,.0f} kW"
