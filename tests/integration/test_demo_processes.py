"""What the demo starts is stopped, whenever the signal comes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import processes
from demo.preflight import Broker

pytestmark = pytest.mark.once

SERVER = Broker(url="redis://127.0.0.1:1/0", command=[sys.executable, "-c", "import signal; signal.pause()"])


@pytest.fixture(autouse=True)
def quiet_exit() -> Iterator[None]:
    """As `run_demo` answers signals before the processes run."""
    before = {number: signal.signal(number, lambda *_: sys.exit(0)) for number in processes.STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", processes.STOPPING)
def test_a_signal_in_the_midst_of_its_start_leaves_no_redis(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path, number: signal.Signals
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    really_start = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        """The signal comes when it runs, and the caller does not have it yet."""
        started.append(really_start(*arguments, **options))
        signal.raise_signal(number)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", start)
    settings.VAR_DIR = tmp_path
    try:
        with pytest.raises(SystemExit), processes._server(SERVER):
            pytest.fail("the signal was forgotten")
        assert started[0].poll() is not None
    finally:
        for server in started:
            server.kill()
            server.wait()


def test_signals_are_answered_again_once_it_runs(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    with pytest.raises(SystemExit), processes._server(SERVER):
        signal.raise_signal(signal.SIGTERM)
