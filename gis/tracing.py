"""Walk along the supply: what feeds a bus, what a bus feeds, which loops are closed, whose asset it is.

Built on `gis.feeders`; no figure is judged here (`gis.plausibility`) and nothing is solved.

        source                                     loop: a-b-c, closed by line r
      ---o--------a--------b--------d              (the fewest-hops way feeds c from a or b;
                   \\       |                        the line left over closes the loop)
                    +--r----c
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis.feeders import Supply, conducting_edges, trace_supply
from gis.network import Network

ASSET_TABLES = ("buses", "lines", "transformers", "switches", "sources", "loads", "generators", "capacitors")
FED, NO_PATH, OUT_OF_SERVICE, UNKNOWN_BUS = (
    "fed",
    "no closed way to a source",
    "out of service",
    "unknown bus",
)
LOOP_COLUMNS = ("feeder_id", "table", "element_id", "bus_ids", "bus_count", "element_ids")


def assign_feeders(network: Network, supply: Supply | None = None) -> dict[str, pd.DataFrame]:
    """Say for every asset and customer which feeder and station it hangs on, or why on none.

    The normal switching state counts. A line belongs to the feeder it feeds, an open one to that of its
    end beyond the busbar; everything at a bus belongs to the feeder of the bus.

    Parameters
    ----------
    network
        Any network; ids of buses that do not exist are told in `supply_status`.
    supply
        Its trace, when it is there already.

    Returns
    -------
    dict of DataFrame
        One frame per table of `ASSET_TABLES`, with its index: feeder_id, station_id (missing where unfed)
        and supply_status: "fed", "no closed way to a source", "out of service" or "unknown bus".
    """
    traced = supply or trace_supply(network)
    buses = traced.buses[["feeder_id", "station_id"]]
    frames = {"buses": _with_status(buses.copy(), network.buses, known=None)}
    for table in ("switches", "sources", "loads", "generators", "capacitors"):
        frame = network.table(table)
        frames[table] = _with_status(_at_buses(buses, frame["bus_id"], frame.index), frame, known=buses.index)
    for table, ends in (
        ("lines", ("from_bus_id", "to_bus_id")),
        ("transformers", ("hv_bus_id", "lv_bus_id")),
    ):
        frame = network.table(table)
        stations = [_at_buses(buses, frame[end], frame.index)["station_id"] for end in ends]
        own = pd.DataFrame(
            {"feeder_id": traced.feeders[table], "station_id": stations[0].fillna(stations[1])}
        )
        if table == "lines":
            own["station_id"] = _line_stations(network, traced).fillna(own["station_id"])
        frames[table] = _with_status(own, frame, known=buses.index, ends=ends)
    return {table: frames[table] for table in ASSET_TABLES}


def asset_table(network: Network, supply: Supply | None = None) -> pd.DataFrame:
    """List every asset and customer with its feeder and station, as one layer to be written.

    Returns
    -------
    DataFrame
        table, element_id, feeder_id, station_id, supply_status (`assign_feeders`) and geometry; one row
        per element of `ASSET_TABLES`, in their order.
    """
    parts = [
        own.rename_axis("element_id")
        .reset_index()
        .assign(table=table, geometry=network.table(table).geometry.to_numpy())
        for table, own in assign_feeders(network, supply).items()
        if len(own)
    ]
    columns = ["table", "element_id", "feeder_id", "station_id", "supply_status", "geometry"]
    if not parts:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    return pd.concat(parts, ignore_index=True)[columns]


def trace_upstream(network: Network, bus_id: str) -> pd.DataFrame:
    """List the elements that feed a bus, nearest first.

    Returns
    -------
    DataFrame
        table, element_id, bus_id (fed by it), upstream_bus_id, length_m (of lines, else 0); no rows at a
        source's own bus and where no source reaches the bus.

    Raises
    ------
    KeyError
        The network has no such bus.
    """
    _require_bus(network, bus_id)
    path = trace_supply(network).path_to_source(bus_id)
    lengths_m = line_lengths_m(network.lines).reindex(path["element_id"]).to_numpy()
    return path.assign(length_m=np.where(path["table"] == "lines", lengths_m, 0.0))


def trace_downstream(network: Network, bus_id: str) -> pd.DataFrame:
    """List every bus that is fed through a bus, itself first, each after the one that feeds it.

    Returns
    -------
    DataFrame
        Indexed by bus_id: upstream_bus_id, upstream_table, upstream_id (the element that feeds the bus),
        load_kw and customers at the bus. Only the bus itself where it feeds nothing; no rows where no
        source reaches it.

    Raises
    ------
    KeyError
        The network has no such bus.
    """
    _require_bus(network, bus_id)
    supply = trace_supply(network)
    start = network.buses.index.get_loc(bus_id)
    marked = np.zeros(len(network.buses), dtype=bool)
    marked[start] = True
    up = np.where(supply.parents >= 0, supply.parents, np.arange(len(marked)))
    while not np.array_equal(further := marked | marked[up], marked):
        marked, up = further, up[up]
    order = supply.order[marked[supply.order]]
    columns = ["upstream_bus_id", "upstream_table", "upstream_id"]
    below = supply.buses.iloc[order][columns]
    live = network.loads[network.loads["in_service"]]
    sums = live.groupby("bus_id")[["p_kw", "customers"]].sum().reindex(below.index, fill_value=0)
    return below.assign(load_kw=sums["p_kw"].astype(float), customers=sums["customers"].astype(int))


def find_loops(network: Network, supply: Supply | None = None) -> pd.DataFrame:
    """Find the closed loops of the normal switching state, each with the element that closes it.

    The supply is followed over the fewest elements; every other closed element joins two buses that are
    fed already: it closes one loop. Opening all the elements named makes the network radial.

    Returns
    -------
    DataFrame
        feeder_id ("F1, F2" where it joins two), table and element_id of the closing element, bus_ids of
        the loop in order as text ("B - C - D"), bus_count, element_ids of the loop as text. Two lines
        side by side are a loop of two buses; a way from one source to another counts and runs over both.
        No rows: radial.

    Notes
    -----
    Loops are as many as closed elements less buses fed plus sources (the cycle rank of the graph).
    """
    traced = supply or trace_supply(network)
    closing = _closing_edges(network, traced)
    if closing.empty:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in LOOP_COLUMNS})
    ways, tops = _loop_buses(closing["u"].to_numpy(), closing["v"].to_numpy(), traced)
    bus_ids = network.buses.index.to_numpy()
    feeders = traced.buses["feeder_id"].to_numpy()
    stations = traced.buses["station_id"].to_numpy()
    names = [_loop_feeder(way, feeders, stations) for way in ways]
    texts = [" - ".join(bus_ids[way]) for way in ways]
    feeding = traced.buses["upstream_id"].to_numpy()
    members = [feeding[way[~np.isin(way, top)]] for way, top in zip(ways, tops, strict=True)]
    ids = closing["element_id"].to_numpy()
    named = [", ".join([own, *others]) for own, others in zip(ids, members, strict=True)]
    columns = (names, closing["table"], ids, texts, [len(way) for way in ways], named)
    return pd.DataFrame(
        {name: np.asarray(column) for name, column in zip(LOOP_COLUMNS, columns, strict=True)}
    )


def line_lengths_m(lines: pd.DataFrame) -> pd.Series:
    """Length [m] per line: its attribute, or what is drawn where it has none."""
    return lines["length_m"].fillna(lines.geometry.length)


def sum_to_source(values: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Sum a quantity of each bus over the bus and everything on its way to the source.

    Follows the feeding buses by doubling the step, so the time grows with the logarithm of the depth.
    """
    up = np.where(parents >= 0, parents, np.arange(len(parents)))
    totals = np.where(parents >= 0, values, 0.0)
    while not np.array_equal(further := up[up], up):
        totals = totals + np.where(up == np.arange(len(up)), 0.0, totals[up])
        up = further
    return totals + np.where(up == np.arange(len(up)), 0.0, totals[up])


