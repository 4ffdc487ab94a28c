"""What the documents name is there: files, headings, commands, settings."""

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from datetime import time, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.core.management import get_commands

from team_notifications.conf import DEFAULT_PREFERENCES, Settings
from team_notifications.levels import Level

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "AGENTS.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
KEYS = {field.name.upper() for field in fields(Settings)}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MANAGE = re.compile(r"manage\.py ([a-z_]+)")
MODULE = re.compile(r"-m ((?:tests|benchmarks)\.\w+)")
MAKE = re.compile(r"(?:`|^\$ )make ([a-z]+)", re.MULTILINE)
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
IN_TICKS = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")  # of more than one word
SETTING = re.compile(r"TEAM_NOTIFICATIONS = \{(.*?)\}", re.DOTALL)
FILE = re.compile(r"`((?:apps|config|docs|tests|templates|benchmarks)/[\w./-]+)`")
SOURCE = re.compile(r"`([\w/]+\.py)`")
FUNCTION = re.compile(r"`(\w+)\.(?!py`)([a-z_]+)(?:\([^)]*\))?`")
ROW = re.compile(r"^\| `(\w+)` \| `(.+?)` \| .+ \|$", re.MULTILINE)

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: document.relative_to(ROOT).as_posix()
)


def anchors(document: Path) -> set[str]:
    """What a heading is reached by, as code hosts make it: lower case, hyphens, no other punctuation."""
    headings = HEADING.findall(CODE.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_documents() -> None:
    assert all(document.is_file() for document in DOCUMENTS)
    assert len(DOCUMENTS) > 4


@each_document
def test_each_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in LINK.findall(CODE.sub("", document.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@each_document
def test_each_file_that_is_named_is_there(document: Path) -> None:
    named = {name.rstrip("/") for name in FILE.findall(document.read_text())}
    assert {name for name in named if not (ROOT / name).exists()} == set()


@each_document
def test_each_target_of_make_is_one(document: Path) -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    assert set(MAKE.findall(document.read_text())) - targets == set()


@each_document
def test_each_command_that_is_named_is_one(document: Path) -> None:
    text = document.read_text()
    assert set(MANAGE.findall(text)) - set(get_commands()) == set()
    assert {name for name in MODULE.findall(text) if find_spec(name) is None} == set()


@each_document
def test_each_setting_that_is_named_is_one(document: Path) -> None:
    """Of the module, of Django, or a variable of the environment that this project's settings or commands read."""
    readers = [ROOT / "config" / "settings.py", ROOT / "Makefile", ROOT / "tests" / "with_postgresql.py"]
    read = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", "".join(reader.read_text() for reader in readers)))
    named = {name for name in IN_TICKS.findall(document.read_text()) if not name.startswith("ANYMAIL_")}
    assert named - KEYS - read - set(dir(global_settings)) == set()
    used = {key for body in SETTING.findall(document.read_text()) for key in re.findall(r'"([A-Z_]+)":', body)}
    assert used - KEYS == set()


@each_document
def test_each_source_file_that_is_named_is_there(document: Path) -> None:
    """By its name alone, or with its folder: `schedule.py`, `teams/permissions.py`."""
    named = {name for name in SOURCE.findall(document.read_text()) if not name.startswith("stock/")}  # the example
    there = [path.as_posix() for folder in ("apps", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert {name for name in named if not any(path.endswith(f"/{name}") for path in there)} == set()


@each_document
def test_each_function_that_is_named_with_its_module_is_there(document: Path) -> None:
    """As in `inbox.visible_to(user)`."""
    for module, name in FUNCTION.findall(document.read_text()):
        sources = [path.read_text() for path in (ROOT / "apps" / "team_notifications").rglob(f"{module}.py")]
        assert not sources or any(f"def {name}(" in source for source in sources), f"{module}.{name}"


# ---- tables and trees -----------------------------------------------------------------------------------------------


def test_the_layout_names_what_there_is() -> None:
    named = set(layout())
    assert {path for path in named if not (ROOT / path).exists() and not (ROOT / f"{path}.py").exists()} == set()
    module = "apps/team_notifications"
    there = {f"{module}/{path.stem}" for path in (ROOT / module).glob("*.py")}
    assert there - named == {f"{module}/__init__", f"{module}/apps"}
    apps = {f"apps/{path.parent.name}" for path in (ROOT / "apps").glob("*/__init__.py")}
    assert apps - named == set()


def layout() -> Iterator[str]:
    """The paths in the tree in AGENTS.md: names, two spaces or more, what they are; indented under their folder."""
    (tree,) = re.findall(r"## Layout\n```\n(.*?)```", (ROOT / "AGENTS.md").read_text(), re.DOTALL)
    above: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r"  +", line.strip())[0].split()
        above[depth:] = [names[0].rstrip("/")]
        yield from ("/".join([*above[:depth], name.rstrip("/")]) for name in names)


def test_the_folders_of_the_tests_are_described() -> None:
    described = set(re.findall(r"^\| `(tests/\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    assert described == {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/__init__.py")}


# ---- docs/settings.md -----------------------------------------------------------------------------------------------


def rows(heading: str) -> Iterator[tuple[str, Any]]:
    """Name and default of each row in the section of that heading; defaults are written as in Python."""
    sections = (ROOT / "docs" / "settings.md").read_text().split("\n## ")
    (section,) = [section for section in sections if section.startswith(f"{heading}\n")]
    for name, default in ROW.findall(section):
        yield name, eval(default, {"timedelta": timedelta, "time": time, "Level": Level})


def default_of(field: "Field[Any]") -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def test_each_setting_of_the_module_is_described_once_with_its_default() -> None:
    assert sorted(rows("`TEAM_NOTIFICATIONS`")) == sorted(
        (field.name.upper(), default_of(field)) for field in fields(Settings)
    )


def test_each_default_preference_is_described_once_with_its_value() -> None:
    assert sorted(rows("`DEFAULTS`")) == sorted(DEFAULT_PREFERENCES.items())
