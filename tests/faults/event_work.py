"""What the processes of the tests of events do, on their database."""

import os
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import time_machine
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from team_notifications import sweeper
from team_notifications.events import dispatch, handlers, runs
from team_notifications.events.handlers import Handler, subscribe
from team_notifications.models import EventLog, HandlerRun
from teams.models import Team
from tests.events import NAME, boil, own_registries

HANDLERS = ("cup", "pot")

AFTER_THE_EVENTS_COMMIT = "after the event's commit"
WHILE_IT_IS_DISPATCHED = "while it is dispatched"
AFTER_DISPATCHING = "after it was dispatched"
AFTER_THE_CLAIM = "after the claim"
INSIDE_THE_HANDLER = "inside the handler"
BEFORE_THE_RECORD = "before the record"
AFTER_THE_RECORD = "after the record"

# Where a step of a worker is: which function, and whether the step comes before or after it.
STEPS: dict[str, tuple[Any, str, str]] = {
    WHILE_IT_IS_DISPATCHED: (handlers, "paths_for", "after"),  # inside the transaction, which has marked the event
    AFTER_DISPATCHING: (dispatch, "owe", "after"),
    AFTER_THE_CLAIM: (runs, "_claim", "after"),
    INSIDE_THE_HANDLER: (Team.objects, "create", "after"),
    BEFORE_THE_RECORD: (runs, "_held", "before"),
    AFTER_THE_RECORD: (runs, "_carry_out", "after"),
}


def cup(event: EventLog) -> None:
    Team.objects.create(name="cup", slug=uuid.uuid4().hex)


def pot(event: EventLog) -> None:
    Team.objects.create(name="pot", slug=uuid.uuid4().hex)


def deadly_cup(event: EventLog) -> None:
    die()


deadly_cup.__qualname__ = "cup"  # the same handler


@contextmanager
def listening(without: tuple[str, ...] = (), first: Handler = cup) -> Iterator[None]:
    """Two handlers of one event, each of which leaves one thing that can be counted."""
    with ExitStack() as stack:
        stack.enter_context(own_registries())
        for name in without:
            stack.enter_context(WITHOUT[name]())
        subscribe(NAME)(first)
        subscribe(NAME)(pot)
        yield


def publish_one() -> None:
    EventLog.objects.all().delete()
    Team.objects.all().delete()
    with listening():
        boil()


def publish_and_die() -> None:
    """Killed right after the commit: before whatever else would happen then."""
    EventLog.objects.all().delete()
    Team.objects.all().delete()
    with listening(), transaction.atomic():
        transaction.on_commit(die)
        boil()


def work_and_die(step: str, number: int, without: tuple[str, ...] = ()) -> None:
    """Works off what is due, and is killed when it comes to `step` for the time `number`, from 1 on."""
    owner, name, when = STEPS[step]
    original = getattr(owner, name)
    calls = iter(range(1, number + 1))

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if when == "before" and next(calls) == number:
            die()
        result = original(*arguments, **named)
        if when == "after" and next(calls) == number:
            die()
        return result

    with listening(without), mock.patch.object(owner, name, wrapped):
        sweeper.handle_events()


def finish(without: tuple[str, ...] = ()) -> None:
    """A worker that nothing happens to, when the leases of the dead have ended."""
    with listening(without), later(1):
        sweeper.handle_events()


def work_with_the_deadly_cup(days: int) -> None:
    """Of three tries that it has."""
    three = {**settings.TEAM_NOTIFICATIONS, "EVENT_MAX_ATTEMPTS": 3}
    with listening(first=deadly_cup), override_settings(TEAM_NOTIFICATIONS=three), later(days):
        sweeper.handle_events()


@contextmanager
def later(days: int) -> Iterator[None]:
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        yield


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def effects() -> Counter[str]:
    return Counter(Team.objects.values_list("name", flat=True))


def states() -> Counter[tuple[str, str]]:
    """By the last part of the handler's name."""
    found = HandlerRun.objects.values_list("handler", "state")
    return Counter((handler.rpartition(".")[2], state) for handler, state in found)


def last_error_of(handler: str) -> str:
    return HandlerRun.objects.values_list("last_error", flat=True).get(handler__endswith=f".{handler}")


# ---- guards, taken out ----------------------------------------------------------------------------------------------


def _recorded_apart() -> Any:
    """What a handler did is committed before the record that it did."""

    def carry_out(claimed: HandlerRun) -> None:
        handlers.find(claimed.event.name, claimed.handler)(claimed.event)
        runs._held(claimed).update(state=HandlerRun.State.DONE)

    return mock.patch.object(runs, "_carry_out", carry_out)


def _dispatched_apart() -> Any:
    """The event is marked before its handlers are owed it, and not in one transaction."""

    def owe(event_id: int) -> list[int]:
        event = EventLog.objects.undispatched().get(pk=event_id)
        EventLog.objects.filter(pk=event_id).update(dispatched_at=timezone.now())
        paths = handlers.paths_for(event.name)
        HandlerRun.objects.bulk_create(HandlerRun(event=event, handler=path) for path in paths)
        return []

    return mock.patch.object(dispatch, "owe", owe)


WITHOUT: dict[str, Callable[[], Any]] = {
    "record in the handler's transaction": _recorded_apart,
    "one transaction for dispatching": _dispatched_apart,
}
