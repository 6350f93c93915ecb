"""The map's server: on this machine only, without telling anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from capacity.launch import app_script, run_app, server_command


def test_the_router_is_there() -> None:
    assert app_script().is_file()


def test_the_server_listens_on_loopback_only_and_sends_no_statistics() -> None:
    command = server_command(8765, headless=True)
    assert "--server.address=127.0.0.1" in command
    assert "--server.port=8765" in command
    assert "--browser.gatherUsageStats=false" in command
    assert "--client.showErrorDetails=none" in command


def test_a_network_that_is_not_there_starts_no_server(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_app(tmp_path / "none.gpkg", port=8765, headless=True)


def test_the_server_brings_no_questions_and_no_advertisements_of_its_own() -> None:
    command = server_command(8501, headless=False)
    assert {"--server.showEmailPrompt=false", "--logger.hideWelcomeMessage=true"} <= set(command)
