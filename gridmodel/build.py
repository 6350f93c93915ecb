"""Build the pandapower net of a network: whole columns at once, no loop over elements.

Only units and names change here: kW to MW, A to kA, m to km, ids to row numbers.
"""

from __future__ import annotations

import copy
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from gis import InputError, Network, check_network, errors_of
from gis.findings import make_findings
from gis.tracing import line_lengths_m
from gis.voltage import LV_MAX_KV
from gridmodel.catalogue import Catalogue, read_catalogue
from gridmodel.figures import LINE_FIGURES, TRANSFORMER_FIGURES, with_types
from gridmodel.lean import pandapower
from gridmodel.model import GridModel
from gridmodel.rules import rules_for

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

_SWITCH_TYPES = {"circuit_breaker": "CB", "load_break": "LBS", "disconnector": "DS", "fuse": "fuse"}
_SWITCHED = {"lines": "l", "transformers": "t", "buses": "b"}
_BUS_TYPES = {"busbar": "b", "node": "n", "cabinet": "n", "service": "n"}

# Public grids run at 16.7 (railways), 50 or 60 Hz.
LOWEST_HZ, HIGHEST_HZ = 16.0, 70.0


def build_model(network: Network, catalogue: Catalogue | None = None) -> GridModel:
    """Build the model of a network.

    Scenarios are not applied here: the net holds every load and generator at its stated power.

    Parameters
    ----------
    network
        A network whose bus references are complete (`gis.read_network` sees to it).
    catalogue
        Types; the shipped catalogue when absent.

    Raises
    ------
    InputError
        The tables do not fit together or name unknown types; every fault is named.
    """
    types = catalogue or read_catalogue()
    errors = errors_of(check_network(network, rules=rules_for(types)))
    if len(errors):
        raise InputError(network.info.get("name", "network"), errors)
    net = new_net(frequency_hz(network))
    fill_table(net, "bus", _buses(network))
    fill_table(net, "line", _lines(network, types))
    fill_table(net, "trafo", _transformers(network, types))
    fill_table(net, "switch", _switches(network))
    fill_table(net, "ext_grid", _sources(network))
    fill_table(net, "load", load_columns(network))
    fill_table(net, "sgen", generator_columns(network))
    fill_table(net, "shunt", _capacitors(network))
    return GridModel(network=network, net=net, catalogue=types)


@cache
def assumptions() -> dict[str, dict[str, float]]:
    """Figures used where a file gives none, with their sources (`assumptions.toml`)."""
    text = Path(__file__).with_name("assumptions.toml").read_text(encoding="utf-8")
    return cast("dict[str, dict[str, float]]", tomllib.loads(text))


def frequency_hz(network: Network) -> float:
    """System frequency [Hz]: what the network says of itself (`info["f_hz"]`), else the one assumed.

    Raises
    ------
    InputError
        The network says something that is no frequency of a public grid.
    """
    stated = network.info.get("f_hz")
    if stated is None:
        return assumptions()["frequency"]["f_hz"]
    try:
        f_hz = float(stated)
    except ValueError:
        f_hz = float("nan")
    if not LOWEST_HZ <= f_hz <= HIGHEST_HZ:
        message = f"f_hz is {stated!r}; give the frequency of the grid in Hz, like 50 or 60"
        raise InputError("network", make_findings("frequency", "network_info", [""], message))
    return f_hz


def line_figures(network: Network, catalogue: Catalogue) -> pd.DataFrame:
    """Impedance, rating and length per line: the file's figures, the type's where it has none.

    Returns
    -------
    DataFrame
        Indexed by line_id: r_ohm_per_km, x_ohm_per_km, c_nf_per_km, i_max_a (one conductor system), length_m.
    """
    lines = network.lines
    figures = with_types(lines, catalogue.lines, list(LINE_FIGURES))
    figures["c_nf_per_km"] = figures["c_nf_per_km"].fillna(0.0)
    figures["length_m"] = line_lengths_m(lines)
    return figures


def transformer_figures(network: Network, catalogue: Catalogue) -> pd.DataFrame:
    """Ratings and taps per transformer: the file's figures, the type's where it has none."""
    figures = with_types(network.transformers, catalogue.transformers, list(TRANSFORMER_FIGURES))
    zeros = {"pfe_kw": 0.0, "i0_percent": 0.0, "shift_degree": 0.0}
    side = with_types(network.transformers, catalogue.transformers, ["tap_side"])
    return figures.fillna(zeros).assign(tap_side=side["tap_side"], tap_pos=network.transformers["tap_pos"])


