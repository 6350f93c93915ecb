"""Items a cost table may price, the unit each is counted in, and what a price of it covers."""

from __future__ import annotations

from typing import NamedTuple

# A price per one of these is paid every year, not once.
YEARLY_UNITS = ("kW/a", "kWh/a")


class Item(NamedTuple):
    """Unit an item is counted in, and what its price covers."""

    unit: str
    about: str


ITEMS: dict[str, Item] = {
    "lv_cable": Item("km", "low-voltage cable, laid, with trench and surface"),
    "mv_cable": Item("km", "medium-voltage cable, laid, with trench and surface"),
    "lv_cable_only": Item("km", "low-voltage cable, material and laying into an open trench or duct"),
    "mv_cable_only": Item("km", "medium-voltage cable, material and laying into an open trench or duct"),
    "mv_lv_transformer": Item("unit", "MV/LV transformer, set up in a station that is there"),
    "mv_lv_station": Item("unit", "new MV/LV station: building, switchgear, LV board; no transformer"),
    "hv_mv_transformer": Item("unit", "HV/MV transformer with its bays"),
    "regulated_transformer": Item("unit", "MV/LV transformer with on-load tap changer and its control"),
    "voltage_regulator": Item("unit", "regulator in a line; type lv or mv"),
    "capacitor": Item("kvar", "capacitor bank with its switch"),
    "battery": Item("kWh", "grid battery with converter, per usable kWh, at up to one kW per kWh"),
    "switch": Item("unit", "load break switch in a medium-voltage line or bay"),
    "mv_feeder_bay": Item("unit", "circuit breaker bay with protection for a feeder of an HV/MV substation"),
    "flexibility_kw_year": Item("kW/a", "contract to be held back by a kW when asked, per year"),
    "flexibility_kwh": Item("kWh/a", "energy shifted or held back, per kWh"),
    "tap_change": Item("unit", "visit that sets a transformer's tap while it is off"),
    "setpoint_change": Item("unit", "new set-point or compensation of a voltage control"),
    "switching_change": Item("unit", "visit that moves an open point"),
    "phase_change": Item("unit", "visit that moves a customer to another phase"),
}
UNITS = tuple(dict.fromkeys(item.unit for item in ITEMS.values()))
# What is laid, and the same without its trench.
CABLES = {"lv_cable": "lv_cable_only", "mv_cable": "mv_cable_only"}
