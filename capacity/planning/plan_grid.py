"""`PlanGrid`: the drawn-in network of a planning task with everything that its plans are measured by.

A plan is a set of measures; here a measure is an option of the drawn-in network, in each case the one that
has the cells a control sets in that case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from capacity.checks import Yardstick
from capacity.limits import Limits
from capacity.measures.measure import Measure
from capacity.planning.plan_cases import PlanCases
from gis.changes import NetworkChanges
from gis.voltage import LV_MAX_KV
from gridmodel import Catalogue
from gridmodel.drawn_network import LINE, SWITCH, TRANSFORMER, DrawnNetwork, Turns, draw_network
from gridmodel.drawn_states import entries_of, flags_of

# What a constraint is of, in the order of the columns; of the last three there is one each.
LOW, HIGH, LINES, TRANSFORMERS, UNSUPPLIED, RINGS, NO_SOLUTION = range(7)
CHECKS = (
    ("undervoltage", "buses"), ("overvoltage", "buses"), ("line_overload", "lines"),
    ("transformer_overload", "transformers"), ("unsupplied", "buses"), ("rings", "lines"),
    ("no_solution", "sources"),
)  # fmt: skip
EVERYWHERE = -1
# Buses that a measure builds one behind the other and that are told the area they lie in.
_NEW_IN_A_ROW = 3


@dataclass(frozen=True, eq=False)
class PlanGrid:
    """A planning task on its drawn-in network.

    Attributes
    ----------
    years
        Years planned for; (None,) where the cases have none.
    run_case, run_year
        Runs: every case in every year it counts in; number of the case and of the year per run.
    option
        Cases x measures: the option that a measure is in a case.
    kva
        Cases x drawn buses, without the power that measures bring.
    switched
        Turns of the cases that switch, and per case the option of them (-1: none).
    kind, place
        Per constraint: LOW .. NO_SOLUTION, and the drawn row it is of.
    area
        Per constraint the low-voltage area it lies in; EVERYWHERE for what is above.
    measure_area
        The area a measure acts in alone; EVERYWHERE for one that acts beyond.
    measure_pairs, pairs_of
        Pairs of buses that the elements join which measures turn in, and the measure of each.
    between
        Per measure the pairs of buses whose elements it changes or adds to.
    rewires
        Measures that change who feeds whom whatever the plan.
    conflicts
        Per measure those that cannot be taken beside it.
    """

    drawn: DrawnNetwork
    limits: Limits
    case_ids: pd.Index
    years: tuple[int | None, ...]
    run_case: np.ndarray
    run_year: np.ndarray
    option: np.ndarray
    kva: np.ndarray
    switched: tuple[Turns, np.ndarray]
    kind: np.ndarray
    place: np.ndarray
    area: np.ndarray
    measure_area: np.ndarray
    measure_pairs: np.ndarray
    pairs_of: np.ndarray
    between: tuple[frozenset[object], ...]
    rewires: np.ndarray
    conflicts: tuple[np.ndarray, ...]

    @property
    def measure_count(self) -> int:
        return self.option.shape[1]

    def case_turns(self, case: int) -> tuple[Turns, int] | None:
        """Turns of a case; nothing for one in the normal state."""
        turns, of_case = self.switched
        return None if of_case[case] < 0 else (turns, int(of_case[case]))

    def power_kva(self, case: int) -> np.ndarray:
        return np.asarray(self.kva[case])


def make_plan_grid(
    yardstick: Yardstick, cases: PlanCases, measures: Sequence[Measure], catalogue: Catalogue | None = None
) -> PlanGrid:
    """Draw measures into the network of a yardstick.

    Raises
    ------
    InputError
        A measure changes what cannot be drawn in, or contradicts the network.
    """
    case_ids = cases.labels.index
    options, power_at, option = _options(measures, case_ids)
    rows = cases.switching[cases.switching["element_id"].notna()]
    turned = rows.loc[rows["table"] == "switches", "element_id"]
    drawn = draw_network(
        yardstick.network, options, power_at=power_at, turned=set(turned), catalogue=catalogue
    )
    years = cases.years or (None,)
    counts = np.stack([cases.of_year(year) for year in years], axis=1)
    run_case, run_year = np.nonzero(counts)
    order = np.lexsort([run_case, run_year])
    bus_area = _areas(drawn)
    kind, place = _constraints(drawn)
    measure_area, own = _measure_areas(drawn, bus_area, option, measures)
    pairs, pairs_of, rewires = _joined_pairs(drawn, option)
    _, names = rows["case_id"].factorize()
    return PlanGrid(
        drawn=drawn,
        limits=yardstick.limits,
        case_ids=case_ids,
        years=years,
        run_case=run_case[order],
        run_year=run_year[order],
        option=option,
        kva=_power(drawn, yardstick, cases, measures, option),
        switched=(drawn.turns_of(rows), pd.Index(names).get_indexer(case_ids)),
        kind=kind,
        place=place,
        area=_constraint_areas(drawn, bus_area, kind, place, own),
        measure_area=measure_area,
        measure_pairs=pairs,
        pairs_of=pairs_of,
        between=_between(drawn, len(measures)),
        rewires=rewires,
        conflicts=conflicts_of(measures),
    )


def conflicts_of(measures: Sequence[Measure]) -> tuple[np.ndarray, ...]:
    """Per measure the others it shares a key with."""
    holders: dict[object, list[int]] = defaultdict(list)
    keys = [one.keys for one in measures]
    for row, own in enumerate(keys):
        for key in own:
            holders[key].append(row)
    return tuple(
        np.array(sorted({other for key in own for other in holders[key]} - {row}), dtype=np.int64)
        for row, own in enumerate(keys)
    )


def _options(
    measures: Sequence[Measure], case_ids: pd.Index
) -> tuple[list[NetworkChanges], list[tuple[str, ...]], np.ndarray]:
    """Options to draw: one per measure, and one more for all that its control sets otherwise in some case."""
    options = [one.changes for one in measures]
    power_at = [tuple(one.power_kva) for one in measures]
    option = np.tile(np.arange(len(measures)), (len(case_ids), 1))
    for row, one in enumerate(measures):
        known: dict[object, int] = {}
        for case, case_id in enumerate(case_ids):
            if case_id not in one.cells_in:
                continue
            signature = tuple(one.cells_in[case_id].itertuples(index=False, name=None))
            if signature not in known:
                known[signature] = len(options)
                options.append(one.changes_in(case_id))
                power_at.append(tuple(one.power_kva))
            option[case, row] = known[signature]
    return options, power_at, option


def _power(
    drawn: DrawnNetwork,
    yardstick: Yardstick,
    cases: PlanCases,
    measures: Sequence[Measure],
    option: np.ndarray,
) -> np.ndarray:
    """Power per case and drawn bus; that of measures at their stubs, which have supply only when taken."""
    kva = np.zeros((len(cases.kva), len(drawn.network.buses)), dtype=complex)
    kva[:, : len(yardstick.network.buses)] = cases.kva
    measure_of = {int(one): row for case in option for row, one in enumerate(case)}
    for one, bus, at in zip(drawn.stub_option, drawn.stub_bus, drawn.stub_at, strict=True):
        kva[:, at] += measures[measure_of[int(one)]].power_kva[bus]
    return kva


def _constraints(drawn: DrawnNetwork) -> tuple[np.ndarray, np.ndarray]:
    buses = np.flatnonzero(~np.isin(np.arange(len(drawn.network.buses)), _stubs(drawn)))
    lines, transformers = np.unique(drawn.line_owner), np.unique(drawn.transformer_owner)
    whole = np.array([EVERYWHERE])
    places = [buses, buses, lines, transformers, whole, whole, whole]
    kind = np.repeat(np.arange(NO_SOLUTION + 1), [len(one) for one in places])
    return kind, np.concatenate(places).astype(np.int64)


def _stubs(drawn: DrawnNetwork) -> np.ndarray:
    return np.flatnonzero(drawn.network.buses.index.str.endswith("~stub"))


def _ends(drawn: DrawnNetwork) -> dict[int, np.ndarray]:
    """Positions of both buses per line, transformer and coupler (-1 twice for other switches)."""
    network = drawn.network
    at = network.buses.index.get_indexer
    switches = network.switches
    coupler = (switches["element_table"] == "buses").to_numpy()
    both = np.stack([at(switches["bus_id"]), at(switches["element_id"])], axis=1)
    return {
        LINE: np.stack([at(network.lines["from_bus_id"]), at(network.lines["to_bus_id"])], axis=1),
        TRANSFORMER: np.stack(
            [at(network.transformers["hv_bus_id"]), at(network.transformers["lv_bus_id"])], axis=1
        ),
        SWITCH: np.where(coupler[:, None], both, -1),
    }


def _areas(drawn: DrawnNetwork) -> np.ndarray:
    """Low-voltage area per bus: what hangs together as the network is switched; EVERYWHERE above.

    A bus that a measure builds lies in the area it is joined to. Measures that join areas act beyond one.
    """
    network, ends, flags = drawn.network, _ends(drawn), flags_of(drawn)
    low = (network.buses["vn_kv"] <= LV_MAX_KV).to_numpy()
    live = flags.lines.copy()
    guarded = network.lines.index.get_indexer(network.switches["element_id"])
    at_line = (network.switches["element_table"] == "lines").to_numpy() & ~flags.switches
    live[guarded[at_line & (guarded >= 0)]] = False
    joined = np.concatenate([ends[LINE][live], ends[SWITCH][flags.switches]])
    joined = joined[(joined >= 0).all(axis=1)]
    joined = joined[low[joined].all(axis=1)]
    shape = (len(low), len(low))
    graph = coo_array((np.ones(len(joined), dtype=np.int8), (joined[:, 0], joined[:, 1])), shape=shape)
    area = np.where(low, connected_components(graph, directed=False)[1], EVERYWHERE)
    return _with_new_buses(drawn, area, np.concatenate([ends[LINE], ends[SWITCH]]))


def _with_new_buses(drawn: DrawnNetwork, area: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """Give buses that are drawn in the area of a bus they are joined to."""
    new = (area >= 0) & (np.arange(len(area)) >= drawn.bus_count)
    own = (joined >= 0).all(axis=1)
    for _ in range(_NEW_IN_A_ROW):
        one, two = joined[own & (new[joined].sum(axis=1) == 1)].T
        fresh, known = np.where(new[one], one, two), np.where(new[one], two, one)
        inside = area[known] >= 0
        area[fresh[inside][::-1]] = area[known[inside][::-1]]
        new[fresh[inside]] = False
    return area


def _measure_areas(
    drawn: DrawnNetwork, bus_area: np.ndarray, option: np.ndarray, measures: Sequence[Measure]
) -> tuple[np.ndarray, dict[tuple[int, int], int]]:
    """Area per measure, and the area of what those that act in one area build above it.

    A measure acts beyond its area when it touches what stands above, or brings power or a capacitor.
    """
    turns, ends = drawn.turns, _ends(drawn)
    touched = {code: bus_area[ends[code]] for code in (LINE, TRANSFORMER)}
    touched[SWITCH] = _switch_areas(drawn, bus_area, ends)
    drawn_new = {
        LINE: _is_new(drawn, "lines"), TRANSFORMER: _is_new(drawn, "transformers"),
    }  # fmt: skip
    area, own = np.full(len(measures), EVERYWHERE), {}
    for row, one in enumerate(measures):
        if one.power_kva or {"capacitors", "sources"} & _tables(one):
            continue
        at = entries_of(turns, np.unique(option[:, row]))
        found: set[int] = set()
        above: list[tuple[int, int]] = []
        for code, place in zip(turns.table[at], turns.row[at], strict=True):
            here = {int(of) for of in touched[code][place] if of >= 0}
            found |= here
            if not here:
                above.append((int(code), int(place)))
        built = all(code in drawn_new and drawn_new[code][place] for code, place in above if code != SWITCH)
        if len(found) == 1 and built and not any(code == SWITCH for code, _ in above):
            area[row] = found.pop()
            own.update(dict.fromkeys(above, int(area[row])))
    return area, own


def _is_new(drawn: DrawnNetwork, table: str) -> np.ndarray:
    """Flag per drawn row: no measure-free network has it, nor is it a shadow."""
    owner = drawn.line_owner if table == "lines" else drawn.transformer_owner
    own = owner == np.arange(len(owner))
    return np.asarray(own & ~drawn.network.table(table)["in_service"].to_numpy(dtype=bool))


def _tables(measure: Measure) -> set[str]:
    changes = measure.changes
    controlled = (table for cells in measure.cells_in.values() for table in cells["table"])
    return {*changes.added, *changes.removed, *changes.cells["table"], *controlled}


def _switch_areas(drawn: DrawnNetwork, bus_area: np.ndarray, ends: dict[int, np.ndarray]) -> np.ndarray:
    """Areas per switch: of the ends of its element, or of both its buses."""
    switches = drawn.network.switches
    found = np.where(ends[SWITCH] >= 0, bus_area[ends[SWITCH]], EVERYWHERE)
    for code, table in ((LINE, "lines"), (TRANSFORMER, "transformers")):
        at = drawn.network.table(table).index.get_indexer(switches["element_id"])
        of = (switches["element_table"] == table).to_numpy() & (at >= 0)
        found[of] = bus_area[ends[code][at[of]]]
    return found


def _constraint_areas(
    drawn: DrawnNetwork,
    bus_area: np.ndarray,
    kind: np.ndarray,
    place: np.ndarray,
    own: dict[tuple[int, int], int],
) -> np.ndarray:
    ends, area = _ends(drawn), np.full(len(kind), EVERYWHERE)
    at = kind <= HIGH
    area[at] = bus_area[place[at]]
    for of, code in ((LINES, LINE), (TRANSFORMERS, TRANSFORMER)):
        at = kind == of
        per_row = bus_area[ends[code]].max(axis=1) if len(ends[code]) else np.zeros(0, dtype=np.int64)
        for (owned, row), where in own.items():
            if owned == code:
                per_row[row] = where
        area[at] = per_row[place[at]]
    return area


def pair_codes(drawn: DrawnNetwork) -> dict[int, np.ndarray]:
    """A number per pair of buses that a line, transformer or coupler joins; -1 where it joins none."""
    count = len(drawn.network.buses)
    return {
        code: np.where((ends >= 0).all(axis=1), ends.min(axis=1) * count + ends.max(axis=1), -1)
        for code, ends in _ends(drawn).items()
        if len(ends)
    } | {code: np.zeros(0, dtype=np.int64) for code, ends in _ends(drawn).items() if not len(ends)}


def _between(drawn: DrawnNetwork, count: int) -> tuple[frozenset[object], ...]:
    turns, codes = drawn.turns, pair_codes(drawn)
    found: list[frozenset[object]] = []
    for row in range(count):
        at = slice(turns.start[row], turns.start[row + 1])
        pairs = [
            int(codes[code][place])
            for code, place in zip(turns.table[at], turns.row[at], strict=True)
            if code in (LINE, TRANSFORMER)
        ]
        found.append(frozenset(("between", pair) for pair in pairs))
    return tuple(found)


def _joined_pairs(drawn: DrawnNetwork, option: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of buses that measures join, the measure of each, and measures that rewire in any case.

    A measure whose elements go out as others come in between the same buses leaves everybody where he was;
    so does one beside what joins its buses anyway, which the plan decides.
    """
    turns, codes = drawn.turns, pair_codes(drawn)
    stub = np.isin(drawn.network.switches["element_id"], drawn.network.buses.index[_stubs(drawn)])
    pair = np.full(len(turns.row), -1)
    for code in (LINE, TRANSFORMER, SWITCH):
        at = turns.table == code
        pair[at] = codes[code][turns.row[at]]
    switch = turns.table == SWITCH
    rewiring = switch.copy()
    rewiring[switch] = ~stub[turns.row[switch]]
    owner = np.repeat(np.arange(len(turns.start) - 1), np.diff(turns.start))
    count = option.shape[1]
    of_measure = owner < count  # variants of a case rewire as the measure does
    on = of_measure & turns.on & ((turns.table == LINE) | (turns.table == TRANSFORMER))
    off = of_measure & ~turns.on & ((turns.table == LINE) | (turns.table == TRANSFORMER))
    size = np.int64(len(drawn.network.buses)) ** 2 + 1
    put_back = np.isin(owner[off] * size + pair[off], owner[on] * size + pair[on])
    rewires = np.zeros(count, dtype=bool)
    rewires[owner[of_measure & rewiring]] = True
    rewires[owner[off][~put_back]] = True
    taken_out = np.isin(owner[on] * size + pair[on], owner[off] * size + pair[off])
    return pair[on][~taken_out], owner[on][~taken_out], rewires
