"""Import data and Data quality in Streamlit's own harness: steps, refusals, names as text, sessions apart."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import gis
from app_pages.frame import plain
from capacity.launch import NETWORK_VARIABLE
from gis.examples import network_from_text
from tests.app_pages.test_pages import SMALL, metric, run_page
from tests.capacity.test_mapping_draft import WRITTEN, town
from tests.networks import raw_layers, station, write_raw

EVIL = "<img src=x onerror=alert(1)>${alert(2)}`*b*"


def file_of(
    layers: dict[str, pd.DataFrame], tmp_path: Path, name: str = "town.gpkg"
) -> tuple[str, bytes, str]:
    return name, write_raw(layers, tmp_path / "sent.gpkg").read_bytes(), "application/octet-stream"


def upload(page: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    return page.file_uploader(key="import_files").set_value(list(files)).run()


def imported(tmp_path: Path) -> AppTest:
    page = upload(run_page("import"), file_of(town(), tmp_path))
    return page.button(key="import_start").click().run()


def test_the_first_step_says_what_can_be_imported_and_what_becomes_of_it() -> None:
    page = run_page("import")
    said = " ".join(caption.value for caption in page.caption)
    assert "Shapefile" in said
    assert "deleted a few minutes after you close it" in said
    assert len(page.button) == 0


def test_an_upload_shows_its_layers_and_a_proposal_that_can_be_imported(tmp_path: Path) -> None:
    page = upload(run_page("import"), file_of(town(), tmp_path))
    assert not page.exception
    layers = page.dataframe[0].value.set_index("layer")
    assert layers.loc["Kabel", "rows"] == 3
    assert [tab.label for tab in page.tabs] == [
        plain(label)
        for label in (
            "lines (Kabel)",
            "transformers (Trafos)",
            "sources (Netzeinspeisung)",
            "loads (Hausanschluesse)",
        )
    ]
    assert not page.button(key="import_start").disabled


def test_an_import_accounts_for_every_row_and_can_be_opened(tmp_path: Path) -> None:
    page = imported(tmp_path)
    assert not page.exception
    said = [*page.success, *page.warning][0].value
    assert plain("Loads: 2 read = ") in said
    assert metric(page, "Demand modelled") == "50.0 kW"
    page.button(key="import_open").click().run()
    opened = page.session_state["opened_network"]
    assert gis.read_network(opened).loads["p_kw"].sum() == 50.0
    assert page.button(key="import_open").disabled


def test_another_page_shows_the_imported_network_and_goes_back_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.gpkg"
    gis.write_network(network_from_text(SMALL["low voltage only"]), path)
    page = run_page("network")
    first = metric(page, "Demand")
    page.session_state["opened_network"] = path
    page.run()
    assert metric(page, "Demand") == "5 kW"
    page.button(key="first_network").click().run()
    assert metric(page, "Demand") == first


def test_another_session_does_not_see_it(tmp_path: Path) -> None:
    imported(tmp_path).button(key="import_open").click().run()
    assert metric(run_page("network"), "Demand") == "36,730 kW"
    assert len(run_page("import").button) == 0


def test_a_choice_after_the_import_asks_for_another_import(tmp_path: Path) -> None:
    page = imported(tmp_path)
    page.number_input(key="import_near_0").set_value(0.5).run()
    assert "import again" in page.info[0].value
    assert not page.metric


def test_what_is_missing_stands_in_red_and_stops_the_import(tmp_path: Path) -> None:
    layers = {name: frame for name, frame in town().items() if name != "Netzeinspeisung"}
    page = upload(run_page("import"), file_of(layers, tmp_path))
    red = " ".join(one.value for one in page.markdown if ":red[" in one.value)
    assert "Missing in sources" in red
    assert page.button(key="import_start").disabled


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_system_that_is_not_stated_is_asked_for_and_named(tmp_path: Path) -> None:
    layers = {name: frame.set_crs(None, allow_override=True) for name, frame in town().items()}
    page = upload(run_page("import"), file_of(layers, tmp_path))
    assert page.button(key="import_start").disabled
    page.number_input(key="import_epsg").set_value(1234).run()
    assert page.button(key="import_start").disabled
    page.number_input(key="import_epsg").set_value(25832).run()
    assert any("UTM zone 32N" in caption.value for caption in page.caption)
    page.button(key="import_start").click().run()
    assert metric(page, "Demand modelled") == "50.0 kW"


def test_a_file_that_cannot_be_read_is_refused_in_words_without_a_place_of_the_server() -> None:
    page = upload(run_page("import"), ("town.gpkg", b"<OGRVRTDataSource/>", ""))
    assert not page.exception
    assert "cannot be read" in page.error[0].value
    assert "feederplan-import" not in page.code[0].value
    assert len(page.button) == 0


def test_a_refused_import_names_every_fault(tmp_path: Path) -> None:
    layers = raw_layers(station())
    layers["lines"] = layers["lines"].assign(vn_kv="high")
    layers["sources"] = layers["sources"].assign(bus_id="nowhere")
    page = upload(run_page("import"), file_of(layers, tmp_path))
    page.button(key="import_start").click().run()
    assert not page.exception
    assert "refused" in page.error[0].value
    assert "no_source" in page.code[0].value


def test_a_mapping_file_is_taken_and_a_faulty_one_explained(tmp_path: Path) -> None:
    page = upload(run_page("import"), file_of(town(), tmp_path))
    way = next(radio for radio in page.radio if "understood" in radio.label)
    way.set_value("mine").run()
    page.file_uploader(key="import_mapping").set_value(
        ("m.toml", b"[[tables]]\ntable = 'lins'\nlayer = 'a'", "")
    ).run()
    assert "cannot be used" in page.error[0].value
    assert "'lins'" in page.code[0].value
    page.file_uploader(key="import_mapping").set_value(("m.toml", WRITTEN.encode(), "")).run()
    assert not page.exception
    assert page.button(key="import_start").disabled  # it maps no source


def test_names_of_layers_columns_and_values_are_text(tmp_path: Path) -> None:
    layers = town()
    loads = layers["Hausanschluesse"].assign(**{EVIL: "x"})
    loads["Kundenart"] = loads["Kundenart"].replace({"Haushalt": EVIL})
    layers["Hausanschluesse"] = loads
    layers[f"Rest {EVIL[:12]}"] = pd.DataFrame(layers["Kabel"].drop(columns="geometry")).head(0)
    page = upload(run_page("import"), file_of(layers, tmp_path, f"{EVIL}.gpkg"))
    assert not page.exception
    texts = [one.value for kind in (page.caption, page.markdown, page.error, page.warning) for one in kind]
    texts += [tab.label for tab in page.tabs] + [expander.label for expander in page.expander]
    assert not any("<img" in text.replace("\\<", "") for text in texts)


def test_the_quality_page_of_a_sound_network_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.gpkg"
    gis.write_network(station(), path)
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))
    page = run_page("quality")
    assert not page.exception
    assert metric(page, "Customers modelled") == "7"


def test_the_quality_page_filters_issues_and_opens_the_card_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = raw_layers(station())
    layers["loads"] = layers["loads"].assign(p_kw=[-30.0, 20.0])
    layers["generators"] = layers["generators"].drop(columns="bus_id")
    from gis.importer import import_tables, require_network

    path = tmp_path / "small.gpkg"
    gis.write_network(require_network(import_tables(layers), path), path)
    monkeypatch.setenv(NETWORK_VARIABLE, str(path))
    page = run_page("quality")
    assert metric(page, "Demand set aside") == "-30.0 kW"
    table = page.dataframe[0].value
    assert {"set aside", "repaired"} <= set(table["level"])
    page.multiselect(key="quality_level").set_value(["set aside"]).run()
    assert set(page.dataframe[0].value["level"]) == {"set aside"}
    page.session_state["quality_picked"] = int(page.dataframe[0].value.index[0])
    page.run()
    card = " ".join(one.value for one in page.markdown)
    assert "What to do" in card
    assert plain("check the unit") in card
