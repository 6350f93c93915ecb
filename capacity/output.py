"""What the command says and writes: text for people, one JSON object for machines, GeoPackage layers."""

from __future__ import annotations

import difflib
import json
import math
import os
import sys
import time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from pyproj import CRS

    from capacity.checks import Yardstick
    from capacity.connection import Assessment
    from capacity.data_quality import WeakFeeders
    from capacity.limits import Limits
    from gis import InputError, Network
    from gis.suggest import MappingSuggestion
    from gridmodel import Diagnosis, LoadFlowResult

Report = tuple[dict[str, object], list[str]]
# Feeders with weak data named in text; JSON has them all.
FEEDERS_NAMED = 10
# Options of a site that are printed, best first.
OPTIONS_SHOWN = 5
EACH_ALONE = "Each site is judged alone: sites that fit one by one may not fit together."
_STARTED = time.perf_counter()


def progress(step: str) -> None:
    """Say on stderr what is being done, and how long the command has run."""
    print(f"feederplan: {time.perf_counter() - _STARTED:5.1f} s  {step}", file=sys.stderr, flush=True)


def say(values: dict[str, object], lines: list[str], *, as_json: bool) -> None:
    """Print the result on stdout."""
    print(json.dumps(plain_values(values), ensure_ascii=False) if as_json else _printable("\n".join(lines)))


def report_bad_input(error: InputError, *, as_json: bool) -> None:
    """Print every fault of a bad input: text on stderr, JSON on stdout."""
    if as_json:
        say({"error": str(error).splitlines()[0], "findings": rows_of(error.findings)}, [], as_json=True)
    print(f"feederplan: {_printable(str(error))}", file=sys.stderr)


def report_problem(message: str, *, as_json: bool) -> None:
    """Print one problem that is no fault of a table: text on stderr, JSON on stdout."""
    if as_json:
        say({"error": message, "findings": []}, [], as_json=True)
    print(f"feederplan: {message}", file=sys.stderr)


def load_flow_report(
    result: LoadFlowResult,
    yardstick: Yardstick,
    broken: pd.DataFrame,
    weak: WeakFeeders = MappingProxyType({}),
    *,
    diagnosis: Diagnosis | None = None,
    causes: pd.DataFrame | None = None,
) -> Report:
    """Key figures of a load flow, the limits it breaks, and why it or some customers have no solution.

    Figures of feeders with weak data are held back.
    """
    from capacity.data_quality import hold_back_result, hold_back_rows
    from gis import render_findings
    from gis.findings import empty_findings

    aside = yardstick.network.quarantine
    found = empty_findings() if causes is None else causes
    broken = hold_back_rows(broken, weak, ["value", "excess_percent"])
    values = {
        **hold_back_result(result, yardstick, weak).summary(),
        **({} if diagnosis is None else diagnosis.summary()),
        **weak_values(weak),
        "quarantined_kw": float(aside["p_kw"].sum()),
        "quarantined_customers": int(aside["customers"].sum()),
        "feeders": int(yardstick.supply.feeders["lines"].nunique()),
        "limits": yardstick.limits.name,
        "violations": rows_of(broken),
        "causes": rows_of(found),
    }
    solved = "converged" if result.converged else "has no solution"
    lines = [
        f"{result.scenario.name} ({result.scenario.scenario_id}): {solved}, {result.engine}",
        f"  demand    {result.demand_kw:12,.1f} kW   served {result.served_kw:12,.1f} kW   "
        f"unserved {result.unserved_kw:10,.1f} kW ({values['unserved_customers']} customers)",
    ]
    if len(aside):
        lines.append(
            f"  set aside {values['quarantined_kw']:12,.1f} kW of {values['quarantined_customers']} customers"
            " that the model does not hold (layer quarantine)"
        )
    lines += _solution_lines(values, yardstick, broken) if diagnosis is None else _diagnosis_lines(diagnosis)
    if len(found):
        lines.append(render_findings(found))
    return values, [*lines, *weak_lines(weak)]


def _solution_lines(values: dict[str, object], yardstick: Yardstick, broken: pd.DataFrame) -> list[str]:
    from gis.quality.score import TOO_WEAK

    return [
        f"  losses    {figure(values['loss_kw'], 1):>12} kW",
        f"  voltage   {figure(values['vm_min_pu'], 4)} to {figure(values['vm_max_pu'], 4)} pu",
        f"  loading   lines {figure(values['line_loading_max_percent'], 2)} %, "
        f"transformers {figure(values['transformer_loading_max_percent'], 2)} %",
        f"  limits    {yardstick.limits.name}: {len(broken)} violated",
        *(
            f"    {row.check:22} {row.element_id:24} "
            + (TOO_WEAK if row.status == TOO_WEAK else f"{row.value:10.4g} {row.unit} (limit {row.limit:g})")
            for row in broken.head(20).itertuples()
        ),
    ]


