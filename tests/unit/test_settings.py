"""The settings of a deployment: nothing secret has a default there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = {"SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "example.com", "DATABASE_URL": "sqlite:////tmp/none.sqlite3"}
OTHERS = {
    *("DEBUG", "DEMO", "REDIS_URL", "SITE_URL"),
    *("DEFAULT_FROM_EMAIL", "EMAIL_URL", "EMAIL_BACKEND", "ANYMAIL_WEBHOOK_SECRET"),
}

INTERRUPT = """
import signal, sys

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Finder)
"""


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with these variables and none of the caller's that the settings read."""
    kept = {name: value for name, value in os.environ.items() if name not in {*COMPLETE, *OTHERS}}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def check(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("manage.py", "check", *arguments, **variables)


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


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ENVIRONMENT": "local"}, "demo.mail.EmailBackend localhost 25"),
        ({"ENVIRONMENT": "local", "DEMO": "0"}, "django.core.mail.backends.smtp.EmailBackend localhost 25"),
        (COMPLETE, "django.core.mail.backends.smtp.EmailBackend localhost 25"),
        (
            {**COMPLETE, "EMAIL_URL": "smtp+tls://me:p%40ss@mail.example.com:587"},
            "django.core.mail.backends.smtp.EmailBackend mail.example.com 587 me p@ss True",
        ),
        (
            {"ENVIRONMENT": "local", "EMAIL_URL": "smtp://mail.example.com:2525"},
            "django.core.mail.backends.smtp.EmailBackend mail.example.com 2525",
        ),
        (
            {**COMPLETE, "EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"},
            "anymail.backends.postmark.EmailBackend localhost 25",
        ),
    ],
)
def test_the_environment_says_where_mails_go(variables: dict[str, str], expected: str) -> None:
    names = [f"EMAIL_{name}" for name in ("BACKEND", "HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS")]
    show = f"from django.conf import settings; print(*[getattr(settings, name) or '' for name in {names}])"
    result = run("-c", show, **{"ENVIRONMENT": "production", "DJANGO_SETTINGS_MODULE": "config.settings", **variables})
    assert result.stdout.strip() == expected, result.stderr


def test_a_provider_without_a_webhook_secret_is_reported_and_with_one_is_well() -> None:
    provider = {
        "EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend",
        "ANYMAIL_POSTMARK_SERVER_TOKEN": "token",
    }
    without = check(ENVIRONMENT="production", **COMPLETE, **provider)
    assert "team_notifications.E007" in without.stderr
    secret = {"ANYMAIL_WEBHOOK_SECRET": "postmark:secret"}
    assert check(ENVIRONMENT="production", **COMPLETE, **provider, **secret).returncode == 0


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("app.example.com,www.example.com", "https://app.example.com notifications@app.example.com"),
        (".example.com", "https://example.com notifications@example.com"),
    ],
)
def test_mails_are_from_the_first_host_and_lead_there(hosts: str, expected: str) -> None:
    show = "from django.conf import settings; print(settings.SITE_URL, settings.DEFAULT_FROM_EMAIL)"
    variables = {**COMPLETE, "ENVIRONMENT": "production", "ALLOWED_HOSTS": hosts}
    assert run("-c", show, DJANGO_SETTINGS_MODULE="config.settings", **variables).stdout.strip() == expected


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"DATABASE_URL": "foo://user:secret@x/"},
            "DATABASE_URL begins with 'foo'; ['postgres', 'postgresql', 'sqlite'] are known.",
        ),
        ({"VAR_DIR": "/dev/null/var"}, "VAR_DIR=/dev/null/var cannot be made: Not a directory."),
        ({"ENVIRONMENT": "production"}, "Set SECRET_KEY: it has no default when ENVIRONMENT=production."),
    ],
)
def test_what_is_wrong_with_the_environment_is_one_line(variables: dict[str, str], line: str) -> None:
    result = run("manage.py", "run_demo", **variables)
    assert (result.returncode, result.stderr) == (1, f"ImproperlyConfigured: {line}\n")


def test_the_folder_for_what_is_written_is_made_with_its_parents(tmp_path: Path) -> None:
    assert check(VAR_DIR=str(tmp_path / "a" / "b")).returncode == 0


@pytest.mark.parametrize("module", ["django.core.management", "config.settings"])
def test_ctrl_c_while_it_starts_is_quiet(tmp_path: Path, module: str) -> None:
    """The interrupt comes while `module` is imported."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT.format(module=module))
    result = run("manage.py", "check", PYTHONPATH=str(tmp_path))
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")
