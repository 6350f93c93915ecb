"""What the pages share: the network, results and choices. Only immutable values are shared by users.

Results come from the store beside the network where they are fresh, so that the map shows before
pandapower is loaded; a model is built anew for each calculation and belongs to it alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app_pages.frame import plain
from capacity.checks import Yardstick, make_yardstick
from capacity.data_quality import hold_back_result, weak_data
from capacity.demo import demo_network_path
from capacity.launch import NETWORK_VARIABLE
from capacity.limits import profile_names, read_limits
from gis import Network, read_network
from gis.feeders import Supply, trace_supply
from gis.voltage import LV_MAX_KV
from gis.webmap import CodedGeometry, code_lines, code_points
from gridmodel import (
    LoadFlowResult,
    Scenario,
    build_model,
    read_catalogue,
    rules_for,
    run_load_flow,
    scenarios_of,
    stored_result,
)
from gridmodel.catalogue import Catalogue

_OPENED = "opened_network"
# What pages remember of one network and must forget with it.
_OF_ONE_NETWORK = (
    "scenario", "selected", "selected_row", "known_site", "place", "connection_answered", "option_shown",
    "picked_issue", "register_opened", "register_conflict", "register_put_as", "register_queue",
    "register_portfolio", "headroom_asked", "plan_run", "plan_problem", "plan_stopped", "plan_shelf",
    "plan_sent", "plan_written", "plan_shapes", "security_asked", "outage_indicators",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Study:
    """One network with all that does not depend on a scenario; shared by all users, never changed.

    `weak` names the feeders whose data are too weak for results, with the reason.
    `drawn` holds geometry coded for the map; `homes_lonlat` the extent of the low-voltage lines [degree].
    """

    path: Path
    modified_ns: int
    network: Network
    supply: Supply
    weak: dict[str, str]
    catalogue: Catalogue
    scenarios: dict[str, Scenario]
    drawn: dict[str, CodedGeometry]
    homes_lonlat: tuple[float, float, float, float]

    def scenario_name(self, scenario_id: str) -> str:
        """Name of a scenario as Streamlit's text: a name is never markup."""
        return plain(self.scenarios[scenario_id].name)


@dataclass(frozen=True, eq=False)
class Choice:
    """What the user looks at: scenario and limits, with the result that belongs to them.

    `result` holds no figures of feeders whose data are too weak; `solved` is the load flow as it is.
    """

    scenario: Scenario
    yardstick: Yardstick
    result: LoadFlowResult
    solved: LoadFlowResult


def open_study() -> Study:
    """The network of this session: one it has imported, else the one this server was started with."""
    imported: Path | None = st.session_state.get(_OPENED)
    path = imported or Path(os.environ.get(NETWORK_VARIABLE) or demo_network_path())
    if imported is not None:
        with st.sidebar:
            st.caption(
                "You see the network you imported. It is there for you alone, until you close this page."
            )
            st.button("Back to the first network", on_click=open_network, args=(None,), key="first_network")
    newest = max(
        (file.stat().st_mtime_ns for file in ([path] if path.is_file() else path.glob("*"))), default=0
    )
    return _read_study(str(path), newest)


def open_network(path: Path | None) -> None:
    """Let every page of this session show another network; None is the one the server was started with.

    Parameters
    ----------
    path
        A network file in a private folder of this session: no other session may ever be given it.
    """
    st.session_state[_OPENED] = path
    for key in _OF_ONE_NETWORK:
        st.session_state.pop(key, None)


def is_open(path: Path) -> bool:
    """Tell whether this session shows the network of that file."""
    return bool(st.session_state.get(_OPENED) == path)


def is_imported() -> bool:
    """Whether this session shows a network it has imported, which is there for it alone."""
    return st.session_state.get(_OPENED) is not None


def choose(study: Study) -> Choice:
    """Ask for scenario and limits in the sidebar, and fetch the result."""
    with st.sidebar:
        scenario_id = st.radio(
            "Scenario", list(study.scenarios), format_func=study.scenario_name, key="scenario"
        )
        yardstick = ask_limits(study)
    solved = _solve(str(study.path), study.modified_ns, scenario_id, study)
    result = hold_back_result(solved, yardstick, study.weak)
    return Choice(study.scenarios[scenario_id], yardstick, result, solved)


def ask_limits(study: Study) -> Yardstick:
    """Ask for limits, and lay them over the network."""
    profiles = profile_names()
    profile = st.selectbox(
        "Limits", profiles, index=profiles.index("en50160"), format_func=_profile_name, key="limits"
    )
    return make_yardstick(study.network, read_limits(profile), study.supply)


@st.cache_resource(show_spinner="Reading the network ...", max_entries=4)
def _read_study(path: str, modified_ns: int) -> Study:
    network = read_network(path, rules=rules_for())
    supply = trace_supply(network)
    return Study(
        path=Path(path),
        modified_ns=modified_ns,
        network=network,
        supply=supply,
        weak=weak_data(network, supply),
        catalogue=read_catalogue(),
        scenarios=scenarios_of(network),
        drawn=draw_network(network),
        homes_lonlat=_homes_lonlat(network),
    )


def draw_network(network: Network) -> dict[str, CodedGeometry]:
    """Geometry coded for the map, by layer."""
    low = network.lines["vn_kv"] <= LV_MAX_KV
    open_points = network.switches[~network.switches["closed"]]
    return {
        "lv_lines": code_lines(network.lines.geometry[low]),
        "mv_lines": code_lines(network.lines.geometry[~low]),
        "stations": code_points(network.transformers.geometry),
        "open_points": code_points(open_points.geometry),
    }


def _homes_lonlat(network: Network) -> tuple[float, float, float, float]:
    """West, south, east, north [degree] of the low-voltage lines; of all lines where there are none."""
    low = network.lines["vn_kv"] <= LV_MAX_KV
    shown = network.lines.geometry[low if low.any() else ~low].to_crs(4326)
    west, south, east, north = shown.total_bounds
    return float(west), float(south), float(east), float(north)


@st.cache_resource(show_spinner="Solving the load flow ...", max_entries=32)
def _solve(path: str, modified_ns: int, scenario_id: str, _study: Study) -> LoadFlowResult:
    scenario = _study.scenarios[scenario_id]
    stored = stored_result(_study.network, scenario, _study.path, catalogue=_study.catalogue)
    return stored or run_load_flow(build_model(_study.network), scenario)


def _profile_name(profile: str) -> str:
    return read_limits(profile).name
