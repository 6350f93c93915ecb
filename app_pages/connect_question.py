"""What the page asks about a development: place and four figures, everything else behind "More".

Not here: the map that a place is drawn on (`connect_map`), the answer (`connect_answer`).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, TypedDict, TypeVar

import geopandas as gpd
import pandas as pd
import shapely
import streamlit as st
from shapely.geometry.base import BaseGeometry

from app_pages.frame import Columns, plain
from app_pages.study import Study
from capacity.assumptions import read_assumptions
from capacity.connection import place_at
from capacity.demand.development import BatteryPurpose, Development, Heating, HomeGroup, Supply, Voltage
from capacity.sites import developments_of
from gis import InputError

Word = TypeVar("Word", bound=str)

PLACE: Final = "place"
# What is picked instead of a site of the network.
ON_MAP: Final = ""
_NUMBER = st.column_config.NumberColumn
_HEATING: Final[dict[Heating, str]] = {
    "other": "without electricity (gas, district heat, wood)",
    "heat_pump": "by heat pump",
    "direct_electric": "by electric heaters",
}
SUPPLY: Final[dict[Supply, str]] = {"firm": "at any hour", "flexible": "reduced when the grid is full"}
VOLTAGE: Final[dict[Voltage, str]] = {"any": "no wish", "low": "low voltage", "medium": "medium voltage"}
_BATTERY: Final[dict[BatteryPurpose, str]] = {
    "self_consumption": "the site's own solar power", "market": "the market"
}  # fmt: skip
_MOST: Final = 100_000
_MOST_KW: Final = 1e6


def ask_development(study: Study) -> Development | None:
    """Ask for a development; nothing while no place is chosen, or a figure makes no sense."""
    known = {site.site_id: site for site in developments_of(study.network.sites)}
    labels = {ON_MAP: "a place on the map"} | {site_id: site.name for site_id, site in known.items()}
    picked = st.selectbox("1. Where?", list(labels), format_func=labels.__getitem__, key="known_site")
    if picked != ON_MAP:
        return known[picked]
    _ask_coordinates(study)
    asked = _ask_figures()
    place = st.session_state.get(PLACE)
    if place is None:
        st.caption(
            "Click the place on the map, or draw the area with the tool at its upper left: a click per "
            "corner, the last one on the first."
        )
        return None
    st.caption(place_in_words(place))
    try:
        return Development(place=place_in(study, place), **asked)
    except InputError as error:
        st.error("These figures cannot be used. All faults found:")
        st.code(str(error), language=None, wrap_lines=True)
        return None


def place_in(study: Study, place: BaseGeometry) -> BaseGeometry:
    """A place of WGS 84 in the CRS of the network."""
    return gpd.GeoSeries([place], crs=4326).to_crs(study.network.crs).iloc[0]


def place_in_words(place: BaseGeometry) -> str:
    """Where a place of WGS 84 is."""
    middle = place.centroid
    what = "Place" if place.geom_type == "Point" else "Area around"
    return f"{what}: {middle.y:.5f} N, {middle.x:.5f} E"


def _ask_coordinates(study: Study) -> None:
    st.text_input(
        "or its coordinates", placeholder="48.4569, 7.8771", key="coordinates", on_change=_take_coordinates,
        args=(study,), help="Latitude, longitude in degrees; an area has a pair per corner, with a "
        "semicolon between: 48.4569, 7.8771; 48.4575, 7.8771; 48.4575, 7.8780",
    )  # fmt: skip
    if problem := st.session_state.get("coordinates_problem"):
        st.warning(plain(problem))


def _take_coordinates(study: Study) -> None:
    """Take the coordinates that were just typed as the place; say what is wrong with them instead."""
    typed = st.session_state["coordinates"].strip()
    st.session_state["coordinates_problem"] = ""
    if not typed:
        return
    try:
        place = read_coordinates(typed)
        place_at(study.network.crs, place.centroid.x, place.centroid.y)
    except ValueError as error:
        st.session_state["coordinates_problem"] = str(error)
    else:
        st.session_state[PLACE] = place


def read_coordinates(typed: str) -> BaseGeometry:
    """A point or an area as people type it: latitude, longitude; a pair per corner.

    Raises
    ------
    ValueError
        It is no such text, no place on Earth, or an area that crosses itself.

    Examples
    --------
    >>> read_coordinates("48.4569, 7.8771").wkt
    'POINT (7.8771 48.4569)'
    """
    try:
        pairs = [tuple(float(part) for part in pair.split(",")) for pair in typed.strip(" ;").split(";")]
        corners = [(longitude, latitude) for latitude, longitude in pairs]
    except ValueError:
        raise ValueError("type latitude, longitude in degrees, for example 48.4569, 7.8771") from None
    if any(not (-90 <= latitude <= 90 and -180 <= longitude <= 180) for longitude, latitude in corners):
        raise ValueError("latitudes lie between -90 and 90, longitudes between -180 and 180")
    if len(corners) == 1:
        return shapely.Point(corners[0])
    area = shapely.Polygon(corners) if len(corners) > 2 else shapely.Polygon()
    if not area.is_valid or area.area == 0:
        raise ValueError("an area needs three corners or more, and its edges must not cross")
    return area


class _Asked(TypedDict):
    """What is asked of a development beside its place."""

    name: str
    homes: tuple[HomeGroup, ...]
    ev_points: int
    managed_charging: bool
    floors: tuple[tuple[str, float], ...]
    demand_kw: float
    pv_kw: float
    battery_kw: float
    battery_kwh: float
    battery_use: BatteryPurpose
    phases: tuple[tuple[int, float], ...]
    supply: Supply
    voltage: Voltage


def _ask_figures() -> _Asked:
    left, right = st.columns(2)
    homes = int(left.number_input("2. Homes", 0, _MOST, 10, key="homes"))
    points = int(right.number_input("3. Charging points for cars", 0, _MOST, 0, key="points"))
    heating = st.selectbox(
        "4. How are the homes heated?", list(_HEATING), format_func=_HEATING.__getitem__, key="heating",
        disabled=homes == 0,
    )  # fmt: skip
    with st.expander("More: sizes, shops, industry, solar, battery, phases, wishes"):
        return _ask_more(homes, heating, points)


def _ask_more(homes: int, heating: Heating, points: int) -> _Asked:
    name = st.text_input("Name of the development", key="site_name", max_chars=200).strip()
    home_m2 = st.number_input("Size of a home [m²]", 0.0, 10_000.0, 0.0, key="home_m2", help="0: not known")
    first = (HomeGroup(homes, home_m2 or None, heating),) if homes else ()
    return {
        "name": name or "Your site",
        "homes": (*first, *_ask_further_homes()),
        "ev_points": points,
        "managed_charging": st.checkbox("Charging is managed by the site", key="managed"),
        "floors": _ask_floors(list(read_assumptions().floor_use)),
        "demand_kw": st.number_input("Industry and other demand [kW]", 0.0, _MOST_KW, 0.0, key="further"),
        **_ask_sources(),
        "phases": _ask_phases(),
        "supply": _ask_word("Power is needed", SUPPLY, "supply"),
        "voltage": _ask_word("Connection at", VOLTAGE, "voltage"),
    }


class _Sources(TypedDict):
    pv_kw: float
    battery_kw: float
    battery_kwh: float
    battery_use: BatteryPurpose


def _ask_sources() -> _Sources:
    pv, power, energy = st.columns(3)
    return {
        "pv_kw": pv.number_input("Solar [kW]", 0.0, _MOST_KW, 0.0, key="pv_kw"),
        "battery_kw": power.number_input("Battery [kW]", 0.0, _MOST_KW, 0.0, key="battery_kw"),
        "battery_kwh": energy.number_input("Battery [kWh]", 0.0, _MOST_KW, 0.0, key="battery_kwh"),
        "battery_use": _ask_word("The battery is for", _BATTERY, "battery_use"),
    }


def _ask_word(label: str, words: Mapping[Word, str], key: str) -> Word:
    return st.radio(label, list(words), format_func=words.__getitem__, horizontal=True, key=key)


def _ask_further_homes() -> tuple[HomeGroup, ...]:
    rows = _ask_rows(
        "further_homes", "Further homes, of another size or heating",
        {
            "count": _NUMBER("Homes", min_value=1, max_value=_MOST, step=1, required=True),
            "floor_area_m2": _NUMBER("Size [m²]", min_value=1.0),
            "heating": st.column_config.SelectboxColumn(
                "Heated", options=list(_HEATING), format_func=_heating, required=True
            ),
        },
        {"count": "float", "floor_area_m2": "float", "heating": "str"},
    )  # fmt: skip
    return tuple(
        HomeGroup(int(row.count), None if pd.isna(row.floor_area_m2) else row.floor_area_m2, row.heating)
        for row in rows.itertuples(index=False)
    )


def _heating(code: object) -> str:
    return _HEATING[code]  # type: ignore[index]  # one of the options


def _ask_floors(uses: list[str]) -> tuple[tuple[str, float], ...]:
    rows = _ask_rows(
        "floors", "Shops, offices, schools",
        {
            "use": st.column_config.SelectboxColumn("Use", options=uses, required=True),
            "m2": _NUMBER("Floor area [m²]", min_value=1.0, required=True),
        },
        {"use": "str", "m2": "float"},
    )  # fmt: skip
    return tuple(zip(rows["use"], rows["m2"], strict=True))


def _ask_phases() -> tuple[tuple[int, float], ...]:
    rows = _ask_rows(
        "phases", "Built in phases (all at once without any)",
        {
            "year": _NUMBER("Year", min_value=2000, max_value=2100, step=1, format="%d", required=True),
            "percent": _NUMBER("Part of the whole [%]", min_value=1.0, max_value=100.0, required=True),
        },
        {"year": "float", "percent": "float"},
    )  # fmt: skip
    return tuple(
        (int(year), percent / 100.0) for year, percent in zip(rows["year"], rows["percent"], strict=True)
    )


def _ask_rows(key: str, title: str, columns: Columns, dtypes: Mapping[Hashable, str]) -> pd.DataFrame:
    """A table that people add rows to; rows that are not complete yet are left out."""
    st.caption(title)
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})
    rows = st.data_editor(
        empty, num_rows="dynamic", hide_index=True, column_config=columns, key=key, height=110
    )
    needed = [name for name in rows if name != "floor_area_m2"]
    return rows.dropna(subset=needed)
