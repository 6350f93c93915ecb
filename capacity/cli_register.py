"""`feederplan register`: applications in a project file that several people work with, and what was decided.

Every change has the name of who made it (`--user`, else the name of the login) and its time. Reading never
writes: a project file on a read-only share can be listed.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from datetime import datetime
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
    ScenarioId,
    SitePlace,
    SitesFile,
)

if TYPE_CHECKING:
    from capacity.connection import ConnectionConfig
    from capacity.store import Application, Store

register = typer.Typer(help="Applications, answers and decisions in a project file.", no_args_is_help=True)

EXPORT_SUFFIXES = (".gpkg", ".xlsx")
# States of applications that want an answer.
OPEN_STATES = ("enquiry", "quoted")

ProjectFile = Annotated[Path, typer.Argument(help="Project file, like town.fplan.")]
ApplicationId = Annotated[str, typer.Argument(help="Id of the application.")]
User = Annotated[
    str | None, typer.Option("--user", envvar="FEEDERPLAN_USER", help="Who does it; the login if absent.")
]
Cells = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="COLUMN=VALUE of the table `sites`, or applicant, note; like --set dwellings=12 "
        "--set 'homes=12x85=heat_pump'. May be repeated.",
    ),
]
Revision = Annotated[
    int | None, typer.Option(min=1, help="Revision the change was made from; that of now if absent.")
]
Assumptions = Annotated[Path | None, typer.Option(help="TOML with your own demand and cost figures.")]
Statuses = Annotated[
    list[str] | None, typer.Option("--status", help="Only applications of this state; may be repeated.")
]


@register.command()
def add(
    project: ProjectFile,
    site: SitePlace = None,
    sites: SitesFile = None,
    cells: Cells = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Register one application, or all of a file; the project file is made where there is none."""
    from pyproj import CRS

    from capacity.sites import development_at, read_developments
    from capacity.store import Application
    from capacity.store.cells import with_cells

    if (site is None) == (sites is None):
        raise typer.BadParameter("give either --site LON,LAT or --sites FILE")
    degrees, said = CRS("EPSG:4326"), _cells(cells)
    asked = [development_at(str(site), degrees)] if sites is None else read_developments(sites, degrees)
    added = _writer(project, user, create=True).add_all(
        [with_cells(Application(development, degrees), said) for development in asked]
    )
    ids = [one.application_id for one in added]
    values: dict[str, object] = {"added": ids}
    output.say(values, [f"{len(ids)} registered: {', '.join(ids)}"], as_json=as_json)


@register.command("list")
def list_applications(
    project: ProjectFile,
    status: Statuses = None,
    text: Annotated[str, typer.Option(help="Text in id, name, applicant or note.")] = "",
    as_json: AsJson = False,
) -> None:
    """List applications, each with its state and the last answer to it."""
    found = _reader(project).applications(statuses=status or (), text=text)
    lines = [
        f"  {row.application_id:16} {row.status:10} {row.verdict or '-':21} revision {row.revision:3}  "
        f"{row.name}"
        for row in found.itertuples()
    ]
    values: dict[str, object] = {"applications": output.rows_of(found)}
    output.say(values, [*lines, f"  {len(found)} applications"], as_json=as_json)


