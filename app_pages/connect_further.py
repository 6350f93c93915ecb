"""What else there is to an answer: what can be live now and after which works, what would change it."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from app_pages.connect_answer import VERDICTS
from app_pages.connect_answered import Answered
from app_pages.frame import Columns, plain
from capacity.connection.answers import Answers, answers_of

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


def show_further(answered: Answered) -> None:
    """Offer to look further where the answer is not a plain yes, and show what was found."""
    if answered.answer.verdict not in ("connect_after_works", "refuse"):
        return
    st.markdown("**What is possible now, and what would change the answer?**")
    found: tuple[int, Answers] | None = st.session_state.get(_KEY)
    if found is None or found[0] != answered.number:
        place = st.empty()
        if not place.button("Look for it", key="look_further"):
            st.caption("Fewer homes at first, a flexible supply, other heating, another entry point.")
            return
        with place, st.spinner("Looking what can be live now, and what would change the answer ..."):
            answers = answers_of(answered.grid, answered.answer, answered.config)
        found = st.session_state[_KEY] = (answered.number, answers)
    _show(found[1])


def _show(found: Answers) -> None:
    st.markdown(f"- {plain(found.phasing.sentence)}")
    if found.flexible is not None:
        st.markdown(f"- {plain(found.flexible.sentence)}")
    if len(found.phasing.phases):
        _table(found.phasing.phases, "phasing_phases", _PHASES)
    stages, turns = st.tabs(["What can be live after which works", "What would change the answer"])
    with stages:
        stages = found.phasing.stages
        # A low-voltage cable to the grid as it is has its price too; it was not asked for part of the site.
        priced = stages["stage"] != "as it is"
        _table(stages.assign(cost_eur=stages["cost_eur"].where(priced)), "phasing_stages", _STAGES)
    with turns:
        _table(found.turning.replace({"verdict": VERDICTS}), "turning", _TURNS)


def _table(rows: pd.DataFrame, key: str, columns: Columns) -> None:
    money = [name for name in rows.columns if name.endswith("_eur")]
    st.dataframe(
        rows.assign(**rows[money].astype(float).round(0)), hide_index=True, key=key,
        column_order=[name for name in columns if (rows[name].astype(str) != "").any()],
        column_config=columns,
    )  # fmt: skip
