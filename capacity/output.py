"""What the command says and writes: text for people, one JSON object for machines, GeoPackage layers."""

from __future__ import annotations

import difflib
import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from pyproj import CRS

    from capacity.checks import Yardstick
    from capacity.connection import Assessment
    from capacity.limits import Limits
    from gis import InputError, Network
    from gis.suggest import MappingSuggestion
    from gridmodel import LoadFlowResult

Report = tuple[dict[str, object], list[str]]
EACH_ALONE = "Each site is judged alone: sites that fit one by one may not fit together."
_STARTED = time.perf_counter()


def progress(step: str) -> None:
    """Say on stderr what is being done, and how long the command has run."""
    print(f"feederplan: {time.perf_counter() - _STARTED:5.1f} s  {step}", file=sys.stderr, flush=True)


def say(values: dict[str, object], lines: list[str], *, as_json: bool) -> None:
    """Print the result on stdout."""
    print(json.dumps(_plain(values), ensure_ascii=False) if as_json else _printable("\n".join(lines)))


def report_bad_input(error: InputError, *, as_json: bool) -> None:
    """Print every fault of a bad input: text on stderr, JSON on stdout."""
    if as_json:
        say({"error": str(error).splitlines()[0], "findings": _rows(error.findings)}, [], as_json=True)
    print(f"feederplan: {_printable(str(error))}", file=sys.stderr)


def report_problem(message: str, *, as_json: bool) -> None:
    """Print one problem that is no fault of a table: text on stderr, JSON on stdout."""
    if as_json:
        say({"error": message, "findings": []}, [], as_json=True)
    print(f"feederplan: {message}", file=sys.stderr)


def check_report(network: Network | None, findings: pd.DataFrame) -> Report:
    """Findings, their count per rule and the share of elements without any."""
    from gis import render_findings

    counts = {str(rule): int(count) for rule, count in findings["rule"].value_counts().items()}
    total = sum(len(frame) for frame in network.tables().values()) if network else 0
    touched = len(findings[["table", "element_id"]].drop_duplicates())
    score = 100.0 * (1.0 - min(1.0, touched / total)) if total else 0.0
    values = {
        "findings": _rows(findings),
        "counts": counts,
        "score_percent": score,
        "usable": network is not None,
    }
    if findings.empty:
        return values, [f"no findings in {total:,} elements"]
    return values, [f"{len(findings)} findings", render_findings(findings)]


def import_report(network: Network) -> Report:
    """What became of every row and every kW of a source, what was repaired and what is in doubt."""
    from gis import render_findings

    aside = network.quarantine
    tables = {
        name: {"modelled": len(frame), "quarantined": int((aside["table"] == name).sum())}
        for name, frame in network.tables().items()
        if len(frame) or (aside["table"] == name).any()
    }
    repairs = {str(k): int(n) for k, n in network.repairs["action"].value_counts().items()}
    values = {
        "tables": tables,
        "demand_kw": float(network.loads["p_kw"].sum()),
        "quarantined_kw": float(aside["p_kw"].sum()),
        "quarantined_customers": int(aside["customers"].sum()),
        "quarantine": _rows(aside.drop(columns="cells")),
        "repairs": repairs,
        "findings": _rows(network.findings),
        "counts": {str(k): int(n) for k, n in network.findings["rule"].value_counts().items()},
    }
    lines = [
        f"  {name:14} {row['modelled']:9,} modelled {row['quarantined']:7,} set aside"
        for name, row in tables.items()
    ]
    lines.append(
        f"  demand         {values['demand_kw']:11,.1f} kW modelled, {values['quarantined_kw']:,.1f} kW and "
        f"{values['quarantined_customers']:,} customers set aside"
    )
    lines += [f"  repaired: {action} {count:,} times" for action, count in repairs.items()]
    if len(network.findings):
        lines += [f"{len(network.findings)} findings", render_findings(network.findings)]
    return values, lines


def load_flow_report(result: LoadFlowResult, yardstick: Yardstick, broken: pd.DataFrame) -> Report:
    """Key figures of a load flow and the limits it breaks."""
    aside = yardstick.network.quarantine
    values = {
        **result.summary(),
        "quarantined_kw": float(aside["p_kw"].sum()),
        "quarantined_customers": int(aside["customers"].sum()),
        "feeders": int(yardstick.supply.feeders["lines"].nunique()),
        "limits": yardstick.limits.name,
        "violations": _rows(broken),
    }
    solved = "converged" if result.converged else f"has no solution (servable: {result.servable_share:.0%})"
    lines = [
        f"{result.scenario.name} ({result.scenario.scenario_id}): {solved}, {result.engine}",
        f"  demand    {result.demand_kw:12,.1f} kW   served {result.served_kw:12,.1f} kW   "
        f"unserved {result.unserved_kw:10,.1f} kW ({values['unserved_customers']} customers)",
        f"  losses    {_figure(values['loss_kw'], 1):>12} kW",
        f"  voltage   {_figure(values['vm_min_pu'], 4)} to {_figure(values['vm_max_pu'], 4)} pu",
        f"  loading   lines {_figure(values['line_loading_max_percent'], 2)} %, "
        f"transformers {_figure(values['transformer_loading_max_percent'], 2)} %",
        f"  limits    {yardstick.limits.name}: {len(broken)} violated",
    ]
    if len(aside):
        lines.insert(
            2,
            f"  set aside {values['quarantined_kw']:12,.1f} kW of {values['quarantined_customers']} customers"
            " that the model does not hold (layer quarantine)",
        )
    lines += [
        f"    {row.check:22} {row.element_id:24} {row.value:10.4g} {row.unit} (limit {row.limit:g})"
        for row in broken.head(20).itertuples()
    ]
    return values, lines