@register.command()
def change(
    project: ProjectFile,
    application_id: ApplicationId,
    cells: Cells = None,
    revision: Revision = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Change what an application says; refused with both versions where another was first."""
    from capacity.store.cells import with_cells

    if not cells:
        raise typer.BadParameter("say what is to change", param_hint="--set")
    store = _writer(project, user)
    changed = store.change(with_cells(store.application(application_id, revision), _cells(cells)))
    _say_application(changed, as_json=as_json)


@register.command()
def decide(
    project: ProjectFile,
    application_id: ApplicationId,
    outcome: Annotated[
        str,
        typer.Argument(help="quote, accept, energise, withdraw, refuse, expire, reopen or take_back."),
    ],
    reason: Annotated[str, typer.Option(help="Why; stands beside the decision for good.")] = "",
    assessment: Annotated[str | None, typer.Option(help="Id of the assessment it rests on.")] = None,
    revision: Revision = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Take a decision of an application: its record and the new state."""
    store = _writer(project, user)
    wanted = store.application(application_id, revision)
    _say_application(store.decide(wanted, outcome, reason=reason, assessment_id=assessment), as_json=as_json)


@register.command()
def assess(
    project: ProjectFile,
    network: NetworkFile,
    application_id: Annotated[
        list[str] | None, typer.Option("--id", help="Application; may be repeated. All open ones if absent.")
    ] = None,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    assumptions: Assumptions = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Answer applications, each alone, and keep every answer with all it rests on.

    Exit code 1 when one cannot be connected.
    """
    store, config = _writer(project, user), _config(scenario, limits, assumptions)
    ids = list(dict.fromkeys(application_id or []))
    asked = [store.application(one) for one in ids] or store.every_application(statuses=OPEN_STATES)
    rows = _answered(store, asked, network, config)
    lines = [f"  {row['assessment_id']:16} {row['sentence']}" for row in rows]
    output.say({"assessments": rows}, lines, as_json=as_json)
    fits = all(row["verdict"] in ("connect", "connect_after_works") for row in rows)
    raise typer.Exit(DONE if fits else VIOLATED)


def _answered(
    store: Store, asked: list[Application], network: Path, config: ConnectionConfig
) -> list[dict[str, object]]:
    from capacity.store.repeating import answers_on, keep

    grid = cli_network.network_of(network)
    output.progress(f"assessing {len(asked)} applications")
    answers = answers_on(grid, [one.development_in(grid.crs) for one in asked], config)
    rows: list[dict[str, object]] = []
    for one, answer in zip(asked, answers, strict=True):
        kept = keep(store, one, answer, grid, config)
        rows.append({
            "assessment_id": kept, "application_id": one.application_id, "verdict": answer.verdict,
            "sentence": answer.sentence,
        })  # fmt: skip
    return rows


@register.command()
def repeat(
    project: ProjectFile,
    assessment_id: Annotated[str, typer.Argument(help="Id of the assessment.")],
    network: Annotated[
        Path | None, typer.Option(help="Network to judge on; the one that was kept if absent.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give an answer again from what is kept: the same bytes, or what differs (exit code 1)."""
    from capacity.store.repeating import repeat as given_again

    grid = None if network is None else cli_network.network_of(network)
    output.progress(f"judging {assessment_id} again")
    found = given_again(_reader(project), assessment_id, grid)
    differ = output.rows_of(found.differences)
    values = {"assessment_id": assessment_id, "same": found.is_same, "differences": differ}
    said = "the same to the byte" if found.is_same else f"{len(differ)} things differ"
    lines = [
        f"{assessment_id}: {said}",
        *(f"  {row['what']}: {row['kept']} -> {row['now']}" for row in differ),
    ]
    output.say(values, lines, as_json=as_json)
    raise typer.Exit(DONE if found.is_same else VIOLATED)


@register.command()
def study(
    project: ProjectFile,
    network: NetworkFile,
    kind: Annotated[str, typer.Argument(help="queue (who triggers what) or portfolio (one plan for all).")],
    name: Annotated[str, typer.Option(help="Name of the study.")] = "",
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day the queue is looked at: offers older lapse."),
    ] = None,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    assumptions: Assumptions = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Study the applications together on the network as it stands, and keep what was found."""
    from capacity.store.studying import STUDIES, study_register

    if kind not in STUDIES:
        raise typer.BadParameter(f"must be {' or '.join(STUDIES)}", param_hint="KIND")
    store, config = _writer(project, user), _config(scenario, limits, assumptions)
    grid = cli_network.network_of(network)
    study_id, (values, lines) = study_register(
        store, grid, kind, config, name=name, as_of=as_of and as_of.date(), told=output.progress
    )
    output.say({"study_id": study_id, **values}, [*lines, f"kept as {study_id}"], as_json=as_json)


@register.command()
def history(
    project: ProjectFile,
    row_id: Annotated[str | None, typer.Argument(help="Application, assessment or decision.")] = None,
    as_json: AsJson = False,
) -> None:
    """List every change: when, by whom, what from what."""
    found = _reader(project).history(row_id)
    lines = [
        f"  {row.at} {row.user:12} {row.action:10} {row.row_id:12} "
        + (f"{row.field}: {row.before} -> {row.after}" if row.field else str(row.after))
        for row in found.itertuples()
    ]
    output.say({"history": output.rows_of(found)}, lines, as_json=as_json)


@register.command()
def export(
    project: ProjectFile,
    out: Annotated[Path, typer.Argument(help="*.gpkg or *.xlsx file to write.")],
    as_json: AsJson = False,
) -> None:
    """Write the register, answers, decisions and history for a GIS or a spreadsheet program."""
    from capacity.store import export_geopackage, export_workbook

    output.require_target(out, project, suffix=EXPORT_SUFFIXES)
    store = _reader(project)
    (export_geopackage if out.suffix.lower() == ".gpkg" else export_workbook)(store, out)
    output.say({"file": str(out)}, [f"{out} written"], as_json=as_json)


@register.command()
def template(
    network: NetworkFile,
    out: Annotated[Path, typer.Argument(help="*.csv or *.gpkg file to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a file to fill in for `add --sites`, with an example and what each column means."""
    from capacity.site_template import write_site_template

    output.require_target(out, network, suffix=(".csv", ".gpkg"))
    write_site_template(out, cli_network.network_of(network))
    output.say({"file": str(out)}, [f"{out} written"], as_json=as_json)


@register.command()
def copy(
    project: ProjectFile,
    out: Annotated[Path, typer.Argument(help="File to write; take no copy by other means while in use.")],
    as_json: AsJson = False,
) -> None:
    """Write a copy of the project file as it stands, while others work with it."""
    output.require_target(out, project, suffix=".fplan")
    _reader(project).copy(out)
    output.say({"file": str(out)}, [f"{out} written"], as_json=as_json)


@register.command()
def check(project: ProjectFile, as_json: AsJson = False) -> None:
    """Check that everything in the project file is as it was written; exit code 1 where it is not."""
    from gis import render_findings

    found = _reader(project).faults()
    said = [render_findings(found)] if len(found) else ["everything is as it was written"]
    output.say({"findings": output.rows_of(found)}, said, as_json=as_json)
    raise typer.Exit(VIOLATED if len(found) else DONE)


def _reader(project: Path) -> Store:
    from capacity.store import open_store

    return open_store(project, user="reader", role="reader")


def _writer(project: Path, user: str | None, *, create: bool = False) -> Store:
    from capacity.store import open_store

    return open_store(project, user=user or getpass.getuser(), create=create)


def _config(scenario: str | None, limits: str, assumptions: Path | None) -> ConnectionConfig:
    from capacity.assumptions import read_assumptions
    from capacity.connection import ConnectionConfig
    from capacity.limits import read_limits

    return ConnectionConfig(scenario, read_limits(limits), read_assumptions(assumptions))


def _cells(said: Iterable[str] | None) -> dict[str, str]:
    cells = {}
    for one in said or []:
        name, sign, value = one.partition("=")
        if not sign:
            raise typer.BadParameter(f"{one!r} is not COLUMN=VALUE", param_hint="--set")
        cells[name.strip()] = value.strip()
    return cells


def _say_application(application: Application, *, as_json: bool) -> None:
    values: dict[str, object] = {
        "application_id": application.application_id,
        "status": application.status,
        "revision": application.revision,
    }
    line = f"{application.application_id}: {application.status}, revision {application.revision}"
    output.say(values, [line], as_json=as_json)
