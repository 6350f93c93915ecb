"""Networks saved by pandapower: tables are read, nothing they name is ever imported, called or opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gis
from gis.formats import format_of, read_source
from gis.importer import import_file, require_network


def table(columns: list[str], *rows: list[object], index: list[int] | None = None) -> dict[str, object]:
    """A table as pandapower writes one."""
    split = {"columns": columns, "index": index or list(range(len(rows))), "data": rows}
    return {
        "_module": "pandas.core.frame",
        "_class": "DataFrame",
        "_object": json.dumps(split),
        "orient": "split",
    }


def net(**tables: object) -> dict[str, object]:
    """Two buses, a line, a source and a load."""
    point = [
        '{"type": "Point", "coordinates": [8.0, 48.0]}',
        '{"type": "Point", "coordinates": [8.001, 48.0]}',
    ]
    ends = {"from_bus": 0, "to_bus": 1, "length_km": 0.1}
    line = ends | {"r_ohm_per_km": 0.2, "x_ohm_per_km": 0.1, "max_i_ka": 0.2}
    buses = [["a", 0.4, "b", True, point[0]], ["b", 0.4, "b", True, point[1]]]
    content = {
        "bus": table(["name", "vn_kv", "type", "in_service", "geo"], *buses),
        "line": table(list(line), list(line.values())),
        "trafo": table([]),
        "switch": table(["bus", "element", "et", "type", "closed"], [0, 0, "l", None, True]),
        "ext_grid": table(["bus", "vm_pu", "in_service"], [0, 1.0, True]),
        "load": table(["bus", "p_mw", "q_mvar", "scaling", "in_service"], [1, 0.01, 0.002, 0.5, True]),
    }  # fmt: skip
    return {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": content | tables}


def saved(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "net.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_network_is_imported_with_row_numbers_as_ids(tmp_path: Path) -> None:
    network = require_network(import_file(saved(tmp_path, net())), tmp_path)
    assert network.loads.loc["0", ["bus_id", "p_kw", "q_kvar"]].to_list() == ["1", 5.0, 1.0]
    assert network.lines.loc["0", ["length_m", "i_max_a"]].to_list() == [100.0, 200.0]
    assert network.quarantine.empty and network.findings.empty


def test_what_a_file_names_is_never_imported_or_called(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    evil: dict[str, Any] = {"_module": "os", "_class": "system", "_object": f"touch {witness}"}
    call = {"_module": "builtins", "_class": "function", "_object": "os.system"}
    controller = table(["object", "in_service"], [json.dumps(evil), True])
    content = net(controller=controller, evil=evil, call=call, std_types=evil, user_pf_options=call)
    content["_object"]["load"] |= {"_module": "os", "_class": "system"}  # type: ignore[index]
    network = require_network(import_file(saved(tmp_path, content)), tmp_path)
    assert not witness.exists()
    assert "1 rows of layer 'controller' are not modelled" in network.findings["message"].iloc[0]


def test_tables_without_a_place_in_the_model_are_told(tmp_path: Path) -> None:
    rows = table(["bus", "q_mvar"], [1, 0.1], [1, 0.2])
    network = require_network(import_file(saved(tmp_path, net(shunt=rows, mine=rows))), tmp_path)
    said = " ".join(network.findings["message"])
    assert "2 rows of layer 'shunt' are not modelled" in said and "not read: mine" in said


def test_places_of_older_versions_are_read(tmp_path: Path) -> None:
    bus = table(["name", "vn_kv", "type", "in_service"], ["a", 0.4, "b", True], ["b", 0.4, "b", True])
    content = net(bus=bus, bus_geodata=table(["x", "y"], [8.0, 48.0], [8.001, 48.0]))
    content["_object"]["line_geodata"] = table(["coords"], [[[8.0, 48.0], [8.0005, 48.1], [8.001, 48.0]]])  # type: ignore[index]
    layers = read_source(saved(tmp_path, content)).layers
    assert layers["bus"].geometry.x.to_list() == [8.0, 8.001]
    assert len(layers["line"].geometry[0].coords) == 3


def test_a_drawing_is_shrunk_and_a_network_without_places_drawn_in_rows(tmp_path: Path) -> None:
    far = ['{"type": "Point", "coordinates": [8.0, 48.0]}', '{"type": "Point", "coordinates": [9.0, 48.0]}']
    columns = ["name", "vn_kv", "type", "in_service", "geo"]
    for places in (far, [None, None]):
        bus = table(columns, *(["x", 0.4, "b", True, place] for place in places))
        network = require_network(import_file(saved(tmp_path, net(bus=bus))), tmp_path)
        assert network.findings["rule"].to_list() == ["schematic"]
        assert network.lines.geometry.length.iloc[0] == pytest.approx(100.0, rel=0.15)


@pytest.mark.parametrize(
    "content",
    [
        '{"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {"bus": {',
        '{"_class": "pandapowerNet", "_object": ' + "[" * 50_000,
        '{"_class": "pandapowerNet", "_object": 5}',
        '{"a": "pandapowerNet"}',
        json.dumps(net(bus={"orient": "split", "_object": "not json"})),
        json.dumps(net(bus={"orient": "records", "_object": "[]"})),
        json.dumps(net(bus=table(["a"], [1, 2]))),
        json.dumps(net(bus=table(["a"], [1], [2], index=[1, 1]))),
    ],
    ids=["cut", "deep", "number", "other", "no json", "records", "ragged", "twice"],
)
def test_a_damaged_network_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(gis.InputError, match=r"damaged|holds no network|is no table"):
        read_source(saved(tmp_path, content))


def test_a_pickle_is_no_format(tmp_path: Path) -> None:
    path = tmp_path / "net.p"
    path.write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(gis.InputError, match="convert it first"):
        format_of(path)
