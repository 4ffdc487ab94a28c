"""The processes of the demo, run by honcho in one terminal: they start together and stop together."""

import os
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread, Timer
from typing import Any

from django.conf import settings
from honcho.manager import Manager
from honcho.printer import Printer

from demo.preflight import Broker, Place

STOPPED_BY_SIGNAL = {128 + signal.SIGINT, 128 + signal.SIGTERM}  # honcho's return codes
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PYTHON = [sys.executable, "-m"]
MANAGE = [sys.executable, "manage.py"]


class DemoManager(Manager):  # type: ignore[misc]  # honcho has no types
    def terminate(self) -> None:
        """Stops all. A signal that comes before each process has told its id is answered a moment later."""
        if self._all_started():
            super().terminate()
        else:
            again = Timer(0.1, self.terminate)
            again.daemon = True  # Ctrl-C may also reach the copies of this that honcho forks, and must not hold them
            again.start()


class Announcer(Printer):  # type: ignore[misc]
    """Prints what the processes say, and calls `announce` once the web server answers."""

    def __init__(self, announce: Callable[[], None]) -> None:
        super().__init__(sys.stdout)
        self.announce = announce

    def write(self, message: Any) -> None:
        try:
            super().write(message)
            if message.name == "web" and b"Uvicorn running on" in message.data:
                self.announce()
        except OSError:  # the terminal is closed, or nobody reads the pipe any more
            _print_no_more()
            signal.raise_signal(signal.SIGTERM)


def _stop_when_nobody_reads() -> None:
    """Waits until the terminal or the pipe is closed: processes that say nothing would not notice for long."""
    output = select.poll()
    output.register(sys.stdout, 0)
    if any(event & (select.POLLERR | select.POLLHUP) for _, event in output.poll()):
        _print_no_more()
        signal.raise_signal(signal.SIGTERM)


def _print_no_more() -> None:
    """What is printed from now on, and what waits in the buffer, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def run(place: Place, broker: Broker, announce: Callable[[], None]) -> bool:
    """Runs everything until SIGINT, SIGTERM or SIGHUP. Returns False when a process ended by itself."""
    manager = DemoManager(Announcer(announce))
    environment = {**_environment(place), **os.environ, "REDIS_URL": broker.url, "PYTHONUNBUFFERED": "1"}
    for name, command in _commands(place, broker).items():
        # Exec: honcho starts a shell, which would otherwise stay and be the process that it watches.
        manager.add_process(name, f"exec {shlex.join(command)}", env=environment, cwd=settings.BASE_DIR)
    # A terminal that is closed would otherwise leave them all behind.
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    Thread(target=_stop_when_nobody_reads, daemon=True).start()
    with _server(broker):
        try:
            manager.loop()
        finally:
            manager.terminate()  # whatever ended the loop: Python waits for them, and would wait for ever
    return manager.returncode in STOPPED_BY_SIGNAL


@contextmanager
def _server(broker: Broker) -> Iterator[None]:
    """Our own Redis. It outlives the others: a worker that ends still has something to tell it."""
    if not broker.command:
        yield
        return
    server = None
    try:
        with _signals_held():
            # Its own session: Ctrl-C goes to every process of the terminal's. What it prints is for servers that keep
            # data.
            server = subprocess.Popen(  # noqa: S603
                broker.command, cwd=settings.VAR_DIR, start_new_session=True, stdout=subprocess.DEVNULL
            )
        yield
    finally:
        if server is not None:
            server.terminate()
            server.wait()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that come meanwhile are answered at the end: one in the midst of a start would leave what was started."""
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def _environment(place: Place) -> dict[str, str]:
    """What the processes are told unless the caller's environment says otherwise."""
    own_endpoints = ["127.0.0.0/8", "::1", *(str(address) for address in place.addresses)]
    environment = {"SITE_URL": place.url, "CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS": ",".join(own_endpoints)}
    if place.is_public:
        environment["ALLOWED_HOSTS"] = "*"  # by which names and addresses others reach this machine, only they know
    return environment


def _commands(place: Place, broker: Broker) -> dict[str, list[str]]:
    web = [*PYTHON, "uvicorn", "config.asgi:application", "--host", place.host, "--port", str(place.port)]
    web += ["--lifespan", "off", "--no-access-log", "--timeout-graceful-shutdown", "2"]
    if not broker.url:
        return {
            "web": web,
            "notifications": [*MANAGE, "run_notifications"],
            "actions": [*MANAGE, "check_actions", "--forever"],
            "content": [*MANAGE, "work_content", "--forever"],
        }
    # As root, Celery would warn of being root: in a container everybody is, and here it serves this machine alone.
    celery = [sys.executable, "-W", "ignore::UserWarning:celery.platforms", "-m", "celery", "--quiet", "-A", "config"]
    # Threads: honcho's signal reaches child processes too, and would cut off what they are doing.
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "warning"]
    beat = [*celery, "beat", "--loglevel", "warning"]
    return {"web": web, "worker": [*worker, "--without-mingle", "--without-gossip"], "beat": beat}
