"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from gis.formats.geoparquet import write_frame
from gis.formats.whole import write_whole


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail(draft: Path) -> None:
        draft.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    write_whole(path, lambda draft: draft.write_text("whole"))
    assert path.read_text() == "whole"


def test_a_table_comes_back_from_parquet_with_its_places_or_without(tmp_path: Path) -> None:
    plain = pd.DataFrame({"bus_id": ["a", "=b"], "headroom_kw": [1.0, None]})
    placed = gpd.GeoDataFrame(plain, geometry=[shapely.Point(0, 1), None], crs="EPSG:25832")
    for frame, read in ((plain, pd.read_parquet), (placed, gpd.read_parquet)):
        write_frame(frame, tmp_path / "t.parquet")
        back = read(tmp_path / "t.parquet")
        assert back.drop(columns="geometry", errors="ignore").equals(plain)
    assert back.crs == placed.crs and back.geometry[0] == shapely.Point(0, 1)
