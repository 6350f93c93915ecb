"""From a `GridModel` to numbers: its compiled grid, and what a scenario injects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from gis.errors import InputError
from gis.findings import make_findings
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.switching import SwitchingGrid, compile_switching
from gridmodel.model import GridModel
from gridmodel.points import factors_of
from gridmodel.scenario import Scenario

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

_COMPILED: WeakKeyDictionary[GridModel, tuple[bytes, CompiledGrid]] = WeakKeyDictionary()
_SWITCHED: WeakKeyDictionary[GridModel, tuple[bytes, SwitchingGrid]] = WeakKeyDictionary()
# Columns a compiled grid does not rest on: labels, and what each scenario sets anew.
_LABELS = {"name", "std_type", "geo", "zone", "type"}
_SET_BY_SCENARIOS = {("load", "scaling"), ("sgen", "scaling")}


def compiled(model: GridModel) -> CompiledGrid:
    """Compile the model's net, once for as long as the numbers in its tables stay the same.

    Raises
    ------
    InputError
        No source is in service.
    """
    state = fingerprint(model.net)
    if model not in _COMPILED or _COMPILED[model][0] != state:
        with _source_needed():
            _COMPILED[model] = (state, compile_grid(model.net))
    return _COMPILED[model][1]


def compiled_switching(model: GridModel, joints: np.ndarray) -> SwitchingGrid:
    """Compile the model's net for switching states, once for as long as its tables and joints stay.

    Parameters
    ----------
    joints
        As `compile_switching`.

    Raises
    ------
    InputError
        The network has no source, or something the engine cannot represent.
    """
    state = fingerprint(model.net) + joints.tobytes()
    if model not in _SWITCHED or _SWITCHED[model][0] != state:
        with _source_needed():
            _SWITCHED[model] = (state, compile_switching(model.net, joints))
    grid = _SWITCHED[model][1]
    if grid.out_of_scope:
        message = (
            f"switching states are solved by the engine, which does not know {', '.join(grid.out_of_scope)}"
        )
        raise InputError("network", make_findings("out_of_scope", "network", [""], message))
    return grid


@contextmanager
def _source_needed() -> Iterator[None]:
    try:
        yield
    except UserWarning as missing_source:  # pandapower's own, bare
        fault = make_findings("no_source", "sources", [""], str(missing_source))
        raise InputError("network", fault) from missing_source


def fingerprint(net: pandapowerNet) -> bytes:
    """Digest of what a compiled grid rests on: everything in the tables of elements but their labels."""
    digest = blake2b(repr((net["sn_mva"], net["f_hz"])).encode(), digest_size=16)
    for name, table in net.items():
        if isinstance(table, pd.DataFrame) and len(table) and not name.startswith(("res_", "_")):
            for column in table.columns:
                if column not in _LABELS and (name, column) not in _SET_BY_SCENARIOS:
                    digest.update(_content(table[column]))
            digest.update(repr((name, table.shape)).encode())
    return digest.digest()


def injection_pu(model: GridModel, scenario: Scenario) -> np.ndarray:
    """Complex power injected per row of the compiled grid [pu] in a scenario."""
    return compiled(model).injection_pu(*factors_of(model, scenario))


def _content(values: pd.Series) -> bytes:
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
        return values.to_numpy().tobytes()
    return repr(values.tolist()).encode()
