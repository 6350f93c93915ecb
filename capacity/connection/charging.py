"""Charging rules: what share of the works is laid on the applicant, by named rules with their sources."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from capacity.connection.option import Use, WorkLine
from capacity.toml_file import read_figures, shipped_names, shipped_or_own

_RULES = Path(__file__).with_name("charging_rules")


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ChargedShare(_Block):
    """Share of the cost of works of one use that the applicant pays.

    Attributes
    ----------
    items
        Items of the cost table it holds for; none: all that no other entry names.
    by_capacity
        Of new capacity that others use too, the part that the site takes is charged.
    free_kw
        Demand that pays nothing [kW]; what is over it pays in proportion.
    """

    use: Use
    share: float = Field(ge=0.0, le=1.0)
    items: tuple[str, ...] = ()
    by_capacity: bool = False
    free_kw: float = Field(ge=0.0, default=0.0)


class ChargingRule(_Block):
    """One rule: its name in words, and what it charges; works it does not name are charged to nobody."""

    name: str = Field(min_length=1)
    source: str = Field(min_length=1)
    charged: tuple[ChargedShare, ...]


def rule_names() -> tuple[str, ...]:
    """Names of the shipped rules."""
    return shipped_names(_RULES)


def read_charging(rule: str | Path) -> ChargingRule:
    """Read a shipped rule by name, or a user's TOML file.

    Raises
    ------
    InputError
        No such rule or file, or figures that make no sense; every fault is named.

    Examples
    --------
    >>> read_charging("shallow").name
    'shallow'
    """
    path = shipped_or_own(
        rule, _RULES, what="charging rule", heading="charging", subject="charging", rule="bad_figure"
    )
    return _read(path, path.stat().st_mtime_ns)


def customer_share(
    rule: ChargingRule, line: WorkLine, *, used_share: float = 1.0, demand_kw: float | None = None
) -> float:
    """Share of the cost of one line of the bill that the applicant pays, 0..1.

    Parameters
    ----------
    used_share
        Part of the new capacity that the site takes, 0..1; counts where the rule charges by capacity.
    demand_kw
        Demand of the site; counts where the rule leaves some of it free.
    """
    charged = _entry(rule, line)
    if charged is None:
        return 0.0
    share = charged.share * (used_share if charged.by_capacity else 1.0)
    if demand_kw is not None and charged.free_kw:
        share *= max(demand_kw - charged.free_kw, 0.0) / demand_kw if demand_kw > 0.0 else 0.0
    return share


def _entry(rule: ChargingRule, line: WorkLine) -> ChargedShare | None:
    """The entry for a line: one that names its item goes before one for all."""
    of_use = [one for one in rule.charged if one.use == line.use]
    named = [one for one in of_use if line.item in one.items]
    return next(iter(named or [one for one in of_use if not one.items]), None)


@lru_cache(maxsize=16)
def _read(path: Path, _stamp: int) -> ChargingRule:
    return read_figures(path, ChargingRule, subject="charging", rule="bad_figure")
