"""Rules that need the catalogue: equipment types are known. Needs no pandapower."""

from __future__ import annotations

import difflib

import pandas as pd

from gis.findings import findings_of, join_findings, make_findings
from gis.rules import RULES, Rule, Tables
from gis.voltage import SAME_VOLTAGE_SHARE, same_voltage
from gridmodel.catalogue import Catalogue, read_catalogue


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


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    return f"the type is not in the catalogue; nearest: {', '.join(near)}; correct it or add its figures"