def _diagnosis_lines(diagnosis: Diagnosis) -> list[str]:
    """Why there is no solution, likeliest cause first."""
    lines = [f"  {diagnosis.sentence()}"]
    if len(diagnosis.areas) > 1:
        lines += [
            f"    area fed by {row.source_ids}: {row.servable_share:.1%} of {row.demand_kw:,.1f} kW"
            for row in diagnosis.areas.itertuples()
        ]
    lines += [
        f"    suspect load {row.load_id} at {row.bus_id}, {row.p_kw:,.1f} kW: {row.reason}"
        for row in diagnosis.suspects.head(20).itertuples()
    ]
    if len(diagnosis.overloads):
        lines.append("  most loaded at what can be served:")
    lines += [
        f"    {row.table:12} {row.element_id:24} {row.loading_percent:,.0f} %"
        for row in diagnosis.overloads.itertuples()
    ]
    return lines


def headroom_report(found: pd.DataFrame, seconds: float, limits: Limits) -> Report:
    """Headroom per bus with what binds it."""
    values = {"buses": len(found), "seconds": round(seconds, 3), "rows": rows_of(found)}
    lines = [
        f"  {row.bus_id:24} {figure(row.headroom_kw, 0):>10} kW {row.status:16} "
        + (f"{row.binding_check} at {row.binding_id}" if row.binding_id else str(row.binding_check or ""))
        for row in found.itertuples()
    ]
    return values, [*lines, f"  limits {limits.name}"]


def connection_report(answers: list[Assessment], *, single: bool) -> Report:
    """Verdict, reason and options per site."""
    from capacity.connection.record import assessment_record

    rows = [assessment_record(answer) for answer in answers]
    lines: list[str] = []
    for answer in answers:
        lines.append(answer.sentence)
        basis = answer.basis
        for row in answer.options.head(OPTIONS_SHOWN).itertuples():
            fits = "weak" if row.fits is None else "fits" if row.fits else "no  "
            cost = f"{figure(row.cost_eur, 0):>10} {basis['currency']}"
            lines.append(f"  {row.rank}. {fits} {row.kind:11} {row.bus_id:20} {cost}  {row.reason}")
        if len(answer.options) > OPTIONS_SHOWN:
            more = len(answer.options) - OPTIONS_SHOWN
            lines.append(f"  and {more} dearer or unfit ones, each with its reason: see --json or --out")
        lines.append(f"  {basis['scenario']} ({basis['cases']}); limits {basis['limits']}")
        lines.append(f"  costs {basis['cost_table']}; charged by {basis['charging']}")
    if single:
        return rows[0], lines
    return {"sites": rows, "note": EACH_ALONE}, [*lines, EACH_ALONE]


def suggestion_report(suggestion: MappingSuggestion, found: pd.DataFrame, out: Path) -> Report:
    """What reading found, what was proposed, what is left out and what is still missing."""
    from gis import render_findings
    from gis.suggest import proposal_table

    table = proposal_table(suggestion)
    left = [f"layer {layer} is left out: {reason}" for layer, reason in suggestion.left]
    missing = [f"not found: {what}" for what in suggestion.lacking]
    values: dict[str, object] = {
        "mapping": str(out),
        "columns": rows_of(table),
        "left": left,
        "missing": missing,
        "findings": rows_of(found),
    }
    doubts = [render_findings(found)] if len(found) else []
    proposed = f"{out}: {len(table)} columns proposed; read it before it is used"
    return values, [proposed, *doubts, *left, *missing]


def require_target(out: Path | None, *sources: Path | None, suffix: str | tuple[str, ...] = ".gpkg") -> None:
    """Refuse a place the result cannot be written to, before any work is done.

    Raises
    ------
    InputError
        The name does not end in `suffix` (or any of them), it is one of the input files, or its folder
        cannot be written.
    """
    if out is None:
        return
    suffixes = (suffix,) if isinstance(suffix, str) else suffix
    _refuse_target(
        out, _target_faults(out, [source.resolve() for source in sources if source is not None], suffixes)
    )


def require_folder(out: Path) -> None:
    """Refuse a place that a folder of results cannot be written to, before any work is done.

    Raises
    ------
    InputError
        It is a file, or the folder above it cannot be written.
    """
    is_file = out.exists() and not out.is_dir()
    faults = ["this is a file; name a folder"] if is_file else _folder_faults(out)
    _refuse_target(out, faults)


def _refuse_target(out: Path, faults: list[str]) -> None:
    if faults:
        from gis import InputError
        from gis.findings import make_findings

        raise InputError("--out", make_findings("bad_target", "file", [str(out)] * len(faults), faults))


