"""Steps of a study on the years of its demand scenarios; the registry is `capacity.study.study_steps`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

import geopandas as gpd
import pandas as pd

from capacity.data_quality import hold_back_bottlenecks, hold_back_chains
from capacity.demand.customers import people_of
from capacity.selling import where_to_sell
from capacity.selling.prospects import technologies_of
from capacity.study.comparison import compare_elements, compare_years
from capacity.study.opened_study import Study
from capacity.study.study_tables import element_table, not_placed_table, year_table
from capacity.unserved import UnservedDemand
from capacity.years.root_cause import chains_of_year, with_first_years
from capacity.years.year_bottlenecks import StudiedYear, bottlenecks_of_years
from gis import InputError, Network
from gis.findings import make_findings

Tables = dict[str, pd.DataFrame]
UNSERVED_COLUMNS = (
    "scenario", "year", "status", "hours_asked", "hours_cut", "unserved_kw", "unserved_hour", "unserved_kwh",
    "customers_affected",
)  # fmt: skip


class NothingNamedError(InputError):
    """The study file names nothing that a step could be done on."""


def years(study: Study) -> Tables:
    """Every year of every demand scenario in all its hours: key figures, elements, who is not placed."""
    runs = _runs(study)
    return {
        "years": year_table(runs, study.network),
        "elements": element_table(runs, study.network, study.weak),
        "not_placed": not_placed_table(runs),
    }


def draws(study: Study) -> Tables:
    """Years drawn again and again: where uptake may land, and how sure each overload is."""
    require_named([study.file.draws] if study.file.draws else [], "draws", "it asks for no draws")
    rows, elements = [], []
    for run in _runs(study):
        found = study.draws_of(run)
        rows.append(_of_year(found.draws.reset_index(), run))
        elements += [
            _of_year(_placed(getattr(found, table), table, study.network), run)
            for table in ("buses", "lines", "transformers")
        ]
    return {"draws": stacked(rows), "draw_elements": stacked(elements)}


def bottlenecks(study: Study) -> Tables:
    """Where each year is too weak, since when, how long, how surely and why, ranked by what is unserved."""
    told = [
        replace(
            run,
            unserved=study.cut_of(run) if "unserved" in study.file.steps else None,
            draws=study.draws_of(run) if study.file.draws else None,
        )
        for run in _runs(study)
    ]
    found = bottlenecks_of_years(study.yardstick, told)
    return {"bottlenecks": hold_back_bottlenecks(found, study.weak)}


def unserved(study: Study) -> Tables:
    """The least that must be cut so that every limit holds: per year, by blocking asset, by customer."""
    rows, assets, customers = [], [], []
    for run in _runs(study):
        found = study.cut_of(run)
        rows.append(unserved_row(run, found, study.network))
        assets.append(_of_year(_with_places(found.assets, study.network), run))
        hit = found.customers[found.customers["status"] != "served"]
        places = study.network.loads.geometry.reindex(hit["load_id"]).to_numpy()
        customers.append(_of_year(hit.assign(geometry=places), run))
    return {
        "unserved": pd.DataFrame(rows, columns=list(UNSERVED_COLUMNS)),
        "unserved_assets": stacked(assets),
        "unserved_customers": stacked(customers),
    }


def chains(study: Study) -> Tables:
    """From the service line to the substation: the weakest link of every customer in every year."""
    parts = [chains_of_year(run.model, study.yardstick, run.demand, run.findings) for run in _runs(study)]
    rows = hold_back_chains(with_first_years(parts), study.weak)
    places = study.network.loads.geometry.reindex(rows["load_id"]).to_numpy()
    return {"chains": gpd.GeoDataFrame(rows, geometry=places, crs=study.network.crs)}


def selling(study: Study) -> Tables:
    """Where to sell: spare kW of every station in every hour and at night, and of areas taken together."""
    stations, areas = [], []
    for run in _runs(study):
        study.told(f"room to sell in {run.demand.label}")
        outlook = study.outlooks[run.demand.scenario_id]
        found = where_to_sell(
            run.model, study.yardstick, run.demand, districts=study.districts,
            technology_of=technologies_of(outlook.scenario), weak=study.weak,
        )  # fmt: skip
        stations.append(found.stations)
        areas.append(found.districts)
    return {"selling": stacked(stations), "selling_areas": stacked(areas)}


def comparison(study: Study) -> Tables:
    """Every further demand scenario beside the first: per year, and element by element."""
    require_named(
        study.scenarios[1:], "scenarios", "it names no second demand scenario to compare with the first"
    )
    by_scenario = [list(runs) for _, runs in groupby(_runs(study), key=lambda run: run.demand.scenario_id)]
    tables = [
        (_years_with_cuts(study, runs), element_table(runs, study.network, study.weak))
        for runs in by_scenario
    ]
    (first_years, first_elements), *others = tables
    return {
        "comparison_years": stacked(compare_years(first_years, other) for other, _ in others),
        "comparison_elements": stacked(compare_elements(first_elements, other) for _, other in others),
    }


def require_named(named: Iterable[object], key: str, message: str) -> None:
    """Stop a step without what it is about."""
    if not tuple(named):
        raise NothingNamedError("study", make_findings("bad_study", "study", [key], message))


def stacked(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns as one; those without rows only lend their columns."""
    tables = list(parts)
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _runs(study: Study) -> tuple[StudiedYear, ...]:
    require_named(study.scenarios, "scenarios", "it names no demand scenario")
    return study.years


