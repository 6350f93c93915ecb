"""What the engine takes from pandapower: its internal case before any solve. The only reader of its privates.

`_pd2ppc` and the lookups it leaves are private to pandapower; the version is pinned and a test holds what
is read here to the result tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csc_array

from gridmodel.lean import pandapower

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

LINE, TRANSFORMER, OTHER, SWITCH = 0, 1, 2, 3
# Elements whose equations are not those of a current into a fixed matrix.
_OUT_OF_SCOPE = ("gen", "xward", "dcline", "svc", "tcsc", "ssc", "vsc", "vsc_stacked", "vsc_bipolar")


class Branches(NamedTuple):
    """Two-ports between nodes, lines and transformers first.

    I_from = yff V_from + yft V_to and I_to = ytf V_from + ytt V_to [pu].

    Attributes
    ----------
    percent_from, percent_to
        Loading [%] per current [pu] at that end, as pandapower defines it; 0 for what has no rating.
    kind, position
        LINE, TRANSFORMER, SWITCH (one with an impedance) or OTHER, and the row in the net's table of that
        kind (-1 for OTHER).
    """

    from_row: np.ndarray
    to_row: np.ndarray
    yff: np.ndarray
    yft: np.ndarray
    ytf: np.ndarray
    ytt: np.ndarray
    percent_from: np.ndarray
    percent_to: np.ndarray
    kind: np.ndarray
    position: np.ndarray


@dataclass(frozen=True, eq=False)
class PandapowerCase:
    """A net as pandapower sees it: nodes are its internal buses, those of closed switches joined.

    Attributes
    ----------
    bus_kv, matrix, shunt_pu
        Nominal voltage per node [kV], admittance matrix, and what of its diagonal is no branch's [pu].
    source_nodes, source_pu
        Nodes held by external grids and their complex voltages.
    bus_node, load_node, generator_node
        Node per bus, load and static generator, in the order of their tables; -1 without supply.
    load_pu, generator_pu
        Complex power at scaling 1 [pu]; 0 out of service.
    fixed_pu
        Complex power per node injected by everything else of constant power.
    shares
        Nodes x 4: constant-current and constant-impedance share of active, then of reactive power.
    counts
        Rows of the net's tables bus, line and trafo.
    resting
        Per table, whether a line or transformer has supply at both ends, current or none.
    out_of_scope
        Elements that are not a current into a fixed matrix, in words.
    """

    sn_mva: float
    bus_kv: np.ndarray
    matrix: csc_array
    shunt_pu: np.ndarray
    source_nodes: np.ndarray
    source_pu: np.ndarray
    bus_node: np.ndarray
    load_node: np.ndarray
    load_pu: np.ndarray
    generator_node: np.ndarray
    generator_pu: np.ndarray
    fixed_pu: np.ndarray
    shares: np.ndarray | None
    branches: Branches
    counts: dict[str, int]
    resting: dict[str, np.ndarray]
    out_of_scope: tuple[str, ...]


def read_case(net: pandapowerNet) -> PandapowerCase:
    """Read a net; its tables, results and private state stay as they are."""
    from pandapower.pypower.idx_bus import BASE_KV, BS, GS
    from pandapower.pypower.makeSbus import makeSbus
    from pandapower.pypower.makeYbus import makeYbus

    with _converted(net) as (ppc, ppci):
        bus, base = ppci["bus"], float(ppci["baseMVA"])
        node_of = _node_lookup(net, len(bus))
        load_node, load_pu = _injections(net, "load", node_of, base)
        generator_node, generator_pu = _injections(net, "sgen", node_of, base)
        total = makeSbus(base, bus, ppci["gen"])
        sources = np.unique(ppci["gen"][ppci["internal"]["ref_gens"], 0].real.astype(np.int64))
        total[sources] += _set_points(ppci, sources, base)
        rest = total + _summed(net, "load", load_node, load_pu, len(bus))
        rest -= _summed(net, "sgen", generator_node, generator_pu, len(bus))
        return PandapowerCase(
            sn_mva=base,
            bus_kv=bus[:, BASE_KV].copy(),
            matrix=csc_array(makeYbus(base, bus, ppci["branch"])[0]),
            shunt_pu=(bus[:, GS] + 1j * bus[:, BS]) / base,
            source_nodes=sources,
            source_pu=_source_voltages(ppci, sources),
            bus_node=node_of[net.bus.index.to_numpy()],
            load_node=load_node,
            load_pu=load_pu,
            generator_node=generator_node,
            generator_pu=generator_pu,
            fixed_pu=np.where(np.abs(rest) > 1e-12, rest, 0.0),
            shares=_shares(bus),
            branches=_branches(net, ppci, base),
            counts={table: len(net[table]) for table in ("bus", "line", "trafo")},
            resting=_resting(net, ppc, len(bus)),
            out_of_scope=_beyond(net),
        )


@contextmanager
def _converted(net: pandapowerNet) -> Iterator[tuple[dict, dict]]:
    """pandapower's internal case of a net, as `runpp` makes it: whole, and of what has supply alone.

    What it writes into the net is taken back.
    """
    pandapower()
    from pandapower.auxiliary import _init_runpp_options
    from pandapower.pd2ppc import _pd2ppc

    kept = {name: value for name, value in net.items() if _is_private(name)} | {"shunt": net["shunt"]}
    net["shunt"] = net["shunt"].copy()  # pandapower fills in voltages that are missing
    none = np.array([], dtype=np.int64)
    try:
        _init_runpp_options(
            net, algorithm="nr", calculate_voltage_angles=True, init="flat", max_iteration=1,
            tolerance_mva=1e-8, trafo_model="t", trafo_loading="current", enforce_p_lims=False,
            enforce_q_lims=False, check_connectivity=True, voltage_depend_loads=True, numba=False,
        )  # fmt: skip
        names = ("bus", "bus_dc", "ext_grid", "gen", "branch", "branch_dc")
        net["_pd2ppc_lookups"] = dict.fromkeys(names, none)
        yield _pd2ppc(net)
    finally:
        for name in [name for name in net if _is_private(name) and name not in kept]:
            del net[name]
        net.update(kept)


def _is_private(name: str) -> bool:
    return name.startswith("_") or name == "converged"


def _beyond(net: pandapowerNet) -> tuple[str, ...]:
    found = []
    for table in _OUT_OF_SCOPE:
        count = int(net[table]["in_service"].sum()) if len(net[table]) else 0
        if count:
            found.append(f"{count} in table {table}")
    return tuple(found)


def _node_lookup(net: pandapowerNet, nodes: int) -> np.ndarray:
    """Node per index of a bus; -1 for one that is not there or has no supply."""
    lookup = np.asarray(net["_pd2ppc_lookups"]["bus"], dtype=np.int64)
    return np.where((lookup >= 0) & (lookup < nodes), lookup, -1)


def _injections(
    net: pandapowerNet, table: str, node_of: np.ndarray, base: float
) -> tuple[np.ndarray, np.ndarray]:
    rows = net[table]
    power = rows["p_mw"].to_numpy(dtype=float) + 1j * rows["q_mvar"].to_numpy(dtype=float)
    nodes = node_of[rows["bus"].to_numpy(dtype=np.int64)] if len(rows) else np.zeros(0, dtype=np.int64)
    in_service = rows["in_service"].to_numpy(dtype=bool) & (nodes >= 0)
    return nodes, np.where(in_service, power, 0.0) / base


def _summed(net: pandapowerNet, table: str, nodes: np.ndarray, power: np.ndarray, count: int) -> np.ndarray:
    """Power per node at the net's own scaling."""
    sums = np.zeros(count, dtype=complex)
    alive = nodes >= 0
    np.add.at(sums, nodes[alive], power[alive] * net[table]["scaling"].to_numpy(dtype=float)[alive])
    return sums


