"""From any file to a network: read, mapped, connected, judged; what cannot be modelled is set aside by id.

    path -> raw layers -> canonical tables -> one metric CRS -> topology -> rules -> Network
                                                                  |           |
                                                               repairs    quarantine

`gis.read` is strict and refuses a file with any fault; here a fault of one element costs that element
only, with its kW on record. A fault of a whole layer (no CRS, no source) still refuses the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gis.conform import empty_table
from gis.crs import any_placed, check_crs, choose_crs, read_crs, reproject, tell_mixed_crs
from gis.errors import InputError
from gis.findings import errors_of, join_findings, join_repairs, make_findings
from gis.formats import INFO_LAYER
from gis.formats.sandbox import read_untrusted
from gis.formats.source import Dialect, Source
from gis.mapping import apply_mapping, find_mapping, recognised_profile
from gis.network import Network
from gis.parallel import without_collector
from gis.quarantine import join_quarantine, require_balance, set_aside, set_aside_unnamed
from gis.read import conform_layers, read_info, without_echoes
from gis.record import read_record
from gis.rules import RULES, Rule, run_rules
from gis.schema import TABLES
from gis.topology import TopologyOptions, connect

# Rows that are counted beside the loads' kW.
_COUNTED = ("generators", "sources", "capacitors")
# Faults of rows that `set_aside_unnamed` has moved by position, since their id cannot name them.
_MOVED_BY_ROW = ("missing_id", "duplicate_id")


class Reader(Protocol):
    """Reads raw layers: `gis.formats.read_source`, or `gis.formats.sandbox.read_untrusted`."""

    def __call__(self, path: Path, *, name: str | None, dialect: Dialect | None) -> Source: ...


@dataclass(frozen=True, eq=False)
class Imported:
    """What became of a file.

    Attributes
    ----------
    network
        The network, with its `quarantine`, `repairs` and `findings`; None when the file is refused.
    findings
        Everything found: "error" refuses the file, "quarantine" cost one element, "warning" is a doubt.
    """

    network: Network | None
    findings: pd.DataFrame


@without_collector()
def import_file(
    path: Path,
    *,
    mapping: Path | str | None = None,
    form: str | None = None,
    crs: str | None = None,
    rules: tuple[Rule, ...] = RULES,
    topology: TopologyOptions | None = None,
    transformer_types: pd.DataFrame | None = None,
    reader: Reader = read_untrusted,
) -> Imported:
    """Read a file into a network; see `import_tables`.

    Parameters
    ----------
    path
        File or folder in any format of `gis.formats.FORMATS`.
    mapping
        Mapping file, or name of a shipped one (`gis.mapping`); when absent the one that belongs to the
        format, none for a file in the canonical tables.
    form
        Name of the format; recognised by content when absent.
    crs
        CRS of layers that declare none, like "EPSG:27700"; the mapping's when absent.
    reader
        What reads it: behind the walls of a process of its own, or `gis.formats.read_source` in this one for
        files one trusts.

    Raises
    ------
    InputError
        The file or the mapping cannot be read; every fault is named.
    """
    meaning = None if mapping is None else find_mapping(mapping)
    source = reader(path, name=form, dialect=None if meaning is None else meaning.dialect())
    layers, found = source.layers, source.findings
    if meaning is None and (profile := source.profile or recognised_profile(layers)):
        meaning = find_mapping(profile)
        found = join_findings([found, _told_profile(profile)]) if profile != source.profile else found
    if meaning is not None:
        crs = crs or meaning.crs
        mapped = apply_mapping(layers, meaning.model_copy(update={"crs": crs}), str(path))
        layers, found = mapped.layers, join_findings([found, mapped.findings])
    stated = None if crs is None else read_crs(crs)
    return import_tables(
        layers,
        crs=stated,
        rules=rules,
        topology=topology,
        transformer_types=transformer_types,
        found=found,
    )


def import_tables(
    layers: Mapping[str, pd.DataFrame],
    *,
    crs: CRS | None = None,
    rules: tuple[Rule, ...] = RULES,
    topology: TopologyOptions | None = None,
    transformer_types: pd.DataFrame | None = None,
    found: pd.DataFrame | None = None,
) -> Imported:
    """Make a network of raw canonical layers, setting aside what cannot be modelled.

    Parameters
    ----------
    layers
        Raw layers by table name, ids as ordinary columns.
    crs
        CRS of layers that declare none.
    rules
        Rules over the connected tables, in order.
    topology
        Tolerances and what may be split; the defaults when absent.
    transformer_types
        vn_hv_kv and vn_lv_kv [kV] by type_id (`gridmodel.read_catalogue().transformers`), to connect
        transformers that state no voltages.
    found
        What reading and mapping found already.
    """
    past_quarantine, past_repairs = read_record(layers)
    declared = {name: _declare(frame, crs) for name, frame in layers.items()}
    typed, faults = conform_layers(declared)
    findings = _moved_by_row(faults if found is None else join_findings([found, faults]))
    read, unnamed = _name_rows(typed)
    located = {name: frame for name, frame in read.items() if isinstance(frame, gpd.GeoDataFrame)}
    findings = join_findings([findings, check_crs(located), tell_mixed_crs(located)])
    if _refused(findings) or not any_placed(located):
        return Imported(None, findings)
    metric = choose_crs(located)
    tables = dict(read) | reproject(located, metric)
    tables |= {name: empty_table(TABLES[name], metric) for name in TABLES if name not in tables}
    unnamed = {name: _placed_in(aside, located.get(name), metric) for name, aside in unnamed.items()}
    whole = _with_unnamed(tables, unnamed)
    connected, repairs, findings, aside = _settle(
        tables, findings, rules, partial(connect, options=topology, transformer_types=transformer_types)
    )
    quarantine = join_quarantine([*unnamed.values(), aside])
    if _refused(findings):
        return Imported(None, findings)
    require_balance(whole, connected, quarantine)
    frames = cast("dict[str, gpd.GeoDataFrame]", {name: connected[name] for name in TABLES})
    record = {
        "findings": findings,
        "repairs": join_repairs([past_repairs, repairs]),
        "quarantine": join_quarantine([past_quarantine, quarantine]),
    }
    info = read_info(layers.get(INFO_LAYER))
    return Imported(Network(crs=metric, info=info, **record, **frames), findings)


def _told_profile(profile: str) -> pd.DataFrame:
    message = (
        f"its layers and columns are those of {profile}: read with that shipped mapping; "
        "name another with --mapping"
    )
    return make_findings("profile", "file", [""], message, severity="warning")


def _settle(
    tables: dict[str, pd.DataFrame],
    found: pd.DataFrame,
    rules: tuple[Rule, ...],
    connected_with: Callable[..., tuple[dict[str, pd.DataFrame], pd.DataFrame, pd.DataFrame]],
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Set aside what errors name, connect and judge the rest, until no error names an element."""
    past, aside, lines = found, [], tables["lines"]
    while True:
        tables, taken = set_aside(tables, past)
        aside.append(taken)
        past = _as_quarantine(past, taken)
        lost = lines[tables["lines"].index.get_indexer(lines.index) < 0]
        connected, repairs, unconnected = connected_with(tables, aside=lost)
        fresh = join_findings([unconnected, run_rules(connected, rules)])
        movable = _of_whole_lines(errors_of(fresh), repairs)
        if _refused(fresh) or not _in_tables(movable, tables):
            return connected, repairs, without_echoes(join_findings([past, fresh])), join_quarantine(aside)
        past = join_findings([past, movable])


