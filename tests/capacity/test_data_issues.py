"""Every row read, every kW and every doubt is in the report, on the map and in the spreadsheet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

import gis
from capacity.data_issues import (
    DOUBT,
    REPAIRED,
    SET_ASIDE,
    balance_sentence,
    balance_table,
    counts_by_action,
    counts_by_rule,
    demand_balance,
    filtered,
    issue_card,
    judge,
    read_issues,
    report_bytes,
)
from gis.findings import make_findings
from gis.formats import read_source
from gis.importer import import_tables, require_network
from tests.networks import raw_layers, station


def faulty() -> gis.Network:
    """The station with one load of text, one line end that has to be moved, and a doubt without a place."""
    layers = raw_layers(station())
    loads = layers["loads"].astype({"p_kw": object})
    loads.loc[loads["load_id"] == "H", "bus_id"] = "nowhere"
    lines = layers["lines"].drop(columns=["from_bus_id", "to_bus_id"])
    generators = layers["generators"].drop(columns="bus_id")
    network = require_network(
        import_tables(layers | {"loads": loads, "lines": lines, "generators": generators}), Path("t")
    )
    doubt = make_findings(
        "unit_slip",
        "loads",
        [""],
        "p_kw looks like W; map the column with factor = 0.001",
        severity="warning",
    )
    return replace(network, findings=pd.concat([network.findings, doubt], ignore_index=True))


def test_rows_and_kilowatts_read_are_modelled_or_set_aside() -> None:
    network = faulty()
    table = balance_table(network).set_index("table")
    assert table.loc["loads", ["read", "modelled", "set_aside", "set_aside_kw"]].tolist() == [2, 1, 1, 30.0]
    assert demand_balance(network) == {
        "modelled_kw": 20.0,
        "set_aside_kw": 30.0,
        "modelled_customers": 1.0,
        "set_aside_customers": 6.0,
    }
    assert "Loads: 2 read = 1 modelled + 1 set aside; 50.0 kW read" in balance_sentence(network)


def test_rows_set_aside_of_other_tables_are_said() -> None:
    network = faulty()
    other = network.quarantine.assign(table="transformers", p_kw=np.nan, customers=np.nan)
    assert "Also set aside: 1 of 2 transformers." in balance_sentence(replace(network, quarantine=other))


def test_issues_are_set_aside_doubts_and_repairs_each_with_a_place_where_there_is_one() -> None:
    issues = judge(faulty())
    levels = issues.rows.groupby("level").size()
    assert levels[SET_ASIDE] == 1
    assert levels[REPAIRED] == len(issues.network.repairs) > 0
    aside = issues.rows.query("level == @SET_ASIDE").iloc[0]
    assert (aside["element_id"], aside["p_kw"]) == ("H", 30.0)
    assert aside["geometry"].equals(station().loads.geometry["H"])
    doubt = issues.rows[issues.rows["rule"] == "unit_slip"].iloc[0]
    assert doubt["level"] == DOUBT
    assert doubt["geometry"] is None


def test_a_doubt_without_own_place_stands_at_its_element() -> None:
    doubt = make_findings("length", "lines", ["N"], "too long; check it", severity="warning")
    issues = judge(replace(station(), findings=doubt))
    place = issues.rows.geometry.iloc[0]
    assert place.distance(station().lines.geometry["N"]) < 1e-6


def test_a_place_with_a_vertex_that_is_no_number_is_none() -> None:
    with np.errstate(invalid="ignore"):
        nowhere = [shapely.Point(np.nan, np.nan), shapely.LineString([(0, 0), (np.nan, 1), (2, 2)])]
    ids = ["x", "y"]
    doubt = make_findings("odd", "nothing", ids, "odd", severity="warning", geometry=nowhere)
    assert judge(replace(station(), findings=doubt)).rows.geometry.isna().all()


def test_a_network_without_issues_has_the_columns_all_the_same() -> None:
    issues = judge(station())
    assert issues.rows.empty
    assert {"level", "rule", "element_id", "geometry"} <= set(issues.rows.columns)
    assert counts_by_rule(issues.findings).empty
    assert counts_by_action(issues.network.repairs).empty


def test_counts_put_faults_before_doubts() -> None:
    counts = counts_by_rule(faulty().findings)
    assert counts["severity"].iloc[0] == "quarantine"
    assert counts["count"].sum() == len(faulty().findings)


def test_a_card_tells_what_is_wrong_and_what_to_do() -> None:
    issues = judge(faulty())
    doubt = issues.rows[issues.rows["rule"] == "unit_slip"].iloc[0]
    card = dict(issue_card(doubt))
    assert card["What is wrong"] == "p_kw looks like W"
    assert card["What to do"] == "map the column with factor = 0.001"
    repair = issues.rows[issues.rows["rule"] == "nearest_bus"].iloc[0]
    assert dict(issue_card(repair))["What was done"].startswith("connected to the nearest bus")


def test_filters_choose_by_level_rule_and_table_and_nothing_chosen_is_all() -> None:
    issues = judge(faulty()).rows
    assert len(filtered(issues, levels=[], rules=[], tables=[])) == len(issues)
    chosen = filtered(issues, levels=[REPAIRED], rules=[], tables=["generators"])
    assert set(chosen["table"]) == {"generators"}


def test_the_quality_of_a_file_holds_what_was_found_at_its_import(tmp_path: Path) -> None:
    path = tmp_path / "town.gpkg"
    gis.write_network(faulty(), path)
    issues = read_issues(path, gis.read_network(path))
    assert {"unit_slip", "unknown_reference"} <= set(issues.findings["rule"])
    assert len(issues.network.quarantine) == 1


def test_a_finding_of_now_is_not_told_a_second_time_from_the_record() -> None:
    network = faulty()
    assert len(judge(network, network.findings).findings) == len(network.findings)


def test_downloads_hold_every_row(tmp_path: Path) -> None:
    issues = judge(faulty())
    layers = _written(tmp_path / "findings.gpkg", report_bytes(issues, ".gpkg"))
    read = {name: len(rows) for name, rows in read_source(layers).layers.items()}
    assert read["findings"] == len(issues.findings)
    assert (read["quarantine"], read["repairs"]) == (1, len(issues.network.repairs))
    book = pd.read_excel(_written(tmp_path / "f.xlsx", report_bytes(issues, ".xlsx")), sheet_name=None)
    assert {name: len(book[name]) for name in read} == read


def test_feeders_are_scored_by_what_was_found() -> None:
    issues = judge(faulty())
    assert issues.quality.score_percent < judge(station()).quality.score_percent
    assert issues.quality.feeders["quarantined"].sum() == 1


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
