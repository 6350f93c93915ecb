"""From a `GridModel` to numbers: its compiled grid, and what a scenario injects."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from gis.errors import InputError
from gis.findings import make_findings
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.model import GridModel
from gridmodel.scenario import Scenario

_COMPILED: WeakKeyDictionary[GridModel, CompiledGrid] = WeakKeyDictionary()


def compiled(model: GridModel) -> CompiledGrid:
    """Compile the model's net once; a net whose tables are changed afterwards must be built anew.

    Raises
    ------
    InputError
        No source is in service.
    """
    if model not in _COMPILED:
        try:
            _COMPILED[model] = compile_grid(model.net)
        except UserWarning as missing_source:  # pandapower's own, bare
            fault = make_findings("no_source", "sources", [""], str(missing_source))
            raise InputError("network", fault) from missing_source
    return _COMPILED[model]


def injection_pu(model: GridModel, scenario: Scenario) -> np.ndarray:
    """Complex power injected per row of the compiled grid [pu] in a scenario."""
    network = model.network
    return compiled(model).injection_pu(
        scenario.load_factors(network.loads["customer_class"]).to_numpy(dtype=float),
        scenario.generation_factors(network.generators["kind"]).to_numpy(dtype=float),
    )
