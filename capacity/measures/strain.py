"""`Strain`: lines and transformers that a measure could relieve.

These are the overloaded ones, and those on the way to buses whose voltage breaks its limit.

A band that counts from the busbar is helped by what lies behind the busbar alone; one that counts from the
nominal voltage by everything up to the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from capacity.checks import State, broken_limits
from capacity.measures.situation import Situation
from capacity.measures.tree import Tree, tree_of
from gis.changes import NetworkChanges, apply_changes, cells_of
from gis.feeders import trace_supply
from gridmodel import branch_ratings_kva
from gridmodel.switch_sets import STATES

# Table, element and state of what is switched in a case.
Orders = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, eq=False)
class Strain:
    """Strained elements over all cases.

    Attributes
    ----------
    broken
        Limits broken, as in the situation; of cases without solution those the linear load flow breaks.
    lines, transformers
        Indexed by id. overloaded: it breaks its loading limit. need_pu: how far the worst voltage it could
        mend is out of its band [pu], 0 for none. flow_kva: most it carries [kVA]. drop_pu: largest drop or
        rise over it [pu] in the cases in which it could mend one.
    bus_need_pu
        Cases x buses: how far the voltage of the bus is out of its band [pu], or that of a bus behind its
        transformers whose band counts from the source; 0 for not at all.
    tree
        The supply in the normal switching state.
    flows
        Cases x buses: power into each bus there [kVA], linear.
    """

    broken: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    bus_need_pu: np.ndarray
    tree: Tree
    flows: np.ndarray

    @property
    def weak_lines(self) -> pd.DataFrame:
        """Lines that are overloaded or on the way to a broken voltage."""
        return self.lines[self.lines["overloaded"] | (self.lines["need_pu"] > 0.0)]

    @property
    def weak_transformers(self) -> pd.DataFrame:
        """Transformers that are overloaded or on the way to a broken voltage."""
        return self.transformers[self.transformers["overloaded"] | (self.transformers["need_pu"] > 0.0)]


@lru_cache(maxsize=2)
def strain_of(situation: Situation) -> Strain:
    """Look where the violations of a situation come from."""
    network = situation.network
    tree = tree_of(network, situation.supply, situation.catalogue)
    flows = tree.flows(situation.cases.kva)
    broken = _violations(situation, tree, flows)
    found = {
        table: _blank(network.table(table).index, carried)
        for table, carried in (("lines", situation.line_kva), ("transformers", situation.transformer_kva))
    }
    for table, frame in found.items():
        frame["overloaded"] = frame.index.isin(broken.loc[broken["table"] == table, "element_id"])
    need = np.zeros((len(situation.cases.labels), len(network.buses)))
    at_buses = broken[broken["table"] == "buses"]
    case = situation.cases.labels.index.get_indexer(at_buses["case_id"])
    bus = network.buses.index.get_indexer(at_buses["element_id"])
    np.maximum.at(need, (case, bus), np.abs(at_buses["value"] - at_buses["limit"]).to_numpy(dtype=float))
    _add_unsolved(found["lines"], situation, tree, flows)
    for rows, switching in alike_cases(situation, np.unique(case)):
        there = switched_tree(situation, switching) if switching else tree
        carried = there.flows(situation.cases.kva[rows]) if switching else flows[rows]
        _mark_ways(found, there, need[rows], carried, _relative(situation))
    need = _with_below(tree, need, _relative(situation))
    return Strain(broken, found["lines"], found["transformers"], need, tree, flows)


def _blank(ids: pd.Index, carried_kva: np.ndarray) -> pd.DataFrame:
    most = np.nan_to_num(carried_kva, nan=0.0).max(axis=0, initial=0.0)
    return pd.DataFrame({"overloaded": False, "need_pu": 0.0, "flow_kva": most, "drop_pu": 0.0}, ids)


def _add_unsolved(lines: pd.DataFrame, situation: Situation, tree: Tree, flows: np.ndarray) -> None:
    """Let lines carry what the linear load flow says in cases without solution."""
    unsolved = np.isnan(situation.vm_pu).all(axis=1)
    fed = np.flatnonzero(tree.line >= 0)
    most = lines["flow_kva"].to_numpy(copy=True)
    np.maximum.at(most, tree.line[fed], np.abs(flows[unsolved][:, fed]).max(axis=0, initial=0.0))
    lines["flow_kva"] = most


def _violations(situation: Situation, tree: Tree, flows: np.ndarray) -> pd.DataFrame:
    """Limits broken in every case; of one without solution those the linear load flow breaks."""
    unsolved = situation.violations.loc[situation.violations["check"] == "no_solution", "case_id"]
    parts = [situation.violations]
    for row in situation.cases.labels.index.get_indexer(unsolved):
        state = _linear_state(situation, tree, flows[row])
        found = broken_limits(situation.yardstick, state)
        parts.append(found.assign(case_id=situation.cases.labels.index[row]))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else situation.violations


def _linear_state(situation: Situation, tree: Tree, flow: np.ndarray) -> State:
    network = situation.network
    sources = network.sources[network.sources["in_service"]]
    held = pd.Series(sources["vm_pu"].to_numpy(), sources["bus_id"].to_numpy())
    start = network.buses.index.to_series().map(held[~held.index.duplicated()]).to_numpy(dtype=float)
    steps = np.where(tree.parents >= 0, -tree.drops(flow), start)
    ratings = branch_ratings_kva(network, situation.catalogue)
    loading = {}
    for table, feeding in (("lines", tree.line), ("transformers", tree.transformer)):
        carried = np.zeros(len(network.table(table)))
        carried[feeding[feeding >= 0]] = np.abs(flow)[feeding >= 0]
        loading[table] = 100.0 * carried / ratings[table]
    return State(tree.sum_from_source(steps), loading["lines"], loading["transformers"])


def alike_cases(situation: Situation, cases: np.ndarray) -> Iterator[tuple[np.ndarray, Orders]]:
    """Cases by how the network is switched in them."""
    orders = situation.cases.switching
    orders = orders[orders["element_id"].notna()]
    of_case: dict[str, Orders] = {
        str(case_id): tuple(rows[["table", "element_id", "state"]].itertuples(index=False, name=None))
        for case_id, rows in orders.groupby("case_id", sort=False)
    }
    together: dict[Orders, list[int]] = {}
    for row in cases:
        together.setdefault(of_case.get(str(situation.cases.labels.index[row]), ()), []).append(int(row))
    for switching, rows_alike in together.items():
        yield np.array(rows_alike), switching


@lru_cache(maxsize=256)
def switched_tree(situation: Situation, switching: Orders) -> Tree:
    """The supply as it is switched in some cases."""
    cells = (
        (table, element_id, "closed" if table == "switches" else "in_service", STATES[table][state])
        for table, element_id, state in switching
    )
    network = apply_changes(situation.network, NetworkChanges(cells=cells_of(*cells)))
    return tree_of(network, trace_supply(network), situation.catalogue)


def _relative(situation: Situation) -> np.ndarray:
    return situation.yardstick.bands["from_busbar"].to_numpy(dtype=bool)


def _mark_ways(
    found: dict[str, pd.DataFrame], tree: Tree, need: np.ndarray, flows: np.ndarray, relative: np.ndarray
) -> None:
    """Carry the need of each bus up to where its band counts from, and note it at the elements passed."""
    passed = _carried_up(tree, need, relative)
    drops = np.abs(tree.drops(flows))
    for table, feeding in (("lines", tree.line), ("transformers", tree.transformer)):
        frame, fed = found[table], np.flatnonzero(feeding >= 0)
        at = feeding[fed]
        for column, values in (("need_pu", passed), ("drop_pu", np.where(passed > 0.0, drops, 0.0))):
            most = frame[column].to_numpy(copy=True)
            np.maximum.at(most, at, values[:, fed].max(axis=0, initial=0.0))
            frame[column] = most


def _with_below(tree: Tree, need: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """Cases x buses: need of a bus and of those behind its transformers whose band counts from the source."""
    up = _carried_up(tree, np.where(relative, 0.0, need), relative)
    here = need.copy()
    for bus in np.flatnonzero((tree.transformer >= 0) & (tree.parents >= 0)):
        here[:, tree.parents[bus]] = np.maximum(here[:, tree.parents[bus]], up[:, bus])
    return here


def _carried_up(tree: Tree, need: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """Cases x buses: the largest need that what feeds the bus could mend."""
    to_source = np.where(relative, 0.0, need)
    to_busbar = np.where(relative, need, 0.0)
    for bus in tree.order[::-1]:
        parent = tree.parents[bus]
        if parent < 0:
            continue
        to_source[:, parent] = np.maximum(to_source[:, parent], to_source[:, bus])
        if tree.transformer[bus] < 0:
            # A station's band counts from the bus above its transformer: its need ends there.
            at_station = tree.transformer[parent] >= 0
            if not at_station:
                to_busbar[:, parent] = np.maximum(to_busbar[:, parent], to_busbar[:, bus])
    return np.maximum(to_source, to_busbar)
