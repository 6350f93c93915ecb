"""Faults of elements and of whole columns: GeoPackages that are whole and hold something wrong."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tests.corpus.town import (
    BadFile,
    Layers,
    Outcome,
    as_written,
    gpkg,
    line,
    point,
    town,
    with_cells,
    with_column,
    with_row,
)

NAN = float("nan")


def _entry(
    name: str, faults: tuple[int, ...], outcome: Outcome, names: tuple[str, ...], layers: Callable[[], Layers]
) -> BadFile:
    return BadFile(f"{name}.gpkg", faults, outcome, names, gpkg(layers))


def _cell(
    name: str, faults: tuple[int, ...], outcome: Outcome, table: str, element_id: str, **cells: object
) -> BadFile:
    return _entry(name, faults, outcome, (table, element_id), lambda: with_cells(table, element_id, **cells))


def _two_parts() -> Layers:
    parts = shapely.MultiLineString([line((800, 200), (800, 250)), line((800, 250), (800, 300))])
    return with_cells("lines", "L3", geometry=parts)


def _without(*tables: str) -> Callable[[], Layers]:
    return lambda: {name: layer for name, layer in town().items() if name not in tables}


def _declared(crs: int | None, *tables: str) -> Layers:
    """Layers with another system declared, the coordinates left as they are."""
    layers = town()
    for name in tables or [n for n, layer in layers.items() if isinstance(layer, gpd.GeoDataFrame)]:
        layers[name] = (
            layers[name].set_crs(crs, allow_override=True)
            if crs
            else gpd.GeoDataFrame(layers[name], crs=None)
        )
        if crs is None:
            layers[name].geometry.array.crs = None
    return layers


def _projected(crs: int, *tables: str) -> Layers:
    layers = town()
    for name in tables or [n for n, layer in layers.items() if isinstance(layer, gpd.GeoDataFrame)]:
        layers[name] = layers[name].to_crs(crs)
    return layers


def _swapped() -> Layers:
    layers = _projected(4326)
    loads = layers["loads"]
    layers["loads"] = loads.set_geometry(gpd.points_from_xy(loads.geometry.y, loads.geometry.x), crs=4326)
    return layers


def _moved_ends(gap_m: float) -> Layers:
    """L2 ends short of L3, in a town without bus ids."""
    return as_written(
        with_cells("lines", "L2", geometry=line((800, 100), (800, 200 - gap_m)), length_m=100.0 - gap_m)
    )


def _far_load() -> Layers:
    return as_written(with_cells("loads", "H3", geometry=point(26_000, 300)))


def _crossing() -> Layers:
    crossing = with_row("lines", "L3", line_id="X1", geometry=line((750, 250), (850, 250)))
    return as_written(crossing)


def _three_dimensional() -> Layers:
    layers = town()
    layers["lines"] = layers["lines"].set_geometry(
        shapely.force_3d(layers["lines"].geometry.array, 7.0), crs=25832
    )
    return layers


def _big_ids() -> Layers:
    """Whole numbers beyond 2^53 as ids, and one row without."""
    ids = pd.array([9007199254740993 + n for n in range(5)] + [None], dtype="Int64")
    return with_column("loads", "load_id", ids)


def _two_sources() -> Layers:
    return with_row("sources", "S", source_id="S2", bus_id="E", vm_pu=1.06, geometry=point(1600, 0))


def _scaled(table: str, column: str, factor: float) -> Callable[[], Layers]:
    return lambda: with_column(table, column, town()[table][column] * factor)


def _typed(column: str, factor: float) -> Callable[[], Layers]:
    """Transformers with their figures in the file instead of a type."""

    def layers() -> Layers:
        found = town()
        figures = {
            "sn_kva": 400.0,
            "vn_hv_kv": 20.0,
            "vn_lv_kv": 0.4,
            "vk_percent": 4.0,
            "vkr_percent": 1.2,
            "pfe_kw": 0.7,
            "i0_percent": 0.2,
            "shift_degree": 150.0,
        }
        figures[column] *= factor
        found["transformers"] = found["transformers"].assign(**figures, type_id=None)
        return found

    return layers


def _transformer(**cells: object) -> Callable[[], Layers]:
    def layers() -> Layers:
        found = _typed("sn_kva", 1.0)()
        for column, value in cells.items():
            found["transformers"].loc[1, column] = value
        return found

    return layers


def _figures(factor: float, column: str = "i_max_a") -> Callable[[], Layers]:
    """Lines with their figures in the file instead of a type, one column off by a factor."""

    def layers() -> Layers:
        found = town()
        middle = found["lines"]["vn_kv"] > 1
        figures = {
            "r_ohm_per_km": np.where(middle, 0.161, 0.208),
            "x_ohm_per_km": np.where(middle, 0.117, 0.08),
            "c_nf_per_km": np.where(middle, 273.0, 261.0),
            "i_max_a": np.where(middle, 362.0, 270.0),
        }
        figures[column] = figures[column] * factor
        found["lines"] = found["lines"].assign(**figures, type_id=None)
        return found

    return layers


def _line(**cells: object) -> Callable[[], Layers]:
    """Line L3 with figures of its own."""

    def layers() -> Layers:
        found = _figures(1.0)()
        for column, value in cells.items():
            found["lines"].loc[found["lines"]["line_id"] == "L3", column] = value
        return found

    return layers


def _sites() -> Layers:
    bow = shapely.Polygon(
        [(450_000, 5_360_000), (450_100, 5_360_100), (450_100, 5_360_000), (450_000, 5_360_100)]
    )
    sites = gpd.GeoDataFrame(
        {"site_id": ["P1"], "name": ["park"], "status": ["idea"]}, geometry=[bow], crs=25832
    )
    return town() | {"sites": sites}


ENTRIES = (
    _entry("sound", (), "ACCEPT", (), town),
    _entry("crs_none", (1, 39), "REJECT", ("CRS", "lines", "loads"), lambda: _declared(None)),
    _entry("crs_none_of_loads", (5,), "REJECT", ("CRS", "loads"), lambda: _declared(None, "loads")),
    _entry("crs_mixed", (3, 4), "WARN", ("loads", "4326"), lambda: _projected(4326, "loads")),
    _entry("crs_degrees_of_all", (6,), "ACCEPT", (), lambda: _projected(4326)),
    _entry("crs_swapped", (7,), "REJECT", ("loads", "swapped"), _swapped),
    _entry("crs_metres_as_degrees", (2, 8), "REJECT", ("loads", "4326"), lambda: _declared(4326, "loads")),
    _entry("crs_wrong_zone", (9,), "REJECT", ("loads",), lambda: _declared(25836, "loads")),
    _cell("geometry_null", (10,), "QUARANTINE", "lines", "L3", geometry=None),
    _cell("geometry_empty", (11,), "QUARANTINE", "lines", "L3", geometry=shapely.LineString()),
    _cell("geometry_nan", (12,), "QUARANTINE", "lines", "L3", geometry=line((800, 200), (NAN, 300))),
    _cell("geometry_nan_point", (13, 14), "QUARANTINE", "loads", "H3", geometry=shapely.Point(NAN, NAN)),
    _cell("geometry_null_load", (14,), "QUARANTINE", "loads", "H3", geometry=None),
    _cell(
        "geometry_infinite",
        (17,),
        "QUARANTINE",
        "lines",
        "L3",
        geometry=line((800, 200), (float("inf"), 300)),
    ),
    _entry(
        "load_between_two",
        (15,),
        "ACCEPT",
        (),
        lambda: as_written(with_cells("loads", "H1", geometry=point(800, 150))),
    ),
    _entry("load_far_away", (16,), "QUARANTINE", ("loads", "H3"), _far_load),
    _entry("lines_in_3d", (18,), "ACCEPT", (), _three_dimensional),
    _entry("parts_that_meet", (19,), "ACCEPT", (), _two_parts),
    _cell(
        "parts_with_a_gap",
        (19,),
        "QUARANTINE",
        "lines",
        "L3",
        geometry=shapely.MultiLineString([line((800, 200), (800, 220)), line((800, 280), (800, 300))]),
    ),
    _entry("parts_share_an_id", (20, 28), "QUARANTINE", ("lines", "L3"), lambda: with_row("lines", "L3")),
    _entry(
        "line_of_no_length",
        (21,),
        "QUARANTINE",
        ("lines", "L3"),
        lambda: with_cells("lines", "L3", geometry=line((800, 200), (800, 200)), length_m=0.0),
    ),
    _entry("gap_of_1_mm", (22,), "WARN", ("L2",), lambda: _moved_ends(0.001)),
    _entry("gap_of_1_m", (23,), "WARN", ("lines", "L2"), lambda: _moved_ends(1.0)),
    _entry("gap_across_a_grid_cell", (24,), "WARN", ("L2",), lambda: _moved_ends(0.0002)),
    _entry("crossing", (25,), "WARN", ("lines", "X1"), _crossing),
    _entry(
        "drawn_twice",
        (26,),
        "WARN",
        ("lines", "X1", "L3"),
        lambda: with_row(
            "lines",
            "L3",
            line_id="X1",
            from_bus_id="C3",
            to_bus_id="C2",
            geometry=line((800, 300), (800, 200)),
        ),
    ),
    _cell("line_on_itself", (27,), "QUARANTINE", "lines", "L3", to_bus_id="C2"),
    _entry(
        "id_missing", (28,), "QUARANTINE", ("loads", "row 3"), lambda: with_cells("loads", "H3", load_id=None)
    ),
    _entry("ids_beyond_2_53", (29,), "QUARANTINE", ("loads", "missing_id"), _big_ids),
    _cell("decimal_comma", (31, 61), "QUARANTINE", "loads", "H3", p_kw="9,5 kW"),
    _entry("bow_tie", (32,), "QUARANTINE", ("sites", "P1"), _sites),
    _cell("unknown_type", (47,), "QUARANTINE", "lines", "L3", type_id="NAYY 4x151 SE"),
    _entry("length_in_km", (48,), "WARN", ("lines", "length_m"), _scaled("lines", "length_m", 1e-3)),
    _entry(
        "length_in_mm",
        (49,),
        "QUARANTINE",
        ("lines", "M1", "M2", "length_m"),
        _scaled("lines", "length_m", 1e3),
    ),
    _entry("rating_in_ka", (50,), "WARN", ("lines", "i_max_a"), _figures(1e-3)),
    _entry("rating_missing", (51,), "QUARANTINE", ("lines", "L3", "i_max_a"), _line(i_max_a=NAN)),
    _entry("rating_nought", (51,), "QUARANTINE", ("lines", "L3"), _line(i_max_a=0.0)),
    _entry("load_in_w", (52,), "WARN", ("loads", "p_kw"), _scaled("loads", "p_kw", 1e3)),
    _entry("load_in_mw", (53,), "WARN", ("loads", "p_kw"), _scaled("loads", "p_kw", 1e-3)),
    _entry("transformer_in_mva", (54,), "WARN", ("transformers", "sn_kva"), _typed("sn_kva", 1e-3)),
    _entry(
        "volts_as_kv",
        (55,),
        "REJECT",
        ("lines",),
        lambda: with_column("lines", "vn_kv", np.where(town()["lines"]["vn_kv"] > 1, 20.0, 400.0)),
    ),
    _entry("no_impedance", (56,), "QUARANTINE", ("lines", "L3"), _line(r_ohm_per_km=0.0, x_ohm_per_km=0.0)),
    _entry("negative_r", (57,), "QUARANTINE", ("lines", "L3"), _line(r_ohm_per_km=-0.2)),
    _entry("x_of_50_ohm", (58,), "WARN", ("lines", "L3"), _line(x_ohm_per_km=50.0)),
    _entry("vk_nought", (59,), "QUARANTINE", ("transformers", "T2"), _transformer(vk_percent=0.0)),
    _entry("vkr_above_vk", (59,), "QUARANTINE", ("transformers", "T2"), _transformer(vkr_percent=6.0)),
    _cell("load_missing", (60,), "QUARANTINE", "loads", "H3", p_kw=None),
    _cell("load_as_text", (61,), "QUARANTINE", "loads", "H3", p_kw="plenty"),
    _cell("state_unreadable", (62,), "QUARANTINE", "lines", "L3", in_service="perhaps"),
    _cell("bus_unknown", (63,), "QUARANTINE", "loads", "H3", bus_id="nowhere"),
    _entry(
        "island", (64, 65), "WARN", ("loads", "H2", "L2"), lambda: with_cells("lines", "L2", in_service=False)
    ),
    _entry("no_source", (66,), "REJECT", ("sources",), _without("sources")),
    _entry("two_sources", (67,), "WARN", ("sources", "S", "S2"), _two_sources),
    _entry(
        "ring_closed",
        (68,),
        "WARN",
        ("lines", "X1"),
        lambda: with_row(
            "lines",
            "M2",
            line_id="X1",
            from_bus_id="A",
            to_bus_id="E",
            length_m=1700.0,
            geometry=line((0, 0), (800, 280), (1600, 0)),
        ),
    ),
    _entry(
        "voltages_joined_by_line",
        (69,),
        "QUARANTINE",
        ("lines", "X1"),
        lambda: with_row(
            "lines",
            "L3",
            line_id="X1",
            from_bus_id="B",
            to_bus_id="C1",
            length_m=100.0,
            geometry=line((800, 0), (790, 50), (800, 100)),
        ),
    ),
    _entry("clocks_differ", (71,), "REJECT", ("transformers", "T1", "T9"), lambda: _parallel(0.0)),
    _entry(
        "sides_swapped",
        (72,),
        "QUARANTINE",
        ("transformers", "T2"),
        _transformer(hv_bus_id="F", lv_bus_id="E"),
    ),
    _cell("one_load_a_thousandfold", (74,), "WARN", "loads", "H3", p_kw=9000.0),
)


def _parallel(shift_degree: float) -> Layers:
    """T9 beside T1, at another clock."""
    found = _typed("sn_kva", 1.0)()
    again = found["transformers"].iloc[[0]].assign(transformer_id="T9", shift_degree=shift_degree)
    found["transformers"] = pd.concat([found["transformers"], again], ignore_index=True)
    return found
