"""Several processes and one event: each handler runs once, and what was overtaken leaves nothing behind."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event
from time import monotonic
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from team_notifications import sweeper, tasks
from team_notifications.events import dispatch
from team_notifications.events import runs as handler_runs
from team_notifications.events.handlers import subscribe
from team_notifications.models import EventLog, HandlerRun
from teams.models import Team
from tests.events import NAME, boil, listen, own_registries
from tests.processes import Pool, pool

PROCESSES, ROUNDS, DELIVERIES, HANDLERS, BACKLOG = 8, 10, 10, 3, 20
PATIENCE = 60  # seconds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def eight(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    with django_db_blocker.unblock():
        name = str(connection.settings_dict["NAME"])
        if connection.vendor == "sqlite":  # the test's own lives in memory, where no other process sees it
            name = str(Path(tmp_path_factory.mktemp("database")) / "db.sqlite3")
        with pool(PROCESSES, name) as processes:
            processes.once(call_command, "migrate", "--verbosity=0")
            yield processes
            processes.once(call_command, "flush", "--no-input", "--verbosity=0")


def _write_down(number: int) -> None:
    """What a handler does that can be counted afterwards."""
    Team.objects.create(name=f"handler {number}", slug=uuid.uuid4().hex)


def _publish(count: int) -> list[int]:
    """Forgets what was, and publishes so many events; returns their keys."""
    EventLog.objects.all().delete()
    Team.objects.all().delete()
    with own_registries():
        return [boil().pk for _ in range(count)]


def _deliver(number: int, event_ids: list[int]) -> None:
    """The messages of one event, ten times over, as a broker that repeats itself brings them."""
    with own_registries():
        listen(HANDLERS, _write_down)
        for event_id in event_ids * DELIVERIES:
            tasks.dispatch_event(event_id)
            for run_id in HandlerRun.objects.filter(event=event_id).values_list("pk", flat=True):
                tasks.run_handler(run_id)


def _sweep(number: int) -> int:
    with own_registries():
        listen(HANDLERS, _write_down)
        return sweeper.sweep().handled


def _tally() -> tuple[Counter[str], Counter[tuple[str, int]]]:
    """How often each handler wrote, and how many runs came to which state after how many tries."""
    written = Counter(Team.objects.values_list("name", flat=True))
    return written, Counter(HandlerRun.objects.values_list("state", "attempts"))


def test_an_event_that_eight_processes_get_ten_times_each_at_once_runs_each_handler_once(eight: Pool) -> None:
    for _ in range(ROUNDS):
        event_ids = eight.once(_publish, 1)
        eight.at_once(_deliver, event_ids)
        written, states = eight.once(_tally)
        assert written == {f"handler {number}": 1 for number in range(HANDLERS)}
        assert states == {("done", 1): HANDLERS}


def test_eight_sweepers_at_once_run_each_handler_of_each_event_once(eight: Pool) -> None:
    eight.once(_publish, BACKLOG)
    handled = eight.at_once(_sweep)
    written, states = eight.once(_tally)
    assert written == {f"handler {number}": BACKLOG for number in range(HANDLERS)}
    assert states == {("done", 1): BACKLOG * HANDLERS}
    assert sum(handled) == BACKLOG * HANDLERS


# ---- step by step, on two connections -------------------------------------------------------------------------------


@pytest.fixture
def _registries() -> Iterator[None]:
    with own_registries():
        yield


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Future[Any]]]:
    """Runs work on other connections."""
    with ThreadPoolExecutor(10) as executor:

        def submit(work: Callable[..., Any], *arguments: Any) -> Future[Any]:
            return executor.submit(_and_close, work, *arguments)

        yield submit


def _and_close(work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return work(*arguments)
    finally:
        connection.close()


@pytest.mark.postgresql
@pytest.mark.usefixtures("_registries")
def test_a_task_that_ten_threads_get_at_once_runs_once(elsewhere: Callable[..., Future[Any]]) -> None:
    listen(1, _write_down)
    together = Barrier(10)

    def deliver(event_id: int) -> None:
        together.wait(PATIENCE)
        tasks.dispatch_event(event_id)
        for run_id in HandlerRun.objects.values_list("pk", flat=True):
            tasks.run_handler(run_id)

    event_id = boil().pk
    for work in [elsewhere(deliver, event_id) for _ in range(10)]:
        work.result(PATIENCE)
    assert _tally() == ({"handler 0": 1}, {("done", 1): 1})


@pytest.mark.postgresql
@pytest.mark.usefixtures("_registries")
@pytest.mark.parametrize("other_comes_back", [True, False], ids=["the other is done", "the other is still at it"])
def test_a_handler_that_comes_back_after_its_lease_leaves_nothing_behind(
    elsewhere: Callable[..., Future[Any]], other_comes_back: bool
) -> None:
    began, go_on = Event(), Event()

    @subscribe(NAME)
    def handler(event: EventLog) -> None:
        _write_down(0)
        if not began.is_set():
            began.set()
            assert go_on.wait(PATIENCE)

    [run_id] = dispatch.owe(boil().pk)
    slow = elsewhere(handler_runs.run, run_id)
    assert began.wait(PATIENCE)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        if other_comes_back:
            assert handler_runs.run(run_id) is True
        else:
            assert handler_runs._claim(run_id) is not None
    go_on.set()
    assert slow.result(PATIENCE) is False
    written, states = _tally()
    assert written == ({"handler 0": 1} if other_comes_back else {})
    assert states == {("done" if other_comes_back else "pending", 2): 1}


# ---- what the database does to a handler ----------------------------------------------------------------------------


def _wait() -> None:
    _ask(f"SELECT pg_sleep({PATIENCE * 10})")


def _wait_and_tidy_up() -> None:
    try:
        _wait()
    finally:
        _write_down(0)


def _wait_and_say_so() -> None:
    try:
        _wait()
    except TimeoutError as error:
        raise RuntimeError("The database was slow.") from error


def _wait_and_go_on() -> None:
    with suppress(TimeoutError):
        _wait()


def _wait_inside() -> None:
    with transaction.atomic():
        _write_down(0)
        _wait()


@pytest.mark.postgresql
@pytest.mark.usefixtures("_registries")
@pytest.mark.parametrize("work", [_wait, _wait_and_tidy_up, _wait_and_say_so, _wait_and_go_on, _wait_inside])
def test_a_handler_that_waits_for_the_database_is_ended_at_its_limit_and_its_query_with_it(
    settings: Any, work: Callable[[], None]
) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "EVENT_TIME_LIMIT": timedelta(seconds=0.2)}
    listen(1, lambda number: work())
    subscribe(NAME)(lambda event: _write_down(1))
    boil()
    sweeper.handle_events()
    written, states = _tally()
    assert written == {"handler 1": 1}
    assert states == {("pending", 1): 1, ("done", 1): 1}
    assert "HandlerTimeout" in HandlerRun.objects.get(state="pending").last_error
    deadline = monotonic() + PATIENCE
    while _ask("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"):
        assert monotonic() < deadline, "the query goes on at the server"


@pytest.mark.postgresql
@pytest.mark.usefixtures("_registries")
def test_a_handler_that_loses_its_connection_is_counted_and_the_others_run() -> None:
    listen(1, lambda number: _ask("SELECT pg_terminate_backend(pg_backend_pid())"))
    subscribe(NAME)(lambda event: _write_down(1))
    boil()
    sweeper.handle_events()
    written, states = _tally()
    assert written == {"handler 1": 1}
    assert states == {("pending", 1): 1, ("done", 1): 1}
    assert "terminating connection" in HandlerRun.objects.get(state="pending").last_error


def _ask(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]
