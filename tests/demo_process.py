"""The demo as a process of its own, looked at from outside."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer

import psutil
from django.conf import settings

PATIENCE = 120  # seconds; nothing waits so long unless it is broken
NO_BROKER = "redis://127.0.0.1:1/0"  # nothing listens there


def run_demo(folder: Path, *options: str, output: int = subprocess.PIPE, **environment: str) -> "subprocess.Popen[str]":
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
        stdout=output,
        stderr=output,
        text=True,
    )


def complaint(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Exit code and error output of a start that fails."""
    process = run_demo(folder, *options, **environment)
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """What the process prints up to the line with `text`. Kills it when that does not come."""
    assert process.stdout is not None
    watchdog = Timer(PATIENCE, _kill_with_children, [process.pid])
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


def _kill_with_children(pid: int) -> None:
    """One that goes on would hold the pipe open, and its reader would wait for ever."""
    with suppress(psutil.NoSuchProcess):
        demo = psutil.Process(pid)
        for process in [*demo.children(recursive=True), demo]:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def running(folder: Path) -> list[psutil.Process]:
    """The processes that were started for `folder`, by whomever. One that ended (a zombie) does not run."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and _belongs_to(process, folder):
                found.append(process)
    return found


def _belongs_to(process: psutil.Process, folder: Path) -> bool:
    """By its environment; Redis writes its title over that, and is known by where it works."""
    return process.environ().get("VAR_DIR") == str(folder) or process.cwd() == str(folder.resolve())


def end_all(folder: Path) -> None:
    """Whatever a test that failed left behind."""
    for process in running(folder):
        process.kill()
