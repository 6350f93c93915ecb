"""What commands do first: read a network, build its model, solve a scenario; refusals before any work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from capacity import output

if TYPE_CHECKING:
    from capacity.checks import Yardstick
    from capacity.limits import Limits
    from gis import Network
    from gridmodel import GridModel, LoadFlowResult


def network_of(path: Path) -> Network:
    """Read a network, with the rules a load flow needs."""
    output.progress(f"reading {path}")
    from gis import read_network
    from gridmodel import rules_for

    return read_network(path, rules=rules_for())


def model_of(grid: Network) -> GridModel:
    """Build the model of a network."""
    output.progress("loading pandapower, building the model")
    from gridmodel import build_model

    return build_model(grid)


def solved(
    grid: Network, scenario: str | None, limits: Limits
) -> tuple[GridModel, Yardstick, LoadFlowResult]:
    """Refuse what can be known to be wrong, then solve one scenario and lay the limits over it."""
    from capacity.checks import make_yardstick
    from gridmodel import find_scenario, run_load_flow

    chosen, yardstick = find_scenario(grid, scenario), make_yardstick(grid, limits)
    model = model_of(grid)
    output.progress("solving")
    return model, yardstick, run_load_flow(model, chosen)
