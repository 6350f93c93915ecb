"""Sizes of what a connection builds: cables by current and voltage, transformers of a new station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.supply_room import LEAST_PU, drop_at
from capacity.costs.items import CABLES
from gis.voltage import LV_MAX_KV, MV_MAX_KV, same_voltage
from gridmodel import transformer_figures

# Highest voltage for equipment against nominal: 12/11, 24/22, 36/33 kV (IEC 60038 table 3).
EQUIPMENT_FACTOR = 1.09
M_PER_KM = 1000.0


@dataclass(frozen=True)
class Cable:
    """So many equal cables side by side.

    Attributes
    ----------
    i_max_a
        Of all of them together [A].
    z_pu_per_kva_m
        Impedance of a metre per kVA: the real part of it times the conjugate of the power is the drop.
    eur_per_m
        Laid, trench once.
    """

    type_id: str
    count: int
    i_max_a: float
    z_pu_per_kva_m: complex
    eur_per_m: float


@dataclass(frozen=True)
class Units:
    """So many equal transformers side by side; z_pu_per_kva of all of them together."""

    type_id: str
    count: int
    sn_kva: float
    vn_hv_kv: float
    z_pu_per_kva: complex
    eur: float


@dataclass(frozen=True, eq=False)
class Room:
    """Voltage that is left where something is to be supplied from, per power of the grid.

    Attributes
    ----------
    kva
        What is drawn.
    vm_pu
        Voltage at the supply point with it.
    low_pu, high_pu
        Bounds at the far end; missing where none applies.
    change_pu
        Change of voltage that one connection may cause: what a cable may take of a grid that is strong.
    most_kva
        Most that is drawn in any case, solved or not.
    """

    kva: np.ndarray
    vm_pu: np.ndarray
    low_pu: np.ndarray
    high_pu: np.ndarray
    change_pu: float
    most_kva: float

    def holds(self, z_pu_per_kva: complex) -> bool:
        """Tell whether the voltage at the far end of an impedance stays inside."""
        return self.used_share(z_pu_per_kva) <= 1.0

    def carried_by(self, units: Units) -> float:
        """Load on transformers against their rating: current counts, which rises as the voltage falls."""
        drop = drop_at(np.real(units.z_pu_per_kva * np.conj(self.kva)), self.vm_pu)
        return self.most_current_kva(np.maximum(drop, 0.0)) / (units.sn_kva * units.count)

    def most_current_kva(self, drop_pu: np.ndarray | float = 0.0) -> float:
        """Largest current, as power at nominal voltage [kVA], where the voltage falls further by a drop."""
        vm_pu = np.maximum(self.vm_pu - drop_pu, LEAST_PU)
        return float(np.append(np.abs(self.kva) / vm_pu, self.most_kva).max())

    def holds_alone(self, z_pu_per_kva: complex) -> bool:
        """Tell whether an impedance alone keeps to the change that one connection may cause."""
        drop = np.abs(np.real(z_pu_per_kva * np.conj(self.kva))).max(initial=0.0)
        return bool(drop <= self.change_pu)

    def used_share(self, z_pu_per_kva: complex) -> float:
        """Share of what is left that an impedance takes; infinite where nothing is left."""
        nominal = np.real(z_pu_per_kva * np.conj(self.kva))
        drop = drop_at(nominal, self.vm_pu)
        left = np.where(drop >= 0.0, self.vm_pu - self.low_pu, self.high_pu - self.vm_pu)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(left > 0.0, np.abs(drop) / left, np.inf)
        return float(share[np.abs(nominal) > 0.0].max(initial=0.0))


def cable_item(vn_kv: float) -> str:
    """Item of the cost table for a cable of this voltage."""
    return "lv_cable" if vn_kv <= LV_MAX_KV else "mv_cable"


def choose_cables(
    grid: ConnectionGrid, vn_kv: float, length_m: float, room: Room, *, least_a: float = 0.0
) -> tuple[Cable, ...]:
    """The cheapest cables that carry the current and hold the voltage, and next sizes while that is tight.

    Where none holds the voltage because the grid leaves nothing, the cheapest that would in a stronger grid,
    else that of the least impedance: the load flow says what is broken. None where none carries the current.

    Parameters
    ----------
    least_a
        Current they have to carry at least [A]; no more than the largest single cable can.
    """
    sizing = grid.assumptions.sizing
    usable = grid.yardstick.limits.loading.line_percent / 100.0
    current_a = room.most_current_kva() / (np.sqrt(3.0) * vn_kv) / usable
    able = [one for one in cables_of(grid, vn_kv) if one.i_max_a >= current_a]
    single_a = max((one.i_max_a for one in able if one.count == 1), default=0.0)
    able = [one for one in able if one.i_max_a >= min(least_a, single_a)]
    holding = [one for one in able if room.holds(one.z_pu_per_kva_m * length_m)]
    if not holding:
        alone = [one for one in able if room.holds_alone(one.z_pu_per_kva_m * length_m)]
        return tuple(alone[:1] or sorted(able, key=lambda one: abs(one.z_pu_per_kva_m))[:1])
    used = [room.used_share(one.z_pu_per_kva_m * length_m) for one in holding]
    ample = next((at for at, share in enumerate(used) if share <= sizing.spare_share), len(used))
    return tuple(holding[: min(ample + 1, sizing.cables_max)])


@lru_cache(maxsize=32)
def cables_of(grid: ConnectionGrid, vn_kv: float) -> tuple[Cable, ...]:
    """Cables for a voltage, alone and side by side, cheapest first; what another beats is left out."""
    types, prices, item = grid.catalogue.lines, grid.assumptions.cost.prices, cable_item(vn_kv)
    low = vn_kv <= LV_MAX_KV
    lowest, highest = (vn_kv, LV_MAX_KV) if low else (EQUIPMENT_FACTOR * vn_kv, MV_MAX_KV)
    fitting = types[(types["kind"] == "cable") & types["vn_max_kv"].between(lowest, highest)]
    fitting = fitting[fitting["vn_max_kv"] == fitting["vn_max_kv"].min()]
    counts = range(1, 1 + (grid.assumptions.sizing.parallel_max if prices.has(CABLES[item]) else 1))
    every = [
        Cable(
            str(row.Index), count, float(row.i_max_a) * count,
            complex(row.r_ohm_per_km, row.x_ohm_per_km) / M_PER_KM / count / (vn_kv**2 * 1000.0),
            _laid_per_m(grid, item, str(row.Index), count),
        )
        for row in fitting.itertuples()
        for count in counts
    ]  # fmt: skip
    return _unbeaten(sorted(every, key=lambda one: (one.eur_per_m, abs(one.z_pu_per_kva_m))))


def thickest_z(grid: ConnectionGrid, vn_kv: float) -> complex:
    """Impedance of the thickest cables for a voltage [pu per kVA and metre]; 0 where there is none."""
    return min((one.z_pu_per_kva_m for one in cables_of(grid, vn_kv)), key=abs, default=0j)


def _laid_per_m(grid: ConnectionGrid, item: str, type_id: str, count: int) -> float:
    prices = grid.assumptions.cost.prices
    if count == 1:
        return prices.cost(item, 1.0 / M_PER_KM, type_id).eur
    return prices.cable_cost(item, 1.0, 1.0, count=count, type_id=type_id).eur


def _unbeaten(cables: Sequence[Cable]) -> tuple[Cable, ...]:
    """Of cables, cheapest first, those that no cheaper one beats in current and impedance."""
    kept: list[Cable] = []
    for one in cables:
        beaten = any(
            other.i_max_a >= one.i_max_a and abs(other.z_pu_per_kva_m) <= abs(one.z_pu_per_kva_m)
            for other in kept
        )
        if not beaten:
            kept.append(one)
    return tuple(kept)


def choose_units(grid: ConnectionGrid, hv_kv: float, room: Room) -> Units | None:
    """The cheapest transformers that carry a power and hold the voltage; where none do, that carry it.

    None where not even the most that a station takes carry it.
    """
    usable = grid.yardstick.limits.loading.transformer_percent / 100.0
    able = [one for one in units_of(grid, hv_kv) if room.carried_by(one) <= usable]
    if not able:
        return None
    holding = (one for one in able if room.holds(one.z_pu_per_kva))
    return next(holding, able[0])


@lru_cache(maxsize=32)
def units_of(grid: ConnectionGrid, hv_kv: float) -> tuple[Units, ...]:
    """Transformers for a new station, cheapest first with their buildings, then the smallest."""
    types, prices, sizing = grid.catalogue.transformers, grid.assumptions.cost.prices, grid.assumptions.sizing
    fits = same_voltage(types["vn_hv_kv"], hv_kv) & (types["vn_lv_kv"] <= LV_MAX_KV)
    fits &= types["sn_kva"] <= sizing.largest_transformer_kva
    ordered = types[fits].sort_values(["sn_kva", "pfe_kw"], kind="stable").drop_duplicates("sn_kva")
    building = prices.cost("mv_lv_station", 1.0).eur
    every = [
        Units(
            str(type_id), count, float(row["sn_kva"]), float(row["vn_hv_kv"]), _unit_z(row) / count,
            count * (building + prices.cost("mv_lv_transformer", 1.0, str(type_id)).eur),
        )
        for type_id, row in ordered.iterrows()
        for count in range(1, sizing.transformers_max + 1)
    ]  # fmt: skip
    return tuple(sorted(every, key=lambda one: (one.eur, one.sn_kva * one.count)))


def _unit_z(row: pd.Series) -> complex:
    r, z = float(row["vkr_percent"]), float(row["vk_percent"])
    return complex(r, np.sqrt(max(z**2 - r**2, 0.0))) / 100.0 / float(row["sn_kva"])


@lru_cache(maxsize=32)
def usual_tap_percent(grid: ConnectionGrid, hv_kv: float) -> float:
    """How far most stations of a network are tapped from their rated ratio [%, high side]; 0 for none."""
    transformers = grid.network.transformers
    hv = grid.network.buses["vn_kv"].reindex(transformers["hv_bus_id"]).to_numpy()
    lv = grid.network.buses["vn_kv"].reindex(transformers["lv_bus_id"]).to_numpy()
    rows = transformers[same_voltage(hv, hv_kv) & (lv <= LV_MAX_KV)]
    figures = transformer_figures(grid.network, grid.catalogue).reindex(rows.index)
    off = (figures["tap_pos"] - figures["tap_neutral"]) * figures["tap_step_percent"]
    off = off.where(figures["tap_side"] != "lv", -off).dropna().astype(float)
    return float(off.mode().iloc[0]) if len(off) else 0.0


@lru_cache(maxsize=128)
def tap_of(grid: ConnectionGrid, hv_kv: float, type_id: str) -> float | None:
    """Position of a new transformer, so that it stands as most stations of the network do; None for none."""
    new = grid.catalogue.transformers.loc[type_id]
    if pd.isna(new["tap_neutral"]) or not new["tap_step_percent"] > 0.0:
        return None
    off = usual_tap_percent(grid, hv_kv) * (1.0 if new["tap_side"] == "hv" else -1.0)
    position = new["tap_neutral"] + round(off / new["tap_step_percent"])
    return float(np.clip(position, new["tap_min"], new["tap_max"]))
