"""`BusDemand`: what groups of customers draw at each bus, and the model that is solved with it.

The diversity of customers belongs to no customer: it depends on how many stand behind an element. It comes
into an ordinary load flow by what each bus draws: of every group the coincident peak of all behind the bus,
less the coincident peaks behind each bus that it feeds (`capacity.demand.coincidence`). Where branches meet
that is negative: the diversity gained there. One load flow, of any engine, then loads every element with its
own coincident peak, and the demand is what all customers draw together at the source.

    homes of 10 kW alone and 2 kW among many, after Rusck

    source
      |           line to a: 2 x 2 kW + 8 kW x sqrt(2) = 15.3 kW
      a           draws 15.3 - 10 - 10 = -4.7 kW
     / \\         lines to b and c: 10 kW, one home alone
    b   c         draw 10 kW each
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from gis import Network
from gis.changes import typed_like
from gridmodel.build import build_model, fill_table, generator_columns, load_columns
from gridmodel.catalogue import Catalogue
from gridmodel.model import GridModel
from gridmodel.outcome import Keep
from gridmodel.points import Points
from gridmodel.profiles import ProfileResults, results_of_hours

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds


@dataclass(frozen=True, eq=False)
class BusDemand:
    """Peak of each group of customers per bus, and rated power of each kind of generation.

    Attributes
    ----------
    groups
        Groups of customers that follow one profile each (customer classes, and technologies like "ev").
    kva
        Buses x groups: complex power drawn at the group's peak [kVA], in the order of the network's buses.
        Negative where branches meet (diversity).
    kinds
        Kinds of generation that follow one profile each.
    feed_kw
        Buses x kinds: rated power [kW].
    """

    groups: tuple[str, ...]
    kva: np.ndarray
    kinds: tuple[str, ...]
    feed_kw: np.ndarray

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the profiles it follows, as `solve_demand` takes them: groups, then kinds."""
        return (*self.groups, *self.kinds)


def demand_model(
    network: Network, groups: Sequence[str], kinds: Sequence[str], catalogue: Catalogue | None = None
) -> GridModel:
    """Build a model that can be solved with any demand of these groups and kinds.

    Its network has a load of 1 kW and 1 kvar per bus and group ("BUS|GROUP") and a generator of 1 kW per bus
    and kind instead of its own; build it once, and solve it with the demand of every year and draw.

    Raises
    ------
    InputError
        As `gridmodel.build_model`.
    """
    model = build_model(network, catalogue)
    unit = BusDemand(
        tuple(groups), np.full((len(network.buses), len(groups)), 1.0 + 1.0j),
        tuple(kinds), np.ones((len(network.buses), len(kinds))),
    )  # fmt: skip
    changed = _with_rows(network, unit)
    net = model.net
    for table, columns in (("load", load_columns(changed)), ("sgen", generator_columns(changed))):
        net[table] = net[table].iloc[:0]
        fill_table(net, table, columns)
    return GridModel(network=changed, net=net, catalogue=model.catalogue)


def solve_demand(
    model: GridModel,
    demand: BusDemand,
    factors: pd.DataFrame,
    *,
    step_h: float = 1.0,
    bounds: Bounds | None = None,
    keep: Keep | None = None,
    explain: bool = False,
) -> ProfileResults:
    """Solve a demand at every hour of its profiles.

    Parameters
    ----------
    model
        From `demand_model`, with the same groups and kinds.
    factors
        Index hour (UTC), a column per group and kind, 1 at the peak; may be negative (a battery that feeds).
    step_h, bounds, keep, explain
        See `gridmodel.profiles.Profiles` and `run_profiles`.

    Raises
    ------
    ValueError
        The demand does not belong to the model, a group or kind has no profile, or something is no number;
        every fault is named.
    BalanceError
        An hour does not add up.
    """
    points = points_of_demand(model, demand, factors)
    hours = pd.DatetimeIndex(factors.index, name="hour")
    return results_of_hours(model, points, hours, step_h, bounds=bounds, keep=keep, explain=explain)