def bottleneck_report(result: LoadFlowResult, limits: Limits, found: pd.DataFrame) -> Report:
    """Bottlenecks, most unserved kW first."""
    values = {
        "scenario": result.scenario.scenario_id,
        "limits": limits.name,
        "demand_kw": result.demand_kw,
        "unserved_kw": result.unserved_kw,
        "bottlenecks": _rows(found),
    }
    if found.empty:
        return values, [f"no bottlenecks in {result.scenario.name} under {limits.name}"]
    lines = [f"{len(found)} bottlenecks in {result.scenario.name} under {limits.name}:"]
    lines += [
        f"  {row.unserved_kw:10,.1f} kW unserved {row.customers_affected:7,} customers  {row.root_cause}"
        for row in found.itertuples()
    ]
    return values, lines


def headroom_report(found: pd.DataFrame, seconds: float, limits: Limits) -> Report:
    """Headroom per bus with what binds it."""
    values = {"buses": len(found), "seconds": round(seconds, 3), "rows": _rows(found)}
    lines = [
        f"  {row.bus_id:24} {_figure(row.headroom_kw, 0):>10} kW {row.status:16} "
        + (f"{row.binding_check} at {row.binding_id}" if row.binding_id else "")
        for row in found.itertuples()
    ]
    return values, [*lines, f"  limits {limits.name}"]


def connection_report(answers: list[Assessment], *, single: bool) -> Report:
    """Verdict, reason and options per site."""
    rows = [
        {
            "site_id": answer.development.site_id,
            "verdict": answer.verdict,
            "reason": answer.sentence,
            "demand_kw": answer.demand_kw,
            "demand": _rows(answer.demand),
            "options": _rows(answer.options),
            "binding": answer.binding,
            "basis": answer.basis,
        }
        for answer in answers
    ]
    lines: list[str] = []
    for answer in answers:
        lines.append(answer.sentence)
        basis = answer.basis
        for row in answer.options.itertuples():
            fits = "fits" if row.fits else "no  "
            cost = f"{row.cost_eur:10,.0f} {basis['currency']}"
            lines.append(f"  {row.rank}. {fits} {row.kind:11} {row.bus_id:20} {cost}  {row.reason}")
        lines.append(f"  {basis['scenario']}; limits {basis['limits']}; costs {basis['cost_table']}")
    if single:
        return rows[0], lines
    return {"sites": rows, "note": EACH_ALONE}, [*lines, EACH_ALONE]


def suggestion_report(suggestion: MappingSuggestion, out: Path) -> Report:
    """What was proposed, what is left out and what is still missing."""
    from gis.suggest import proposal_table

    table = proposal_table(suggestion)
    left = [f"layer {layer} is left out: {reason}" for layer, reason in suggestion.left]
    missing = [f"not found: {what}" for what in suggestion.lacking]
    values: dict[str, object] = {
        "mapping": str(out),
        "columns": _rows(table),
        "left": left,
        "missing": missing,
    }
    return values, [f"{out}: {len(table)} columns proposed; read it before it is used", *left, *missing]


def require_target(out: Path | None, *sources: Path | None, suffix: str = ".gpkg") -> None:
    """Refuse a place the result cannot be written to, before any work is done.

    Raises
    ------
    InputError
        The name does not end in `suffix`, it is one of the input files, or its folder cannot be written.
    """
    if out is None:
        return
    faults = _target_faults(out, [source.resolve() for source in sources if source is not None], suffix)
    if faults:
        from gis import InputError
        from gis.findings import make_findings

        raise InputError("--out", make_findings("bad_target", "file", [str(out)] * len(faults), faults))


def _target_faults(out: Path, sources: list[Path], suffix: str) -> list[str]:
    faults = []
    if out.suffix.lower() != suffix:
        kind = {".gpkg": "a GeoPackage", ".toml": "a mapping file"}[suffix]
        faults.append(f"the result is {kind}; name it *{suffix}")
    if out.resolve() in sources:
        faults.append("this is an input file, it would be overwritten; choose another name")
    if out.is_dir():
        faults.append("this is a folder; name a file in it")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        faults.append(f"nothing can be written to {folder}; choose another folder")
    return faults


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
    """Write one result table as a GeoPackage layer, put in place only when it is whole."""
    write_result_layers({name: rows}, path, crs=crs)


def write_result_layers(tables: Mapping[str, pd.DataFrame], path: Path, *, crs: CRS | None) -> None:
    """Write result tables as layers of one GeoPackage, put in place only when it is whole."""
    from gis.formats import geopackage

    geopackage.write_layers({name: _as_layer(rows, crs) for name, rows in tables.items()}, path)


def _as_layer(rows: pd.DataFrame, crs: CRS | None) -> pd.DataFrame:
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


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return f"; nearest: {', '.join(near)}" if near else "; ids are told apart by capitals and blanks"


def _rows(table: pd.DataFrame) -> list[dict[str, object]]:
    plain = table.drop(columns="geometry", errors="ignore")
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _plain(value: object) -> object:
    """Values as JSON knows them: NaN, infinity and NA become null, numpy scalars plain numbers."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items() if key != "geometry"}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
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


def _figure(value: object, digits: int) -> str:
    return f"{value:,.{digits}f}" if isinstance(value, float) and math.isfinite(value) else "-"
