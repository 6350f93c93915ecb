"""Fixtures for tests in a real browser: Chromium without any way outside, and a local app."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
START_TIMEOUT_S = 60.0
STREAMLIT_FLAGS = [
    "--server.headless=true",
    "--server.address=127.0.0.1",
    "--browser.gatherUsageStats=false",
    "--server.fileWatcherType=none",
]


@dataclass
class Traffic:
    """What a page did that it should not do."""

    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def assert_clean(self) -> None:
        assert not self.outside, f"requests to the outside: {self.outside}"
        assert not self.failed, f"failed requests: {self.failed}"
        assert not self.errors, f"script errors: {self.errors}"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no Chromium on this machine (looked for chromium, google-chrome)")


@pytest.fixture(scope="session")
def _browser(chromium_path: str) -> Iterator[object]:
    playwright_api = pytest.importorskip("playwright.sync_api")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def browser_page(_browser, traffic: Traffic) -> Iterator[object]:
    """A fresh Playwright page; everything not local is aborted and recorded in `traffic`."""
    context = _browser.new_context(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5)
    page = context.new_page()

    def guard(route) -> None:
        if _is_local(route.request.url):
            route.continue_()
        else:
            traffic.outside.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page.on("pageerror", lambda error: traffic.errors.append(str(error)))
    page.on("console", lambda message: _note_console(message, traffic))
    page.on("requestfailed", lambda request: _note_failure(request, traffic))
    page.on("response", lambda response: _note_status(response, traffic))
    yield page
    context.close()


@pytest.fixture
def streamlit_server() -> Iterator[Callable[..., str]]:
    """Factory: script path (and a base path) -> address of a running app, ended afterwards."""
    running: list[subprocess.Popen[bytes]] = []

    def start(script: Path, base_path: str = "") -> str:
        command = [sys.executable, "-m", "streamlit", "run", str(script), *STREAMLIT_FLAGS]
        command += [f"--server.baseUrlPath={base_path}"] if base_path else []
        process, address = start_server(command, "--server.port={}", base_path)
        running.append(process)
        return address

    yield start
    for process in running:
        stop_server(process)


def start_server(
    command: list[str], port_option: str, base_path: str = ""
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a command that serves on a free port; returns its process and its address once it answers."""
    port = _free_port()
    process = subprocess.Popen(
        [*command, port_option.format(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/" + (f"{base_path}/" if base_path else "")
    _wait_until_healthy(f"{address}_stcore/health", process)
    return process, address


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server, by force if it does not end by itself."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"streamlit ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"streamlit did not answer within {START_TIMEOUT_S:g} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_local(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in {"file", "data", "blob", "about"} or parts.hostname == "127.0.0.1"


def _note_console(message, traffic: Traffic) -> None:
    if message.type == "error":
        traffic.errors.append(message.text)


def _note_failure(request, traffic: Traffic) -> None:
    # A request that was cut off because its frame went away is no fault.
    if request.failure != "net::ERR_ABORTED":
        traffic.failed.append(f"{request.url} {request.failure}")


def _note_status(response, traffic: Traffic) -> None:
    if response.status >= 400:
        traffic.failed.append(f"{response.url} {response.status}")
