"""Rules that need the catalogue: equipment types are known and fit. Needs no pandapower."""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd

from gis.findings import findings_of, join_findings, make_findings
from gis.quality import QualityRule, doubts_on
from gis.quality.bounds import bound, source_of, span
from gis.quality.told import told
from gis.rules import RULES, Rule, Tables
from gis.voltage import LV_MAX_KV, SAME_VOLTAGE_SHARE, same_voltage
from gridmodel.catalogue import Catalogue, read_catalogue
from gridmodel.figures import with_type_figures


def rules_for(catalogue: Catalogue | None = None) -> tuple[Rule, ...]:
    """Return all rules a network must pass to become a model with this catalogue."""
    types = catalogue or read_catalogue()

    def types_known(tables: Tables) -> pd.DataFrame:
        """Every type_id stands in the catalogue."""
        return unknown_types(tables, types)

    def types_fit(tables: Tables) -> pd.DataFrame:
        """Every type is made for the voltage it stands at."""
        return misplaced_types(tables, types)

    return (*RULES, types_known, types_fit)


def doubts_for(catalogue: Catalogue | None = None) -> tuple[Rule, ...]:
    """Return the rules that raise doubts, judging equipment by its type where a row has no figures."""
    types = catalogue or read_catalogue()

    def doubts_with_types(tables: Tables) -> pd.DataFrame:
        """Everything of `gis.quality.doubts`, on figures as the model will have them."""
        return doubts_on(tables, with_type_figures(tables, types))

    def figures_fit_types(tables: Tables) -> pd.DataFrame:
        """A row's own figures are those of the type it names."""
        return join_findings([contradicted_types(tables, types), low_types(tables, types)])

    return (doubts_with_types, figures_fit_types)


def unknown_types(tables: Tables, catalogue: Catalogue) -> pd.DataFrame:
    """Find types that are not in the catalogue, with the nearest names.

    A row with explicit figures is free to name any type: its figures win.
    """
    parts = []
    for table, types, needed in (
        ("lines", catalogue.lines, ["r_ohm_per_km", "x_ohm_per_km", "i_max_a"]),
        (
            "transformers",
            catalogue.transformers,
            ["sn_kva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent"],
        ),
    ):
        frame = tables[table]
        explicit = frame[needed].notna().all(axis=1)
        lost = frame["type_id"].notna() & ~frame["type_id"].isin(types.index) & ~explicit
        names = frame["type_id"][lost]
        messages = {name: _unknown(name, list(types.index)) for name in names.unique()}
        parts.append(
            make_findings(
                "unknown_type",
                table,
                names.index,
                [messages[name] for name in names],
                values=names,
                geometry=frame.geometry[lost],
            )
        )
    return join_findings(parts)


def misplaced_types(tables: Tables, catalogue: Catalogue) -> pd.DataFrame:
    """Find transformer types that do not fit the voltages of their buses, and lines above their type's."""
    lines, transformers, voltages = tables["lines"], tables["transformers"], tables["buses"]["vn_kv"]
    highest = lines["type_id"].map(catalogue.lines["vn_max_kv"]).astype(float)
    over = lines["vn_kv"] > highest * (1.0 + SAME_VOLTAGE_SHARE)
    message = "the type is made for a lower voltage than the line's vn_kv; correct one of them"
    parts = [findings_of("type_voltage", "lines", lines["type_id"][over], message)]
    ends = [transformers[f"{side}_bus_id"].map(voltages).astype(float) for side in ("hv", "lv")]
    swapped = ends[0] < ends[1]  # `gis.rules` says so
    for side, at in zip(("hv", "lv"), ends, strict=True):
        rated = transformers["type_id"].map(catalogue.transformers[f"vn_{side}_kv"]).astype(float)
        # The file's own figure wins over the type's, and `gis.rules` looks at it.
        off = at.notna() & rated.notna() & ~same_voltage(at, rated)
        off &= transformers[f"vn_{side}_kv"].isna() & ~swapped
        message = f"the type's vn_{side}_kv does not fit the voltage of {side}_bus_id; correct one of them"
        parts.append(findings_of("type_voltage", "transformers", transformers["type_id"][off], message))
    return join_findings(parts)


def contradicted_types(tables: Tables, catalogue: Catalogue) -> pd.DataFrame:
    """Find rows whose own figures are far from those of the type they name."""
    low, high = span("impedance", "type_share")
    parts = []
    for table, types, columns in (
        ("lines", catalogue.lines, ("i_max_a", "r_ohm_per_km", "x_ohm_per_km")),
        ("transformers", catalogue.transformers, ("sn_kva", "vk_percent")),
    ):
        frame = tables[table]
        for column in columns:
            typed = frame["type_id"].map(types[column]).to_numpy(dtype=float)
            own = frame[column].to_numpy(dtype=float)
            share = own / np.where(typed > 0.0, typed, np.nan)
            off = (share < low) | (share > high)
            values = [f"{a:g}, type {b:g}" for a, b in zip(own[off], typed[off], strict=True)]
            message = f"{column} is far from that of the type the row names; correct one of them"
            parts.append(told("type_figure", frame, off, message, values))
    return join_findings(parts)


def low_types(tables: Tables, catalogue: Catalogue) -> pd.DataFrame:
    """Find low-voltage lines of a type that is made for medium voltage."""
    lines = tables["lines"]
    highest = lines["type_id"].map(catalogue.lines["vn_max_kv"]).to_numpy(dtype=float)
    over = (lines["vn_kv"] <= LV_MAX_KV).to_numpy() & (highest > bound("rating", "lv_type_max_kv"))
    message = "the low-voltage line names a type made for medium voltage; check vn_kv and type_id"
    return told("type_class", lines, over, message, lines["type_id"][over])


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    return f"the type is not in the catalogue; nearest: {', '.join(near)}; correct it or add its figures"


TYPE_RULES: tuple[QualityRule, ...] = (
    QualityRule(
        "unknown_type", 2, "error", ("lines", "transformers"), "a type is not in the catalogue",
        "its figures are not known", "correct it, or give the row its figures",
        check=lambda tables: unknown_types(tables, read_catalogue()),
    ),
    QualityRule(
        "type_voltage", 4, "error", ("lines", "transformers"), "a type is made for another voltage",
        "its insulation or ratio does not fit", "correct the type or the voltage", source_of("rating"),
        check=lambda tables: misplaced_types(tables, read_catalogue()),
    ),
    QualityRule(
        "type_figure", 4, "warning", ("lines", "transformers"),
        "a row's own figure is less than half or more than twice its type's",
        "the row wins, so the type is only a name then", "correct one of them", source_of("impedance"),
        check=lambda tables: contradicted_types(tables, read_catalogue()),
    ),
    QualityRule(
        "type_class", 4, "warning", ("lines",), "a low-voltage line has a type made for medium voltage",
        "its voltage is wrong, or its type", "check vn_kv and type_id", source_of("rating"),
        check=lambda tables: low_types(tables, read_catalogue()),
    ),
)  # fmt: skip
