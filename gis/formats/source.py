"""`Source`: what a format read from a file, and `Dialect`: what the file cannot say about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from gis.findings import empty_findings


@dataclass(frozen=True)
class Dialect:
    """How the text of a file is to be read; what is absent is told from the bytes.

    Attributes
    ----------
    encoding
        Encoding of text in Shapefile and CSV, like "gb18030".
    delimiter, decimal
        Of CSV: what stands between cells and before decimals.
    """

    encoding: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """Raw layers of a file.

    Attributes
    ----------
    layers
        Frames by layer name, ids as ordinary columns; with geometry where the layer has places.
    findings
        What reading found: "quarantine" and "warning" rows; a fault of the file is raised instead.
    profile
        Name of the shipped mapping that reads these layers; "" where they need one of the user's or are
        canonical.
    """

    layers: dict[str, pd.DataFrame]
    findings: pd.DataFrame = field(default_factory=empty_findings)
    profile: str = ""
