"""Where the project file of a network lies when nobody names one."""

from __future__ import annotations

import os
from pathlib import Path

from capacity.demo import demo_network_path
from capacity.launch import PROJECT_VARIABLE

SUFFIX = ".fplan"


def project_path(network: Path) -> Path:
    """The file the environment names (`feederplan app --project`), else one beside the network.

    The demo area is part of the program: its project file lies in the user's own folder.

    Examples
    --------
    >>> project_path(Path("grids/town.gpkg")).name
    'town.fplan'
    """
    named = os.environ.get(PROJECT_VARIABLE)
    if named:
        return Path(named)
    network = network.resolve()
    if network == demo_network_path().resolve():
        return _user_folder() / f"{network.stem}{SUFFIX}"
    return network.with_name(f"{network.stem}{SUFFIX}")


def _user_folder() -> Path:
    """Folder of the user's data: made when it is first asked for."""
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_DATA_HOME")
    folder = (Path(base) if base else Path.home() / ".local" / "share") / "feederplan"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