def _target_faults(out: Path, sources: list[Path], suffixes: tuple[str, ...]) -> list[str]:
    faults = []
    if out.suffix.lower() not in suffixes:
        kinds = {
            ".gpkg": "a GeoPackage", ".toml": "a mapping file", ".xlsx": "a workbook",
            ".csv": "a CSV table", ".parquet": "a Parquet table", ".json": "a JSON file",
        }  # fmt: skip
        kind = " or ".join(kinds[suffix] for suffix in suffixes)
        faults.append(f"the result is {kind}; name it {' or '.join(f'*{suffix}' for suffix in suffixes)}")
    if out.resolve() in sources:
        faults.append("this is an input file, it would be overwritten; choose another name")
    if out.is_dir():
        faults.append("this is a folder; name a file in it")
    return faults + _folder_faults(out)


def _folder_faults(out: Path) -> list[str]:
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    writable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return [] if writable else [f"nothing can be written to {folder}; choose another folder"]


def require_ids(network: Network, table: str, ids: list[str], *, option: str) -> None:
    """Refuse ids that are not in a table, all at once.

    Raises
    ------
    InputError
        Some are not.
    """
    from gis import InputError
    from gis.findings import make_findings

    lost = [i for i in ids if i not in network.table(table).index]
    if lost:
        messages = [f"no such id in {table}{_nearest(i, list(network.table(table).index))}" for i in lost]
        raise InputError(option, make_findings("unknown_reference", table, lost, messages))


def write_layer(rows: pd.DataFrame, path: Path, name: str, *, crs: CRS | None) -> None:
    """Write one result table as a GeoPackage layer with its style, put in place only when it is whole."""
    from capacity.result_files import write_geopackage

    write_geopackage(path, {name: placed_layer(rows, crs)})


def write_table(rows: pd.DataFrame, path: Path, name: str, *, crs: CRS | None) -> None:
    """Write one result table as the file's name says: `*.gpkg`, `*.parquet`, or `*.csv` with lon, lat."""
    from gis.formats.geoparquet import write_frame
    from gis.formats.spreadsheet import write_csv

    layer = placed_layer(rows, crs)
    if path.suffix.lower() == ".gpkg":
        write_layer(rows, path, name, crs=crs)
    elif path.suffix.lower() == ".parquet":
        write_frame(layer, path)
    else:
        write_csv(with_lonlat(layer), path)


def with_lonlat(rows: pd.DataFrame) -> pd.DataFrame:
    """The table with columns lon and lat [degree] instead of places, where it has any."""
    if "geometry" not in rows:
        return rows
    at = rows.geometry.to_crs("EPSG:4326").representative_point()
    return rows.drop(columns="geometry").assign(lon=at.x.round(7), lat=at.y.round(7))


def placed_layer(rows: pd.DataFrame, crs: CRS | None) -> pd.DataFrame:
    """The table with its places, where it has any."""
    import geopandas as gpd

    if crs is not None and "geometry" in rows and rows["geometry"].notna().any():
        return gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)
    return rows.drop(columns="geometry", errors="ignore")


def write_options(answers: list[Assessment], path: Path, *, crs: CRS) -> None:
    """Write the options of all sites as one layer."""
    import pandas as pd

    tables = [answer.options.assign(site_id=answer.development.site_id) for answer in answers]
    filled = [table for table in tables if len(table)] or tables[:1]
    write_layer(pd.concat(filled, ignore_index=True), path, "options", crs=crs)


def weak_values(weak: WeakFeeders) -> dict[str, object]:
    """What JSON says of feeders whose results are held back."""
    from gis.quality.score import OK, TOO_WEAK

    named = [{"feeder_id": feeder_id, "reason": reason} for feeder_id, reason in weak.items()]
    return {"data_status": TOO_WEAK if weak else OK, "weak_feeders": named}


def weak_lines(weak: WeakFeeders) -> list[str]:
    from gis.quality.score import TOO_WEAK

    named = list(weak.items())[:FEEDERS_NAMED]
    lines = [f"  feeder {feeder_id}: {TOO_WEAK}, {reason}" for feeder_id, reason in named]
    more = len(weak) - len(named)
    return [*lines, f"  and {more} more feeders: {TOO_WEAK}"] if more else lines


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return f"; nearest: {', '.join(near)}" if near else "; ids are told apart by capitals and blanks"


def rows_of(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of a table as JSON has them, without places."""
    plain = table.drop(columns="geometry", errors="ignore")
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def plain_values(value: object) -> object:
    """Values as JSON knows them: NaN, infinity and NA become null, numpy scalars plain numbers."""
    if isinstance(value, dict):
        return {str(key): plain_values(entry) for key, entry in value.items() if key != "geometry"}
    if isinstance(value, list | tuple):
        return [plain_values(entry) for entry in value]
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if type(value).__name__ in ("NAType", "NaTType") else str(value)


def _printable(text: str) -> str:
    """Names may hold control characters; a terminal must never act on them."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def figure(value: object, digits: int) -> str:
    """A number with thousands apart; a dash for one that is not known."""
    return f"{value:,.{digits}f}" if isinstance(value, float) and math.isfinite(value) else "-"
