"""Cards: what stands on them is what the load flow found, with units, and says when there is no data."""

from __future__ import annotations

import pandas as pd
import pytest

from capacity.cards import asset_card, headroom_bus, headroom_sentence
from capacity.data_quality import hold_back_result
from gis import Network
from gridmodel import build_model, read_catalogue, run_load_flow
from tests.capacity.grids import station, yardstick_of


def _card(network: Network, table: str, element_id: str) -> dict[str, str]:
    result = run_load_flow(build_model(network))
    return dict(asset_card(yardstick_of(network), read_catalogue(), result, table, element_id))


def test_line_card() -> None:
    card = _card(station(), "lines", "L1")
    assert card["Line"] == "L1"
    assert (card["Type"], card["Length"], card["Rated current"]) == ("NAYY 4x150 SE", "100 m", "270 A")
    assert card["Behind it"] == "50 kW, 11 customers"
    assert card["Feeder"] == "L1"
    assert card["Loading"].endswith("% (within the limit of 100 %)")


def test_an_overloaded_line_says_so() -> None:
    assert "over the limit of 100 %" in _card(station(a2_kw=180.0), "lines", "L1")["Loading"]


def test_transformer_card() -> None:
    card = _card(station(), "transformers", "T1")
    assert card["Rated power"] == "250 kVA, 20/0.4 kV"
    assert card["Behind it"] == "60 kW, 14 customers"
    assert card["Fed by feeder"] == "K1"
    assert card["Voltage at busbar"].endswith(" pu")


def test_bus_card() -> None:
    card = _card(station(), "buses", "A2")
    assert card["Demand here"] == "30.0 kW, 6 customers"
    assert card["Unserved here"] == "0.0 kW"
    assert (card["Feeder"], card["Station"], card["Fed through"]) == ("L1", "T1", "L2")


@pytest.mark.parametrize(("table", "element_id"), [("lines", "L2"), ("buses", "A2")])
def test_an_asset_of_a_feeder_with_weak_data_says_so(table: str, element_id: str) -> None:
    network = station()
    yardstick = yardstick_of(network)
    weak = {"L1": "score 3 %: load_beyond x 1"}
    result = hold_back_result(run_load_flow(build_model(network)), yardstick, weak)
    card = asset_card(yardstick, read_catalogue(), result, table, element_id, weak=weak)
    assert card[1] == ("Results", "data too weak, score 3 %: load_beyond x 1")
    assert "no data" in dict(card)["Loading" if table == "lines" else "Voltage"]
    assert "Results" not in dict(asset_card(yardstick, read_catalogue(), result, "lines", "L3", weak=weak))


@pytest.mark.parametrize(("table", "element_id"), [("lines", "L2"), ("buses", "A2")])
def test_a_dead_asset_shows_no_figures(table: str, element_id: str) -> None:
    card = _card(station(switches=[("X", False, "A1", "lines", "L2")]), table, element_id)
    assert "nan" not in " ".join(card.values()).lower()
    if table == "buses":
        assert (card["Voltage"], card["Unserved here"], card["Station"]) == ("no data", "30.0 kW", "none")


@pytest.mark.parametrize(("table", "element_id"), [("lines", "L1"), ("transformers", "T1"), ("buses", "A1")])
def test_cards_without_a_solution_show_no_figures(table: str, element_id: str) -> None:
    card = _card(station(a2_kw=5000.0), table, element_id)
    assert "no data" in card.values()
    assert "nan" not in " ".join(card.values()).lower()


@pytest.mark.parametrize(
    ("table", "element_id"), [("lines", "none"), ("transformers", "none"), ("buses", "none"), ("sites", "x")]
)
def test_what_is_not_there_is_a_key_error(table: str, element_id: str) -> None:
    with pytest.raises(KeyError):
        _card(station(), table, element_id)


@pytest.mark.parametrize(
    ("table", "element_id", "bus_id"),
    [("buses", "C1", "C1"), ("transformers", "T1", "B1"), ("lines", "L2", "A2"), ("lines", "K1", "M2")],
)
def test_the_bus_that_answers_for_an_asset(table: str, element_id: str, bus_id: str) -> None:
    assert headroom_bus(yardstick_of(station()), table, element_id) == bus_id


@pytest.mark.parametrize(
    ("status", "kw", "said"),
    [
        ("ok", 12.0, "12 kW more load fits at A1; one kW more gives line overload at L1."),
        ("capped", 20_000.0, "At least 20,000 kW more load fits at A1; more was not tried."),
        ("already_violated", 0.0, "No more load fits at A1: line overload at L1 is there already."),
        (
            "undetermined",
            float("nan"),
            "Not to be said for A1: it has no supply, or the scenario no solution.",
        ),
    ],
)
def test_headroom_in_words(status: str, kw: float, said: str) -> None:
    row = {
        "bus_id": "A1", "direction": "load", "headroom_kw": kw, "status": status,
        "binding_check": "line_overload", "binding_id": "L1",
    }  # fmt: skip
    assert headroom_sentence(pd.Series(row)) == said
