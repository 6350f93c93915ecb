"""What stands around the map of a year: figures, differences, peaks by group, assumptions, files."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from app_pages.frame import plain
from capacity.cards import figure
from capacity.demand_scenario import DemandScenario
from capacity.future_comparison import FutureComparison
from capacity.future_year import FutureYear, assumptions_of, csv_of
from gis.webmap import PALETTE

_WORDS = {
    "demand_kwh": "Demand", "peak_kw": "Peak demand", "loss_kwh": "Losses",
    "transformers_over": "Transformers over their limit", "lines_over": "Lines over their limit",
    "buses_out_of_band": "Buses out of their voltage band", "hours_without_solution": "Hours without solution",
    "vm_min_pu": "Lowest voltage", "line_loading_max_percent": "Highest loading of a line",
    "transformer_loading_max_percent": "Highest loading of a transformer",
    "unserved_kw": "Not served in the worst hour", "unserved_kwh": "Not served in the hours asked",
    "customers_affected": "Customers affected",
}  # fmt: skip
_WORSE = {"a": "A", "b": "B", "same": "same", "": "", "a only": "A only", "b only": "B only"}


def show_figures(future: FutureYear, limits_name: str) -> None:
    """Key figures of the year, and of how many hours the least cut is told."""
    told = future.figures
    places = [*st.columns(4), *st.columns(4)]
    when = f"{told['peak_hour']:%d %b %H:%M} UTC"
    figures = [
        ("Peak demand", figure(told["peak_kw"], 0, "kW"), f"On {when}: all that is drawn in one hour."),
        ("Demand", figure(told["demand_kwh"] / 1000, 0, "MWh"), "Of the whole year, before losses."),
        ("Not served, worst hour", figure(told["unserved_kw"], 0, "kW"), "The least cut with which every limit holds."),
        ("Not served", figure(told["unserved_kwh"] / 1000, 1, "MWh"), "Over the hours asked."),
        ("Transformers / lines over", f"{told['transformers_over']:,} / {told['lines_over']:,}", "In any hour."),
        ("Buses out of band", f"{told['buses_out_of_band']:,}", "In any hour."),
        ("Customers affected", f"{told['customers_affected']:,.0f}", "From whom the least cut takes something."),
        ("Customers not placed", f"{told['customers_not_placed']:,.0f}", "They draw nothing here; the table of chains says why."),
    ]  # fmt: skip
    for place, (label, value, help_text) in zip(places, figures, strict=True):
        place.metric(label, value, help=help_text)
    st.caption(plain(f"Peak on {when}. {_hours_asked(future)} Limits: {limits_name}."))


def _hours_asked(future: FutureYear) -> str:
    broken, asked = future.hours_broken, int(future.figures["hours_asked"])
    unsolved = int(future.figures["hours_without_solution"])
    lost = f" {unsolved:,} hours have no solution." if unsolved else ""
    if not broken:
        return f"No hour of {int(future.figures['hours']):,} breaks a limit.{lost}"
    if future.whole_cut:
        return f"The least cut was looked for in all {broken:,} hours that break a limit.{lost}"
    return (
        f"{broken:,} hours break a limit; the least cut was looked for in the {asked:,} of them with most demand, "
        f"so energy not served and customers affected are at least this.{lost}"
    )


def show_differences(compared: FutureComparison) -> None:
    """Figures of two scenarios side by side."""
    a, b = compared.a.scenario.name, compared.b.scenario.name
    st.markdown(plain(f"A: {a}; B: {b}; {compared.a.year}"))
    if not (compared.a.whole_cut and compared.b.whole_cut):
        st.caption(
            "What is not served is told of the hours asked, which may differ in number between the two."
        )
    rows = compared.figures
    shown = pd.DataFrame(
        {
            "what": rows["what"].map(_WORDS) + rows["unit"].map(lambda unit: f" [{unit}]" if unit else ""),
            **{name: rows[name] for name in ("value_a", "value_b", "difference")},
            "worse": rows["worse"].map(_WORSE),
        }
    )
    number = {
        name: st.column_config.NumberColumn(label, format="localized")
        for name, label in (("value_a", "A"), ("value_b", "B"), ("difference", "B less A"))
    }
    columns = {"what": "Figure", **number, "worse": "Worse"}
    st.dataframe(shown.round(4), hide_index=True, key="future_differences", column_config=columns)


def show_peaks(rows: pd.DataFrame) -> None:
    """Peak demand of every group over the years, a small chart each, on scales of their own."""
    st.markdown("**Peak by group and year** [kW], each group in its own hour of most")
    if rows.empty:
        st.caption("Nobody draws or feeds anything.")
        return
    shown = rows.assign(
        group=rows["group"].str.replace("_", " ")
        + rows["direction"].map({"load": "", "generation": " (feeds in)"})
    )
    order = list(dict.fromkeys(shown["group"]))
    chart = (
        alt.Chart(shown)
        .mark_bar(color=PALETTE[0])
        .encode(
            x=alt.X("year:O", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("peak_kw:Q", title=None, axis=alt.Axis(tickCount=3, format=",.0f")),
            facet=alt.Facet("group:N", columns=4, sort=order, title=None),
            tooltip=[
                alt.Tooltip("group:N", title="Group"),
                alt.Tooltip("year:O", title="Year"),
                alt.Tooltip("peak_kw:Q", title="Peak [kW]", format=",.0f"),
                alt.Tooltip("units:Q", title="Units", format=",.0f"),
            ],
        )
        .properties(width=190, height=90)
        .resolve_scale(y="independent")
    )
    st.altair_chart(chart, key="future_peaks")


def show_assumptions(scenario: DemandScenario) -> None:
    """All that the scenario assumes, with where each figure comes from."""
    with st.expander("Assumptions and their sources"):
        columns = {"block": "Part of the scenario", "assumed": "Assumed", "source": "Source"}
        st.dataframe(
            assumptions_of(scenario),
            hide_index=True,
            key="future_assumptions",
            column_config=columns,
            row_height=60,
        )


def show_files(future: FutureYear) -> None:
    """Bottlenecks and chains to take home."""
    left, right, _ = st.columns([1, 1, 2])
    stem = f"{future.year}.csv"
    left.download_button(
        "Bottlenecks (CSV)", csv_of(future.bottlenecks), f"bottlenecks-{stem}", "text/csv", key="future_file"
    )
    right.download_button(
        "Chain of every customer (CSV)",
        csv_of(future.chains),
        f"chains-{stem}",
        "text/csv",
        key="future_chains_file",
    )
