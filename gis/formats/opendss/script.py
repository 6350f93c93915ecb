"""Read OpenDSS scripts as text: what may run is kept line by line, everything else is refused by line.

OpenDSS scripts start programs, write files and load libraries. So no script is handed to OpenDSS: the
lines of the master and of every file it includes are checked against lists of what is known to describe
a circuit, and only those lines are run (`gis.formats.opendss.process`). OpenDSS itself opens no file.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.opendss.files import Folder, OutsideError
from gis.formats.opendss.words import (
    CLASSES,
    COORDINATES,
    ELEMENT_COMMANDS,
    FLAT,
    HARMS,
    INCLUDES,
    LIBRARIES,
    LIBRARY_WORDS,
    NOT_FOLLOWED,
    PLAIN_COMMANDS,
    SETTINGS,
    SKIPPED,
    WITH_LIBRARIES,
    Token,
    code_of,
    tokens_of,
)

# Files within files: deeper or more often than any circuit is split, so a circle.
MAX_DEPTH, MAX_READS_OF_A_FILE = 20, 10
MAX_BYTES = 200_000_000
_SHOWN = 80
_TARGET = re.compile(r"""["'(\[{]?([A-Za-z_][A-Za-z0-9_]*)\.""")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Statement:
    """One line that may run, and where it stands."""

    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Script:
    """A circuit's lines in the order they run, its files of coordinates, and what is not followed."""

    statements: list[Statement] = field(default_factory=list)
    coordinates: list[Path] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        """Length of all lines [byte]."""
        return sum(len(statement.text) for statement in self.statements)

    def findings(self) -> pd.DataFrame:
        """One warning per kind of statement that is left out."""
        words = list(self.skipped)
        messages = [f"{word}: not read, since it does not bear on one load flow" for word in words]
        values = [f"{self.skipped[word]} lines" for word in words]
        return make_findings("not_read", "file", words, messages, severity="warning", values=values)


def read_script(master: Path) -> Script:
    """Check a master script and every file it includes.

    Returns
    -------
    Script
        The lines that may run; redirects are unrolled.

    Raises
    ------
    InputError
        A line does something else than describe a circuit, or a file lies outside its folder; every such
        line is named with its file, number and words.
    """
    reader = _Reader(Folder(master.parent))
    reader.read(master, depth=0)
    if reader.faults:
        places, messages, shown = zip(*reader.faults, strict=True)
        findings = make_findings("script_refused", "script", places, messages, values=shown)
        raise InputError(str(master), findings)
    return reader.script


