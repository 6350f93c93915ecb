"""What the page of plans asks: cases a plan must hold in, limits, prices, measures, how long to search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app_pages.frame import plain
from app_pages.scenario_choice import OWN, ask_scenario, known_scenarios
from app_pages.session_folder import session_folder
from app_pages.study import Study
from capacity.costs import DEFAULT_TABLE, read_costs, table_names
from capacity.demand.demand_scenario import DemandScenario
from capacity.import_session import keep_upload
from capacity.limits import profile_names, read_limits
from capacity.measures import BUILDING, kinds
from capacity.planning.background_plan import Method, PlanQuestion
from capacity.planning.worst_cases import worst_case_names
from gis import InputError

_OF_NETWORK, _OF_YEARS = "scenarios and worst cases", "years of a demand scenario"
_ALL, _BUILD, _CHOSEN = "build and operate", "build only", "chosen kinds"
_OWN_COSTS = "your own table"
# Seconds that a search may take, as they are offered.
_TIME_LIMITS_S = {60.0: "1 minute", 300.0: "5 minutes", 1800.0: "half an hour"}
_COSTS_MOST_MB = 1


@dataclass(frozen=True)
class _Cases:
    scenarios: tuple[str, ...]
    years: tuple[int, ...] = ()


def ask_question(study: Study) -> PlanQuestion | None:
    """Ask in the sidebar; nothing while something that is needed is missing or makes no sense."""
    with st.sidebar:
        cases = _ask_cases(study)
        limits = st.selectbox(
            "Limits", profile_names(), index=profile_names().index("en50160"),
            format_func=lambda name: read_limits(name).name, key="limits",
        )  # fmt: skip
        n_minus_1 = st.toggle(
            "Hold after any one outage (N-1)", key="plan_n_1", help="After switching. Takes longer."
        )
        measures = _ask_measures()
        costs = _ask_costs()
        budget = st.number_input(
            "Budget a year [thousands]", min_value=0.0, value=0.0, step=50.0, key="plan_budget",
            help="In the currency of the cost table; 0 is none.",
        )  # fmt: skip
        method: Method = st.radio(
            "Search", ["milp", "greedy"], format_func={"milp": "least cost", "greedy": "fast"}.__getitem__,
            horizontal=True, key="plan_method",
        )  # fmt: skip
        time_limit_s = st.selectbox(
            "Search at most", list(_TIME_LIMITS_S), index=1, format_func=_TIME_LIMITS_S.__getitem__,
            key="plan_time",
        )  # fmt: skip
    if cases is None or costs is None or measures == ():
        return None
    return PlanQuestion(
        network=study.path, modified_ns=study.modified_ns, scenarios=cases.scenarios, years=cases.years,
        limits=limits, costs=costs, measures=measures, n_minus_1=n_minus_1,
        budget_eur_per_year=1000 * budget if budget else None, method=method, time_limit_s=time_limit_s,
    )  # fmt: skip


def _ask_cases(study: Study) -> _Cases | None:
    where = st.radio("The plan must hold in", [_OF_NETWORK, _OF_YEARS], key="plan_cases")
    return _ask_network(study) if where == _OF_NETWORK else _ask_years()


def _ask_network(study: Study) -> _Cases | None:
    worst = [name for name in worst_case_names() if name not in study.scenarios]
    titles = {name: f"Worst case: {name.replace('_', ' ')}" for name in worst}
    titles |= {name: scenario.name for name, scenario in study.scenarios.items()}
    chosen = st.multiselect(
        "Scenarios", [*study.scenarios, *worst], default=list(study.scenarios),
        format_func=titles.__getitem__, key="plan_scenarios",
    )  # fmt: skip
    if not chosen:
        st.caption("Choose at least one.")
        return None
    return _Cases(tuple(chosen))


def _ask_years() -> _Cases | None:
    known = known_scenarios()
    name = ask_scenario(known, "plan")
    years = list(known[name].years)
    chosen = st.multiselect("Years", years, default=years, key=f"plan_years_{name}")
    if not chosen:
        st.caption("Choose at least one.")
        return None
    return _Cases((_file_of(known[name]) if name == OWN else name,), tuple(sorted(chosen)))


def _file_of(scenario: DemandScenario) -> str:
    """A scenario that this session has sent, as a file of its own that the command reads."""
    content: bytes = st.session_state["scenario_upload"].getvalue()
    return _kept("own-scenario.toml", content)


def _ask_measures() -> tuple[str, ...] | None:
    """Kinds that may be used: None is all, no kind is none."""
    use = st.radio("It may", [_ALL, _BUILD, _CHOSEN], key="plan_use")
    if use == _ALL:
        return None
    if use == _BUILD:
        return tuple(BUILDING)
    chosen = st.multiselect(
        "Kinds of measures", kinds(), default=kinds(), key="plan_kinds",
        format_func=lambda kind: kind.replace("_", " "),
    )  # fmt: skip
    if not chosen:
        st.caption("Choose at least one.")
    return tuple(chosen)


def _ask_costs() -> str | None:
    names = [*table_names(), _OWN_COSTS]
    name = st.selectbox(
        "Cost table", names, index=names.index(DEFAULT_TABLE), format_func=_costs_title, key="plan_costs"
    )
    if name != _OWN_COSTS:
        return str(name)
    sent = st.file_uploader(
        "Your prices (CSV)", type="csv", key="plan_costs_file", max_upload_size=_COSTS_MOST_MB,
        help="Its form is in docs/costs.md. It stays in this session.",
    )  # fmt: skip
    if sent is None:
        return None
    path = _kept("own-costs.csv", sent.getvalue())
    try:
        read_costs(path)
    except InputError as error:
        st.error("This cost table cannot be used. All faults found:")
        st.code(str(error).replace(path, plain(sent.name)), language=None, wrap_lines=True)
        return None
    return path


def _costs_title(name: str) -> str:
    return name if name == _OWN_COSTS else read_costs(name).prices


def _kept(name: str, content: bytes) -> str:
    """Place of a sent file in the private folder; the same content is kept once."""
    kept: dict[bytes, str] = st.session_state.setdefault("plan_kept_files", {})
    if content not in kept or not Path(kept[content]).is_file():
        kept[content] = str(keep_upload(session_folder(), [(name, content)]))
    return kept[content]
