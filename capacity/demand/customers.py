"""Customers: one row per load and group, who they are, how many, and what each draws alone.

How much of it coincides is `capacity.demand.coincidence`; which figure of a load is its size,
`capacity.demand.customer_size`; what customers add in a later year, `capacity.demand.uptake`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from capacity.demand.coincidence import AnyMethod, AsGiven, Coincidence
from capacity.demand.customer_size import SizeBasis
from gis import Network
from gridmodel.build import reactive_power_kvar

# load_id: of the network, or of what a scenario adds ("site:S1"); group: what profile and method it follows;
# customers: how many equal ones the row stands for; peak_kw, annual_kwh, floor_area_m2: of one of them,
# peak_kw the largest demand it has alone; tan_phi: reactive over active power; status: "placed", or why not,
# with the reason: a row that is not placed draws nothing and is told.
CUSTOMER_COLUMNS = (
    "load_id", "bus_id", "group", "customers", "peak_kw", "annual_kwh", "floor_area_m2", "tan_phi", "status",
    "reason",
)  # fmt: skip

# Status of a row without a figure that its size or its method needs.
NO_FIGURE = "no_figure"
ONLY_REACTIVE = "q_kvar without p_kw is left out: reactive power follows active power here"
_AS_THE_FILE_SAYS = SizeBasis(basis="single_peak", source="p_kw of the file")


class ClassDemand(BaseModel):
    """Size and coincidence of one customer class, as a scenario or standard writes them in TOML.

    Examples
    --------
    >>> homes = ClassDemand.model_validate({
    ...     "size": {"basis": "admd", "admd_kw": 4.5, "source": "all-electric homes"},
    ...     "coincidence": {"method": "rusck", "g_inf": 0.2, "source": "Rusck 1956"},
    ... })
    >>> homes.coincidence.many_factor
    0.2
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    size: SizeBasis
    coincidence: AnyMethod


def customers_of(
    network: Network,
    sizes: Mapping[str, SizeBasis] | None = None,
    methods: Mapping[str, Coincidence] | None = None,
    *,
    floor_area_m2: pd.Series | None = None,
) -> pd.DataFrame:
    """Customers of a network: every load is a row, its customer class its group.

    Parameters
    ----------
    sizes
        Which figure of a load is its size, per customer class; p_kw as the peak of each customer alone for
        classes not named.
    methods
        Coincidence per customer class, to which sizes after diversity or together refer; none for classes
        not named. What a method cannot do without (energy for Velander's) is asked for here.
    floor_area_m2
        Floor area of each customer [m2], by load_id; the file's own column of that name if not given.

    Returns
    -------
    DataFrame
        Columns `CUSTOMER_COLUMNS`, one row per load. A load out of service has the status "out_of_service",
        one without the figure asked for "no_figure", with the reason; count them with `value_counts`.
    """
    loads = network.loads
    count = loads["customers"].fillna(1).clip(lower=1).to_numpy(dtype=float)
    area_m2 = _floor_area_m2(loads) if floor_area_m2 is None else floor_area_m2.reindex(loads.index)
    active = loads["in_service"].to_numpy(dtype=bool)
    columns = {
        "load_id": loads.index,
        "bus_id": loads["bus_id"].to_numpy(dtype=object),
        "group": loads["customer_class"].to_numpy(dtype=object),
        "customers": count,
        "peak_kw": np.nan,
        "annual_kwh": loads["annual_kwh"].to_numpy(dtype=float) / count,
        "floor_area_m2": area_m2.to_numpy(dtype=float),
        "tan_phi": _tan_phi(network),
        "status": np.where(active, "placed", "out_of_service").astype(object),
        "reason": np.select([~active, _only_reactive(loads)], ["in_service is false", ONLY_REACTIVE], ""),
    }
    customers = pd.DataFrame(columns, index=range(len(loads)))[list(CUSTOMER_COLUMNS)]
    figures = loads.assign(floor_area_m2=area_m2)
    return lacking_figures(_sized(customers, figures, sizes or {}, methods or {}), methods or {})


