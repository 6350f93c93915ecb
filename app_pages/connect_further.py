"""What else there is to an answer: what can be live now and after which works, what would change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st
from capacity.connection.phasing import Phasing, homes_before_works
from capacity.connection.turning import flexible_option, what_would_turn

from app_pages.connect_answer import VERDICTS
from app_pages.connect_answered import Answered
from app_pages.frame import Columns, plain
from capacity.connection.flexible import FlexibleSupply, flexible_supply

_KEY: Final = "connection_further"
_NUMBER = st.column_config.NumberColumn
_STAGES: Final[Columns] = {
    "units": _NUMBER("Live", width=60),
    "done": "Once this is done",
    "demand_kw": _NUMBER("Demand [kW]", format="%.0f"),
    "cost_eur": _NUMBER("Cost so far", format="localized"),
    "months": _NUMBER("Months", width=60),
    "next_works": "Next works",
    "limit": "What holds more back",
}
_PHASES: Final[Columns] = {
    "year": _NUMBER("Year", format="%d", width=60),
    "share": _NUMBER("Of the whole", format="percent"),
    "works": "What has to be done by then",
    "start_by": "To be ordered by",
    "cost_eur": _NUMBER("Cost so far", format="localized"),
}
_TURNS: Final[Columns] = {
    "text": "With this changed",
    "verdict": "Answer",
    "turned": "Better answer",
    "cost_eur": _NUMBER("Cost", format="localized"),
    "saving_eur": _NUMBER("Saves", format="localized"),
    "months": _NUMBER("Months", width=60),
    "demand_kw": _NUMBER("Demand [kW]", format="%.0f"),
}


@dataclass(frozen=True, eq=False)
class _Further:
    """What was found out beside one answer."""

    number: int
    phasing: Phasing
    flexible: FlexibleSupply | None
    turning: pd.DataFrame


def show_further(answered: Answered) -> None:
    """Offer to look further where the answer is not a plain yes, and show what was found."""
    if answered.answer.verdict not in ("connect_after_works", "refuse"):
        return
    st.markdown("**What is possible now, and what would change the answer?**")
    found: _Further | None = st.session_state.get(_KEY)
    if found is None or found.number != answered.number:
        if not st.button("Look for it", key="look_further"):
            st.caption(
                "Fewer homes first, a flexible supply, other heating, another entry point: some seconds."
            )
            return
        found = st.session_state[_KEY] = _look(answered)
    _show(found)


def _look(answered: Answered) -> _Further:
    answer, grid, config = answered.answer, answered.grid, answered.config
    development = answer.development
    with st.spinner("Looking what can be live now, and what would change the answer ..."):
        phasing = homes_before_works(grid, development, config, assessment=answer)
        option = flexible_option(answer)
        flexible = None if option is None else flexible_supply(grid, development, option)
        turning = what_would_turn(grid, development, answer, config, phasing=phasing)
    return _Further(answered.number, phasing, flexible, turning)


def _show(found: _Further) -> None:
    st.markdown(f"- {plain(found.phasing.sentence)}")
    if found.flexible is not None:
        st.markdown(f"- {plain(found.flexible.sentence)}")
    if len(found.phasing.phases):
        _table(found.phasing.phases, "phasing_phases", _PHASES)
    stages, turns = st.tabs(["What can be live after which works", "What would change the answer"])
    with stages:
        _table(found.phasing.stages, "phasing_stages", _STAGES)
    with turns:
        _table(found.turning.replace({"verdict": VERDICTS}), "turning", _TURNS)


def _table(rows: pd.DataFrame, key: str, columns: Columns) -> None:
    st.dataframe(rows, hide_index=True, key=key, column_order=list(columns), column_config=columns)
