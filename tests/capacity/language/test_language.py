"""How languages write figures, and that all message files say the same in every language."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import capacity.language.messages as message_files
from capacity.language import faults_of_messages, languages, read_language, read_messages
from gis import InputError

ROOT = Path(__file__).parents[3]
FOLDERS = sorted({path.parent for path in ROOT.glob("*/**/messages/en.toml") if ".venv" not in path.parts})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_language_has_the_same_keys_and_placeholders(folder: Path) -> None:
    assert faults_of_messages(folder) == []


def test_there_are_messages() -> None:
    assert FOLDERS


@pytest.mark.parametrize(
    ("code", "number", "day", "month", "list_of_three"),
    [
        ("en", "-1,234.50", "9 March 2027", "March 2027", "a, b and c"),
        ("de", "-1.234,50", "9. März 2027", "März 2027", "a, b und c"),
        ("zh", "-1,234.50", "2027年3月9日", "2027年3月", "a、b和c"),
    ],
)
def test_figures_are_written_as_the_language_writes_them(
    code: str, number: str, day: str, month: str, list_of_three: str
) -> None:
    language, date = read_language(code), dt.date(2027, 3, 9)
    assert language.number(-1234.5, 2) == number
    assert language.number(-0.001, 2).lstrip("0.,") == ""
    assert (language.day(date), language.month_of(date)) == (day, month)
    assert language.listed(["a", "b", "c"]) == list_of_three
    assert language.listed(["a"]) == "a"


def test_a_language_nobody_wrote_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="en, de, zh"):
        read_language("xx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of messages that all languages agree on."""
    texts = {
        "en": '[homes]\none = "a home of {name}"\nother = "{count} homes of {name}"',
        "de": '[homes]\none = "eine Wohnung von {name}"\nother = "{count} Wohnungen von {name}"',
        "zh": '[homes]\nother = "{name}的{count}套住宅"',
    }
    for code, text in texts.items():
        (tmp_path / f"{code}.toml").write_text(text, encoding="utf-8")
    message_files._read.cache_clear()
    return tmp_path


def test_a_count_takes_the_form_of_its_language_and_a_name_is_no_template(folder: Path) -> None:
    name = "{count} {0.__class__}"
    assert faults_of_messages(folder) == []
    assert read_messages(folder, "en").count("homes", 1, name=name) == f"a home of {name}"
    assert read_messages(folder, "de").count("homes", 1500, name=name) == f"1.500 Wohnungen von {name}"
    assert read_messages(folder, "zh").count("homes", 1, name=name) == f"{name}的1套住宅"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[homes]\none = "{name}"\nother = "{count} Wohnungen"', "de: homes has the placeholders"),
        ('[homes]\nother = "{count} Wohnungen von {name}"', "de: homes is not told in the forms one, other"),
        ("", "de: homes is missing"),
        ('more = "x"\n[homes]\none = "{name}"\nother = "{count} {name}"', "de: more is in no other language"),
    ],
)
def test_what_one_language_says_otherwise_is_found(folder: Path, text: str, fault: str) -> None:
    (folder / "de.toml").write_text(text, encoding="utf-8")
    message_files._read.cache_clear()
    assert any(line.startswith(fault) for line in faults_of_messages(folder))


def test_every_language_writes_twelve_months() -> None:
    assert all(len(set(language.months)) == 12 for language in languages().values())
