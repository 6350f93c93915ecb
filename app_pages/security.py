"""Page "Security (N-1)": what every failure leaves without supply, how reliable that is, what rules say."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages.asset_map import show_asset_map
from app_pages.frame import Columns, plain
from app_pages.security_layers import COLOURS, ColourOf, security_map
from app_pages.study import Choice, Study, choose, open_study
from capacity.cards import figure
from capacity.security.practice import Practice, practice_names, read_practice
from capacity.security.rules import SHORT, read_rule, rule_names
from capacity.security.supply_security import SupplySecurity, study_supply_security
from capacity.study.future_year import csv_of
from gridmodel import build_model

_NUMBER = st.column_config.NumberColumn
_ELEMENTS: Columns = {
    "element_id": "Fails",
    "kw_left": _NUMBER("Left [kW]", format="%.0f", help="Without supply until the repair."),
    "customers_left": _NUMBER("Customers left", format="%.0f"),
    "kw_off": _NUMBER("Off at once [kW]", format="%.0f"),
    "saidi_minutes": _NUMBER("SAIDI [min/a]", format="%.3f"),
    "reason": "Why",
}
_GROUPS: Columns = {
    "group_kind": "", "group_id": "Name", "class": "Class", "status": "Verdict",
    "group_demand_kw": _NUMBER("Group demand [kW]", format="%.0f"),
    "customers": "Customers",
    "parts": _NUMBER("Circuits", help="The group itself and the parts inside it."),
    "parts_short": "Short",
    "worst_id": "Worst when this fails",
    "within_minutes": _NUMBER("Within [min]", format="%.0f", help="Empty: by repair."),
    "required_kw": _NUMBER("Required [kW]", format="%.0f"),
    "met_kw": _NUMBER("Met [kW]", format="%.0f"),
    "reason": "Why",
}  # fmt: skip
_TRANSFERS: Columns = {
    "from_feeder_id": "From feeder", "to_feeder_id": "To feeder", "element_id": "Open point in",
    "feeder_kw": _NUMBER("Feeder [kW]", format="%.0f"),
    "transfer_kw": _NUMBER("Can be handed over [kW]", format="%.0f"),
    "transfer_customers": "Customers", "limiting_id": "Limited by", "limiting_check": "Limit",
}  # fmt: skip
_FIRM: Columns = {
    "group_id": "Group", "largest_id": "Without", "demand_kw": _NUMBER("Demand [kW]", format="%.0f"),
    "firm_kw": _NUMBER("Firm [kW]", format="%.0f"),
    "transfer_kw": _NUMBER("Transfer [kW]", format="%.0f"),
    "short_kw": _NUMBER("Short [kW]", format="%.0f"), "limiting_id": "Limited by", "status": "Status",
}  # fmt: skip


def show_security() -> None:
    """Map, figures, rule and tables of N-1; studied when asked, then kept."""
    study = open_study()
    choice = choose(study)
    practice, rule_name, colour_of = _ask()
    st.subheader(plain(f"Security of supply: {choice.scenario.name}"))
    for feeder_id, reason in study.weak.items():
        st.warning(plain(f"Feeder {feeder_id}: data too weak for results, {reason}."))
    question = _question(study, choice, practice)
    if st.session_state.get("security_asked") != question:
        st.caption("Every line, transformer and source is taken out once; that takes some seconds.")
        st.button(
            "Take every element out once", type="primary", key="ask_security", on_click=_remember,
            args=(question,),
        )  # fmt: skip
        return
    found = _studied(*question, study, choice, practice)
    _figures(found, practice)
    _map_and_table(study, found, colour_of)
    _rule(found, rule_name)
    _tables(found)
    _sources(practice)


def _remember(question: tuple[str, int, str, str, str]) -> None:
    st.session_state["security_asked"] = question


def _ask() -> tuple[Practice, str, ColourOf]:
    with st.sidebar:
        rule_name: str = st.selectbox(
            "Rule", rule_names(), index=rule_names().index("p2_8"), key="security_rule",
            format_func=lambda name: read_rule(name).name,
        )  # fmt: skip
        practice = ask_practice("security")
        colour_of: ColourOf = st.radio("Colour by what is left", list(COLOURS), key="security_colour")
    return practice, rule_name, colour_of


def ask_practice(key: str) -> Practice:
    """Ask for the figures of switching, repair and failure."""
    name = st.selectbox(
        "Times and failure rates", practice_names(), format_func=lambda name: read_practice(name).name,
        key=f"{key}_practice",
    )  # fmt: skip
    return read_practice(name)


def _question(study: Study, choice: Choice, practice: Practice) -> tuple[str, int, str, str, str]:
    limits = choice.yardstick.limits.name
    return str(study.path), study.modified_ns, choice.scenario.scenario_id, limits, practice.name


@st.cache_resource(show_spinner="Taking every element out once ...", max_entries=16)
def _studied(
    path: str,
    modified_ns: int,
    scenario_id: str,
    limits_name: str,
    practice_name: str,
    _study: Study,
    _choice: Choice,
    _practice: Practice,
) -> SupplySecurity:
    """N-1 of what the first five arguments name; the model belongs to this run alone."""
    model = build_model(_study.network)
    return study_supply_security(model, _choice.yardstick, _choice.scenario, _practice)


def _figures(found: SupplySecurity, practice: Practice) -> None:
    told = found.figures()
    places = st.columns(6)
    places[0].metric(
        "Not restorable above 1 kV", f"{told['not_restorable_mv']:,} of {told['elements_mv']:,}",
        help="Lines, stations and sources whose failure leaves somebody without supply until the repair.",
    )  # fmt: skip
    places[1].metric("Most left by one", figure(told["most_left_kw"], 0, "kW"))
    places[2].metric("SAIDI", figure(told["saidi_minutes"], 1, "min/a"))
    places[3].metric("SAIFI", figure(told["saifi"], 3, "1/a"))
    places[4].metric("CAIDI", figure(told["caidi_minutes"], 0, "min"))
    places[5].metric("Not supplied", figure(told["ens_kwh"], 0, "kWh/a"))
    st.caption(
        plain(f"SAIDI, SAIFI, CAIDI and energy are expected a year, with the figures of {practice.name}.")
    )


@st.fragment
def _map_and_table(study: Study, found: SupplySecurity, colour_of: ColourOf) -> None:
    left, right = st.columns([3, 2])
    elements = found.elements
    with right:
        st.markdown("**What fails**, most kW left without supply first")
        event = st.dataframe(
            pd.DataFrame(elements)[list(_ELEMENTS)], hide_index=True, height=560, on_select="rerun",
            selection_mode="single-row", key=f"security-{found.results.scenario_id}", column_config=_ELEMENTS,
        )  # fmt: skip
        rows = event["selection"]["rows"]
    with left:
        view = security_map(study, elements, colour_of)
        show_asset_map(study, view, elements, rows[0] if rows else None, key="security")


def _rule(found: SupplySecurity, rule_name: str) -> None:
    rule = read_rule(rule_name)
    verdicts = found.verdicts(rule)
    st.markdown(f"**{plain(rule.name)}**, by feeder, station and source")
    short = int((verdicts["status"] == SHORT).sum())
    if short:
        st.warning(f"{short:,} of {len(verdicts):,} are short of what the rule asks for.")
    else:
        st.success(f"All {len(verdicts):,} have what the rule asks for.")
    finite = verdicts["within_minutes"].where(verdicts["within_minutes"] < float("inf"))
    st.dataframe(
        verdicts.assign(within_minutes=finite)[list(_GROUPS)], hide_index=True, placeholder="",
        key="security_groups", column_config=_GROUPS,
    )  # fmt: skip
    st.caption(plain(rule.source))
    st.download_button("Verdicts (CSV)", csv_of(verdicts), "verdicts.csv", "text/csv", key="verdicts_file")


def _tables(found: SupplySecurity) -> None:
    for title, rows, columns, key in (
        ("Load transfer between feeders", found.results.transfers, _TRANSFERS, "transfers"),
        ("Firm capacity of groups of transformers", found.results.firm.reset_index(), _FIRM, "firm"),
    ):
        with st.expander(title):
            table = pd.DataFrame(rows)[list(columns)]
            st.dataframe(table, hide_index=True, placeholder="", key=f"security_{key}", column_config=columns)
            st.download_button("As CSV", csv_of(rows), f"{key}.csv", "text/csv", key=f"{key}_file")
    left, right, _ = st.columns([1, 1, 2])
    left.download_button(
        "What every failure leaves (CSV)",
        csv_of(found.elements),
        "failures.csv",
        "text/csv",
        key="failures_file",
    )
    right.download_button(
        "Reliability by element (CSV)", csv_of(found.reliability.elements), "reliability.csv", "text/csv",
        key="reliability_file",
    )  # fmt: skip


def _sources(practice: Practice) -> None:
    with st.expander("Times and failure rates, and their sources"):
        st.dataframe(practice.table(), hide_index=True, key="security_sources", row_height=60)
