"""All entries of the corpus, and those whose outcome is not reached yet, with the reason.

python -m tests.corpus.make_corpus FOLDER      writes every file, to look at them
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.corpus import elements, files, hostile
from tests.corpus.town import CANARY, BadFile, Surroundings

CORPUS: tuple[BadFile, ...] = (*elements.ENTRIES, *files.ENTRIES, *hostile.ENTRIES)


def surroundings(folder: Path, url: str) -> Surroundings:
    """What hostile files reach for, beside the folder they lie in."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "secret.csv"
    secret.write_text(f"line_id,secret\n{CANARY},do not show\n", encoding="utf-8")
    return Surroundings(secret, url, folder / "trace")


def main() -> None:
    """Write every file into a folder."""
    target = Path(sys.argv[1])
    around = surroundings(target / "around", "http://127.0.0.1:9/x")
    for entry in CORPUS:
        place = target / entry.name.replace(".", "_")
        place.mkdir(parents=True)
        entry.make(place / entry.name, around)


if __name__ == "__main__":
    main()
