"""What the pages about years share: the scenario and year chosen, and results that all users share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import pandas as pd
import streamlit as st

from app_pages.frame import plain
from app_pages.study import Study
from capacity.checks import Yardstick, make_yardstick
from capacity.data_quality import hold_back_rows
from capacity.demand.demand_scenario import DemandScenario, read_demand_scenario, scenario_names
from capacity.demand.demand_summary import demand_summary
from capacity.demand.scenario_demand import Outlook, outlook_of
from capacity.limits import profile_names, read_limits
from capacity.selling import SellingPlaces, where_to_sell
from capacity.selling.prospects import technologies_of
from capacity.study.study_tables import year_table
from capacity.unserved import UnservedDemand, unserved_demand
from capacity.years.root_cause import chains_of_year
from capacity.years.year import study_year
from capacity.years.year_bottlenecks import StudiedYear, bottlenecks_of_years
from gridmodel import GridModel

OWN_FILE = "my own file"
DEFAULT = "electrification"


@dataclass(frozen=True, eq=False)
class YearChoice:
    """What the user looks at; `text` is the uploaded scenario, or the name of a shipped one."""

    study: Study
    text: str
    scenario: DemandScenario
    year: int
    limits_name: str
    yardstick: Yardstick

    @property
    def key(self) -> tuple[str, int, str]:
        """What results of any year of the scenario depend on."""
        return str(self.study.path), self.study.modified_ns, self.text


def choose_year(study: Study, *, first: bool = False) -> YearChoice | None:
    """Ask for scenario, year and limits in the sidebar; nothing while a file is wanted and not given.

    `first` opens on the first year of the scenario, else on its last.
    """
    with st.sidebar:
        text = _ask_scenario("Demand scenario", "demand_scenario")
        if text is None:
            return None
        scenario = read_scenario(text)
        years = list(scenario.years)
        year = st.selectbox("Year", years, index=0 if first else len(years) - 1, key="demand_year")
        profiles = profile_names()
        limits_name = st.selectbox("Limits", profiles, index=profiles.index("en50160"), key="year_limits")
    yardstick = make_yardstick(study.network, read_limits(limits_name), study.supply)
    return YearChoice(study, text, scenario, int(year), limits_name, yardstick)


def ask_other(choice: YearChoice) -> YearChoice | None:
    """Ask for a scenario to compare with, in the same year; nothing when none is wanted."""
    with st.sidebar:
        names = ["none", *(name for name in scenario_names() if name != choice.text)]
        name = st.selectbox("Compare with", names, format_func=_name, key="compare_with")
    if name == "none":
        return None
    scenario = read_scenario(name)
    return YearChoice(choice.study, name, scenario, choice.year, choice.limits_name, choice.yardstick)


@st.cache_resource(max_entries=32)
def read_scenario(text: str) -> DemandScenario:
    """Scenario by the name of a shipped one, or by its own text; a text may name no other file.

    Raises
    ------
    InputError
        The text is no scenario.
    """
    if text in scenario_names():
        return read_demand_scenario(text)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return read_demand_scenario(path)


def names_files(scenario: DemandScenario) -> bool:
    """Tell whether a scenario names files: those of the server are no upload's business."""
    named = [] if scenario.sites is None else [scenario.sites.file, scenario.sites.assumptions]
    named += [] if scenario.tariff is None else [scenario.tariff.file]
    meters = getattr(scenario, "meters", None)
    return any(path is not None for path in named) or meters is not None


def _ask_scenario(label: str, key: str) -> str | None:
    names = [*scenario_names(), OWN_FILE]
    opens_on = names.index(DEFAULT) if DEFAULT in names else 0
    chosen = st.selectbox(label, names, index=opens_on, format_func=_name, key=key)
    if chosen != OWN_FILE:
        return str(chosen)
    upload = st.file_uploader("Scenario (TOML)", type="toml", key=f"{key}_file")
    if upload is None:
        return None
    text = upload.getvalue().decode("utf-8", errors="replace")
    if names_files(read_scenario(text)):
        st.error("A scenario uploaded here may name no other file. Take them out, or use the command line.")
        return None
    return text


def studied(choice: YearChoice) -> StudiedYear:
    """The year chosen, solved in all its hours."""
    return _studied(*choice.key, choice.year, choice.limits_name, choice)


def bottlenecks(choice: YearChoice) -> gpd.GeoDataFrame:
    """Bottlenecks of the year, with the least cut once it was asked for."""
    asked = st.session_state.get("cut_asked") == (choice.key, choice.year, choice.limits_name)
    found = _bottlenecks(*choice.key, choice.year, choice.limits_name, asked, choice)
    figures = ["loading_percent", "vm_pu", "hours_over", "kwh_over", "unserved_kw", "unserved_kwh"]
    held = hold_back_rows(found, choice.study.weak, figures, reason="root_cause")
    return gpd.GeoDataFrame(held, geometry="geometry", crs=found.crs)


