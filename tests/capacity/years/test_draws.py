"""Many draws: quantiles by hand, and the worst hours alone against all hours on grids drawn by lot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from capacity.demand.year_demand import YearDemand
from capacity.years.draws import study_draws
from capacity.years.year import study_year
from gis import Network
from gis.examples import network_from_text
from tests.capacity.grids import yardstick_of
from tests.capacity.years.test_worst_hours import LOOP
from tests.capacity.years.years_by_hand import town, year_of


def _by_lot(demand: YearDemand, count: int, *, low: float = 0.5, high: float = 1.6) -> Iterator[YearDemand]:
    """Draws in which the demand of every bus and group is multiplied by a lot."""
    for draw in range(count):
        lot = np.random.default_rng(draw).uniform(low, high, size=demand.demand.kva.shape)
        yield replace(demand, draw=draw, demand=replace(demand.demand, kva=demand.demand.kva * lot))


def _week(network: Network, seed: int = 5) -> YearDemand:
    """168 hours of factors by lot, with quiet nights and sun by day."""
    rng, hours = np.random.default_rng(seed), np.arange(168)
    day = np.clip(np.sin((hours % 24 - 6) / 12.0 * np.pi), 0.0, None)
    shapes = {
        name: np.clip(0.3 + 0.5 * rng.random(168) + 0.3 * day * rng.random(168), 0.0, 1.0)
        for name in ("residential", "commercial")
    }
    return year_of(network, {**shapes, "pv": day * rng.random(168)})


def _two_classes(**changes: object) -> Network:
    network = town(generators=[("pv-A2", "A2", 120.0), ("pv-C1", "C1", 30.0)], **changes)
    classes = ["residential", "commercial", "residential"]
    return replace(network, loads=network.loads.assign(customer_class=classes))


def test_quantiles_and_probability_by_hand() -> None:
    """Three draws: A2 draws 140, 168 and 196 kW; L1 is rated 270 A, about 185 kW with A1 and losses."""
    network = town(a2_kw=140.0)
    demand = year_of(network, {"residential": [1.0, 0.9]})
    draws = []
    for number, factor in enumerate((1.0, 1.2, 1.4)):
        kva = demand.demand.kva.copy()
        kva[list(network.buses.index).index("A2")] *= factor
        draws.append(replace(demand, draw=number, demand=replace(demand.demand, kva=kva)))
    model, yardstick = demand.model_on(network), yardstick_of(network)
    found = study_draws(model, yardstick, iter(draws))
    years = [study_year(model, yardstick, one) for one in draws]
    loading = [year.lines.loc["L1", "loading_max_percent"] for year in years]
    assert loading[0] < 100.0 < loading[1] < loading[2]
    row = found.lines.loc["L1"]
    assert row["loading_p50_percent"] == pytest.approx(loading[1], abs=1e-6)
    assert row["loading_p10_percent"] == pytest.approx(0.8 * loading[0] + 0.2 * loading[1], abs=1e-6)
    assert row["loading_p90_percent"] == pytest.approx(0.2 * loading[1] + 0.8 * loading[2], abs=1e-6)
    assert row["probability"] == pytest.approx(2 / 3)
    assert found.lines.loc["L3", "probability"] == 0.0
    hours = [year.lines.loc["L1", "hours_over"] for year in years]
    assert row["hours_over_p50"] == sorted(hours)[1]
    assert found.draws["lines_over"].tolist() == [int((year.lines["hours_over"] > 0).sum()) for year in years]
    assert found.draws["vm_min_pu"].to_numpy() == pytest.approx([y.buses["vm_min_pu"].min() for y in years])


@pytest.mark.parametrize(
    ("a2_kw", "source_pu"),
    [(30.0, 1.0), (130.0, 1.0), (130.0, 1.06), (170.0, 0.96)],
    ids=["all_holds", "some_break", "sun_breaks_too", "most_break"],
)
def test_worst_hours_answer_as_all_hours_do(a2_kw: float, source_pu: float) -> None:
    network = _two_classes(a2_kw=a2_kw, source_pu=source_pu)
    demand = _week(network)
    model, yardstick = demand.model_on(network), yardstick_of(network)
    few, every = (
        study_draws(model, yardstick, _by_lot(demand, 12), every_hour=every) for every in (False, True)
    )
    assert (every.draws["hours_solved"] == 168).all()
    assert few.draws["hours_solved"].min() < 100
    for table in ("buses", "lines", "transformers"):
        pd.testing.assert_frame_equal(getattr(few, table), getattr(every, table), atol=1e-7, rtol=1e-7)
    told = [name for name in few.draws if name != "hours_solved"]
    pd.testing.assert_frame_equal(few.draws[told], every.draws[told], atol=1e-7, rtol=1e-7)
    if a2_kw == 30.0:
        assert not few.draws[["lines_over", "transformers_over"]].any(axis=None)
    else:
        assert few.lines["probability"].max() > 0.0 or few.buses["probability"].max() > 0.0


def test_grids_with_loops_are_solved_in_every_hour() -> None:
    network = network_from_text(LOOP.replace("load H", "load J D 3 residential\nload H"))
    demand = year_of(network, {"residential": [1.0, 0.5, 0.2]})
    found = study_draws(demand.model_on(network), yardstick_of(network), [demand])
    assert found.draws["hours_solved"].tolist() == [3.0]


def test_draws_with_hours_without_solution_are_told() -> None:
    network = town()
    demand = year_of(network, {"residential": [0.2, 0.5, 400.0, 0.4]})
    found = study_draws(demand.model_on(network), yardstick_of(network), [demand])
    assert found.draws["hours_without_solution"].tolist() == [1.0]
    assert found.draws["hours_solved"].tolist() == [4.0]  # nothing is known to hold above 0.2
    assert found.lines["loading_p50_percent"].notna().all()


def test_a_year_without_any_solution_has_no_figures() -> None:
    network = town()
    demand = year_of(network, {"residential": [400.0]})
    found = study_draws(demand.model_on(network), yardstick_of(network), [demand])
    assert found.lines["loading_p50_percent"].isna().all()
    assert np.isnan(found.draws["vm_min_pu"].iloc[0])
    assert found.draws["hours_without_solution"].tolist() == [1.0]


def test_draws_of_different_years_and_none_are_refused() -> None:
    network = town()
    one = year_of(network, {"residential": [1.0]})
    model, yardstick = one.model_on(network), yardstick_of(network)
    with pytest.raises(ValueError, match="test@2030 and of test@2035"):
        study_draws(model, yardstick, [one, replace(one, year=2035)])
    with pytest.raises(ValueError, match="no draw"):
        study_draws(model, yardstick, [])


def test_an_island_is_a_row_without_figures() -> None:
    network = town(switches=[("X", False, "B1", "lines", "L1")])
    demand = year_of(network, {"residential": [1.0]})
    found = study_draws(demand.model_on(network), yardstick_of(network), [demand, replace(demand, draw=1)])
    assert np.isnan(found.buses.loc["A2", "vm_min_p50_pu"])
    assert found.buses.loc["C1", "vm_min_p50_pu"] > 0.9
    assert len(found.buses) == len(network.buses)