def lacking_figures(customers: pd.DataFrame, methods: Mapping[str, Coincidence]) -> pd.DataFrame:
    """Take out of the placed customers those without a figure that their group's method needs.

    Returns
    -------
    DataFrame
        The same rows; such customers have the status "no_figure" and the reason.
    """
    status, reason = customers["status"].copy(), customers["reason"].copy()
    for group, rows in customers.groupby("group").groups.items():
        method = methods.get(str(group), AsGiven())
        for column in getattr(method, "needs", ()):
            lacks = customers.loc[rows, column].isna() & (status[rows] == "placed")
            at = lacks.index[lacks]
            status[at] = NO_FIGURE
            reason[at] = f"{column} is missing, which the method of {group} needs"
    return customers.assign(status=status, reason=reason)


def people_of(customers: pd.DataFrame, network: Network) -> pd.DataFrame:
    """Count people: a home with a heat pump and a charging point is one customer, whatever rows it has.

    Returns
    -------
    DataFrame
        Indexed by load_id, each once: bus_id; customers, as the network's own load says (0 for a heat pump's
        load beside its home), else the most of any group; placed, whether any of its rows is.
    """
    placed = customers["status"] == "placed"
    by_load = customers.assign(placed=placed).groupby("load_id", sort=False, dropna=False)
    people = by_load.agg(bus_id=("bus_id", "first"), customers=("customers", "max"), placed=("placed", "max"))
    stated = network.loads["customers"].astype(float).reindex(people.index)
    return people.assign(customers=stated.fillna(people["customers"]))


def people_per_bus(customers: pd.DataFrame, network: Network) -> pd.Series:
    """Customers placed per bus of the network (`people_of`)."""
    people = people_of(customers, network)
    per_bus = people[people["placed"]].groupby("bus_id")["customers"].sum()
    return per_bus.reindex(network.buses.index, fill_value=0.0).astype(float)


def _only_reactive(loads: pd.DataFrame) -> np.ndarray:
    return ((loads["p_kw"] == 0.0) & (loads["q_kvar"].fillna(0.0) != 0.0)).to_numpy(dtype=bool)


def _floor_area_m2(loads: pd.DataFrame) -> pd.Series:
    """Column of the file that no canonical table declares; what is no number there is missing."""
    given = loads["floor_area_m2"] if "floor_area_m2" in loads else pd.Series(np.nan, loads.index)
    return pd.to_numeric(given, errors="coerce").astype(float)


def _tan_phi(network: Network) -> np.ndarray:
    """Reactive over active power per load, as a plain load flow has it; as planned where nothing is drawn."""
    loads = network.loads
    draws = loads["p_kw"] > 0.0
    asked = loads.assign(p_kw=loads["p_kw"].where(draws, 1.0), q_kvar=loads["q_kvar"].where(draws))
    q_kvar = reactive_power_kvar(replace(network, loads=asked))
    return (q_kvar / asked["p_kw"]).to_numpy(dtype=float)


def _sized(
    customers: pd.DataFrame,
    loads: pd.DataFrame,
    sizes: Mapping[str, SizeBasis],
    methods: Mapping[str, Coincidence],
) -> pd.DataFrame:
    """Fill in the peak of each customer alone; those without the figure asked for get status and reason."""
    sized = customers.copy()
    for group, rows in customers.groupby("group").groups.items():
        size, method = sizes.get(str(group), _AS_THE_FILE_SAYS), methods.get(str(group), AsGiven())
        count = sized.loc[rows, "customers"].to_numpy(dtype=float)
        figure = size.figure_of(loads.iloc[rows], count)
        sized.loc[rows, "peak_kw"] = size.peak_kw(figure, count, method)
        lacks = rows[np.isnan(figure) & (sized.loc[rows, "status"] == "placed").to_numpy()]
        sized.loc[lacks, "status"] = NO_FIGURE
        sized.loc[lacks, "reason"] = f"{size.column} is missing, which is the size of {group}"
    return sized
