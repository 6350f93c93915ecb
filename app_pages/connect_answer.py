"""What the page says of an answer to everybody: traffic light, sentence, cost and time, options in words."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from app_pages.frame import Columns, plain
from capacity.connection import Assessment

_NUMBER = st.column_config.NumberColumn
VERDICTS: Final = {
    "connect": "Yes",
    "connect_after_works": "Yes, after works",
    "refuse": "No",
    "undetermined": "Not to be said",
}
KINDS: Final = {
    "lv_feeder": "existing low-voltage cable",
    "lv_busbar": "busbar of an existing station",
    "mv_tap": "new station, one cable to medium voltage",
    "mv_loop": "new station in a medium-voltage line",
    "mv_busbar": "new station, feeder of its own from the substation",
}
# Lamps from top to bottom: which one is lit, its colour, and what it means.
_LAMPS: Final = (("refuse", "#a50026"), ("connect_after_works", "#e6b000"), ("connect", "#1a7f37"))
_DARK: Final = "#6b6b6b"
_OPTIONS_TOLD: Final = 4


def show_verdict(answer: Assessment) -> None:
    """The answer at a glance."""
    sentence, _, more = answer.sentence.split(": ", 1)[-1].partition("; ")
    with st.container(border=True, key="verdict_card"):
        lamp, said = st.columns([1, 11], vertical_alignment="center")
        lamp.html(_traffic_light(answer.verdict))
        said.markdown(f"**{VERDICTS[answer.verdict]}.** {plain(sentence)}{_full_stop(sentence)}")
        if more:
            said.caption(plain(more[:1].upper() + more[1:]))
        _figures(answer)


def _full_stop(sentence: str) -> str:
    return "" if sentence.endswith(".") else "."


def _figures(answer: Assessment) -> None:
    if answer.verdict not in ("connect", "connect_after_works"):
        return
    best, currency = answer.options.iloc[0], answer.basis["currency"]
    demand, cost, time = st.columns([2, 4, 3])
    demand.metric("Demand", f"{answer.demand_kw:,.0f} kW")
    if best["cost_high_eur"]:
        cost.metric(
            f"Cost [{plain(currency)}]", f"{best['cost_low_eur']:,.0f} – {best['cost_high_eur']:,.0f}",
            f"most likely {best['cost_eur']:,.0f}", delta_color="off", delta_arrow="off",
        )  # fmt: skip
    else:  # the site stands at its joint, and a service connection is no item of the cost table
        cost.metric(f"Cost [{plain(currency)}]", "not priced")
    time.metric("Takes about", f"{best['months']:,.0f} months")


def _traffic_light(verdict: str) -> str:
    """Three lamps, one lit; none where nothing can be said."""
    lamps = "".join(
        f'<div style="width:22px;height:22px;border-radius:50%;background:{colour}"></div>'
        for colour in (lit if verdict == name else _DARK for name, lit in _LAMPS)
    )
    return (
        f'<div role="img" aria-label="{VERDICTS[verdict]}" style="display:inline-flex;flex-direction:column;'
        f'gap:6px;padding:7px;border-radius:10px;background:#444444">{lamps}</div>'
    )


def show_options_in_words(answer: Assessment) -> None:
    """The ways to connect the site that were looked at, the best first, as sentences."""
    if answer.options.empty:
        st.caption("No way to connect the site could be looked at.")
        return
    for row in answer.options.head(_OPTIONS_TOLD).to_dict("records"):
        st.markdown(f"{row['rank']}. {plain(_option_in_words(row, answer.basis['currency']))}")
    if len(answer.options) > _OPTIONS_TOLD:
        st.caption(f"{len(answer.options) - _OPTIONS_TOLD} more: see the tab for the planner.")


def _option_in_words(row: dict[str, Any], currency: str) -> str:  # Any: cells of a table
    kind = f"{KINDS[row['kind']].capitalize()} ({row['bus_id']})"
    if not row["fits"]:
        return f"{kind}: not possible, {row['reason']}."
    return f"{kind}: {row['works']}; about {row['cost_eur']:,.0f} {currency} and {row['months']:,.0f} months."


def option_columns(currency: str) -> Columns:
    """How the table of options is shown."""
    return {
        "rank": _NUMBER("", width=40),
        "kind": st.column_config.TextColumn("Connect at", width=210),
        "bus_id": "Supply point",
        "voltage_kv": _NUMBER("kV", format="%.1f", width=50),
        "route_m": _NUMBER("Way [m]", format="%.0f", width=70),
        "cost_low_eur": _NUMBER(f"From [{currency}]", format="localized"),
        "cost_eur": _NUMBER(f"About [{currency}]", format="localized"),
        "cost_high_eur": _NUMBER(f"To [{currency}]", format="localized"),
        "months": _NUMBER("Months", format="%.0f", width=60),
        "fits": "Fits",
        "works": st.column_config.TextColumn("Works", width="medium"),
        "reason": st.column_config.TextColumn("Why, or why not", width="large"),
    }


def options_shown(answer: Assessment) -> pd.DataFrame:
    """The table of options in words, money rounded to the unit."""
    shown = pd.DataFrame(answer.options.drop(columns="geometry")).replace({"kind": KINDS})
    money = ["cost_low_eur", "cost_eur", "cost_high_eur"]
    return shown.assign(**shown[money].astype(float).round(0))
