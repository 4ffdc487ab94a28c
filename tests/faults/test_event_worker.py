"""Events through a real broker to a real worker, with handlers that raise, hang, or kill the process that runs them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from django.test import override_settings

from team_notifications.events import runs
from team_notifications.events.publish import publish
from team_notifications.events.runs import LOST
from team_notifications.models import EventLog
from team_notifications.tasks import sweep
from teams.models import Team
from tests.event_app import handlers, settings
from tests.events import own_registries
from tests.faults import event_work as work
from tests.faults.conftest import Note
from tests.faults.stage import Stage
from tests.processes import Pool, pool
from tests.redis_server import redis_server

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


@pytest.fixture(scope="module")
def publisher(prepared: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A process that publishes, beside a broker and a worker of two processes."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", url)
        own = {"DATABASE_URL": prepared.database.url, "DJANGO_SETTINGS_MODULE": "tests.event_app.settings"}
        command = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "-A", "config", "worker"]
        command += ["--concurrency=2", "--loglevel=CRITICAL"]
        environment = {**os.environ, **own}
        with (
            pool(1, prepared.database.name) as process,
            subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as worker,
        ):
            try:
                yield process
            finally:
                os.killpg(worker.pid, signal.SIGKILL)  # a handler may hang in one of its processes


def _publish(what: str) -> None:
    EventLog.objects.all().delete()
    Team.objects.all().delete()
    with own_registries():
        handlers.register()
        publish(handlers.TRIAL, {"what": what})


def _sweep() -> None:
    """When there is something to find: on SQLite sweeps without a pause would keep the worker from writing."""
    with own_registries(), override_settings(TEAM_NOTIFICATIONS=settings.TEAM_NOTIFICATIONS):
        handlers.register()
        if runs.due():
            sweep()


def wait_until(stage: Stage, states: dict[str, str], sweeper: Pool | None = None) -> None:
    """Until each handler is in its state. With a sweeper that comes by again and again."""
    expected = dict.fromkeys(states.items(), 1)
    deadline = monotonic() + PATIENCE
    while stage.crew.once(work.states) != expected:
        assert monotonic() < deadline, f"it stayed at {stage.crew.once(work.states)}"
        if sweeper is not None:
            sweeper.once(_sweep)


def test_each_handler_runs_as_a_task_after_the_commit(stage: Stage, publisher: Pool) -> None:
    publisher.once(_publish, "nothing")
    wait_until(stage, {"wilful": "done", "steady": "done"})
    assert stage.crew.once(work.effects) == {"steady": 1}


ERRORS = {
    "raise": "RuntimeError: as it was told",
    "leave": "SystemExit: 3",
    "hang": "HandlerTimeout",
}


@pytest.mark.parametrize("what", ERRORS)
def test_a_handler_that_raises_leaves_or_hangs_is_ended_recorded_and_does_not_stop_the_other(
    stage: Stage, publisher: Pool, note: Note, what: str
) -> None:
    publisher.once(_publish, what)
    wait_until(stage, {"wilful": "pending", "steady": "done"})
    wait_until_recorded(stage, ERRORS[what])
    note.round(f"handlers that {what}")
    assert stage.crew.once(work.effects) == {"steady": 1}


def wait_until_recorded(stage: Stage, error: str) -> None:
    deadline = monotonic() + PATIENCE
    while error not in stage.crew.once(work.last_error_of, "wilful"):
        assert monotonic() < deadline, f"recorded was {stage.crew.once(work.last_error_of, 'wilful')!r}"


@pytest.mark.parametrize("what", ["kill", "hang for good"])
def test_a_handler_that_takes_its_process_along_has_failed_after_its_tries(
    stage: Stage, publisher: Pool, note: Note, what: str
) -> None:
    publisher.once(_publish, what)
    wait_until(stage, {"wilful": "failed", "steady": "done"}, sweeper=publisher)
    note.round(f"handlers that {what}")
    assert stage.crew.once(work.effects) == {"steady": 1}
    assert stage.crew.once(work.last_error_of, "wilful") == LOST
