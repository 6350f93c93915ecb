"""Rules that need the catalogue: equipment types are known. Needs no pandapower."""

from __future__ import annotations

import difflib

import pandas as pd

from gis.findings import join_findings, make_findings
from gis.rules import RULES, Rule, Tables
from gridmodel.catalogue import Catalogue, read_catalogue


def rules_for(catalogue: Catalogue | None = None) -> tuple[Rule, ...]:
    """Return all rules a network must pass to become a model with this catalogue."""
    types = catalogue or read_catalogue()

    def types_known(tables: Tables) -> pd.DataFrame:
        """Every type_id stands in the catalogue."""
        return unknown_types(tables, types)

    return (*RULES, types_known)


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


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    return f"the type is not in the catalogue; nearest: {', '.join(near)}; correct it or add its figures"
