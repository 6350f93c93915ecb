"""Registry of the doubts: what is readable, can be modelled, and still looks wrong.

Grows by an entry here, a function in the module of its table, and a trigger in
`tests/gis/quality/test_registry.py`.
"""

from __future__ import annotations

from gis.quality import columns, connectivity, lines, loads, places, texts, transformers, types
from gis.quality.bounds import source_of
from gis.quality.rule import QualityRule, Severity
from gis.rules import Rule


def _doubt(
    check: Rule, name: str, tables: tuple[str, ...] | str, about: str, why: str, remedy: str,
    source: str = "definition", *, level: int = 4, severity: Severity = "warning",
) -> QualityRule:  # fmt: skip
    of = (tables,) if isinstance(tables, str) else tables
    return QualityRule(name, level, severity, of, about, why, remedy, source, check)


UNITS: tuple[QualityRule, ...] = (
    _doubt(columns.voltages_are_in_kv, "voltage_unit", "buses",
           "voltages are in V: homes hang on 400 kV", "the load flow has no solution, or one of nothing",
           "map vn_kv with factor = 0.001", source_of("rows"), severity="error"),
    _doubt(columns.columns_have_their_unit, "unit_slip",
           ("lines", "transformers", "sources", "loads", "buses"),
           "a column as a whole is off by a thousand", "it converges and looks like a result",
           "map the column with the factor named", "per column in `gis/quality/bounds.toml`"),
    _doubt(columns.columns_have_their_unit, "unit_doubt", ("sources", "loads"),
           "a column no load flow uses is off by a thousand", "what is judged by it is judged wrong",
           "map the column with the factor named", "per column in `gis/quality/bounds.toml`"),
)  # fmt: skip
LINES: tuple[QualityRule, ...] = (
    _doubt(lines.lengths_fit_what_is_drawn, "length_mismatch", "lines",
           "length_m is not 0.8 to 2 times what is drawn", "impedance and cost follow the length",
           "correct the length or the drawing", source_of("length")),
    _doubt(lines.lengths_fit_what_is_drawn, "schematic_map", "lines",
           "length_m as a whole does not fit the map", "distances on the map mean nothing then",
           "import with places of the real network, or keep to the lengths", source_of("length")),
    _doubt(lines.impedances_are_of_lines, "line_resistance", "lines",
           "r_ohm_per_km is over that of any conductor", "losses and drops are wrong by as much",
           "check its unit", source_of("impedance")),
    _doubt(lines.impedances_are_of_lines, "line_reactance", "lines",
           "x_ohm_per_km is over that of any line", "50 ohm/km still converges",
           "check its unit", source_of("impedance")),
    _doubt(lines.impedances_are_of_lines, "line_x_by_r", "lines",
           "x / r is not that of a line of its voltage", "r and x are swapped, or one is off by ten",
           "check which is which", source_of("impedance")),
    _doubt(lines.impedances_are_not_zero, "line_zero_impedance", "lines",
           "the line has next to no impedance beside others", "the solver loses its digits",
           "draw a switch, or merge its buses", source_of("impedance")),
    _doubt(lines.ratings_are_of_lines, "line_rating", "lines",
           "i_max_a is none of a line of its voltage", "overloads are invented or hidden",
           "check its unit", source_of("rating")),
    _doubt(lines.ratings_are_given, "rating_unknown", "lines",
           "a line has neither rating nor type", "no overload can be seen: NaN is never over 100 %",
           "give i_max_a", source_of("rating")),
    _doubt(lines.ratings_are_given, "rating_from_type", "lines",
           "i_max_a is missing where other lines have it", "the type's rating knows nothing of the trench",
           "give i_max_a", source_of("rating")),
    _doubt(lines.low_voltage_stays_near, "lv_line_long", "lines",
           "a low-voltage line is longer than 2 km", "nobody is fed over it", "check length and voltage",
           source_of("length")),
    _doubt(lines.low_voltage_stays_near, "lv_radius", "buses",
           "the way from the station along low voltage is over 1.5 km", "a station is missing, or a joint",
           "check the lengths on the way", source_of("length")),
    _doubt(types.resistances_fit_the_name, "type_resistance", "lines",
           "r_ohm_per_km is not that of the cross-section in the type's name",
           "figure or type belongs to another cable", "correct one of them", source_of("impedance")),
    _doubt(lines.lines_are_built, "line_of_the_future", "lines",
           "a line in service is built in a year to come", "the study relies on it today",
           "correct installed_year or in_service"),
)  # fmt: skip
TRANSFORMERS: tuple[QualityRule, ...] = (
    _doubt(transformers.figures_fit_the_size, "transformer_vk", "transformers",
           "vk_percent is not that of this size", "fault currents and drops are wrong",
           "check the nameplate", source_of("transformer")),
    _doubt(transformers.figures_fit_the_size, "transformer_load_loss", "transformers",
           "vkr_percent means losses no unit of this size has", "losses are wrong by as much",
           "check its unit", source_of("transformer")),
    _doubt(transformers.figures_fit_the_size, "transformer_no_load_loss", "transformers",
           "pfe_kw is not that of this size", "W taken for kW burns the whole demand", "check its unit",
           source_of("transformer")),
    _doubt(transformers.figures_fit_the_size, "transformer_i0", "transformers",
           "i0_percent is over 8, or smaller than the no-load loss it contains",
           "the magnetising current is imaginary", "check i0_percent and pfe_kw", source_of("transformer")),
    _doubt(transformers.sizes_are_built, "transformer_rating", "transformers",
           "a unit over 6 MVA feeds low voltage", "VA taken for kVA never overloads", "check sn_kva",
           source_of("rating")),
    _doubt(transformers.taps_are_of_tap_changers, "transformer_tap_range", "transformers",
           "steps over 5 %, or over 40 % in all", "one step too many moves every voltage",
           "check the tap columns", source_of("transformer")),
    _doubt(transformers.ratios_fit_the_buses, "transformer_ratio", "transformers",
           "the ratio is more than 10 % off its buses'", "the voltage behind it is off by as much",
           "check both rated voltages", source_of("transformer")),
    _doubt(transformers.loads_fit_their_transformer, "transformer_demand", "transformers",
           "the loads behind it are over three times its rating", "an open point is missing, or a unit slips",
           "check the loads and open points", source_of("transformer")),
    _doubt(transformers.loads_fit_their_transformer, "generator_rating", "generators",
           "a generator is larger than the transformers that feed its grid", "voltages rise without end",
           "check p_kw and its bus", source_of("transformer")),
    _doubt(transformers.lines_fit_their_transformer, "transformer_line", "transformers",
           "the lines that feed it carry less than half its rating", "a rating is off by ten",
           "check i_max_a and sn_kva", source_of("transformer")),
    _doubt(transformers.vector_groups_agree, "vector_group", "transformers",
           "nearly all other transformers of its grid have another phase shift",
           "run in parallel with a neighbour it is a short circuit", "check the vector group",
           source_of("transformer")),
    _doubt(transformers.parallel_transformers_agree, "parallel_shift", "transformers",
           "parallel transformers have different phase shift", "1,695 % flow in a circle",
           "correct shift_degree of one", severity="error"),
)  # fmt: skip
LOADS: tuple[QualityRule, ...] = (
    _doubt(loads.loads_stand_in_line, "load_beyond", "loads",
           "a load is beyond the transformers, lines or contract it hangs on, or fifty times those like it",
           "a thousand times too much has no solution", "check its unit and customer", source_of("load")),
    _doubt(loads.loads_stand_in_line, "load_outlier", "loads",
           "a load stands far out of those of its class and level", "ten times too much hides for years",
           "check its unit and customer", source_of("load")),
    _doubt(loads.load_energy_fits, "load_energy", "loads",
           "annual_kwh is outside 20 to 8,760 hours of p_kw", "power or energy is off by a thousand",
           "check both units", source_of("load")),
    _doubt(loads.load_fits_its_contract, "load_over_service", "loads",
           "p_kw is over 1.5 times service_kw", "a fuse would have blown", "correct one of them",
           source_of("load")),
    _doubt(loads.power_factors_are_of_customers, "load_cos_phi", "loads",
           "the power factor is under 0.7", "voltage drops are overstated", "check q_kvar or cos_phi",
           source_of("load")),
    _doubt(loads.loads_have_customers, "load_without_customers", "loads",
           "a home draws power for no customer", "outages there count nobody", "give customers"),
    _doubt(loads.loads_have_customers, "customers_without_load", "loads",
           "customers draw 0 kW", "nothing is planned for them", "give p_kw"),
    _doubt(loads.loads_are_counted_once, "duplicate_load", "loads",
           "a load stands twice in one place with figures nobody else has", "its kW count twice",
           "remove one"),
    _doubt(loads.sources_agree, "source_voltage", "sources",
           "vm_pu is outside 0.9 to 1.1", "everybody behind it is out of band", "check vm_pu",
           source_of("source")),
    _doubt(loads.sources_agree, "source_set_points", "sources",
           "sources of one island hold different voltages", "18 MW circulated in the case measured",
           "open one way or align them", source_of("source")),
    _doubt(loads.sources_agree, "source_strength", "sources",
           "short-circuit power is missing where others have it", "the source counts as infinitely strong",
           "give s_sc_mva"),
)  # fmt: skip
CONNECTIVITY: tuple[QualityRule, ...] = (
    _doubt(connectivity.customers_are_supplied, "island_without_source", "loads",
           "no source reaches an island with customers", "it converges with them silently unserved",
           "close a switch, mend the gap or add a source", level=3),
    _doubt(connectivity.switches_leave_lines_alive, "line_dead", "lines",
           "a line in service is open at both ends", "it is in no feeder", "close one end", level=3),
    _doubt(connectivity.transformers_hang_on_something, "transformer_dangling", "transformers",
           "nothing hangs on one side of a transformer", "it feeds nobody", "connect it", level=3),
    _doubt(connectivity.buses_are_used, "bus_unused", "buses", "no element uses a bus",
           "something that belongs there hangs elsewhere", "remove it, or connect what belongs there",
           level=3),
    _doubt(connectivity.ids_are_of_one_table, "id_shared", "transformers",
           "a line and a transformer have one id", "feeders are named by it", "give each its own", level=2),
)  # fmt: skip
PLACES: tuple[QualityRule, ...] = (
    _doubt(places.loads_stand_near_their_bus, "load_away", "loads",
           "a load is drawn over 10 km from its bus", "the id or the place is another customer's",
           "correct one of them", source_of("length"), level=3, severity="error"),
    _doubt(places.lines_end_at_their_buses, "line_end_away", "lines",
           "a line ends over 100 m from where its bus is drawn", "it hangs on another bus than the map shows",
           "correct the bus ids or the drawing", source_of("length"), level=3),
    _doubt(places.elements_stand_together, "element_far",
           ("buses", "lines", "transformers", "sources", "loads"),
           "an element lies far outside the extent of nearly all others", "swapped or foreign coordinates",
           "check its coordinates", source_of("length"), level=3),
    _doubt(places.lines_are_drawn_once, "duplicate_line", "lines",
           "a line lies on another between the same buses, in either direction",
           "the impedance halves without a word", "remove it, or say parallel=2", "1 mm", level=3),
)  # fmt: skip
TEXTS: tuple[QualityRule, ...] = tuple(
    _doubt(texts.texts_are_readable, name, (), about, why, remedy, source_of("text"), level=2)
    for name, about, why, remedy in (
        ("text_control", "an id or name holds characters that cannot be seen",
         "two ids look alike and are not", "remove them"),
        ("text_mojibake", "an id or name looks read in the wrong encoding",
         "nobody finds the street", "state the encoding and import again"),
        ("text_long", "an id or name is over 200 characters", "a remark landed in the name", "shorten it"),
    )
)  # fmt: skip

DOUBT_RULES: tuple[QualityRule, ...] = (
    *UNITS, *LINES, *TRANSFORMERS, *LOADS, *CONNECTIVITY, *PLACES, *TEXTS,
)  # fmt: skip
