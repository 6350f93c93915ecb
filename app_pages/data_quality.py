"""Page "Data quality": what the data of the open network leaves in doubt, what was repaired or set aside."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app_pages.frame import plain
from app_pages.quality_tables import balance_figures, downloads, show_summary
from app_pages.quality_view import show_issues
from app_pages.study import Study, open_study
from capacity.data_issues import DataIssues, read_issues


def show_data_quality() -> None:
    """Findings, repairs and quarantine of the open network, on the map and in tables."""
    study = open_study()
    issues = _read(str(study.path), study.modified_ns, study)
    st.subheader(plain(f"Data quality: {study.network.info.get('name', study.path.name)}"))
    balance_figures(issues)
    show_issues(issues, study.drawn, key="quality")
    show_summary(issues)
    downloads(issues, key="quality")


@st.cache_resource(show_spinner="Judging the data ...", max_entries=4)
def _read(path: str, modified_ns: int, _study: Study) -> DataIssues:
    return read_issues(Path(path), _study.network)
