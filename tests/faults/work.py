"""What the processes of these tests do. Each function is called in a process with Django set up on their database."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.test import override_settings

from team_notifications import sweeper, wakeup
from team_notifications.broker import Broker
from team_notifications.models import Delivery, Mailing, Notification
from team_notifications.notify import create_notification
from teams.models import Team
from tests.cast import assemble
from tests.faults import guards, steps
from users.models import User

PATIENCE = 60  # seconds until work that shall end is given up
SHORT_LEASE = timedelta(seconds=0.2)  # so that nobody waits five minutes for a worker that was killed
BACKLOG = 80  # deliveries


# ---- the place ------------------------------------------------------------------------------------------------------


def start_over() -> None:
    """Only the people and teams that every test uses."""
    forget_events()
    Team.objects.all().delete()
    User.objects.all().delete()
    assemble()


def forget_events() -> None:
    Notification.objects.all().delete()
    Mailing.objects.all().delete()


@contextmanager
def mail_server_at(port: int, **changes: Any) -> Iterator[None]:
    """Mail goes there; `changes` are settings of TEAM_NOTIFICATIONS."""
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        EMAIL_TIMEOUT=5,
        TEAM_NOTIFICATIONS={**settings.TEAM_NOTIFICATIONS, **changes},
    ):
        yield


# ---- reporting ------------------------------------------------------------------------------------------------------


def report(number: int = 0, team: str = "acme") -> None:
    """An event of its own for each number, which is mailed at once."""
    create_notification(
        team=Team.objects.get(slug=team),
        slug="server-down",
        title=f"Server {number} down",
        level="error",
        event_data={"number": number},
    )


def report_to_the_broker(number: int, without: tuple[str, ...] = ()) -> float:
    """Reports an event in a process that did not see the broker fail before; returns the seconds that it took."""
    with guards.taken_out(without), mock.patch.object(wakeup, "broker", Broker()):
        began = monotonic()
        report(number)
        return monotonic() - began


def report_and_die(without: tuple[str, ...] = ()) -> None:
    """Reports an event, and is killed right after the commit: before whatever else would happen then."""
    with guards.taken_out(without), transaction.atomic():
        transaction.on_commit(die)
        report()


def report_and_roll_back(port: int, without: tuple[str, ...] = ()) -> None:
    with mail_server_at(port), guards.taken_out(without), transaction.atomic():
        report()
        transaction.set_rollback(True)


def report_through_a_failure(process: int) -> set[int]:
    """Reports event after event until the database was away and is back. Returns those it knows to be committed.

    Of the one whose commit found the database gone it cannot know.
    """
    confirmed: set[int] = set()
    confirmed_at_failure: int | None = None
    deadline = monotonic() + PATIENCE
    for number in count(process * 100_000):
        assert monotonic() < deadline, "the database never went away, or never came back"
        try:
            _let_the_workers_follow(deadline)
            report(number)
        except Error:
            connection.close()
            confirmed_at_failure = len(confirmed)
        else:
            confirmed.add(number)
        if confirmed_at_failure is not None and len(confirmed) >= confirmed_at_failure + 5:
            break
    return confirmed


def _let_the_workers_follow(deadline: float) -> None:
    """Load, and not a heap: a digest of thousands of lines would be all that they are at."""
    while Delivery.objects.pending().count() > BACKLOG and monotonic() < deadline:
        pass


def report_and_lose_the_database(port: int, marker: str, without: tuple[str, ...] = ()) -> None:
    """Reports an event, makes the file `marker`, and does not commit before the database is gone."""
    with suppress(Error), mail_server_at(port), guards.taken_out(without), transaction.atomic():
        report()
        Path(marker).touch()
        while True:
            Team.objects.exists()


# ---- working --------------------------------------------------------------------------------------------------------


def sweep(number: int, port: int, without: tuple[str, ...] = ()) -> int:
    """One sweep of the process `number`; returns how many mails it sent."""
    with mail_server_at(port), guards.taken_out(without):
        return sweeper.sweep().mails


def finish(port: int, without: tuple[str, ...] = ()) -> None:
    """Sweeps until nothing is pending, as soon as the leases of the dead have ended."""
    deadline = monotonic() + PATIENCE
    with mail_server_at(port), guards.taken_out(without):
        while Delivery.objects.pending().exists():
            assert monotonic() < deadline, f"still pending: {states()}"
            sweeper.sweep()


def run_notifications(port: int) -> None:
    """Until it is told to stop."""
    with mail_server_at(port, DELIVERY_LEASE=timedelta(seconds=2), DIGEST_LINES=100_000):
        call_command("run_notifications", interval=0.1)


def work_and_die(port: int, step: str, number: int, without: tuple[str, ...] = (), batch: int = 1) -> None:
    """Works on so many members at a time, and is killed when it comes to `step` for the time `number`, from 1 on."""
    short = {"DELIVERY_LEASE": SHORT_LEASE, "DELIVERY_BATCH": batch}
    with ExitStack() as stack:
        stack.enter_context(mail_server_at(port, **short))
        stack.enter_context(guards.taken_out(without))
        stack.enter_context(steps.at(step, _at_call(number, die)))
        sweeper.sweep()


def _at_call(number: int, act: Callable[[], None]) -> Callable[[], None]:
    calls = iter(range(1, number + 1))

    def call() -> None:
        if next(calls, None) == number:
            act()

    return call


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# ---- looking --------------------------------------------------------------------------------------------------------


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


def threads() -> set[int]:
    """The numbers of the events that are committed."""
    return {data["number"] for data in Notification.objects.values_list("event_data", flat=True)}
