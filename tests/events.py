"""Events and handlers that only a test knows of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

from team_notifications import sweeper
from team_notifications.events import handlers, types
from team_notifications.events.handlers import subscribe
from team_notifications.events.publish import publish
from team_notifications.events.types import register_event
from team_notifications.models import EventLog, HandlerRun

NAME = "kettle.boiled"
PAYLOAD = {"kettle_id": 7}


@contextmanager
def own_registries() -> Iterator[None]:
    """The event `NAME`, which takes the names `kettle_id` and `note`, and no handler; afterwards all is as it was."""
    with mock.patch.dict(types._types, clear=True), mock.patch.dict(handlers._subscriptions, clear=True):
        register_event(NAME, "The water is hot.", required=["kettle_id"], optional=["note"])
        yield


def boil(**changes: Any) -> EventLog:
    """Publishes `NAME`."""
    return publish(NAME, {**PAYLOAD, **changes})


def listen(count: int, work: Callable[[int], object] = lambda number: None) -> None:
    """So many handlers, named `listener_0` and so on, each of which does `work(number)`."""
    for number in range(count):
        subscribe(NAME)(_named(f"listener_{number}", partial(work, number)))


def _named(name: str, work: Callable[[], object]) -> Callable[[EventLog], None]:
    def handler(event: EventLog) -> None:
        work()

    handler.__qualname__ = name
    return handler


def work_off() -> None:
    """Dispatches and runs what is due now, as a worker without messages does."""
    sweeper.handle_events()


def runs() -> dict[str, str]:
    """State by the last part of the handler's name."""
    found = HandlerRun.objects.order_by("pk").values_list("handler", "state")
    return {handler.rpartition(".")[2]: state for handler, state in found}
