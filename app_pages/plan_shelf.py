"""The plans that a session has at hand: the last ones it made, and files it was given."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import streamlit as st

from app_pages.frame import plain
from app_pages.session_folder import session_folder
from app_pages.study import Study
from capacity.import_session import keep_upload
from capacity.planning.plan_reading import read_plan
from capacity.planning.plan_report import PlanReport
from capacity.planning.plan_summary import money_range
from gis import InputError

_SHELF, _SENT = "plan_shelf", "plan_sent"
# Plans a session keeps of its own; older ones are in the files it has taken home.
MOST_KEPT = 4
_FILE_MOST_MB = 50


@dataclass(frozen=True, eq=False)
class Shelved:
    """A plan at hand: its name on this page, and what it is."""

    name: str
    report: PlanReport


def put_on_shelf(report: PlanReport) -> None:
    """Keep a plan that was made, the latest first."""
    made = st.session_state.get("plan_made", 0) + 1
    st.session_state["plan_made"] = made
    cases = report.asked.get("cases", "")
    name = f"Plan {made}: {money_range(report.plan)}, {cases}"
    st.session_state[_SHELF] = (Shelved(name, report), *_made())[:MOST_KEPT]


def plans_at_hand(study: Study) -> list[Shelved]:
    """Plans made in this session and plans sent to it, which are asked for here."""
    with st.sidebar:
        sent = st.file_uploader(
            "Plans to look at or compare (GeoPackage)", type="gpkg", accept_multiple_files=True,
            key="plan_files", max_upload_size=_FILE_MOST_MB,
            help="As this page or `feederplan plan` writes them, for this network. They stay here.",
        )  # fmt: skip
    found = [_sent(study, file.name, file.getvalue()) for file in sent]
    return [*_made(), *(plan for plan in found if plan is not None)]


def _made() -> tuple[Shelved, ...]:
    shelf: tuple[Shelved, ...] = st.session_state.get(_SHELF, ())
    return shelf


def _sent(study: Study, title: str, content: bytes) -> Shelved | None:
    """A plan that was sent, read once; nothing where it is none, which is told."""
    known: dict[str, Shelved | str] = st.session_state.setdefault(_SENT, {})
    key = sha256(content).hexdigest()
    if key not in known:
        path = keep_upload(session_folder(), [("plan.gpkg", content)])
        try:
            known[key] = Shelved(title, read_plan(path, study.network, title=title))
        except InputError as error:
            known[key] = str(error)
    found = known[key]
    if isinstance(found, Shelved):
        return found
    st.error(f"{plain(title)} cannot be used. All faults found:")
    st.code(found, language=None, wrap_lines=True)
    return None
