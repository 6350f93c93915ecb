"""N-1 as cases of a connection: outages that switching restores today, each with its switching.

Asked is "no worse than now": where all supply is back after an outage today, it must be back with the site,
within limits. An outage that cannot be restored today is no argument against a site; the loss of the site's
own new cable is the applicant's own.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from capacity.checks import make_yardstick
from capacity.connection.option import SupplyOption
from capacity.limits import Limits
from capacity.planning.plan_cases import PlanCases
from capacity.security.judged import NOTHING_BROKEN, Asked, Bench, dark_part_of, judge, make_bench
from capacity.security.outage_study import OutageFacts
from capacity.security.outages import OUTAGE_TABLES, Outage, entries_of_outage, outages_of
from capacity.security.restoration import Lost, find_restorations
from capacity.security.security_tables import step_table
from capacity.security.switchable import make_switchable
from capacity.toml_file import read_figures
from gis import InputError, Network
from gis.findings import make_findings
from gridmodel import Catalogue, Scenario, build_model
from gridmodel.bus_power import with_bus_power
from gridmodel.drawn_network import DrawnNetwork, Turns
from gridmodel.switch_sets import SWITCH_SET_COLUMNS

_FILE = Path(__file__).with_name("n_minus_1.toml")
DEFAULT_RULE = "german_practice"
_ALL = Scenario("power", "power per bus", None, 1.0, 1.0)


class N1Rule(BaseModel):
    """Which outages a site must be carried through.

    Attributes
    ----------
    above_kv
        Elements that feed more than so many kV are taken out one by one.
    from_kw
        Sites that draw less are not asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str
    asked: bool
    above_kv: float = Field(ge=0.0)
    from_kw: float = Field(ge=0.0)
    source: str = Field(min_length=1)


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, N1Rule] = Field(init=False)


def n1_rule_names() -> tuple[str, ...]:
    """Names of the rules that ship."""
    return tuple(_shipped())


def read_n1_rule(name: str = DEFAULT_RULE) -> N1Rule:
    """Read a rule by name.

    Raises
    ------
    InputError
        There is no such rule.
    """
    known = _shipped()
    if name not in known:
        message = f"no such rule; there are: {', '.join(known)}"
        raise InputError("N-1", make_findings("unknown_rule", "n_minus_1", [name], message))
    return known[name]


@lru_cache(maxsize=1)
def _shipped() -> dict[str, N1Rule]:
    read = read_figures(_FILE, _Rules, subject="n_minus_1", rule="bad_figure")
    return dict(read.__pydantic_extra__)


def outage_cases_of(
    network: Network,
    cases: PlanCases,
    case_id: str,
    rule: N1Rule,
    limits: Limits,
    *,
    catalogue: Catalogue | None = None,
) -> PlanCases | None:
    """A case per outage that switching restores, at the power of one case; nothing where none is.

    Raises
    ------
    InputError
        The network cannot be built, or has something that the engine cannot represent.
    """
    if not rule.asked or not (network.buses["vn_kv"] > rule.above_kv).any():
        return None
    row = cases.labels.index.get_loc(case_id)
    loaded = with_bus_power(network, cases.kva[row])
    yardstick = make_yardstick(loaded, limits)
    found = make_switchable(yardstick)
    bench = make_bench(build_model(loaded, catalogue), yardstick, _ALL, found)
    asked = [
        one for one in outages_of(found, OUTAGE_TABLES) if not one.idle and _feeds_above(loaded, one, rule)
    ]
    held = [*_restored(bench, asked), *_without_loss(bench, asked)]
    return _as_cases(cases, int(row), bench, held) if held else None


def _feeds_above(network: Network, outage: Outage, rule: N1Rule) -> bool:
    if outage.table == "sources":
        return True
    row = network.table(outage.table).loc[outage.element_id]
    vn_kv = row["vn_kv"] if outage.table == "lines" else network.buses.loc[row["lv_bus_id"], "vn_kv"]
    return bool(vn_kv > rule.above_kv)


def _restored(bench: Bench, outages: list[Outage]) -> list[OutageFacts]:
    """Outages with a dark part that one tie or two supply again, all of it."""
    parts = [(one, dark_part_of(bench, one.first, one.last)) for one in outages if any(_dark(bench, one))]
    reached = [(one, Lost(entries_of_outage(bench, one), part)) for one, part in parts if part is not None]
    searches = find_restorations(bench, [lost for _, lost in reached], only_full=True)
    return [
        OutageFacts(one, _dark(bench, one), "restored", search, NOTHING_BROKEN, search.loading_percent)
        for (one, _), search in zip(reached, searches, strict=True)
        if search.is_full
    ]


def _without_loss(bench: Bench, outages: list[Outage]) -> list[OutageFacts]:
    """Outages that leave nobody dark and break no limit."""
    calm = [one for one in outages if not any(_dark(bench, one))]
    verdicts = judge(bench, [Asked(list(entries_of_outage(bench, one))) for one in calm])
    return [
        OutageFacts(one, (0.0, 0.0), "no_loss", None, NOTHING_BROKEN, float(loading))
        for one, holds, loading in zip(calm, verdicts.holds, verdicts.loading_percent, strict=True)
        if holds
    ]


def _dark(bench: Bench, outage: Outage) -> tuple[float, float]:
    return bench.behind(outage.first, outage.last)


def _as_cases(cases: PlanCases, row: int, bench: Bench, held: list[OutageFacts]) -> PlanCases:
    steps = step_table(bench, held)
    outages = [one.outage.case_id for one in held]
    labels = pd.concat([cases.labels.iloc[[row]]] * len(outages)).assign(outage=outages)
    labels.index = pd.Index([f"n_minus_1|{outage}" for outage in outages], name="case_id")
    switching = steps[list(SWITCH_SET_COLUMNS)].assign(case_id="n_minus_1|" + steps["case_id"])
    return PlanCases(labels, np.repeat(cases.kva[[row]], len(outages), axis=0), switching)


def turns_of_case(drawn: DrawnNetwork, cases: PlanCases, case_id: str) -> tuple[Turns, int] | None:
    """What a case switches in a drawn network; nothing in the normal state."""
    rows = cases.switching[cases.switching["case_id"] == case_id]
    return (drawn.turns_of(rows), 0) if len(rows) else None


def turns_with_piece_out(
    drawn: DrawnNetwork, cases: PlanCases, case_id: str, option: SupplyOption, piece_id: str
) -> tuple[Turns, int]:
    """The same where an option has cut the line that is out: the piece nearer to the source fails instead.

    source ---- piece a --x-- o --x-- piece b ---- tie      the site at o is carried by the tie
    """
    rows = cases.switching[cases.switching["case_id"] == case_id]
    cut = set(option.changes.removed.get("lines", ()))
    switches = drawn.network.switches
    own = switches.index[(switches["element_table"] == "lines") & switches["element_id"].isin(cut)]
    theirs = (rows["table"] == "switches") & rows["element_id"].isin(own) & (rows["state"] == "open")
    failed = (rows["table"] == "lines") & rows["element_id"].isin(cut)
    kept = rows[~theirs & ~failed]
    out = pd.DataFrame({"case_id": [case_id], "table": ["lines"], "element_id": [piece_id], "state": ["out"]})
    return drawn.turns_of(pd.concat([out, kept[list(SWITCH_SET_COLUMNS)]], ignore_index=True)), 0
