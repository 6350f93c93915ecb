"""Rules of security of supply, read from TOML: which group must be back how far and how soon.

A rule ships (`capacity/security/security_rules/*.toml`) or is a user's own file of the same form. A group is
what lies behind one circuit (`groups.group_supply`). Nothing is solved here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from capacity.toml_file import read_figures, shipped_names, shipped_or_own

JUDGEMENT_COLUMNS = (
    "group_kind", "group_id", "feeder_id", "vn_kv", "customers", "group_demand_kw", "class", "after",
    "within_minutes", "required_kw", "met_kw", "short_kw", "status", "outage_table", "outage_id", "reason",
)  # fmt: skip
MET, SHORT, NOT_STUDIED, NOT_JUDGED = "met", "short", "not_studied", "not_judged"
# Demand that counts as nothing [kW]: what a load flow is exact to, summed over a large group.
SLACK_KW = 1e-3

# A row of a table: its cells have many types.
Record = dict[Any, Any]

_RULES = Path(__file__).parent / "security_rules"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Requirement(_Frozen):
    """Least demand met after a first or second outage, within so many minutes or by repair.

    The smaller of `share` of the group demand and the group demand less `less_kw`, of those given.
    """

    after: Literal["first", "second"]
    within: float | Literal["repair"]
    share: float | None = Field(default=None, ge=0.0, le=1.0)
    less_kw: float | None = Field(default=None, ge=0.0)

    @model_validator(mode="after")
    def _demands(self) -> Requirement:
        if self.share is None and self.less_kw is None:
            raise ValueError("give share, less_kw or both: what must be met")
        return self

    @property
    def minutes(self) -> float:
        """Minutes allowed; infinite by repair."""
        return math.inf if self.within == "repair" else float(self.within)

    def required_kw(self, group_demand_kw: float) -> float:
        """Demand that must be met [kW].

        Examples
        --------
        >>> Requirement(after="first", within=180.0, less_kw=1000.0).required_kw(5000.0)
        4000.0
        """
        amounts = [] if self.share is None else [self.share * group_demand_kw]
        amounts += [] if self.less_kw is None else [group_demand_kw - self.less_kw]
        return max(0.0, min(amounts))


class SupplyClass(_Frozen):
    """Groups of a range of demand (above_kw, up_to_kw] and of nominal voltages (above_kv, up_to_kv]."""

    name: str
    above_kw: float = Field(default=0.0, ge=0.0)
    up_to_kw: float = Field(default=1e9, gt=0.0)
    above_kv: float = Field(default=0.0, ge=0.0)
    up_to_kv: float = Field(default=765.0, gt=0.0)
    source: str
    requirement: tuple[Requirement, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> SupplyClass:
        if self.above_kw >= self.up_to_kw or self.above_kv >= self.up_to_kv:
            raise ValueError("above_kw must be below up_to_kw, and above_kv below up_to_kv")
        return self

    def holds_for(self, group_demand_kw: float, vn_kv: float) -> bool:
        """Tell whether a group is of this class."""
        return self.above_kw < group_demand_kw <= self.up_to_kw and self.above_kv < vn_kv <= self.up_to_kv


class SecurityRule(_Frozen):
    """One rule; every class names its source."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)
    name: str
    source: str
    classes: tuple[SupplyClass, ...] = Field(alias="class", min_length=1)

    def class_of(self, group_demand_kw: float, vn_kv: float) -> SupplyClass | None:
        """Class of a group; nothing where the rule has none for it."""
        fitting = (one for one in self.classes if one.holds_for(group_demand_kw, vn_kv))
        return next(fitting, None)


def rule_names() -> tuple[str, ...]:
    """Names of the rules that ship."""
    return shipped_names(_RULES)


def read_rule(rule: str | Path = "p2_8") -> SecurityRule:
    """Read a rule that ships by name, or a user's TOML file.

    Raises
    ------
    InputError
        No such rule or file, or a class that makes no sense; every fault is named.

    Examples
    --------
    >>> read_rule("p2_8").class_of(5000.0, 20.0).name
    'B'
    """
    path = shipped_or_own(
        rule, _RULES, what="rule", heading="rule", subject="rule", rule="unknown_security_rule"
    )
    return read_figures(path, SecurityRule, subject="rule", rule="bad_security_rule")


