"""The words of OpenDSS scripts: which are run, which are left out, and how a line falls into tokens.

Every list says what is known to be harmless; what stands in none of them is refused.
Source of the words: OpenDSS documentation, "Executive commands", "Executive options" and the classes'
properties; how a line is parted: its "Parser" (delimiters, quotes and comments).
"""

from __future__ import annotations

import re
from typing import NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INCLUDES = frozenset({"redirect", "compile"})
COORDINATES = frozenset({"buscoords", "buscoord", "latlongcoords", "latloncoords"})
ELEMENT_COMMANDS = frozenset({"new", "edit", "select", "enable", "disable", "open", "close", "batchedit"})
PLAIN_COMMANDS = frozenset(
    {"clear", "clearall", "calcvoltagebases", "calcv", "makebuslist", "setkvbase", "calcincmatrix"}
)
# Classes of elements that describe a circuit.
CLASSES = _words(
    "circuit vsource line linecode linegeometry linespacing wiredata cndata tsdata transformer xfmrcode "
    "load generator pvsystem storage capacitor reactor regcontrol capcontrol swtcontrol fuse relay "
    "recloser tcc_curve xycurve spectrum"
)
# Classes that bear on runs over time, or only measure.
SKIPPED = _words("monitor energymeter sensor invcontrol expcontrol storagecontroller gencontroller")
# Shapes over time are not needed for one load flow: a flat one of the same name stands in for them.
FLAT = {
    "loadshape": "npts=1 interval=1 mult=[1]",
    "growthshape": "npts=1 year=[1] mult=[1]",
    "tshape": "npts=1 interval=1 temp=[25]",
    "priceshape": "npts=1 interval=1 price=[1]",
}
SETTINGS = _words(
    "voltagebases voltagebase defaultbasefrequency frequency controlmode maxcontroliter maxcontroliterations "
    "maxiterations maxiter miniterations tolerance algorithm loadmult loadmodel genmult earthmodel "
    "normvminpu normvmaxpu emergvminpu emergvmaxpu allocationfactors allowduplicates trapezoidal"
)
NOT_FOLLOWED = _words(
    "mode number stepsize h hour sec time year totaltime random demandinterval demand diverbose "
    "overloadreport voltexceptionreport voltexcept casename daisysize markercode nodewidth trace log "
    "defaultdaily defaultyearly ldcurve pricecurve pricesignal markswitches switchmarkercode "
    "markcapacitors markregulators marktransformers markpvsystems markstorage markfuses markreclosers "
    "markrelays transmarkercode transmarkersize capmarkercode capmarkersize regmarkercode "
    "regmarkersize"
)
# Classes for which a user may load a library of his own, and the properties that do it. OpenDSS takes any
# beginning of a name for the name, and a value without name for the next property.
WITH_LIBRARIES = frozenset({"generator", "pvsystem", "storage", "capcontrol"})
LIBRARIES = re.compile(r"(user|shaft|dyna)(model|data|dll|miceq)", re.IGNORECASE)
# What does harm wherever it stands in a line: a list of numbers may be read from a file in any place
# (`mult=(file=...)`, `csvfile=...`).
HARMS = {
    re.compile(r"file\s*=", re.IGNORECASE): "the line reads a file; write the values into the script",
    re.compile(r"debug\w*\s*=", re.IGNORECASE): "the line writes a trace; remove the value",
    LIBRARIES: "the line loads a user-written model; use one of OpenDSS",
}
LIBRARY_WORDS = frozenset(
    name[:length]
    for name in ("usermodel", "userdata", "shaftmodel", "shaftdata", "dynadll", "dynadata", "dynamiceq")
    for length in range(1, len(name) + 1)
) - {"d"}  # damping of a generator, and no beginning

_QUOTED = r""""[^"]*"?|'[^']*'?|\([^)]*\)?|\[[^\]]*\]?|\{[^}]*\}?"""
_PLAIN = r"""[^\s,=!"'(\[{][^\s,=!]*"""
_TOKEN = re.compile(rf"[\s,]*(?:(?P<name>{_PLAIN})[ \t]*=\s*)?(?P<value>{_QUOTED}|{_PLAIN})")
_COMMENT = re.compile(r"[\s,]*(!|//|$)")


class Token(NamedTuple):
    """One value of a line, with the name before its equals sign."""

    name: str | None
    value: str


def code_of(line: str) -> str:
    """The line without its comment; a `~` stands apart from what follows."""
    position = 0
    while not _COMMENT.match(line, position):
        token = _TOKEN.match(line, position)
        if token is None:  # an equals sign without a name or value
            position += 1
            continue
        position = token.end()
    code = line[:position].strip()
    return f"~ {code[1:]}" if code.startswith("~") and code[1:2] not in ("", " ", "\t") else code


def tokens_of(code: str) -> list[Token]:
    """Part a line into values.

    Examples
    --------
    >>> tokens_of("New Line.a bus1=1.2, length = (3 4 *)")[-1]
    Token(name='length', value='(3 4 *)')
    """
    return [Token(match["name"], match["value"]) for match in _TOKEN.finditer(code)]