class _Reader:
    """Walks the files of a circuit; one object per master."""

    def __init__(self, root: Folder) -> None:
        self.root = root
        self.script = Script()
        # Place, message, and the words shown of every line refused.
        self.faults: list[tuple[str, str, str | None]] = []
        self._reads: Counter[Path] = Counter()
        self._bytes = 0
        self._class = ""

    def read(self, file: Path, *, depth: int) -> Path:
        """Take in one file; returns the folder its names were relative to in the end (`Compile` moves it)."""
        folder = file.parent
        name = self.root.name_of(file)
        self._bytes += file.stat().st_size
        if self._bytes > MAX_BYTES:
            message = f"the scripts are larger than {MAX_BYTES / 1e6:.0f} MB together"
            self.faults.append((name, message, None))
            return folder
        comment = False
        for number, line in enumerate(self.root.text_of(file).splitlines(), start=1):
            comment = comment or line.startswith("/*")
            if not comment:
                folder = self._take(line, Statement("", name, number), folder, depth)
            comment = comment and "*/" not in line
        return folder

    def _take(self, line: str, at: Statement, folder: Path, depth: int) -> Path:
        code = code_of(line)
        if not code:
            return folder
        words = tokens_of(code)
        if not words or _CONTROL.search(code):
            self._refuse(at, code, "the line cannot be read")
            return folder
        if words[0].name is not None:  # Class.name.property=value
            self._element(code, words, 0, at)
            return folder
        verb = words[0].value.lower()
        if verb in INCLUDES or verb in COORDINATES:
            return self._file(verb, code, words, at, folder, depth)
        if verb in ELEMENT_COMMANDS:
            self._element(code, words, 1, at)
        elif verb in ("~", "more", "m"):
            self._more(code, words[1:], at)
        elif verb in ("set", "solve"):
            self._settings(verb, code, words[1:], at)
        elif verb in PLAIN_COMMANDS:
            self._keep(code, at)
        else:
            self._refuse(at, code, f"{verb!r} is no command that describes a circuit; remove the line")
        return folder

    def _element(self, code: str, words: list[Token], target: int, at: Statement) -> None:
        """A line that makes or changes an element: of a class that is known, with values only."""
        named = words[target : target + 1]
        match = None
        if named and (target == 0 or named[0].name is None or named[0].name.lower() == "object"):
            match = _TARGET.match(named[0].value if target else str(named[0].name))
        self._class = match.group(1).lower() if match else ""
        if not match:
            self._refuse(at, code, "the line names no element; write Class.name")
        elif self._class in FLAT and target:
            name = named[0].value.strip("\"'()[]{}").split(".", 1)[1]
            if words[0].value.lower() == "new" and not re.search(r"""[\s"'=,]""", name):
                self._keep(f"New {self._class}.{name} {FLAT[self._class]}", at)
        elif self._class in SKIPPED or self._class in FLAT:
            self.script.skipped[self._class] += 1
        elif self._class not in CLASSES:
            self._refuse(at, code, f"elements of the class {self._class!r} are not read; remove the line")
        else:
            self._values(code, words[target + 1 :] if target else words, at)

    def _more(self, code: str, words: list[Token], at: Statement) -> None:
        if self._class in SKIPPED or self._class in FLAT:
            return
        if not self._class:
            self._refuse(at, code, "the line continues none; remove it")
            return
        self._values(f"~ {code.lstrip('~')}" if code.startswith("~") else code, words, at)

    def _values(self, code: str, words: list[Token], at: Statement) -> None:
        """Values of an element: numbers, names and matrices, never a file or a library."""
        unnamed = self._class in WITH_LIBRARIES and any(word.name is None for word in words)
        library = any((word.name or "").lower() in LIBRARY_WORDS for word in words)
        if library:
            self._refuse(at, code, HARMS[LIBRARIES])
        elif unnamed:
            self._refuse(at, code, f"write name=value for every value of a {self._class}")
        else:
            self._keep(code, at)

    def _settings(self, verb: str, code: str, words: list[Token], at: Statement) -> None:
        names = [(word.name or "").lower() for word in words]
        strange = [name for name in names if name not in SETTINGS and name not in NOT_FOLLOWED]
        if strange:
            self._refuse(at, code, f"{strange[0] or 'a value without name'!r} is no setting of a load flow")
            return
        for name in names:
            if name in NOT_FOLLOWED:
                self.script.skipped[f"set {name}"] += 1
        for name, word in zip(names, words, strict=True):
            if name in SETTINGS:
                self._keep(f"set {name}={word.value}", at)
        if verb == "solve":
            self._keep("solve", at)

    def _file(
        self, verb: str, code: str, words: list[Token], at: Statement, folder: Path, depth: int
    ) -> Path:
        given = words[1].value.strip("\"'()[]{}") if len(words) == 2 else ""
        try:
            file = self.root.find(given, folder, script=verb in INCLUDES)
        except OutsideError as error:
            self._refuse(at, code, str(error))
            return folder
        if verb in COORDINATES:
            self.script.coordinates.append(file)
            return folder
        self._reads[file] += 1
        if depth >= MAX_DEPTH or self._reads[file] > MAX_READS_OF_A_FILE:
            self._refuse(at, code, "files include each other in a circle; remove the line")
            return folder
        inner = self.read(file, depth=depth + 1)
        return inner if verb == "compile" else folder

    def _keep(self, code: str, at: Statement) -> None:
        """The one way into the script: what does harm wherever it stands in a line is refused here."""
        for pattern, message in HARMS.items():
            if pattern.search(code):
                self._refuse(at, code, message)
                return
        self.script.statements.append(Statement(code, at.file, at.line))

    def _refuse(self, at: Statement, code: str, message: str) -> None:
        # A file above the folder may be another's: what stands in it is not shown.
        shown = "" if at.file.startswith("..") else code[:_SHOWN]
        self.faults.append((at.place, message, shown or None))