def _closing_edges(network: Network, supply: Supply) -> pd.DataFrame:
    """Closed elements between fed buses that feed none themselves."""
    edges = conducting_edges(network)
    keys = pd.MultiIndex.from_frame(edges[["table", "element_id"]])
    feeding = pd.MultiIndex.from_frame(supply.buses[["upstream_table", "upstream_id"]].dropna())
    fed = np.zeros(len(network.buses), dtype=bool)
    fed[supply.order] = True
    closing = edges[~keys.isin(feeding) & fed[edges["u"]] & (edges["u"] != edges["v"]).to_numpy()]
    return closing.reset_index(drop=True)


def _loop_buses(u: np.ndarray, v: np.ndarray, supply: Supply) -> tuple[list[np.ndarray], np.ndarray]:
    """Positions of the buses of each loop, from u up to where both ways meet and down to v; and those tops.

    All loops walk at once: in every step the deeper of both ends goes up.
    """
    depth = sum_to_source(np.ones(len(supply.parents)), supply.parents)
    left, right = u.copy(), v.copy()
    steps: list[tuple[np.ndarray, np.ndarray]] = [(left, right)]
    while True:
        climb_left = (left != right) & (depth[left] >= depth[right]) & (supply.parents[left] >= 0)
        climb_right = (left != right) & ~climb_left & (supply.parents[right] >= 0)
        if not (climb_left | climb_right).any():
            break
        left = np.where(climb_left, supply.parents[left], left)
        right = np.where(climb_right, supply.parents[right], right)
        steps.append((left, right))
    lefts, rights = (np.stack([step[side] for step in steps], axis=1) for side in (0, 1))
    ways = [_joined(np.asarray(a), np.asarray(b)) for a, b in zip(lefts, rights, strict=True)]
    return ways, np.column_stack([left, right])


