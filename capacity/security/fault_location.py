"""Where the fault is, from the states of fault indicators: pure topology, in the normal switching state.

An indicator is lit when the fault current passed it, dark when not. On the one way from the source the fault
lies behind every lit indicator and behind no dark one:

        S ==o== K1 ==(lit)== K2 ==o== K3 ==(dark)== K4         the fault is at K2, K3 or the buses between

States that contradict each other are told, and the places that contradict the fewest of them come first.
Directional indicators and the size of the current are not used; nothing is solved here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from capacity.security.sections import FAULT_TABLES, Sections, find_sections
from gis import InputError, Network
from gis.findings import join_findings, make_findings
from gis.tracing import line_lengths_m

LIT, DARK = "lit", "dark"
INDICATOR_COLUMNS = ("indicator_id", "state")
CANDIDATE_COLUMNS = (
    "rank", "section_id", "contradicted", "contradicted_ids", "elements", "length_m", "line_share",
    "geometry",
)  # fmt: skip
# How an indicator at an end of a line without switch is named: LINE@BUS.
AT = "@"
USED, IDLE = "used", "not used: nothing flows there in the normal switching state"


@dataclass(frozen=True, eq=False)
class Location:
    """Where the fault may be.

    Attributes
    ----------
    candidates
        Columns `CANDIDATE_COLUMNS`, a row per section with the fewest contradictions, the one with most line
        first: contradicted (how many indicators would have to be wrong, and which), elements between the
        indicators as text, length_m of the lines among them, line_share of it in all candidates [0..1].
    elements
        The elements of the candidates: rank, table, element_id.
    indicators
        Indexed by indicator_id: state, status (`USED` or `IDLE`), table and element_id it stands at.
    contradictions
        Pairs of indicators that cannot both be right, as sentences.
    """

    candidates: pd.DataFrame
    elements: pd.DataFrame
    indicators: pd.DataFrame
    contradictions: tuple[str, ...]

    def best(self) -> tuple[str, str]:
        """Table and id of the element most likely at fault: the longest line of the first candidate."""
        first = self.elements[self.elements["rank"] == 1].sort_values(
            "length_m", ascending=False, na_position="last", kind="stable"
        )
        return str(first["table"].iloc[0]), str(first["element_id"].iloc[0])


def locate_fault(network: Network, indicators: pd.DataFrame, sections: Sections | None = None) -> Location:
    """Find the sections between the last lit and the first dark indicators.

    Parameters
    ----------
    indicators
        Columns `INDICATOR_COLUMNS`. indicator_id is a switch, a line (its end towards the source), or
        "LINE@BUS" for one end of a line; state is "lit" or "dark".

    Raises
    ------
    InputError
        An indicator stands nowhere, is told twice or has no such state, or none can be used; all are named.
    """
    parts = sections or find_sections(network)
    order, parent, via = _fed_tree(parts)
    placed = _placed(parts, indicators, parent, via)
    used = placed["node"].to_numpy() >= 0
    if not used.any():
        message = "no indicator stands where anything flows in the normal switching state"
        raise InputError("indicators", make_findings("bad_indicators", "indicators", [""], message))
    node, lit = placed["node"].to_numpy()[used], (placed["state"] == LIT).to_numpy()[used]
    behind = _behind(order, parent, node)
    wrong = np.where(lit, ~behind, behind)
    supplied = np.zeros(len(parent), dtype=bool)
    supplied[order] = True
    ids = placed.index.to_numpy()[used]
    elements = _elements(parts, wrong.sum(axis=1), supplied)
    return Location(
        *_candidates(parts, elements, wrong, ids),
        indicators=placed[["state", "status", "table", "element_id"]],
        contradictions=_contradictions(behind, node, lit, ids),
    )


def read_indicators(text: str) -> pd.DataFrame:
    """Read indicator states from a CSV file with the columns `INDICATOR_COLUMNS`, or from "ID=lit,ID=dark".

    Raises
    ------
    InputError
        Neither; or the file lacks a column.
    """
    if "=" not in text:
        return _read_file(Path(text))
    pairs = [part.strip().rpartition("=") for part in text.split(",") if part.strip()]
    return indicator_table((name.strip(), state.strip()) for name, _, state in pairs)


def indicator_table(states: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Table of indicator states from (indicator_id, state)."""
    return pd.DataFrame(list(states), columns=list(INDICATOR_COLUMNS), dtype=object)


