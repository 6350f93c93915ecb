"""Rules without a check of their own: what reading, mapping and topology say, and what refuses a question.

A name that stands in findings stands here or in the registry, once (`tests/gis/quality/test_registry.py`).
"""

from __future__ import annotations

from gis.quality.rule import QualityRule, Severity, Stage


def _emitted(
    stage: Stage, level: int, severity: Severity, name: str, about: str, why: str, remedy: str,
    source: str = "definition", tables: tuple[str, ...] = (),
) -> QualityRule:  # fmt: skip
    return QualityRule(name, level, severity, tables, about, why, remedy, source, stage=stage)


READING: tuple[QualityRule, ...] = (
    _emitted("reading", 1, "error", "file_missing", "there is no file or folder of that name",
             "nothing can be read", "correct the path"),
    _emitted("reading", 1, "error", "file_format", "the content is of no format we read",
             "a reader that trusts names opens anything", "convert it, or name the format"),
    _emitted("reading", 1, "error", "file_damaged", "the file is cut off or damaged",
             "libraries return the rows before the damage without a word", "take a fresh copy"),
    _emitted("reading", 1, "error", "file_exists", "the target's folder holds other files",
             "they would be mixed with the result", "choose an empty folder"),
    _emitted("reading", 1, "error", "no_rows", "no layer has an element with coordinates",
             "there is no network", "fill the layers"),
    _emitted("reading", 2, "error", "missing_layer", "a layer every network has is missing",
             "without lines, loads and sources nothing flows", "add or map the layer"),
    _emitted("reading", 2, "error", "unknown_table", "a table of that name is not declared",
             "its rows would be ignored", "use a name of `docs/tables.md`"),
    _emitted("reading", 2, "error", "missing_column", "a required column is missing",
             "its meaning cannot be guessed", "add or map the column"),
    _emitted("reading", 2, "error", "missing_id", "a row has no id",
             "it could not be named in any result", "give it one of its own"),
    _emitted("reading", 2, "error", "duplicate_id", "an id stands in several rows",
             "rows would replace each other", "give each row its own"),
    _emitted("reading", 2, "error", "missing_value", "a required cell is empty",
             "an empty power would count as 0 kW", "fill the cell"),
    _emitted("reading", 2, "error", "unreadable_cell", "a cell is not what its column holds",
             "a decimal comma turns a column into text", "correct the cell, or state the dialect"),
    _emitted("reading", 2, "error", "out_of_range", "a figure is outside what its column may hold",
             "it is a slip of unit or sign", "check the unit", "bounds of `docs/tables.md`"),
    _emitted("reading", 1, "error", "crs", "a name names no coordinate system, or none in metres",
             "lengths would be wrong", "write one like EPSG:25832"),
    _emitted("reading", 1, "error", "crs_missing", "a layer has no coordinate reference system",
             "guessed, the network lies elsewhere", "declare it in the file or the mapping"),
    _emitted("reading", 1, "error", "crs_mismatch",
             "coordinates cannot belong to the system declared: degrees as metres or the reverse, "
             "swapped, another zone, outside its area",
             "distances become infinite or thousands of kilometres", "declare the right system",
             "area of use in the EPSG registry, 4 degrees beyond it allowed"),
)  # fmt: skip

