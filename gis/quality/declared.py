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

DECLARED: tuple[QualityRule, ...] = (*READING, *MAPPING, *TOPOLOGY, *ASKING)