def _of_whole_lines(errors: pd.DataFrame, repairs: pd.DataFrame) -> pd.DataFrame:
    """Errors of the pieces of a line that was cut are errors of the line that was read."""
    split = repairs[repairs["action"] == "line_split"]
    line_of = pd.Series(split["element_id"].to_numpy(), split["after"].to_numpy())
    piece = (errors["table"] == "lines") & errors["element_id"].isin(line_of.index)
    if not piece.any():
        return errors
    whole = errors["element_id"].mask(piece, errors["element_id"].map(line_of))
    return _of_whole_lines(errors.assign(element_id=whole).drop_duplicates(list(errors)[:4]), repairs)


def _in_tables(errors: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> bool:
    """Tell whether any error names an element that can still be set aside."""
    return any(
        name in tables and rows["element_id"].isin(tables[str(name)].index).any()
        for name, rows in errors.groupby("table")
    )


def _as_quarantine(findings: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Errors of elements set aside are no longer errors of the file."""
    keys = pd.MultiIndex.from_frame(taken[["table", "element_id"]].astype(object))
    moved = pd.MultiIndex.from_frame(findings[["table", "element_id"]].astype(object)).isin(keys)
    moved &= (findings["severity"] == "error").to_numpy()
    return findings.assign(severity=findings["severity"].mask(moved, "quarantine"))


def _moved_by_row(findings: pd.DataFrame) -> pd.DataFrame:
    moved = findings["rule"].isin(_MOVED_BY_ROW)
    return findings.assign(severity=findings["severity"].mask(moved, "quarantine"))


def _refused(findings: pd.DataFrame) -> bool:
    """Tell whether an error is of a whole layer or of the file."""
    return bool((errors_of(findings)["element_id"] == "").any())


def _name_rows(typed: Mapping[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    split = {name: set_aside_unnamed(frame, name) for name, frame in typed.items()}
    return {n: kept for n, (kept, _) in split.items()}, {n: aside for n, (_, aside) in split.items()}


def _placed_in(aside: pd.DataFrame, layer: gpd.GeoDataFrame | None, crs: CRS) -> pd.DataFrame:
    """Rows set aside before their layer was reprojected, in the system of the network like all others."""
    if layer is None or aside.empty:
        return aside
    places = gpd.GeoSeries(aside["geometry"], crs=layer.crs).to_crs(crs)
    return aside.assign(geometry=np.asarray(places.array, dtype=object))


def _with_unnamed(
    tables: Mapping[str, pd.DataFrame], unnamed: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Rows as they were read, for the balance: the named ones and those set aside by row."""
    loads = pd.concat([tables["loads"][["p_kw"]], unnamed.get("loads", tables["loads"][:0])[["p_kw"]]])
    counted = {n: pd.RangeIndex(len(tables[n]) + len(unnamed.get(n, ()))) for n in _COUNTED}
    return {"loads": loads, **{n: pd.DataFrame(index=rows) for n, rows in counted.items()}}


def _declare(frame: pd.DataFrame, crs: CRS | None) -> pd.DataFrame:
    """Give a layer without a CRS the one the user states."""
    if crs is None or not isinstance(frame, gpd.GeoDataFrame) or frame.crs is not None:
        return frame
    return frame.set_crs(crs)


def require_network(imported: Imported, source: Path) -> Network:
    """The network of an import, or every reason why there is none.

    Raises
    ------
    InputError
        The file was refused.
    """
    if imported.network is None:
        raise InputError(str(source), errors_of(imported.findings))
    return imported.network
