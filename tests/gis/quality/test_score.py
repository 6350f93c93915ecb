"""Score per feeder: the worked example by hand, what weighs and what does not."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from gis import Network
from gis.examples import network_from_text
from gis.findings import empty_findings, join_findings, make_findings
from gis.quality.score import (
    FEEDER_COLUMNS,
    TOO_WEAK,
    UNASSIGNED,
    feeder_quality,
    network_score_percent,
    weak_feeders,
)
from gis.quarantine import set_aside

# A feeder of 4 lines of 100 m with 5 loads of 10 kW, and a sixth load.
STREET = "\n".join(
    ["bus A 0.4", "source S A", *(f"bus B{n} 0.4" for n in range(4)), 'line L0 A B0 100 "NAYY 4x150 SE"']
    + [f'line L{n + 1} B{n} B{n + 1} 100 "NAYY 4x150 SE"' for n in range(3)]
    + [f"load H{n} B3 10" for n in range(6)]
)


def without(network: Network, table: str, element_id: str) -> Network:
    """The network with one element set aside."""
    error = make_findings("unknown_reference", table, [element_id], "it hangs on nothing")
    tables, aside = set_aside(network.tables(), error)
    return dataclasses.replace(network, **{table: tables[table]}, quarantine=aside)


def doubt(rule: str, table: str, element_id: str) -> pd.DataFrame:
    return make_findings(rule, table, [element_id], "a doubt", severity="warning")


def test_the_worked_example_of_the_docstring() -> None:
    network = without(network_from_text(STREET), "loads", "H5")
    rows = feeder_quality(network, doubt("near_miss", "lines", "L2")).set_index("feeder_id")
    lines, loads, buses = 1 - 0.25 / 4, 1 - 1 / 6, 1.0
    by_hand = 100 * (1 - 25 / 400) * (1 - 10 / 60) * (lines + loads + buses) / 3
    feeder = rows.loc["L0"]
    assert feeder["score_percent"] == pytest.approx(by_hand, abs=0.05)
    assert feeder[["lines", "customers", "demand_kw", "findings", "quarantined"]].tolist() == [
        4,
        5,
        50.0,
        1,
        1,
    ]
    assert feeder["reason"] == "set aside x 1, near_miss x 1"


def test_a_load_set_aside_for_its_sign_weighs_by_its_size() -> None:
    network = network_from_text(STREET)
    aside = without(network, "loads", "H5")
    negative = dataclasses.replace(aside, quarantine=aside.quarantine.assign(p_kw=-10.0))
    scores = [network_score_percent(n, empty_findings()) for n in (aside, negative)]
    assert scores[0] == scores[1] < 100.0


def test_a_feeder_without_findings_scores_full() -> None:
    network = network_from_text(STREET)
    rows = feeder_quality(network, empty_findings())
    assert tuple(rows.columns) == FEEDER_COLUMNS
    assert set(rows["score_percent"]) == {100.0}
    assert weak_feeders(rows) == {}
    assert network_score_percent(network, empty_findings()) == 100.0


def test_a_slip_of_a_column_makes_every_feeder_weak() -> None:
    rows = feeder_quality(network_from_text(STREET), doubt("unit_slip", "loads", ""))
    assert rows.set_index("feeder_id").loc["L0", ["score_percent", "status"]].tolist() == [0.0, TOO_WEAK]
    assert weak_feeders(rows) == {"L0": "score 0 %: unit_slip x 1"}


def test_the_gravest_finding_of_an_element_counts_once() -> None:
    network = network_from_text(STREET)
    one = doubt("load_outlier", "loads", "H0")
    both = join_findings([one, doubt("load_cos_phi", "loads", "H0")])
    scores = [feeder_quality(network, found)["score_percent"].min() for found in (one, both)]
    assert scores[0] == scores[1] < 100.0


def test_what_lies_far_from_every_line_is_nobodys() -> None:
    network = without(network_from_text(STREET), "loads", "H5")
    away = network.quarantine.assign(geometry=network.quarantine["geometry"].map(lambda p: None))
    rows = feeder_quality(dataclasses.replace(network, quarantine=away), empty_findings())
    assert rows.set_index("feeder_id").loc[UNASSIGNED, ["quarantined", "status"]].tolist() == [1, TOO_WEAK]
    assert rows.set_index("feeder_id").loc["L0", "score_percent"] == 100.0
    assert weak_feeders(rows) == {}


def test_a_network_without_rows_has_no_feeders() -> None:
    rows = feeder_quality(network_from_text(""), empty_findings())
    assert rows.empty
    assert tuple(rows.columns) == FEEDER_COLUMNS
