"""What README says is run: its commands with their output, its Python, and the generated pages."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Every `$ command` of the console blocks with the output shown under it."""
    parts = [part for block in blocks("console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    return [(part.splitlines()[0], "\n".join(part.splitlines()[1:])) for part in parts if part.strip()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("readme")
    run("feederplan demo --out .", place)
    return place


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    assert words[0] == "feederplan"
    python = [sys.executable, "-c", "from capacity.cli import main; main()", *words[1:]]
    done = subprocess.run(python, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.rstrip("\n")


@pytest.mark.parametrize(("command", "shown"), commands(), ids=[c.split()[1] for c, _ in commands()])
def test_readme_command_prints_what_readme_shows(command: str, shown: str, folder: Path) -> None:
    assert run(command, folder) == shown


def test_readme_python_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert blocks("python")
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})


def test_tables_page_is_made_from_the_schema() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    import make_docs

    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == make_docs.tables_page(), "run `make docs`"


def test_every_local_link_of_readme_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
