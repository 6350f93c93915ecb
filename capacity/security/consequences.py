"""What the failure of every element does to customers, in stages: off at once, reclosed, switched, repaired.

The stages follow from the sections and the protection of the network and from what N-1 could restore
(`security.study_security`); one load flow plan an element is `switching_plan.plan_switching`. Interrupting an
element that is not alone in its section keeps all of the section dark until the repair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from capacity.security.practice import Practice, failure_figures
from capacity.security.protection import protective, trip
from capacity.security.sections import FAULT_TABLES, Sections, find_sections
from capacity.security.switching_work import section_load
from gis import Network
from gis.feeders import Supply, roots_of
from gridmodel import Scenario

STAGES = ("upstream", "switched", "left")
CONSEQUENCE_COLUMNS = (
    "table", "element_id", "failures_per_year", "repair_h", "customers_off", "kw_off",
    *(f"{what}_{stage}" for stage in STAGES for what in ("customers", "kw")),
    *(f"minute_{stage}" for stage in STAGES), "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Dark:
    """Per section, demand [kW] and customers (columns): off at once, dark once isolated, of that in reach.

    In reach is what lies behind the section in parts that have an open point of their own.
    """

    off: np.ndarray
    lost: np.ndarray
    in_reach: np.ndarray


def find_consequences(
    network: Network,
    supply: Supply,
    outages: pd.DataFrame,
    scenario: Scenario,
    practice: Practice,
) -> pd.DataFrame:
    """Tell for every element in service what its failure does, stage by stage.

    Parameters
    ----------
    outages
        `SecurityResults.outages` of the network in the scenario.

    Returns
    -------
    DataFrame
        Columns `CONSEQUENCE_COLUMNS`, a row per line, transformer, bus and source: customers and kW off at
        once = upstream (back when protection is reclosed) + switched (back through open points) + left (back
        by repair), with the minute of each from the failure; reason why load is left.

    Raises
    ------
    InputError
        The practice has no figures for elements of the network.

    Notes
    -----
    Isolating takes one switch by hand before the protection is reclosed; every operation that N-1 found one
    more. Where the repair is faster, only that share of the switching counts that is done by then.
    """
    sections = find_sections(network)
    elements = failure_figures(network, practice)
    of = _sections_of(sections, elements)
    known = elements[of >= 0].reset_index(drop=True)
    of = of[of >= 0]
    dark = _dark(sections, practice, np.stack(section_load(sections, scenario), axis=1))
    restored, steps, reason = _restored(sections, supply, of, known, outages)
    off, lost = dark.off[of], dark.lost[of]
    switched = np.minimum(restored, dark.in_reach[of])
    minute = _minutes(practice, steps, known["repair_h"].to_numpy())
    in_time = np.clip((minute[2] - minute[0]) / np.maximum(minute[1] - minute[0], 1e-9), 0.0, 1.0)
    switched *= in_time[:, None]
    minute = (minute[0], np.minimum(minute[1], minute[2]), minute[2])
    parts = dict(zip(STAGES, (off - lost, switched, lost - switched), strict=True))
    table = known[["table", "element_id", "failures_per_year", "repair_h"]].assign(
        customers_off=off[:, 1], kw_off=off[:, 0]
    )
    for stage, at in zip(STAGES, minute, strict=True):
        table[f"customers_{stage}"], table[f"kw_{stage}"] = parts[stage][:, 1], parts[stage][:, 0]
        table[f"minute_{stage}"] = at
    late = (in_time < 1.0) & (restored[:, 0] > 0)
    why = np.where(late, "the repair is faster than a part of the switching", reason)
    return table.assign(reason=why)[list(CONSEQUENCE_COLUMNS)]


def _sections_of(sections: Sections, elements: pd.DataFrame) -> np.ndarray:
    of = np.full(len(elements), -1)
    for table in FAULT_TABLES:
        at = (elements["table"] == table).to_numpy()
        of[at] = sections.of(table, pd.Index(elements["element_id"][at]))
    return of


def _minutes(practice: Practice, steps: np.ndarray, repair_h: np.ndarray) -> tuple[np.ndarray, ...]:
    """Minute per element at which each stage is back."""
    minutes = practice.minutes
    reclosed = minutes.notice + minutes.locate + minutes.travel + minutes.manual + minutes.remote
    repaired = np.maximum(60.0 * repair_h, reclosed)
    return np.full(len(steps), reclosed), reclosed + minutes.manual * (1 + steps), repaired


def _restored(
    sections: Sections, supply: Supply, of: np.ndarray, elements: pd.DataFrame, outages: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What N-1 restores per element (kW, customers), in how many operations, and why not all.

    A section is restored as the element that feeds its first bus: without it the same is dark.
    """
    feeding = feeding_elements(sections, supply)
    own = pd.MultiIndex.from_frame(elements[["table", "element_id"]])
    keys = [feeding.get(section, key) for section, key in zip(of.tolist(), own, strict=True)]
    known = outages.drop_duplicates(["table", "element_id"]).set_index(["table", "element_id"])
    row = known.index.get_indexer(pd.MultiIndex.from_tuples(keys))
    columns = ["restored_kw", "restored_customers", "steps", "reason"]
    found = known[columns].reindex(known.index[row] if len(known) else keys).to_numpy(dtype=object)
    found[row < 0] = (0.0, 0.0, 0.0, "N-1 does not study it")
    return found[:, :2].astype(float), found[:, 2].astype(float), found[:, 3]


