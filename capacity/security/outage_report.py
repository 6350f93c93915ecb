"""What the command says and writes of one outage: text, JSON values and layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.output import Report, plain_values, rows_of, weak_lines, weak_values
from capacity.security.fault_location import Location
from capacity.security.reliability import Reliability
from capacity.security.rules import SHORT, SecurityRule
from capacity.security.switching_plan import DARK, FAULTY, UNTOUCHED, SwitchingPlan
from capacity.security.switching_work import REPAIR, TRIP, UPSTREAM
from gis import Network

# Elements of a section, feeders and contributions named in text; JSON has them all.
NAMED = 8
# What becomes of a part of the network after a fault, in the order of the classes of the map.
PART_WORDS = (
    "not affected", "back when protection is reclosed", "back through open points", "dark until the repair",
    "faulty section",
)  # fmt: skip


def outage_report(
    plan: SwitchingPlan, limits: str, weak: Mapping[str, str], location: Location | None = None
) -> Report:
    """Faulted section, what trips, who is off, the switching plan in order, and what is left until repair."""
    figures, basis = plan.figures(), basis_of(plan, limits)
    values = {
        "fault": {"table": plan.table, "element_id": plan.element_id},
        **({} if location is None else location_values(location)),
        **figures,
        "section": rows_of(plan.faulty),
        "protection": rows_of(plan.devices),
        "steps": rows_of(plan.steps),
        "left": rows_of(plan.left),
        **basis,
        **weak_values(dict(weak)),
    }
    lines = [
        *([] if location is None else location_lines(location)),
        f"Fault of {plan.table[:-1]} {plan.element_id}; its section: {section_text(plan)}",
        *(f"  trips: {row.kind} {row.element_id}, {row.reason}" for row in plan.devices.itertuples()),
        f"  off supply at once   {figures['customers_off']:7,} customers  {figures['kw_off']:12,.1f} kW",
        *(f"  {text}" for text in step_lines(plan)),
        f"  left until repair    {figures['customers_left']:7,} customers  {figures['kw_left']:12,.1f} kW",
        *(
            f"    {row.customers:,} customers, {row.kw:,.1f} kW: {row.reason}"
            for row in plan.left.itertuples()
        ),
        f"  energy not supplied  {figures['energy_not_supplied_kwh']:,.0f} kWh at the demand of the scenario",
        f"  {basis['scenario']}; limits {basis['limits']}; times {basis['practice']}",
        *weak_lines(dict(weak)),
    ]
    return values, lines


def basis_of(plan: SwitchingPlan, limits: str) -> dict[str, object]:
    """What the plan rests on."""
    return {
        "scenario": plan.scenario.name,
        "limits": limits,
        "practice": plan.practice.name,
        "practice_source": plan.practice.source,
    }


def section_text(plan: SwitchingPlan) -> str:
    """Elements of the faulty section in words, a few of them by name."""
    ids = [
        row.element_id if row.table != "buses" else f"bus {row.element_id}"
        for row in plan.faulty.sort_values(
            "table", key=lambda table: table == "buses", kind="stable"
        ).itertuples()
    ]
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more


def step_lines(plan: SwitchingPlan) -> list[str]:
    """The steps, a sentence each."""
    return [
        f"{row.step:3}. minute {row.minute:5,.0f}  {step_text(row._asdict())}"
        for row in plan.steps.itertuples()
    ]


def step_text(step: Mapping[str, Any]) -> str:
    """One step in words."""
    back = f": {step['customers_back']:,} customers and {step['kw_back']:,.1f} kW are back"
    who = back if step["customers_back"] or step["kw_back"] else ""
    if step["stage"] == REPAIR:
        return f"repair{who}"
    what = f"{step['stage'].replace('_', ' ')}: {step['action']} {step['element_id']} {step['by']}"
    doubt = "" if step["status"] == "ok" else f"; {step['status'].replace('_', ' ')}: {step['reason']}"
    return what + who + doubt


def shown_steps(plan: SwitchingPlan) -> pd.DataFrame:
    """The steps as people read them: `what` says stage and action, status has its reason."""
    steps = pd.DataFrame(plan.steps.drop(columns="geometry"))
    stage = steps["stage"].str.replace("_", " ")
    switching = ~steps["stage"].isin([TRIP, REPAIR])
    what = (stage + ": " + steps["action"]).where(switching, steps["action"])
    said = steps["status"].str.replace("_", " ") + ("; " + steps["reason"]).where(steps["reason"] != "", "")
    return steps.assign(what=what, status=said.where(steps["stage"] != REPAIR, ""))


def outage_sentence(plan: SwitchingPlan) -> str:
    """The whole outage in one sentence."""
    told = plan.figures()
    devices = ", ".join(plan.devices["element_id"]) or "nothing"
    left = told["customers_left"]
    rest = f"{left:,} wait for the repair at minute {told['repair_minutes']:,.0f}" if left else "nobody waits"
    return (
        f"{plan.element_id} fails, {devices} trips: {told['customers_off']:,} customers with "
        f"{told['kw_off']:,.0f} kW are off; {told['customers_restored']:,} are back by switching within "
        f"{told['switching_minutes']:,.0f} minutes, {rest}. The faulty section is {section_text(plan)}."
    )


def step_labels(plan: SwitchingPlan) -> gpd.GeoDataFrame:
    """Switching steps with a place: label like "2 close", closes."""
    steps = plan.steps[plan.steps.geometry.notna() & (plan.steps["stage"] != REPAIR)]
    labels = steps["step"].astype(str) + " " + steps["action"]
    closes = steps["action"].isin(["close", "switch on"])
    return steps[["geometry"]].assign(label=labels, closes=closes)


def location_values(location: Location) -> dict[str, object]:
    """What the indicators say, for JSON."""
    return {
        "candidates": rows_of(location.candidates),
        "indicators": rows_of(location.indicators.reset_index()),
        "contradictions": list(location.contradictions),
    }


def location_lines(location: Location) -> list[str]:
    """What the indicators say, in words."""
    lines = [f"Indicators contradict each other: {text}" for text in location.contradictions]
    unused = location.indicators.index[location.indicators["status"] != "used"]
    if len(unused):
        lines.append(f"Not used, as nothing flows there in the normal state: {', '.join(unused)}")
    lines.append("The fault may be in:")
    for row in location.candidates.head(NAMED).itertuples():
        against = f"; {row.contradicted_ids} would be wrong" if row.contradicted else ""
        lines.append(
            f"  {row.rank}. section of {row.section_id}: {row.length_m:,.0f} m of line, "
            f"{row.line_share:.0%} of all candidates{against}"
        )
    if len(location.candidates) > NAMED:
        lines.append(f"  and {len(location.candidates) - NAMED} more")
    return lines


def outage_layers(
    network: Network, plan: SwitchingPlan, location: Location | None = None
) -> dict[str, pd.DataFrame]:
    """Layers of one outage: steps, parts of the network, loads off supply, and candidates where there are."""
    layers = {
        "switching_steps": plan.steps[plan.steps.geometry.notna()],
        "all_steps": pd.DataFrame(plan.steps.drop(columns="geometry")),
        "loads_off": _loads(network, plan),
        **{f"affected_{table}": rows for table, rows in affected_parts(network, plan).items() if len(rows)},
        "left_until_repair": plan.left,
        "protection": plan.devices,
    }
    if location is not None:
        layers["candidates"] = _placed(location.candidates, network)
        layers["indicators"] = location.indicators.reset_index()
    return {name: rows for name, rows in layers.items() if len(rows)}


def affected_parts(network: Network, plan: SwitchingPlan) -> dict[str, gpd.GeoDataFrame]:
    """Lines, transformers and buses that were off, with the step that restored them or what they are."""
    touched = plan.parts[plan.parts["part"] != UNTOUCHED]
    words = touched["part"].map({DARK: "dark until repair", FAULTY: "faulty section"})
    touched = touched.assign(
        restored_by_step=touched["part"].where(touched["part"] > 0).astype("Int64"),
        state=words.fillna("restored"),
    )
    return {
        table: gpd.GeoDataFrame(
            rows[["element_id", "state", "restored_by_step"]],
            geometry=network.table(str(table)).geometry.reindex(rows["element_id"]).to_numpy(),
            crs=network.crs,
        )
        for table, rows in touched.groupby("table", sort=False)
    }


def part_classes(network: Network, plan: SwitchingPlan) -> tuple[np.ndarray, np.ndarray]:
    """Class per line and per transformer, as `PART_WORDS` names them; -1 out of service."""
    stages = plan.steps["stage"].to_numpy()
    part = plan.parts["part"].to_numpy()
    restored = np.where(stages[np.maximum(part, 0)] == UPSTREAM, 1, 2)
    number = np.select([part == FAULTY, part == DARK, part == UNTOUCHED], [4, 3, 0], restored)
    classes = plan.parts.assign(number=number)
    found = []
    for table in ("lines", "transformers"):
        own = classes[classes["table"] == table].set_index("element_id")["number"]
        found.append(own.reindex(network.table(table).index).fillna(-1).to_numpy().astype(np.int8))
    return found[0], found[1]


def _loads(network: Network, plan: SwitchingPlan) -> gpd.GeoDataFrame:
    rows = plan.loads.rename_axis("load_id").reset_index()
    places = network.loads.geometry.reindex(rows["load_id"]).to_numpy()
    return gpd.GeoDataFrame(rows, geometry=places, crs=network.crs)


def _placed(rows: pd.DataFrame, network: Network) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=network.crs)


def reliability_report(
    found: Reliability, verdicts: pd.DataFrame, rule: SecurityRule, weak: Mapping[str, str]
) -> Report:
    """Indices of reliability, what adds most to them, and the verdict of a rule for every feeder."""
    values = {
        **found.summary(),
        "elements": rows_of(found.elements),
        "rule": rule.name,
        "rule_source": rule.source,
        "groups": rows_of(verdicts),
        **weak_values(dict(weak)),
    }
    short = verdicts[verdicts["status"] == SHORT]
    lines = [
        f"Expected a year, with the figures of {found.practice}:",
        f"  SAIFI {found.saifi:8.4f} interruptions a customer",
        f"  SAIDI {found.saidi_minutes:8.2f} minutes a customer",
        f"  CAIDI {found.caidi_minutes:8.2f} minutes an interruption",
        f"  ENS   {found.ens_kwh:8,.0f} kWh",
        "  most of SAIDI:",
        *(
            f"    {row.table:12} {row.element_id:24} {row.saidi_minutes:8.2f} min"
            for row in found.elements.head(NAMED).itertuples()
        ),
        f"{rule.name}: {len(short)} of {len(verdicts)} feeders, stations and sources short",
        *(
            f"  {row.group_kind:8} {row.group_id:24} class {row._5}  {row.short_kw:10,.1f} kW short within "
            f"{row.within_minutes:g} min when {row.worst_id} fails"
            for row in short.rename(columns={"class": "_5"}).head(NAMED).itertuples(index=False)
        ),
        *weak_lines(dict(weak)),
    ]
    return plain_values(values), lines  # type: ignore[return-value]
