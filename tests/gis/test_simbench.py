"""SimBench folders and codes: tables in, the part a code names cut out, figures in canonical units."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

import gis
from gis.formats import format_of, read_source
from gis.formats.simbench import cut_out, parse_code
from gis.importer import import_file, require_network
from gis.network import Network
from gridmodel import rules_for

#   external   T        bus (aux a) ---L1--- far ; switch bus-a open/closed ; LV2.101 is another grid
TABLES = {
    "Node": """id;type;vmSetp;vaSetp;vmR;vmMin;vmMax;substation;coordID;subnet;voltLvl
top;node;1.02;0;20;0.9;1.1;NULL;coord_0;MV1.101_LV1.101;5
bus;busbar;NULL;NULL;0.4;0.9;1.1;NULL;coord_0;LV1.101;7
a;auxiliary;NULL;NULL;0.4;0.9;1.1;NULL;NULL;LV1.101;7
far;node;NULL;NULL;0.4;0.9;1.1;NULL;coord_1;LV1.101;7
other;node;NULL;NULL;0.4;0.9;1.1;NULL;coord_1;LV2.101;7
""",
    "Line": """id;nodeA;nodeB;type;length;loadingMax;subnet;voltLvl
L1;a;far;cable;0.15;100;LV1.101;7
L2;other;other2;cable;0.15;100;LV2.101;7
""",
    "LineType": "id;r;x;b;iMax;type\ncable;0.2067;0.0804248;260.752;270;cable\n",
    "Transformer": """id;nodeHV;nodeLV;type;tappos;autoTap;autoTapSide;loadingMax;substation;subnet;voltLvl
T;top;bus;Dyn5;-1;0;NULL;100;NULL;LV1.101;6
""",
    "TransformerType": """\
id;sR;vmHV;vmLV;va0;vmImp;pCu;pFe;iNoLoad;tapable;tapside;dVm;dVa;tapNeutr;tapMin;tapMax
Dyn5;0.4;20;0.4;150;6;4.8;1.2;0.3;1;HV;2.5;0;0;-2;2
""",
    "Switch": """id;nodeA;nodeB;type;cond;substation;subnet;voltLvl
S;bus;a;LBS;1;NULL;LV1.101;7
""",
    "ExternalNet": """\
id;node;calc_type;dspf;pExtNet;qExtNet;pWardShunt;qWardShunt;rXWard;xXWard;vmXWard;subnet;voltLvl
G;top;vavm;1;NULL;NULL;NULL;NULL;NULL;NULL;NULL;LV1.101_MV1.101_eq;5
""",
    "Load": """id;node;profile;pLoad;qLoad;sR;subnet;voltLvl
house;far;H0-A;0.006;0.0024;0.0065;LV1.101;7
whole;top;lv_rural1;0.08;0.03;0.09;MV1.101_LV1.101_eq;5
""",
    "RES": """id;node;type;profile;calc_type;pRES;qRES;sR;subnet;voltLvl
roof;far;PV;PV3;pq;0.01;0;0.01;LV1.101;7
""",
    "Storage": "id;node;type;profile;pStor;qStor;subnet;voltLvl\nbox;far;PV_Storage;S;-0.002;0;LV1.101;7\n",
    "Coordinates": "id;x;y;subnet;voltLvl\ncoord_0;11.4;53.6;LV1.101;7\ncoord_1;11.41;53.6;LV1.101;7\n",
    "StudyCases": """Study Case;voltLvl;pload;qload;Wind_p;PV_p;RES_p;Slack_vm
hL;5;1;1;0;0;0;1.035
hL;7;1;1;0;0;0;0.965
lPV;7;0.1;0.122543;0.85;0.95;1;1.055
""",
    "LoadProfile": "time;H0\nnot read at all;x;y;z\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simbench")
    for name, text in TABLES.items():
        (path / f"{name}.csv").write_text(text)
    return path


@pytest.fixture(scope="module")
def network(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Network:
    """The network of the one grid, as its code cuts it out."""
    code = parse_code("1-LV-rural1--0-sw")
    assert code is not None
    part = tmp_path_factory.mktemp("part")
    for name, frame in cut_out(read_source(folder).layers, code).items():
        frame.to_csv(part / f"{name}.csv", sep=";", index=False)
    return require_network(import_file(part, rules=rules_for()), part)


def test_a_code_names_a_part_of_the_whole(network: Network) -> None:
    assert list(network.buses.index) == ["top", "bus", "a", "far"]
    assert list(network.lines.index) == ["L1"]
    assert list(network.loads.index) == ["house"]  # the equivalent load stands for this very grid
    assert network.quarantine.empty


def test_figures_come_from_the_types_in_canonical_units(network: Network) -> None:
    transformer = network.transformers.loc["T"]
    assert (transformer["sn_kva"], transformer["vkr_percent"], transformer["tap_pos"]) == (400.0, 1.2, -1.0)
    line = network.lines.loc["L1"]
    assert line["c_nf_per_km"] == pytest.approx(260.752 / (2 * math.pi * 50) * 1000)
    assert (line["length_m"], line["i_max_a"]) == (150.0, 270.0)
    assert network.sources["vm_pu"].to_list() == [1.02]
    assert network.generators[["kind", "p_kw"]].to_numpy().tolist() == [["pv", 10.0], ["battery", 2.0]]
    assert network.switches[["closed", "element_id"]].to_numpy().tolist() == [[True, "a"]]


def test_study_cases_of_the_level_become_scenarios(network: Network) -> None:
    cases = network.scenarios[["load_factor", "generation_factor", "class_factors"]]
    assert cases.to_dict("index") == {
        "hL": {"load_factor": 1.0, "generation_factor": 0.0, "class_factors": "pv=0; wind=0; battery=1"},
        "lPV": {
            "load_factor": 0.1,
            "generation_factor": 1.0,
            "class_factors": "pv=0.95; wind=0.85; battery=1",
        },
    }


def test_a_node_without_coordinates_stands_at_its_neighbour(network: Network) -> None:
    assert network.buses.geometry["a"].distance(network.buses.geometry["bus"]) < 1e-6


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("1-LV-rural1--0-sw", True),
        ("1-MVLV-urban-all-2-no_sw", True),
        ("1-LV-urban--0-sw", False),
        ("town.gpkg", False),
        ("1-LV-rural1--3-sw", False),
    ],
)
def test_codes_are_told_from_paths(text: str, known: bool) -> None:
    assert (parse_code(text) is not None) == known


def test_a_code_without_the_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(gis.InputError, match="pip install simbench"):
        read_source(Path("1-LV-rural1--0-sw"))
    with pytest.raises(gis.InputError, match="no such file"):
        format_of(Path("1-LV-nowhere--0-sw"))


def test_all_grids_below_come_along_and_their_equivalents_do_not(folder: Path) -> None:
    code = parse_code("1-MVLV-rural-all-0-sw")
    assert code is not None
    layers = cut_out(read_source(folder).layers, code)
    assert layers["Load"]["id"].to_list() == ["house"]
    assert layers["ExternalNet"].empty
    wrong = parse_code("1-MVLV-rural-7.101-0-sw")
    assert wrong is not None
    with pytest.raises(gis.InputError, match="there are: LV1"):
        cut_out(read_source(folder).layers, wrong)
