"""Issues of a network's data, on the map and as a table linked to it; shared by import and data quality."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd
import streamlit as st

from app_pages.frame import Columns, plain
from app_pages.map_frame import Focus, focus_on, new_click, show_map
from app_pages.quality_layers import quality_view
from capacity.data_issues import LEVELS, DataIssues, filtered, issue_card
from gis.webmap import CodedGeometry, highlight, nearest_asset

PICK_RADIUS_PX = 12
# More rows than this are for the spreadsheet, not for a screen.
ROWS_MOST = 5_000
_COLUMNS: Columns = {
    "level": "",
    "rule": "Rule",
    "table": "Table",
    "element_id": st.column_config.TextColumn("Element", width="small"),
    "message": st.column_config.TextColumn("What is wrong, and what to do", width="large"),
    "value": "Value",
    "distance_m": st.column_config.NumberColumn("Moved [m]", format="%.3f"),
    "p_kw": st.column_config.NumberColumn("Not modelled [kW]", format="%.1f"),
    "customers": st.column_config.NumberColumn("Customers", format="%.0f"),
}


@st.fragment
def show_issues(issues: DataIssues, drawn: Mapping[str, CodedGeometry], *, key: str) -> None:
    """Map, filters, table and card: a row flies to its place, a click on the map opens its card."""
    if issues.rows.empty:
        st.success("No doubt, no repair, nothing set aside.")
        _map(issues, drawn, issues.rows, None, None, key)
        return
    shown = _filters(issues.rows, key)
    above, below = st.container(), st.container()
    with below:
        row = _table(shown, key)
    picked = _picked(shown, row, key)
    left, right = above.columns([5, 2])
    with left:
        _map(issues, drawn, shown, picked, row, key)
    with right:
        _card(shown, picked)


def _filters(rows: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    places = st.columns(3)
    levels = [level for level in LEVELS if (rows["level"] == level).any()]
    chosen = [
        places[number].multiselect(label, options, placeholder="all", key=f"{key}_{column}")
        for number, (label, column, options) in enumerate(
            (
                ("Show", "level", levels),
                ("Rule", "rule", sorted(rows["rule"].unique())),
                ("Table", "table", sorted(rows["table"].unique())),
            )
        )
    ]
    return filtered(rows, levels=chosen[0], rules=chosen[1], tables=chosen[2])


def _table(shown: gpd.GeoDataFrame, key: str) -> int | None:
    """The issues as rows; returns the position of the row clicked."""
    rows = pd.DataFrame(shown[list(_COLUMNS)]).head(ROWS_MOST)
    used = [c for c in _COLUMNS if c in ("level", "rule", "table", "element_id", "message") or _told(rows[c])]
    cut = f", the first {ROWS_MOST:,} shown (filter above, or download all)" if len(shown) > ROWS_MOST else ""
    st.caption(f"{len(shown):,} rows{cut}. Tick one and the map flies there.")
    event = st.dataframe(
        rows[used].assign(**{"value": rows["value"].fillna("").astype(str)} if "value" in used else {}),
        hide_index=True,
        placeholder="",
        height=260,
        on_select="rerun",
        selection_mode="single-row",
        key=f"{key}_issues_{len(shown)}_{hash(tuple(shown.index[:50]))}",
        column_config=_COLUMNS,
    )
    ticked = event["selection"]["rows"]
    return ticked[0] if ticked and ticked[0] < len(rows) else None


def _told(cells: pd.Series) -> bool:
    return bool(cells.notna().any())


def _picked(shown: gpd.GeoDataFrame, row: int | None, key: str) -> int | None:
    """Label of the issue whose card is open: the row ticked last, or the symbol clicked last."""
    ticked = None if row is None else int(shown.index[row])
    if st.session_state.get(f"{key}_ticked") != ticked:
        st.session_state[f"{key}_ticked"] = ticked
        st.session_state[f"{key}_picked"] = ticked
    picked: int | None = st.session_state.get(f"{key}_picked")
    return picked if picked in shown.index else None


def _map(
    issues: DataIssues,
    drawn: Mapping[str, CodedGeometry],
    shown: gpd.GeoDataFrame,
    picked: int | None,
    row: int | None,
    key: str,
) -> None:
    groups = []
    if picked is not None and shown.geometry.loc[picked] is not None:
        label = str(shown["element_id"].loc[picked])
        groups.append(highlight(shown.geometry.loc[[picked]], label=label))
    answer = show_map(
        quality_view(issues, drawn, shown),
        key=key,
        feature_group=groups,
        height=480,
        **_focus(shown, row),
    )
    click = new_click(answer, key=key)
    if click is None:
        return
    placed = shown.geometry[shown.geometry.notna()]
    reach_m = PICK_RADIUS_PX * click.metres_per_pixel
    hit = nearest_asset(placed, lon=click.lon, lat=click.lat, max_distance_m=reach_m) if len(placed) else None
    if hit is not None:
        st.session_state[f"{key}_picked"] = int(hit)
        st.rerun(scope="fragment")


def _focus(shown: gpd.GeoDataFrame, row: int | None) -> Focus:
    if row is None or shown.geometry.iloc[row] is None:
        return {}
    place = shown.geometry.iloc[row]
    return focus_on(place, shown.crs, zoom=18, focus_id=str(shown.index[row]))


def _card(shown: gpd.GeoDataFrame, picked: int | None) -> None:
    if picked is None:
        st.caption("Click a symbol on the map, or tick a row.")
        return
    issue = shown.loc[picked]
    card = issue_card(issue)
    for label, text in card:
        st.markdown(f"**{label}**  \n{plain(text)}")
    if issue["geometry"] is None:
        st.caption("It has no place on the map.")
