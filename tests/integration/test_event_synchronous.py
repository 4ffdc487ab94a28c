"""``EVENTS_SYNCHRONOUS``: handlers run right after the commit, in the process that published."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from team_notifications.events import dispatch
from team_notifications.events.handlers import subscribe
from team_notifications.models import EventLog, HandlerRun
from team_notifications.signals import event_dispatched, event_published
from teams.models import Team
from tests.events import NAME, boil, listen, own_registries, runs, work_off

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _synchronous(settings: Any) -> Iterator[None]:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "EVENTS_SYNCHRONOUS": True}
    with own_registries():
        yield


def test_handlers_run_after_the_commit_and_each_in_a_transaction_of_its_own() -> None:
    seen: list[tuple[bool, int]] = []

    def work(number: int) -> None:
        Team.objects.create(name=f"{number}", slug=f"{number}")
        seen.append((connection.in_atomic_block, len(connection.savepoint_ids)))

    listen(2, work)
    with transaction.atomic():
        event = boil()
        assert seen == []
    assert seen == [(True, 0), (True, 0)]
    event.refresh_from_db()
    assert event.dispatched_at is not None
    assert runs() == {"listener_0": "done", "listener_1": "done"}
    assert Team.objects.count() == 2


def test_handlers_run_at_once_where_there_is_no_transaction() -> None:
    calls: list[int] = []
    listen(1, calls.append)
    boil()
    assert calls == [0]


def test_nothing_runs_for_what_is_rolled_back() -> None:
    calls: list[int] = []
    listen(1, calls.append)
    with transaction.atomic():
        boil()
        transaction.set_rollback(True)
    assert calls == []


def test_one_that_raises_is_recorded_and_retried_later_and_the_caller_and_the_others_go_on() -> None:
    calls: list[int] = []

    def work(number: int) -> None:
        calls.append(number)
        if len(calls) == 1:
            raise RuntimeError("leaks")

    listen(2, work)
    with transaction.atomic():
        team = Team.objects.create(name="Acme", slug="acme")
        boil()
    assert Team.objects.get() == team
    assert runs() == {"listener_0": "pending", "listener_1": "done"}
    assert "RuntimeError: leaks" in HandlerRun.objects.get(state="pending").last_error
    HandlerRun.objects.update(due_at=timezone.now())
    work_off()
    assert calls == [0, 1, 0]
    assert runs() == {"listener_0": "done", "listener_1": "done"}


def test_one_that_wants_to_end_the_process_does_not_reach_the_caller() -> None:
    calls: list[int] = []
    subscribe(NAME)(lambda event: sys.exit(3))
    listen(1, calls.append)
    with transaction.atomic():
        boil()
    assert runs() == {"<lambda>": "pending", "listener_0": "done"}
    assert calls == [0]


def test_the_caller_is_not_harmed_when_it_cannot_even_be_dispatched(monkeypatch: pytest.MonkeyPatch) -> None:
    def owe(event_id: int) -> list[int]:
        raise RuntimeError("the database went away")

    monkeypatch.setattr(dispatch, "owe", owe)
    with transaction.atomic():
        boil()
    assert EventLog.objects.undispatched().count() == 1


def test_an_event_that_a_handler_publishes_is_handled_as_well() -> None:
    subscribe(NAME)(lambda event: None if "note" in event.payload else boil(note="again"))
    boil()
    assert HandlerRun.objects.filter(state="done").count() == 2


def test_no_worker_is_woken() -> None:
    heard: list[Any] = []

    def receiver(**kwargs: Any) -> None:
        heard.append(kwargs)

    for signal in (event_published, event_dispatched):
        signal.connect(receiver)
    listen(1)
    boil()
    for signal in (event_published, event_dispatched):
        signal.disconnect(receiver)
    assert heard == []
