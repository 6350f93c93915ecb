"""N-1 as cases of a plan: what is switched after an outage, with everybody supplied again.

Outages are those of medium voltage and above (lines, transformers that feed it, sources), as planning
practice asks N-1 there; low voltage, and stations that feed it, wait for repair or a mobile generator. Asked
of a plan is what switching can reach: where an open point leads to the part that an outage leaves dark, all
of it must be supplied through it within limits; and what loses nobody must break no limit. An outage whose
dark part no open point reaches is counted, not planned for: no measure here builds a tie. Outages are taken
in the cases of scenarios, and of the hours of a year in the one with most demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.checks import make_yardstick
from capacity.limits import Limits
from capacity.planning.plan import Taken
from capacity.planning.plan_cases import PlanCases
from capacity.planning.rerun import Stand, stacked, stands_of
from capacity.security.dark_part import Plan, plans_of_one_tie
from capacity.security.judged import Bench, make_bench, worst_of
from capacity.security.outage_study import OutageFacts, study_outages
from capacity.security.outages import OUTAGE_TABLES, Outage, outages_of
from capacity.security.restoration import Search
from capacity.security.security_tables import step_table
from capacity.security.switchable import make_switchable
from gis import Network
from gis.voltage import LV_MAX_KV
from gridmodel import Catalogue, Scenario, build_model
from gridmodel.bus_power import with_bus_power
from gridmodel.switch_sets import SWITCH_SET_COLUMNS

# Outcomes that a plan is to cure.
LIMITED = ("partly", "not_restored", "overload_without_loss", "no_solution")
SECURITY_COLUMNS = ("case_id", "run_year", "status", "outages", "left_kw")
PLAN_SECURITY_COLUMNS = (
    "case_id", "year", "status", "outages_before", "outages_after", "left_before_kw", "left_after_kw",
)  # fmt: skip
_ALL = Scenario("power", "power per bus", None, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class OutageCases:
    """Outages on the networks of a plan.

    Attributes
    ----------
    found
        Columns `SECURITY_COLUMNS`: how many outages end how, per case, and the demand they leave dark.
    limited
        A case per outage to be cured, power at the buses of the network as it is; none where all hold.
    """

    found: pd.DataFrame
    limited: PlanCases | None


def outage_cases(
    network: Network,
    taken: Sequence[Taken],
    cases: PlanCases,
    limits: Limits,
    *,
    catalogue: Catalogue | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> OutageCases:
    """Take every element out once on the network that a plan makes, and say what switching cannot restore.

    Raises
    ------
    InputError
        A network cannot be built, or has something that the engine cannot represent.
    """
    asked = _with_outages_of(cases)
    tables, limited = [], []
    for stand in stands_of(network, taken, asked):
        for row, case_id in enumerate(stand.cases.labels.index):
            told(f"outages in {case_id}")
            bench, facts = _studied(stand, row, limits, catalogue)
            tables.append(_summary(facts, str(case_id), stand.year))
            limited += _limited_cases(network, cases, str(case_id), bench, facts)
    return OutageCases(stacked(tables, SECURITY_COLUMNS), _as_cases(limited))


def security_table(before: OutageCases | None, after: OutageCases | None) -> pd.DataFrame | None:
    """Columns `PLAN_SECURITY_COLUMNS`: how outages end without and with the plan; none if not asked for."""
    if before is None or after is None:
        return None
    keys = ["case_id", "run_year", "status"]
    both = after.found.merge(before.found, on=keys, how="outer", suffixes=("_after", "_before"))
    named = both.rename(
        columns={"run_year": "year", "left_kw_after": "left_after_kw", "left_kw_before": "left_before_kw"}
    )
    counts = ["outages_before", "outages_after"]
    filled = named.fillna(dict.fromkeys((*counts, "left_before_kw", "left_after_kw"), 0.0))
    return filled.astype({"year": "Int64", **dict.fromkeys(counts, "int64")})[list(PLAN_SECURITY_COLUMNS)]


def _with_outages_of(cases: PlanCases) -> PlanCases:
    """The normal cases that outages are taken in."""
    labels = cases.labels
    normal = (labels["outage"] == "").to_numpy()
    demand_kw = pd.Series(np.maximum(cases.kva.real, 0.0).sum(axis=1), range(len(labels)))
    hourly = normal & labels["hour"].notna().to_numpy()
    chosen = normal & ~hourly
    years = labels["year"].astype(object).where(labels["year"].notna(), None).to_numpy()
    groups = pd.MultiIndex.from_arrays([labels["scenario"], years])
    for group in groups[hourly].unique():
        at = np.flatnonzero(hourly & (groups == group))
        chosen[at[int(np.argmax(demand_kw.to_numpy()[at]))]] = True
    rows = np.flatnonzero(chosen)
    return PlanCases(labels.iloc[rows], cases.kva[rows], cases.switching.iloc[:0])


def _studied(
    stand: Stand, row: int, limits: Limits, catalogue: Catalogue | None
) -> tuple[Bench, list[OutageFacts]]:
    """Every outage in one case of one network."""
    loaded = with_bus_power(stand.network, stand.cases.kva[row])
    yardstick = make_yardstick(loaded, limits)
    found = make_switchable(yardstick)
    bench = make_bench(build_model(loaded, catalogue), yardstick, _ALL, found)
    asked = [one for one in outages_of(found, OUTAGE_TABLES) if _is_asked(loaded, one)]
    return bench, study_outages(bench, asked)


def _is_asked(network: Network, outage: Outage) -> bool:
    """Whether N-1 is asked of an element: it feeds medium voltage or above."""
    row = network.table(outage.table).loc[outage.element_id]
    if outage.table == "transformers":
        return bool(network.buses.loc[row["lv_bus_id"], "vn_kv"] > LV_MAX_KV)
    return outage.table == "sources" or bool(row["vn_kv"] > LV_MAX_KV)


def _summary(facts: Sequence[OutageFacts], case_id: str, year: int | None) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "status": [one.status for one in facts],
            "left_kw": [one.lost[0] - one.restored[0] for one in facts],
            "outages": 1,
        }
    )
    sums = rows.groupby("status", sort=True).sum().reset_index()
    return sums.assign(case_id=case_id, run_year=pd.array([year] * len(sums), dtype="Int64"))


def _limited_cases(
    network: Network, cases: PlanCases, case_id: str, bench: Bench, facts: Sequence[OutageFacts]
) -> list[PlanCases]:
    """A case per outage that switching does not cure, with everybody supplied where a tie reaches them."""
    short = [_all_supplied(bench, one) for one in facts if one.status in LIMITED]
    if not short:
        return []
    steps = step_table(bench, short)
    row = cases.labels.index.get_loc(case_id)
    made = []
    for one in short:
        outage = one.outage.case_id
        orders = steps.loc[steps["case_id"] == outage, list(SWITCH_SET_COLUMNS)]
        if not _known(network, orders):
            continue  # switches that only the plan builds: told by the table, nothing to select for
        label = cases.labels.iloc[[row]].assign(outage=outage)
        label.index = pd.Index([f"{case_id} | {outage}"], name="case_id")
        made.append(PlanCases(label, cases.kva[[row]], orders.assign(case_id=label.index[0])))
    return made


def _all_supplied(bench: Bench, one: OutageFacts) -> OutageFacts:
    """The outage with the plan that supplies all that is dark and breaks limits least."""
    if one.search is None:
        return one
    search = one.search
    plans: list[Plan] = plans_of_one_tie(search.lost.part) or [
        plan for plan in search.tried if -1 not in plan
    ]
    if not plans:
        return one
    worst = worst_of(bench, [search.asked(plan, bench) for plan in plans])
    best = int(np.argmin([found.excess_percent for found in worst]))
    return replace(one, search=Search(search.lost, plan=plans[best]))


def _known(network: Network, orders: pd.DataFrame) -> bool:
    return all(row.element_id in network.table(str(row.table)).index for row in orders.itertuples())


def _as_cases(parts: Sequence[PlanCases]) -> PlanCases | None:
    if not parts:
        return None
    return PlanCases(
        pd.concat([part.labels for part in parts]),
        np.concatenate([part.kva for part in parts]),
        pd.concat([part.switching for part in parts], ignore_index=True),
    )
