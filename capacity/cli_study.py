"""What `feederplan study` and `feederplan compare` do: open, run or read, write, say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capacity import output
from capacity.cli_options import BAD_INPUT, DONE, VIOLATED, AsJson
from capacity.cli_plan import compare_plan_files

if TYPE_CHECKING:
    import pandas as pd

    from capacity.study import StudyResults

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="TOML file with every assumption.")]
Results = Annotated[
    Path, typer.Argument(help="Folder of results of `feederplan study`, or a plan's GeoPackage.")
]
OutFolder = Annotated[Path | None, typer.Option("--out", help="Folder to write to.")]


def study(
    file: StudyPath,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Do this step alone; may be repeated.")
    ] = None,
    out: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Do everything one file asks for and store it, byte for byte the same each time.

    Exit code 1 when a limit is violated or demand unserved, 2 when a step failed on its input; the results of
    the other steps are written all the same.
    """
    from capacity.result_files import require_results_folder
    from capacity.study import run_study, write_study
    from capacity.study.study_file import STEP_NAMES, open_study

    unknown = [name for name in only or [] if name not in STEP_NAMES]
    if unknown:
        raise typer.BadParameter(
            f"no step {', '.join(unknown)}; there are: {', '.join(STEP_NAMES)}", param_hint="--only"
        )
    opened = open_study(file, told=output.progress)
    folder = out or opened.out
    require_results_folder(folder)
    results = run_study(opened, only or [])
    output.progress(f"writing {folder}")
    write_study(results, opened, folder)
    output.say(*study_report(results, folder), as_json=as_json)
    raise typer.Exit(_exit_code(results))


def compare(
    results_a: Results,
    results_b: Results,
    scenario_a: Annotated[
        str | None, typer.Option(help="Scenario of A; its only one, or the one both have, if absent.")
    ] = None,
    scenario_b: Annotated[str | None, typer.Option(help="Scenario of B; as that of A if absent.")] = None,
    network: Annotated[Path | None, typer.Option(help="Network that two plans are of.")] = None,
    out: OutFolder = None,
    as_json: AsJson = False,
) -> None:
    """Compare two studies, or two plans, B with A; exit code 1 when B is worse anywhere.

    Of studies a scenario of one with one of the other; of plans what they cost, by level and year, and build.
    """
    from capacity.result_files import require_results_folder, write_results
    from capacity.study.stored_study import compare_stored, open_stored

    plans = [path.is_file() for path in (results_a, results_b)]
    if all(plans):
        raise typer.Exit(compare_plan_files(network, results_a, results_b, out=out, as_json=as_json))
    if any(plans) or network is not None:
        raise typer.BadParameter("give two folders of studies, or two files of plans with --network")
    a, b = open_stored(results_a), open_stored(results_b)
    if out is not None:
        require_results_folder(out)
    found = compare_stored(a, b, scenario_a, scenario_b)
    if out is not None:
        record = {"compared": [{"study": one.record["study"], "sha256": one.sha256} for one in (a, b)]}
        write_results(out, found, record, crs=found["comparison_elements"].crs)
    output.say(*comparison_report(found), as_json=as_json)
    worse = found["comparison_elements"]
    raise typer.Exit(VIOLATED if (worse["worse"] == "b").any() else DONE)


def study_report(results: StudyResults, folder: Path) -> output.Report:
    """How each step ended, the key figures of every year, and where the results lie."""
    values: dict[str, object] = {
        "out": str(folder),
        "within_limits": results.is_within_limits,
        "steps": output.rows_of(results.steps),
        "tables": [{"table": name, "rows": len(table)} for name, table in results.tables.items()],
        "years": output.rows_of(_years_with_cuts(results)),
    }
    lines = [
        f"  {row.step:12} {row.status:10} {row.reason or row.tables}"
        for row in results.steps.itertuples()
        if row.status != "not_asked"
    ]
    years = [_year_line(row) for row in _years_with_cuts(results).itertuples()]
    return values, [f"{results.record['study']}:", *lines, *years, f"results in {folder}"]


def comparison_report(found: dict[str, pd.DataFrame]) -> output.Report:
    """Figures of every year side by side, and how many elements are worse in which."""
    years, elements = found["comparison_years"], found["comparison_elements"]
    counts = elements["worse"].value_counts().sort_index()
    values: dict[str, object] = {
        "years": output.rows_of(years),
        "elements": {str(name): int(count) for name, count in counts.items()},
        "rows": output.rows_of(elements[elements["worse"] != "same"]),
    }
    lines = [
        f"  {row.year}  {row.what:34} {output.figure(row.value_a, 2):>16} "
        f"{output.figure(row.value_b, 2):>16} {row.unit:4} {row.worse}"
        for row in years.itertuples()
    ]
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return values, [*lines, f"elements in all years, worse in: {told}"]


def _years_with_cuts(results: StudyResults) -> pd.DataFrame:
    """Key figures per scenario and year, with what is unserved where that was asked for."""
    years, cuts = results.tables.get("years"), results.tables.get("unserved")
    if years is None:
        return results.steps[:0]
    if cuts is None:
        return years
    return years.merge(cuts.drop(columns="status"), on=["scenario", "year"], how="left")


def _year_line(row: Any) -> str:  # a named tuple of a table's columns
    counts = f"{row.transformers_over} transformers and {row.lines_over} lines over, "
    bands = f"{row.buses_out_of_band} buses out of band"
    cut = ""
    if hasattr(row, "unserved_kw"):
        hours = "all hours" if row.hours_asked == row.hours else f"its {row.hours_asked} hardest hours"
        cut = (
            f"; least cut {output.figure(row.unserved_kw, 0)} kW of {row.customers_affected:,.0f} customers, "
            f"{output.figure(row.unserved_kwh, 0)} kWh in {hours}"
        )
    peak = output.figure(row.peak_kw, 0)
    return f"  {row.scenario} {row.year}: peak {peak} kW, {counts}{bands}{cut}"


def _exit_code(results: StudyResults) -> int:
    if len(results.failed):
        return BAD_INPUT
    return DONE if results.is_within_limits else VIOLATED
