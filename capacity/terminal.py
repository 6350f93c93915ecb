"""Old districts: which customers have a service line, or a design figure, below a standard of today.

    main --+--------------+------ main          service line: the lines that feed one connection alone,
           |              |                     judged by the standard for all customers behind it
           s1             s2
           |              |
           o 1 home       o 3 homes

Every load is a row with its status, those that cannot be judged too. Not looked at: fuses and meters.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from capacity.demand.coincidence import AsGiven, Coincidence
from capacity.demand.customers import NO_FIGURE, ClassDemand, customers_of
from capacity.limits import Limits, read_limits
from capacity.toml_file import read_figures, shipped_names, shipped_or_own
from gis import Network
from gis.feeders import Supply
from gridmodel import Catalogue, line_figures

# line_kw, standard_kw and missing of the line are of the connection that `customers_on_line` share; what the
# line misses is split among its loads by size, so that the column adds up. design_kw is of one customer, with
# what further loads of its connection (a heat pump) have; missing_design_kw of all customers of the load.
TERMINAL_COLUMNS = (
    "load_id", "bus_id", "customer_class", "customers", "customers_on_line", "service_line_id", "length_m",
    "line_kw", "line_limit", "standard_kw", "missing_line_kw", "design_kw", "standard_design_kw",
    "missing_design_kw", "status", "reason", "geometry",
)  # fmt: skip
# Missing kW under this are rounding.
NOTICEABLE_KW = 1e-6

_SHIPPED = Path(__file__).with_name("terminal_standards")


class ClassStandard(ClassDemand):
    """What customers of a class shall be able to draw, alone and together.

    Attributes
    ----------
    design_kw
        Least design figure of one customer in the network's loads [kW]; not compared if absent.
    """

    design_kw: float | None = Field(default=None, gt=0.0)


class TerminalStandard(BaseModel):
    """A named standard of supply: figures per customer class, with source."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    source: str = Field(min_length=1)
    classes: dict[str, ClassStandard] = Field(alias="class", min_length=1)


def standard_names() -> tuple[str, ...]:
    """Names of the shipped standards."""
    return shipped_names(_SHIPPED)


def read_standard(standard: str | Path = "all_electric") -> TerminalStandard:
    """Read a shipped standard by name, or a user's TOML file.

    Raises
    ------
    InputError
        No such standard or file, or figures that make no sense; every fault is named.

    Examples
    --------
    >>> read_standard("all_electric").classes["residential"].design_kw
    4.5
    """
    path = shipped_or_own(
        standard, _SHIPPED, what="standard", heading="standard", subject="standard", rule="unknown_standard"
    )
    return read_figures(path, TerminalStandard, subject="standard", rule="bad_figure")


def terminal_bottlenecks(
    network: Network,
    supply: Supply,
    catalogue: Catalogue,
    standard: TerminalStandard,
    *,
    limits: Limits | None = None,
) -> gpd.GeoDataFrame:
    """Compare every customer's service line and design figure with a standard.

    Customers of classes that the standard leaves out count on a shared service line with the figure of the
    file. A service line carries its rated current, and no more than drops the voltage by what one connection
    may change.

    Parameters
    ----------
    limits
        Largest loading of lines, and change of voltage by one connection; EN 50160 if not given.

    Returns
    -------
    GeoDataFrame
        Columns `TERMINAL_COLUMNS`, one row per load in the order of the network. Status: "enough",
        "line_too_weak", "design_too_low", "both_too_low", "not_judged"; the reason says what could not be
        judged and why. Nobody has enough whose line could not be judged. Missing kW are 0 where there is
        enough, NaN where not judged.
    """
    asked = _asked_for(network, supply, standard)
    lines = service_lines(network, supply)
    capacity = _capacity(network, catalogue, lines, asked, limits or read_limits())
    table = pd.concat([_rows(network, asked), _line_part(asked, capacity, standard)], axis=1)
    table = table.join(_design_part(network, asked, standard))
    judged = table.assign(**_verdict(table, asked, standard))
    judged = judged.assign(geometry=network.loads.geometry.to_numpy())[list(TERMINAL_COLUMNS)]
    return gpd.GeoDataFrame(judged.reset_index(drop=True), geometry="geometry", crs=network.crs)