def _set_points(ppci: dict, sources: np.ndarray, base: float) -> np.ndarray:
    """What `makeSbus` counts as generation at sources; their power is a result, not an input."""
    from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, PG, QG

    gen = ppci["gen"][ppci["gen"][:, GEN_STATUS] > 0]
    fed = np.zeros(len(ppci["bus"]), dtype=complex)
    np.add.at(fed, gen[:, GEN_BUS].real.astype(np.int64), (gen[:, PG] + 1j * gen[:, QG]) / base)
    return -fed[sources]


def _source_voltages(ppci: dict, sources: np.ndarray) -> np.ndarray:
    from pandapower.pypower.idx_bus import VA
    from pandapower.pypower.idx_gen import GEN_BUS, VG

    set_point = np.ones(len(ppci["bus"]))
    held = ppci["gen"][ppci["internal"]["ref_gens"]]
    set_point[held[:, GEN_BUS].real.astype(np.int64)] = held[:, VG].real
    return set_point[sources] * np.exp(1j * np.deg2rad(ppci["bus"][sources, VA]))


def _shares(bus: np.ndarray) -> np.ndarray | None:
    from pandapower.pypower.idx_bus import CID_P, CID_Q, CZD_P, CZD_Q

    shares = bus[:, [CID_P, CZD_P, CID_Q, CZD_Q]]
    return shares.copy() if shares.any() else None


