"""`Grid`: tables with what many rules ask of them, worked out once: positions, zones, islands, lengths.

Works on any typed tables, also on those with faults: an element at an unknown bus conducts nothing.

        20 kV zone           0.4 kV zone         zone: buses joined without a transformer
     ---o-----o---[T]---o-----o-----o            island: buses joined at all
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from gis.rules import Tables


class Grid(Mapping[str, pd.DataFrame]):
    """Tables by name, and the same with the figures of equipment types filled in (`figures`)."""

    def __init__(self, tables: Tables, figures: Tables | None = None) -> None:
        self._tables = tables
        self.figures = tables if figures is None else figures
        self.knows_types = self.figures is not tables

    @classmethod
    def of(cls, tables: Tables) -> Grid:
        """The grid itself, or a new one over plain tables."""
        return tables if isinstance(tables, Grid) else cls(tables)

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def position(self, bus_ids: pd.Series) -> np.ndarray:
        """Row of each bus; -1 for an unknown one."""
        return np.asarray(self["buses"].index.get_indexer(bus_ids))

    @cached_property
    def bus_kv(self) -> np.ndarray:
        """Nominal voltage per bus [kV], and a missing one behind them: what position -1 gives."""
        return np.append(self["buses"]["vn_kv"].to_numpy(dtype=float), np.nan)

    @cached_property
    def line_ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the first and last bus per line."""
        return self.position(self["lines"]["from_bus_id"]), self.position(self["lines"]["to_bus_id"])

    @cached_property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the high and low bus per transformer."""
        frame = self["transformers"]
        return self.position(frame["hv_bus_id"]), self.position(frame["lv_bus_id"])

    @cached_property
    def at_bus(self) -> dict[str, np.ndarray]:
        """Position of the bus per load, generator, capacitor, source and switch."""
        return {
            name: self.position(self[name]["bus_id"])
            for name in ("loads", "generators", "capacitors", "sources", "switches")
        }

    @cached_property
    def couplers(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of both buses of every switch between two buses, whether open or closed."""
        rows = (self["switches"]["element_table"] == "buses").to_numpy()
        return self.at_bus["switches"][rows], self.position(self["switches"]["element_id"][rows])

    @cached_property
    def line_conducts(self) -> np.ndarray:
        """Lines in service, with known buses and no open switch."""
        return self._conducts("lines", self.line_ends)

    @cached_property
    def transformer_conducts(self) -> np.ndarray:
        """Transformers in service, with known buses and no open switch."""
        return self._conducts("transformers", self.sides)

    @cached_property
    def zones(self) -> np.ndarray:
        """Zone per bus: joined by conducting lines and closed couplers, without a transformer between."""
        return self._components([self._live_lines, self._closed_couplers])

    @cached_property
    def islands(self) -> np.ndarray:
        """Island per bus: joined by all that conducts."""
        live = self.transformer_conducts
        joined = (self.sides[0][live], self.sides[1][live])
        return self._components([self._live_lines, self._closed_couplers, joined])

    @cached_property
    def supplied(self) -> np.ndarray:
        """Buses in an island with a source in service."""
        rows = self.at_bus["sources"][self["sources"]["in_service"].to_numpy(dtype=bool)]
        fed = np.zeros(self.islands.max(initial=-1) + 1, dtype=bool)
        fed[self.islands[rows[rows >= 0]]] = True
        return fed[self.islands]

    @cached_property
    def drawn_m(self) -> np.ndarray:
        """Length drawn per line [m]."""
        return np.asarray(shapely.length(np.asarray(self["lines"].geometry.array)))

    @cached_property
    def length_m(self) -> np.ndarray:
        """Length per line [m]: its attribute, or what is drawn."""
        given = self["lines"]["length_m"].to_numpy(dtype=float)
        return np.where(np.isnan(given), self.drawn_m, given)

    @cached_property
    def line_rating_kva(self) -> np.ndarray:
        """Rated power per line [kVA], of all its parallel systems; missing where no rating is known."""
        lines = self.figures["lines"]
        current_a = lines["i_max_a"].to_numpy(dtype=float) * lines["parallel"].to_numpy(dtype=float)
        return np.sqrt(3.0) * lines["vn_kv"].to_numpy(dtype=float) * current_a

    @cached_property
    def transformer_rating_kva(self) -> np.ndarray:
        """Rated power per transformer [kVA], of all its parallel units."""
        frame = self.figures["transformers"]
        return frame["sn_kva"].to_numpy(dtype=float) * frame["parallel"].to_numpy(dtype=float)

    @cached_property
    def zone_rating_kva(self) -> np.ndarray:
        """Rating per zone [kVA] of the transformers that feed it; missing where none does."""
        live = self.transformer_conducts
        return self._sum_by_zone(self.sides[1][live], self.transformer_rating_kva[live], missing=np.nan)

    @cached_property
    def zone_demand_kw(self) -> np.ndarray:
        """Demand per zone [kW] of the loads in it."""
        loads = self["loads"]
        live = loads["in_service"].to_numpy(dtype=bool) & (self.at_bus["loads"] >= 0)
        return self._sum_by_zone(self.at_bus["loads"][live], loads["p_kw"].to_numpy(dtype=float)[live])

    @cached_property
    def distance_m(self) -> np.ndarray:
        """Way along the lines [m] per bus from the nearest transformer or source that feeds its zone."""
        starts = np.concatenate([self.sides[1][self.transformer_conducts], self.at_bus["sources"]])
        starts = np.unique(starts[starts >= 0])
        if not len(starts):
            return np.full(len(self["buses"]), np.inf)
        u, v = self._live_lines
        weights = np.maximum(self.length_m[self.line_conducts], 1e-3)
        a, b = self._closed_couplers
        size = len(self["buses"])
        ends = np.concatenate([u, a]), np.concatenate([v, b])
        graph = csr_array((np.concatenate([weights, np.full(len(a), 1e-3)]), ends), shape=(size, size))
        return np.asarray(dijkstra(graph, directed=False, indices=starts, min_only=True))

    @property
    def _live_lines(self) -> tuple[np.ndarray, np.ndarray]:
        return self.line_ends[0][self.line_conducts], self.line_ends[1][self.line_conducts]

    @property
    def _closed_couplers(self) -> tuple[np.ndarray, np.ndarray]:
        first, second = self.couplers
        rows = (self["switches"]["element_table"] == "buses").to_numpy()
        closed = self["switches"]["closed"].to_numpy(dtype=bool)[rows] & (first >= 0) & (second >= 0)
        return first[closed], second[closed]

    def _conducts(self, table: str, ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        switches = self["switches"]
        opened = ~switches["closed"].to_numpy(dtype=bool) & (switches["element_table"] == table).to_numpy()
        frame = self[table]
        live = frame["in_service"].to_numpy(dtype=bool) & (ends[0] >= 0) & (ends[1] >= 0)
        return np.asarray(live & ~frame.index.isin(switches["element_id"][opened]))

    def _components(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        size = len(self["buses"])
        u, v = (np.concatenate([pair[end] for pair in pairs]) for end in (0, 1))
        graph = csr_array((np.ones(len(u), dtype=bool), (u, v)), shape=(size, size))
        return np.asarray(connected_components(graph, directed=False)[1])

    def _sum_by_zone(self, buses: np.ndarray, values: np.ndarray, missing: float = 0.0) -> np.ndarray:
        count = self.zones.max(initial=-1) + 1
        sums = np.bincount(self.zones[buses], values, minlength=count)
        return np.where(np.bincount(self.zones[buses], minlength=count) > 0, sums, missing)