def branch_ratings_kva(network: Network, catalogue: Catalogue) -> dict[str, np.ndarray]:
    """Rated power [kVA] per line and transformer, in the order of their tables."""
    lines, transformers = network.lines, network.transformers
    i_max_a = line_figures(network, catalogue)["i_max_a"] * lines["parallel"]
    sn_kva = transformer_figures(network, catalogue)["sn_kva"] * transformers["parallel"]
    return {
        "lines": (np.sqrt(3.0) * lines["vn_kv"] * i_max_a).to_numpy(dtype=float),
        "transformers": sn_kva.to_numpy(dtype=float),
    }


def reactive_power_kvar(network: Network) -> pd.Series:
    """Reactive power per load [kvar]: as stated, from its cos phi, or from the planning power factor."""
    loads = network.loads
    factors = assumptions()["cos_phi"]
    low = loads["bus_id"].map(network.buses["vn_kv"]) <= LV_MAX_KV
    planning = pd.Series(np.where(low, factors["lv"], factors["mv"]), loads.index)
    cos_phi = loads["cos_phi"].fillna(planning)
    return loads["q_kvar"].fillna(loads["p_kw"] * np.tan(np.arccos(cos_phi)))


def new_net(f_hz: float) -> pandapowerNet:
    """Empty net to fill: pandapower takes 0.1 s to make its 126 tables, a copy a twentieth of that."""
    stock = _empty_net(f_hz)
    net = copy.copy(stock)
    for name, value in stock.items():
        # Tables without rows have nothing that a deep copy would keep apart.
        net[name] = value.copy(deep=False) if isinstance(value, pd.DataFrame) else copy.deepcopy(value)
    return net


@cache
def _empty_net(f_hz: float) -> pandapowerNet:
    return pandapower().create_empty_network(f_hz=f_hz)


def fill_table(net: pandapowerNet, table: str, columns: dict[str, object]) -> None:
    """Put whole columns into an empty pandapower table, keeping its further columns and dtypes."""
    stock = net[table]
    count = len(cast(pd.Series, columns["in_service" if "in_service" in columns else "closed"]))
    if not count:
        return
    frame = pd.DataFrame(columns, index=range(count))
    rest = {c: pd.Series(_blank(stock[c].dtype, count)) for c in stock.columns if c not in columns}
    frame = pd.concat([frame, pd.DataFrame(rest, index=frame.index)], axis=1)[list(stock.columns)]
    net[table] = frame.astype(stock.dtypes.to_dict())


def _blank(dtype: object, count: int) -> object:
    if dtype is np.dtype(bool):
        return np.zeros(count, dtype=bool)
    return np.full(count, 0.0 if dtype == np.dtype("uint32") else None, dtype=object)


def _buses(network: Network) -> dict[str, object]:
    buses = network.buses
    return {
        "name": buses.index.to_numpy(),
        "vn_kv": buses["vn_kv"].to_numpy(),
        "type": buses["kind"].map(_BUS_TYPES).fillna("n").to_numpy(),
        "in_service": np.ones(len(buses), dtype=bool),
    }


def _lines(network: Network, types: Catalogue) -> dict[str, object]:
    lines, figures = network.lines, line_figures(network, types)
    return {
        "name": lines.index.to_numpy(),
        "std_type": lines["type_id"].to_numpy(),
        "from_bus": _rows(network, lines["from_bus_id"]),
        "to_bus": _rows(network, lines["to_bus_id"]),
        "length_km": figures["length_m"].to_numpy() / 1000.0,
        "r_ohm_per_km": figures["r_ohm_per_km"].to_numpy(),
        "x_ohm_per_km": figures["x_ohm_per_km"].to_numpy(),
        "c_nf_per_km": figures["c_nf_per_km"].to_numpy(),
        "g_us_per_km": 0.0,
        "max_i_ka": figures["i_max_a"].to_numpy() / 1000.0,
        "df": 1.0,
        "parallel": lines["parallel"].to_numpy(),
        "in_service": lines["in_service"].to_numpy(),
    }