def _of_year(table: pd.DataFrame, run: StudiedYear) -> pd.DataFrame:
    """The table with scenario and year before its columns."""
    rest = table.drop(columns=["scenario", "year"], errors="ignore")
    columns = ["scenario", "year", *rest.columns]
    return rest.assign(scenario=run.demand.scenario_id, year=run.demand.year)[columns]


def _placed(rows: pd.DataFrame, table: str, network: Network) -> pd.DataFrame:
    """Rows by element with their id and place."""
    places = network.table(table).geometry.reindex(rows.index).to_numpy()
    named = rows.assign(table=table, element_id=rows.index, geometry=places)
    return named[["table", "element_id", *rows.columns, "geometry"]].reset_index(drop=True)


def _with_places(rows: pd.DataFrame, network: Network) -> pd.DataFrame:
    """Rows that name a table and an element, with the place of it."""
    places = pd.Series(None, rows.index, dtype=object)
    for table, part in rows.groupby("table"):
        places[part.index] = network.table(str(table)).geometry.reindex(part["element_id"]).to_numpy()
    return rows.assign(geometry=places)


def unserved_row(run: StudiedYear, found: UnservedDemand, network: Network) -> dict[str, object]:
    """The least cut of one year in figures, of the hours that were asked: `UNSERVED_COLUMNS`."""
    kw = found.hours["unserved_kw"]
    hit = found.customers.loc[found.customers["unserved_kwh"] > 0, "load_id"].unique()
    people = people_of(run.demand.customers, network)["customers"]
    return {
        "scenario": run.demand.scenario_id, "year": run.demand.year,
        "status": ", ".join(sorted(found.hours["status"].unique())),
        "hours_asked": len(kw), "hours_cut": int((kw > 0).sum()),
        "unserved_kw": float(kw.max()) if len(kw) else 0.0,
        "unserved_hour": kw.idxmax() if (kw > 0).any() else pd.NaT,
        "unserved_kwh": found.energy_kwh,
        "customers_affected": float(people.reindex(hit).sum()),
    }  # fmt: skip


def _years_with_cuts(study: Study, runs: list[StudiedYear]) -> pd.DataFrame:
    """Key figures per year, with what is unserved where that was asked for."""
    table = year_table(runs, study.network)
    if "unserved" not in study.file.steps:
        return table
    cuts = pd.DataFrame([unserved_row(run, study.cut_of(run), study.network) for run in runs])
    return table.merge(cuts.drop(columns="status"), on=["scenario", "year"])
