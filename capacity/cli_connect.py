"""`feederplan connect`: can a development be connected; many sites alone, in a queue, or planned together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

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
    finite,
)

if TYPE_CHECKING:
    import pandas as pd

    from capacity.connection import Assessment, ConnectionConfig
    from capacity.connection.connection_grid import ConnectionGrid
    from capacity.data_quality import WeakFeeders
    from capacity.demand.development import Development
    from gis import Network

# Most homes, heat pumps or charging points of one development; more is a slip of the keyboard.
MOST_UNITS = 1_000_000
REPORT_SUFFIXES = (".pdf", ".html", ".json")
OUT_SUFFIXES = (".gpkg", ".xlsx", ".csv", ".parquet")


class _How(NamedTuple):
    """What is asked of the sites, and where it goes."""

    mode: str
    sensitivity: bool
    answers: bool
    share: str
    as_of: date | None
    report: Path | None
    language: str
    issued_on: date
    out: Path | None
    as_json: bool


class _Asked(NamedTuple):
    """All that an answer needs."""

    grid: ConnectionGrid
    config: ConnectionConfig
    developments: list[Development]
    unreadable: pd.DataFrame | None
    weak: WeakFeeders


def connect(
    network: NetworkFile,
    site: SitePlace = None,
    sites: SitesFile = None,
    name: Annotated[str | None, typer.Option(help="Name of the site.")] = None,
    dwellings: Annotated[int, typer.Option(min=0, max=MOST_UNITS, help="Homes of usual size.")] = 0,
    homes: Annotated[
        str | None, typer.Option(help="Homes by size and heating, like '12x85=heat_pump; 6x120'.")
    ] = None,
    heat_pumps: Annotated[int, typer.Option(min=0, max=MOST_UNITS, help="Homes heated by heat pump.")] = 0,
    ev_points: Annotated[int, typer.Option(min=0, max=MOST_UNITS, help="Charging points.")] = 0,
    managed_charging: Annotated[
        bool, typer.Option("--managed-charging", help="The site holds its charging to what is guaranteed.")
    ] = False,
    floor_area_m2: Annotated[
        float, typer.Option(min=0, callback=finite, help="Floor area of shops and offices [m2].")
    ] = 0.0,
    floors: Annotated[
        str | None, typer.Option(help="Floor area by use [m2], like 'shop=400; office=250'.")
    ] = None,
    demand_kw: Annotated[
        float, typer.Option(min=0, callback=finite, help="Further demand, as of industry [kW].")
    ] = 0.0,
    pv_kw: Annotated[float, typer.Option(min=0, callback=finite, help="Solar modules [kW].")] = 0.0,
    battery_kw: Annotated[float, typer.Option(min=0, callback=finite, help="Battery [kW].")] = 0.0,
    battery_kwh: Annotated[float, typer.Option(min=0, callback=finite, help="Battery [kWh].")] = 0.0,
    battery_use: Annotated[str | None, typer.Option(help="self_consumption or market.")] = None,
    phases: Annotated[
        str | None, typer.Option(help="Year and share of the whole, like '2027=0.4; 2030=0.6'.")
    ] = None,
    supply: Annotated[str | None, typer.Option(help="Supply wanted: firm or flexible.")] = None,
    voltage: Annotated[str | None, typer.Option(help="Voltage wished: any, low or medium.")] = None,
    scenario: ScenarioId = None,
    limits: LimitsName = "en50160",
    assumptions: Annotated[
        Path | None, typer.Option(help="TOML with your own demand and cost figures.")
    ] = None,
    charging: Annotated[
        str | None, typer.Option(help="Charging rule by name, or a TOML file: what the applicant pays.")
    ] = None,
    n_1: Annotated[str | None, typer.Option("--n-1", help="Rule of N-1 by name.")] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Answer again with other demands per home.")
    ] = False,
    answers: Annotated[
        bool,
        typer.Option(
            "--answers", help="Homes before works, flexible supply now, what would turn the answer."
        ),
    ] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="With --sites: in their order, each behind those ahead.")
    ] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With --queue: day on which offers must still hold."),
    ] = None,
    portfolio: Annotated[
        bool, typer.Option("--portfolio", help="With --sites: one plan for all at the least cost.")
    ] = False,
    share: Annotated[str, typer.Option(help="With --portfolio: by_kw or shapley.")] = "by_kw",
    batch: Annotated[
        bool, typer.Option("--batch", help="With --sites: each alone, ranked green, amber, red.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Letter to write: *.pdf, *.html or *.json.")] = None,
    language: Annotated[str, typer.Option(help="Language of the letter: en, de or zh.")] = "en",
    issued_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the letter; today if absent.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="GeoPackage; with --queue, --portfolio, --batch *.xlsx or *.csv too."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Can a development be connected here? Exit code 0 when an option fits, 1 when none does.

    Of several sites: 0 when every one that is judged can be connected.
    """
    wanted: dict[str, object] = {
        "name": name, "dwellings": dwellings, "homes": homes, "heat_pumps": heat_pumps,
        "ev_points": ev_points, "managed_charging": managed_charging, "floor_area_m2": floor_area_m2,
        "floors": floors, "demand_kw": demand_kw, "pv_kw": pv_kw, "battery_kw": battery_kw,
        "battery_kwh": battery_kwh, "battery_use": battery_use, "phases": phases, "supply": supply,
        "voltage": voltage,
    }  # fmt: skip
    mode = _mode(site, sites, wanted, queue=queue, portfolio=portfolio, batch=batch)
    how = _How(
        mode, sensitivity, answers, share, as_of.date() if as_of else None, report, language,
        issued_on.date() if issued_on else date.today(), out, as_json,
    )  # fmt: skip
    _refuse_options(how)
    _require_targets(how, network, sites)
    config = _config(scenario, limits, assumptions, charging, n_1)
    asked = _asked(cli_network.network_of(network), config, site, sites, wanted, mode)
    raise typer.Exit(_SAY[mode](asked, how))


