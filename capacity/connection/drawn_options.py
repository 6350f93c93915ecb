"""Options of one or many sites drawn into one network, with what each of its rows is compared with today.

drawn row                    today
of the network               itself
shadow (cells changed)       the row it stands for
piece of a line that is cut  that line
joint in a line that is cut  the voltage between the line's ends
anything else                nothing: it is new
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyOption
from capacity.connection.site import Site
from capacity.planning.references import Tracer, VoltageBounds
from gridmodel.drawn_network import DrawnNetwork, Turns, draw_network
from gridmodel.drawn_states import flags_of, turned

# Options drawn into one network at once; more are drawn in blocks.
OPTIONS_AT_ONCE = 400


class Offer(NamedTuple):
    """An option of a site."""

    site: Site
    option: SupplyOption

    @property
    def key(self) -> tuple[str, str]:
        """Begin of the ids of what it builds; two of one key cannot be drawn at once."""
        return self.site.site_id, self.option.option_id


class Piece(NamedTuple):
    """A piece of a line that an option cuts.

    Attributes
    ----------
    row, line
        Rows of the drawn lines: of the piece, and of the line.
    end, joint
        Drawn buses: where the line ended, and where it is cut.
    near
        It is the piece nearer to the source.
    """

    offer: int
    row: int
    line: int
    end: int
    joint: int
    length_m: float
    near: bool


@dataclass(frozen=True, eq=False)
class SupplyVoltages:
    """Where the voltage change of offers counts: their supply points, one or two each, in their order.

    Attributes
    ----------
    bus
        Drawn bus of the supply point.
    first, second, share
        Today's voltage there is that of the first bus, and so much of the way to that of the second.
    """

    offer: np.ndarray
    bus: np.ndarray
    first: np.ndarray
    second: np.ndarray
    share: np.ndarray


@dataclass(frozen=True, eq=False)
class DrawnOptions:
    """Offers drawn into one network.

    Attributes
    ----------
    site_at
        Drawn bus per offer where its site draws.
    today
        Per table the row of the network that a drawn row is compared with (-1: it is new).
    names
        Per table the id that a drawn row is told by.
    """

    offers: tuple[Offer, ...]
    drawn: DrawnNetwork
    site_at: np.ndarray
    today: dict[str, np.ndarray]
    names: dict[str, np.ndarray]
    pieces: tuple[Piece, ...]
    supply: SupplyVoltages

    @cached_property
    def site_kva(self) -> np.ndarray:
        """Cases x offers: what the site of each draws [kVA]."""
        return np.stack([offer.site.kva for offer in self.offers], axis=1)

    def power_kva(self, grid: ConnectionGrid, case: int) -> np.ndarray:
        """Power per drawn bus in a case: that of the network, and of every site behind its option."""
        kva = np.zeros(len(self.drawn.network.buses), dtype=complex)
        kva[: self.drawn.bus_count] = grid.cases.kva[case]
        kva[self.site_at] = self.site_kva[case]
        return kva


def blocks_of(offers: Sequence[Offer]) -> list[np.ndarray]:
    """Positions of offers that can be drawn together, in blocks: no key twice in one."""
    seen: Counter[tuple[str, str]] = Counter()
    layers: list[list[int]] = []
    for at, offer in enumerate(offers):
        layer = seen[offer.key]
        seen[offer.key] += 1
        if layer == len(layers):
            layers.append([])
        layers[layer].append(at)
    return [
        np.array(layer[first : first + OPTIONS_AT_ONCE])
        for layer in layers
        for first in range(0, len(layer), OPTIONS_AT_ONCE)
    ]


def draw_options(grid: ConnectionGrid, offers: Sequence[Offer]) -> DrawnOptions:
    """Draw offers into the network of a grid.

    Raises
    ------
    InputError
        An option changes what cannot be drawn in.
    """
    buses = grid.network.buses.index
    stands = [offer.option.site_bus_id in buses for offer in offers]
    drawn = draw_network(
        grid.network,
        [offer.option.changes for offer in offers],
        power_at=[
            [offer.option.site_bus_id] if there else [] for offer, there in zip(offers, stands, strict=True)
        ],
        turned=_switches_turned(grid),
        catalogue=grid.catalogue,
    )
    site_at = drawn.network.buses.index.get_indexer([offer.option.site_bus_id for offer in offers])
    site_at[drawn.stub_option] = drawn.stub_at
    pieces = tuple(piece for at, offer in enumerate(offers) for piece in _pieces(drawn, at, offer.option))
    return DrawnOptions(
        offers=tuple(offers),
        drawn=drawn,
        site_at=site_at,
        today={
            "buses": _own_rows(len(drawn.network.buses), len(buses)),
            "lines": _today(drawn.line_owner, len(grid.network.lines), pieces),
            "transformers": _today(drawn.transformer_owner, len(grid.network.transformers), ()),
        },
        names={
            "buses": drawn.network.buses.index.to_numpy(),
            "lines": drawn.network.lines.index.to_numpy()[drawn.line_owner],
            "transformers": drawn.network.transformers.index.to_numpy()[drawn.transformer_owner],
        },
        pieces=pieces,
        supply=_supply_voltages(drawn, offers, pieces),
    )


def _switches_turned(grid: ConnectionGrid) -> list[str]:
    """Switches that cases turn."""
    rows = grid.cases.switching
    return list(dict.fromkeys(rows.loc[rows["table"] == "switches", "element_id"]))


def _own_rows(count: int, known: int) -> np.ndarray:
    rows = np.arange(count)
    return np.where(rows < known, rows, -1)


def _today(owner: np.ndarray, known: int, pieces: Sequence[Piece]) -> np.ndarray:
    rows = np.where(owner < known, owner, -1)
    for piece in pieces:
        rows[piece.row] = piece.line
    return rows


def _pieces(drawn: DrawnNetwork, at: int, option: SupplyOption) -> list[Piece]:
    """Pieces of the lines that an option cuts: what it adds between an end of the line and a new bus."""
    cut, added = option.changes.removed.get("lines", ()), option.changes.added.get("lines")
    if not cut or added is None:
        return []
    lines, buses = drawn.network.lines, drawn.network.buses.index
    found = []
    for line in lines.index.get_indexer(list(cut)):
        ends = set(lines.iloc[line][["from_bus_id", "to_bus_id"]])
        rows = lines.index.get_indexer(added["line_id"])
        for row in rows:
            own = lines.iloc[row]
            a, b = str(own["from_bus_id"]), str(own["to_bus_id"])
            if (a in ends) == (b in ends) or own["type_id"] != lines["type_id"].iloc[line]:
                continue
            end, joint = buses.get_indexer([a, b] if a in ends else [b, a])
            near = str(buses[end]) == option.bus_id
            length_m = own["length_m"] if pd.notna(own["length_m"]) else own["geometry"].length
            found.append(Piece(at, int(row), int(line), int(end), int(joint), float(length_m), near))
    return found


def _supply_voltages(drawn: DrawnNetwork, offers: Sequence[Offer], pieces: Sequence[Piece]) -> SupplyVoltages:
    """The bus that is tapped; where a line is cut, its joints."""
    rows: list[tuple[int, int, int, int, float]] = []
    by_cut: dict[tuple[int, int], list[Piece]] = {}
    for piece in pieces:
        by_cut.setdefault((piece.offer, piece.line), []).append(piece)
    for (offer, _), both in by_cut.items():
        if len(both) == 2:
            a, b = both
            share = a.length_m / (a.length_m + b.length_m) if a.length_m + b.length_m else 0.0
            rows += [(offer, joint, a.end, b.end, share) for joint in dict.fromkeys((a.joint, b.joint))]
    told = {row[0] for row in rows}
    at = drawn.network.buses.index.get_indexer([offer.option.bus_id for offer in offers])
    rows += [(offer, int(bus), int(bus), int(bus), 0.0) for offer, bus in enumerate(at) if offer not in told]
    columns = list(zip(*sorted(rows), strict=True)) or [(), (), (), (), ()]
    of, tapped, first, second = (np.array(column, dtype=np.int64) for column in columns[:4])
    return SupplyVoltages(of, tapped, first, second, np.array(columns[4], dtype=float))


class CaseBounds:
    """Voltage bounds of every drawn bus in every case, whichever option is taken.

    A new bus is fed by one option alone, so that one set of bounds serves all: it counts from what feeds it,
    which is what its supply point counts from or, behind a new station, a bus of its own.
    """

    def __init__(self, grid: ConnectionGrid, options: DrawnOptions, turns: Turns) -> None:
        """Trace the normal state; `turns` has an option per case that switches (`switching_cases`)."""
        self._options, self._turns = options, turns
        self._tracer = Tracer(options.drawn, grid.yardstick.limits)
        self._nothing = flags_of(options.drawn)
        self._option_of = switching_cases(grid)
        self._normal = self._tracer.bounds(self._nothing)
        every = turned(self._nothing, options.drawn.turns, np.arange(len(options.offers)))
        self._taken = self._tracer.bounds(every)
        self._relative = bool((self._taken.reference >= 0).any())
        self._anchor = self._anchors()
        self._known: dict[int, VoltageBounds] = {}

    def above(self, case: np.ndarray, vm_pu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By how much states (a row each, of the cases given) are under and over [% of nominal]."""
        if not self._relative:
            return self._of(-1).above(vm_pu)
        low, high = np.empty_like(vm_pu), np.empty_like(vm_pu)
        option = self._option_of[case]
        for one in np.unique(option).tolist():
            low[option == one], high[option == one] = self._of(one).above(vm_pu[option == one])
        return low, high

    def _of(self, option: int) -> VoltageBounds:
        """Bounds where the case of an option of the turns is in force; -1: none."""
        if option not in self._known:
            flags = self._nothing if option < 0 else turned(self._nothing, self._turns, np.array([option]))
            self._known[option] = self._with_new(self._normal if option < 0 else self._tracer.bounds(flags))
        return self._known[option]

    def _with_new(self, now: VoltageBounds) -> VoltageBounds:
        """Bounds of the network in a state, and those of what is new."""
        taken, count = self._taken, self._options.drawn.bus_count
        new = np.arange(len(now.low)) >= count
        reference = np.where(new, taken.reference, now.reference)
        anchored = new & (taken.reference >= 0) & (taken.reference < count)
        busbar = now.reference[self._anchor]
        return VoltageBounds(
            np.where(new, taken.low, now.low),
            np.where(new, taken.high, now.high),
            np.where(anchored & (busbar >= 0), busbar, reference),
            now.rings,
        )

    def _anchors(self) -> np.ndarray:
        """Per drawn bus the existing bus that its option is supplied from; of an existing one itself."""
        anchors = np.arange(len(self._normal.low))
        index = self._options.drawn.network.buses.index
        for offer in self._options.offers:
            rows = offer.option.changes.added.get("buses")
            if rows is not None:
                anchors[index.get_indexer(rows["bus_id"])] = index.get_loc(offer.option.bus_id)
        anchors[self._options.drawn.stub_at] = index.get_indexer(self._options.drawn.stub_bus)
        return anchors


def switching_cases(grid: ConnectionGrid) -> np.ndarray:
    """Per case its number among those that switch, in the order of the switching table; -1: it does not."""
    known = grid.cases.switching["case_id"].drop_duplicates()
    return np.asarray(pd.Index(known).get_indexer(grid.cases.labels.index))
