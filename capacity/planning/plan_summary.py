"""A plan on one page: what it does in one sentence, what it costs, what it is good for, what stays open.

Here it is a value; as text and as a page to print it is `capacity.planning.plan_page`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from capacity.planning.plan import Plan
from capacity.planning.plan_assets import planned_assets
from capacity.planning.plan_money import cost_by_level_and_year
from capacity.planning.plan_report import INDICATIVE, PlanReport
from capacity.planning.plan_sketch import plan_sketch
from gis.voltage import LV_MAX_KV, MV_MAX_KV

# Rows that one page has room for; the files have all.
MOST_STEPS, MOST_UNRESOLVED, MOST_LEVELS = 12, 6, 12
# Over it a limit is broken, and what rounding of a load flow may add to it [%].
_LIMIT_PERCENT = 100.0 + 1e-6
_DONE = ("new", "replaced")
_VIOLATIONS = ("violations_before", "violations_after")
Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class PlanSummary:
    """A plan on one page; every text is for people, names in it are data.

    Attributes
    ----------
    title, sentence, note
        Heading, the answer in one sentence, and of what kind it is.
    figures, rests_on
        Label and text each: what the plan comes to; and what it was made with.
    by_level
        Cost by voltage level and year: columns Level, Year (where the plan has years), Steps, and
        low, mid, high in thousands.
    steps
        The dearest steps: columns Step, Year (where the plan has years), What, Cost.
    unresolved
        Limits that stay broken, in words.
    sketch
        Map before and after as SVG, colours by `capacity.planning.plan_sketch.LEGEND`; "" for none.
    """

    title: str
    sentence: str
    figures: tuple[Pair, ...]
    by_level: pd.DataFrame
    steps: pd.DataFrame
    unresolved: tuple[str, ...]
    rests_on: tuple[Pair, ...]
    note: str
    sketch: str = ""


@dataclass(frozen=True)
class Broken:
    """How many limits hold no longer: elements over their limit and buses out of their band."""

    overloads: int
    voltages: int

    @property
    def count(self) -> int:
        return self.overloads + self.voltages

    def in_words(self) -> str:
        """For example "3 overloads and 1 voltage out of band"."""
        told = [
            _count(self.overloads, "overload", "overloads") if self.overloads else "",
            _count(self.voltages, "voltage out of band", "voltages out of band") if self.voltages else "",
        ]
        return " and ".join(part for part in told if part)


def plan_summary(report: PlanReport) -> PlanSummary:
    """Sum a plan up."""
    plan = report.plan
    name = plan.network.info.get("name", "") or "network without a name"
    return PlanSummary(
        title=f"Expansion plan: {name}",
        sentence=plan_sentence(report),
        figures=tuple(plan_figures(report).items()),
        by_level=_by_level(plan),
        steps=_dearest(plan),
        unresolved=unresolved_in_words(plan, MOST_UNRESOLVED),
        rests_on=_rests_on(report),
        note=INDICATIVE,
        sketch=plan_sketch(report),
    )


def plan_sentence(report: PlanReport) -> str:
    """The answer to the planner in one sentence: what, for how much, by when, to what end, how proved."""
    plan = report.plan
    proof = f"proved by {_count(len(plan.cases), 'load flow', 'load flows')}{_all_hours(plan)}"
    left = int(plan.cases["violations_after"].sum())
    if not plan.taken:
        return _nothing(plan, left, proof)
    years = plan.steps["year"].dropna()
    by = f" by {int(years.max())}" if len(years) else ""
    what = f"{what_is_done(plan)} for {money_range(plan)}{by}"
    begun = "Stopped before the end, the best plan so far: " if plan.status == "cancelled" else ""
    return f"{begun}{what[0].upper()}{what[1:]}{_effect(report)}; {proof}."


def _nothing(plan: Plan, left: int, proof: str) -> str:
    """The sentence of a plan without steps."""
    if not left and not len(plan.unresolved):
        return f"Nothing has to be done: every limit holds; {proof}."
    found = "Stopped before any measure was taken" if plan.status == "cancelled" else "No measure was found"
    return f"{found}: {_count(left, 'limit stays', 'limits stay')} broken; {proof}."


def _all_hours(plan: Plan) -> str:
    if plan.hours is None or not len(plan.hours):
        return ""
    hours, broken = (int(plan.hours[name].sum()) for name in ("hours", "hours_broken"))
    left = f", {broken:,} of which still break a limit" if broken else ""
    return f" and all {hours:,} hours of its years{left}"


def what_is_done(plan: Plan) -> str:
    """What is built and set, in words: "8 stations, 1.2 km of cable and 1 setting"."""
    told = list(_done(plan))
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def plan_figures(report: PlanReport) -> dict[str, str]:
    """Key figures by label, each with its unit."""
    plan, benefit = report.plan, report.benefit
    cases, per_cost = plan.cases, f"Unlocked per k{plan.currency}"
    figures = {
        "Cost": money_range(plan),
        "Present value": _thousands(plan.present_value_eur, plan),
        "Above the bound of the program": _gap(plan),
        "Steps": f"{len(plan.steps):,}",
        "Limits broken": " → ".join(f"{int(cases[name].sum()):,}" for name in _VIOLATIONS),
        "Unlocked": "not asked",
        per_cost: "not asked",
        "Customers": "not asked",
        "Unresolved": f"{len(plan.unresolved):,}",
    }
    if benefit is not None:
        figures["Unlocked"] = f"{benefit.unlocked_kw:,.0f} kW"
        figures[per_cost] = _per_cost(benefit.unlocked_kw, plan)
        figures["Customers"] = f"{benefit.customers_helped:,} helped"
    return figures


def unresolved_in_words(plan: Plan, most: int | None = None) -> tuple[str, ...]:
    """Why each limit that stays broken does: the worst first, one row per element and check."""
    rows = plan.unresolved.sort_values("excess_percent", ascending=False, kind="stable")
    rows = rows.drop_duplicates(["table", "element_id", "check"])
    shown = rows if most is None else rows.head(most)
    told = [_unresolved(row) for row in shown.to_dict("records")]
    more = len(rows) - len(shown)
    return (*told, *([f"and {more:,} more; the files have all"] if more else []))


def money_range(plan: Plan) -> str:
    """Capital cost and its range in thousands: "310 kEUR (250-400)"."""
    low, high = (float(plan.steps[name].sum()) for name in ("cost_low_eur", "cost_high_eur"))
    mid = _thousands(plan.capital_eur, plan)
    return mid if low == high else f"{mid} ({_k(low, plan.capital_eur)}-{_k(high, plan.capital_eur)})"


def broken_of(report: PlanReport) -> tuple[Broken, Broken] | None:
    """What is over its limit before and after, in the normal state of any year; nothing where unknown."""
    loading = report.loading
    if loading is None:
        return None
    return _broken(loading, "used_before_percent"), _broken(loading, "used_after_percent")


def _broken(loading: pd.DataFrame, column: str) -> Broken:
    over = loading[loading[column] > _LIMIT_PERCENT].drop_duplicates(["table", "element_id"])
    voltages = int((over["table"] == "buses").sum())
    return Broken(len(over) - voltages, voltages)


def _effect(report: PlanReport) -> str:
    """What becomes of what was broken."""
    plan, broken = report.plan, broken_of(report)
    before, after = (int(plan.cases[name].sum()) for name in _VIOLATIONS)
    if before == 0 and after == 0:
        return ", though no limit was broken"
    if after == 0 and not len(plan.unresolved):
        all_of = broken[0].in_words() if broken is not None and broken[0].count else ""
        told = all_of or f"{_count(before, 'limit', 'limits')} broken in the cases"
        return f": that ends all that was broken ({told})"
    return f": that brings the limits broken from {before:,} to {after:,} (each left has its reason below)"


def _done(plan: Plan) -> Iterator[str]:
    assets = planned_assets(plan)
    yield from _stations(assets)
    yield from _cables(assets)
    for table, one, many in (
        ("capacitors", "capacitor bank", "capacitor banks"),
        ("generators", "battery or generator", "batteries or generators"),
    ):
        if table in assets and (count := int(assets[table]["status"].isin(_DONE).sum())):
            yield _count(count, one, many)
    switched = _elements(assets, "switched")
    if switched:
        yield _count(switched, "switching operation", "switching operations")
    settings = _elements(assets, "adjusted") + _elements(assets, "moved")
    if settings:
        yield _count(settings, "setting", "settings")
    touched = {step for rows in assets.values() for step in rows["step"]}
    contracts = len(set(plan.steps["step"]) - touched)
    if contracts:
        yield _count(contracts, "contract", "contracts")


def _stations(assets: dict[str, pd.DataFrame]) -> Iterator[str]:
    rows = assets.get("transformers")
    if rows is None:
        return
    built = rows[rows["status"].isin(_DONE)]
    new = int((built["status"] == "new").sum())
    if new:
        yield _count(new, "new transformer", "new transformers")
    if len(built) - new:
        yield _count(len(built) - new, "larger transformer", "larger transformers")


def _cables(assets: dict[str, pd.DataFrame]) -> Iterator[str]:
    rows = assets.get("lines")
    if rows is None:
        return
    built = rows[rows["status"].isin(_DONE)]
    for level, at in (
        ("low-voltage", built["vn_kv"] <= LV_MAX_KV),
        ("medium-voltage", (built["vn_kv"] > LV_MAX_KV) & (built["vn_kv"] <= MV_MAX_KV)),
        ("high-voltage", built["vn_kv"] > MV_MAX_KV),
    ):
        of_level = built[at]
        if len(of_level):
            length_m = of_level["length_m"].fillna(pd.Series(of_level.geometry.length, of_level.index)).sum()
            length = f"{length_m / 1000:,.1f} km" if length_m >= 950 else f"{length_m:,.0f} m"
            yield f"{length} of {level} line"


def _elements(assets: dict[str, pd.DataFrame], status: str) -> int:
    return sum(int((rows["status"] == status).sum()) for rows in assets.values())


def _by_level(plan: Plan) -> pd.DataFrame:
    rows = cost_by_level_and_year(plan)
    told = pd.DataFrame(
        {
            "Level": rows["level"].replace("none", "other"),
            "Year": [_year(year) for year in rows["year"]],
            "Steps": [f"{count:,}" for count in rows["steps"]],
            **{
                f"{title} [k{plan.currency}]": [_k(eur) for eur in rows[name]]
                for title, name in (("Low", "cost_low_eur"), ("Mid", "cost_eur"), ("High", "cost_high_eur"))
            },
        }
    )
    return _without_years(told.head(MOST_LEVELS))


def _dearest(plan: Plan) -> pd.DataFrame:
    order = plan.steps["cost_eur"].sort_values(ascending=False, kind="stable").index[:MOST_STEPS]
    rows = plan.steps.loc[sorted(order)]
    texts = [plan.taken[plan.steps.index.get_loc(number)].measure.text for number in rows.index]
    told = pd.DataFrame(
        {
            "Step": [str(step) for step in rows["step"]],
            "Year": [_year(year) for year in rows["year"]],
            "What": texts,
            f"Cost [k{plan.currency}]": [_k(eur) for eur in rows["cost_eur"]],
        }
    )
    return _without_years(told)


def _without_years(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the column of years where the plan knows none."""
    return rows if (rows["Year"] != "").any() else rows.drop(columns="Year")


