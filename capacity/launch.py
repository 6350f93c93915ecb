"""Start the map: Streamlit as a process of its own, on this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from capacity.demo import demo_network_path

NETWORK_VARIABLE = "FEEDERPLAN_NETWORK"
# Names the project file that the pages open.
PROJECT_VARIABLE = "FEEDERPLAN_PROJECT"
_HERE = Path(__file__).parent


def app_script() -> Path:
    """The router: inside `app_pages` when installed, `app.py` at the top of a checkout."""
    packaged = _HERE.parent / "app_pages" / "app.py"
    return packaged if packaged.is_file() else _HERE.parent / "app.py"


def server_command(port: int, *, headless: bool) -> list[str]:
    """Command line of the server: loopback only, no usage statistics, no traceback shown to users."""
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": str(headless).lower(),
        "server.maxUploadSize": "50",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        # Ours says where the map is; theirs brings advertisements that cover a page's questions.
        "logger.hideWelcomeMessage": "true",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(app_script()), *flags]


def run_app(network: Path | None, *, port: int, headless: bool, project: Path | None = None) -> int:
    """Run the map until it is stopped; returns the server's exit code where it does not take our place.

    Parameters
    ----------
    project
        Project file with the register (`capacity.store.project_path` where none is named).

    Raises
    ------
    FileNotFoundError
        There is no such network.
    """
    path = (network or demo_network_path()).resolve()
    if not path.exists():
        raise FileNotFoundError(2, "no such network", str(path))
    where = f"http://127.0.0.1:{port}"
    print(f"feederplan: the map is at {where} (stop with Ctrl+C)", file=sys.stderr, flush=True)  # noqa: T201
    environment = {**os.environ, NETWORK_VARIABLE: str(path)}
    if project is not None:
        environment[PROJECT_VARIABLE] = str(project.resolve())
    command = server_command(port, headless=headless)
    if os.name == "posix":  # the server takes this process's place: a signal to us stops it
        os.execve(command[0], command, environment)
    return subprocess.run(command, env=environment, check=False).returncode
