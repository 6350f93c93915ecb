"""Prove that one load flow carries the coincident peak of every element, and print the tables of PROOF.md.

    python benchmarks/prove_demand.py [--buses N] [GRID ...]

Every home draws 10 kW alone and 2 kW among many (Rusck, g_inf = 0.2), other loads their figure. Of each grid:
how far the engine and power-grid-model are from pandapower, how far any branch outside rings is from its own
coincident peak once the losses behind are taken off, and at N homes drawn by lot the seam less the state in
which only the path to that home carries its peaks (`tests/demand_checks.py`). Takes about two minutes.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandapower
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from capacity.demand.coincidence import AsGiven, Coincidence, Rusck, coincident_demand, peaks_behind
from capacity.demand.customers import customers_of
from gis import Network, read_network
from gis.feeders import trace_supply
from gis.importer import import_file, require_network
from gridmodel import KEEP_ALL, LoadFlowResult, Scenario, build_model, rules_for, run_load_flow
from gridmodel.demand_model import BusDemand, demand_model, network_with_demand, solve_demand
from tests.demand_checks import PathCheck, carried_less_losses_kw, check_paths
from tests.reference_grids import DEMO
from tests.third_opinion import third_opinion

BUSES = 40
GRIDS = ("demo", "1-LV-rural2--0-sw", "1-LV-semiurb4--0-sw", "1-LV-urban6--0-sw")
HOME_KW, RUSCK = 10.0, Rusck(g_inf=0.2, source="Rusck 1956; 2 kW after diversity")
AGREEMENT_HEAD = (
    "| grid | buses | homes | sum of all homes alone kW | together kW | engine pu | power-grid-model pu "
    "| branches | of them off their peak by kW | lowest voltage pu |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
PATH_HEAD = (
    "| grid | homes tried | lowest draw kW | voltage, seam less path, pu | loading, seam less path, % |",
    "|---|---|---|---|---|",
)


class Case(NamedTuple):
    """A grid with its customers, and what they draw together."""

    grid: str
    network: Network
    customers: pd.DataFrame
    methods: dict[str, Coincidence]
    demand: BusDemand


def run(grids: tuple[str, ...] = GRIDS, buses: int = BUSES) -> list[str]:
    """Prove the grids; return lines for PROOF.md."""
    agreements, paths = [], []
    for grid in grids:
        case = case_of(grid)
        agreements.append(agreement_row(case))
        paths.append(
            path_row(grid, check_paths(case.network, case.customers, case.methods, homes_of(case, buses)))
        )
        print(agreements[-1], paths[-1], sep="\n", file=sys.stderr, flush=True)
    return [*AGREEMENT_HEAD, *agreements, "", *PATH_HEAD, *paths]


def case_of(grid: str) -> Case:
    """A grid of which every residential load is a home of 10 kW."""
    network = read_network(DEMO, rules=rules_for()) if grid == "demo" else imported(grid)
    customers = customers_of(network)
    homes = customers["group"] == "residential"
    customers = customers.assign(peak_kw=customers["peak_kw"].mask(homes, HOME_KW))
    methods: dict[str, Coincidence] = {
        group: RUSCK if group == "residential" else AsGiven() for group in sorted(customers["group"].unique())
    }
    demand = coincident_demand(trace_supply(network), customers, methods)
    return Case(grid, network, customers, methods, demand)


def imported(code: str) -> Network:
    """A grid of the package simbench."""
    return require_network(import_file(Path(code), rules=rules_for()), Path(code))


def agreement_row(case: Case) -> str:
    """Three engines on one state, and every branch against its own coincident peak."""
    network, demand = case.network, case.demand
    model = demand_model(network, demand.groups, demand.kinds)
    hour = pd.date_range("2025-01-01", periods=1, freq="h", tz="UTC")
    factors = pd.DataFrame(1.0, hour, list(demand.columns))
    ours = solve_demand(model, demand, factors, keep=KEEP_ALL)
    plain = build_model(network_with_demand(network, demand))
    result = run_load_flow(plain, Scenario())
    pandapower.runpp(plain.net, calculate_voltage_angles=True, numba=False, tolerance_mva=1e-10)
    engine_pu = np.nanmax(np.abs(ours.vm_pu.iloc[0] - plain.net.res_bus["vm_pu"].to_numpy()))
    inner = plain.net._ppc["internal"]
    third_pu = np.abs(third_opinion(plain.net).voltage_pu - inner["V"]).max()
    gaps_kw = gaps_of(case, result)
    homes = case.customers[
        (case.customers["group"] == "residential") & (case.customers["status"] == "placed")
    ]
    alone_kw = (homes["customers"] * homes["peak_kw"]).sum()
    together_kw = demand.kva[:, demand.groups.index("residential")].real.sum()
    return (
        f"| {case.grid} | {len(network.buses):,} | {len(homes):,} | {alone_kw:,.0f} | {together_kw:,.0f} "
        f"| {engine_pu:.0e} | {third_pu:.0e} | {len(gaps_kw):,} | {gaps_kw.max():.0e} "
        f"| {result.buses['vm_pu'].min():.3f} |"
    )


def gaps_of(case: Case, result: LoadFlowResult) -> pd.Series:
    """Distance per branch of no ring from its coincident peak, losses behind it taken off [kW]."""
    supply = trace_supply(case.network)
    carried_kw = carried_less_losses_kw(case.network, supply, result)
    placed = case.customers[case.customers["status"] == "placed"]
    behind_kw = sum(
        peaks_behind(supply, placed[placed["group"] == group], method).real
        for group, method in case.methods.items()
    )
    expected_kw = pd.Series(behind_kw, case.network.buses.index)[carried_kw.index]
    return (carried_kw - expected_kw).abs()


def homes_of(case: Case, count: int) -> list[str]:
    """Buses of homes, drawn by lot."""
    homes = case.customers["group"] == "residential"
    buses = np.sort(case.customers.loc[homes, "bus_id"].unique().astype(str))
    return [str(bus) for bus in np.random.default_rng(0).permutation(buses)[:count]]


def path_row(grid: str, checks: list[PathCheck]) -> str:
    """The seam less the state of the path, over all homes tried."""
    found = pd.DataFrame(checks)
    lowest, highest = found["vm_pu"].min(), found["vm_pu"].max()
    least, most = found["least_percent"].min(), found["most_percent"].max()
    return (
        f"| {grid} | {len(found)} | {found['least_kw'].min():.1f} | {lowest:+.5f} to {highest:+.5f} "
        f"| {least:+.4f} to {most:+.2f} |"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of pandapower's and SimBench's own data
    asked = argparse.ArgumentParser()
    asked.add_argument("grids", nargs="*", default=GRIDS)
    asked.add_argument("--buses", type=int, default=BUSES)
    chosen = asked.parse_args()
    print("\n".join(run(tuple(chosen.grids), chosen.buses)))
