"""Registry of what a network must hold (`gis.rules`): every fault costs an element, or refuses the file."""

from __future__ import annotations

from gis import rules
from gis.quality.rule import QualityRule
from gis.rules import Rule
from gis.voltage import SAME_VOLTAGE_SHARE

_SAME = (
    f"voltages within {100 * SAME_VOLTAGE_SHARE:g} % are of one level (engineering judgement, `gis.voltage`)"
)


def _must(
    check: Rule, level: int, name: str, tables: tuple[str, ...], about: str, why: str, remedy: str,
    source: str = "definition",
) -> QualityRule:  # fmt: skip
    return QualityRule(name, level, "error", tables, about, why, remedy, source, check)


NETWORK_RULES: tuple[QualityRule, ...] = (
    _must(rules.geometry_usable, 2, "geometry_missing", (), "an element has no geometry",
          "nearest-place joins drop it without a word", "draw it"),
    _must(rules.geometry_usable, 2, "geometry_not_finite", (), "a coordinate is not a number",
          "its length is not a number either", "correct the vertex"),
    _must(rules.geometry_usable, 2, "geometry_kind", (), "the geometry is of another kind than its table's",
          "ends and places cannot be told", "split or redraw it"),
    _must(rules.references_exist, 3, "unknown_reference", (), "an id refers to no row",
          "the element hangs on nothing", "add that row or correct the id"),
    _must(rules.switches_stand_at_their_element, 3, "switch_not_at_end", ("switches",),
          "a switch stands at a bus that is no end of its element",
          "opening it would open another place", "put it at an end"),
    _must(rules.has_a_source, 3, "no_source", ("sources",), "no source is in service",
          "there is nothing to solve", "name the bus the grid is fed from"),
    _must(rules.line_ends_fit, 3, "line_self_loop", ("lines",), "both ends of a line are one bus",
          "customers behind its real end stay unserved", "correct an end"),
    _must(rules.line_ends_fit, 3, "line_voltage", ("lines",), "a line joins buses of another voltage",
          "20 kV on a 0.4 kV cable converges with 5,700 % loading", "put a transformer between", _SAME),
    _must(rules.lines_have_length, 3, "line_without_length", ("lines",), "a line has no length at all",
          "zero impedance stops the solver", "give the length or merge its ends",
          "1 mm is finer than any survey"),
    _must(rules.transformer_sides_fit, 3, "transformer_self_loop", ("transformers",),
          "both sides of a transformer are one bus", "it feeds nobody", "name the bus on each side"),
    _must(rules.transformer_sides_fit, 3, "transformer_swapped", ("transformers",),
          "the high side has the lower voltage", "the load flow has no solution", "swap the sides"),
    _must(rules.transformer_sides_fit, 3, "transformer_voltage", ("transformers",),
          "a rated voltage does not fit its bus", "every voltage behind it is wrong", "correct one", _SAME),
    _must(rules.transformer_figures_fit, 4, "transformer_vkr", ("transformers",),
          "vkr_percent is larger than vk_percent, of which it is a part",
          "the reactance is imaginary", "correct one of them"),
    _must(rules.transformer_figures_fit, 4, "transformer_tap", ("transformers",),
          "the tap position is outside its range", "the ratio is none the unit has", "correct one of them"),
    _must(rules.couplers_join_one_voltage, 3, "coupler_voltage", ("switches",),
          "a switch joins buses of different voltage", "it is a short circuit between levels",
          "put a transformer between", _SAME),
    _must(rules.capacitors_fit_their_bus, 3, "capacitor_level", ("capacitors",),
          "a capacitor's rated voltage is of another level than its bus", "its power follows the square",
          "correct one", _SAME),
    _must(rules.buses_are_named, 3, "missing_bus",
          ("lines", "transformers", "switches", "sources", "loads", "generators", "capacitors"),
          "an element names no bus", "it cannot be connected", "give the id of the bus"),
)  # fmt: skip
