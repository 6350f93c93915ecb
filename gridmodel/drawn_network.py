"""The drawn-in network: a network with what many possible changes would build drawn in, out until taken.

It is compiled once; which changes are taken is then told by switching alone, so that thousands of them, and
combinations of them, are load flows of one compiled grid (`gridmodel.engine.states`).

    change                                   drawn as
    status of a line, transformer, source    itself, turned in or out
    switch opened or closed                  itself, turned (and its copies at shadows)
    any other cell of one of these           a shadow with the new cells: in as the original goes out
    line, transformer, source added          itself, out until taken
    switch added                             closed until taken at an element, open between buses
    switch put to another element            a copy there, turned with it
    capacitor, power at a bus                on a stub bus behind a joint that is closed when taken

Loads and generators are no part of it: power is given per bus and case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from gis import InputError, Network
from gis.changes import NetworkChanges, apply_changes
from gis.findings import join_findings, make_findings
from gis.schema import TABLES
from gridmodel.build import build_model
from gridmodel.bus_power import without_power
from gridmodel.catalogue import Catalogue

if TYPE_CHECKING:
    from gridmodel.engine.switching import SwitchingGrid

SWITCH, LINE, TRANSFORMER, SOURCE = range(4)
CODES = {"switches": SWITCH, "lines": LINE, "transformers": TRANSFORMER, "sources": SOURCE}
_SHADOWED = ("lines", "transformers", "sources")
# Columns that no load flow rests on.
_LABELS = {
    "buses": {"name", "kind"},
    "lines": {"name", "installed_year"},
    "transformers": {"name"},
    "sources": {"name", "vn_kv", "s_sc_mva"},
    "switches": {"kind", "vn_kv", "i_max_a"},
}
# Tables whose power comes with the cases, or that have none.
_WITHOUT_EFFECT = ("loads", "generators", "routes", "sites")


class Turns(NamedTuple):
    """What options turn: of option k entries start[k]..start[k+1]-1.

    Attributes
    ----------
    table, row
        SWITCH, LINE, TRANSFORMER or SOURCE, and the row of the drawn table.
    on
        Closed, or in service.
    """

    start: np.ndarray
    table: np.ndarray
    row: np.ndarray
    on: np.ndarray


@dataclass(frozen=True, eq=False)
class DrawnNetwork:
    """A network with options drawn in.

    Attributes
    ----------
    network, bus_count
        The drawn tables; the rows of the network itself come first, in their order: so many buses.
    grid
        The compiled grid; in it nothing is taken.
    turns
        Per option, in the order given.
    line_owner, transformer_owner
        Row per drawn line or transformer that it stands for: its own, or that of the original of a shadow.
    copies
        Rows of the copies per switch that has some.
    stub_option, stub_bus, stub_at
        Per power that an option brings: the option, the bus it is for, and the row of the stub bus.
    """

    network: Network
    bus_count: int
    grid: SwitchingGrid
    turns: Turns
    line_owner: np.ndarray
    transformer_owner: np.ndarray
    copies: Mapping[int, np.ndarray]
    stub_option: np.ndarray
    stub_bus: np.ndarray
    stub_at: np.ndarray

    def turns_of(self, rows: pd.DataFrame) -> Turns:
        """Turns of switch-set rows (columns table, element_id, state): an option per case_id, in their order.

        What takes an element out takes its shadows out too.
        """
        codes = rows["case_id"].factorize()[0]
        tables, at = rows["table"].to_numpy(dtype=object), np.full(len(rows), -1)
        for table in set(tables):
            own = tables == table
            at[own] = self.network.table(table).index.get_indexer(rows["element_id"][own])
        entries = [
            (case, CODES[table], row, on)
            for case, table, place, on in zip(
                codes.tolist(), tables, at.tolist(), rows["state"].isin(_ON).tolist(), strict=True
            )
            for row in self._together(CODES[table], place, on)
        ]
        return _packed(entries, int(codes.max()) + 1 if len(codes) else 0)

    def _together(self, code: int, at: int, on: bool) -> list[int]:
        if code == SWITCH:
            return [at, *self.copies.get(at, ())]
        if code == SOURCE or on:
            return [at]
        return [at, *self._shadows[code].get(at, ())]

    @cached_property
    def _shadows(self) -> dict[int, dict[int, list[int]]]:
        """Rows of the shadows per row that has some."""
        found: dict[int, dict[int, list[int]]] = {LINE: {}, TRANSFORMER: {}}
        for code, owner in ((LINE, self.line_owner), (TRANSFORMER, self.transformer_owner)):
            for row in np.flatnonzero(owner != np.arange(len(owner))).tolist():
                found[code].setdefault(int(owner[row]), []).append(row)
        return found


_ON = {"closed", "in"}


@dataclass
class _Sheet:
    """What is gathered while options are drawn."""

    network: Network
    turns: list[tuple[int, str, str, bool]] = field(default_factory=list)
    added: dict[str, list[pd.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    # Per table: id of the shadow, its original, cells that differ.
    shadows: dict[str, list[tuple[str, str, dict[str, object]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    added_switches: dict[str, list[dict[str, object]]] = field(default_factory=lambda: defaultdict(list))
    # Switch, its copy and the element that it is put to.
    moved_switches: list[tuple[str, str, str]] = field(default_factory=list)
    # Id of the stub, the bus it stands beside.
    stubs: list[tuple[str, str]] = field(default_factory=list)
    banks: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)  # joints closed as the network is
    moved_banks: set[str] = field(default_factory=set)
    power: list[tuple[int, str, str]] = field(default_factory=list)
    faults: list[pd.DataFrame] = field(default_factory=list)


def joined_turns(first: Turns, second: Turns) -> Turns:
    """Turns of both; options of the second come after those of the first."""
    start = np.concatenate([first.start, first.start[-1] + second.start[1:]])
    return Turns(start, *(np.concatenate(columns) for columns in zip(first[1:], second[1:], strict=True)))


def draw_network(
    network: Network,
    options: Sequence[NetworkChanges],
    *,
    power_at: Sequence[Collection[str]] = (),
    turned: Collection[str] = (),
    catalogue: Catalogue | None = None,
) -> DrawnNetwork:
    """Draw options into a network and compile it.

    Parameters
    ----------
    power_at
        Buses per option at which it draws or feeds power; none when absent.
    turned
        Switches that cases turn, beside those that options turn.

    Raises
    ------
    InputError
        An option changes what cannot be drawn in (the voltage of a bus, where a switch stands) or contradicts
        the network; all faults are named. Or the network has no source.
    """
    from gridmodel.engine.of_model import compiled_switching

    bare = without_power(network)
    sheet = _Sheet(bare)
    for option, changes in enumerate(options):
        _draw(sheet, option, changes, power_at[option] if option < len(power_at) else ())
    if sheet.faults:
        raise InputError("network changes", join_findings(sheet.faults))
    drawn, copies = _drawn_tables(sheet)
    model = build_model(drawn, catalogue)
    joints = _joints(drawn, sheet, turned)
    return DrawnNetwork(
        network=drawn,
        bus_count=len(network.buses),
        grid=compiled_switching(model, joints),
        turns=_turns(drawn, sheet, copies, len(options)),
        line_owner=_owners(drawn, sheet, "lines"),
        transformer_owner=_owners(drawn, sheet, "transformers"),
        copies=copies,
        stub_option=np.array([option for option, _, _ in sheet.power], dtype=np.int64),
        stub_bus=np.array([bus for _, bus, _ in sheet.power], dtype=object),
        stub_at=drawn.buses.index.get_indexer([stub for _, _, stub in sheet.power]),
    )


def _draw(sheet: _Sheet, option: int, changes: NetworkChanges, power_at: Collection[str]) -> None:
    """Draw one option: removed rows, changed cells, added rows, power."""
    for table, ids in changes.removed.items():
        for element_id in ids:
            _draw_removed(sheet, option, table, element_id)
    for (table, element_id), cells in _cells_by_element(changes).items():
        _draw_cells(sheet, option, table, element_id, cells)
    for table, rows in changes.added.items():
        if len(rows):
            _draw_added(sheet, option, table, rows, set(changes.removed.get(table, ())))
    for bus_id in power_at:
        stub = _stub(sheet, option, f"{bus_id}~{option}~power", str(bus_id))
        sheet.power.append((option, str(bus_id), stub))


def _cells_by_element(changes: NetworkChanges) -> dict[tuple[str, str], dict[str, object]]:
    found: dict[tuple[str, str], dict[str, object]] = {}
    cells = changes.cells
    if len(cells):
        columns = (cells[name].tolist() for name in ("table", "element_id", "column", "value"))
        for table, element_id, column, value in zip(*columns, strict=True):
            if column not in _LABELS.get(table, ()):
                found.setdefault((table, element_id), {})[column] = value
    return found


def _draw_removed(sheet: _Sheet, option: int, table: str, element_id: str) -> None:
    if table in _SHADOWED:
        sheet.turns.append((option, table, element_id, False))
    elif table == "switches":
        # Without its switch an element is joined to its bus; without a coupler two buses are apart.
        coupler = _cell(sheet.network, table, element_id, "element_table") == "buses"
        sheet.turns.append((option, table, element_id, not coupler))
    elif table == "capacitors":
        sheet.turns.append((option, "switches", _moved_bank(sheet, element_id), False))


def _draw_cells(sheet: _Sheet, option: int, table: str, element_id: str, cells: dict[str, object]) -> None:
    if table in _WITHOUT_EFFECT:
        return
    if table not in TABLES or element_id not in sheet.network.table(table).index:
        sheet.faults.append(
            make_findings("changes", table, [element_id], "is to be changed but is not in the network")
        )
    elif table in _SHADOWED and set(cells) == {"in_service"}:
        sheet.turns.append((option, table, element_id, bool(cells["in_service"])))
    elif table in _SHADOWED:
        _shadow(sheet, option, table, element_id, cells)
    elif table == "switches" and set(cells) <= {"closed", "element_id"}:
        _draw_switch(sheet, option, element_id, cells)
    elif table == "capacitors":
        row = _row(sheet.network, table, element_id) | cells
        sheet.turns.append((option, "switches", _moved_bank(sheet, element_id), False))
        _bank(sheet, option, f"{element_id}~{option}", row)
    else:
        what = f"{', '.join(cells)} of {table} cannot be planned with; build a new one instead"
        sheet.faults.append(make_findings("changes", table, [element_id], what))


def _draw_switch(sheet: _Sheet, option: int, switch_id: str, cells: dict[str, object]) -> None:
    """A switch turned, or put to another element of its table: a copy there, which turns with it."""
    if "closed" in cells:
        sheet.turns.append((option, "switches", switch_id, bool(cells["closed"])))
    if "element_id" in cells:
        sheet.moved_switches.append((switch_id, f"{switch_id}~{option}~moved", str(cells["element_id"])))


def _shadow(sheet: _Sheet, option: int, table: str, element_id: str, cells: dict[str, object]) -> None:
    shadow = f"{element_id}~{option}"
    inside = cells.get("in_service", _cell(sheet.network, table, element_id, "in_service"))
    sheet.shadows[table].append((shadow, element_id, cells))
    sheet.turns.append((option, table, element_id, False))
    sheet.turns.append((option, table, shadow, bool(inside)))


def _draw_added(sheet: _Sheet, option: int, table: str, rows: pd.DataFrame, anew: set[str]) -> None:
    if table in _WITHOUT_EFFECT:
        return
    id_column = TABLES[table].id_column
    if table == "capacitors":
        for row in rows.to_dict("records"):
            _bank(sheet, option, str(row[id_column]), row)
        return
    again = rows[id_column].isin(anew)
    if again.any() and table in _SHADOWED:  # a row taken out and put back otherwise is a shadow of itself
        for row in rows[again].to_dict("records"):
            cells = {name: value for name, value in row.items() if name not in (id_column, "geometry")}
            _shadow(sheet, option, table, str(row[id_column]), cells | {"in_service": _wanted(row)})
        rows = rows[~again]
    if table in _SHADOWED:
        for row in rows.to_dict("records"):
            sheet.turns.append((option, table, str(row[id_column]), _wanted(row)))
        rows = rows.assign(in_service=False)
    elif table == "switches":
        rows = _draw_added_switches(sheet, option, rows)
    sheet.added[table].append(rows)


def _draw_added_switches(sheet: _Sheet, option: int, rows: pd.DataFrame) -> pd.DataFrame:
    for row in rows.to_dict("records"):
        sheet.turns.append((option, "switches", str(row["switch_id"]), bool(row["closed"])))
        if row["element_table"] != "buses":
            sheet.added_switches[f"{row['element_table']} {row['element_id']}"].append(row)
    return rows.assign(closed=rows["element_table"] != "buses")


def _wanted(row: Mapping[str, object]) -> bool:
    inside = row.get("in_service", True)
    return True if pd.isna(inside) else bool(inside)  # type: ignore[call-overload]


def _bank(sheet: _Sheet, option: int | None, bank_id: str, row: dict[str, object]) -> None:
    """A capacitor on a stub; without an option it is one the network has."""
    stub = _stub(sheet, option if option is None or _wanted(row) else -1, bank_id, str(row["bus_id"]))
    sheet.banks.append((stub, row | {"capacitor_id": bank_id, "bus_id": stub, "in_service": True}))


def _moved_bank(sheet: _Sheet, element_id: str) -> str:
    """Move a capacitor of the network to a stub, once; returns its joint."""
    if element_id not in sheet.moved_banks:
        row = _row(sheet.network, "capacitors", element_id)
        sheet.moved_banks.add(element_id)
        _bank(sheet, None, f"{element_id}~bank", row)
        if _wanted(row):
            sheet.shut.add(f"{element_id}~bank~joint")
    return f"{element_id}~bank~joint"


def _stub(sheet: _Sheet, option: int | None, name: str, bus_id: str) -> str:
    """A bus beside another, and the joint between them, which the option closes (-1, None: none does)."""
    sheet.stubs.append((f"{name}~stub", bus_id))
    if option is not None and option >= 0:
        sheet.turns.append((option, "switches", f"{name}~joint", True))
    return f"{name}~stub"


def _cell(network: Network, table: str, element_id: str, column: str) -> object:
    return network.table(table).loc[element_id, column]


def _row(network: Network, table: str, element_id: str) -> dict[str, object]:
    return {str(name): value for name, value in network.table(table).loc[element_id].items()}


def _drawn_tables(sheet: _Sheet) -> tuple[Network, dict[int, np.ndarray]]:
    """The drawn network, and the rows of the copies per switch."""
    added = {table: list(parts) for table, parts in sheet.added.items()}
    for table, shadows in sheet.shadows.items():
        added.setdefault(table, []).append(_shadow_rows(sheet.network, table, shadows))
    copied, rows = _switch_copies(sheet)
    if rows:
        added.setdefault("switches", []).append(pd.DataFrame(rows))
    if sheet.stubs:
        buses, joints = _stub_rows(sheet, added.get("buses", []))
        added.setdefault("buses", []).append(buses)
        added.setdefault("switches", []).append(joints)
    if sheet.banks:
        added["capacitors"] = [pd.DataFrame([row for _, row in sheet.banks])]
    whole = {table: _joined(parts) for table, parts in added.items() if parts}
    removed = {"capacitors": tuple(sorted(sheet.moved_banks))} if sheet.moved_banks else {}
    drawn = apply_changes(sheet.network, NetworkChanges(added=whole, removed=removed))
    index = drawn.switches.index
    of = {int(index.get_indexer([switch])[0]): index.get_indexer(clones) for switch, clones in copied.items()}
    return drawn, of


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several tables in one; no column is lost because it is empty in the first."""
    plain = [pd.DataFrame(part).astype(object) for part in parts]
    return pd.concat(plain, ignore_index=True) if len(plain) > 1 else plain[0].reset_index(drop=True)