def _mode(site: str | None, sites: Path | None, wanted: Mapping[str, object], **modes: bool) -> str:
    """Which question it is: "each", "queue", "portfolio" or "batch"."""
    if (site is None) == (sites is None):
        raise typer.BadParameter("give either --site LON,LAT or --sites FILE")
    if sites is not None and any(wanted.values()):
        raise typer.BadParameter("with --sites the demand stands in the file; leave the demand options out")
    chosen = [mode for mode, on in modes.items() if on]
    if chosen and sites is None:
        raise typer.BadParameter("is a question about a file; give --sites", param_hint=f"--{chosen[0]}")
    if len(chosen) > 1:
        raise typer.BadParameter(f"ask one at a time: {', '.join(f'--{mode}' for mode in chosen)}")
    return chosen[0] if chosen else "each"


def _refuse_options(how: _How) -> None:
    """Refuse options that do not go with the question."""
    from capacity.connection.cost_share import SHARE_RULES
    from capacity.language import languages

    if how.share not in SHARE_RULES:
        raise typer.BadParameter(f"must be one of: {', '.join(SHARE_RULES)}", param_hint="--share")
    if how.language not in languages():
        raise typer.BadParameter(f"must be one of: {', '.join(languages())}", param_hint="--language")
    if how.as_of is not None and how.mode != "queue":
        raise typer.BadParameter("goes with --queue", param_hint="--as-of")
    alone = {"--report": how.report is not None, "--sensitivity": how.sensitivity, "--answers": how.answers}
    wrong = [option for option, on in alone.items() if on and how.mode != "each"]
    if wrong:
        raise typer.BadParameter(f"does not go with --{how.mode}", param_hint=wrong[0])


def _require_targets(how: _How, network: Path, sites: Path | None) -> None:
    suffixes = (".gpkg",) if how.mode == "each" else OUT_SUFFIXES
    output.require_target(how.out, network, sites, suffix=suffixes)
    output.require_target(how.report, network, sites, suffix=REPORT_SUFFIXES)


def _config(
    scenario: str | None, limits: str, assumptions: Path | None, charging: str | None, n_1: str | None
) -> ConnectionConfig:
    from capacity.assumptions import read_assumptions
    from capacity.connection.charging import read_charging
    from capacity.connection.n_minus_1 import DEFAULT_RULE, read_n1_rule
    from capacity.connection.site_cases import ConnectionConfig
    from capacity.limits import read_limits

    figures = read_assumptions(assumptions)
    if charging is not None:
        read_charging(charging)  # a rule that is not there is told before any work
        rule = figures.charging.model_copy(update={"rule": charging})
        figures = figures.model_copy(update={"charging": rule})
    return ConnectionConfig(scenario, read_limits(limits), figures, read_n1_rule(n_1 or DEFAULT_RULE))


def _asked(
    grid: Network,
    config: ConnectionConfig,
    site: str | None,
    sites: Path | None,
    wanted: Mapping[str, object],
    mode: str,
) -> _Asked:
    """Read what is asked, refuse what can be known to be wrong, then solve the cases."""
    from capacity.connection.site_cases import connection_grid
    from capacity.data_quality import weak_data
    from capacity.sites import development_at, read_developments

    unreadable = None
    if sites is None:
        developments = [_with_wishes(development_at(str(site), grid.crs), wanted)]
    else:
        developments = read_developments(sites, grid.crs)
    output.progress("solving the cases")
    solved = connection_grid(grid, config)
    return _Asked(solved, config, developments, unreadable, weak_data(grid, solved.yardstick.supply))


def _with_wishes(placed: Development, wanted: Mapping[str, object]) -> Development:
    """The development with what the options say of it."""
    from capacity.demand.development_text import parse_floors, parse_homes, parse_phases

    said = {name: value for name, value in wanted.items() if value not in (None, 0, False)}
    readers = {
        "homes": parse_homes,
        "floors": parse_floors,
        "phases": lambda text: tuple(parse_phases(text, None).items()),
    }
    for option, read in readers.items():
        if option in said:
            try:
                said[option] = read(str(said[option]))
            except ValueError as error:
                raise typer.BadParameter(str(error), param_hint=f"--{option}") from error
    return replace(placed, **said)  # type: ignore[arg-type]  # names are its own


