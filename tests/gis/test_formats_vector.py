"""Vector formats through Arrow: the same network out of each, ids whole, text text, arcs drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pytest
import shapely

from gis import InputError
from gis.formats import FORMATS, read_source
from gis.formats.arrow import pack, unpack
from gis.formats.gdal import MAX_ROWS, quiet, require_rows
from gis.importer import import_tables, require_network
from tests.corpus.files import geodatabase, shapes, zip_folder
from tests.networks import raw_layers, station, write_raw

DRIVERS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".shp": "ESRI Shapefile",
    ".gdb": "OpenFileGDB",
}
OPTIONS = {".fgb": {"SPATIAL_INDEX": "NO"}}  # with one the rows change places


def places(ids: object = ("a", "b")) -> gpd.GeoDataFrame:
    points = shapely.points([[450_000.0, 5_360_000.0], [450_010.0, 5_360_000.0]])
    return gpd.GeoDataFrame({"load_id": ids}, geometry=points, crs=25832)


def written(frame: pd.DataFrame, path: Path) -> Path:
    with quiet():
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            pyogrio.write_dataframe(
                frame, path, driver=DRIVERS[path.suffix], layer_options=OPTIONS.get(path.suffix)
            )
    return path


@pytest.mark.parametrize("suffix", ["fgb", "parquet", "gpkg", "geojson"])
def test_a_network_is_the_same_out_of_every_format(suffix: str, tmp_path: Path) -> None:
    layers = raw_layers(station())
    if suffix == "gpkg":
        source = write_raw(layers, tmp_path / "town.gpkg")
    else:
        folder = tmp_path / "parts"
        folder.mkdir()
        for name, layer in layers.items():
            if suffix == "parquet" or isinstance(layer, gpd.GeoDataFrame):
                written(layer, folder / f"{name}.{suffix}")
        source = tmp_path / "town.zip"
        zip_folder(folder, source)
    read = read_source(source).layers
    read.setdefault("scenarios", layers["scenarios"])  # only GeoPackage and Parquet hold bare tables
    assert require_network(import_tables(read), source).equals(station())


@pytest.mark.parametrize("suffix", ["fgb", "parquet", "gpkg"])
def test_whole_numbers_with_gaps_stay_whole(suffix: str, tmp_path: Path) -> None:
    ids = pd.array([9007199254740993, None], dtype="Int64")
    path = written(places(ids), tmp_path / f"loads.{suffix}")
    assert read_source(path).layers["loads"]["load_id"].tolist() == [9007199254740993, pd.NA]


@pytest.mark.parametrize("suffix", ["fgb", "parquet", "gpkg", "geojson"])
def test_text_like_a_date_stays_text(suffix: str, tmp_path: Path) -> None:
    path = written(places(["2024-01-01", "2024-05-01"]), tmp_path / f"loads.{suffix}")
    assert read_source(path).layers["loads"]["load_id"].tolist() == ["2024-01-01", "2024-05-01"]


@pytest.mark.parametrize("suffix", ["fgb", "parquet", "gpkg", "geojson", "shp", "gdb"])
def test_a_file_is_of_one_format(suffix: str, tmp_path: Path) -> None:
    path = written(places(), tmp_path / f"loads.{suffix}")
    assert len([form.name for form in FORMATS if form.recognises(path)]) == 1
    read = read_source(path).layers["loads"]
    assert (len(read), read.crs) == (2, "EPSG:25832")


def test_a_geodatabase_without_its_ending_is_named_and_refused(tmp_path: Path) -> None:
    written(places(), tmp_path / "town.gdb").rename(tmp_path / "town")
    with pytest.raises(InputError, match=r"rename it to town\.gdb"):
        read_source(tmp_path / "town")


@pytest.mark.parametrize("member", range(0, 26, 5))
def test_a_cut_geodatabase_never_gives_fewer_rows(member: int, tmp_path: Path) -> None:
    with quiet():
        geodatabase(tmp_path / "town.gdb")
    files = sorted(f for f in (tmp_path / "town.gdb").iterdir() if f.suffix in (".gdbtable", ".gdbtablx"))
    file = files[member % len(files)]
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=file.name):
        read_source(tmp_path / "town.gdb")


def test_tables_without_geometry_beside_shapefiles_are_read_as_frames(tmp_path: Path) -> None:
    shapes(tmp_path / "town")
    for end in (".shp", ".shx", ".prj", ".cpg"):
        (tmp_path / "town" / f"loads{end}").unlink()
    loads = read_source(tmp_path / "town").layers["loads"]
    assert not isinstance(loads, gpd.GeoDataFrame)
    assert loads["id"].tolist() == ["H1", "H2", "H3", "H4", "H5", "H6"]


def test_a_table_alone_is_no_shapefile(tmp_path: Path) -> None:
    shapes(tmp_path / "town")
    for file in (tmp_path / "town").iterdir():
        if file.name != "loads.dbf":
            file.unlink()
    with pytest.raises(InputError, match="without any file that is read"):
        read_source(tmp_path / "town")


def test_members_of_a_shapefile_are_found_in_any_case(tmp_path: Path) -> None:
    shapes(tmp_path / "town")
    for file in (tmp_path / "town").iterdir():
        file.rename(file.with_suffix(file.suffix.upper()))
    assert set(read_source(tmp_path / "town").layers) == {"lines", "loads", "sources", "transformers"}


def test_a_text_cut_in_the_middle_of_a_character_costs_that_character(tmp_path: Path) -> None:
    names = ["城东变电站", "北京路", "x", "y", "z", "人民路"]
    shapes(tmp_path, names=names, cpg="UTF-8")
    file = tmp_path / "loads.dbf"
    content = file.read_bytes()
    width = content[content.index(b"name\0") + 16]
    whole, rest = divmod(width, 3)
    assert rest  # the last character is cut
    at = content.index("城东变电站".encode())
    file.write_bytes(content[:at] + ("站" * 100).encode()[:width] + content[at + width :])
    source = read_source(tmp_path / "loads.shp")
    assert source.layers["loads"]["name"].tolist() == ["站" * whole, *names[1:]]
    assert "cut off in the middle" in source.findings.loc[0, "message"]


def test_layers_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    shapes(tmp_path / "towns" / "north")
    shapes(tmp_path / "towns" / "south")
    assert {"loads", "south/loads"} <= set(read_source(tmp_path / "towns").layers)


def test_arcs_are_drawn_as_lines(tmp_path: Path) -> None:
    arc = bytes.fromhex("0108000000" + "03000000") + np.array([0.0, 0, 1, 1, 2, 0]).tobytes()
    path = tmp_path / "arcs.gpkg"
    table = pa.table({"line_id": ["a"], "geometry": pa.array([arc], pa.binary())})
    pyogrio.raw.write_arrow(
        table, path, layer="lines", driver="GPKG", geometry_name="geometry",
        geometry_type="Unknown", crs="EPSG:25832",
    )  # fmt: skip
    line = read_source(path).layers["lines"].geometry.iloc[0]
    assert line.length == pytest.approx(np.pi, rel=1e-3)  # a half circle of radius 1


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"mixed": [1, "a", None], "none": [None] * 3, "flags": [True, None, False]}),
        pd.DataFrame({"whole": pd.array([1, None, 3], "Int64"), "real": [1.5, np.nan, 2.0]}),
        pd.DataFrame({"text": pd.Series([], dtype=object)}),
        places(),
        pd.DataFrame({"whole": pd.array([2**63, None], "UInt64")}),
        gpd.GeoDataFrame({"id": ["a"]}, geometry=[None], crs=None),
    ],
    ids=["mixed", "numbers", "empty", "places", "unsigned", "placeless"],
)
def test_a_frame_comes_out_as_it_was_packed(frame: pd.DataFrame) -> None:
    again = unpack(pack(frame))
    assert type(again) is type(frame)
    assert getattr(again, "crs", None) == getattr(frame, "crs", None)
    pd.testing.assert_frame_equal(again, frame, check_dtype=len(frame) > 0)


def test_a_date_beyond_all_reckoning_is_kept_as_text() -> None:
    far = pa.table({"built": pa.array([2**62, None], pa.timestamp("s"))})
    assert unpack(far)["built"].isna().tolist() == [False, True]


def test_more_rows_than_any_utility_has_are_refused() -> None:
    require_rows(Path("x"), MAX_ROWS)
    with pytest.raises(InputError, match="5,000,001 rows"):
        require_rows(Path("x"), MAX_ROWS + 1)


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-9], lambda t: t.replace(b"WKB", b"WKX")], ids=["cut", "coded"]
)
def test_a_spoilt_parquet_is_refused(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = written(places(), tmp_path / "loads.parquet")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match=r"damaged|write it with the encoding WKB"):
        read_source(path)
