"""Tables to pandapower net: our column-wise build against pandapower's create functions, same network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pandapower as pp
import pandas as pd

from gis import Network, check_network
from gis.examples import synthetic_network
from gridmodel import build_model, line_figures, read_catalogue, rules_for, transformer_figures
from gridmodel.build import reactive_power_kvar

SIZES = (10_000, 100_000)
# The create loop slows down with the square of the size: 53 s at 10,000 lines; small is enough to see it.
LOOP_LINES = 2_000
RUNS = 5
RATINGS = ("vn_hv_kv", "vn_lv_kv", "vkr_percent", "vk_percent", "pfe_kw", "i0_percent", "shift_degree")


def loop_over_elements(network: Network) -> pp.pandapowerNet:
    """What people write by hand: one create call per element, ids through a dictionary."""
    net = pp.create_empty_network()
    catalogue = read_catalogue()
    buses = {b.Index: pp.create_bus(net, vn_kv=b.vn_kv, name=b.Index) for b in network.buses.itertuples()}
    figures = line_figures(network, catalogue)
    for line, figure in zip(network.lines.itertuples(), figures.itertuples(), strict=True):
        pp.create_line_from_parameters(
            net,
            buses[line.from_bus_id],
            buses[line.to_bus_id],
            length_km=figure.length_m / 1000.0,
            r_ohm_per_km=figure.r_ohm_per_km,
            x_ohm_per_km=figure.x_ohm_per_km,
            c_nf_per_km=figure.c_nf_per_km,
            max_i_ka=figure.i_max_a / 1000.0,
            name=line.Index,
        )
    _transformers(net, network, transformer_figures(network, catalogue), buses)
    reactive = reactive_power_kvar(network)
    for load, q_kvar in zip(network.loads.itertuples(), reactive, strict=True):
        pp.create_load(net, buses[load.bus_id], load.p_kw / 1000.0, q_kvar / 1000.0, name=load.Index)
    for plant in network.generators.itertuples():
        pp.create_sgen(net, buses[plant.bus_id], plant.p_kw / 1000.0, name=plant.Index)
    _sources(net, network, buses)
    return net


def bulk_creates(network: Network) -> pp.pandapowerNet:
    """The better hand-written way: pandapower's own bulk functions, columns prepared by us."""
    net = pp.create_empty_network()
    catalogue = read_catalogue()
    at = network.buses.index.get_indexer
    pp.create_buses(
        net, len(network.buses), vn_kv=network.buses["vn_kv"].to_numpy(), name=network.buses.index
    )
    lines, figures = network.lines, line_figures(network, catalogue)
    pp.create_lines_from_parameters(
        net,
        at(lines["from_bus_id"]),
        at(lines["to_bus_id"]),
        length_km=figures["length_m"].to_numpy() / 1000.0,
        r_ohm_per_km=figures["r_ohm_per_km"].to_numpy(),
        x_ohm_per_km=figures["x_ohm_per_km"].to_numpy(),
        c_nf_per_km=figures["c_nf_per_km"].to_numpy(),
        max_i_ka=figures["i_max_a"].to_numpy() / 1000.0,
        name=lines.index,
    )
    buses = {bus_id: row for row, bus_id in enumerate(network.buses.index)}
    transformers, ratings = network.transformers, transformer_figures(network, catalogue)
    pp.create_transformers_from_parameters(
        net,
        at(transformers["hv_bus_id"]),
        at(transformers["lv_bus_id"]),
        sn_mva=ratings["sn_kva"].to_numpy() / 1000.0,
        name=transformers.index,
        **{column: ratings[column].to_numpy() for column in RATINGS},
    )
    loads = network.loads
    q_mvar = reactive_power_kvar(network).to_numpy() / 1000.0
    pp.create_loads(net, at(loads["bus_id"]), loads["p_kw"].to_numpy() / 1000.0, q_mvar, name=loads.index)
    plants = network.generators
    pp.create_sgens(net, at(plants["bus_id"]), plants["p_kw"].to_numpy() / 1000.0, name=plants.index)
    _sources(net, network, buses)
    return net


def _sources(net: pp.pandapowerNet, network: Network, buses: dict[object, int]) -> None:
    for source in network.sources.itertuples():
        pp.create_ext_grid(net, buses[source.bus_id], vm_pu=source.vm_pu, name=source.Index)


def _transformers(
    net: pp.pandapowerNet, network: Network, figures: pd.DataFrame, buses: dict[object, int]
) -> None:
    for transformer, figure in zip(network.transformers.itertuples(), figures.itertuples(), strict=True):
        pp.create_transformer_from_parameters(
            net,
            buses[transformer.hv_bus_id],
            buses[transformer.lv_bus_id],
            sn_mva=figure.sn_kva / 1000.0,
            **{column: getattr(figure, column) for column in RATINGS},
            name=transformer.Index,
        )


def run() -> list[str]:
    """Time the ways, check that they solve to the same losses, and return lines for RESULTS.md."""
    rows = [row for lines in SIZES for row in _rows(synthetic_network(lines))]
    return [
        f"Tables to pandapower net (processor time, median of {RUNS}; same losses to 1e-9):",
        "",
        "| lines | way | seconds | lines/s | ratio |",
        "|---|---|---|---|---|",
        *rows,
        *_loop_rows(synthetic_network(LOOP_LINES)),
    ]


def _rows(network: Network) -> list[str]:
    """Ours with its checks, what the checks take of it, and pandapower's bulk functions."""
    rules = rules_for(read_catalogue())
    ours_s = median_seconds(lambda: build_model(network), RUNS)
    checks_s = median_seconds(lambda: check_network(network, rules=rules), RUNS)
    bulk_s = median_seconds(lambda: bulk_creates(network), RUNS)
    _require_same(build_model(network).net, bulk_creates(network))
    return [
        _row(network, "`gridmodel.build_model`, checks included", ours_s, ours_s),
        _row(network, "without the checks, the fill alone", ours_s - checks_s, ours_s),
        _row(network, "pandapower's bulk functions", bulk_s, ours_s),
    ]


def _loop_rows(network: Network) -> list[str]:
    ours_s = median_seconds(lambda: build_model(network), RUNS)
    started = time.process_time()
    looped = loop_over_elements(network)
    loop_s = time.process_time() - started
    _require_same(build_model(network).net, looped)
    return [
        _row(network, "`gridmodel.build_model`, checks included", ours_s, ours_s),
        _row(network, "`pp.create_*` loop (one run)", loop_s, ours_s),
    ]


def _row(network: Network, way: str, seconds: float, ours_s: float) -> str:
    count = len(network.lines)
    return f"| {count:,} | {way} | {seconds:.3f} | {count / seconds:,.0f} | {seconds / ours_s:.2g} |"


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Median processor time of some runs [s], after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times[1:])


def _require_same(*nets: pp.pandapowerNet) -> None:
    losses = [_losses_mw(net) for net in nets]
    assert max(losses) - min(losses) <= 1e-9 * max(losses), f"the nets differ: {losses}"


def _losses_mw(net: pp.pandapowerNet) -> float:
    pp.runpp(net, numba=False)
    return float(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())


if __name__ == "__main__":
    print("\n".join(run()))
