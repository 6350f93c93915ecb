"""N-1, its consequences for customers, reliability and groups of one network and scenario, as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.security.consequences import find_consequences
from capacity.security.groups import feeder_verdicts, group_supply
from capacity.security.practice import Practice
from capacity.security.reliability import Reliability, find_reliability
from capacity.security.rules import SecurityRule, judge_groups
from capacity.security.security import SecurityResults, study_security
from gis import Network
from gis.feeders import Supply
from gis.voltage import LV_MAX_KV
from gridmodel import GridModel, Scenario

MAP_COLUMNS = (
    "table", "element_id", "feeder_id", "vn_kv", "customers_off", "kw_off", "customers_left", "kw_left",
    "saidi_minutes", "ens_kwh", "status", "reason", "geometry",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SupplySecurity:
    """What failures do to customers.

    Attributes
    ----------
    results
        N-1: outages, restoration, transfers, firm capacity.
    consequences
        `consequences.CONSEQUENCE_COLUMNS`.
    reliability
        Indices and contributions.
    groups
        `groups.GROUP_COLUMNS`.
    elements
        Columns `MAP_COLUMNS`: lines, transformers and sources with what their failure leaves, and where they
        are; most kW left first.
    """

    results: SecurityResults
    consequences: pd.DataFrame
    reliability: Reliability
    groups: pd.DataFrame
    elements: gpd.GeoDataFrame

    def judged(self, rule: SecurityRule) -> pd.DataFrame:
        """Every circuit judged by a rule."""
        return judge_groups(self.groups, rule)

    def verdicts(self, rule: SecurityRule) -> pd.DataFrame:
        """Feeders, stations and sources judged by a rule."""
        return feeder_verdicts(self.judged(rule))

    def figures(self) -> dict[str, float]:
        """Elements studied, those not restorable (`_mv`: above low voltage), most left by one, indices."""
        elements = self.elements
        left, above = elements["kw_left"] > 0, elements["vn_kv"] > LV_MAX_KV
        return {
            "elements": len(elements),
            "not_restorable": int(left.sum()),
            "elements_mv": int(above.sum()),
            "not_restorable_mv": int((left & above).sum()),
            "most_left_kw": float(elements["kw_left"].max()) if len(elements) else 0.0,
            "most_left_customers": float(elements["customers_left"].max()) if len(elements) else 0.0,
            "saifi": self.reliability.saifi,
            "saidi_minutes": self.reliability.saidi_minutes,
            "caidi_minutes": self.reliability.caidi_minutes,
            "ens_kwh": self.reliability.ens_kwh,
        }


def study_supply_security(
    model: GridModel,
    yardstick: Yardstick,
    scenario: Scenario,
    practice: Practice,
    *,
    told: Callable[[str], None] | None = None,
) -> SupplySecurity:
    """Take every element out once, and say what that means for customers.

    Raises
    ------
    InputError
        The practice has no figures for elements of the network, or the engine cannot represent it.
    """
    results = study_security(model, yardstick, scenario, told=told)
    return supply_security_of(results, yardstick, scenario, practice)


def supply_security_of(
    results: SecurityResults, yardstick: Yardstick, scenario: Scenario, practice: Practice
) -> SupplySecurity:
    """As `study_supply_security`, from an N-1 that is there already."""
    network, supply = yardstick.network, yardstick.supply
    consequences = find_consequences(network, supply, results.outages, scenario, practice)
    reliability = find_reliability(consequences, _customers(network, supply), practice)
    return SupplySecurity(
        results,
        consequences,
        reliability,
        group_supply(network, supply, consequences, scenario),
        _elements(network, results, consequences, reliability),
    )


def reliability_layers(
    network: Network, found: SupplySecurity, verdicts: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Layers of a reliability study: what every failure leaves, and the verdicts."""
    consequences = found.consequences
    layers = {
        "failures": found.elements,
        "consequences": consequences,
        "reliability": found.reliability.elements,
        "groups": verdicts,
        "indices": pd.DataFrame([found.reliability.summary()]),
    }
    return {name: rows for name, rows in layers.items() if len(rows)}


def _customers(network: Network, supply: Supply) -> int:
    """Customers with supply in the normal state."""
    loads = network.loads
    fed = supply.buses["feeder_id"].notna()
    supplied = loads["in_service"] & loads["bus_id"].map(fed).fillna(False).astype(bool)
    return int(loads["customers"][supplied].sum())


def _voltages(network: Network, rows: pd.DataFrame) -> np.ndarray:
    """Nominal voltage per line, transformer (its high side) and source [kV]."""
    kv = np.full(len(rows), np.nan)
    bus_kv = network.buses["vn_kv"]
    for table, known in (
        ("lines", network.lines["vn_kv"]),
        ("transformers", network.transformers["hv_bus_id"].map(bus_kv)),
        ("sources", network.sources["bus_id"].map(bus_kv)),
    ):
        at = (rows["table"] == table).to_numpy()
        kv[at] = known.reindex(rows["element_id"][at]).to_numpy(dtype=float)
    return kv


def _elements(
    network: Network, results: SecurityResults, consequences: pd.DataFrame, reliability: Reliability
) -> gpd.GeoDataFrame:
    keys = ["table", "element_id"]
    outages = results.outages[[*keys, "feeder_id", "status"]]
    added = reliability.elements[[*keys, "saidi_minutes", "ens_kwh"]]
    rows = consequences.merge(outages, on=keys).merge(added, on=keys)
    places = [
        network.table(table).geometry[element_id]
        for table, element_id in rows[keys].itertuples(index=False, name=None)
    ]
    rows["vn_kv"] = _voltages(network, rows)
    frame = gpd.GeoDataFrame(rows, geometry=places, crs=network.crs)
    ranked = frame.sort_values(["kw_left", "kw_off"], ascending=False, kind="stable", ignore_index=True)
    return ranked[list(MAP_COLUMNS)]