def judge_groups(groups: pd.DataFrame, rule: SecurityRule) -> pd.DataFrame:
    """Judge every group by a rule.

    Parameters
    ----------
    groups
        `groups.GROUP_COLUMNS`: a row per group, outage and minute with the demand met from then on.

    Returns
    -------
    DataFrame
        Columns `JUDGEMENT_COLUMNS`, a row per group and requirement of its class, with the outage that meets
        least. status: "met", "short" (short_kw more would have to be met), "not_studied" (second outages are
        not), "not_judged" (the rule has no class or no requirement for the group).

    Notes
    -----
    Met within T is the most that is met at any minute up to T, in the outage where that is least.
    """
    outages: dict[tuple[object, object], list[Record]] = {}
    for record in groups.to_dict("records"):
        outages.setdefault((record["group_kind"], record["group_id"]), []).append(record)
    rows = [row for own in outages.values() for row in _judged(own, rule)]
    return pd.DataFrame(rows, columns=list(JUDGEMENT_COLUMNS))


def _judged(outages: list[Record], rule: SecurityRule) -> Iterator[dict[str, object]]:
    """Rows of one group."""
    group = {name: outages[0][name] for name in JUDGEMENT_COLUMNS[:6]}
    demand_kw = float(group["group_demand_kw"])
    found = rule.class_of(demand_kw, float(group["vn_kv"]))
    if found is None or not found.requirement:
        why = "the rule has no class for it" if found is None else found.source
        yield _row(group, found, None, NOT_JUDGED, reason=why)
        return
    for requirement in found.requirement:
        if not requirement.required_kw(demand_kw):
            yield _row(group, found, requirement, MET, met_kw=0.0, reason="nothing must be met")
        elif requirement.after == "second":
            yield _row(group, found, requirement, NOT_STUDIED, reason="second outages are not studied")
        else:
            yield _first_outage(group, found, requirement, outages)


def _first_outage(
    group: Record, found: SupplyClass, requirement: Requirement, outages: list[Record]
) -> dict[str, object]:
    if requirement.minutes == math.inf:  # by repair all is back, whatever happened
        return _row(group, found, requirement, MET, met_kw=group["group_demand_kw"], reason="by repair")
    met: dict[tuple[str, str], float] = {}
    for row in outages:
        case = (row["outage_table"], row["outage_id"])
        in_time_kw = row["met_kw"] if row["minute"] <= requirement.minutes else 0.0
        met[case] = max(met.get(case, 0.0), in_time_kw)
    worst = min(met, key=met.__getitem__)
    short = met[worst] < requirement.required_kw(group["group_demand_kw"]) - SLACK_KW
    why = [row["reason"] for row in outages if (row["outage_table"], row["outage_id"]) == worst]
    return _row(
        group, found, requirement, SHORT if short else MET, met_kw=met[worst], outage=worst,
        reason=str(why[-1]) if short else "",
    )  # fmt: skip


def _row(
    group: Record,
    found: SupplyClass | None,
    requirement: Requirement | None,
    status: str,
    *,
    met_kw: float = math.nan,
    outage: tuple[object, object] = (None, None),
    reason: str = "",
) -> dict[str, object]:
    demand_kw = float(group["group_demand_kw"])
    required_kw = math.nan if requirement is None else requirement.required_kw(demand_kw)
    return {
        **group,
        "class": None if found is None else found.name,
        "after": None if requirement is None else requirement.after,
        "within_minutes": math.nan if requirement is None else requirement.minutes,
        "required_kw": required_kw,
        "met_kw": met_kw,
        "short_kw": max(0.0, required_kw - met_kw) if status == SHORT else 0.0,
        "status": status,
        "outage_table": outage[0],
        "outage_id": outage[1],
        "reason": reason,
    }
