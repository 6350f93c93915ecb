"""Grids that pandapower and SimBench ship, in the cases they are studied in: what results are proved on.

A grid is loaded once a process and given out as a copy. pandapower is the model: nets stay as shipped.
"""

from __future__ import annotations

import atexit
import copy
import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pandapower import networks

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

DEMO = Path(__file__).resolve().parents[1] / "data" / "schutterwald.gpkg"
BASE = "base"
STUDY_CASES = ("hL", "n1", "hW", "hPV", "lW", "lPV")
# Case of a SimBench grid with the tap positions of its tables, see `use_tap_positions`.
TAPPED = "hL with taps"
# pandapower's own error is to be far below what is asked about.
TOLERANCE_MVA = 1e-10

KERBER = (
    "landnetz_freileitung_1", "landnetz_freileitung_2", "landnetz_kabel_1", "landnetz_kabel_2",
    "dorfnetz", "vorstadtnetz_kabel_1", "vorstadtnetz_kabel_2",
)  # fmt: skip
SIMBENCH = (
    "1-LV-rural1--0-sw", "1-LV-rural2--2-sw", "1-LV-semiurb4--0-sw", "1-LV-semiurb4--2-sw",
    "1-LV-urban6--2-sw", "1-MV-rural--0-sw", "1-MV-semiurb--2-sw", "1-MV-urban--0-sw",
)  # fmt: skip
# The grid on which a converter's answer differed; the one of the benchmarks, 10,458 buses, slow to load.
STATION_AND_ONE = "1-MVLV-urban-5.303-0-sw"
LARGE = "1-MVLV-urban-all-0-sw"


def _demo() -> pandapowerNet:
    from gis import read_network
    from gridmodel import build_model, rules_for

    return build_model(read_network(DEMO, rules=rules_for())).net


SHIPPED: dict[str, Callable[[], pandapowerNet]] = {
    "cigre_mv": networks.create_cigre_network_mv,
    "cigre_mv_pv_wind": lambda: networks.create_cigre_network_mv(with_der="pv_wind"),
    "cigre_lv": networks.create_cigre_network_lv,
    "case33bw": networks.case33bw,
    **{f"kerber_{name}": getattr(networks, f"create_kerber_{name}") for name in KERBER},
    "mv_oberrhein_load": lambda: networks.mv_oberrhein(scenario="load"),
    "mv_oberrhein_generation": lambda: networks.mv_oberrhein(scenario="generation"),
    "demo": _demo,
}
GRIDS = (*SHIPPED, *SIMBENCH, STATION_AND_ONE)
needs_simbench = pytest.mark.skipif(find_spec("simbench") is None, reason="the package simbench is not here")


def cases_of(grid: str) -> tuple[str, ...]:
    """Cases a grid is studied in: SimBench's six and its tap positions, or the one it is shipped with."""
    return (BASE,) if grid in SHIPPED else (*STUDY_CASES, TAPPED)


def every_case(grids: tuple[str, ...] = GRIDS) -> list[object]:
    """Parameters (grid, case) of a test over the grids; those of SimBench are skipped where it is absent."""
    return [
        pytest.param(grid, case, id=f"{grid}/{case}", marks=() if grid in SHIPPED else needs_simbench)
        for grid in grids
        for case in cases_of(grid)
    ]


def every_study_case() -> list[object]:
    """Parameters (grid, case) over SimBench's six cases of the grids whose figures are known."""
    return [
        pytest.param(grid, case, id=f"{grid}/{case}", marks=needs_simbench)
        for grid in SIMBENCH
        for case in STUDY_CASES
    ]


def reference_net(grid: str, case: str = BASE) -> pandapowerNet:
    """A copy of a grid in one of its cases, not solved; base is the grid as shipped."""
    net = copy.deepcopy(_shipped(grid))
    if case == TAPPED:
        use_tap_positions(net)
    if case != BASE:
        apply_study_case(net, case.split()[0])
    return net


def solve_closely(net: pandapowerNet) -> pandapowerNet:
    """Solve in place by pandapower, to 1e-10 MVA, and give the net back."""
    import pandapower

    pandapower.runpp(
        net, calculate_voltage_angles=True, numba=False, tolerance_mva=TOLERANCE_MVA, max_iteration=30
    )
    return net


def apply_study_case(net: pandapowerNet, case: str) -> None:
    """Set a SimBench study case: set-point of the source, scaling of loads and generators.

    Factors of the grid's own table `loadcases`; generators by kind (SimBench documentation, study cases).
    """
    factors = net.loadcases.loc[case]
    net.load["p_mw"] *= factors["pload"]
    net.load["q_mvar"] *= factors["qload"]
    of_kind = {"pv": factors["PV_p"], "wind": factors["Wind_p"]}
    kinds = net.sgen["type"].fillna("").astype(str).str.lower()
    kinds = np.select([kinds.str.contains("pv"), kinds.str.contains("w")], ["pv", "wind"], "other")
    net.sgen["scaling"] = pd.Series(kinds, net.sgen.index).map(of_kind).fillna(factors["RES_p"])
    net.ext_grid["vm_pu"] = factors["Slack_vm"]


def use_tap_positions(net: pandapowerNet) -> None:
    """Let the tap positions of a SimBench net count.

    pandapower 3 asks for a column `tap_changer_type`, which simbench 1.6.3 leaves empty; pandapower then
    takes every transformer at its neutral tap without a word.
    """
    net.trafo["tap_changer_type"] = "Ratio"


@cache
def _shipped(grid: str) -> pandapowerNet:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandapower's and SimBench's own data
        net = SHIPPED[grid]() if grid in SHIPPED else _simbench(grid)
    net.profiles = {}
    if "tap_dependency_table" not in net.trafo:
        net.trafo["tap_dependency_table"] = False  # mv_oberrhein is older than the column
    return net


def _simbench(code: str) -> pandapowerNet:
    import simbench

    return simbench.get_simbench_net(code, input_path=_tables_without_years(int(code.split("-")[-2])))


@cache
def _tables_without_years(scenario: int) -> str:
    """SimBench's folder with one hour of every profile: its years take most of the seconds of loading."""
    from simbench.networks.extract_simbench_grids_from_csv import complete_data_path

    folder = Path(tempfile.mkdtemp(prefix="simbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in Path(complete_data_path(scenario)).glob("*.csv"):
        if path.stem.endswith("Profile"):
            with path.open(encoding="utf-8") as stream:
                head = [stream.readline() for _ in range(5)]
            (folder / path.name).write_text("".join(head), encoding="utf-8")
        else:
            (folder / path.name).symlink_to(path)
    return str(folder)
