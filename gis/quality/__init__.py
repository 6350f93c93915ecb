"""Quality of a network's data: a registry of rules, each known by the name its findings carry.

QUALITY_RULES      every name that may stand in findings of `gis`, with level, meaning and remedy
doubts             the rule that runs all their checks
doubts_on(...)     the same with figures of equipment types filled in (`gridmodel.doubts_for`)
"""

from __future__ import annotations

import pandas as pd

from gis.findings import join_findings
from gis.quality.declared import DECLARED
from gis.quality.grid import Grid
from gis.quality.network_rules import NETWORK_RULES
from gis.quality.registry import DOUBT_RULES
from gis.quality.rule import LEVELS, QualityRule
from gis.rules import Rule, Tables

QUALITY_RULES: tuple[QualityRule, ...] = (*DECLARED, *NETWORK_RULES, *DOUBT_RULES)
CHECKS: tuple[Rule, ...] = tuple(dict.fromkeys(rule.check for rule in DOUBT_RULES if rule.check))


def doubts(tables: Tables) -> pd.DataFrame:
    """Run the checks behind all doubts; what several ask for is worked out once."""
    return doubts_on(tables, tables)


def doubts_on(tables: Tables, figures: Tables) -> pd.DataFrame:
    """Run the checks behind all doubts, judging equipment by figures that types have filled in.

    Parameters
    ----------
    tables
        Typed canonical tables.
    figures
        The same tables with the figures of their types in empty cells.
    """
    grid = Grid(tables, figures)
    return join_findings(check(grid) for check in CHECKS)


__all__ = ["CHECKS", "LEVELS", "QUALITY_RULES", "Grid", "QualityRule", "doubts", "doubts_on"]
