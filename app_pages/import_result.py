"""Steps 3 and 4 of the import: what became of the file, on the map and in figures, and taking it home."""

from __future__ import annotations

import streamlit as st

from app_pages.frame import plain
from app_pages.quality_tables import balance_figures, downloads, show_summary
from app_pages.quality_view import show_issues
from app_pages.study import draw_network, is_open, open_network
from capacity.data_issues import DataIssues, balance_sentence, judge
from capacity.import_session import Outcome, Upload, mapping_text
from gis.webmap import CodedGeometry


def show_outcome(upload: Upload, outcome: Outcome) -> None:
    """Rows and demand accounted for, issues on the map, downloads, and the network for the other pages."""
    issues, drawn = _shown(outcome)
    say = st.warning if len(outcome.network.quarantine) else st.success
    say(plain(balance_sentence(outcome.network)))
    balance_figures(issues)
    show_issues(issues, drawn, key="imported")
    show_summary(issues)
    st.markdown("#### 4. Use it, take it home")
    _offer(upload, outcome, issues)


def _shown(outcome: Outcome) -> tuple[DataIssues, dict[str, CodedGeometry]]:
    """Issues and coded geometry of this outcome, made once."""
    kept = st.session_state.get("import_shown")
    if kept is None or kept[0] is not outcome:
        kept = (outcome, judge(outcome.network), draw_network(outcome.network))
        st.session_state["import_shown"] = kept
    return kept[1], kept[2]


def _offer(upload: Upload, outcome: Outcome, issues: DataIssues) -> None:
    opened = is_open(outcome.path)
    st.button(
        "Open this network in the map",
        type="primary",
        disabled=opened,
        on_click=open_network,
        args=(outcome.path,),
        key="import_open",
    )
    if opened:
        st.caption("It is open: the other pages of the menu show it now, for you alone.")
    left, right, _ = st.columns([1, 1, 1])
    left.download_button(
        "Network as GeoPackage",
        outcome.path.read_bytes,
        file_name="network.gpkg",
        on_click="ignore",
        key="import_network",
        width="stretch",
    )
    text = mapping_text(upload, outcome.choices)
    if text is not None:
        right.download_button(
            "Mapping (TOML), for the next import",
            text,
            file_name="mapping.toml",
            on_click="ignore",
            key="import_toml",
            width="stretch",
        )
    downloads(issues, key="imported")
    st.caption("Download what you want to keep: it is deleted when you close or reload this page.")