def service_lines(network: Network, supply: Supply) -> pd.DataFrame:
    """Lines that feed one connection alone: from its bus up to where another one, or a transformer, comes in.

    Returns
    -------
    DataFrame
        Columns bus_id (the connection), line_id: a row per line, nearest the customer first. No row for a
        connection whose bus feeds others too, stands at a busbar or has no supply.
    """
    loads = network.loads[network.loads["in_service"].to_numpy(dtype=bool)]
    connected = pd.Series(0.0, supply.buses.index)
    connected[loads["bus_id"].unique()] = 1.0
    behind = supply.sum_downstream(connected).to_numpy()
    start = np.flatnonzero((connected.to_numpy() > 0.0) & (behind == 1.0))
    by, fed_by = (supply.buses[name].to_numpy(dtype=object) for name in ("upstream_id", "upstream_table"))
    parts, at = [], start.copy()
    while len(at):
        along = fed_by[at] == "lines"
        goes_on = along | (fed_by[at] == "switches")
        parts.append(pd.DataFrame({"at": start[along], "line_id": by[at[along]]}))
        start, at = start[goes_on], supply.parents[at[goes_on]]
        alone = behind[at] == 1.0
        start, at = start[alone], at[alone]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"at": [], "line_id": []})
    bus_id = supply.buses.index.to_numpy()[found["at"].to_numpy(dtype=int)]
    return found.assign(bus_id=bus_id)[["bus_id", "line_id"]]


def _asked_for(network: Network, supply: Supply, standard: TerminalStandard) -> pd.DataFrame:
    """Customers with what each draws alone by the standard, by the file where the class is not in it.

    Column `fed` beside theirs: whether a source reaches the customer.
    """
    sizes = {name: own.size for name, own in standard.classes.items()}
    customers = customers_of(network, sizes, _methods(standard))
    fed = supply.buses["station_id"].notna().reindex(customers["bus_id"], fill_value=False)
    return customers.assign(fed=fed.to_numpy(dtype=bool))


def _methods(standard: TerminalStandard) -> dict[str, Coincidence]:
    return {name: own.coincidence for name, own in standard.classes.items()}


def _capacity(
    network: Network, catalogue: Catalogue, lines: pd.DataFrame, asked: pd.DataFrame, limits: Limits
) -> pd.DataFrame:
    """Per connection bus: service_line_id (nearest), length_m, line_kw, line_limit."""
    figures = line_figures(network, catalogue).reindex(lines["line_id"]).set_axis(lines.index)
    rows = network.lines.reindex(lines["line_id"]).set_axis(lines.index)
    parallel, vn_kv = rows["parallel"].astype(float), rows["vn_kv"].astype(float)
    km = figures["length_m"] / 1e3
    tan_phi = _tan_phi(asked)
    each = pd.DataFrame({
        "bus_id": lines["bus_id"], "line_id": lines["line_id"], "length_m": figures["length_m"],
        "kva": np.sqrt(3.0) * vn_kv * figures["i_max_a"] * parallel * limits.loading.line_percent / 100.0,
        "ohm": (figures["r_ohm_per_km"] + figures["x_ohm_per_km"] * lines["bus_id"].map(tan_phi))
        * km / parallel,
        "vn_kv": vn_kv,
    })  # fmt: skip
    of_bus = each.groupby("bus_id", sort=False)
    weakest = of_bus["kva"].apply(lambda kva: kva.min(skipna=False)).astype(float)
    by_rating = weakest * np.cos(np.arctan(tan_phi.reindex(weakest.index)))
    allowed = limits.voltage_change.lv_percent / 100.0
    by_voltage = allowed * of_bus["vn_kv"].first() ** 2 * 1e3 / of_bus["ohm"].sum(min_count=1)
    return pd.DataFrame({
        "service_line_id": of_bus["line_id"].first(),
        "length_m": of_bus["length_m"].sum(),
        "line_kw": np.where(by_rating.isna(), np.nan, np.fmin(by_rating, by_voltage)),
        "line_limit": np.where(by_voltage < by_rating, "voltage", "rating"),
    })  # fmt: skip


def _tan_phi(asked: pd.DataFrame) -> pd.Series:
    """Reactive over active power per connection bus, the mean of its customers."""
    return asked[asked["status"] != "out_of_service"].groupby("bus_id")["tan_phi"].mean()


def _rows(network: Network, asked: pd.DataFrame) -> pd.DataFrame:
    loads = network.loads
    return pd.DataFrame({
        "load_id": loads.index, "bus_id": loads["bus_id"].to_numpy(dtype=object),
        "customer_class": loads["customer_class"].to_numpy(dtype=object),
        "customers": asked["customers"].to_numpy(dtype=int),
    })  # fmt: skip


def _line_part(asked: pd.DataFrame, capacity: pd.DataFrame, standard: TerminalStandard) -> pd.DataFrame:
    """What the service line carries and the standard asks of it, and each load's share of what is missing."""
    counts = asked["status"] != "out_of_service"
    own = capacity.reindex(asked["bus_id"]).set_axis(asked.index)
    of_bus = asked["customers"].where(counts, 0.0).groupby(asked["bus_id"]).transform("sum")
    standard_kw = asked["bus_id"].map(_standard_kw(asked, _methods(standard)))
    size = (asked["customers"] * asked["peak_kw"]).where(counts, 0.0)
    total = size.groupby(asked["bus_id"]).transform("sum")
    short_kw = (standard_kw - own["line_kw"]).where(counts).clip(lower=0.0)
    return pd.DataFrame({
        "customers_on_line": of_bus.astype(int).to_numpy(),
        "service_line_id": own["service_line_id"].to_numpy(dtype=object),
        "length_m": own["length_m"], "line_kw": own["line_kw"],
        "line_limit": own["line_limit"].where(own["line_kw"].notna(), None),
        "standard_kw": standard_kw,
        "missing_line_kw": (short_kw * (size / total.where(total > 0.0)).fillna(0.0)).where(asked["fed"]),
    })  # fmt: skip


