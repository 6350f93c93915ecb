"""From a `GridModel` to numbers: its compiled grid, and what a scenario injects."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from gis.errors import InputError
from gis.findings import make_findings
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.model import GridModel
from gridmodel.points import factors_of
from gridmodel.scenario import Scenario

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

_COMPILED: WeakKeyDictionary[GridModel, tuple[bytes, CompiledGrid]] = WeakKeyDictionary()
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
        try:
            _COMPILED[model] = (state, compile_grid(model.net))
        except UserWarning as missing_source:  # pandapower's own, bare
            fault = make_findings("no_source", "sources", [""], str(missing_source))
            raise InputError("network", fault) from missing_source
    return _COMPILED[model][1]


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
