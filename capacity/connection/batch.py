"""Many sites at once, each alone on the grid as it is: a light, an answer and a reason for every row.

    green   the cheapest option needs no works on the existing grid and no new station
    amber   it does; works on the existing grid are looked for only where nothing fits without
    red     no option fits
    grey    no answer: the row or the grid does not say enough; its status and reason say why

Within a light the cheapest per kW comes first, then the soonest, then by id. Not done here: what the sites
do to each other (`queue`, `portfolio`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.assumptions import only_if_none_fits
from capacity.connection.assessment import Assessment, assess_all
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.outcome import option_taken, words_of_works
from capacity.connection.queue import Told
from capacity.connection.site_cases import ConnectionConfig
from capacity.demand.development import Development

BATCH_COLUMNS = (
    "rank", "site_id", "name", "light", "status", "verdict", "demand_kw", "kind", "bus_id", "route_m",
    "built", "works", "cost_low_eur", "cost_eur", "cost_high_eur", "eur_per_kw", "months", "reason",
    "geometry",
)  # fmt: skip
Light = Literal["green", "amber", "red", "grey"]
LIGHTS: dict[str, Light] = {"connect": "green", "connect_after_works": "amber", "refuse": "red"}
LIGHT_WORDS: dict[Light, str] = {
    "green": "the cheapest option needs no works on the existing grid and no new station",
    "amber": "fits after works",
    "red": "no option fits",
    "grey": "no answer",
}
RULE_WORDS = (
    "; ".join(f"{light}: {words}" for light, words in LIGHT_WORDS.items())
    + "; within a light the cheapest per kW first, then the soonest, then by id"
)
# Sites judged in one go: what they are drawn into stays small, and progress can be told.
SITES_AT_ONCE = 50
_ORDER: tuple[Light, ...] = ("green", "amber", "red", "grey")


def assess_batch(
    grid: ConnectionGrid,
    developments: Sequence[Development],
    config: ConnectionConfig,
    *,
    unreadable: pd.DataFrame | None = None,
    held: Callable[[Assessment], Assessment] | None = None,
    told: Told | None = None,
) -> gpd.GeoDataFrame:
    """Judge many sites, each as if it were the only one, and rank them.

    Parameters
    ----------
    unreadable
        Rows of the file that are no developments: site_id, name, reason, geometry. Each is a row of the
        answer too.
    held
        What holds an answer back where the data carry none (`data_quality.hold_back_assessment`).

    Returns
    -------
    GeoDataFrame
        Columns `BATCH_COLUMNS`, a row per site, best first: rank from 1; light; status "judged",
        "undetermined" or "unreadable"; demand [kW]; the best option with its cost [currency of the cost
        table], cost per kW and months; reason in words. Geometry is the place of the site.
    """
    say, keep = told or (lambda _: None), held or (lambda answer: answer)
    asked = config or ConnectionConfig(limits=grid.yardstick.limits, assumptions=grid.assumptions)
    asked = replace(asked, assumptions=only_if_none_fits(asked.assumptions))
    rows: list[tuple[object, ...]] = []
    for first in range(0, len(developments), SITES_AT_ONCE):
        part = developments[first : first + SITES_AT_ONCE]
        say(f"judging sites {first + 1} to {first + len(part)} of {len(developments)}")
        rows += [_row(keep(answer)) for answer in assess_all(grid, part, asked)]
    for lost in () if unreadable is None else unreadable.to_dict("records"):
        rows.append(_unreadable_row(lost))
    return ranked(pd.DataFrame(rows, columns=list(BATCH_COLUMNS)), grid.network.crs)


def ranked(table: pd.DataFrame, crs: object) -> gpd.GeoDataFrame:
    """Rows in the order of the rule, numbered from 1."""
    keys = pd.DataFrame(
        {
            "light": table["light"].map(_ORDER.index),
            "eur_per_kw": table["eur_per_kw"].astype(float).fillna(np.inf),
            "months": table["months"].astype(float).fillna(np.inf),
            "site_id": table["site_id"].astype(str),
        }
    )
    order = keys.sort_values(list(keys.columns), kind="stable").index
    placed = table.loc[order].reset_index(drop=True)
    placed["rank"] = np.arange(1, len(placed) + 1)
    return gpd.GeoDataFrame(placed, geometry="geometry", crs=crs)


def counts_of(table: pd.DataFrame) -> dict[str, int]:
    """Number of sites per light, all of them named; they add up to the rows."""
    return {light: int((table["light"] == light).sum()) for light in _ORDER}


def _row(answer: Assessment) -> tuple[object, ...]:
    asked = answer.development
    taken = option_taken(answer) if answer.verdict in LIGHTS else None
    first = (
        0, asked.site_id, asked.name, LIGHTS.get(answer.verdict, "grey"),
        "judged" if answer.verdict in LIGHTS else "undetermined", answer.verdict, answer.demand_kw,
    )  # fmt: skip
    if taken is None:
        return (*first, *(None,) * 10, answer.sentence, asked.place)
    option, cost = taken.option, taken.cost
    per_kw = cost.eur / answer.demand_kw if answer.demand_kw else None
    return (
        *first, option.kind, option.bus_id, option.route.length_m, option.text, words_of_works(answer),
        cost.low_eur, cost.eur, cost.high_eur, per_kw, taken.months, answer.sentence, asked.place,
    )  # fmt: skip


def _unreadable_row(lost: dict[object, object]) -> tuple[object, ...]:
    nothing = (None,) * 11
    return (
        0, lost["site_id"], lost.get("name"), "grey", "unreadable", None, *nothing, lost["reason"],
        lost.get("geometry"),
    )  # fmt: skip
