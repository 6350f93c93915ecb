"""A grid of feeders with so many kW left each, for tests of what queues and batches reckon: no load flow.

A site takes from the feeder that its name begins with. What does not fit is made to fit by works of a fixed
cost that bring a fixed capacity, or is refused where the feeder is told to have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.connection.assessment import Assessment
from capacity.connection.option import JudgedOption, SupplyOption
from capacity.connection.outcome import option_taken
from capacity.costs import Cost
from capacity.demand.development import Development
from capacity.measures.measure import Measure
from gis.changes import NetworkChanges
from gis.examples import CRS
from gis.routing import Route

WORKS_EUR, WORKS_KW, CABLE_EUR = 1000.0, 500.0, 10.0


@dataclass(frozen=True)
class ToyGrid:
    """kW left per feeder; feeders that no works help."""

    left_kw: dict[str, float]
    hopeless: frozenset[str] = frozenset()

    @property
    def network(self) -> SimpleNamespace:
        return SimpleNamespace(crs=CRS)


def toy_site(site_id: str, kw: float, **more: object) -> Development:
    """A site of the feeder that its id begins with."""
    return Development(shapely.Point(0.0, 0.0), site_id, site_id, demand_kw=kw, **more)  # type: ignore[arg-type]


def toy_assess_all(grid: ToyGrid, sites: Sequence[Development], config: object = None) -> list[Assessment]:
    """Answers on a toy grid."""
    return [_answer(grid, site) for site in sites]


def toy_connect(grid: ToyGrid, answer: Assessment) -> ToyGrid:
    """The toy grid once a site is connected."""
    taken = option_taken(answer)
    if taken is None:
        return grid
    feeder = answer.development.site_id[0]
    more_kw = WORKS_KW * len(taken.measures) - answer.demand_kw
    return replace(grid, left_kw=grid.left_kw | {feeder: grid.left_kw[feeder] + more_kw})


def toy_hang_together(_grid: ToyGrid, answers: Sequence[Assessment]) -> np.ndarray:
    """Sites of one feeder."""
    feeder = np.array([one.development.site_id[0] for one in answers])
    return np.asarray((feeder[:, None] == feeder) & ~np.eye(len(feeder), dtype=bool))


def _answer(grid: ToyGrid, site: Development) -> Assessment:
    feeder = site.site_id[0]
    enough = site.demand_kw <= grid.left_kw[feeder]
    works = () if enough else (_works(feeder),)
    fits = enough or feeder not in grid.hopeless
    cost = Cost(CABLE_EUR, CABLE_EUR, CABLE_EUR) if enough else _price(CABLE_EUR + WORKS_EUR)
    judged = JudgedOption(
        _option(feeder), pd.DataFrame(columns=["check"]), fits, "", (), 3, works, enough, cost
    )
    verdict = "connect" if enough else "connect_after_works" if fits else "refuse"
    return Assessment(
        site, verdict, f"{site.site_id}: {verdict}", site.demand_kw, pd.DataFrame(),  # type: ignore[arg-type]
        gpd.GeoDataFrame(), {}, (), {}, (judged,),
    )  # fmt: skip


def _option(feeder: str) -> SupplyOption:
    route = Route("site", feeder, None, 7.0, 7.0, {}, {}, "straight", "")
    return SupplyOption(
        f"lv_feeder|{feeder}", "lv_feeder", feeder, 0.4, feeder, NetworkChanges(), route, (), "cable"
    )


def _works(feeder: str) -> Measure:
    return Measure(
        f"replace|{feeder}", "replace_line", "lines", feeder, NetworkChanges(), _price(WORKS_EUR), 9,
        f"replace {feeder}",
    )  # fmt: skip


def _price(eur: float) -> Cost:
    return Cost(eur, eur, eur)
