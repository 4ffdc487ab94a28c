"""The settings of a deployment: nothing secret has a default there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = {"SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "example.com", "DATABASE_URL": "sqlite:////tmp/none.sqlite3"}


def check(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `manage.py check` with these variables and none of the caller's that the settings read."""
    kept = {name: value for name, value in os.environ.items() if name not in {*COMPLETE, "DEBUG", "DEMO", "REDIS_URL"}}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=ROOT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_clone_needs_no_variable() -> None:
    assert check(ENVIRONMENT="local").returncode == 0


def test_a_complete_deployment_passes_every_deployment_check() -> None:
    secret = "".join(chr(33 + number) for number in range(80))
    complete = {**COMPLETE, "SECRET_KEY": secret}
    result = check("--deploy", "--fail-level", "WARNING", ENVIRONMENT="production", **complete)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("missing", sorted(COMPLETE))
def test_a_deployment_without_a_secret_says_which(missing: str) -> None:
    rest = {name: value for name, value in COMPLETE.items() if name != missing}
    result = check(ENVIRONMENT="production", **rest)
    assert result.returncode != 0
    assert f"Set {missing}: it has no default when ENVIRONMENT=production." in result.stderr
