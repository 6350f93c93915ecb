"""Proof of a plan by plain pandapower: every case on the network that the plan makes, one load flow each.

Nothing of how the plan was found or re-run is used: the network is changed, every bus gets the power of the
case, every switch its state, pandapower solves it, and the checks of any load flow are laid over it.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from capacity.checks import broken_limits, make_yardstick, state_of
from capacity.limits import Limits
from capacity.planning.plan import Plan
from capacity.planning.rerun import (
    BROKEN_COLUMNS,
    Stand,
    no_supply_row,
    run_again,
    stacked,
    stands_of,
    switched,
)
from gridmodel import Catalogue, Scenario, build_model, run_load_flow
from gridmodel.bus_power import with_bus_power

# Every load at its figure.
_ALL = Scenario("power", "power per bus", None, 1.0, 1.0)
# A value so near its limit [share of it] may fall on either side of it: both engines are exact to about 1e-8.
_TIE = 1e-6
VERIFIED_COLUMNS = (
    "case_id", "run_year", "violations", "violations_engine", "vm_min_pu", "line_loading_percent",
    "transformer_loading_percent", "agrees",
)  # fmt: skip


def verify_plan(
    plan: Plan, *, catalogue: Catalogue | None = None, told: Callable[[str], None] = lambda _: None
) -> pd.DataFrame:
    """Run every case of a plan by plain pandapower, and hold it against the engine's re-run.

    Returns
    -------
    DataFrame
        Columns `VERIFIED_COLUMNS`, a row per case and year: limits broken by pandapower and by the engine,
        pandapower's extremes, and whether both find the same limits broken (but for values within a
        millionth of a limit).

    Raises
    ------
    ValueError
        The plan does not carry its cases and limits.
    """
    if plan.states is None or plan.limits is None:
        raise ValueError("the plan carries no cases and limits to be verified in")
    limits = plan.limits
    engine = run_again(plan.network, plan.taken, plan.states, limits, catalogue=catalogue).broken
    rows = []
    for stand in stands_of(plan.network, plan.taken, plan.states):
        for number, case_id in enumerate(stand.cases.labels.index):
            told(f"pandapower: {case_id}")
            rows.append(_verified(stand, number, limits, engine, catalogue))
    table = pd.DataFrame(rows, columns=list(VERIFIED_COLUMNS))
    return table.astype({"run_year": "Int64"})


def pandapower_violations(
    stand: Stand, number: int, limits: Limits, catalogue: Catalogue | None = None
) -> tuple[pd.DataFrame, tuple[float, float, float]]:
    """Limits broken in one case by plain pandapower, and its least voltage and largest loadings."""
    cases, case_id = stand.cases, str(stand.cases.labels.index[number])
    network = switched(with_bus_power(stand.network, cases.kva[number]), cases.switching, case_id)
    result = run_load_flow(build_model(network, catalogue), _ALL)
    if not result.converged:
        row = {"check": "no_solution", "table": "sources", "element_id": str(network.sources.index[0])}
        return pd.DataFrame([row]).reindex(columns=list(BROKEN_COLUMNS)), (float("nan"),) * 3
    state = state_of(result)
    lost = no_supply_row(network, cases.kva[number], state.vm_pu)
    broken = broken_limits(make_yardstick(network, limits), state)
    extremes = (
        float(result.buses["vm_pu"].min()),
        float(result.lines["loading_percent"].max()),
        float(result.transformers["loading_percent"].max()),
    )
    return stacked([broken, lost], tuple(broken.columns)), extremes


def _verified(
    stand: Stand, number: int, limits: Limits, engine: pd.DataFrame, catalogue: Catalogue | None
) -> dict[str, object]:
    case_id = stand.cases.labels.index[number]
    found, extremes = pandapower_violations(stand, number, limits, catalogue)
    year = engine["run_year"].isna() if stand.year is None else engine["run_year"] == stand.year
    same = engine[(engine["case_id"] == case_id) & year]
    figures = (len(found), len(same), *extremes, _agree(found, same))
    return dict(zip(VERIFIED_COLUMNS, (case_id, stand.year, *figures), strict=True))


def _agree(found: pd.DataFrame, engine: pd.DataFrame) -> bool:
    """Whether both break the same limits; a value as good as on its limit may be on either side."""
    keys = ["check", "table", "element_id"]
    rows = pd.concat([found.assign(side="p"), engine.assign(side="e")])[[*keys, "value", "limit", "side"]]
    alone = rows[~rows.duplicated(keys, keep=False)]
    apart = (alone["value"] - alone["limit"]).astype(float).abs()
    tied = apart <= _TIE * alone["limit"].astype(float).abs()
    return bool(tied.all())