def _transformers(network: Network, types: Catalogue) -> dict[str, object]:
    transformers, figures = network.transformers, transformer_figures(network, types)
    same = {c: figures[c].to_numpy() for c in figures.columns if c != "sn_kva"}
    tapped = figures[["tap_pos", "tap_step_percent", "tap_neutral"]].notna().all(axis=1)
    return {
        **same,
        "name": transformers.index.to_numpy(),
        "std_type": transformers["type_id"].to_numpy(),
        "hv_bus": _rows(network, transformers["hv_bus_id"]),
        "lv_bus": _rows(network, transformers["lv_bus_id"]),
        "sn_mva": figures["sn_kva"].to_numpy() / 1000.0,
        "tap_step_degree": 0.0,
        "tap_changer_type": tapped.map({True: "Ratio", False: None}).to_numpy(),
        "parallel": transformers["parallel"].to_numpy(),
        "df": 1.0,
        "in_service": transformers["in_service"].to_numpy(),
    }


def _switches(network: Network) -> dict[str, object]:
    switches = network.switches
    elements = np.zeros(len(switches), dtype=np.int64)
    for table in _SWITCHED:
        chosen = (switches["element_table"] == table).to_numpy()
        elements[chosen] = network.table(table).index.get_indexer(switches["element_id"][chosen])
    return {
        "name": switches.index.to_numpy(),
        "bus": _rows(network, switches["bus_id"]),
        "element": elements,
        "et": switches["element_table"].map(_SWITCHED).to_numpy(),
        "type": switches["kind"].map(_SWITCH_TYPES).to_numpy(),
        "closed": switches["closed"].to_numpy(),
        "z_ohm": 0.0,
        "in_ka": switches["i_max_a"].to_numpy() / 1000.0,
    }


def _sources(network: Network) -> dict[str, object]:
    sources = network.sources
    return {
        "name": sources.index.to_numpy(),
        "bus": _rows(network, sources["bus_id"]),
        "vm_pu": sources["vm_pu"].to_numpy(),
        "va_degree": 0.0,
        "slack_weight": 1.0,
        "in_service": sources["in_service"].to_numpy(),
    }


def load_columns(network: Network) -> dict[str, object]:
    """Columns of pandapower's table of loads."""
    loads = network.loads
    return {
        "name": loads.index.to_numpy(),
        "bus": _rows(network, loads["bus_id"]),
        "p_mw": loads["p_kw"].to_numpy() / 1000.0,
        "q_mvar": reactive_power_kvar(network).to_numpy() / 1000.0,
        "const_z_p_percent": 0.0,
        "const_i_p_percent": 0.0,
        "const_z_q_percent": 0.0,
        "const_i_q_percent": 0.0,
        "scaling": 1.0,
        "in_service": loads["in_service"].to_numpy(),
        "type": loads["customer_class"].to_numpy(),
    }


def generator_columns(network: Network) -> dict[str, object]:
    """Columns of pandapower's table of static generators."""
    generators = network.generators
    return {
        "name": generators.index.to_numpy(),
        "bus": _rows(network, generators["bus_id"]),
        "p_mw": generators["p_kw"].to_numpy() / 1000.0,
        "q_mvar": generators["q_kvar"].fillna(0.0).to_numpy() / 1000.0,
        "scaling": 1.0,
        "in_service": generators["in_service"].to_numpy(),
        "type": generators["kind"].to_numpy(),
        "current_source": True,
    }


def _capacitors(network: Network) -> dict[str, object]:
    capacitors = network.capacitors
    rated_kv = capacitors["vn_kv"].fillna(capacitors["bus_id"].map(network.buses["vn_kv"]))
    return {
        "name": capacitors.index.to_numpy(),
        "bus": _rows(network, capacitors["bus_id"]),
        "p_mw": 0.0,
        "q_mvar": -capacitors["q_kvar"].to_numpy() / 1000.0,  # drawn, in pandapower
        "vn_kv": rated_kv.to_numpy(dtype=float),
        "step": 1,
        "max_step": 1,
        "step_dependency_table": False,
        "in_service": capacitors["in_service"].to_numpy(),
    }


def _rows(network: Network, bus_ids: pd.Series) -> np.ndarray:
    return np.asarray(network.buses.index.get_indexer(bus_ids))
