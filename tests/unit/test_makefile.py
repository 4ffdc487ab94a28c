"""What `make` says on a machine that has not what it needs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(shutil.which("make") is None, reason="needs make"),
]


def make_install(folder: Path, python: str) -> tuple[int, str]:
    """`make install` as in a fresh clone: there is no .venv."""
    command = ["make", "--silent", "install", f"PYTHON={python}", f"VENV={folder}/venv"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not (folder / "venv").exists()
    return result.returncode, result.stderr


def test_an_old_python_gets_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python"
    # Runs what it is given, with another version than its own.
    old.write_text(
        """#!/bin/sh
exec python3 -c 'import sys; sys.version_info = (3, 9, 18, "final", 0); exec(sys.argv[1])' "$2"
"""
    )
    old.chmod(0o755)
    code, errors = make_install(tmp_path, str(old))
    assert code != 0
    assert errors.splitlines()[0] == (f"Python 3.11 or newer is needed; {old} is 3.9. Set PYTHON=/path/to/python3.11.")


def test_no_python_gets_one_line(tmp_path: Path) -> None:
    code, errors = make_install(tmp_path, "/nowhere/python3.11")
    assert code != 0
    assert errors.splitlines()[0] == (
        "There is no /nowhere/python3.11 here. Install Python 3.11 or newer, or set PYTHON=/path/to/python3.11."
    )
