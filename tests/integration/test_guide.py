"""The blocks of “Adding a notification to your feature” are a feature that works: they are put together and run.

In processes of their own, with a database of their own: the feature is one more app, with its table and its kind.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
GUIDE = ROOT / "docs" / "adding-a-notification.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (stock/\w+\.py)\n")
PATIENCE = 600  # seconds

SETTINGS = """
from config.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "stock"]
DATABASES["default"]["TEST"] = {test_database!r}
"""


def blocks() -> list[tuple[str, str]]:
    """(file, code) of each block, in the order of the page."""
    found = []
    for language, code in BLOCK.findall(GUIDE.read_text()):
        named = NAMED.match(code)
        assert language == "python", f"A block of {language or 'no language'!r} is not run:\n{code}"
        assert named, f"The first line of this block does not name its file:\n{code}"
        found.append((named[1], code))
    return found


@pytest.fixture
def feature(tmp_path: Path) -> Path:
    """A folder with the app of the page, and the settings of a project that has it."""
    files: dict[str, list[str]] = defaultdict(list, {"stock/__init__.py": []})
    for name, code in blocks():
        files[name].append(code)
    (tmp_path / "stock").mkdir()
    for name, parts in files.items():
        (tmp_path / name).write_text("\n\n".join(parts))
    (tmp_path / "conftest.py").write_text("from tests.conftest import cast\n")
    # Beside that of these tests, on the same server.
    test_database = {"NAME": f"test_guide_{os.getpid()}"} if "DATABASE_URL" in os.environ else {}
    (tmp_path / "guide_settings.py").write_text(SETTINGS.format(test_database=test_database))
    return tmp_path


def run(feature: Path, *arguments: str) -> str:
    """What Python prints for these arguments, in a project with the feature; it must go well."""
    own = {
        "PYTHONPATH": os.pathsep.join([str(feature), str(ROOT / "apps"), str(ROOT)]),
        "DJANGO_SETTINGS_MODULE": "guide_settings",
        "VAR_DIR": str(feature / "var"),
    }
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_feature_of_the_page_works_and_its_tests_pass(feature: Path) -> None:
    run(feature, "manage.py", "makemigrations", "stock", "--verbosity=0")
    run(feature, "manage.py", "check", "--fail-level=WARNING")
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", f"--confcutdir={feature}"]
    printed = run(feature, "-m", "pytest", "-c", "pyproject.toml", *options, str(feature / "stock" / "test_stock.py"))
    tests = sum(code.count("\ndef test_") for _, code in blocks())
    assert tests > 0
    assert f"\n{tests} passed" in printed


def test_its_blocks_are_in_the_form_of_the_project(tmp_path: Path) -> None:
    for number, (name, code) in enumerate(blocks()):
        (tmp_path / f"{number:02}_{Path(name).name}").write_text(code)
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--no-cache", "--config", "pyproject.toml"]
    result = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
