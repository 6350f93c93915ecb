"""Page "Outage": a fault clicked or found from indicators, and the switching plan drawn on the map."""

from __future__ import annotations

from dataclasses import dataclass

import folium
import pandas as pd
import streamlit as st

from app_pages.asset_map import selected_asset, show_asset_map
from app_pages.frame import Columns, plain
from app_pages.outage_layers import candidate_group, outage_map, switching_group
from app_pages.security import ask_practice
from app_pages.study import Choice, Study, choose, open_study
from capacity.cards import figure
from capacity.security.fault_location import Location, locate_fault, read_indicators
from capacity.security.outage_report import location_lines, outage_sentence, shown_steps
from capacity.security.practice import Practice
from capacity.security.sections import FAULT_TABLES
from capacity.security.switching_plan import SwitchingPlan, plan_switching
from capacity.study.future_year import csv_of
from gis import InputError
from gridmodel import build_model

CLICKED, INDICATED = "The section I click", "Fault indicators"
_NUMBER = st.column_config.NumberColumn
_STEPS: Columns = {
    "step": _NUMBER("Step", width=50),
    "minute": _NUMBER("Minute", format="%.0f", width=65),
    "what": "What",
    "element_id": "Switch",
    "customers_back": _NUMBER("Customers back", width=90),
    "kw_back": _NUMBER("kW back", format="%.0f", width=80),
    "customers_off": _NUMBER("Still off", width=75),
    "by": "By",
    "vm_min_pu": _NUMBER("Lowest voltage [pu]", format="%.3f"),
    "line_loading_max_percent": _NUMBER("Lines [%]", format="%.0f"),
    "transformer_loading_max_percent": _NUMBER("Transformers [%]", format="%.0f"),
    "status": "Load flow",
}


@dataclass(frozen=True, eq=False)
class _Fault:
    """What has failed: table and id, and where indicators point to."""

    element: tuple[str, str] | None
    location: Location | None = None


def show_outage() -> None:
    """Ask for the fault; show what trips, who is off, and the plan to bring them back."""
    study = open_study()
    choice = choose(study)
    with st.sidebar:
        practice = ask_practice("outage")
        by = st.radio("Where is the fault?", [CLICKED, INDICATED], key="outage_by")
    st.subheader(plain(f"Outage: {choice.scenario.name}"))
    for feeder_id, reason in study.weak.items():
        st.warning(plain(f"Feeder {feeder_id}: data too weak for results, {reason}."))
    located = _indicated(study) if by == INDICATED else None
    _map_and_plan(study, choice, practice, located, clicked=by == CLICKED)


def _indicated(study: Study) -> Location | None:
    """Ask for the states of indicators, and find the fault between them."""
    text = st.text_area(
        "States of fault indicators", key="outage_indicators", height=80,
        placeholder="switch-12=lit, switch-13=lit, L8756@w318=dark",
        help="ID=lit when the fault current passed, ID=dark when not. ID is a switch, a line (its end "
        "towards the source) or LINE@BUS.",
    )  # fmt: skip
    if not text.strip():
        st.caption("Write what the indicators show, like switch-12=lit, switch-13=dark.")
        return None
    try:
        return locate_fault(study.network, read_indicators(text.replace("\n", ",")))
    except InputError as error:
        st.error("These states cannot be used. All faults found:")
        st.code(str(error), language=None, wrap_lines=True)
        return None


@st.fragment
def _map_and_plan(
    study: Study, choice: Choice, practice: Practice, located: Location | None, *, clicked: bool
) -> None:
    if located is not None:
        _candidates(located)
    element = _clicked(study) if clicked else None if located is None else located.best()
    plan = None if element is None else _planned(study, choice, practice, element)
    if plan is not None:
        _figures(plan)
    left, right = st.columns([1, 1])
    with right:
        row = _steps(plan)
    with left:
        _map(study, plan, located, row)
    if plan is not None:
        _left(plan)
        _files(plan)


def _clicked(study: Study) -> tuple[str, str] | None:
    selected = selected_asset(study)
    if selected is None or selected[0] not in FAULT_TABLES:
        return None
    table, element_id = selected
    frame = study.network.table(table)
    if "in_service" in frame and not frame.loc[element_id, "in_service"]:
        st.caption(plain(f"{element_id} is out of service: its fault takes nothing off supply."))
        return None
    return selected