def feeding_elements(sections: Sections, supply: Supply) -> dict[int, tuple[str, str]]:
    """Line, transformer or source that feeds the first bus of each section with buses."""
    network = sections.network
    of = sections.of("buses", network.buses.index)
    # A coupler is no element of N-1: what feeds it counts.
    coupled = (supply.buses["upstream_table"] == "switches").to_numpy()
    at = roots_of(np.where(coupled, supply.parents, np.arange(len(of))))
    table, element_id = (supply.buses[name].to_numpy()[at] for name in ("upstream_table", "upstream_id"))
    root = pd.isna(table)
    sources = network.sources[network.sources["in_service"]]
    source_at = dict(zip(network.buses.index.get_indexer(sources["bus_id"]), sources.index, strict=True))
    feeding: dict[int, tuple[str, str]] = {}
    for bus in supply.order:
        key = ("sources", source_at.get(at[bus], "")) if root[bus] else (table[bus], element_id[bus])
        feeding.setdefault(int(of[bus]), (str(key[0]), str(key[1])))
    return feeding


def _dark(sections: Sections, practice: Practice, load: np.ndarray) -> _Dark:
    """Follow the tree of sections; where closed loops are, every section is asked alone."""
    closed = sections.cuts["closed"].to_numpy()
    fed = sections.fed(closed)
    load = np.where(fed[:, None], load, 0.0)
    parent, parent_cut = _tree(sections, closed)
    lost = _sums_below(load, parent)
    top = _protected_by(sections, practice, parent, parent_cut)
    off = lost[top]
    looped = _in_loops(sections, closed, parent_cut) & fed
    for section in np.flatnonzero(looped):
        lost[section] = load[~sections.fed(closed, without=_only(sections, int(section)))].sum(axis=0)
    # All that no device parts trips alike.
    block = sections.islands(closed & ~protective(sections, practice))
    for number in np.unique(block[looped]):
        own = looped & (block == number)
        tripped = trip(sections, practice, _only(sections, int(np.argmax(own)))).closed
        off[own] = np.maximum(load[~sections.fed(tripped)].sum(axis=0), lost[own])
    return _Dark(off, lost, np.minimum(_in_reach(sections, practice, parent, lost), lost - load))


def _in_reach(sections: Sections, practice: Practice, parent: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Sum over the parts behind each section that an open point leads into."""
    cuts = sections.cuts
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    tie = ~cuts["closed"].to_numpy() & (a >= 0) & (b >= 0) & (a != b)
    tie &= cuts["kind"].isin(practice.operation.under_load).to_numpy()
    ties = np.zeros((sections.count, 1))
    np.add.at(ties, np.concatenate([a[tie], b[tie]]), 1.0)
    reached = np.where(_sums_below(ties, parent) > 0, lost, 0.0)
    total = np.zeros_like(lost)
    child = np.flatnonzero(parent >= 0)
    np.add.at(total, parent[child], reached[child])
    return total


def _only(sections: Sections, section: int) -> np.ndarray:
    """Flags of one section."""
    flags = np.zeros(sections.count, dtype=bool)
    flags[section] = True
    return flags


def _tree(sections: Sections, closed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Section that feeds each (-1: none) and the row of the cut it is fed through."""
    rows = np.flatnonzero(closed & (sections.cuts["a"] >= 0) & (sections.cuts["b"] >= 0))
    a, b = sections.cuts["a"].to_numpy()[rows], sections.cuts["b"].to_numpy()[rows]
    count, start = sections.count, np.flatnonzero(sections.infeed)
    u, v = np.append(a, np.full(len(start), count)), np.append(b, start)
    graph = csr_array((np.ones(len(u), np.int8), (u, v)), shape=(count + 1,) * 2)
    parent = breadth_first_order(graph, count, directed=False)[1][:count].astype(np.int64)
    parent[(parent < 0) | (parent == count)] = -1
    keys = np.minimum(a, b) * count + np.maximum(a, b)
    child = np.flatnonzero(parent >= 0)
    wanted = np.minimum(child, parent[child]) * count + np.maximum(child, parent[child])
    sorted_keys, first = np.unique(keys, return_index=True)
    cut = np.full(count, -1)
    cut[child] = rows[first[np.searchsorted(sorted_keys, wanted)]]
    return parent, cut


def _sums_below(load: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Sum over each section and all it feeds."""
    totals, up = load.copy(), parent
    while len(below := np.flatnonzero(up >= 0)):
        added = np.zeros_like(totals)
        np.add.at(added, up[below], totals[below])
        totals += added
        up = np.where(up >= 0, up[up], -1)
    return totals


def _protected_by(
    sections: Sections, practice: Practice, parent: np.ndarray, parent_cut: np.ndarray
) -> np.ndarray:
    """The first section behind the protective device that trips for each section."""
    protects = protective(sections, practice)
    here = np.arange(len(parent))
    guarded = (parent_cut >= 0) & protects[np.maximum(parent_cut, 0)]
    return roots_of(np.where((parent >= 0) & ~guarded, parent, here))


def _in_loops(sections: Sections, closed: np.ndarray, parent_cut: np.ndarray) -> np.ndarray:
    """Flag per section: closed cuts beyond the tree make loops in its island, or join its sources."""
    a, b = sections.cuts["a"].to_numpy(), sections.cuts["b"].to_numpy()
    spare = closed & (a >= 0) & (b >= 0) & (a != b)
    spare[parent_cut[parent_cut >= 0]] = False
    island = sections.islands(closed)
    sources = np.bincount(island[sections.infeed], minlength=island.max(initial=-1) + 1)
    looped = np.isin(island, island[a[spare]]) | (sources[island] > 1)
    return np.asarray(looped)