def _branches(net: pandapowerNet, ppci: dict, base: float) -> Branches:
    from pandapower.pypower.idx_brch import F_BUS, T_BUS
    from pandapower.pypower.idx_bus import BASE_KV
    from pandapower.pypower.makeYbus import branch_vectors

    branch = ppci["branch"]
    kind, position = _places(net, ppci["internal"]["branch_is"])
    ytt, yff, yft, ytf = branch_vectors(branch, len(branch))
    ends = branch[:, [F_BUS, T_BUS]].real.astype(np.int64)
    amps = base / (np.sqrt(3.0) * ppci["bus"][ends, BASE_KV])  # kA per pu, at both ends
    per_ka = _percent_per_ka(net, kind, position)
    return Branches(
        from_row=ends[:, 0],
        to_row=ends[:, 1],
        yff=yff.astype(complex),
        yft=yft.astype(complex),
        ytf=ytf.astype(complex),
        ytt=ytt.astype(complex),
        percent_from=per_ka[:, 0] * amps[:, 0],
        percent_to=per_ka[:, 1] * amps[:, 1],
        kind=kind,
        position=position,
    )


def _places(net: pandapowerNet, in_service: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kind and table row of each branch in service."""
    kind, position = np.full(len(in_service), OTHER), np.full(len(in_service), -1)
    for code, table in ((LINE, "line"), (TRANSFORMER, "trafo")):
        if table in net["_pd2ppc_lookups"]["branch"]:
            first, last = net["_pd2ppc_lookups"]["branch"][table]
            kind[first:last], position[first:last] = code, np.arange(last - first)
    if "switch" in net["_pd2ppc_lookups"]["branch"]:
        first, last = net["_pd2ppc_lookups"]["branch"]["switch"]
        kind[first:last] = SWITCH
        position[first:last] = np.flatnonzero(net["_impedance_bb_switches"])
    return kind[in_service], position[in_service]


def _resting(net: pandapowerNet, ppc: dict, nodes: int) -> dict[str, np.ndarray]:
    """Where pandapower has 0 % for a branch without current, not NaN; nodes with supply go first."""
    from pandapower.pypower.idx_brch import F_BUS, T_BUS

    alive = (ppc["branch"][:, [F_BUS, T_BUS]].real < nodes).all(axis=1)
    places = {table: net["_pd2ppc_lookups"]["branch"].get(table, (0, 0)) for table in ("line", "trafo")}
    return {table: alive[first:last] for table, (first, last) in places.items()}


def _percent_per_ka(net: pandapowerNet, kind: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Loading [%] per kA at both ends, as pandapower's `_get_line_results` and `_get_trafo_results` have it.

    A line's is its current over its rating; a transformer's (loading by current) that of each winding over
    its rated current. A rating of zero loads infinitely, as there.
    """
    line, trafo = net["line"], net["trafo"]
    percent = np.zeros((len(kind), 2))
    rating = (line["max_i_ka"] * line["df"] * line["parallel"]).to_numpy(dtype=float)
    at = kind == LINE
    with np.errstate(divide="ignore"):
        percent[at] = (100.0 / rating)[position[at], None]
    windings = trafo[["vn_hv_kv", "vn_lv_kv"]].to_numpy(dtype=float)
    rated = (trafo["sn_mva"] * trafo["parallel"] * trafo["df"]).to_numpy(dtype=float)
    at = kind == TRANSFORMER
    percent[at] = (100.0 * np.sqrt(3.0) * windings / rated[:, None])[position[at]]
    return percent
