"""How much of its limit every element uses before and after a plan, year by year, for the map.

Worst over the cases in the normal switching state; outages are judged by the re-run, not drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from capacity.checks import State, band_used_percent, loading_used_percent, make_yardstick
from capacity.limits import Limits
from capacity.planning.plan import Plan, Taken
from capacity.planning.plan_cases import PlanCases, no_switching
from capacity.planning.rerun import Stand, part_of, stands_of
from gis import Network
from gridmodel import Catalogue

LOADING_COLUMNS = ("table", "element_id", "year", "used_before_percent", "used_after_percent")
_TABLES = ("lines", "transformers", "buses")


def plan_loading(plan: Plan, *, catalogue: Catalogue | None = None) -> pd.DataFrame | None:
    """Use of every element's limit, worst case of each year, without the plan and with it.

    Returns
    -------
    DataFrame or None
        Columns `LOADING_COLUMNS`: table ("lines", "transformers", "buses"), element_id, year (Int64; missing:
        the plan has no years), percent of the loading limit or of the voltage band used before and after;
        missing where the element is not there, carries no supply, or no case has a solution. Nothing for a
        plan that does not carry its cases and limits.
    """
    if plan.states is None or plan.limits is None:
        return None
    states = _in_normal_state(plan.states)
    before = _used(plan.network, (), states, plan.limits, catalogue)
    after = _used(plan.network, plan.taken, states, plan.limits, catalogue)
    keys = ["table", "element_id", "year"]
    both = before.merge(after, on=keys, how="outer", suffixes=("_before", "_after"), sort=False)
    named = both.rename(columns={"used_before": LOADING_COLUMNS[3], "used_after": LOADING_COLUMNS[4]})
    order = pd.Categorical(named["table"], _TABLES, ordered=True)
    return named.assign(_order=order).sort_values(["year", "_order", "element_id"], ignore_index=True)[
        list(LOADING_COLUMNS)
    ]


def _in_normal_state(states: PlanCases) -> PlanCases:
    rows = np.flatnonzero((states.labels["outage"] == "").to_numpy())
    return replace(part_of(states, rows), switching=no_switching())


def _used(
    network: Network, taken: Sequence[Taken], states: PlanCases, limits: Limits, catalogue: Catalogue | None
) -> pd.DataFrame:
    """Columns table, element_id, year, used: the most that any case uses."""
    parts = [
        _used_on(stand, limits, catalogue)
        for stand in stands_of(network, taken, states)
        if len(stand.cases.labels)
    ]
    if not parts:
        return pd.DataFrame({"table": [], "element_id": [], "year": pd.array([], dtype="Int64"), "used": []})
    rows = pd.concat(parts, ignore_index=True)
    most = rows.groupby(["table", "element_id", "year"], sort=False, dropna=False)["used"].max()
    return cast(pd.DataFrame, most.reset_index())


def _used_on(stand: Stand, limits: Limits, catalogue: Catalogue | None) -> pd.DataFrame:
    network = stand.network
    parts = [
        pd.DataFrame({"table": table, "element_id": network.table(table).index, "used": most})
        for table, most in zip(_TABLES, _most(stand, limits, catalogue), strict=True)
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(year=pd.array([stand.year] * len(rows), dtype="Int64"))


def _most(stand: Stand, limits: Limits, catalogue: Catalogue | None) -> list[np.ndarray]:
    """The most that any case uses of each line, transformer and bus of one network [%]."""
    columns = zip(*_percents(stand, limits, catalogue), strict=True)
    missing = (np.full(len(stand.network.table(table)), np.nan) for table in _TABLES)
    return [np.fmax.reduce([nothing, *cases]) for nothing, cases in zip(missing, columns, strict=True)]


def _percents(
    stand: Stand, limits: Limits, catalogue: Catalogue | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    from gridmodel.power_cases import run_power_cases  # needs numba

    cases, yardstick = stand.cases, make_yardstick(stand.network, limits)
    found = run_power_cases(
        stand.network, cases.kva, cases.labels.index, cases.switching, catalogue=catalogue
    )
    solved = zip(found.vm_pu, found.line_loading_percent, found.transformer_loading_percent, strict=True)
    for state in (State(*row) for row in solved):
        yield (*loading_used_percent(yardstick, state), band_used_percent(yardstick, state))


def used_percent(
    loading: pd.DataFrame | None, year: int | None, table: str, ids: pd.Index, *, after: bool
) -> np.ndarray:
    """Percent of its limit that each of these elements uses in a year, before or after; NaN where unknown."""
    if loading is None:
        return np.full(len(ids), np.nan)
    of_year = loading["year"].isna() if year is None else loading["year"] == year
    rows = loading[of_year.fillna(False).astype(bool) & (loading["table"] == table)]
    column = LOADING_COLUMNS[4] if after else LOADING_COLUMNS[3]
    return rows.set_index("element_id")[column].reindex(ids).to_numpy(dtype=float)


def years_of_loading(loading: pd.DataFrame | None) -> list[int | None]:
    """Years that a loading is known of, in order; None where it is of no year or unknown."""
    known = [] if loading is None else sorted({int(year) for year in loading["year"].dropna()})
    return list(known) or [None]
