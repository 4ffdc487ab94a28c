"""`make run` as somebody at a terminal sees it: the command is run, and its processes are looked at from outside."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer

import httpx
import psutil
import pytest
from django.conf import settings

PATIENCE = 60  # seconds; nothing waits so long unless it is broken
NO_BROKER = "redis://127.0.0.1:1/0"  # nothing listens there


def run_demo(folder: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    own = {
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "ENVIRONMENT": "local",
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "run_demo", *options],
        cwd=settings.BASE_DIR,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def complaint(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Exit code and error output of a start that fails."""
    process = run_demo(folder, *options, **environment)
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


@pytest.fixture
def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield str(listener.getsockname()[1])


def test_a_port_in_use_gets_one_line(tmp_path: Path, taken_port: str) -> None:
    code, errors = complaint(tmp_path, "--port", taken_port)
    other = int(taken_port) + 1
    assert code == 1
    assert errors == (
        f"CommandError: Port {taken_port} is in use. Stop what listens there, or take another: make run PORT={other}\n"
    )


def test_a_port_that_does_not_exist_gets_one_line(tmp_path: Path) -> None:
    assert complaint(tmp_path, "--port", "80000") == (
        1,
        "CommandError: There is no port 80000; ports go from 1 to 65535.\n",
    )


def test_a_broken_database_file_gets_one_line(tmp_path: Path, free_port: str) -> None:
    database = tmp_path / "db.sqlite3"
    database.write_bytes(b"this is no database, whatever its name says" * 100)
    code, errors = complaint(tmp_path, "--port", free_port)
    assert code == 1
    assert errors == (
        f"CommandError: {database} cannot be read (file is not a database); move it away and start again.\n"
    )


def test_a_database_server_that_is_away_gets_one_line(tmp_path: Path, free_port: str) -> None:
    code, errors = complaint(tmp_path, "--port", free_port, DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert code == 1
    assert errors.startswith("CommandError: The database nothing does not answer: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("redis_url", "moment", "number"),
    [
        pytest.param("", "sue@example.com", signal.SIGINT, id="with its own Redis"),
        pytest.param(NO_BROKER, "sue@example.com", signal.SIGTERM, id="without a broker"),
        pytest.param("", "sue@example.com", signal.SIGHUP, id="when the terminal is closed"),
        pytest.param("", "started (pid=", signal.SIGINT, id="when it is stopped while it starts"),
        pytest.param("", "Preparing the database", signal.SIGINT, id="when it is stopped before it starts"),
    ],
)
def test_nothing_is_left_running(
    tmp_path: Path, free_port: str, redis_url: str, moment: str, number: signal.Signals
) -> None:
    demo = run_demo(tmp_path, "--port", free_port, REDIS_URL=redis_url)
    try:
        read_until(demo, moment)
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=PATIENCE)
        assert running(tmp_path) == []
    finally:
        for process in running(tmp_path):
            process.kill()
        demo.communicate()
    assert (demo.returncode, errors) == (0, "")


@pytest.mark.parametrize("redis_url", ["", NO_BROKER], ids=["own Redis", "no broker"])
def test_it_says_where_it_is_and_answers_there(tmp_path: Path, free_port: str, redis_url: str) -> None:
    demo = run_demo(tmp_path, "--port", free_port, REDIS_URL=redis_url)
    try:
        printed = read_until(demo, "sue@example.com")
        assert httpx.get(f"http://127.0.0.1:{free_port}/demo/healthy/").status_code == 200
    finally:
        demo.terminate()
        demo.communicate(timeout=PATIENCE)
    assert f"The demo is at http://127.0.0.1:{free_port}/" in printed
    assert ("Nothing answers at REDIS_URL (127.0.0.1): running without a broker." in printed) is bool(redis_url)


def test_a_process_that_ends_by_itself_ends_the_others(tmp_path: Path, free_port: str) -> None:
    demo = run_demo(tmp_path, "--port", free_port, REDIS_URL=NO_BROKER)
    try:
        read_until(demo, "sue@example.com")
        (web,) = [process for process in running(tmp_path) if "uvicorn" in process.cmdline()]
        web.kill()
        _, errors = demo.communicate(timeout=PATIENCE)
        assert running(tmp_path) == []
    finally:
        for process in running(tmp_path):
            process.kill()
        demo.communicate()
    assert demo.returncode == 1
    assert errors.startswith("CommandError: A process ended by itself")


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """What the process prints up to the line with `text`. Kills it when that does not come."""
    assert process.stdout is not None
    watchdog = Timer(PATIENCE, process.kill)
    watchdog.start()
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    watchdog.cancel()
    assert lines, process.communicate()
    assert text in lines[-1], "".join(lines)
    return "".join(lines)


def running(folder: Path) -> list[psutil.Process]:
    """The processes that were started for `folder`, by whomever. One that ended (a zombie) does not run."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("VAR_DIR") == str(folder):
                found.append(process)
    return found
