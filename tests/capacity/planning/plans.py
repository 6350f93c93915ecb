"""A small plan made by hand, for tests of what people see of plans; nothing in it is solved.

S   T    C    L    D    N    E      step 1 (2027): N is replaced by a larger cable
o---OO---o---------o---------o      step 2 (2030): a feeder is laid to a new bus F
          \\----o F                 step 3 (2027 to 2030): the tap of T is moved
"""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.costs.cost import Cost
from capacity.limits import read_limits
from capacity.measures.measure import Measure
from capacity.planning.plan import (
    PLAN_CASE_COLUMNS,
    PLAN_STEP_COLUMNS,
    UNRESOLVED_COLUMNS,
    Plan,
    PlanTerms,
    Taken,
)
from capacity.planning.plan_cases import cases_of_scenarios
from gis import Network
from gis.changes import NetworkChanges, cells_of
from gridmodel import Scenario
from tests.networks import station

EVIL = '=HYPERLINK("http://evil.example") <img src=x onerror=alert(1)>${alert(2)}'


def replacement(network: Network) -> Measure:
    return Measure(
        measure_id="replace_line|N|NAYY 4x240 SE", kind="replace_line", table="lines", element_id="N",
        changes=NetworkChanges(cells=cells_of(("lines", "N", "type_id", "NAYY 4x240 SE"))),
        cost=Cost(4_800.0, 6_400.0, 8_000.0, 24.0, 32.0, 40.0, (("lv_cable", 0.08, "km"),)), months=3,
        text="Replace N by NAYY 4x240 SE", from_type="NAYY 4x150 SE", to_type="NAYY 4x240 SE", length_m=80.0,
        geometry=network.lines.geometry["N"],
    )  # fmt: skip


def new_feeder(network: Network) -> Measure:
    start = network.buses.geometry["C"]
    end = shapely.Point(start.x + 100.0, start.y + 40.0)
    bus = pd.DataFrame({"bus_id": ["F|bus"], "name": [EVIL], "vn_kv": [0.4], "geometry": [end]})
    cable = shapely.LineString([start, end])
    line = pd.DataFrame(
        {"line_id": ["F|line"], "from_bus_id": ["C"], "to_bus_id": ["F|bus"], "vn_kv": [0.4],
         "type_id": ["NAYY 4x150 SE"], "length_m": [140.0], "geometry": [cable]}
    )  # fmt: skip
    return Measure(
        measure_id="F", kind="new_feeder", table="lines", element_id="F|line",
        changes=NetworkChanges({"buses": bus, "lines": line}),
        cost=Cost(8_400.0, 11_200.0, 14_000.0, 0.0, 0.0, 0.0, (("lv_cable", 0.14, "km"),)), months=6,
        text=f"Lay a new feeder {EVIL}", to_type="NAYY 4x150 SE", length_m=140.0,
        geometry=shapely.GeometryCollection([cable, end]),
    )  # fmt: skip


def tap(network: Network) -> Measure:
    return Measure(
        measure_id="tap|T|2", kind="tap", table="transformers", element_id="T",
        changes=NetworkChanges(cells=cells_of(("transformers", "T", "tap_pos", 2.0))),
        cost=Cost(), months=0, text="Set the tap of T to 2", reversible=True,
        geometry=network.transformers.geometry["T"],
    )  # fmt: skip


def steps_of(network: Network, taken: tuple[Taken, ...]) -> gpd.GeoDataFrame:
    rows = [
        (number, one.year, one.measure.kind, one.measure.table, one.measure.element_id, one.measure.from_type,
         one.measure.to_type, one.measure.length_m, one.measure.cost.low_eur, one.measure.cost.eur,
         one.measure.cost.high_eur, one.measure.cost.yearly_eur, one.measure.months, one.reason, "planned",
         one.measure.geometry)
        for number, one in enumerate(taken, start=1)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(PLAN_STEP_COLUMNS)).astype({"step": "Int64", "year": "Int64"})
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=network.crs)


def case_rows(before: tuple[int, int] = (3, 5), after: tuple[int, int] = (0, 1)) -> pd.DataFrame:
    rows = {
        "case_id": ["base", "cold"], "scenario": ["base", "cold"], "year": [2027, 2030], "hour": pd.NaT,
        "outage": "", "violations_before": before, "violations_after": after,
        "demand_kw": [26.0, 40.0], "vm_min_before_pu": [0.91, 0.88], "vm_min_pu": [0.95, 0.93],
        "vm_max_before_pu": 1.01, "vm_max_pu": 1.01, "line_loading_before_percent": [110.0, 140.0],
        "line_loading_percent": [80.0, 104.0], "transformer_loading_before_percent": 60.0,
        "transformer_loading_percent": 60.0, "loss_before_kw": 1.0, "loss_kw": 0.8,
        "unserved_before_kw": 0.0, "unserved_kw": 0.0, "status": "solved", "engine": "by hand",
    }  # fmt: skip
    return pd.DataFrame(rows, columns=list(PLAN_CASE_COLUMNS)).astype({"year": "Int64"})


def left_over() -> pd.DataFrame:
    row = ("cold", "cold", 2030, pd.NaT, "", "line_overload", "lines", "L", 104.0, 100.0, "%", 4.0,
           "no measure of the kinds allowed helps", 17_600.0)  # fmt: skip
    return pd.DataFrame([row], columns=list(UNRESOLVED_COLUMNS)).astype({"year": "Int64"})


def small_plan(*, resolved: bool = False) -> Plan:
    """The plan above; with one limit still broken unless it is resolved."""
    network = station()
    taken = (
        Taken(replacement(network), 2027, reason="overloaded in base"),
        Taken(new_feeder(network), 2030, reason="overloaded in cold"),
        Taken(tap(network), 2027, until=2030, reason="voltage"),
    )
    years = [Scenario("base", "Base", 2027), Scenario("cold", "Cold", 2030, load_factor=1.5)]
    return Plan(
        network=network, taken=taken, steps=steps_of(network, taken),
        unresolved=left_over().iloc[: 0 if resolved else 1],
        cases=case_rows(after=(0, 0) if resolved else (0, 1)),
        status="resolved" if resolved else "unresolved", capital_eur=17_600.0, present_value_eur=16_900.0,
        bound_eur=16_000.0, seconds=1.5, cost_table="dena 2012", currency="EUR",
        limits=read_limits("en50160"), terms=PlanTerms(horizon_years=10),
        states=cases_of_scenarios(network, years),
    )  # fmt: skip


def cheaper_plan() -> Plan:
    """The plan without its new feeder."""
    plan = small_plan()
    return replace(
        plan, taken=plan.taken[::2], steps=plan.steps.iloc[::2].reset_index(drop=True), capital_eur=6_400.0
    )


def control(network: Network) -> Measure:
    """A set-point that follows the load: cells of single cases alone, and a battery's power beside it."""
    return Measure(
        measure_id="control|S", kind="line_drop_compensation", table="sources", element_id="S",
        changes=NetworkChanges(), cost=Cost(), months=1, text="Let the set-point of S follow the load",
        power_kva={"E": np.array([0.0, -5.0 + 1.0j])},
        cells_in={"cold": cells_of(("sources", "S", "vm_pu", 1.03))}, geometry=network.sources.geometry["S"],
    )  # fmt: skip


def plan_with_control() -> Plan:
    """The plan above with a control as its fourth step."""
    plan = small_plan()
    taken = (*plan.taken, Taken(control(plan.network), 2030))
    return replace(plan, taken=taken, steps=steps_of(plan.network, taken))
