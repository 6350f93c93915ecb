"""What pages about years ask: a demand scenario, shipped or sent, and one of its years."""

from __future__ import annotations

import streamlit as st

from capacity.demand.demand_scenario import DemandScenario, read_demand_scenario, scenario_names
from capacity.demand.uploaded_scenario import UPLOAD_MOST_MB, read_uploaded_scenario
from gis import InputError

OWN = "own"
_FIRST = "electrification"


def known_scenarios() -> dict[str, DemandScenario]:
    """Shipped scenarios by name, and the one this session sends, which is asked for here."""
    own = _own_scenario()
    known = {name: read_demand_scenario(name) for name in scenario_names()}
    return known if own is None else {**known, OWN: own}


def title_of(name: str | None, known: dict[str, DemandScenario]) -> str:
    """How a scenario is called: the widget shows text, never markup."""
    if name is None:
        return "nothing"
    return f"Yours: {known[name].name}" if name == OWN else known[name].name


def ask_scenario(known: dict[str, DemandScenario], key: str) -> str:
    """Which scenario is looked at; one that was just sent is."""
    names = list(known)
    first = OWN if OWN in known else _FIRST
    chosen: str = st.selectbox(
        "Demand scenario", names, index=names.index(first), format_func=lambda name: title_of(name, known),
        key=f"{key}_scenario_{first}",
    )  # fmt: skip
    return chosen


def ask_year(scenario: DemandScenario, key: str, *, first: bool = False) -> int:
    """Which of its years; opens on the first, else on the last."""
    years = list(scenario.years)
    if len(years) == 1:
        st.caption(f"Year: {years[0]}, the only one of this scenario")
        return years[0]
    opens_on = years[0] if first else years[-1]
    chosen: int = st.select_slider(
        "Year", years, value=opens_on, key=f"{key}_year_{'-'.join(map(str, years))}"
    )
    return chosen


def _own_scenario() -> DemandScenario | None:
    """The scenario this session has sent, if it makes sense."""
    sent = st.file_uploader(
        "Your own scenario (TOML)", type="toml", key="scenario_upload",
        max_upload_size=UPLOAD_MOST_MB,
        help="Its form is in docs/scenarios.md. It stays in this session and may name no further files.",
    )  # fmt: skip
    if sent is None:
        return None
    try:
        return read_uploaded_scenario(sent.getvalue(), sent.name)
    except InputError as error:
        st.error("This scenario cannot be used. All faults found:")
        st.code(str(error), language=None, wrap_lines=True)
        return None
