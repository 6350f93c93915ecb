"""`feederplan bottlenecks`: of one scenario of the network, or of the years of a demand scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from capacity import cli_network, output
from capacity.cli_options import (
    DONE,
    TABLE_SUFFIXES,
    VIOLATED,
    AsJson,
    LimitsName,
    NetworkFile,
    TableOut,
)

if TYPE_CHECKING:
    import pandas as pd

    from capacity.checks import Yardstick
    from capacity.data_quality import WeakFeeders
    from capacity.demand.demand_scenario import DemandScenario
    from capacity.limits import Limits
    from capacity.years.year_bottlenecks import StudiedYear
    from gis import Network

# Most draws of one year; quantiles of more than these move no more.
MOST_DRAWS = 10_000
# What stands before a name that both a scenario of the network and a demand scenario have.
NETWORK, DEMAND = "network:", "demand:"

Cut = Literal["year", "worst", "none"]


def bottlenecks(
    network: NetworkFile,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            help="Scenario of the network (its first if absent), or a demand scenario: a shipped one by "
            "name, or a TOML file.",
        ),
    ] = None,
    years: Annotated[
        str | None,
        typer.Option(help="Years of a demand scenario, like 2025,2030; all of its years if absent."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_DRAWS, help="Draws of where uptake lands, for the probability per element."
        ),
    ] = None,
    cut: Annotated[
        str,
        typer.Option(
            help="Hours of a demand scenario to find the least cut in: worst (that of each element), "
            "year (all, for the energy not served), none."
        ),
    ] = "worst",
    limits: LimitsName = "en50160",
    out: TableOut = None,
    as_json: AsJson = False,
) -> None:
    """Rank the places where demand cannot be served; exit code 1 when there are any."""
    from capacity.limits import read_limits

    if cut not in ("year", "worst", "none"):
        raise typer.BadParameter("must be year, worst or none", param_hint="--cut")
    output.require_target(out, network, suffix=TABLE_SUFFIXES)
    asked = years_named(years)
    profile, grid = read_limits(limits), cli_network.network_of(network)
    chosen = chosen_scenario(grid, scenario)
    if isinstance(chosen, str | None):
        _refuse_options_of_years(years, draws, cut)
        raise typer.Exit(_say_load_flow(grid, chosen, profile, out=out, as_json=as_json))
    named = require_years(chosen, asked)
    raise typer.Exit(
        _say_years(grid, chosen, named, profile, draws=draws, cut=cut, out=out, as_json=as_json)  # type: ignore[arg-type]
    )


def chosen_scenario(grid: Network, name: str | None) -> DemandScenario | str | None:
    """What `--scenario` names: a demand scenario, or the id of a scenario of the network.

    Raises
    ------
    InputError
        Both have that name, or none has.
    """
    from capacity.demand.demand_scenario import read_demand_scenario, scenario_names
    from gis import InputError
    from gis.findings import make_findings
    from gridmodel.scenario import scenarios_of

    if name is None:
        return None
    own, shipped = list(scenarios_of(grid)), scenario_names()
    if name.startswith(DEMAND) and name not in own:
        return read_demand_scenario(name.removeprefix(DEMAND))
    if name.startswith(NETWORK) and name not in own:
        return name.removeprefix(NETWORK)
    is_demand = name in shipped or name.lower().endswith(".toml") or Path(name).is_file()
    if name in own and is_demand:
        message = (
            f"both a scenario of the network and a demand scenario; write {NETWORK}{name} or {DEMAND}{name}"
        )
        raise InputError("--scenario", make_findings("ambiguous_scenario", "scenarios", [name], message))
    if is_demand:
        return read_demand_scenario(name)
    if name not in own:
        message = (
            f"no such scenario; the network has: {', '.join(own)}; demand scenarios: "
            f"{', '.join(shipped)}, or a TOML file"
        )
        raise InputError("--scenario", make_findings("unknown_scenario", "scenarios", [name], message))
    return name


def require_years(scenario: DemandScenario, asked: list[int] | None) -> tuple[int, ...]:
    """Years asked for, or all of the scenario.

    Raises
    ------
    InputError
        The scenario says nothing of some of them.
    """
    from gis import InputError
    from gis.findings import make_findings

    first, last = scenario.base_year, scenario.years[-1]
    outside = [year for year in asked or () if not first <= year <= last]
    if outside:
        message = (
            f"the scenario is about {first} to {last}; its years are {', '.join(map(str, scenario.years))}"
        )
        raise InputError(
            "--years",
            make_findings("year_outside_scenario", "demand scenario", list(map(str, outside)), message),
        )
    return scenario.years if asked is None else tuple(asked)


def years_named(text: str | None) -> list[int] | None:
    """Years of an option, rising; nothing when it is absent."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of years like 2025,2030", param_hint="--years")
    return sorted({int(part) for part in parts})


