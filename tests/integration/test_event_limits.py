"""Handlers that do not end, or that try to end more than themselves."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from django.core.management import call_command

from team_notifications.events import limit
from team_notifications.events.handlers import subscribe
from team_notifications.models import EventLog, HandlerRun
from tests.events import NAME, boil, listen, own_registries, runs, work_off

PENDING, DONE = HandlerRun.State.PENDING, HandlerRun.State.DONE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    with own_registries():
        yield


# ---- one that ends more than itself ---------------------------------------------------------------------------------


class Gone(BaseException):
    """Of a library that wants it to be caught by nobody."""


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), Gone()], ids=lambda error: type(error).__name__)
def test_a_handler_that_wants_to_end_the_process_has_failed_and_the_others_run(error: BaseException) -> None:
    def leave(event: EventLog) -> NoReturn:
        raise error

    good: list[int] = []
    subscribe(NAME)(leave)
    listen(1, good.append)
    boil()
    call_command("run_notifications", once=True)
    assert good == [0]
    assert runs() == {"leave": PENDING, "listener_0": DONE}
    failed = HandlerRun.objects.get(state=PENDING)
    assert (failed.attempts, failed.lease_token) == (1, None)
    assert type(error).__name__ in failed.last_error


def end(number: int, frame: Any) -> NoReturn:
    """As Celery's processes answer when their worker is shut down."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(1)


@pytest.mark.parametrize(
    ("number", "answer", "expected"),
    [(signal.SIGTERM, end, SystemExit), (signal.SIGINT, signal.default_int_handler, KeyboardInterrupt)],
    ids=["a worker is shut down", "Ctrl-C"],
)
def test_a_process_that_is_told_to_end_ends_whatever_its_handler_is_at(
    number: signal.Signals, answer: Callable[..., Any], expected: type[BaseException]
) -> None:
    before = signal.signal(number, answer)
    listen(1, lambda _: signal.raise_signal(number))
    boil()
    try:
        with pytest.raises(expected):
            work_off()
    finally:
        signal.signal(number, before)
    run = HandlerRun.objects.get()
    assert (run.state, run.attempts, run.last_error) == (PENDING, 1, "")


# ---- one that does not end ------------------------------------------------------------------------------------------


@pytest.fixture
def quick_limit(settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "EVENT_TIME_LIMIT": timedelta(seconds=0.05)}


@pytest.mark.usefixtures("quick_limit")
def test_a_handler_that_goes_on_after_its_limit_is_not_done() -> None:
    def work(number: int) -> None:
        with suppress(TimeoutError):
            signal.pause()

    listen(1, work)
    boil()
    work_off()
    assert runs() == {"listener_0": PENDING}
    assert "HandlerTimeout: It took longer than 0.05 s (EVENT_TIME_LIMIT)." in HandlerRun.objects.get().last_error


@pytest.mark.usefixtures("quick_limit")
@pytest.mark.parametrize("caught", [Exception, BaseException])
def test_a_handler_that_catches_its_end_again_and_again_is_ended_and_the_others_run(
    caught: type[BaseException],
) -> None:
    """What catches even what is no Exception is woken each time."""
    woken: list[int] = []
    good: list[int] = []

    def work(number: int) -> None:
        for time in range(3):
            with suppress(caught):
                signal.pause()
            woken.append(time)

    listen(1, work)
    subscribe(NAME)(lambda event: good.append(1))
    boil()
    work_off()
    assert woken == ([0] if caught is Exception else [0, 1, 2])
    assert runs() == {"listener_0": PENDING, "<lambda>": DONE}
    assert "It took longer than 0.05 s (EVENT_TIME_LIMIT)" in HandlerRun.objects.get(state=PENDING).last_error
    assert good == [1]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_it_is_ended_before_anybody_else_takes_its_run(settings: Any) -> None:
    second = timedelta(minutes=2) * (1 + limit.AGAIN)
    assert second < limit.lease()
