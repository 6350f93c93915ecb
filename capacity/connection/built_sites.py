"""`BuiltSites`: the grid with options of some sites built and all of them drawing, case by case.

An outage of a line that an option cuts is that of the piece nearer to the source (`n_minus_1`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.judging import bearing
from capacity.connection.option import SupplyOption
from capacity.planning.plan_cases import PlanCases
from gis import Network
from gis.changes import NetworkChanges, apply_changes, join_changes
from gis.schema import TABLES


@dataclass(frozen=True, eq=False)
class BuiltSites:
    """Options built on a grid.

    Attributes
    ----------
    grid
        Without them.
    options
        Each with what its site draws per case of the grid [kVA].
    positions
        Cases of the grid that bear on the options and have a load flow today: those of `cases`, in order.
    pieces
        Line of the grid that a piece of it stands for.
    """

    grid: ConnectionGrid
    options: tuple[tuple[SupplyOption, np.ndarray], ...]
    network: Network
    cases: PlanCases
    positions: np.ndarray
    pieces: dict[str, str]

    @property
    def has_outages(self) -> bool:
        """Whether outages are among the cases: some grids and supply points are asked for none."""
        return (
            bool((self.cases.labels["outage"] != "").any())
            or not (self.grid.cases.labels["outage"] != "").any()
        )

    @property
    def own_ids(self) -> frozenset[tuple[str, str]]:
        """Table and id of every row that the options build, change or remove."""
        return frozenset(
            key for option, _ in self.options for key in (*added_ids(option.changes), *option.changes.touched)
        )


def build_sites(grid: ConnectionGrid, options: Sequence[tuple[SupplyOption, np.ndarray]]) -> BuiltSites:
    """Build options.

    Raises
    ------
    InputError
        They contradict each other or the network.
    """
    network = apply_changes(grid.network, join_changes(option.changes for option, _ in options))
    at = grid.network.buses.index.get_indexer([option.bus_id for option, _ in options])
    solvable = np.array([state is not None for state in grid.states], dtype=bool)
    solved = np.flatnonzero(solvable & bearing(grid)[:, at].any(axis=1))
    kva = np.zeros((len(solved), len(network.buses)), dtype=complex)
    kva[:, network.buses.index.get_indexer(grid.network.buses.index)] = grid.cases.kva[solved]
    for option, drawn in options:
        kva[:, network.buses.index.get_indexer([option.site_bus_id])[0]] += np.asarray(drawn)[solved]
    labels = grid.cases.labels.iloc[solved]
    switching = grid.cases.switching
    switching = switching[switching["case_id"].isin(labels.index)]
    for option, _ in options:
        switching = _with_pieces(grid, option, switching)
    pieces = {piece: line for option, _ in options for piece, line in pieces_of(grid.network, option).items()}
    return BuiltSites(grid, tuple(options), network, PlanCases(labels, kva, switching), solved, pieces)


def pieces_of(network: Network, option: SupplyOption) -> dict[str, str]:
    """Line that each piece stands for of those that an option cuts."""
    added = option.changes.added.get("lines")
    if added is None:
        return {}
    found: dict[str, str] = {}
    for line_id in option.changes.removed.get("lines", ()):
        line = network.lines.loc[line_id]
        ends = {line["from_bus_id"], line["to_bus_id"]}
        one_end = added["from_bus_id"].isin(ends) != added["to_bus_id"].isin(ends)
        same = added["type_id"] == line["type_id"]
        found |= dict.fromkeys(added.loc[one_end & same, "line_id"].astype(str), str(line_id))
    return found


def supply_points(network: Network, option: SupplyOption) -> list[str]:
    """Buses at which the voltage change of an option counts: its supply point, or joints in a cut line."""
    added, pieces = option.changes.added.get("lines"), pieces_of(network, option)
    if added is None or not pieces:
        return [option.bus_id]
    ends = added.loc[added["line_id"].isin(list(pieces)), ["from_bus_id", "to_bus_id"]].to_numpy().ravel()
    return [str(bus) for bus in dict.fromkeys(ends) if bus not in network.buses.index] or [option.bus_id]


def added_ids(changes: NetworkChanges) -> list[tuple[str, str]]:
    """Table and id of every row that changes add."""
    return [
        (table, str(element_id))
        for table, rows in changes.added.items()
        for element_id in rows[TABLES[table].id_column]
    ]


def _with_pieces(grid: ConnectionGrid, option: SupplyOption, switching: pd.DataFrame) -> pd.DataFrame:
    """Switching of the cases once an option has cut a line: its piece fails, the rest stays in service."""
    pieces, switches = pieces_of(grid.network, option), grid.network.switches
    for line_id in option.changes.removed.get("lines", ()):
        failed = (switching["table"] == "lines") & (switching["element_id"] == line_id)
        if not failed.any():
            continue
        added = option.changes.added["lines"]
        near = added["line_id"].isin([piece for piece, line in pieces.items() if line == line_id])
        near &= (added["from_bus_id"] == option.bus_id) | (added["to_bus_id"] == option.bus_id)
        own = switches.index[(switches["element_table"] == "lines") & (switches["element_id"] == line_id)]
        of_case = switching["case_id"].isin(switching.loc[failed, "case_id"])
        opened = (switching["table"] == "switches") & switching["element_id"].isin(own)
        opened &= of_case & (switching["state"] == "open")
        out = switching[failed].assign(element_id=str(added.loc[near, "line_id"].iloc[0]))
        switching = pd.concat([switching[~failed & ~opened], out], ignore_index=True)
    return switching
