"""SimBench: folders of its CSV tables, and its codes where the package with the data is installed.

A code like `1-LV-rural1--0-sw` names a part of one large folder that the package carries; the part is cut
out here as SimBench cuts it out, by the subnet its rows belong to. Neither the package nor pandapower is
imported.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats.csv_tables import read_table
from gis.formats.source import Dialect, Source
from gis.voltage import LV_MAX_KV

TABLES = (
    "Node", "Line", "LineType", "Transformer", "TransformerType", "Switch", "Load", "RES", "ExternalNet",
    "Coordinates", "PowerPlant", "Storage", "Shunt", "StudyCases",
)  # fmt: skip
_TELLING = ("Node.csv", "Line.csv", "LineType.csv", "ExternalNet.csv")
_CODE = re.compile(r"1-(EHV|HV|MV|LV)(HV|MV|LV)?-([a-z]+\d?)-([A-Za-z0-9.]*)-([012])-(?:no_)?sw")
# SimBench's numbering of its grids (simbench.networks, version 1.6.3).
_GRIDS = {
    "EHV": {"mixed": "EHV1"},
    "HV": {"mixed": "HV1", "urban": "HV2"},
    "MV": {"rural": "MV1.101", "semiurb": "MV2.101", "urban": "MV3.101", "comm": "MV4.101"},
    "LV": {
        "rural1": "LV1.101", "rural2": "LV2.101", "rural3": "LV3.101", "semiurb4": "LV4.101",
        "semiurb5": "LV5.201", "urban6": "LV6.201",
    },
}  # fmt: skip
# Lowest voltage [kV] of its levels 1 to 5; below the last is level 7, low voltage.
_LEVELS = ((145.0, "1"), (60.0, "3"), (LV_MAX_KV, "5"))
# Tables whose rows belong to both grids they stand between.
_SHARED = ("Node", "Coordinates", "Switch")


@dataclass(frozen=True)
class Code:
    """A SimBench code taken apart: the grid, the grids below it that come with it, the scenario."""

    level: str
    below: str
    kind: str
    which: str
    scenario: str

    @property
    def folder(self) -> str:
        return f"1-complete_data-mixed-all-{self.scenario}-sw"


def parse_code(text: str) -> Code | None:
    """Take a code apart; None where the text is none.

    Examples
    --------
    >>> parse_code("1-LV-rural1--0-sw").level, parse_code("town.gpkg")
    ('LV', None)
    """
    found = _CODE.fullmatch(text)
    if found is None or found[3] not in _GRIDS[found[1]]:
        return None
    return Code(found[1], found[2] or "", found[3], found[4], found[5])


def recognises(path: Path) -> bool:
    """Tell whether the path is a folder of SimBench tables, or a code instead of a path."""
    if path.is_dir():
        return all((path / name).is_file() for name in _TELLING)
    return not path.exists() and parse_code(str(path)) is not None


def read(path: Path, dialect: Dialect) -> Source:
    """Read the tables of elements and types; profiles are not read.

    Raises
    ------
    InputError
        A table is damaged; or it is a code and the data are not installed.
    """
    code = None if path.is_dir() else parse_code(str(path))
    folder = path if code is None else package_folder(path) / code.folder
    text = Dialect(dialect.encoding, dialect.delimiter or ";", dialect.decimal or ".")
    there = [name for name in TABLES if (folder / f"{name}.csv").is_file()]
    read = {name: read_table(folder / f"{name}.csv", text) for name in there}
    layers = {name: frame.replace("NULL", None) for name, (frame, _) in read.items()}
    if code is not None:
        layers = cut_out(layers, code)
    if "StudyCases" in layers:
        layers["StudyCases"] = _cases_of_level(layers["StudyCases"], layers["Node"])
    return Source(layers, join_findings([told for _, told in read.values()]), "simbench")


def package_folder(asked: Path) -> Path:
    """The folder of data in the installed package `simbench`.

    Raises
    ------
    InputError
        It is not installed.
    """
    spec = importlib.util.find_spec("simbench")
    if spec is None or not spec.submodule_search_locations:
        message = (
            "the data of SimBench are not installed; run `pip install simbench`, "
            "or name a folder of its CSV files"
        )
        raise InputError(str(asked), make_findings("file_missing", "file", [""], message))
    return Path(next(iter(spec.submodule_search_locations))) / "networks"


def cut_out(layers: dict[str, pd.DataFrame], code: Code) -> dict[str, pd.DataFrame]:
    """Rows of the grid a code names, and of the grids below it that come with it.

    A row's subnet reads "own_neighbour": rows of the neighbour's side stand for it as an equivalent, and
    are left out where the neighbour itself comes along.

    Raises
    ------
    InputError
        There is no such grid below.
    """
    own = _GRIDS[code.level][code.kind]
    below = _below(layers["Load"], own, code)
    auxiliary = set(layers["Node"].loc[layers["Node"]["type"] == "auxiliary", "id"])
    return {name: _cut(frame, name, own, below, auxiliary) for name, frame in layers.items()}


def _below(loads: pd.DataFrame, own: str, code: Code) -> set[str]:
    """Grids below, told from the equivalent loads that stand for them."""
    if not code.below:
        return set()
    parts = loads["subnet"].str.split("_", expand=True).reindex(columns=[0, 1])
    there = set(parts.loc[(parts[0] == own) & parts[1].str.startswith(code.below, na=False), 1])
    if code.which == "all":
        return there
    wanted = f"{code.below}{code.which}"
    if wanted not in there:
        message = (
            f"there is no grid {code.which!r} below {own}; there are: {', '.join(sorted(there))}, or all"
        )
        raise InputError(code.folder, make_findings("file_missing", "file", [""], message))
    return {wanted}


def _cut(frame: pd.DataFrame, name: str, own: str, below: set[str], auxiliary: set[str]) -> pd.DataFrame:
    if "subnet" not in frame:
        return frame
    parts = frame["subnet"].str.split("_", expand=True).reindex(columns=[0, 1])
    first, second = parts[0], parts[1]
    taken = (first == own) | first.isin(below)
    if name in _SHARED:
        shared = second == own
        if name == "Switch":
            shared &= ~frame["nodeA"].isin(auxiliary) & ~frame["nodeB"].isin(auxiliary)
        taken |= shared
    else:
        taken &= ~((first == own) & second.isin(below)) & ~(first.isin(below) & (second == own))
    return frame[taken].reset_index(drop=True)


def _cases_of_level(cases: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    """Study cases of the lowest voltage that more than two nodes have, as SimBench chooses them."""
    count = pd.to_numeric(nodes["vmR"], errors="coerce").value_counts()
    lowest = float(count[count > 2].index.min()) if (count > 2).any() else np.nan
    level = next((level for limit, level in _LEVELS if lowest >= limit), "7")
    return cases[cases["voltLvl"] == level].reset_index(drop=True)
