"""`feederplan outage`: fault, what trips, switching plan; `feederplan reliability`: SAIDI and rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capacity import cli_network, output
from capacity.cli_options import DONE, VIOLATED, AsJson, LimitsName, NetworkFile, Out, ScenarioId

if TYPE_CHECKING:
    from capacity.security.fault_location import Location
    from gis import Network

PracticeName = Annotated[
    str, typer.Option("--practice", help="Times and failure rates by name, or a TOML file.")
]


def outage(
    network: NetworkFile,
    fault: Annotated[str | None, typer.Option("--fault", help="Element that failed, by its id.")] = None,
    table: Annotated[
        str | None, typer.Option("--table", help="Its table, where several have that id: lines, buses, ...")
    ] = None,
    indicators: Annotated[
        str | None,
        typer.Option(
            "--indicators",
            help="Instead of --fault: states of fault indicators, ID=lit,ID=dark or a CSV file "
            "(indicator_id, state); ID is a switch, a line, or LINE@BUS.",
        ),
    ] = None,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    practice: PracticeName = "european_cable",
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Plan the switching after a fault; exit code 1 when customers wait for the repair or a limit breaks."""
    from capacity.checks import make_yardstick
    from capacity.data_quality import weak_data
    from capacity.limits import read_limits
    from capacity.result_files import write_geopackage
    from capacity.security.outage_report import outage_layers, outage_report
    from capacity.security.practice import failure_figures, read_practice
    from capacity.security.switching_plan import plan_switching
    from gridmodel import find_scenario

    if (fault is None) == (indicators is None):
        raise typer.BadParameter("give either --fault ID or --indicators")
    output.require_target(out, network, _file_of(indicators))
    profile, figures, grid = (
        read_limits(limits),
        read_practice(practice),
        cli_network.network_of(network),
    )
    located = None if indicators is None else _located(grid, indicators)
    failed = _failed(grid, fault, table) if located is None else located.best()
    chosen, yardstick = find_scenario(grid, scenario), make_yardstick(grid, profile)
    failure_figures(grid, figures)  # a gap is told before any work
    model = cli_network.model_of(grid)
    output.progress(f"planning the switching after the fault of {failed[1]}")
    plan = plan_switching(model, yardstick, chosen, failed, figures)
    if out is not None:
        layers = outage_layers(grid, plan, located)
        write_geopackage(out, {name: output.placed_layer(rows, grid.crs) for name, rows in layers.items()})
    weak = weak_data(grid, yardstick.supply)
    output.say(*outage_report(plan, profile.name, weak, located), as_json=as_json)
    told = plan.figures()
    raise typer.Exit(DONE if told["limits_hold"] and not told["kw_left"] else VIOLATED)


def reliability(
    network: NetworkFile,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    practice: PracticeName = "european_cable",
    rule: Annotated[str, typer.Option("--rule", help="Rule of security by name, or a TOML file.")] = "p2_8",
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """SAIDI, SAIFI, energy not supplied, and a security rule per feeder; exit code 1 when one is short."""
    from capacity.checks import make_yardstick
    from capacity.data_quality import weak_data
    from capacity.limits import read_limits
    from capacity.result_files import write_geopackage
    from capacity.security.outage_report import reliability_report
    from capacity.security.practice import failure_figures, read_practice
    from capacity.security.rules import SHORT, read_rule
    from capacity.security.supply_security import reliability_layers, study_supply_security
    from gridmodel import find_scenario

    output.require_target(out, network)
    profile, figures, judged_by, grid = (
        read_limits(limits),
        read_practice(practice),
        read_rule(rule),
        cli_network.network_of(network),
    )
    chosen, yardstick = find_scenario(grid, scenario), make_yardstick(grid, profile)
    failure_figures(grid, figures)
    model = cli_network.model_of(grid)
    found = study_supply_security(model, yardstick, chosen, figures, told=output.progress)
    verdicts = found.verdicts(judged_by)
    if out is not None:
        layers = reliability_layers(grid, found, verdicts)
        write_geopackage(out, {name: output.placed_layer(rows, grid.crs) for name, rows in layers.items()})
    weak = weak_data(grid, yardstick.supply)
    output.say(*reliability_report(found.reliability, verdicts, judged_by, weak), as_json=as_json)
    raise typer.Exit(VIOLATED if (verdicts["status"] == SHORT).any() else DONE)


def _file_of(indicators: str | None) -> Path | None:
    """The file of indicator states, where one is named."""
    return None if indicators is None or "=" in indicators else Path(indicators)


def _located(grid: Network, indicators: str) -> Location:
    from capacity.security.fault_location import locate_fault, read_indicators

    return locate_fault(grid, read_indicators(indicators))


def _failed(grid: Network, fault: str | None, table: str | None) -> tuple[str, str]:
    from capacity.security.sections import fault_table

    return fault_table(grid, str(fault), table), str(fault)
