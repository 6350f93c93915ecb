"""Two plans beside each other: figures, and on the map and in a table what differs."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app_pages.frame import Columns, plain
from app_pages.map_frame import asset_url, show_map
from app_pages.network_layers import class_layers
from app_pages.plan_layers import bounds_with_air
from app_pages.plan_shelf import Shelved
from app_pages.study import Study
from capacity.planning.plan_differences import WITHIN, differing_assets, differing_steps, figures_beside
from gis.webmap import Bounds, Legend, NetworkMap, Swatch, halo_group, network_map

# In the order of `WITHIN`: what both have is of no account here.
_COLOURS = dict(zip(WITHIN, ("#808080", "#e6b000", "#2166ac", "#a50026"), strict=True))
_NUMBER = st.column_config.NumberColumn
_COLUMNS: Columns = {
    "within": "In",
    "measure_id": None,
    "year_a": _NUMBER("Year, A", format="%d", width=70),
    "year_b": _NUMBER("Year, B", format="%d", width=70),
    "cost_a_eur": _NUMBER("Cost, A", format="localized", width=80),
    "cost_b_eur": _NUMBER("Cost, B", format="localized", width=80),
    "what": "What",
}


def show_comparison(study: Study, at_hand: list[Shelved], chosen: Shelved) -> None:
    """Ask which plan to set beside the one shown, and show how they differ."""
    others = [plan for plan in at_hand if plan is not chosen]
    if not others:
        st.caption("To compare two plans make another one, or send a file of one on the left.")
        return
    st.markdown("**Compare with another plan**")
    numbers = [None, *range(len(others))]
    number = st.selectbox(
        "Beside it", numbers, key=f"plan_other_{len(others)}_{others[0].name}",
        format_func=lambda one: "nothing" if one is None else others[one].name,
    )  # fmt: skip
    if number is None:
        return
    other = others[number]
    st.markdown(f"**A**: {plain(chosen.name)}  \n**B**: {plain(other.name)}")
    left, right = st.columns([1, 1])
    with right:
        st.dataframe(
            figures_beside(chosen.report, other.report), hide_index=True, key="plan_figures_beside",
            column_config={"figure": "Figure", "a": "A", "b": "B"},
        )  # fmt: skip
        steps = differing_steps(chosen.report.plan, other.report.plan)
        shown = steps[list(_COLUMNS)].dropna(axis="columns", how="all").round(0)
        st.dataframe(shown, hide_index=True, placeholder="", column_config=_COLUMNS, key="plan_differences")
    with left:
        drawn = differing_assets(chosen.report.plan, other.report.plan)
        bands = halo_group(drawn.geometry, drawn["within"].map(_COLOURS).to_list(), name="differences")
        show_map(
            _plain_map(study, bounds_with_air(drawn)),
            key="plan_comparison",
            feature_group=[bands],
            height=480,
        )


def _plain_map(study: Study, bounds_lonlat: Bounds | None) -> NetworkMap:
    """The network in grey, so that only what differs has a colour."""
    network = study.network
    grey = (np.full(len(network.table(name)), -1, dtype=np.int8) for name in ("lines", "transformers"))
    rows = [Swatch(f"in {name}", _COLOURS[name], "line", 9.0) for name in WITHIN]
    return network_map(
        class_layers(study, *grey),
        legends=[Legend("Steps of the two plans", tuple(rows))],
        bounds_lonlat=bounds_lonlat or study.homes_lonlat,
        asset_url=asset_url(),
        attribution=network.info.get("attribution"),
    )