def points_of_demand(model: GridModel, demand: BusDemand, factors: pd.DataFrame) -> Points:
    """A demand at every hour of its profiles as operating points; see `solve_demand`."""
    faults = _misfits(model, demand, factors)
    if faults:
        raise ValueError("; ".join(faults))
    buses, groups = len(model.network.buses), len(demand.groups)
    column = factors.columns.get_indexer(demand.columns)
    of_load = np.tile(column[:groups], buses)
    none = np.zeros(0, dtype=np.int64)
    return Points(
        load_factor=demand.kva.real.ravel(),
        load_q_factor=demand.kva.imag.ravel(),
        generator_factor=demand.feed_kw.ravel(),
        load_p_profile=of_load,
        load_q_profile=of_load,
        generator_profile=np.tile(column[groups:], buses),
        profiles=factors.to_numpy(dtype=float),
        added_point=none,
        added_bus=none,
        added_kva=np.zeros(0, dtype=complex),
    )


def _misfits(model: GridModel, demand: BusDemand, factors: pd.DataFrame) -> list[str]:
    """Why a demand cannot be solved on a model; nothing where it can."""
    buses, tables, found = len(model.network.buses), model.network, []
    for what, asked, given, power in (
        ("groups", tables.loads["customer_class"], demand.groups, demand.kva),
        ("kinds", tables.generators["kind"], demand.kinds, demand.feed_kw),
    ):
        built = tuple(asked.iloc[: len(asked) // max(buses, 1)])
        if built != given:
            found.append(f"the model is built for the {what} {', '.join(built)}, not for {', '.join(given)}")
        elif power.shape != (buses, len(given)):
            found.append(f"power of {what}: {power.shape} are not {buses} buses x {len(given)} {what}")
        elif not (fine := np.isfinite(power).all(axis=0)).all():
            found.append(f"no numbers among the powers of {', '.join(np.array(given, dtype=object)[~fine])}")
    lacking = [name for name in demand.columns if name not in factors.columns]
    if lacking:
        found.append(f"no profile for {', '.join(lacking)}")
    used = factors[[name for name in demand.columns if name in factors.columns]]
    gaps = used.columns[~np.isfinite(used.to_numpy(dtype=float)).all(axis=0)]
    if len(gaps):
        found.append(f"no numbers in some hours of the profiles of {', '.join(gaps)}")
    if not isinstance(factors.index, pd.DatetimeIndex) or factors.index.tz is None:
        found.append("hours are not times of a time zone; index them by a DatetimeIndex in UTC")
    return found


def network_with_demand(network: Network, demand: BusDemand) -> Network:
    """The network with this demand instead of its own loads and generators, for any other study.

    Loads are named "BUS|GROUP", their class is the group; those of diversity are negative. Rows of nothing
    are left out.
    """
    whole = _with_rows(network, demand)
    loads, generators = whole.loads, whole.generators
    drawn = (loads["p_kw"] != 0.0) | (loads["q_kvar"] != 0.0)
    return replace(whole, loads=loads[drawn], generators=generators[generators["p_kw"] != 0.0])


def _with_rows(network: Network, demand: BusDemand) -> Network:
    loads = _rows(network, network.loads, demand.groups, "customer_class")
    loads = loads.assign(p_kw=demand.kva.real.ravel(), q_kvar=demand.kva.imag.ravel(), customers=0)
    generators = _rows(network, network.generators, demand.kinds, "kind")
    generators = generators.assign(p_kw=demand.feed_kw.ravel())
    return replace(
        network,
        loads=typed_like(loads, network.loads),
        generators=typed_like(generators, network.generators),
    )


def _rows(
    network: Network, table: gpd.GeoDataFrame, names: Sequence[str], name_column: str
) -> gpd.GeoDataFrame:
    """A row per bus and name, bus by bus, with the columns of the table."""
    count, buses = len(names), network.buses
    bus_id = buses.index.to_numpy(dtype=object).repeat(count)
    name = np.tile(np.array(names, dtype=object), len(buses))
    ids = pd.Index([f"{bus}|{group}" for bus, group in zip(bus_id, name, strict=True)], name=table.index.name)
    rows = pd.DataFrame({"bus_id": bus_id, name_column: name, "in_service": True}, index=ids)
    geometry = buses.geometry.to_numpy().repeat(count)
    return gpd.GeoDataFrame(rows.reindex(columns=table.columns), geometry=geometry, crs=network.crs)