@st.cache_resource(show_spinner="Laying the scenario over the network ...", max_entries=8)
def _outlook(path: str, modified_ns: int, text: str, _choice: YearChoice) -> tuple[Outlook, GridModel]:
    outlook = outlook_of(_choice.study.network, _choice.study.supply, _choice.scenario)
    return outlook, outlook.demand(_choice.scenario.years[0]).model_on(_choice.study.network)


@st.cache_resource(show_spinner="Solving every hour of the year ...", max_entries=16)
def _studied(
    path: str, modified_ns: int, text: str, year: int, limits_name: str, _choice: YearChoice
) -> StudiedYear:
    outlook, model = _outlook(path, modified_ns, text, _choice)
    demand = outlook.demand(year)
    return StudiedYear(model, demand, study_year(model, _choice.yardstick, demand))


@st.cache_resource(show_spinner="Finding what binds ...", max_entries=16)
def _bottlenecks(
    path: str, modified_ns: int, text: str, year: int, limits_name: str, with_cut: bool, _choice: YearChoice
) -> gpd.GeoDataFrame:
    run = _studied(path, modified_ns, text, year, limits_name, _choice)
    cut = least_cut(_choice) if with_cut else None
    return bottlenecks_of_years(
        _choice.yardstick, [StudiedYear(run.model, run.demand, run.findings, unserved=cut)]
    )


def least_cut(choice: YearChoice) -> UnservedDemand:
    """The least demand that cannot be served, hour by hour."""
    return _least_cut(*choice.key, choice.year, choice.limits_name, choice)


@st.cache_resource(show_spinner="Finding the least that cannot be served, hour by hour ...", max_entries=16)
def _least_cut(
    path: str, modified_ns: int, text: str, year: int, limits_name: str, _choice: YearChoice
) -> UnservedDemand:
    run = _studied(path, modified_ns, text, year, limits_name, _choice)
    return unserved_demand(run.model, _choice.yardstick, run.demand)


@st.cache_resource(show_spinner="Following every customer to the source ...", max_entries=16)
def _chains(
    path: str, modified_ns: int, text: str, year: int, limits_name: str, _choice: YearChoice
) -> pd.DataFrame:
    run = _studied(path, modified_ns, text, year, limits_name, _choice)
    return chains_of_year(run.model, _choice.yardstick, run.demand, run.findings)


def chains(choice: YearChoice) -> pd.DataFrame:
    """Chain and weakest link of every customer in the year."""
    return _chains(*choice.key, choice.year, choice.limits_name, choice)


def year_figures(choice: YearChoice) -> pd.DataFrame:
    """Figures of the year, one row (`study_tables.year_table`)."""
    return year_table([studied(choice)], choice.yardstick.network)


@st.cache_resource(show_spinner="Adding up the demand of all years ...", max_entries=8)
def _summary(path: str, modified_ns: int, text: str, _choice: YearChoice) -> pd.DataFrame:
    outlook, _ = _outlook(path, modified_ns, text, _choice)
    return demand_summary(outlook.demand(year) for year in _choice.scenario.years)


def summary(choice: YearChoice) -> pd.DataFrame:
    """Demand of all years of the scenario by group (`demand_summary`)."""
    return _summary(*choice.key, choice)


def selling(choice: YearChoice) -> SellingPlaces:
    """Where to sell in the year chosen."""
    return _selling(*choice.key, choice.year, choice.limits_name, choice)


@st.cache_resource(show_spinner="Asking every station in every hour ...", max_entries=16)
def _selling(
    path: str, modified_ns: int, text: str, year: int, limits_name: str, _choice: YearChoice
) -> SellingPlaces:
    outlook, model = _outlook(path, modified_ns, text, _choice)
    return where_to_sell(
        model, _choice.yardstick, outlook.demand(year),
        technology_of=technologies_of(_choice.scenario), weak=_choice.study.weak,
    )  # fmt: skip


def show_assumptions(choice: YearChoice) -> None:
    """What is assumed, block by block, with its sources."""
    scenario = choice.scenario
    with st.expander("What is assumed, and where it comes from"):
        rows = [
            ("scenario", scenario.name, scenario.source),
            ("hours", str(scenario.profile.year), scenario.profile.source),
        ]
        rows += [(f"class {name}", _told(block), block.source) for name, block in scenario.classes.items()]
        rows += [(f"uptake {name}", _told(block), block.source) for name, block in scenario.uptake.items()]
        for name in ("tariff", "sites"):
            block = getattr(scenario, name)
            if block is not None:
                rows.append((name, _told(block), block.source))
        st.dataframe(
            pd.DataFrame(rows, columns=["What", "Figures", "Source"]), hide_index=True, key="assumptions"
        )
        st.caption(plain(f"Seed of the lots {scenario.seed}; draw 0 is shown."))


def _name(scenario: str) -> str:
    return plain(read_scenario(scenario).name) if scenario in scenario_names() else scenario


def _told(block: object) -> str:
    """Figures of a block in one line, without its source."""
    values = block.model_dump(exclude={"source"}, exclude_none=True, exclude_defaults=True)  # type: ignore[attr-defined]
    return ", ".join(f"{name}: {value}" for name, value in values.items())
