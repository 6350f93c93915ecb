"""The command `feederplan`: files in, files out, `--json` for machines, exit codes 0, 1 and 2.

0 done and within limits; 1 done and limits violated, or not connectable; 2 bad input or usage
(3 is a defect of feederplan itself). What can be known to be wrong before solving is refused before.
Heavy libraries are imported inside commands. What a command says goes to stdout, progress to stderr.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capacity import (
    cli_allocate,
    cli_bottlenecks,
    cli_connect,
    cli_data,
    cli_network,
    cli_outage,
    cli_plan,
    cli_register,
    cli_security,
    cli_study,
    output,
)
from capacity.cli_headroom import say_headroom, say_hosting, say_joint_headroom
from capacity.cli_options import (
    BAD_INPUT,
    DEFECT,
    DONE,
    TABLE_SUFFIXES,
    VIOLATED,
    AsJson,
    LimitsName,
    NetworkFile,
    Out,
    ScenarioId,
    TableOut,
    finite,
)
from capacity.cli_year import profiles_for, require_fitting_options, say_year_headroom

if TYPE_CHECKING:
    from capacity.impact import Impact
    from capacity.limits import Limits
    from gis import Network
    from gridmodel import Scenario

app = typer.Typer(
    help="Distribution network GIS and grid capacity planning: from a GIS file to a verdict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# Most draws of a hosting capacity by lot; the mean of more than these moves no more.
MOST_DRAWS = 100_000

app.command("import")(cli_data.import_source)
app.command()(cli_data.repair)
app.command()(cli_data.check)
app.command()(cli_allocate.allocate)
app.command()(cli_study.study)
app.command()(cli_study.compare)
app.add_typer(cli_register.register, name="register")


def main() -> None:
    """Entry point of the command; turns bad input into exit code 2 with its report."""
    as_json = "--json" in sys.argv
    try:
        app()
    except Exception as error:
        sys.exit(_report(error, as_json=as_json))


def _report(error: Exception, *, as_json: bool) -> int:
    """Say what stopped a command; returns its exit code."""
    from gis.errors import InputError

    if isinstance(error, InputError):
        output.report_bad_input(error, as_json=as_json)
        return BAD_INPUT
    if isinstance(error, OSError):
        output.report_problem(f"{error.filename or 'file'}: {error.strerror or error}", as_json=as_json)
        return BAD_INPUT
    traceback.print_exception(error)
    message = f"{type(error).__name__}: {error}; this is a defect of feederplan, please report it"
    output.report_problem(message, as_json=as_json)
    return DEFECT


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("feederplan-demo"),
    as_json: AsJson = False,
) -> None:
    """Write the demo area: a GeoPackage, its stored results and a study file."""
    from capacity.demo import copy_demo

    files = [str(path) for path in copy_demo(out)]
    output.say({"files": files}, ["Demo area written:", *(f"  {file}" for file in files)], as_json=as_json)


@app.command("app")
def start_app(
    network: Annotated[Path | None, typer.Argument(help="Network to show; the demo area if absent.")] = None,
    port: Annotated[int, typer.Option(help="Port of the local server.")] = 8501,
    headless: Annotated[bool, typer.Option(help="Do not open a browser.")] = False,
    project: Annotated[
        Path | None,
        typer.Option(help="Project file with the register; beside the network, with its name, if absent."),
    ] = None,
) -> None:
    """Start the map in the browser, on this machine only."""
    from capacity.launch import run_app

    raise typer.Exit(run_app(network, port=port, headless=headless, project=project))


@app.command()
def loadflow(
    network: NetworkFile,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Solve the load flow of one scenario; exit code 1 when a limit is violated or demand is unserved.

    Where there is no solution it says why: what could be served at most, the weakest bus, suspect loads.
    """
    from capacity.checks import violations
    from capacity.data_quality import hold_back_result, weak_data
    from capacity.limits import read_limits
    from gridmodel import diagnose, islands_without_source, write_result

    output.require_target(out, network)
    profile, grid = read_limits(limits), cli_network.network_of(network)
    model, yardstick, result = cli_network.solved(grid, scenario, profile)
    broken = violations(yardstick, result)
    weak = weak_data(model.network, yardstick.supply)
    if out is not None:
        write_result(model, hold_back_result(result, yardstick, weak), out)
    if not result.converged:
        output.progress("no solution; looking for the cause")
        diagnosis = diagnose(model, result.scenario)
        causes = diagnosis.causes
    else:
        diagnosis = None
        causes = islands_without_source(model.network, model.catalogue, result.scenario)
    report = output.load_flow_report(result, yardstick, broken, weak, diagnosis=diagnosis, causes=causes)
    output.say(*report, as_json=as_json)
    raise typer.Exit(VIOLATED if len(broken) or len(result.unsupplied) else DONE)


