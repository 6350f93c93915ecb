"""What `check`, `import` and `repair` say about data, and write: findings on the map and as a spreadsheet.

What other commands say is in `capacity.output`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from capacity.output import FEEDERS_NAMED, Report, rows_of

if TYPE_CHECKING:
    import pandas as pd

    from capacity.data_quality import DataQuality
    from gis import Network

REPORT_SUFFIXES = (".gpkg", ".xlsx")


def check_report(network: Network | None, quality: DataQuality) -> Report:
    """Findings, their count per rule, the level passed, and the score of network and feeders."""
    from gis import render_findings

    findings = quality.findings
    values = {
        "findings": rows_of(findings),
        "counts": counts_of(findings["rule"]),
        "score_percent": quality.score_percent,
        "level": quality.level,
        "level_name": quality.level_name,
        "feeders": rows_of(quality.feeders),
        "usable": network is not None,
    }
    if findings.empty and network is not None:
        total = sum(len(frame) for frame in network.tables().values())
        lines = [f"no findings in {total:,} elements"]
    else:
        lines = [f"{len(findings)} findings", render_findings(findings)]
    return values, [*lines, *_standing(quality)]


def import_report(network: Network, quality: DataQuality) -> Report:
    """What became of every row and every kW of a source, what was repaired and what is in doubt."""
    from gis import render_findings

    aside = network.quarantine
    tables = {
        name: {"modelled": len(frame), "quarantined": int((aside["table"] == name).sum())}
        for name, frame in network.tables().items()
        if len(frame) or (aside["table"] == name).any()
    }
    done = repairs_done(network.repairs)
    values = {
        "tables": tables,
        "demand_kw": float(network.loads["p_kw"].sum()),
        "quarantined_kw": float(aside["p_kw"].sum()),
        "quarantined_customers": int(aside["customers"].sum()),
        "quarantine": rows_of(aside.drop(columns="cells")),
        "repairs": counts_of(network.repairs["action"]),
        "repairs_done": rows_of(done),
        "findings": rows_of(network.findings),
        "counts": counts_of(network.findings["rule"]),
        "score_percent": quality.score_percent,
        "level": quality.level,
        "feeders": rows_of(quality.feeders),
    }
    lines = [
        f"  {name:14} {row['modelled']:9,} modelled {row['quarantined']:7,} set aside"
        for name, row in tables.items()
    ]
    lines.append(
        f"  demand         {values['demand_kw']:11,.1f} kW modelled, {values['quarantined_kw']:,.1f} kW and "
        f"{values['quarantined_customers']:,} customers set aside"
    )
    lines += [_said(row) for row in done.itertuples()]
    if len(network.findings):
        lines += [f"{len(network.findings)} findings", render_findings(network.findings)]
    return values, [*lines, *_standing(quality)]


def repairs_done(repairs: pd.DataFrame) -> pd.DataFrame:
    """What was repaired, per action and table: how often, and how far things moved [m]."""
    grouped = repairs.groupby(["action", "table"], sort=False)["distance_m"]
    done = grouped.agg(count="size", median_m="median", largest_m="max").reset_index()
    return done.sort_values("count", ascending=False, ignore_index=True)


def write_report(path: Path, network: Network | None, quality: DataQuality) -> None:
    """Write all that was found and done: layers of a GeoPackage, or sheets of a workbook.

    Tables: findings, repairs, quarantine, feeders, assets (feeder and station of each), summary. Findings
    without a place of their own get that of their element, so that each can be seen on a map.
    """
    tables = report_tables(network, quality)
    if path.suffix.lower() == ".xlsx":
        from gis.formats.spreadsheet import write_workbook

        write_workbook(tables, path)
        return
    from gis.formats import geopackage
    from gis.record import as_layer

    layers = {name: rows for name, rows in tables.items() if len(rows) or name == "findings"}
    for name in [name for name, rows in layers.items() if "geometry" in rows]:
        # Without a network there is no system the places could be in.
        placed_rows = layers[name].assign(geometry=None) if network is None else layers[name]
        layers[name] = as_layer(placed_rows, None if network is None else network.crs)
    geopackage.write_layers({name: _as_text(layer) for name, layer in layers.items()}, path)


def report_tables(network: Network | None, quality: DataQuality) -> dict[str, pd.DataFrame]:
    """The tables of a report by name."""
    from gis.findings import empty_repairs
    from gis.quarantine import empty_quarantine
    from gis.tracing import asset_table

    return {
        "findings": placed(quality.findings, network),
        "repairs": empty_repairs() if network is None else network.repairs,
        "quarantine": empty_quarantine() if network is None else network.quarantine,
        "feeders": quality.feeders,
        "assets": quality.feeders[:0] if network is None else asset_table(network),
        "summary": summary_of(quality),
    }


def summary_of(quality: DataQuality) -> pd.DataFrame:
    """One row per rule that found something, after level and score: what it means and what to do."""
    import pandas as pd

    from capacity.data_quality import ALL_RULES

    rules = {rule.name: rule for rule in ALL_RULES}
    rows: list[tuple[object, ...]] = [
        ("level passed", quality.level, quality.level_name, "", ""),
        ("score [%]", quality.score_percent, "", "", ""),
    ]
    for name, count in counts_of(quality.findings["rule"]).items():
        rule = rules.get(name)
        told = ("", "", "") if rule is None else (rule.about, rule.why, rule.remedy)
        rows.append((name, count, *told))
    return pd.DataFrame(rows, columns=["what", "count", "meaning", "why", "remedy"], dtype=object)


def placed(findings: pd.DataFrame, network: Network | None) -> pd.DataFrame:
    """Findings with the place of their element where they have none of their own."""
    from gis.schema import TABLES

    if network is None or findings.empty:
        return findings
    place = findings["geometry"].copy()
    for name, rows in findings.groupby("table"):
        if name not in TABLES or not TABLES[str(name)].has_geometry:
            continue
        geometry = network.table(str(name)).geometry
        own = [geometry.get(i) for i in rows["element_id"]]
        place.loc[rows.index] = rows["geometry"].where(rows["geometry"].notna(), own)
    return findings.assign(geometry=_aside_places(findings, place, network))


def counts_of(values: pd.Series) -> dict[str, int]:
    """How often each value stands, most often first."""
    return {str(value): int(count) for value, count in values.value_counts().items()}


def _aside_places(findings: pd.DataFrame, place: pd.Series, network: Network) -> pd.Series:
    """What was set aside lies where its row said."""
    aside = network.quarantine.drop_duplicates(["table", "element_id"]).set_index(["table", "element_id"])
    if aside.empty:
        return place
    keys = list(zip(findings["table"], findings["element_id"], strict=True))
    return place.where(place.notna(), [aside["geometry"].get(key) for key in keys])


def _as_text(layer: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed cells as text, which is what a layer can hold."""
    mixed = [c for c in layer.columns if c != "geometry" and layer[c].dtype == object]
    return layer.assign(**{c: layer[c].map(str, na_action="ignore") for c in mixed})


def _standing(quality: DataQuality) -> list[str]:
    """Level and score in words, with the feeders that are too weak."""
    from gis.quality.score import TOO_WEAK

    untried = "; 5 and 6 need a load flow: feederplan check" if quality.awaits_solving else ""
    passed = f"level {quality.level} of 6 passed ({quality.level_name}{untried})"
    lines = [f"{passed}, score {quality.score_percent:.1f} %"]
    weak = quality.feeders[quality.feeders["status"] == TOO_WEAK]
    lines += [
        f"  feeder {row.feeder_id}: {TOO_WEAK}, score {row.score_percent:.0f} % ({row.reason})"
        for row in weak.head(FEEDERS_NAMED).itertuples()
    ]
    if len(weak) > FEEDERS_NAMED:
        lines.append(f"  and {len(weak) - FEEDERS_NAMED} more feeders: {TOO_WEAK}")
    return lines


def _said(row: NamedTuple) -> str:
    done = row._asdict()
    moved = ""
    if done["largest_m"] > 0.0:
        moved = f", {done['median_m']:,.3f} m in the middle, {done['largest_m']:,.3f} m at most"
    return f"  repaired: {done['action']} {done['count']:,} times in {done['table']}{moved}"
