"""What is wrong with a network's data and what was done about it, as tables for screen, map and spreadsheet.

Takes findings, repairs and quarantine as they are; judges nothing itself (`gis.rules`, `gis.quality`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.cards import Card
from capacity.data_quality import DataQuality, judge_quality, stored_solution
from capacity.quality_report import repairs_done, write_report
from gis import Network, check_network
from gis.findings import join_findings
from gis.formats import read_source
from gis.record import recorded_findings
from gis.schema import TABLES
from gridmodel.rules import doubts_for

SET_ASIDE: Final = "set aside"
DOUBT: Final = "doubt"
REPAIRED: Final = "repaired"
LEVELS: Final = (SET_ASIDE, DOUBT, REPAIRED)
ISSUE_COLUMNS = (
    "level", "rule", "table", "element_id", "message", "value", "distance_m", "p_kw", "customers", "geometry",
)  # fmt: skip
# What an automatic decision did, in words; the name itself where it has none here.
ACTIONS = {
    "bus_from_line_ends": "bus made where line ends meet",
    "snapped": "line end moved onto its bus",
    "nearest_bus": "connected to the nearest bus of a fitting voltage",
    "line_split": "line split where another one ends on it",
    "t_joint": "line joined to the one it ends on",
    "bus_at_transformer": "bus made at a transformer",
    "switch_placed": "switch put on the line it stands on",
}


@dataclass(frozen=True, eq=False)
class DataIssues:
    """All that is known about the data of one network.

    Attributes
    ----------
    rows
        One row per element set aside, doubt and repair; `geometry` is a point in the network's CRS, or None.
    quality
        Findings, level passed, and scores of the network and its feeders.
    """

    network: Network
    quality: DataQuality
    rows: gpd.GeoDataFrame

    @property
    def findings(self) -> pd.DataFrame:
        return self.quality.findings


def read_issues(path: Path, network: Network) -> DataIssues:
    """Judge the network of a file: by every rule as it is now, and with the findings recorded in the file."""
    doubts = check_network(network, rules=doubts_for())
    judged = replace(network, findings=join_findings([network.findings, doubts]))
    recorded = recorded_findings(read_source(path).layers)
    return judge(judged, recorded, stored_solution(network, path))


def judge(
    network: Network, recorded: pd.DataFrame | None = None, solution: pd.DataFrame | None = None
) -> DataIssues:
    """Gather findings (of now, then those only recorded at the import), repairs and quarantine.

    `solution` are findings of a load flow (`capacity.data_quality.stored_solution`).
    """
    findings = network.findings
    if recorded is not None:
        findings = join_findings([findings, recorded[~_keys(recorded).isin(_keys(findings))]])
    quality = judge_quality(network, findings, solution)
    return DataIssues(network, quality, _issues(network, quality.findings))


def balance_table(network: Network) -> pd.DataFrame:
    """Rows, demand and customers: read = modelled + set aside, per table that has any.

    Returns
    -------
    pandas.DataFrame
        table, read, modelled, set_aside, set_aside_kw, set_aside_customers. Buses and lines can be more than
        read: topology builds and splits them.
    """
    aside = network.quarantine.groupby("table").agg(
        set_aside=("rule", "size"), set_aside_kw=("p_kw", "sum"), set_aside_customers=("customers", "sum")
    )
    modelled = pd.Series({name: len(network.table(name)) for name in TABLES}, name="modelled")
    table = pd.DataFrame(modelled).join(aside).fillna(0.0)
    table.insert(0, "read", table["modelled"] + table["set_aside"])
    whole = ["read", "modelled", "set_aside", "set_aside_customers"]
    table = table[table["read"] > 0].astype(dict.fromkeys(whole, int))
    return table.rename_axis("table").reset_index()


def demand_balance(network: Network) -> dict[str, float]:
    """Demand [kW] and customers of the loads: modelled and set aside."""
    aside = network.quarantine[network.quarantine["table"] == "loads"]
    return {
        "modelled_kw": float(network.loads["p_kw"].sum()),
        "set_aside_kw": float(aside["p_kw"].sum()),
        "modelled_customers": float(network.loads["customers"].sum()),
        "set_aside_customers": float(aside["customers"].sum()),
    }


def balance_sentence(network: Network) -> str:
    """Say what became of all loads read, in rows and kW, and of which other tables rows were set aside."""
    table = balance_table(network).set_index("table")
    loads = table.reindex(["loads"], fill_value=0).loc["loads"]
    demand = demand_balance(network)
    whole_kw = demand["modelled_kw"] + demand["set_aside_kw"]
    others = table.loc[table["set_aside"] > 0, ["set_aside", "read"]].drop("loads", errors="ignore")
    lost = [f"{row.set_aside:,} of {row.read:,} {row.Index}" for row in others.itertuples()]
    return (
        f"The network is made. Loads: {loads['read']:,.0f} read = {loads['modelled']:,.0f} modelled + "
        f"{loads['set_aside']:,.0f} set aside; {whole_kw:,.1f} kW read = "
        f"{demand['modelled_kw']:,.1f} kW modelled + {demand['set_aside_kw']:,.1f} kW set aside."
        + (f" Also set aside: {', '.join(lost)}." if lost else "")
    )


def counts_by_rule(findings: pd.DataFrame) -> pd.DataFrame:
    """Findings per rule and severity, most first: severity, rule, table, count, message (of the first)."""
    order = {"error": 0, "quarantine": 1, "warning": 2}
    grouped = findings.groupby(["severity", "rule", "table"], sort=False)
    counts = grouped.agg(count=("rule", "size"), message=("message", "first")).reset_index()
    rank = counts["severity"].map(order)
    return (
        counts.assign(rank=rank).sort_values(["rank", "count"], ascending=[True, False]).drop(columns="rank")
    )


def counts_by_action(repairs: pd.DataFrame) -> pd.DataFrame:
    """What was repaired, in words: action, table, count, median_m, largest_m (0: nothing was moved)."""
    done = repairs_done(repairs)
    return done.assign(action=done["action"].replace(ACTIONS))


def issue_card(issue: pd.Series) -> Card:
    """One issue in words: what is wrong, where, and what to do about it."""
    wrong, _, todo = str(issue["message"]).partition("; ")
    lines = [
        ("What", f"{issue['level']}: {str(issue['rule']).replace('_', ' ')}"),
        ("Element", f"{issue['table']} {issue['element_id']}".strip()),
        ("What is wrong" if issue["level"] != REPAIRED else "What was done", wrong),
        ("What to do", todo),
        ("Value", _words(issue["value"])),
        ("Moved by", _figure(issue["distance_m"], "m", 3)),
        ("Demand not modelled", _figure(issue["p_kw"], "kW", 1)),
        ("Customers not modelled", _figure(issue["customers"], "", 0)),
    ]
    return [(label, text) for label, text in lines if text]


def report_bytes(issues: DataIssues, suffix: str) -> bytes:
    """All that was found and done as a file: ".xlsx" a workbook, ".gpkg" layers (`write_report`)."""
    with TemporaryDirectory(prefix="feederplan-") as folder:
        path = Path(folder) / f"findings{suffix}"
        write_report(path, issues.network, issues.quality)
        return path.read_bytes()


def filtered(
    issues: gpd.GeoDataFrame, *, levels: list[str], rules: list[str], tables: list[str]
) -> gpd.GeoDataFrame:
    """Issues of the chosen levels, rules and tables; an empty list chooses all."""
    keep = np.ones(len(issues), dtype=bool)
    for column, chosen in (("level", levels), ("rule", rules), ("table", tables)):
        if chosen:
            keep &= issues[column].isin(chosen).to_numpy()
    return issues[keep]


def _issues(network: Network, findings: pd.DataFrame) -> gpd.GeoDataFrame:
    """All that is set aside, in doubt and repaired, in one form; an element set aside counts once."""
    doubts = findings[findings["severity"] != "quarantine"].assign(level=DOUBT)
    aside = network.quarantine.assign(level=SET_ASIDE, value=None)
    done = network.repairs
    change = np.where(done["before"].fillna("") == "", "now ", done["before"].astype(str) + " -> ")
    repairs = done.assign(
        level=REPAIRED,
        rule=done["action"],
        message=done["action"].replace(ACTIONS),
        value=change + done["after"].astype(str),
    )
    parts = [part.reindex(columns=list(ISSUE_COLUMNS)) for part in (aside, doubts, repairs) if len(part)]
    rows = pd.concat([p.astype(object) for p in parts], ignore_index=True) if parts else _no_issues()
    numbers = {c: pd.to_numeric(rows[c], errors="coerce") for c in ("distance_m", "p_kw", "customers")}
    places = _places(network, rows)
    return gpd.GeoDataFrame(rows.assign(**numbers, geometry=places), geometry="geometry", crs=network.crs)


def _keys(findings: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(findings[["rule", "table", "element_id", "message"]].astype(object))


def _no_issues() -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=object) for column in ISSUE_COLUMNS})


def _places(network: Network, rows: pd.DataFrame) -> np.ndarray:
    """A point per issue: its own place, else its element's; None where neither has one."""
    own = rows["geometry"].to_numpy(dtype=object)
    found = own.copy()
    found[~shapely.is_geometry(own)] = None
    for name, table in TABLES.items():
        wanted = np.flatnonzero((rows["table"] == name).to_numpy() & ~shapely.is_geometry(found))
        if not table.has_geometry or not len(wanted):
            continue
        frame = network.table(name)
        at = frame.index.get_indexer(rows["element_id"].iloc[wanted])
        found[wanted[at >= 0]] = np.asarray(frame.geometry.array)[at[at >= 0]]
    xy, at = shapely.get_coordinates(found, return_index=True)
    found[at[~np.isfinite(xy).all(axis=1)]] = None  # of a vertex that is no number a place at (0, 0) is made
    points = np.asarray(shapely.point_on_surface(found), dtype=object)
    points[shapely.is_empty(points)] = None
    return points


def _words(value: object) -> str:
    return "" if value is None or (isinstance(value, float) and np.isnan(value)) else str(value)


def _figure(value: object, unit: str, digits: int) -> str:
    number = float(str(value)) if value is not None else np.nan
    return f"{number:,.{digits}f} {unit}".strip() if np.isfinite(number) and number else ""
