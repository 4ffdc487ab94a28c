"""`make run` as somebody at a terminal sees it: the command is run, and its processes are looked at from outside."""

import fcntl
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest

from demo.people import PASSWORD
from tests.demo_process import NO_BROKER, PATIENCE, complaint, end_all, read_until, run_demo, running
from tests.ports import free_port

pytestmark = pytest.mark.once
needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")


@pytest.fixture(name="free_port")
def a_free_port() -> str:
    return str(free_port())


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


@pytest.mark.parametrize("port", ["80000", "0", "-1", "abc", "8_0", ""])
def test_a_port_that_does_not_exist_gets_one_line(tmp_path: Path, port: str) -> None:
    assert complaint(tmp_path, f"--port={port}") == (
        1,
        f"CommandError: There is no port {port}; ports go from 1 to 65535.\n",
    )


@pytest.mark.parametrize("host", ["nobody.invalid", "192.0.2.1", "a..b"])
def test_a_host_that_is_not_this_machine_gets_one_line(tmp_path: Path, free_port: str, host: str) -> None:
    code, errors = complaint(tmp_path, "--host", host, "--port", free_port)
    assert code == 1
    assert errors.startswith(f"CommandError: Cannot listen on {host}, port {free_port}: ")
    assert errors.count("\n") == 1


def test_two_on_the_same_data_are_one_too_many(tmp_path: Path, free_port: str) -> None:
    with (tmp_path / "demo.lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert complaint(tmp_path, "--port", free_port) == (
            1,
            f"CommandError: A demo already runs on the data in {tmp_path}. "
            "Stop it, or set VAR_DIR to another folder.\n",
        )


def test_a_demo_that_was_killed_does_not_stop_the_next(tmp_path: Path, free_port: str) -> None:
    first = run_demo(tmp_path, "--port", free_port, REDIS_URL=NO_BROKER)
    try:
        read_until(first, "started (pid=")
        first.kill()
        first.wait(PATIENCE)
        code, errors = complaint(tmp_path, "--port", "0")
        assert (code, errors) == (1, "CommandError: There is no port 0; ports go from 1 to 65535.\n")
    finally:
        end_all(tmp_path)
        first.communicate()


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
        end_all(tmp_path)
        demo.communicate()
    assert (demo.returncode, errors) == (0, "")


@pytest.mark.parametrize("moment", ["Preparing the database", "started (pid=", "sue@example.com"])
def test_nothing_is_left_running_when_its_reader_goes_away(tmp_path: Path, free_port: str, moment: str) -> None:
    """As `make run | head` does."""
    demo = run_demo(tmp_path, "--port", free_port)
    assert demo.stdout is not None
    assert demo.stderr is not None
    try:
        read_until(demo, moment)
        demo.stdout.close()
        demo.stderr.close()
        assert demo.wait(PATIENCE) == 0
        assert running(tmp_path) == []
    finally:
        end_all(tmp_path)
        demo.wait()


def test_nothing_is_left_running_when_its_terminal_goes_away_without_a_signal(tmp_path: Path, free_port: str) -> None:
    ours, its = os.openpty()
    demo = run_demo(tmp_path, "--port", free_port, output=its)
    os.close(its)
    try:
        with os.fdopen(ours, "rb", closefd=True) as terminal:
            while b"started (pid=" not in terminal.readline():
                pass
        assert demo.wait(PATIENCE) == 0
        assert running(tmp_path) == []
    finally:
        end_all(tmp_path)
        demo.wait()


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
    assert f"Its mails are at http://127.0.0.1:{free_port}/demo/mails/" in printed
    assert ("Nothing answers at REDIS_URL (127.0.0.1): running without a broker." in printed) is bool(redis_url)


@pytest.mark.parametrize("redis_url", ["", NO_BROKER], ids=["the worker", "no broker"])
def test_a_product_that_is_added_reaches_its_managers_and_nobody_else(
    tmp_path: Path, free_port: str, redis_url: str
) -> None:
    demo = run_demo(tmp_path, "--port", free_port, REDIS_URL=redis_url)
    try:
        read_until(demo, "sue@example.com")
        with (
            signed_in("ed", free_port) as ed,
            signed_in("alice", free_port) as alice,
            signed_in("bob", free_port) as bob,
        ):
            submit(ed, "/teams/acme/products/add/", name="Kettle", url="https://kettle.example/")
            deadline = monotonic() + PATIENCE
            while "New product: Kettle" not in alice.get("/notifications/").text:
                assert monotonic() < deadline, "nobody told her"
            assert "Ed added it." in alice.get("/notifications/").text
            for member in (ed, bob):
                assert "New product: Kettle" not in member.get("/notifications/").text
    finally:
        demo.terminate()
        demo.communicate(timeout=PATIENCE)


@contextmanager
def signed_in(name: str, port: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        submit(client, "/sign-in/", username=f"{name}@example.com", password=PASSWORD)
        yield client


def submit(client: httpx.Client, path: str, **values: str) -> None:
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(path).text)
    assert token is not None
    answer = client.post(path, data={"csrfmiddlewaretoken": token[1], **values})
    assert answer.status_code == 302, answer.text


@pytest.mark.parametrize(
    ("host", "url", "is_public"),
    [
        ("0.0.0.0", "http://127.0.0.1", True),
        pytest.param("::1", "http://[::1]", False, marks=needs_ipv6),
        ("localhost", "http://localhost", False),
    ],
)
def test_another_host(tmp_path: Path, free_port: str, host: str, url: str, is_public: bool) -> None:
    demo = run_demo(tmp_path, "--host", host, "--port", free_port, REDIS_URL=NO_BROKER)
    try:
        printed = read_until(demo, "can open it" if is_public else "sue@example.com")
        answer = httpx.get(f"{url}:{free_port}/demo/healthy/", headers={"Host": "demo.example"})
    finally:
        demo.terminate()
        demo.communicate(timeout=PATIENCE)
    assert f"The demo is at {url}:{free_port}/" in printed
    assert answer.status_code == (200 if is_public else 400)


def test_a_process_that_ends_by_itself_ends_the_others(tmp_path: Path, free_port: str) -> None:
    demo = run_demo(tmp_path, "--port", free_port, REDIS_URL=NO_BROKER)
    try:
        read_until(demo, "sue@example.com")
        (web,) = [process for process in running(tmp_path) if "uvicorn" in process.cmdline()]
        web.kill()
        _, errors = demo.communicate(timeout=PATIENCE)
        assert running(tmp_path) == []
    finally:
        end_all(tmp_path)
        demo.communicate()
    assert demo.returncode == 1
    assert errors.startswith("CommandError: A process ended by itself")
