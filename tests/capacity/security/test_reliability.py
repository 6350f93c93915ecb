"""SAIDI, SAIFI and energy not supplied of an open ring, worked out by hand with the figures of the RBTS."""

from __future__ import annotations

from functools import cache

import pytest

from capacity.security.groups import feeder_verdicts
from capacity.security.practice import failure_figures, practice_names, read_practice
from capacity.security.rules import read_rule
from capacity.security.supply_security import SupplySecurity, study_supply_security
from gis import InputError
from tests.capacity.security.open_ring import plan, ring, studied


@cache
def found() -> SupplySecurity:
    return study_supply_security(*studied(), read_practice("rbts"))


def test_indices_by_hand() -> None:
    # Cables 0.04 per km and year; all that is switched is back after 60 minutes, a busbar after 120.
    #   K1, K2, K3: 0.04 + 0.08 + 0.04 failures, 60 customers off for 60 minutes   = 576.0 customer minutes
    #   K4, K5: 0.08 failures, 40 customers for 60 minutes                         = 192.0
    #   busbars, 0.001 each: B 10 x 120 + 50 x 60, C 20 x 120 + 40 x 60,
    #                        D 30 x 120 + 30 x 60, E 40 x 120, A 100 x 120         =  31.2
    saidi = (576.0 + 192.0 + 31.2) / 100
    saifi = (0.16 * 60 + 0.08 * 40 + 0.001 * (60 + 60 + 60 + 40 + 100)) / 100
    indices = found().reliability
    assert indices.customers == 100
    assert indices.saidi_minutes == pytest.approx(saidi, rel=1e-12)
    assert indices.saifi == pytest.approx(saifi, rel=1e-12)
    assert indices.caidi_minutes == pytest.approx(saidi / saifi)
    # Every customer draws 10 kW here: energy follows the customer minutes.
    assert indices.ens_kwh == pytest.approx(saidi * 100 * 10 / 60)
    assert indices.elements[["saifi", "saidi_minutes"]].sum().tolist() == pytest.approx([saifi, saidi])


def test_consequences_agree_with_the_switching_plans() -> None:
    rows = found().consequences
    for row in rows[rows["element_id"].isin(["K1", "K2", "K3", "K4", "C", "A", "S"])].itertuples():
        told = plan(row.table, row.element_id).figures()
        assert row.customers_off == told["customers_off"], row.element_id
        assert row.customers_left == told["customers_left"], row.element_id
        minutes = sum(
            getattr(row, f"customers_{stage}") * getattr(row, f"minute_{stage}")
            for stage in ("upstream", "switched", "left")
        )
        assert minutes == pytest.approx(told["customer_minutes"]), row.element_id


def test_stages_add_up_and_nothing_is_negative() -> None:
    rows = found().consequences
    stages = ("upstream", "switched", "left")
    for what in ("customers", "kw"):
        parts = rows[[f"{what}_{stage}" for stage in stages]]
        assert (parts >= -1e-9).all().all()
        assert parts.sum(axis=1).to_numpy() == pytest.approx(rows[f"{what}_off"].to_numpy())


def test_groups_of_the_ring_under_two_rules() -> None:
    groups = found().groups
    verdicts = feeder_verdicts(found().judged(read_rule("n-1"))).set_index("group_id")
    assert verdicts["status"].to_dict() == {"S": "met", "K1": "met", "K4": "met"}
    # Within 15 minutes nothing is switched: a rule that asks for it finds both feeders short.
    assert set(groups["group_kind"]) == {"source", "feeder", "part"}
    first = groups[(groups["group_id"] == "K1")].sort_values("minute")
    assert first["group_demand_kw"].iloc[0] == pytest.approx(600.0)
    assert first["met_kw"].tolist() == pytest.approx([0.0, 600.0, 600.0])


def test_failures_follow_length_and_every_practice_knows_every_element() -> None:
    for name in practice_names():
        figures = failure_figures(ring(), read_practice(name)).set_index("element_id")
        assert figures.loc["K2", "failures_per_year"] == 2 * figures.loc["K1", "failures_per_year"] > 0
        assert len(figures) == 5 + 5 + 1
        assert figures["source"].str.len().min() > 0
        assert read_practice(name).table()["source"].str.len().min() > 0


def test_a_practice_without_figures_for_an_element_is_refused() -> None:
    practice = read_practice("rbts")
    cut = practice.model_copy(update={"failure": practice.failure[1:]})
    with pytest.raises(InputError, match=r"no \[\[failure\]\] block for lines \(cable\) at 20 kV"):
        failure_figures(ring(), cut)
