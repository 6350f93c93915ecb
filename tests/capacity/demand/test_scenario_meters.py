"""Metered customers of a scenario draw what was read, hour by hour, and grow with their class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from capacity.demand.scenario_demand import Outlook, outlook_of
from gis.feeders import trace_supply
from gridmodel.standard_profiles.tables import year_hours
from tests.capacity.demand.scenario_text import AT_ONCE, EV, scenario_of
from tests.networks import station

HOURS = year_hours(2025)
# A works day and night, at home in the evening; never twice the same hour, so that a shift would show.
WORKS_KW = 15.0 + 5.0 * np.sin(np.arange(8760) / 700.0)
HOME_KW = 2.0 + 1.5 * np.cos(np.arange(8760) * 2.0 * np.pi / 24.0) + np.arange(8760) / 8760.0
BLOCK = "[meters]\nfile = 'readings.csv'\nunit = 'kw'\nsource = 'a test'\n"
GROWS = "[classes.commercial]\ngrowth_percent = 10.0\nsource = 'a test'\n"


def _outlook(folder: Path, *blocks: str) -> Outlook:
    readings = pd.DataFrame({"time": HOURS.strftime("%Y-%m-%dT%H:%M:%SZ"), "J": WORKS_KW, "H": HOME_KW})
    readings.to_csv(folder / "readings.csv", index=False)
    return outlook_of(station(), trace_supply(station()), scenario_of(folder, *blocks))


def test_every_hour_adds_up_to_what_was_read(tmp_path: Path) -> None:
    demand = _outlook(tmp_path, BLOCK).demand(2025)
    assert demand.total_kw() == pytest.approx(WORKS_KW + HOME_KW, rel=1e-12)
    rows = demand.customers.set_index("load_id")
    assert rows.loc["J", ["group", "peak_kw"]].tolist() == ["meter J", WORKS_KW.max()]
    assert rows.loc["H", "peak_kw"] == pytest.approx(HOME_KW.max() / 6.0), "one of six homes"
    assert demand.methods["meter H"].method == "measured"


def test_metered_customers_grow_and_take_up_like_their_class(tmp_path: Path) -> None:
    demand = _outlook(tmp_path, BLOCK, GROWS, EV + AT_ONCE).demand(2035)
    per_group = dict(zip(demand.demand.groups, demand.demand.kva.real.sum(axis=0), strict=True))
    assert per_group["meter J"] == pytest.approx(WORKS_KW.max() * 1.1**10)
    assert per_group["ev"] == pytest.approx(66.0)
    assert per_group["residential"] == 0.0


def test_the_largest_come_first_and_every_load_is_told(tmp_path: Path) -> None:
    outlook = _outlook(tmp_path, BLOCK + "largest = 1\n")
    told = outlook.meters.set_index("load_id")
    assert told["status"].to_dict() == {"H": "by_class", "J": "measured"}
    assert told.loc["H", "reason"] == "not among the 1 largest: it follows its class"
    assert outlook.demand(2025).customers["group"].tolist() == ["residential", "meter J"]
    left_out = _outlook(tmp_path, BLOCK, "[classes.commercial]\nfactor = 0.0\nsource = 'a test'")
    assert left_out.meters.set_index("load_id").loc["J", "status"] == "not_placed"


def test_a_tariff_moves_no_readings(tmp_path: Path) -> None:
    plain, priced = (
        _outlook(tmp_path, BLOCK, *block).demand(2025) for block in ([], ["[tariff]\nsource = 'x'"])
    )
    assert not np.array_equal(plain.factors, priced.factors)
    assert priced.total_kw() == pytest.approx(plain.total_kw(), rel=1e-12)