def _shadow_rows(
    network: Network, table: str, shadows: list[tuple[str, str, dict[str, object]]]
) -> pd.DataFrame:
    """Rows of the originals with the cells that differ, out of service."""
    originals = network.table(table).loc[[original for _, original, _ in shadows]]
    rows = pd.DataFrame(originals).astype(object).reset_index(drop=True)
    changed: dict[str, tuple[list[int], list[object]]] = defaultdict(lambda: ([], []))
    for place, (_, _, cells) in enumerate(shadows):
        for column, value in cells.items():
            changed[column][0].append(place)
            changed[column][1].append(value)
    for column, (places, values) in changed.items():
        whole = rows[column].to_numpy(dtype=object, copy=True)
        for place, value in zip(places, values, strict=True):
            whole[place] = value
        rows[column] = whole
    ids = [shadow for shadow, _, _ in shadows]
    return rows.assign(**{TABLES[table].id_column: ids, "in_service": False})


def _switch_copies(sheet: _Sheet) -> tuple[dict[str, list[str]], list[dict[str, object]]]:
    """A copy of every switch of an original at each of its shadows."""
    at: dict[str, list[dict[str, object]]] = defaultdict(list)
    shadowed = {
        (table, original) for table in ("lines", "transformers") for _, original, _ in sheet.shadows[table]
    }
    switches = sheet.network.switches
    keys = pd.MultiIndex.from_arrays([switches["element_table"], switches["element_id"]])
    relevant = switches[keys.isin(list(shadowed))] if shadowed else switches.iloc[:0]
    for row in relevant.reset_index().to_dict("records"):
        at[f"{row['element_table']} {row['element_id']}"].append(row)
    for key, rows in sheet.added_switches.items():
        at[key].extend(row | {"closed": True} for row in rows)
    copied: dict[str, list[str]] = defaultdict(list)
    copies = []
    for table in ("lines", "transformers"):
        for shadow, original, _ in sheet.shadows[table]:
            for row in at.get(f"{table} {original}", ()):
                name = f"{row['switch_id']}~{shadow}"
                copied[str(row["switch_id"])].append(name)
                copies.append(row | {"switch_id": name, "element_id": shadow})
    for switch_id, name, element_id in sheet.moved_switches:
        copied[switch_id].append(name)
        own = _row(sheet.network, "switches", switch_id)
        copies.append(own | {"switch_id": name, "element_id": element_id})
    return copied, copies


