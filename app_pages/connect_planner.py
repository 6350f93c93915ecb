"""The planner's view of an answer: options with all figures, checks, bill, cases, what was not offered."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages.connect_answer import KINDS, VERDICTS, option_columns, options_shown
from app_pages.connect_answered import Answered, ask_sensitivity, known_sensitivity
from app_pages.frame import Columns, plain
from app_pages.study import Study
from capacity.connection import Assessment
from capacity.connection.words import NOUNS, case_words, element_words

_NUMBER = st.column_config.NumberColumn
# Session key of the option that the map and the tables show.
RANK = "option_shown"
_CHECK_WORDS = {
    "undervoltage": "lowest voltage", "overvoltage": "highest voltage", "voltage_change": "voltage change",
    "line_overload": "line loading", "transformer_overload": "transformer loading",
    "no_solution": "load flow", "unsupplied": "without supply",
}  # fmt: skip
_USE = {"sole_use": "this site alone", "shared": "shared"}
_CAUSED = {"site": "this site", "already": "already over"}
_CHECKS: Columns = {
    "when": "Case",
    "check": "Check",
    "element": "Element",
    "today": _NUMBER("Today", format="%.3f"),
    "with_site": _NUMBER("With the site", format="%.3f"),
    "limit": _NUMBER("Limit", format="%.3f"),
    "unit": "Unit",
    "caused_by": "Caused by",
}


def show_planner(study: Study, answered: Answered) -> None:
    """All figures behind an answer."""
    answer = answered.answer
    st.markdown("**Options**, best first, and why the others lost")
    st.dataframe(
        options_shown(answer), hide_index=True, key="options",
        column_order=list(option_columns("")),
        column_config=option_columns(answer.basis["currency"]),
    )  # fmt: skip
    rank = _ask_rank(answer)
    if rank is not None:
        _bill(answer, rank)
        _checks(answer, rank)
    _demand(answer)
    _sensitivity(study, answered)
    _not_offered(answer)
    _basis(answer)


def _ask_rank(answer: Assessment) -> int | None:
    """Which option the map, the bill and the checks are of."""
    ranks = answer.options["rank"].tolist()
    if not ranks:
        return None
    names = dict(zip(ranks, answer.options["bus_id"], strict=True))
    rank: int = st.selectbox(
        "Option on the map and in the tables beneath", ranks, key=RANK,
        format_func=lambda one: f"{one}: {names[one]}",
    )  # fmt: skip
    return rank


def _bill(answer: Assessment, rank: int) -> None:
    currency = answer.basis["currency"]
    st.markdown(f"**Bill**, line by line [{plain(currency)}]")
    lines = answer.bill[answer.bill["rank"] == rank].drop(columns="rank")
    money = ["cost_low_eur", "cost_eur", "cost_high_eur"]
    rounded = lines.assign(**lines[money].astype(float).round(0))
    st.dataframe(
        rounded.replace({"use": _USE}), hide_index=True, key="bill",
        column_order=["text", "quantity", "unit", *money, "use", "customer_share", "item"],
        column_config={
            "text": "What",
            "quantity": _NUMBER("Quantity", format="%.3g", width=70),
            "unit": "Unit",
            "cost_low_eur": _NUMBER("Low", format="localized"),
            "cost_eur": _NUMBER("Mid", format="localized"),
            "cost_high_eur": _NUMBER("High", format="localized"),
            "use": "Use",
            "customer_share": _NUMBER("Applicant pays", format="percent"),
            "item": "Item of the cost table",
        },
    )  # fmt: skip


def _checks(answer: Assessment, rank: int) -> None:
    st.markdown("**Checks** in every case: today, with the site, limit")
    checks = answer.checks[answer.checks["rank"] == rank].drop(columns="rank")
    over = st.toggle("Only limits that are broken", key="checks_over")
    shown = checks[checks["caused_by"].isin(list(_CAUSED))] if over else checks
    st.dataframe(
        _in_words(shown, answer), hide_index=True, key="checks", column_order=list(_CHECKS),
        column_config=_CHECKS,
    )  # fmt: skip


def _in_words(checks: pd.DataFrame, answer: Assessment) -> pd.DataFrame:
    """Cases, checks and elements as people say them."""
    site_id = answer.development.site_id
    elements = [
        element_words(site_id, table, element_id) if table in NOUNS else element_id
        for table, element_id in zip(
            checks["table"].astype(str), checks["element_id"].astype(str), strict=True
        )
    ]
    when = [(case_words(case_id) or case_id).strip() for case_id in checks["case_id"].astype(str)]
    return checks.assign(when=when, element=elements).replace({"caused_by": _CAUSED, "check": _CHECK_WORDS})


def _demand(answer: Assessment) -> None:
    with st.expander(f"Demand: {answer.demand_kw:,.0f} kW, and where the figures come from"):
        st.dataframe(
            answer.demand, hide_index=True, key="demand",
            column_config={
                "part": "Part", "count": _NUMBER("Count", format="localized"),
                "p_kw": _NUMBER("Demand [kW]", format="%.1f"),
                "feed_in_kw": _NUMBER("Feed-in [kW]", format="%.1f"), "source": "Source",
            },
        )  # fmt: skip


def _sensitivity(study: Study, answered: Answered) -> None:
    """The answer at other demands per home, on asking; nothing for a development without homes."""
    if not answered.answer.development.home_count:
        return
    with st.expander("How much the answer hangs on what a home draws"):
        table = known_sensitivity(answered)
        if table is None and st.button("Check it at other demands per home", key="look_sensitivity"):
            table = ask_sensitivity(study, answered)
        if table is not None:
            _show_sensitivity(table, answered.answer.basis["currency"])


def _show_sensitivity(table: pd.DataFrame, currency: str) -> None:
    st.dataframe(
        table.assign(cost_eur=table["cost_eur"].astype(float).round(0)).replace({"verdict": VERDICTS}),
        hide_index=True,
        key="sensitivity_table",
        column_order=["admd_kw", "demand_kw", "verdict", "cost_eur", "works"],
        column_config={
            "admd_kw": _NUMBER("A home, many together [kW]", format="%.1f"),
            "demand_kw": _NUMBER("Demand [kW]", format="%.0f"),
            "verdict": "Answer",
            "works": "Works",
            "cost_eur": _NUMBER(f"About [{currency}]", format="localized"),
        },
    )


def _not_offered(answer: Assessment) -> None:
    if answer.not_offered.empty:
        return
    with st.expander(f"{len(answer.not_offered):,} supply points that were not offered, and why"):
        st.dataframe(
            answer.not_offered.replace({"kind": KINDS}), hide_index=True, key="not_offered",
            column_config={"kind": "Connect at", "bus_id": "Supply point", "reason": "Why not"},
        )  # fmt: skip


def _basis(answer: Assessment) -> None:
    told = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in answer.basis.items())
    st.caption(plain(f"Indicative, not an offer. {told}."))
