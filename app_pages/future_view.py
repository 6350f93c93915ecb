"""What stands around the map of a year: figures, differences, peaks by group, assumptions, files."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from app_pages.frame import Columns, plain
from capacity.cards import figure
from capacity.demand.demand_scenario import DemandScenario
from capacity.study.future_comparison import FutureComparison
from capacity.study.future_year import FutureYear, assumptions_of, csv_of
from gis.webmap import PALETTE

_WORDS = {
    "demand_kwh": "Demand", "peak_kw": "Peak demand", "loss_kwh": "Losses",
    "transformers_over": "Transformers over their limit", "lines_over": "Lines over their limit",
    "buses_out_of_band": "Buses out of their voltage band",
    "hours_without_solution": "Hours without solution",
    "vm_min_pu": "Lowest voltage", "line_loading_max_percent": "Highest loading of a line",
    "transformer_loading_max_percent": "Highest loading of a transformer",
    "unserved_kw": "Not served in the worst hour", "unserved_kwh": "Not served in the hours asked",
    "customers_affected": "Customers affected",
}  # fmt: skip
_HELP = {
    "Peak demand": "All that is drawn in one hour.",
    "Demand": "Of the whole year, before losses.",
    "Not served, worst hour": "The least cut with which every limit holds, in the worst hour asked.",
    "Not served": "Over the hours asked.",
    "Transformers / lines over": "Over their limit in any hour.",
    "Buses out of band": "In any hour.",
    "Customers affected": "From whom the least cut takes something in the hours asked.",
    "Customers not placed": "They draw nothing here; the file of chains says why.",
}
_DIGITS = {"pu": 4, "%": 1}
_WORSE = {"a": "A", "b": "B", "same": "same", "": "", "a only": "A only", "b only": "B only"}


def show_figures(future: FutureYear, limits_name: str, other: FutureYear | None = None) -> None:
    """Key figures of the year, those of another scenario under them, and of which hours the cut is told."""
    told, beside = _told(future), {} if other is None else _told(other)
    places = [*st.columns(4), *st.columns(4)]
    for place, (label, value) in zip(places, told.items(), strict=True):
        there = f"B: {beside[label]}" if beside else None
        place.metric(label, value, there, delta_color="off", delta_arrow="off", help=_HELP.get(label))
    when = f"{future.figures['peak_hour']:%d %b %H:%M} UTC"
    st.caption(plain(f"Peak on {when}. {_hours_asked(future)} Limits: {limits_name}."))


def _told(future: FutureYear) -> dict[str, str]:
    told = future.figures
    least = "" if future.whole_cut else "at least "
    return {
        "Peak demand": figure(told["peak_kw"], 0, "kW"),
        "Demand": figure(told["demand_kwh"] / 1000, 0, "MWh"),
        "Not served, worst hour": figure(told["unserved_kw"], 0, "kW"),
        "Not served": least + figure(told["unserved_kwh"] / 1000, 1, "MWh"),
        "Transformers / lines over": f"{told['transformers_over']:,} / {told['lines_over']:,}",
        "Buses out of band": f"{told['buses_out_of_band']:,}",
        "Customers affected": f"{least}{told['customers_affected']:,.0f}",
        "Customers not placed": f"{told['customers_not_placed']:,.0f}",
    }


def _hours_asked(future: FutureYear) -> str:
    broken, asked = future.hours_broken, int(future.figures["hours_asked"])
    unsolved = int(future.figures["hours_without_solution"])
    lost = f" {unsolved:,} hours have no solution." if unsolved else ""
    if not broken:
        return f"No hour of {int(future.figures['hours']):,} breaks a limit.{lost}"
    if future.whole_cut:
        return f"The least cut was looked for in all {broken:,} hours that break a limit.{lost}"
    return (
        f"{broken:,} hours break a limit; the least cut was looked for in the {asked:,} of them with most "
        f"demand, so energy not served and customers affected are at least this.{lost}"
    )


def show_differences(compared: FutureComparison) -> None:
    """Figures of two scenarios side by side."""
    st.markdown(f"**The two scenarios in {compared.a.year}**")
    if not (compared.a.whole_cut and compared.b.whole_cut):
        st.caption(
            "What is not served is told of the hours asked, which may differ in number between the two."
        )
    rows = compared.figures
    shown = pd.DataFrame(
        {
            "what": [
                _with_unit(_WORDS[what], unit) for what, unit in zip(rows["what"], rows["unit"], strict=True)
            ],
            **{
                name: [_number(value, unit) for value, unit in zip(rows[name], rows["unit"], strict=True)]
                for name in ("value_a", "value_b", "difference")
            },
            "worse": rows["worse"].map(_WORSE),
        }
    )
    columns: Columns = {
        "what": "Figure", "value_a": "A", "value_b": "B", "difference": "B less A", "worse": "Worse"
    }  # fmt: skip
    st.dataframe(shown, hide_index=True, key="future_differences", column_config=columns)


def _with_unit(what: str, unit: str) -> str:
    return f"{what} [{unit}]" if unit else what


def _number(value: float, unit: str) -> str:
    """A figure as precise as people read it: four places of voltages, one of percent, whole kW and counts."""
    return "no data" if pd.isna(value) else f"{value:,.{_DIGITS.get(unit, 0)}f}"


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
        .properties(width=150, height=90)
        .resolve_scale(x="independent", y="independent")
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