def _read_file(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        message = f"cannot be read as a CSV file: {error}; or write ID=lit,ID=dark"
        raise InputError(
            "indicators", make_findings("bad_indicators", "file", [str(path)], message)
        ) from error
    lacking = [column for column in INDICATOR_COLUMNS if column not in frame]
    if lacking:
        message = f"lacks the columns {', '.join(lacking)}; it has {', '.join(frame.columns)}"
        raise InputError("indicators", make_findings("bad_indicators", "file", [str(path)], message))
    return frame[list(INDICATOR_COLUMNS)].apply(lambda column: column.str.strip())


def _fed_tree(sections: Sections) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes in the order they are fed, the node that feeds each (-1: none), and the edge it is fed by."""
    cuts = sections.cuts[sections.cuts["closed"]]
    pairs = np.concatenate([sections.joints, cuts[["u", "v"]].to_numpy(dtype=np.int64)])
    count = len(sections.section)
    live = (sections.section >= 0)[pairs].all(axis=1)
    start = np.flatnonzero(sections.section[sections.node["sources"] :] >= 0) + sections.node["sources"]
    rows = np.concatenate([pairs[live], np.column_stack([np.full(len(start), count), start])])
    graph = csr_array((np.ones(len(rows), np.int8), (rows[:, 0], rows[:, 1])), shape=(count + 1,) * 2)
    order, parent = breadth_first_order(graph, count, directed=False)
    parent = parent[:count].astype(np.int64)
    parent[(parent < 0) | (parent == count)] = -1
    via = {(min(u, v), max(u, v)) for u, v in pairs[live]}
    fed = np.array([(min(c, p), max(c, p)) in via for c, p in enumerate(parent)])
    return order[1:], parent, fed


def _placed(
    sections: Sections, indicators: pd.DataFrame, parent: np.ndarray, fed: np.ndarray
) -> pd.DataFrame:
    """Indicators with the node behind them, seen from the source; -1 where nothing flows."""
    given = indicators.astype(dict.fromkeys(INDICATOR_COLUMNS, str))
    pairs, faults = [], []
    for indicator_id, state in given.itertuples(index=False):
        pair, fault = _pair(sections, indicator_id, parent)
        pairs.append(pair)
        faults += [(indicator_id, fault)] if fault else []
        if state not in (LIT, DARK):
            faults.append((indicator_id, f"has the state {state!r}; write {LIT} or {DARK}"))
    twice = given["indicator_id"][given["indicator_id"].duplicated()].unique()
    faults += [(indicator_id, "is told twice; keep one state") for indicator_id in twice]
    faults += [("", "no indicator is given")] if given.empty else []
    _refuse(faults)
    nodes = [_far_node(u, v, parent) for u, v in pairs]
    elements = [_element_of(sections, u) for u, _ in pairs]
    return pd.DataFrame(
        {
            "state": given["state"].to_numpy(),
            "status": [USED if node >= 0 else IDLE for node in nodes],
            "table": [table for table, _ in elements],
            "element_id": [element_id for _, element_id in elements],
            "node": nodes,
        },
        index=pd.Index(given["indicator_id"], name="indicator_id"),
    )


def _refuse(faults: list[tuple[str, str]]) -> None:
    if faults:
        found = [make_findings("bad_indicators", "indicators", [name], why) for name, why in faults]
        raise InputError("indicators", join_findings(found))


def _pair(sections: Sections, indicator_id: str, parent: np.ndarray) -> tuple[tuple[int, int], str]:
    """The two nodes an indicator stands between, or why it stands nowhere."""
    network, cuts = sections.network, sections.cuts
    at = cuts[(cuts["table"] == "switches") & (cuts["element_id"] == indicator_id)]
    if len(at):
        return (int(at["u"].iloc[0]), int(at["v"].iloc[0])), ""
    line_id, _, bus_id = indicator_id.rpartition(AT)
    if line_id in network.lines.index and bus_id in _line_buses(network, line_id):
        return (_line_node(sections, line_id), network.buses.index.get_loc(bus_id)), ""
    if indicator_id in network.lines.index:
        node = _line_node(sections, indicator_id)
        return (node, int(parent[node])), ""
    return (-1, -1), f"is no switch of an element in service, no line and no end of a line (LINE{AT}BUS)"


def _line_buses(network: Network, line_id: str) -> list[str]:
    return [str(bus) for bus in network.lines.loc[line_id, ["from_bus_id", "to_bus_id"]]]


def _line_node(sections: Sections, line_id: str) -> int:
    return sections.node["lines"] + int(sections.network.lines.index.get_loc(line_id))


def _far_node(u: int, v: int, parent: np.ndarray) -> int:
    """Of two neighbours the one fed by the other."""
    if u >= 0 and parent[u] == v and v >= 0:
        return u
    return v if v >= 0 and parent[v] == u and u >= 0 else -1


def _element_of(sections: Sections, node: int) -> tuple[str, str]:
    table = next(name for name in reversed(FAULT_TABLES) if node >= sections.node[name])
    return table, str(sections.network.table(table).index[node - sections.node[table]])


def _behind(order: np.ndarray, parent: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Nodes x indicators: the node is behind the indicator, seen from the source."""
    behind = np.zeros((len(parent), len(nodes)), dtype=bool)
    behind[nodes, np.arange(len(nodes))] = True
    up = np.where(parent >= 0, parent, np.arange(len(parent)))
    while not np.array_equal(further := behind | behind[up], behind) or not np.array_equal(up, up[up]):
        behind, up = further, up[up]
    return behind


def _elements(sections: Sections, wrong: np.ndarray, supplied: np.ndarray) -> pd.DataFrame:
    """Elements that contradict the fewest indicators: table, element_id, section, node, length_m."""
    live = supplied & (sections.section >= 0)
    best = np.flatnonzero(live & (wrong == wrong[live].min()))
    parts = []
    lengths_m = line_lengths_m(sections.network.lines)
    for table in FAULT_TABLES:
        first, ids = sections.node[table], sections.network.table(table).index
        at = best[(best >= first) & (best < first + len(ids))]
        rows = pd.DataFrame({"table": table, "element_id": ids[at - first], "node": at})
        rows["length_m"] = lengths_m.to_numpy()[at - first] if table == "lines" else np.nan
        parts.append(rows)
    return pd.concat(parts, ignore_index=True).assign(
        section=lambda rows: sections.section[rows["node"].to_numpy()]
    )


def _candidates(
    sections: Sections, elements: pd.DataFrame, wrong: np.ndarray, ids: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per section, most line first, and its elements with their rank."""
    lengths_m = elements.groupby("section", sort=False)["length_m"].sum()
    ranked = lengths_m.sort_values(ascending=False, kind="stable")
    total_m = ranked.sum()
    rows = []
    for rank, (section, length_m) in enumerate(ranked.items(), start=1):
        own = elements[elements["section"] == section]
        against = ids[wrong[own["node"].iloc[0]]]
        rows.append(
            {
                "rank": rank,
                "section_id": _section_id(own),
                "contradicted": len(against),
                "contradicted_ids": ", ".join(against),
                "elements": ", ".join(_named(own)),
                "length_m": float(length_m),
                "line_share": float(length_m / total_m) if total_m else 1.0 / len(ranked),
                "geometry": _place(sections, own),
            }
        )
    ranks = {section: rank for rank, section in enumerate(ranked.index, start=1)}
    listed = elements.assign(rank=elements["section"].map(ranks)).sort_values("rank", kind="stable")
    return pd.DataFrame(rows, columns=list(CANDIDATE_COLUMNS)), listed.reset_index(drop=True)


def _section_id(own: pd.DataFrame) -> str:
    """A section is called after its longest line, else after what it has."""
    return str(own.sort_values("length_m", ascending=False, kind="stable")["element_id"].iloc[0])


def _named(own: pd.DataFrame) -> list[str]:
    """Lines, transformers and sources by name; buses only where there is nothing else."""
    assets = own[own["table"] != "buses"]
    return (assets if len(assets) else own)["element_id"].astype(str).tolist()


def _place(sections: Sections, own: pd.DataFrame) -> object:
    """Geometry of the longest element of a section."""
    row = own.sort_values("length_m", ascending=False, kind="stable").iloc[0]
    return sections.network.table(row["table"]).geometry[row["element_id"]]


def _contradictions(
    behind: np.ndarray, node: np.ndarray, lit: np.ndarray, ids: np.ndarray
) -> tuple[str, ...]:
    """Pairs that cannot both be right: a lit one behind a dark one, and two lit ones on different ways."""
    inner = behind[node]  # inner[i, j]: indicator i is behind indicator j
    told = [
        f"{ids[i]} is lit, but {ids[j]} between it and the source is dark"
        for i in np.flatnonzero(lit)
        for j in np.flatnonzero(~lit & inner[i])
    ]
    apart = ~(inner | inner.T)
    told += [
        f"{ids[i]} and {ids[j]} are both lit, but no place lies behind both"
        for i in np.flatnonzero(lit)
        for j in np.flatnonzero(lit & apart[i])
        if i < j
    ]
    return tuple(told)
