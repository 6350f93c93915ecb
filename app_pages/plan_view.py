"""What the page shows of one plan: the answer, key figures, map with steps, what is left, money, files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import streamlit as st

from app_pages.frame import Columns, plain
from app_pages.map_frame import Focus, focus_on, show_map
from app_pages.network_layers import ColourBy
from app_pages.plan_layers import (
    PlannedShapes,
    View,
    plan_map,
    planned_shapes,
    touched_group,
    view_in_words,
)
from app_pages.study import Study
from capacity.planning.plan_assets import planned_assets
from capacity.planning.plan_files import write_plan
from capacity.planning.plan_loading import years_of_loading
from capacity.planning.plan_money import cash_flow, cost_by_level_and_year
from capacity.planning.plan_page import summary_html, summary_pdf
from capacity.planning.plan_report import INDICATIVE, PlanReport
from capacity.planning.plan_summary import (
    plan_figures,
    plan_sentence,
    plan_summary,
    prices_in_words,
    unresolved_in_words,
)
from capacity.planning.plan_tables import placed_steps
from gis.webmap import highlight

_NUMBER = st.column_config.NumberColumn
# Figures told beneath the cards instead.
_BENEATH = ("Present value", "Above the bound of the program", "Unresolved")
_HELP = {
    "Cost": "Capital, mid price, and the range of the cost table.",
    "Limits broken": "Over all cases, without the plan and with it.",
    "Unlocked": "Demand that had to be cut for every limit to hold, less what still has, in the worst case.",
    "Customers": "From whom something had to be cut, less those from whom it still would.",
}
_STEPS: Columns = {
    "step": _NUMBER("Step", width=50),
    "year": _NUMBER("Year", format="%d", width=60),
    "cost_eur": _NUMBER("Cost", format="localized", width=80),
    "text": "What",
    "range": "Range",
    "months": _NUMBER("Lead time [months]", width=70),
}


def show_answer(report: PlanReport) -> None:
    """One sentence for the planner, then the figures."""
    say = {"resolved": st.success, "unresolved": st.warning, "cancelled": st.warning}[report.plan.status]
    say(plain(plan_sentence(report)))
    figures = plan_figures(report)
    cards = {label: text for label, text in figures.items() if label not in _BENEATH}
    for place, (label, text) in zip(st.columns(len(cards)), cards.items(), strict=True):
        value, _, more = text.partition(" (")
        beside = more.rstrip(")") or None
        place.metric(label, value, beside, delta_color="off", delta_arrow="off", help=_HELP.get(label))
    beneath = [f"{label}: {figures[label]}" for label in _BENEATH]
    st.caption(plain("; ".join([*beneath, f"costs: {prices_in_words(report)}"]) + f". {INDICATIVE}"))


@st.fragment
def show_map_and_steps(study: Study, report: PlanReport) -> None:
    """The map before and after, by year, beside the steps; a step that is picked is flown to."""
    left, right = st.columns([3, 2])
    with left:
        view = _ask_view(report)
    with right:
        row = _step_table(report)
    shapes = _shapes(report)
    focus, groups = Focus(), [touched_group(shapes, view)]
    if row is not None:
        place = report.plan.steps.geometry.iloc[[row]]
        groups.append(highlight(place, label=f"step {row + 1}"))
        if place.iloc[0] is not None:
            focus = focus_on(place.iloc[0], place.crs, zoom=17, focus_id=f"step {row + 1}")
    with left:
        show_map(plan_map(study, report, shapes, view), key="plan", feature_group=groups, height=560, **focus)
        st.caption(plain(view_in_words(report, view)))
    with right:
        _step_in_words(report, row)


def show_unresolved(report: PlanReport) -> None:
    """Limits that stay broken, each with its reason in words."""
    told = unresolved_in_words(report.plan)
    if not told:
        return
    with st.expander(f"{len(told):,} places stay unresolved, and why", expanded=True):
        st.dataframe(
            pd.DataFrame({"what": told}), hide_index=True, key="plan_unresolved",
            column_config={"what": "What stays broken, and why"}, height=min(38 + 35 * len(told), 320),
        )  # fmt: skip


def show_money(report: PlanReport) -> None:
    """Cost by level and year, and the cash flow."""
    with st.expander(f"Cost by voltage level and year, cash flow [{report.plan.currency}]"):
        left, right = st.columns(2)
        money: Columns = {
            "cost_low_eur": _NUMBER("Low", format="%.0f"), "cost_eur": _NUMBER("Mid", format="%.0f"),
            "cost_high_eur": _NUMBER("High", format="%.0f"), "yearly_eur": _NUMBER("Yearly", format="%.0f"),
            "capital_eur": _NUMBER("Capital", format="%.0f"), "total_eur": _NUMBER("Total", format="%.0f"),
            "present_value_eur": _NUMBER("Present value", format="%.0f"),
            "discount_factor": _NUMBER("Discount factor", format="%.3f"),
            "year": _NUMBER("Year", format="%d"), "length_m": _NUMBER("Length [m]", format="%.0f"),
            "level": "Level", "steps": "Steps",
        }  # fmt: skip
        left.dataframe(
            cost_by_level_and_year(report.plan), hide_index=True, column_config=money, key="plan_levels"
        )
        right.dataframe(
            cash_flow(report.plan), hide_index=True, column_config=money, key="plan_cash", height=280
        )


def show_files(report: PlanReport) -> None:
    """The plan to take home."""
    files = _files(report)
    for place, (label, name, kind) in zip(st.columns(4), _FILES, strict=True):
        place.download_button(label, files[name], name, kind, key=f"plan_file_{name}")


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILES = (
    ("For the GIS (GeoPackage)", "plan.gpkg", "application/geopackage+sqlite3"),
    ("For finance (spreadsheet)", "plan.xlsx", _XLSX),
    ("One page (PDF)", "plan.pdf", "application/pdf"),
    ("One page (HTML)", "plan.html", "text/html"),
)  # fmt: skip


def _files(report: PlanReport) -> dict[str, bytes]:
    """Content of every file, made once a plan."""
    known: dict[int, tuple[PlanReport, dict[str, bytes]]] = st.session_state.setdefault("plan_written", {})
    if id(report) not in known:
        known.clear()
        summary = plan_summary(report)
        with tempfile.TemporaryDirectory(prefix="feederplan-plan-") as folder:
            paths = [Path(folder) / name for name in ("plan.gpkg", "plan.xlsx")]
            for path in paths:
                write_plan(report, path)
            written = {path.name: path.read_bytes() for path in paths}
        pages = {"plan.pdf": summary_pdf(summary), "plan.html": summary_html(summary).encode()}
        known[id(report)] = (report, {**written, **pages})
    return known[id(report)][1]


def _shapes(report: PlanReport) -> PlannedShapes:
    known: dict[int, tuple[PlanReport, PlannedShapes]] = st.session_state.setdefault("plan_shapes", {})
    if id(report) not in known:
        known.clear()
        known[id(report)] = (report, planned_shapes(report, planned_assets(report.plan)))
    return known[id(report)][1]


def _ask_view(report: PlanReport) -> View:
    years = years_of_loading(report.loading)
    places = st.columns([4, 4, 4])
    shown = places[0].radio("Show", ["Before", "After"], index=1, horizontal=True, key="plan_after")
    colour: ColourBy = places[1].radio(
        "Colour by", ["Loading", "Voltage"], horizontal=True, key="plan_colour_by"
    )
    year = years[-1]
    if len(years) > 1:
        year = places[2].select_slider("Year", years, value=years[-1], key=f"plan_year_{years}")
    return View(year, shown == "After", colour)


def _step_table(report: PlanReport) -> int | None:
    """The steps; returns the position of the one picked."""
    plan = report.plan
    st.markdown(f"**Steps**, in order [{plan.currency}]")
    if not plan.taken:
        st.caption("None.")
        return None
    steps = pd.DataFrame(placed_steps(plan))
    low, high = (steps[name].map("{:,.0f}".format) for name in ("cost_low_eur", "cost_high_eur"))
    shown = steps.assign(range=low + " - " + high)[list(_STEPS)].dropna(axis="columns", how="all").round(0)
    event = st.dataframe(
        shown, hide_index=True, on_select="rerun", selection_mode="single-row", column_config=_STEPS,
        key=f"plan_steps_{plan.capital_eur:.2f}_{len(steps)}", height=min(38 + 35 * len(steps), 420),
    )  # fmt: skip
    rows = event["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(steps) else None


def _step_in_words(report: PlanReport, row: int | None) -> None:
    if row is None:
        if report.plan.taken:
            st.caption("Tick a step to see it on the map and in words.")
        return
    taken = report.plan.taken[row]
    ends = "" if taken.until is None else f" Until {taken.until}."
    st.info(plain(f"{taken.reason or taken.measure.text}.{ends}"))
