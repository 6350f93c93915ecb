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
from capacity.limits import Limits
from capacity.planning.plan_cases import PlanCases
from capacity.security.dark_part import plans_of_one_tie
from capacity.security.judged import NOTHING_BROKEN, Asked, Bench, dark_part_of, judge, make_bench
from capacity.security.outage_study import OutageFacts
from capacity.security.outages import OUTAGE_TABLES, Outage, entries_of_outage, outages_of
from capacity.security.restoration import Lost, Search, find_restorations
from capacity.security.security_tables import step_table
from capacity.security.switchable import make_switchable
from capacity.toml_file import read_figures
from gis import InputError, Network
from gis.changes import NetworkChanges
from gis.feeders import Supply
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
        Groups behind one element that draw no more than this today wait for repair.
    supply_points_above_kv
        Only supply points of more than so many kV are asked to carry a site through them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str
    asked: bool
    above_kv: float = Field(ge=0.0)
    from_kw: float = Field(ge=0.0)
    supply_points_above_kv: float = Field(ge=0.0)
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
        raise InputError("N-1", make_findings("unknown_security_rule", "n_minus_1", [name], message))
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
    above = _feeding_above(loaded, rule.above_kv)
    asked = [
        one
        for one in outages_of(found, OUTAGE_TABLES)
        if not one.idle and (one.table, one.element_id) in above and _is_asked(bench, one, rule)
    ]
    held = [*_restored(bench, asked), *_without_demand(bench, asked), *_without_loss(bench, asked)]
    return _as_cases(cases, int(row), bench, held) if held else None


def _feeding_above(network: Network, above_kv: float) -> set[tuple[str, str]]:
    """Table and id of what feeds more than a voltage."""
    vn_kv, units = network.buses["vn_kv"], network.transformers
    fed_kv = vn_kv.reindex(units["lv_bus_id"]).to_numpy()
    found = {("lines", str(line)) for line in network.lines.index[network.lines["vn_kv"] > above_kv]}
    found |= {("transformers", str(unit)) for unit in units.index[fed_kv > above_kv]}
    return found | {("sources", str(source)) for source in network.sources.index}


def _is_asked(bench: Bench, outage: Outage, rule: N1Rule) -> bool:
    """Whether the group behind an element is large enough, where anybody is behind it."""
    behind_kw = _dark(bench, outage)[0]
    return behind_kw == 0.0 or behind_kw > rule.from_kw


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


def _without_demand(bench: Bench, outages: list[Outage]) -> list[OutageFacts]:
    """Outages with a dark part where nobody draws today but a site may: fed by the tie with most room."""
    found = []
    for one in outages:
        if one.first == one.last or any(_dark(bench, one)):
            continue
        part = dark_part_of(bench, one.first, one.last)
        if part is None or not (plans := plans_of_one_tie(part)):
            continue
        room_kw = dict(zip(plans, (part.room_kw[plan[0]] for plan in plans), strict=True))
        best = max(plans, key=room_kw.__getitem__)
        search = Search(Lost(entries_of_outage(bench, one), part), plan=best)
        found.append(OutageFacts(one, (0.0, 0.0), "restored", search, NOTHING_BROKEN, np.nan))
    return found


def _without_loss(bench: Bench, outages: list[Outage]) -> list[OutageFacts]:
    """Outages that leave nothing dark and break no limit."""
    calm = [one for one in outages if one.first == one.last]
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


def switching_after(
    network: Network, supply: Supply, changes: NetworkChanges, switching: pd.DataFrame
) -> pd.DataFrame:
    """Switching of cases once changes are made: of a line that is cut the piece nearer to its source fails.

    Parameters
    ----------
    network, supply
        Before the changes.
    switching
        Columns `SWITCH_SET_COLUMNS`. A case that takes out what is gone without a piece left turns nothing.
    """
    gone = set(changes.removed.get("lines", ()))
    out = (switching["table"] == "lines") & switching["element_id"].isin(gone)
    if not out.any():
        return switching
    parts = [switching[~switching["case_id"].isin(switching["case_id"][out])]]
    for case_id, line_id in switching.loc[out, ["case_id", "element_id"]].itertuples(index=False):
        rows = switching[switching["case_id"] == case_id]
        piece_id = _near_piece(network, supply, changes, str(line_id))
        if piece_id:
            parts.append(switching_with_piece_out(network, rows, str(line_id), piece_id))
    return pd.concat(parts, ignore_index=True)


def _near_piece(network: Network, supply: Supply, changes: NetworkChanges, line_id: str) -> str:
    """Piece of a line that was cut which hangs at the end it was fed from; "" for none."""
    line, added = network.lines.loc[line_id], changes.added.get("lines")
    fed = supply.buses.index[
        (supply.buses["upstream_table"] == "lines") & (supply.buses["upstream_id"] == line_id)
    ]
    ends = [str(line["from_bus_id"]), str(line["to_bus_id"])]
    near = next((end for end in ends if end not in fed), ends[0])
    if added is None:
        return ""
    same = added["type_id"] == line["type_id"]
    at_end = (added["from_bus_id"] == near) | (added["to_bus_id"] == near)
    ids = added.loc[same & at_end, "line_id"]
    return str(ids.iloc[0]) if len(ids) else ""


def switching_with_piece_out(
    network: Network, rows: pd.DataFrame, line_id: str, piece_id: str
) -> pd.DataFrame:
    """Switching of an outage of a line that has been cut: the piece nearer to the source fails instead.

        source ---- piece --x-- o --x-- other piece ---- tie      what hangs at o is carried by the tie

    Switches of the line that isolated it stay closed, and an open point at its end is closed: the other piece
    is needed.

    Parameters
    ----------
    rows
        Switching of the case, columns `SWITCH_SET_COLUMNS`.
    """
    switches = network.switches
    own = switches.index[(switches["element_table"] == "lines") & (switches["element_id"] == line_id)]
    isolating = (rows["table"] == "switches") & rows["element_id"].isin(own) & (rows["state"] == "open")
    kept = rows[~isolating]
    failed = (kept["table"] == "lines") & (kept["element_id"] == line_id)
    changed = kept.assign(element_id=kept["element_id"].where(~failed, piece_id))
    points = own[~switches.loc[own, "closed"].to_numpy(dtype=bool)].difference(kept["element_id"])
    closed = pd.DataFrame({"table": "switches", "element_id": points, "state": "closed"})
    closed.insert(0, "case_id", rows["case_id"].iloc[0])
    return pd.concat([changed[list(SWITCH_SET_COLUMNS)], closed], ignore_index=True)