def _planned(study: Study, choice: Choice, practice: Practice, element: tuple[str, str]) -> SwitchingPlan:
    return _plan(
        str(study.path), study.modified_ns, choice.scenario.scenario_id, choice.yardstick.limits.name,
        practice.name, *element, study, choice, practice,
    )  # fmt: skip


@st.cache_resource(show_spinner="Planning the switching ...", max_entries=64)
def _plan(
    path: str,
    modified_ns: int,
    scenario_id: str,
    limits_name: str,
    practice_name: str,
    table: str,
    element_id: str,
    _study: Study,
    _choice: Choice,
    _practice: Practice,
) -> SwitchingPlan:
    """The plan of what the first seven arguments name; the model belongs to this run alone."""
    model = build_model(_study.network)
    return plan_switching(model, _choice.yardstick, _choice.scenario, (table, element_id), _practice)


def _candidates(located: Location) -> None:
    for line in located.contradictions:
        st.warning(plain(f"Contradiction: {line}."))
    st.dataframe(
        pd.DataFrame(located.candidates).drop(columns="geometry"), hide_index=True, key="outage_candidates",
        column_config={
            "rank": "Rank", "section_id": "Section of", "contradicted": "Indicators that would be wrong",
            "contradicted_ids": "Which", "elements": "Elements",
            "length_m": _NUMBER("Line [m]", format="%.0f"),
            "line_share": _NUMBER("Share of all candidates", format="percent"),
        },
    )  # fmt: skip
    st.caption(plain(location_lines(located)[-1].strip() + ". The plan is for the first."))


def _figures(plan: SwitchingPlan) -> None:
    told = plan.figures()
    places = st.columns(6)
    places[0].metric("Customers off at once", f"{told['customers_off']:,}")
    places[1].metric("Off at once", figure(told["kw_off"], 0, "kW"))
    places[2].metric("Back by switching", f"{told['customers_restored']:,}")
    places[3].metric("Left until repair", f"{told['customers_left']:,}")
    places[4].metric("Switching done", figure(told["switching_minutes"], 0, "min"))
    places[5].metric("Not supplied", figure(told["energy_not_supplied_kwh"], 0, "kWh"))
    st.info(plain(outage_sentence(plan)))


def _steps(plan: SwitchingPlan | None) -> int | None:
    """The table of steps; returns the position of the row clicked."""
    st.markdown("**Switching plan**, in order")
    if plan is None:
        st.caption("Click a line or a station on the map: it fails.")
        return None
    event = st.dataframe(
        shown_steps(plan)[list(_STEPS)], hide_index=True, height=420, on_select="rerun",
        selection_mode="single-row", key=f"outage-{plan.table}-{plan.element_id}", column_config=_STEPS,
    )  # fmt: skip
    rows = event["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(plan.steps) else None


def _map(study: Study, plan: SwitchingPlan | None, located: Location | None, row: int | None) -> None:
    groups: list[folium.FeatureGroup] = []
    if located is not None:
        groups.append(candidate_group(study, located))
    places = None
    if plan is not None:
        groups.append(switching_group(plan))
        places = plan.steps
        row = row if row is not None and plan.steps.geometry.iloc[row] is not None else None
    show_asset_map(study, outage_map(study, plan), places, row, key="outage", groups=groups)


def _left(plan: SwitchingPlan) -> None:
    if plan.left.empty:
        st.success("Everybody is back before the repair.")
        return
    st.markdown("**Dark until the repair**")
    st.dataframe(
        plan.left[["customers", "kw", "reason", "limited_by_id"]], hide_index=True, key="outage_left",
        column_config={
            "customers": "Customers", "kw": _NUMBER("kW", format="%.0f"), "reason": "Why",
            "limited_by_id": "Limited by",
        },
    )  # fmt: skip


def _files(plan: SwitchingPlan) -> None:
    left, right, _ = st.columns([1, 1, 2])
    left.download_button(
        "Switching plan (CSV)", csv_of(plan.steps), "switching-plan.csv", "text/csv", key="outage_steps_file"
    )
    loads = plan.loads.rename_axis("load_id").reset_index()
    right.download_button(
        "Customers off supply (CSV)", csv_of(loads), "customers-off.csv", "text/csv", key="outage_loads_file"
    )
    with st.expander("Times and failure rates, and their sources"):
        st.dataframe(plan.practice.table(), hide_index=True, key="outage_sources", row_height=60)