def _say_each(asked: _Asked, how: _How) -> int:
    """Every site as if it were the only one."""
    from capacity.connection.assessment import assess_all
    from capacity.data_quality import hold_back_assessment

    output.progress(f"checking {len(asked.developments)} sites")
    supply = asked.grid.yardstick.supply
    found = [
        hold_back_assessment(one, supply, asked.weak)
        for one in assess_all(asked.grid, asked.developments, asked.config)
    ]
    if how.out is not None:
        output.write_options(found, how.out, crs=asked.grid.network.crs)
    single = len(asked.developments) == 1 and asked.unreadable is None
    said = output.connection_report(found, single=single)
    if how.report is not None:
        _write_letter(asked, found, how, how.report)
    if how.sensitivity:
        from capacity.sensitivity import sensitivity_of, with_sensitivity

        tables = [sensitivity_of(asked.grid, one, asked.config, asked.weak) for one in asked.developments]
        said = with_sensitivity(said, tables, asked.developments)
    if how.answers:
        from capacity.connection.answers import answers_of, with_answers

        said = with_answers(said, [answers_of(asked.grid, one, asked.config) for one in found])
    output.say(*said, as_json=how.as_json)
    return DONE if all(_connects(one.verdict) for one in found) else VIOLATED


def _say_queue(asked: _Asked, how: _How) -> int:
    """In their order, each on the grid that those ahead leave."""
    from capacity.connection.queue import study_queue
    from capacity.connection.study_report import queue_report, queue_tables, write_study

    study = study_queue(asked.grid, asked.developments, asked.config, as_of=how.as_of, told=output.progress)
    if how.out is not None:
        write_study(queue_tables(study), how.out, crs=asked.grid.network.crs)
    _say(queue_report(study, basis_of(asked)), asked, how)
    return DONE if all(_connects(one.verdict) for one in study.assessments.values()) else VIOLATED


def _say_portfolio(asked: _Asked, how: _How) -> int:
    """All of them planned together, against one by one."""
    from capacity.connection.portfolio import plan_portfolio
    from capacity.connection.study_report import portfolio_report, portfolio_tables, write_study

    plan = plan_portfolio(
        asked.grid, asked.developments, asked.config, rule=how.share, told=output.progress  # type: ignore[arg-type]
    )  # fmt: skip
    if how.out is not None:
        write_study(portfolio_tables(plan), how.out, crs=asked.grid.network.crs)
    _say(portfolio_report(plan, basis_of(asked)), asked, how)
    return DONE if not plan.together.not_connected else VIOLATED


def _say_batch(asked: _Asked, how: _How) -> int:
    """Each alone, ranked by light."""
    from functools import partial

    from capacity.connection.batch import assess_batch
    from capacity.connection.study_report import batch_report, write_study
    from capacity.data_quality import hold_back_assessment

    start = time.perf_counter()
    table = assess_batch(
        asked.grid, asked.developments, asked.config, unreadable=asked.unreadable,
        held=partial(hold_back_assessment, supply=asked.grid.yardstick.supply, weak=asked.weak),
        told=output.progress,
    )  # fmt: skip
    if how.out is not None:
        write_study({"sites": table}, how.out, crs=asked.grid.network.crs)
    said = batch_report(table, basis_of(asked), time.perf_counter() - start)
    output.say(*said, as_json=how.as_json)
    return DONE if table["light"].isin(["green", "amber"]).all() else VIOLATED


_SAY = {"each": _say_each, "queue": _say_queue, "portfolio": _say_portfolio, "batch": _say_batch}


def _say(said: output.Report, asked: _Asked, how: _How) -> None:
    """A study of several sites, and the feeders whose data carry no figure."""
    values, lines = said
    output.say(
        values | output.weak_values(asked.weak), [*lines, *output.weak_lines(asked.weak)], as_json=how.as_json
    )


def basis_of(asked: _Asked) -> dict[str, str]:
    """What the figures rest on."""
    from capacity.connection.study_report import study_basis

    return study_basis(asked.grid, asked.config)


def _connects(verdict: str) -> bool:
    return verdict in ("connect", "connect_after_works")


def _write_letter(asked: _Asked, found: list[Assessment], how: _How, path: Path) -> None:
    """The letter that answers one application."""
    from capacity.letter import letter_html, letter_json, letter_of, letter_pdf
    from capacity.letter.context import context_of
    from gis.formats.whole import write_whole

    if len(found) != 1:
        raise typer.BadParameter("is a letter about one site; give --site", param_hint="--report")
    answer = found[0]
    context = context_of(asked.grid, answer, issued_on=how.issued_on)
    letter = letter_of(answer, language=how.language, context=context)
    written: dict[str, object] = {".pdf": letter_pdf, ".html": letter_html, ".json": letter_json}
    made = written[path.suffix.lower()](letter)  # type: ignore[operator]
    whole = made if isinstance(made, bytes) else made.encode("utf-8")
    write_whole(path, lambda draft: draft.write_bytes(whole))
