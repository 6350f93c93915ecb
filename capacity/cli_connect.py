"""`feederplan connect`: can a development be connected, alone, in a queue or with others; batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capacity import cli_network, output
from capacity.cli_options import (
    DONE,
    VIOLATED,
    AsJson,
    LimitsName,
    NetworkFile,
    Out,
    ScenarioId,
    finite,
)

if TYPE_CHECKING:
    from capacity.demand.development import Development
    from gis import Network

# Most homes, heat pumps or charging points of one development; more is a slip of the keyboard.
MOST_UNITS = 1_000_000


def connect(
    network: NetworkFile,
    site: Annotated[str | None, typer.Option(help="LON,LAT in degrees, like 7.8840,48.4475.")] = None,
    sites: Annotated[Path | None, typer.Option(help="File with a layer `sites`.")] = None,
    dwellings: Annotated[int, typer.Option(min=0, max=MOST_UNITS, help="Homes.")] = 0,
    heat_pumps: Annotated[int, typer.Option(min=0, max=MOST_UNITS, help="Homes heated by heat pump.")] = 0,
    ev_points: Annotated[int, typer.Option(min=0, max=MOST_UNITS, help="Charging points.")] = 0,
    floor_area_m2: Annotated[
        float, typer.Option(min=0, callback=finite, help="Floor area of shops and offices [m2].")
    ] = 0.0,
    demand_kw: Annotated[float, typer.Option(min=0, callback=finite, help="Further demand [kW].")] = 0.0,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    assumptions: Annotated[
        Path | None, typer.Option(help="TOML with your own demand and cost figures.")
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Answer again with other demands per home.")
    ] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Can a development be connected here? Exit code 0 when an option fits, 1 when none does."""
    from capacity.assumptions import read_assumptions
    from capacity.connection import ConnectionConfig, assess_on
    from capacity.data_quality import hold_back_assessment, weak_data
    from capacity.impact import study_impact
    from capacity.limits import read_limits
    from capacity.sensitivity import sensitivity_of, with_sensitivity
    from gridmodel import find_scenario

    wanted = {
        "dwellings": dwellings,
        "heat_pumps": heat_pumps,
        "ev_points": ev_points,
        "floor_area_m2": floor_area_m2,
        "demand_kw": demand_kw,
    }
    if (site is None) == (sites is None):
        raise typer.BadParameter("give either --site LON,LAT or --sites FILE")
    if sites is not None and any(wanted.values()):
        raise typer.BadParameter("with --sites the demand stands in the file; leave the demand options out")
    output.require_target(out, network, sites)
    profile, figures, grid = (
        read_limits(limits),
        read_assumptions(assumptions),
        cli_network.network_of(network),
    )
    asked = _developments(site, sites, wanted, grid)
    config = ConnectionConfig(scenario, profile, figures)
    model = cli_network.model_of(grid)
    output.progress("solving the scenario")
    impact = study_impact(model, find_scenario(grid, scenario), profile)
    output.progress(f"checking {len(asked)} sites")
    supply = impact.yardstick.supply
    weak = weak_data(grid, supply)
    answers = [
        hold_back_assessment(assess_on(impact, development, config), supply, weak) for development in asked
    ]
    if out is not None:
        output.write_options(answers, out, crs=grid.crs)
    report = output.connection_report(answers, single=sites is None)
    if sensitivity:
        report = with_sensitivity(report, [sensitivity_of(impact, one, config, weak) for one in asked], asked)
    output.say(*report, as_json=as_json)
    fitting = all(answer.verdict in ("connect", "connect_after_works") for answer in answers)
    raise typer.Exit(DONE if fitting else VIOLATED)


def _developments(
    site: str | None, sites: Path | None, wanted: dict[str, float], grid: Network
) -> list[Development]:
    from dataclasses import replace

    from capacity.sites import development_at, read_developments

    if sites is not None:
        return read_developments(sites, grid.crs)
    placed = development_at(str(site), grid.crs)
    return [replace(placed, **wanted)]  # type: ignore[arg-type]  # names and numbers are its own
