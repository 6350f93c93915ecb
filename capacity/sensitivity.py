"""How much an answer hangs on what a home draws: the same site at several after-diversity demands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from capacity.connection import Assessment, ConnectionConfig, ConnectionGrid, assess_on
from capacity.data_quality import WeakFeeders, hold_back_assessment
from capacity.demand.development import Development

SENSITIVITY_COLUMNS = (
    "admd_kw", "demand_kw", "verdict", "kind", "bus_id", "works", "cost_eur", "months", "reason",
)  # fmt: skip
_NO_WEAK: WeakFeeders = MappingProxyType({})


def sensitivity_of(
    grid: ConnectionGrid,
    development: Development,
    config: ConnectionConfig,
    weak: WeakFeeders = _NO_WEAK,
) -> pd.DataFrame:
    """Judge one development at the demands per home that the assumptions list, all else as assumed.

    Parameters
    ----------
    weak
        Feeders whose figures are held back.

    Returns
    -------
    DataFrame
        Columns `SENSITIVITY_COLUMNS`, a row per demand: what is asked for [kW], the verdict, the best option
        (missing where there is none) with its cost [currency of the cost table], and its reason. No rows for
        a development without homes: its demand does not hang on them.
    """
    rows = []
    for demand_kw in config.assumptions.sensitivity.admd_kw if development.home_count else ():
        home = config.assumptions.home.model_copy(update={"admd_kw": demand_kw})
        assumed = config.assumptions.model_copy(update={"home": home})
        answer = assess_on(grid, development, replace(config, assumptions=assumed))
        rows.append(_row(demand_kw, hold_back_assessment(answer, grid.yardstick.supply, weak)))
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))


def with_sensitivity(
    report: tuple[dict[str, object], list[str]], tables: Sequence[pd.DataFrame], asked: Sequence[Development]
) -> tuple[dict[str, object], list[str]]:
    """A report of `feederplan connect` with the table of every site."""
    values, lines = report
    rows = [table.astype(object).where(table.notna(), None).to_dict("records") for table in tables]
    said = [line for site, table in zip(asked, tables, strict=True) for line in _lines(site, table)]
    if "sites" not in values:
        return values | {"sensitivity": rows[0]}, [*lines, *said]
    by_site = {site.site_id: own for site, own in zip(asked, rows, strict=True)}
    return values | {"sensitivity": by_site}, [*lines, *said]


def _row(admd_kw: float, answer: Assessment) -> Mapping[str, object]:
    best = answer.options.iloc[0] if len(answer.options) else pd.Series(dtype=object)
    return {
        "admd_kw": admd_kw,
        "demand_kw": answer.demand_kw,
        "verdict": answer.verdict,
        **{name: best.get(name) for name in ("kind", "bus_id", "works", "cost_eur", "months")},
        "reason": answer.reasons[0],
    }


def _lines(site: Development, table: pd.DataFrame) -> list[str]:
    if table.empty:
        return [f"Sensitivity of {site.name}: it has no homes"]
    return [
        f"Sensitivity of {site.name}, {site.home_count} homes:",
        *(
            f"  {row.admd_kw:4.1f} kW a home {row.demand_kw:10,.0f} kW  {row.verdict:20}"
            f" {_cost(row.cost_eur)}  {row.reason if row.verdict == 'refuse' else row.works or ''}"
            for row in table.itertuples()
        ),
    ]


def _cost(cost_eur: float | None) -> str:
    return f"{'no data':>10}" if cost_eur is None or pd.isna(cost_eur) else f"{cost_eur:10,.0f}"