def _refuse_options_of_years(years: str | None, draws: int | None, cut: str) -> None:
    given = {"--years": years is not None, "--draws": draws is not None, "--cut": cut != "worst"}
    for option, is_given in given.items():
        if is_given:
            raise typer.BadParameter(
                "belongs to a demand scenario; name one with --scenario", param_hint=option
            )


def _say_load_flow(
    grid: Network, scenario: str | None, limits: Limits, *, out: Path | None, as_json: bool
) -> int:
    from capacity.bottleneck_report import bottleneck_report
    from capacity.bottlenecks import find_bottlenecks
    from capacity.data_quality import hold_back_bottlenecks, weak_data

    model, yardstick, result = cli_network.solved(grid, scenario, limits)
    weak = weak_data(grid, yardstick.supply)
    found = hold_back_bottlenecks(find_bottlenecks(yardstick, result, model=model), weak)
    if out is not None:
        output.write_table(found, out, "bottlenecks", crs=grid.crs)
    output.say(*bottleneck_report(result, limits, found, weak), as_json=as_json)
    return VIOLATED if len(found) else DONE


def _say_years(
    grid: Network,
    scenario: DemandScenario,
    years: tuple[int, ...],
    limits: Limits,
    *,
    draws: int | None,
    cut: Cut,
    out: Path | None,
    as_json: bool,
) -> int:
    from capacity.bottleneck_report import year_bottleneck_report
    from capacity.checks import make_yardstick
    from capacity.data_quality import hold_back_bottlenecks, weak_data
    from capacity.years.year_bottlenecks import bottlenecks_of_years

    yardstick = make_yardstick(grid, limits)
    studied = studied_years(yardstick, scenario, years, draws=draws or 0, cut=cut)
    weak = weak_data(grid, yardstick.supply)
    found = hold_back_bottlenecks(bottlenecks_of_years(yardstick, studied), weak)
    if out is not None:
        _write(yardstick, studied, found, weak, out)
    output.say(*year_bottleneck_report(studied, limits, found, weak), as_json=as_json)
    return VIOLATED if len(found) else DONE


def studied_years(
    yardstick: Yardstick, scenario: DemandScenario, years: tuple[int, ...], *, draws: int, cut: Cut
) -> list[StudiedYear]:
    """Solve years of a demand scenario, and find what bottlenecks are told from.

    Parameters
    ----------
    draws
        Draws of each year for the probability; none with 0.
    cut
        Hours to find the least cut in.
    """
    from dataclasses import replace

    from capacity.demand.scenario_demand import outlook_of
    from capacity.unserved import unserved_demand
    from capacity.years.draws import study_draws
    from capacity.years.year_bottlenecks import solved_years, worst_hours_of

    outlook, studied = outlook_of(yardstick.network, yardstick.supply, scenario), []
    for run in solved_years(outlook, yardstick, years, told=output.progress):
        unserved, lots = None, None
        if cut != "none":
            output.progress("looking for the least cut")
            hours = None if cut == "year" else worst_hours_of(run.findings)
            step = run.findings.step_h
            unserved = unserved_demand(run.model, yardstick, run.demand, hours=hours, step_h=step)
        if draws:
            output.progress(f"solving {draws} draws")
            lots = study_draws(run.model, yardstick, outlook.draws(run.findings.year, range(draws)))
        studied.append(replace(run, unserved=unserved, draws=lots))
    return studied


def _write(
    yardstick: Yardstick, studied: list[StudiedYear], found: pd.DataFrame, weak: WeakFeeders, out: Path
) -> None:
    """Write bottlenecks, and the chain of every customer as a further layer or as NAME.chains.* beside."""
    from capacity.data_quality import hold_back_chains
    from capacity.years.root_cause import chains_of_year, with_first_years
    from gis.formats import geopackage

    chains = with_first_years(
        chains_of_year(year.model, yardstick, year.demand, year.findings) for year in studied
    )
    chains = hold_back_chains(chains, weak)
    if out.suffix.lower() == ".gpkg":
        geopackage.write_layers({"bottlenecks": found, "chains": chains}, out)
        return
    output.write_table(found, out, "bottlenecks", crs=yardstick.network.crs)
    output.write_table(chains, out.with_suffix(f".chains{out.suffix}"), "chains", crs=None)