def _standard_kw(asked: pd.DataFrame, methods: dict[str, Coincidence]) -> pd.Series:
    """Peak of all customers of each bus by the standard [kW]; missing where one of them has no figure."""
    counts = asked[asked["status"] != "out_of_service"]
    parts = []
    for group, rows in counts.groupby("group"):
        method = methods.get(str(group), AsGiven())
        weights = pd.DataFrame(method.weights(rows), rows["bus_id"])
        of_bus = weights.groupby(level=0).sum()
        parts.append(pd.Series(method.peak_kw(of_bus.to_numpy()), of_bus.index))
    together = pd.concat(parts).groupby(level=0).sum() if parts else pd.Series(dtype=float)
    return together.drop(counts.loc[counts["status"] == NO_FIGURE, "bus_id"].unique())


def _design_part(network: Network, asked: pd.DataFrame, standard: TerminalStandard) -> pd.DataFrame:
    """Design figures of the connection against the standard's, per customer that the standard has one for."""
    counts = (asked["status"] != "out_of_service") & asked["group"].isin(list(standard.classes))
    p_kw = pd.Series(network.loads["p_kw"].to_numpy(dtype=float), asked.index)
    least_kw = asked["group"].map({name: own.design_kw for name, own in standard.classes.items()})
    least_kw = least_kw.astype(float).where(counts)
    homes = asked["customers"].where(least_kw.notna(), 0.0)
    at = asked["bus_id"]
    given_kw = p_kw.where(counts, 0.0).groupby(at).transform("sum")
    wanted_kw = (homes * least_kw.fillna(0.0)).groupby(at).transform("sum")
    short_kw = (wanted_kw - given_kw).clip(lower=0.0) * homes * least_kw / wanted_kw.where(wanted_kw > 0.0)
    together_kw = given_kw / homes.groupby(at).transform("sum").where(homes > 0.0)
    return pd.DataFrame({
        "design_kw": together_kw.fillna(p_kw / asked["customers"]),
        "standard_design_kw": least_kw, "missing_design_kw": short_kw,
    })  # fmt: skip


def _verdict(table: pd.DataFrame, asked: pd.DataFrame, standard: TerminalStandard) -> dict[str, np.ndarray]:
    """Status and reason per row."""
    weak, low = table["missing_line_kw"] > NOTICEABLE_KW, table["missing_design_kw"] > NOTICEABLE_KW
    unknown = table["missing_line_kw"].isna() & ~low
    status = np.select(
        [unknown, weak & low, weak, low],
        ["not_judged", "both_too_low", "line_too_weak", "design_too_low"],
        "enough",
    )
    design = _design_reasons(table, ~asked["group"].isin(list(standard.classes)))
    said = zip(_line_reasons(table, asked), design, strict=True)
    reason = ["; ".join(filter(None, both)) for both in said]
    return {"status": status.astype(object), "reason": np.array(reason, dtype=object)}


def _line_reasons(table: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """Why the service line cannot be judged, or what it carries of what is asked."""
    carries = _said(
        "{} carries {:.1f} kW of {:.1f} kW asked of it",
        table["service_line_id"], table["line_kw"], table["standard_kw"],
    )  # fmt: skip
    return np.select(
        [
            asked["status"] == "out_of_service",
            ~asked["fed"],
            asked["status"] == NO_FIGURE,
            table["standard_kw"].isna(),
            table["service_line_id"].isna(),
            table["line_kw"].isna(),
            table["missing_line_kw"] > NOTICEABLE_KW,
        ],
        [
            "in_service is false",
            "no supply",
            asked["reason"],
            "another customer at its bus has no figure",
            "no line feeds this connection alone",
            "its service line has no rating",
            carries,
        ],
        "",
    )


def _design_reasons(table: pd.DataFrame, outside: pd.Series) -> np.ndarray:
    low = _said(
        "design figure {:.1f} kW a customer, {:.1f} kW asked",
        table["design_kw"], table["standard_design_kw"],
    )  # fmt: skip
    return np.select(
        [table["missing_design_kw"] > NOTICEABLE_KW, outside],
        [low, "its class is not in the standard: the file's figure counts"],
        "",
    )


def _said(sentence: str, *columns: pd.Series) -> np.ndarray:
    """A sentence per row, with the cells of the columns."""
    return np.array([sentence.format(*row) for row in zip(*columns, strict=True)], dtype=object)
