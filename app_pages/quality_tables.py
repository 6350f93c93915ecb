"""Figures, tables and downloads about a network's data; shared by import and data quality."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages.frame import Columns, plain
from capacity.cards import figure
from capacity.data_issues import (
    DataIssues,
    balance_table,
    counts_by_action,
    counts_by_rule,
    demand_balance,
    report_bytes,
)

_SEVERITIES = {
    "error": "cannot be used",
    "quarantine": "set aside",
    "warning": "doubt",
}


def balance_figures(issues: DataIssues) -> None:
    """Demand and customers, modelled and set aside, and how far the data can be trusted."""
    balance, quality = demand_balance(issues.network), issues.quality
    places = st.columns(6)
    places[4].metric("Score of the data", figure(quality.score_percent, 1, "%"))
    tried = "not solved yet" if quality.awaits_solving else "of 6"
    places[5].metric(f"Level passed, {tried}", f"{quality.level}: {quality.level_name}")
    places[0].metric("Demand modelled", figure(balance["modelled_kw"], 1, "kW"))
    places[1].metric("Demand set aside", figure(balance["set_aside_kw"], 1, "kW"))
    places[2].metric("Customers modelled", f"{balance['modelled_customers']:,.0f}")
    places[3].metric("Customers set aside", f"{balance['set_aside_customers']:,.0f}")


def show_summary(issues: DataIssues) -> None:
    """Counts by rule and by action, rows by table, and every row set aside."""
    network = issues.network
    names = ["Findings by rule", "Feeders", "Repairs by action", "Rows by table", "Set aside", "All repairs"]
    tabs = list(st.tabs([name for name in names if name != "Feeders" or len(issues.quality.feeders)]))
    if len(issues.quality.feeders):
        with tabs.pop(1):
            _feeders(issues.quality.feeders)
    with tabs[0]:
        _findings(issues.findings)
    with tabs[1]:
        _actions(network.repairs)
    with tabs[2]:
        st.caption(
            "Read = modelled + set aside. Buses and lines may be more than read: they are built or split."
        )
        st.dataframe(balance_table(network), hide_index=True, placeholder="", column_config=_ROWS)
    with tabs[3]:
        _quarantine(network.quarantine)
    with tabs[4]:
        _repairs(network.repairs)


def downloads(issues: DataIssues, *, key: str) -> None:
    """Everything found, as a spreadsheet and as layers for a GIS; made when asked for."""
    left, right, _ = st.columns([1, 1, 1])
    left.download_button(
        "Findings as spreadsheet (xlsx)",
        lambda: report_bytes(issues, ".xlsx"),
        file_name="findings.xlsx",
        on_click="ignore",
        key=f"{key}_xlsx",
        width="stretch",
    )
    right.download_button(
        "Findings as GeoPackage",
        lambda: report_bytes(issues, ".gpkg"),
        file_name="findings.gpkg",
        on_click="ignore",
        key=f"{key}_gpkg",
        width="stretch",
    )


_ROWS: Columns = {
    "table": "Table",
    "read": "Read",
    "modelled": "Modelled",
    "set_aside": "Set aside",
    "set_aside_kw": st.column_config.NumberColumn("Set aside [kW]", format="%.1f"),
    "set_aside_customers": "Set aside, customers",
}


def _findings(findings: pd.DataFrame) -> None:
    if findings.empty:
        st.caption("Nothing found.")
        return
    counts = counts_by_rule(findings).replace({"severity": _SEVERITIES})
    config: Columns = {
        "severity": "",
        "rule": "Rule",
        "table": "Table",
        "count": "How often",
        "message": "What is wrong, and what to do",
    }
    st.dataframe(counts, hide_index=True, placeholder="", column_config=config)


def _feeders(feeders: pd.DataFrame) -> None:
    st.caption(
        "How far the data of each feeder can be trusted, weakest first; results of weak ones are held back."
    )
    config: Columns = {
        "feeder_id": "Feeder",
        "score_percent": st.column_config.ProgressColumn(
            "Score", format="%.0f %%", min_value=0.0, max_value=100.0
        ),
        "status": "Status",
        "reason": "Why",
        "lines": "Lines",
        "customers": "Customers",
        "demand_kw": st.column_config.NumberColumn("Demand [kW]", format="%.0f"),
        "findings": "Findings",
        "quarantined": "Set aside",
    }
    st.dataframe(feeders, hide_index=True, placeholder="", column_order=list(config), column_config=config)


def _actions(repairs: pd.DataFrame) -> None:
    if repairs.empty:
        st.caption("Nothing was repaired.")
        return
    st.caption(plain("What was decided automatically while reading. A distance of 0: nothing was moved."))
    config: Columns = {
        "action": "What was done",
        "table": "Table",
        "count": "How often",
        "median_m": st.column_config.NumberColumn("Distance, median [m]", format="%.3f"),
        "largest_m": st.column_config.NumberColumn("Distance, longest [m]", format="%.3f"),
    }
    st.dataframe(counts_by_action(repairs), hide_index=True, placeholder="", column_config=config)


def _quarantine(quarantine: pd.DataFrame) -> None:
    if quarantine.empty:
        st.caption("Nothing was set aside: every row read is modelled.")
        return
    st.caption(
        "Rows that cannot be modelled, with all their cells. Correct them in the source and import again."
    )
    config: Columns = {
        "table": "Table",
        "element_id": "Element",
        "rule": "Rule",
        "message": "What is wrong, and what to do",
        "p_kw": st.column_config.NumberColumn("Demand [kW]", format="%.1f"),
        "customers": st.column_config.NumberColumn("Customers", format="%.0f"),
        "cells": "Cells of the row",
    }
    st.dataframe(quarantine[list(config)], hide_index=True, placeholder="", column_config=config)


def _repairs(repairs: pd.DataFrame) -> None:
    if repairs.empty:
        st.caption("Nothing was repaired.")
        return
    config: Columns = {
        "action": "Action",
        "table": "Table",
        "element_id": "Element",
        "before": "Before",
        "after": "After",
        "distance_m": st.column_config.NumberColumn("Distance [m]", format="%.3f"),
    }
    texts = {c: repairs[c].fillna("").astype(str) for c in ("before", "after")}
    st.dataframe(repairs.assign(**texts)[list(config)], hide_index=True, placeholder="", column_config=config)
