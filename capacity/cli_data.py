"""Commands about data: a file becomes a network (`import`), is mended (`repair`) and judged (`check`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from capacity import output
from capacity.cli_options import BAD_INPUT, DONE, VIOLATED, AsJson, NetworkFile, finite_or_none

if TYPE_CHECKING:
    import pandas as pd

    from gis import Network

Tolerance = Annotated[
    float | None,
    typer.Option(
        "--snap-tolerance-m",
        min=0,
        max=5,
        callback=finite_or_none,
        help="Line ends this close become one, in m.",
    ),
]


BoundsFile = Annotated[
    Path | None, typer.Option("--bounds", help="TOML file with your own bounds of the quality rules.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report", help="GeoPackage (*.gpkg) or workbook (*.xlsx) of findings and repairs to write."
    ),
]


def import_source(
    source: Annotated[
        Path, typer.Argument(help="File or folder of any format (docs/formats.md), of any columns.")
    ],
    out: Annotated[
        Path, typer.Argument(help="GeoPackage to write; with --suggest the mapping file (*.toml).")
    ],
    mapping: Annotated[
        str | None,
        typer.Option(help="TOML file that says what the layers and columns mean, or a shipped one's name."),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="Name of the source's format; told from its content if absent."),
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="Coordinate system of layers that declare none, like EPSG:25832.")
    ] = None,
    snap_tolerance_m: Tolerance = None,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Write no network but a mapping proposed from the file.")
    ] = False,
    report: ReportFile = None,
    bounds: BoundsFile = None,
    as_json: AsJson = False,
) -> None:
    """Turn a GIS file into a network; what cannot be modelled is set aside by id, with its kW."""
    from gis.quality.bounds import use_bounds

    if suggest and any(given is not None for given in (mapping, crs, snap_tolerance_m, report)):
        raise typer.BadParameter(
            "--suggest goes with no other option but --format and --json: it writes no network"
        )
    if suggest:
        _suggest(source, out, form, as_json=as_json)
    with use_bounds(bounds):
        _import(source, out, mapping, form, crs, snap_tolerance_m, report, as_json=as_json)


def repair(
    network: NetworkFile,
    out: Annotated[Path, typer.Argument(help="GeoPackage to write.")],
    snap_tolerance_m: Tolerance = None,
    report: ReportFile = None,
    bounds: BoundsFile = None,
    as_json: AsJson = False,
) -> None:
    """Join line ends and set aside what keeps a network from being solved; every change is on record."""
    from gis.quality.bounds import use_bounds

    with use_bounds(bounds):
        _import(network, out, None, None, None, snap_tolerance_m, report, as_json=as_json)


def _suggest(source: Path, out: Path, form: str | None, *, as_json: bool) -> NoReturn:
    from gis.formats.sandbox import read_untrusted
    from gis.suggest import suggest_mapping, to_toml

    output.require_target(out, source, suffix=".toml")
    read = read_untrusted(source, name=form)
    suggestion = suggest_mapping(read.layers, source.stem)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(to_toml(suggestion), encoding="utf-8")
    output.say(*output.suggestion_report(suggestion, read.findings, out), as_json=as_json)
    raise typer.Exit(VIOLATED if suggestion.lacking else DONE)


def _import(
    source: Path,
    out: Path,
    mapping: str | None,
    form: str | None,
    crs: str | None,
    tolerance_m: float | None,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    from capacity import quality_report
    from capacity.data_quality import judge_quality
    from gis import write_network
    from gis.importer import import_file, require_network
    from gis.topology import TopologyOptions
    from gridmodel import read_catalogue
    from gridmodel.rules import doubts_for, rules_for

    topology = None if tolerance_m is None else TopologyOptions(tolerance_m, tolerance_m, tolerance_m)
    output.require_target(out, source, None if mapping is None else Path(mapping))
    output.require_target(report, source, out, suffix=quality_report.REPORT_SUFFIXES)
    output.progress(f"reading {source}")
    rules = (*rules_for(), *doubts_for())
    found = import_file(
        source,
        mapping=mapping,
        form=form,
        crs=crs,
        rules=rules,
        topology=topology,
        transformer_types=read_catalogue().transformers,
    )
    network = require_network(found, source)
    output.progress(f"writing {out}")
    write_network(network, out)
    quality = judge_quality(network, network.findings)
    if report is not None:
        quality_report.write_report(report, network, quality)
    output.say(*quality_report.import_report(network, quality), as_json=as_json)
    raise typer.Exit(VIOLATED if len(network.findings) else DONE)


def check(
    network: NetworkFile,
    out: Annotated[
        Path | None, typer.Option("--out", help="GeoPackage (*.gpkg) or workbook (*.xlsx) to write.")
    ] = None,
    bounds: BoundsFile = None,
    as_json: AsJson = False,
) -> None:
    """Check a network file; exit code 2 when it cannot be used, 1 when there are doubts."""
    from capacity import quality_report
    from capacity.data_quality import judge_quality
    from gis import errors_of, inspect_network
    from gis.quality.bounds import use_bounds
    from gridmodel.rules import doubts_for, rules_for

    output.require_target(out, network, suffix=quality_report.REPORT_SUFFIXES)
    output.progress(f"reading {network}")
    with use_bounds(bounds):
        checked, findings = inspect_network(network, rules=(*rules_for(), *doubts_for()))
    quality = judge_quality(checked, findings, None if checked is None else _solution(checked, network))
    if out is not None:
        quality_report.write_report(out, checked, quality)
    output.say(*quality_report.check_report(checked, quality), as_json=as_json)
    found = quality.findings
    raise typer.Exit(BAD_INPUT if len(errors_of(found)) else VIOLATED if len(found) else DONE)


def _solution(grid: Network, path: Path) -> pd.DataFrame:
    """What is wrong with the load flow of the first scenario, taken from the store beside it where fresh."""
    from capacity.data_quality import stored_solution

    stored = stored_solution(grid, path)
    if stored is not None:
        return stored
    output.progress("loading pandapower, solving")
    from gridmodel import build_model, findings_of_solution

    return findings_of_solution(build_model(grid))
