"""Two plans compared, A with B: totals, cost by level and year, and steps side by side.

Which steps differ is `capacity.planning.plan_differences`; the page of plans shows the same on the map.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from capacity.planning.plan import Plan
from capacity.planning.plan_differences import differing_steps
from capacity.planning.plan_money import cost_by_level_and_year

TOTAL_COLUMNS = ("what", "unit", "value_a", "value_b", "difference", "worse")
LEVEL_COLUMNS = ("level", "year", "steps_a", "steps_b", "cost_a_eur", "cost_b_eur", "difference_eur")
# A cent: what differs by less is rounding of sums.
SAME_EUR = 0.01


def compare_plans(a: Plan, b: Plan) -> dict[str, pd.DataFrame]:
    """Lay two plans of one network beside each other.

    Returns
    -------
    dict
        "plan_totals" (columns `TOTAL_COLUMNS`; difference is B less A; more is worse), "plan_levels" (columns
        `LEVEL_COLUMNS`, a row per level and year in which either does something; they add up to the capital)
        and "plan_differences" (`plan_differences.DIFFERENCE_COLUMNS`, a row per measure of either).
    """
    return {
        "plan_totals": _totals(a, b),
        "plan_levels": _levels(a, b),
        "plan_differences": differing_steps(a, b),
    }


def _totals(a: Plan, b: Plan) -> pd.DataFrame:
    rows = [
        ("capital", a.currency, a.capital_eur, b.capital_eur),
        ("present value", a.currency, a.present_value_eur, b.present_value_eur),
        ("steps", "", float(len(a.steps)), float(len(b.steps))),
        ("limits broken", "", float(len(a.unresolved)), float(len(b.unresolved))),
        ("longest lead time", "months", _months(a), _months(b)),
    ]
    table = pd.DataFrame(rows, columns=["what", "unit", "value_a", "value_b"])
    difference = table["value_b"] - table["value_a"]
    worse = np.where(difference.abs() <= SAME_EUR, "same", np.where(difference > 0.0, "b", "a"))
    # More steps are neither better nor worse.
    worse = np.where((table["what"] == "steps") & (worse != "same"), "", worse)
    return table.assign(difference=difference, worse=worse)[list(TOTAL_COLUMNS)]


def _months(plan: Plan) -> float:
    return float(plan.steps["months"].max()) if len(plan.steps) else 0.0


def _levels(a: Plan, b: Plan) -> pd.DataFrame:
    sides = [
        cost_by_level_and_year(plan).set_index(["level", "year"])[["steps", "cost_eur"]] for plan in (a, b)
    ]
    both = sides[0].join(sides[1], how="outer", lsuffix="_a", rsuffix="_b").fillna(0).reset_index()
    both = both.rename(columns={"cost_eur_a": "cost_a_eur", "cost_eur_b": "cost_b_eur"})
    both["difference_eur"] = both["cost_b_eur"] - both["cost_a_eur"]
    return both.sort_values(["year", "level"], ignore_index=True)[list(LEVEL_COLUMNS)]
