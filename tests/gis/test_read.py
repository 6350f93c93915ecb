"""Reading and writing: what goes in comes out, and a faulty file gives one report with all its faults."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import gis
from gis.examples import synthetic_network
from gis.read import site_places, without_notes
from gridmodel import rules_for
from tests.networks import raw_layers, station, write_raw

Layers = dict[str, pd.DataFrame]
RULES = rules_for()
FORMS = ("town.gpkg", "town")
GPKG = FORMS[:1]


# ---- round trip


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("network", [station(), synthetic_network(60)], ids=["station", "synthetic"])
def test_a_network_written_and_read_is_the_same(network: gis.Network, target: str, tmp_path: Path) -> None:
    gis.write_network(network, tmp_path / target)
    again = gis.read_network(tmp_path / target, rules=RULES)
    assert again.equals(network)
    assert again.repairs.empty and again.findings.empty


@pytest.mark.parametrize("target", FORMS)
def test_written_over_an_older_file_only_the_new_one_is_left(target: str, tmp_path: Path) -> None:
    gis.write_network(synthetic_network(60), tmp_path / target)
    gis.write_network(station(), tmp_path / target)
    assert gis.read_network(tmp_path / target).equals(station())
    assert [entry.name for entry in tmp_path.iterdir()] == [target]


@pytest.mark.parametrize("target", FORMS)
def test_required_tables_without_rows_survive(target: str, tmp_path: Path) -> None:
    network = station(without=("load", "generator"))
    gis.write_network(network, tmp_path / target)
    assert gis.read_network(tmp_path / target).equals(network)


def test_info_survives_with_the_schema_version(tmp_path: Path) -> None:
    gis.write_network(station(), tmp_path / "town")
    assert gis.read_network(tmp_path / "town").info == {
        "name": "example",
        "schema_version": gis.SCHEMA_VERSION,
    }


text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(str.strip)
awkward = st.sampled_from(
    [
        "007",
        "1E5",
        "NA",
        "null",
        "2024-01-01",
        "12:30",
        "[1]",
        '{"a": 1}',
        "=1+1",
        "true",
        "Straße 5",
        "变电站",
    ]
)
names = st.one_of(awkward, text).map(str.strip)
# GDAL writes 0.0010000000000000002 as 0.001 into GeoJSON: figures here have nine decimals.
numbers = st.floats(1e-3, 1e5, allow_nan=False).map(lambda number: round(number, 9))


@st.composite
def small_networks(draw: st.DrawFn) -> gis.Network:
    """A row of buses with awkward ids, names and figures."""
    ids = draw(st.lists(names, min_size=2, max_size=5, unique=True))
    xy = draw(st.lists(st.tuples(numbers, numbers), min_size=len(ids), max_size=len(ids), unique=True))
    points = shapely.points(np.add(xy, (400_000.0, 5_300_000.0)))
    optional = st.one_of(st.none(), names)
    buses = {"bus_id": ids, "vn_kv": 20.0, "name": [draw(optional) for _ in ids]}
    lines = {
        "line_id": ids[1:],
        "from_bus_id": ids[:-1],
        "to_bus_id": ids[1:],
        "vn_kv": 20.0,
        "type_id": draw(names),
        "length_m": [draw(numbers) for _ in ids[1:]],
        "parallel": [draw(st.integers(1, 3)) for _ in ids[1:]],
        "in_service": [draw(st.booleans()) for _ in ids[1:]],
        "installed_year": [draw(st.one_of(st.none(), st.integers(1900, 2100))) for _ in ids[1:]],
    }
    pairs = np.stack([shapely.get_coordinates(points[:-1]), shapely.get_coordinates(points[1:])], axis=1)
    loads = {"load_id": ids, "bus_id": ids, "customer_class": "mixed", "p_kw": [draw(numbers) for _ in ids]}
    crs = "EPSG:25832"
    return gis.make_network(
        {
            "buses": gpd.GeoDataFrame(buses, geometry=points, crs=crs),
            "lines": gpd.GeoDataFrame(lines, geometry=shapely.linestrings(pairs), crs=crs),
            "loads": gpd.GeoDataFrame(loads, geometry=points, crs=crs),
            "sources": gpd.GeoDataFrame(
                {"source_id": ["S"], "bus_id": ids[:1], "vm_pu": [1.0]}, geometry=points[:1], crs=crs
            ),
        },
        crs,
    )


@given(network=small_networks())
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_any_small_network_survives_both_formats(network: gis.Network) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for target in FORMS:
            gis.write_network(network, Path(folder) / target)
            assert gis.read_network(Path(folder) / target).equals(network), target


def test_geographic_coordinates_are_brought_into_metres(tmp_path: Path) -> None:
    layers = {
        name: frame.to_crs(4326) if isinstance(frame, gpd.GeoDataFrame) else frame
        for name, frame in raw_layers(station()).items()
    }
    network = gis.read_network(write_raw(layers, tmp_path / "town"))
    assert network.crs.to_epsg() == 32632
    chosen = gis.read_network(tmp_path / "town", crs="EPSG:25832")
    assert chosen.buses.geometry.distance(station().buses.geometry).max() < 1e-3
    assert chosen.lines.geometry.length.max() == pytest.approx(50.0, abs=1e-3)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:99999", "metres", ""])
def test_a_crs_that_is_not_metric_or_none_at_all_is_refused(crs: str, tmp_path: Path) -> None:
    gis.write_network(station(), tmp_path / "town.gpkg")
    with pytest.raises(gis.InputError, match=r"EPSG:25832|projected in metres"):
        gis.read_network(tmp_path / "town.gpkg", crs=crs)


@pytest.mark.parametrize("target", ["town.xlsx", "town.geojson"])
def test_a_target_of_no_format_is_refused(target: str, tmp_path: Path) -> None:
    with pytest.raises(gis.InputError, match=r"name the target \*.gpkg"):
        gis.write_network(station(), tmp_path / target)


def test_a_folder_with_other_files_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "letter.txt").write_text("keep me")
    with pytest.raises(gis.InputError, match="holds other files"):
        gis.write_network(station(), tmp_path / "town")
    assert (tmp_path / "town" / "letter.txt").read_text() == "keep me"


# ---- faults: each a real file made from a good one


@dataclass(frozen=True)
class Fault:
    """A change to the layers of a good file, and the finding it must give: table, rule, ids, words."""

    name: str
    change: Callable[[Layers], None]
    table: str
    rule: str
    ids: set[str]
    words: str = ""
    forms: tuple[str, ...] = GPKG


def cell(table: str, row: int, column: str, value: object) -> Callable[[Layers], None]:
    def change(layers: Layers) -> None:
        values = layers[table][column].astype(object)
        values.iloc[row] = value
        if all(isinstance(v, (int, float)) or v is None for v in values):
            values = values.astype(float)
        elif not all(isinstance(v, (str, bool)) or v is None for v in values):
            values = values.map(str, na_action="ignore")
        layers[table] = layers[table].assign(**{column: values})

    return change


def place(table: str, row: int, geometry: object) -> Callable[[Layers], None]:
    def change(layers: Layers) -> None:
        places = layers[table].geometry.to_numpy().copy()
        places[row] = geometry
        layers[table] = layers[table].set_geometry(gpd.GeoSeries(places, crs=layers[table].crs))

    return change


def without_layer(name: str) -> Callable[[Layers], None]:
    return lambda layers: layers.update({f"{name}_old": layers.pop(name)})


def without_column(table: str, column: str) -> Callable[[Layers], None]:
    return lambda layers: layers.update({table: layers[table].drop(columns=column)})


def doubled(table: str) -> Callable[[Layers], None]:
    return lambda layers: layers.update(
        {table: pd.concat([layers[table], layers[table].iloc[:1]], ignore_index=True)}
    )


def declared(table: str, crs: str, *, real: str = "") -> Callable[[Layers], None]:
    """The layer with another CRS on its label; its coordinates converted before if `real` is given."""

    def change(layers: Layers) -> None:
        frame = layers[table].to_crs(real) if real else layers[table]
        layers[table] = frame.set_crs(crs, allow_override=True)

    return change


def both(*changes: Callable[[Layers], None]) -> Callable[[Layers], None]:
    def change(layers: Layers) -> None:
        for each in changes:
            each(layers)

    return change


def swapped(layers: Layers) -> None:
    frame = layers["loads"].to_crs(4326)
    layers["loads"] = frame.set_geometry(
        gpd.GeoSeries(shapely.points(frame.geometry.y, frame.geometry.x), crs=4326)
    )


def nan_line() -> shapely.LineString:
    with np.errstate(invalid="ignore"):
        return shapely.LineString([(450_100, 5_360_000), (np.nan, 5_360_000), (450_150, 5_360_000)])


FAR = shapely.Point(450_000.0, 5_370_000.0)
FAULTS = (
    Fault("missing layer", without_layer("lines"), "lines", "missing_layer", {""}, "'lines_old'"),
    Fault(
        "missing column",
        without_column("loads", "p_kw"),
        "loads",
        "missing_column",
        {""},
        "p_kw.*in kW",
        forms=FORMS,
    ),
    Fault(
        "missing id column", without_column("loads", "load_id"), "loads", "missing_column", {""}, "load_id"
    ),
    Fault("duplicate id", doubled("loads"), "loads", "duplicate_id", {"H"}, "several rows", forms=FORMS),
    Fault("missing id", cell("loads", 1, "load_id", None), "loads", "missing_id", {"row 2"}, forms=FORMS),
    Fault("blank id", cell("loads", 1, "load_id", "  "), "loads", "missing_id", {"row 2"}),
    Fault(
        "unknown line type",
        cell("lines", 1, "type_id", "NAYY 4x155"),
        "lines",
        "unknown_type",
        {"L"},
        "nearest: NAYY 4x.*NAYY 4x150 SE",
    ),
    Fault(
        "unknown transformer type",
        cell("transformers", 0, "type_id", "0.4 MVA"),
        "transformers",
        "unknown_type",
        {"T"},
        "0.4 MVA 20/0.4 kV",
    ),
    Fault(
        "no type and no figures",
        cell("lines", 2, "type_id", None),
        "lines",
        "missing_value",
        {"N"},
        "type_id or r_ohm",
    ),
    Fault(
        "degrees declared as metres",
        declared("lines", "EPSG:25832", real="EPSG:4326"),
        "lines",
        "crs_mismatch",
        {""},
        "look like degrees",
    ),
    Fault(
        "metres declared as degrees",
        declared("loads", "EPSG:4326"),
        "loads",
        "crs_mismatch",
        {""},
        "4326.*look like metres",
    ),
    Fault(
        "another zone declared",
        declared("lines", "EPSG:31370"),
        "lines",
        "crs_mismatch",
        {""},
        "outside the area",
    ),
    Fault("latitude and longitude swapped", swapped, "loads", "crs_mismatch", {""}, "swapped"),
    Fault(
        "one load at 0, 0",
        place("loads", 1, shapely.Point(0, 0)),
        "loads",
        "crs_mismatch",
        {"J"},
        "outside the area",
    ),
    Fault("null geometry", place("lines", 1, None), "lines", "geometry_missing", {"L"}, forms=FORMS),
    Fault("empty geometry", place("loads", 0, shapely.Point()), "loads", "geometry_missing", {"H"}),
    Fault("NaN vertex", place("lines", 1, nan_line()), "lines", "geometry_not_finite", {"L"}),
    Fault(
        "a polygon for a bus", place("buses", 4, FAR.buffer(3.0)), "buses", "geometry_kind", {"E"}, "Point"
    ),
    Fault(
        "two parts with a gap",
        place(
            "lines",
            1,
            shapely.MultiLineString(
                [[(450_100, 5_360_000), (450_110, 5_360_000)], [(450_140, 5_360_000), (450_150, 5_360_000)]]
            ),
        ),
        "lines",
        "geometry_kind",
        {"L"},
        "LineString",
    ),
    Fault(
        "load without bus 10 km from anything",
        both(cell("loads", 1, "bus_id", None), place("loads", 1, FAR)),
        "loads",
        "nearer_to_nothing",
        {"J"},
        "bus_id is missing",
    ),
    Fault(
        "text in a number column",
        cell("loads", 0, "p_kw", "much"),
        "loads",
        "unreadable_cell",
        {"H"},
        "'much'.*number in kW",
        forms=FORMS,
    ),
    Fault(
        "comma that may be either",
        cell("loads", 0, "p_kw", "3,500"),
        "loads",
        "unreadable_cell",
        {"H"},
        "'3,500'.*decimal point",
        forms=FORMS,
    ),
    Fault(
        "no number in a required column",
        cell("loads", 0, "p_kw", None),
        "loads",
        "missing_value",
        {"H"},
        "p_kw",
    ),
    Fault(
        "negative load", cell("loads", 0, "p_kw", -3.0), "loads", "out_of_range", {"H"}, r"\(-3.0\).*>= 0 kW"
    ),
    Fault(
        "half a customer",
        cell("loads", 0, "customers", 1.5),
        "loads",
        "unreadable_cell",
        {"H"},
        "whole number",
    ),
    Fault(
        "unknown boolean",
        cell("lines", 0, "in_service", "maybe"),
        "lines",
        "unreadable_cell",
        {"K"},
        "true or false",
        forms=FORMS,
    ),
    Fault(
        "unknown class",
        cell("loads", 0, "customer_class", "villa"),
        "loads",
        "unreadable_cell",
        {"H"},
        "one of: residential",
    ),
    Fault("unknown bus", cell("loads", 0, "bus_id", "D9"), "loads", "unknown_reference", {"H"}, r"\(D9\)"),
    Fault(
        "switch at no end of its line",
        cell("switches", 0, "bus_id", "E"),
        "switches",
        "switch_not_at_end",
        {"W"},
        r"\(E\)",
    ),
    Fault(
        "switch in no line",
        cell("switches", 0, "element_id", "Z"),
        "switches",
        "unknown_reference",
        {"W"},
        r"\(Z\)",
    ),
    Fault(
        "line joining 20 and 0.4 kV",
        cell("lines", 0, "to_bus_id", "C"),
        "lines",
        "line_voltage",
        {"K"},
        "0.4 kV at C",
    ),
    Fault("self loop", cell("lines", 2, "to_bus_id", "D"), "lines", "line_self_loop", {"N"}, r"\(D\)"),
    Fault(
        "high and low side swapped",
        both(cell("transformers", 0, "hv_bus_id", "C"), cell("transformers", 0, "lv_bus_id", "B")),
        "transformers",
        "transformer_swapped",
        {"T"},
        "swap them",
    ),
    Fault("no source in service", cell("sources", 0, "in_service", False), "sources", "no_source", {""}),
    Fault("no sources layer", without_layer("sources"), "sources", "missing_layer", {""}, "infeeds"),
    Fault(
        "unreadable factors",
        cell("scenarios", 0, "class_factors", "ev:1"),
        "scenarios",
        "unreadable_cell",
        {"base"},
    ),
)
PAIRS = [(fault, form) for fault in FAULTS for form in fault.forms]


@pytest.mark.parametrize(("fault", "form"), PAIRS, ids=[f"{fault.name}-{form}" for fault, form in PAIRS])
def test_a_fault_is_reported_with_layer_ids_and_remedy(fault: Fault, form: str, tmp_path: Path) -> None:
    layers = raw_layers(station())
    fault.change(layers)
    with pytest.raises(gis.InputError, match=f"(?s){fault.words}") as caught:
        gis.read_network(write_raw(layers, tmp_path / form), rules=RULES)
    found = caught.value.findings
    hits = found[(found["table"] == fault.table) & (found["rule"] == fault.rule)]
    assert set(hits["element_id"]) == fault.ids, str(caught.value)
    assert hits["message"].str.len().min() > 10
    for element_id in fault.ids - {""}:
        assert repr(element_id) in str(caught.value)
    # One fault is one row; only the switch in a missing line is lost as well.
    others = found[found["rule"] != fault.rule]
    assert len(hits) == 1 and set(others["table"]) <= (
        {"switches"} if fault.rule == "missing_layer" else set()
    )


def test_all_faults_of_a_file_are_in_one_report(tmp_path: Path) -> None:
    layers = raw_layers(station())
    both(
        cell("loads", 0, "p_kw", "much"),
        cell("loads", 1, "bus_id", "nowhere"),
        place("lines", 1, None),
        cell("lines", 2, "type_id", "NAYY"),
        doubled("generators"),
        without_column("sources", "vm_pu"),
    )(layers)
    with pytest.raises(gis.InputError) as caught:
        gis.read_network(write_raw(layers, tmp_path / "town.gpkg"), rules=RULES)
    rules = set(caught.value.findings["rule"])
    wanted = {"unreadable_cell", "unknown_reference", "geometry_missing", "unknown_type", "duplicate_id"}
    assert rules == wanted | {"missing_column"}


def test_faults_of_tables_are_named_beside_a_wrong_crs(tmp_path: Path) -> None:
    layers = raw_layers(station())
    both(declared("loads", "EPSG:4326"), cell("loads", 1, "bus_id", "nowhere"))(layers)
    _, findings = gis.inspect_network(write_raw(layers, tmp_path / "town.gpkg"), rules=RULES)
    assert set(findings["rule"]) == {"crs_mismatch", "unknown_reference"}


def test_a_layer_without_crs_is_refused_and_never_guessed(tmp_path: Path) -> None:
    layers = raw_layers(station())
    layers["loads"] = layers["loads"].set_crs(None, allow_override=True)
    with pytest.warns(UserWarning, match="crs"):
        write_raw(layers, tmp_path / "town.gpkg")
    with pytest.raises(gis.InputError, match="loads: the layer has no coordinate reference system"):
        gis.read_network(tmp_path / "town.gpkg")


def test_a_local_system_is_refused(tmp_path: Path) -> None:
    local = 'LOCAL_CS["site grid",UNIT["metre",1]]'
    layers = raw_layers(station())
    layers = {
        n: f.set_crs(local, allow_override=True) if isinstance(f, gpd.GeoDataFrame) else f
        for n, f in layers.items()
    }
    with pytest.raises(gis.InputError, match="no coordinate reference system"):
        gis.read_network(write_raw(layers, tmp_path / "town.gpkg"))


def test_an_empty_file_says_that_it_is_empty(tmp_path: Path) -> None:
    layers = {name: frame.iloc[:0] for name, frame in raw_layers(station()).items()}
    for target in FORMS:
        with pytest.raises(gis.InputError, match="no layer has an element"):
            gis.read_network(write_raw(layers, tmp_path / target), rules=())


def test_buses_are_built_and_points_attached_where_a_file_names_none(tmp_path: Path) -> None:
    layers = raw_layers(station(without=("switch", "transformer", "line K")))
    layers["buses"] = layers["buses"].iloc[2:]
    layers["lines"] = layers["lines"].drop(columns=["from_bus_id", "to_bus_id"])
    layers.pop("buses")
    for name in ("sources", "loads", "generators"):
        layers[name] = layers[name].drop(columns="bus_id")
    network = gis.read_network(write_raw(layers, tmp_path / "town"), rules=RULES)
    assert len(network.buses) == 3
    assert network.repairs["action"].value_counts().to_dict() == {"bus_from_line_ends": 3, "nearest_bus": 4}


def test_sites_are_read_into_the_crs_of_the_network(tmp_path: Path, demo_network: gis.Network) -> None:
    sites = demo_network.sites.to_crs(4326).reset_index()
    write_raw({"sites": sites}, tmp_path / "sites")
    read = gis.read_sites(tmp_path / "sites", demo_network.crs)
    assert read.crs == demo_network.crs
    assert read.geometry.centroid.distance(demo_network.sites.geometry.centroid).max() < 0.01
    with pytest.raises(gis.InputError, match="no layer 'sites'"):
        homes = sites.drop(columns="site_id")
        gis.read_sites(write_raw({"homes": homes}, tmp_path / "homes"), demo_network.crs)


def test_places_may_stand_in_columns_and_notes_are_no_sites() -> None:
    raw = pd.DataFrame(
        {"site_id": ["# note", "s1", "s2"], "Lon": ["x", "7,88", "200"], "lat": ["y", "48.4", "1"]}
    )
    layer, faults = site_places(without_notes(raw))
    assert layer is not None and layer["site_id"].tolist() == ["s1", "s2"]
    assert (layer.geometry.iloc[0].x, layer.geometry.iloc[0].y) == (7.88, 48.4)
    assert faults[["element_id", "value"]].to_numpy().tolist() == [["s2", "200, 1"]]
    hollow = gpd.GeoDataFrame(raw.iloc[1:2], geometry=[None], crs=4326)
    assert site_places(hollow)[0].geometry.notna().all()  # type: ignore[union-attr]
    assert site_places(raw.drop(columns="lat"))[0] is None