def _joined(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Up the left way and down the right one, every bus once."""
    up, down = pd.unique(left), pd.unique(right)
    return np.asarray(pd.unique(np.concatenate([up, down[::-1]])))


def _loop_feeder(way: np.ndarray, feeders: np.ndarray, stations: np.ndarray) -> str:
    """Feeders along a loop; the busbar's own name only where the loop lies on it alone."""
    names = feeders[way]
    beyond = names[names != stations[way]]
    return ", ".join(pd.unique(beyond if len(beyond) else names))


def _at_buses(buses: pd.DataFrame, bus_ids: pd.Series, index: pd.Index) -> pd.DataFrame:
    return buses.reindex(bus_ids.to_numpy()).set_axis(index)


def _line_stations(network: Network, supply: Supply) -> pd.Series:
    """Station of the bus a line feeds."""
    fed = supply.buses[supply.buses["upstream_table"] == "lines"]
    return network.lines.index.to_series().map(
        pd.Series(fed["station_id"].to_numpy(), fed["upstream_id"].to_numpy())
    )


def _with_status(
    own: pd.DataFrame, frame: pd.DataFrame, *, known: pd.Index | None, ends: tuple[str, ...] = ("bus_id",)
) -> pd.DataFrame:
    status = np.where(own["feeder_id"].notna(), FED, NO_PATH).astype(object)
    if known is not None:
        lost = ~np.logical_and.reduce([frame[end].isin(known).to_numpy() for end in ends])
        status[lost] = UNKNOWN_BUS
    if "in_service" in frame:
        status[~frame["in_service"].to_numpy(dtype=bool)] = OUT_OF_SERVICE
    return own.assign(supply_status=status)


def _require_bus(network: Network, bus_id: str) -> None:
    if bus_id not in network.buses.index:
        raise KeyError(f"the network has no bus {bus_id!r}")