def _stub_rows(sheet: _Sheet, new_buses: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stub buses, and the joints to the buses they stand beside."""
    known = [sheet.network.buses[["vn_kv", "geometry"]].astype(object)]
    known += [part.set_index("bus_id")[["vn_kv", "geometry"]].astype(object) for part in new_buses]
    buses = pd.concat([pd.DataFrame(part) for part in known])
    ids, beside = ([stub[k] for stub in sheet.stubs] for k in (0, 1))
    at = buses.loc[beside]
    joints = [f"{name.removesuffix('~stub')}~joint" for name in ids]
    geometry = at["geometry"].to_numpy()
    return (
        pd.DataFrame({"bus_id": ids, "vn_kv": at["vn_kv"].to_numpy(), "geometry": geometry}),
        pd.DataFrame(
            {
                "switch_id": joints, "kind": "load_break", "closed": [name in sheet.shut for name in joints],
                "bus_id": beside, "element_table": "buses", "element_id": ids, "geometry": geometry,
            }
        ),
    )  # fmt: skip


def _joints(drawn: Network, sheet: _Sheet, turned: Collection[str]) -> np.ndarray:
    """Flag per switch: one between buses that an option or a case turns, or the joint of a stub."""
    names = {element_id for _, table, element_id, _ in sheet.turns if table == "switches"}
    names |= set(turned) | sheet.shut
    between = (drawn.switches["element_table"] == "buses").to_numpy()
    stubs = drawn.switches["element_id"].isin([stub for stub, _ in sheet.stubs]).to_numpy()
    return np.asarray(between & (drawn.switches.index.isin(list(names)) | stubs))


def _owners(drawn: Network, sheet: _Sheet, table: str) -> np.ndarray:
    index = drawn.table(table).index
    owner = np.arange(len(index))
    shadows = sheet.shadows[table]
    if shadows:
        at = index.get_indexer([shadow for shadow, _, _ in shadows])
        owner[at] = index.get_indexer([original for _, original, _ in shadows])
    return owner


def _turns(drawn: Network, sheet: _Sheet, copies: Mapping[int, np.ndarray], options: int) -> Turns:
    by_table: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
    for option, table, element_id, on in sheet.turns:
        by_table[table].append((option, element_id, on))
    entries: list[tuple[int, int, int, bool]] = []
    for table, rows in by_table.items():
        at = drawn.table(table).index.get_indexer([element_id for _, element_id, _ in rows])
        for (option, _, on), place in zip(rows, at.tolist(), strict=True):
            entries.append((option, CODES[table], place, on))
            if table == "switches":
                entries.extend((option, SWITCH, copy, on) for copy in copies.get(place, ()))
    return _packed(entries, options)


def _packed(entries: Sequence[tuple[int, int, int, bool]], options: int) -> Turns:
    option, table, at, on = (
        np.array([entry[k] for entry in entries], dtype=bool if k == 3 else np.int64) for k in range(4)
    )
    order = np.argsort(option, kind="stable")
    sizes = np.bincount(option, minlength=options)
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Turns(start, table[order], at[order], on[order])
