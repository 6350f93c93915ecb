"""An answer is kept with all it rests on, and given again from that to the byte."""

from __future__ import annotations

import pytest
from pyproj import CRS

from capacity.connection import ConnectionConfig
from capacity.demand.development import Development, HomeGroup
from capacity.limits import read_limits
from capacity.network_record import network_record
from capacity.store import Store, open_store, repeating
from capacity.store.repeating import answers_on, keep, repeat
from gis import InputError, Network
from tests.capacity.grids import station

CONFIG = ConnectionConfig("base", read_limits("dena"))


@pytest.fixture(scope="module")
def grid() -> Network:
    return station()


@pytest.fixture(scope="module")
def kept(grid: Network, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """A project file with one answer in it."""
    store = open_store(tmp_path_factory.mktemp("kept") / "town.fplan", user="anna")
    place = grid.buses.geometry.loc["A1"].buffer(10.0)
    asked = Development(place, dwellings=2, homes=(HomeGroup(3, 90.0, "heat_pump"),), pv_kw=5.0)
    application = store.add(asked, grid.crs)
    answer = next(answers_on(grid, [application.development_in(grid.crs)], CONFIG))
    return store, keep(store, application, answer, grid, CONFIG)


def test_the_same_ground_gives_the_same_bytes_whatever_the_version(
    kept: tuple[Store, str], grid: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, assessment_id = kept
    ground = store.assessment(assessment_id).ground
    monkeypatch.setattr(repeating, "versions", lambda: {**ground.versions, "numpy": "9.9"})
    again = repeat(store, assessment_id)
    assert again.is_same
    (told,) = again.differences.to_numpy().tolist()
    assert told == ["version of numpy", ground.versions["numpy"], "9.9"]
    assert ground.network_sha256 == network_record(grid)["sha256"]
    assert ground.question["config"]["limits"]["name"] == CONFIG.limits.name
    assert ground.question["config"]["assumptions"]["home"]["admd_kw"] == CONFIG.assumptions.home.admd_kw
    assert {"feederplan", "pandapower", "numpy", "python"} <= set(ground.versions)
    assert again.kept.answer["verdict"] == again.kept.verdict


def test_a_network_that_is_not_kept_has_to_be_given(store: Store, kept: tuple[Store, str]) -> None:
    answer = kept[0].assessment(kept[1])
    application = store.add(kept[0].every_application()[0].development, CRS("EPSG:25832"))
    told = {"verdict": answer.verdict, "sentence": answer.sentence, "ground": answer.ground}
    lone = store.keep_assessment(application, answer.record, **told)
    with pytest.raises(InputError, match="--network"):
        repeat(store, lone)