def _rests_on(report: PlanReport) -> tuple[Pair, ...]:
    plan = report.plan
    return (
        ("Cost table", f"{prices_in_words(report)}, {plan.currency}"),
        *((name[0].upper() + name[1:], text) for name, text in report.asked.items()),
        ("Network data (SHA-256)", report.network_sha256),
    )


def prices_in_words(report: PlanReport) -> str:
    """The cost table with the year of its prices."""
    name, year = report.plan.cost_table, report.price_year
    return name if year is None or str(year) in name else f"{name}, prices of {year}"


def _unresolved(row: dict) -> str:
    where = [str(row["scenario"]), _year(row["year"])]
    if isinstance(row["outage"], str) and row["outage"]:
        where.append(f"without {row['outage']}")
    value = "" if pd.isna(row["value"]) else f" {row['value']:.4g} {row['unit']}, limit {row['limit']:.4g}"
    check, case = str(row["check"]).replace("_", " "), ", ".join(part for part in where if part)
    return f"{row['element_id']}: {check}{value} ({case}): {row['reason']}"


def _gap(plan: Plan) -> str:
    if plan.bound_eur is None:
        return "it has none"
    gap_eur = max(plan.present_value_eur - plan.bound_eur, 0.0)
    percent = 100.0 * gap_eur / plan.present_value_eur if plan.present_value_eur > 0 else 0.0
    return f"at most {percent:.1f} %"


def _per_cost(unlocked_kw: float, plan: Plan) -> str:
    if plan.capital_eur <= 0:
        return "no cost"
    return f"{unlocked_kw / (plan.capital_eur / 1000):,.1f} kW"


def _thousands(eur: float, plan: Plan) -> str:
    return f"{_k(eur)} k{plan.currency}"


def _k(eur: float, beside_eur: float | None = None) -> str:
    """Thousands as people read them: one decimal below 100, or as precise as another figure beside it."""
    size = abs(eur if beside_eur is None else beside_eur) / 1000
    return f"{eur / 1000:,.0f}" if size >= 100 else f"{eur / 1000:,.1f}"


def _year(year: object) -> str:
    return "" if year is None or pd.isna(year) else str(int(year))  # type: ignore[call-overload]


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