app.command()(cli_bottlenecks.bottlenecks)
app.command()(cli_security.security)
app.command()(cli_outage.outage)
app.command()(cli_outage.reliability)
app.command()(cli_plan.plan)
app.command()(cli_connect.connect)


@app.command("headroom")
def headroom_at(
    network: NetworkFile,
    bus: Annotated[
        list[str] | None, typer.Option("--bus", help="Bus asked for; may be repeated. All if absent.")
    ] = None,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    direction: Annotated[str, typer.Option(help="load or generation.")] = "load",
    cos_phi: Annotated[
        float, typer.Option(min=0.5, max=1.0, callback=finite, help="Power factor of the load, inductive.")
    ] = 0.95,
    voltage_change: Annotated[
        bool, typer.Option("--voltage-change", help="Hold the limit of the change at the bus itself too.")
    ] = False,
    n_1: Annotated[
        bool, typer.Option("--n-1", help="Keep the reserve of medium voltage for the loss of an element.")
    ] = False,
    joint: Annotated[
        bool, typer.Option("--joint", help="Largest equal increase at all the buses named at once.")
    ] = False,
    proof: Annotated[
        int, typer.Option(min=0, help="Solve this many answers again on the whole grid, and 1 kW above.")
    ] = 0,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Over a year: `year` for the profiles that ship, or a CSV or Parquet file of hours."
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Where hours of the day are counted with a file of hours; UTC if absent."),
    ] = None,
    every_hour: Annotated[
        bool, typer.Option("--every-hour", help="With --profile: leave no hour out that another outweighs.")
    ] = False,
    out: TableOut = None,
    as_json: AsJson = False,
) -> None:
    """Find the largest additional load or generation at every bus, in kW, exact to 1 kW."""
    from capacity.headroom import Question
    from capacity.limits import read_limits
    from gridmodel import find_scenario

    if direction not in ("load", "generation"):
        raise typer.BadParameter("must be load or generation", param_hint="--direction")
    if joint and (not bus or proof):
        raise typer.BadParameter(
            "name the buses of the group with --bus; it has no --proof", param_hint="--joint"
        )
    require_fitting_options(profile, joint=joint, proof=proof, time_zone=time_zone, every_hour=every_hour)
    output.require_target(out, network, suffix=TABLE_SUFFIXES)
    bounds, grid = read_limits(limits), cli_network.network_of(network)
    output.require_ids(grid, "buses", bus or [], option="--bus")
    asked = Question(direction, cos_phi, voltage_change=voltage_change, n1_reserve=n_1)  # type: ignore[arg-type]
    asked.require_figures(bounds)
    hours = None if profile is None else profiles_for(profile, asked.direction, grid, time_zone)
    impact = _impact(grid, find_scenario(grid, scenario), bounds)
    if hours is not None:
        year = say_year_headroom(
            impact, asked, hours, bus or None, every_hour=every_hour, out=out, as_json=as_json
        )
        raise typer.Exit(year)
    if joint:
        raise typer.Exit(say_joint_headroom(impact, asked, bus or [], out=out, as_json=as_json))
    raise typer.Exit(say_headroom(impact, asked, bus or None, proof=proof, out=out, as_json=as_json))


@app.command()
def hosting(
    network: NetworkFile,
    plant_kw: Annotated[float, typer.Option(min=0.001, callback=finite, help="Mean size of a plant [kW].")],
    spread_kw: Annotated[
        float, typer.Option(min=0, callback=finite, help="Standard deviation of its size [kW].")
    ] = 0.0,
    draws: Annotated[int, typer.Option(min=1, max=MOST_DRAWS, help="How often to start anew.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the lot.")] = 0,
    bus: Annotated[
        list[str] | None,
        typer.Option(
            "--bus", help="Where a plant may come; may be repeated. The buses of all loads if absent."
        ),
    ] = None,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    out: TableOut = None,
    as_json: AsJson = False,
) -> None:
    """Hosting capacity by lot: plants added at random until a limit breaks; exit code 1 if one is already."""
    from capacity.limits import read_limits
    from gridmodel import find_scenario

    output.require_target(out, network, suffix=TABLE_SUFFIXES)
    profile, grid = read_limits(limits), cli_network.network_of(network)
    output.require_ids(grid, "buses", bus or [], option="--bus")
    impact = _impact(grid, find_scenario(grid, scenario), profile)
    lot = {"plant_kw": plant_kw, "spread_kw": spread_kw, "draws": draws, "seed": seed, "bus_ids": bus or None}
    raise typer.Exit(say_hosting(impact, lot, out=out, as_json=as_json))


def _impact(grid: Network, scenario: Scenario, limits: Limits) -> Impact:
    from capacity.impact import study_impact

    model = cli_network.model_of(grid)
    output.progress("solving the scenario")
    return study_impact(model, scenario, limits)
