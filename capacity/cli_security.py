"""`feederplan security`: every element out once, what switching restores, and what feeders can take over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from capacity import cli_network, output
from capacity.cli_options import DONE, VIOLATED, AsJson, LimitsName, NetworkFile, Out, ScenarioId

if TYPE_CHECKING:
    from capacity.security import SecurityResults


def security(
    network: NetworkFile,
    scenario: ScenarioId = None,
    tables: Annotated[
        str,
        typer.Option(help="What fails, one at a time: lines, transformers, sources; several with commas."),
    ] = "lines,transformers,sources",
    restore: Annotated[
        bool, typer.Option("--restore/--no-restore", help="Supply again what can be, through open points.")
    ] = True,
    limits: LimitsName = "en50160",
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Take every element out once; exit code 1 when customers stay dark or a limit breaks after an outage."""
    from capacity.checks import make_yardstick
    from capacity.data_quality import weak_data
    from capacity.limits import read_limits
    from capacity.security import study_security
    from capacity.security.security_report import hold_back_security, security_report
    from gridmodel import find_scenario

    failing = _tables(tables)
    output.require_target(out, network)
    profile, grid = read_limits(limits), cli_network.network_of(network)
    chosen, yardstick = find_scenario(grid, scenario), make_yardstick(grid, profile)
    model = cli_network.model_of(grid)
    results = study_security(model, yardstick, chosen, tables=failing, restore=restore, told=output.progress)
    weak = weak_data(grid, yardstick.supply)
    held = hold_back_security(results, weak)
    if out is not None:
        _write(held, out)
    output.say(*security_report(held, chosen, weak), as_json=as_json)
    raise typer.Exit(DONE if results.secure else VIOLATED)


def _tables(text: str) -> tuple[str, ...]:
    from capacity.security.outages import OUTAGE_TABLES

    named = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if unknown := [name for name in named if name not in OUTAGE_TABLES]:
        raise typer.BadParameter(
            f"{', '.join(map(repr, unknown))}: give some of {', '.join(OUTAGE_TABLES)}", param_hint="--tables"
        )
    return named


def _write(results: SecurityResults, out: Path) -> None:
    from capacity.result_files import write_geopackage

    crs = results.outages.crs
    layers = {
        "outages": results.outages.reset_index(),
        "switching_steps": results.steps,
        "load_transfers": results.transfers,
        "firm_capacity": results.firm.reset_index(),
    }
    write_geopackage(
        out, {name: output.placed_layer(rows, crs) for name, rows in layers.items() if len(rows)}
    )