_OF_FORMATS: tuple[tuple[int, Severity, str, str, str, str], ...] = (
    (1, "error", "file_open", "changes not yet in the file lie beside it",
     "they would be missing without a word", "close it in the other program"),
    (1, "error", "file_size", "the file, or what it expands to, is over what is read",
     "it fills the memory", "cut the area into parts"),
    (1, "error", "file_too_large", "a table has more bytes, rows or cells than are read",
     "it fills the memory", "split it"),
    (1, "error", "reading_stopped", "reading took too long or too much, and was stopped",
     "a hostile file may hang for ever", "take a fresh export"),
    (2, "warning", "encoding", "the encoding is told from the bytes and may be another",
     "names are unreadable", "state it under [source] in the mapping"),
    (2, "warning", "dialect", "delimiter and decimal sign are told from the content",
     "1,5 may be fifteen", "state them under [source] in the mapping"),
    (2, "warning", "profile", "layers and columns are those of a shipped mapping, which was used",
     "another meaning may be wanted", "name another mapping"),
    (2, "warning", "sign_reversed", "all loads were negative and were read without the sign",
     "the source counts generation positive", "map the column with factor = -1"),
    (2, "warning", "not_modelled", "rows of the file are not of the network's tables",
     "what they do is not in any result", "read which they are"),
    (2, "warning", "frequency", "the network is of another frequency",
     "charging of lines is computed at ours", "read it as a note"),
    (2, "warning", "schematic", "coordinates are a drawing, not places",
     "distances on the map mean nothing", "add the places of the buses"),
    (2, "warning", "place_lent", "a bus without a place is drawn at its neighbour's",
     "it looks as if it stood there", "give its place"),
    (2, "warning", "placed_beside", "a bus without coordinates is drawn beside its neighbour",
     "it looks as if it stood there", "give its coordinates"),
    (1, "error", "coordinates", "a file of coordinates has a line that is none",
     "buses would lie elsewhere", "correct the line"),
    (1, "warning", "coordinates_taken", "no script names the coordinates; those of the folder are taken",
     "they may be of another circuit", "name them in the script"),
    (1, "error", "master_script", "no script, or several, make a circuit",
     "it is not known which is meant", "name the master script"),
    (1, "error", "script_refused", "a script does what no file of data may",
     "it could start programs or write files", "remove the command"),
    (2, "warning", "disabled", "an element is switched off in the script", "it carries nothing",
     "read it as a note"),
    (2, "warning", "not_read", "commands of a script are not read", "what they do is not in any result",
     "read which they are"),
    (2, "warning", "not_represented", "a class of elements has no place in a balanced model",
     "what it does is not in any result", "read which they are"),
    (2, "warning", "not_balanced", "an element has not all three phases",
     "a balanced equivalent knows no unbalance", "judge it by hand"),
    (2, "warning", "bank_joined", "single-phase units of a bank are one transformer",
     "its phases may differ", "read it as a note"),
    (2, "warning", "control_fixed", "a control stands as the solution had it",
     "it does not follow other cases", "read it as a note"),
    (2, "warning", "capacitor_voltage", "a capacitor is rated for another voltage than its bus",
     "its power follows the square", "check its voltage"),
    (2, "warning", "feeds_in", "a load of negative power is generation", "it counts as such",
     "read it as a note"),
    (2, "error", "length_unit", "a length has no unit", "a solution at 0.43 pu looks like one",
     "state units="),
    (2, "warning", "length_impedance", "an impedance is too large for its length",
     "the line is modelled longer", "check both"),
    (2, "warning", "no_impedance", "a line has next to no impedance and became a switch",
     "the solver would lose its digits", "read it as a note"),
    (2, "warning", "load_model", "a load follows its voltage", "modelled as constant power",
     "judge it by hand"),
    (2, "warning", "source_impedance", "a source has an impedance", "modelled as the voltage at its bus",
     "read it as a note"),
    (2, "warning", "unused_bus", "nothing that is modelled stands at a bus", "it is left out",
     "read it as a note"),
)  # fmt: skip
FORMATS: tuple[QualityRule, ...] = tuple(_emitted("reading", *entry) for entry in _OF_FORMATS)

MAPPING: tuple[QualityRule, ...] = (
    _emitted("mapping", 1, "error", "mapping", "a mapping file cannot be understood",
             "columns would land in the wrong places", "correct the entry named"),
    _emitted("mapping", 2, "warning", "unknown_code", "a code is not in the mapping's table",
             "its row loses that cell", "add the code to the mapping"),
    _emitted("mapping", 2, "warning", "filtered", "the mapping's `where` leaves rows out",
             "what is filtered by mistake is not in the network", "read which values were left out"),
)  # fmt: skip

TOPOLOGY: tuple[QualityRule, ...] = (
    _emitted("topology", 3, "error", "nearer_to_nothing", "an element without bus id has no fitting bus near",
             "joined to the next best it would hang on another street", "give the bus id or move it",
             "a long service line has 100 m (engineering judgement)"),
    _emitted("topology", 3, "warning", "near_miss", "a loose end stops just short of another line",
             "what is behind it is without supply", "join with a larger tolerance if they meet",
             "2 m: less than the width of a street (engineering judgement)", ("lines",)),
    _emitted("topology", 3, "warning", "crossing", "lines of one voltage cross without a joint",
             "they may meet there, or not", "draw a node there if they meet", tables=("lines",)),
    _emitted("topology", 3, "warning", "end_chain", "line ends lie in a chain, each near the next",
             "joined as a whole they would fold short lines", "lower the tolerance", tables=("lines",)),
    _emitted("topology", 3, "error", "line_drawn_as_point", "a line is drawn as a point off its buses",
             "its ends cannot be told", "draw it between its buses", tables=("lines",)),
    _emitted("topology", 1, "warning", "crs_mixed", "a layer comes in another system than the lines",
             "it was reprojected", "read it as a note"),
    _emitted("topology", 3, "warning", "closed_loop", "closed elements form a loop in one feeder",
             "a ring closed by accident halves the loading seen", "open one of the elements named"),
)  # fmt: skip

ASKING: tuple[QualityRule, ...] = tuple(
    _emitted("asking", 1, "error", name, about, "the answer would be to another question", remedy)
    for name, about, remedy in (
        (
            "bad_bounds",
            "a file of bounds has a figure that is none",
            "take the form of gis/quality/bounds.toml",
        ),
        ("statement", "a network written in text has a line that says nothing", "correct the line"),
        ("bad_target", "the result cannot be written there", "choose another name or folder"),
        ("bad_place", "a place is no longitude and latitude", "write LON,LAT in degrees"),
        ("unknown_scenario", "the network has no such scenario", "name one of its scenarios"),
        ("unknown_limits", "there is no such limit profile", "name a shipped one or a TOML file"),
        (
            "limits_gap",
            "the limits say nothing about a voltage of the network",
            "add the band to the profile",
        ),
        ("bad_limits", "a limit profile has a figure that makes no sense", "correct the figure"),
        ("bad_figure", "a table of assumptions has a figure that makes no sense", "correct the figure"),
    )
)

DECLARED: tuple[QualityRule, ...] = (*READING, *FORMATS, *MAPPING, *TOPOLOGY, *ASKING)
