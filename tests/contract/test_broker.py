"""A worker is woken after the commit. When the broker is down or hangs, nothing fails and nothing is lost.

With real processes: one that reports, a Redis, a worker. They share a SQLite file, so once is enough.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from django.db import connection

from tests.ports import free_port
from tests.redis_server import redis_server

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds
SIZE, CHUNK = 7, 3

REPORT = f"""
from team_notifications.notify import create_notification
from tests.crowd import crowd
create_notification(team=crowd({SIZE}), slug="server-down", title="Server down")
print("reported")
"""
COUNT = "from team_notifications.models import UserNotification; print(UserNotification.objects.count())"


@pytest.fixture(autouse=True)
def once() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("has a database of its own")


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., list[str]]:
    """Runs a management command on a database of its own, and returns the lines it printed."""
    own = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "TEAM_NOTIFICATIONS_FANOUT_CHUNK": str(CHUNK)}

    def run(*arguments: str, redis_url: str = "") -> list[str]:
        command = [sys.executable, "manage.py", *arguments]
        environment = {**os.environ, **own, "REDIS_URL": redis_url}
        finished = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return finished.stdout.splitlines()

    run("migrate", "--verbosity=0")
    return run


def rows(manage: Callable[..., list[str]]) -> int:
    return int(manage("shell", "--verbosity=0", "-c", COUNT)[-1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_broker_that_is_down_fails_nothing_and_the_sweeper_finishes(manage: Callable[..., list[str]]) -> None:
    printed = manage("shell", "-c", REPORT, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert printed[-1] == "reported"
    assert rows(manage) == CHUNK
    manage("run_notifications", "--once")
    assert rows(manage) == SIZE


def test_a_broker_that_hangs_is_given_up_and_the_sweeper_finishes(
    manage: Callable[..., list[str]], silent_port: int
) -> None:
    printed = manage("shell", "-c", REPORT, redis_url=f"redis://127.0.0.1:{silent_port}/0")
    assert printed[-1] == "reported"
    assert rows(manage) == CHUNK
    manage("run_notifications", "--once")
    assert rows(manage) == SIZE


def test_a_worker_that_was_woken_tells_the_rest(manage: Callable[..., list[str]], tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis_url:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
            "TEAM_NOTIFICATIONS_FANOUT_CHUNK": str(CHUNK),
            "REDIS_URL": redis_url,
        }
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool=solo", "--loglevel=ERROR"]
        with subprocess.Popen(command, cwd=ROOT, env=environment) as worker:
            try:
                manage("shell", "-c", REPORT, redis_url=redis_url)
                deadline = monotonic() + PATIENCE
                while rows(manage) < SIZE:
                    assert monotonic() < deadline, "the worker did not finish"
            finally:
                worker.terminate()
