"""Takes guards out of the code, by name: a check that does not fail then proves nothing."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from email.utils import make_msgid
from typing import Any
from unittest import mock

from django.core.mail import send_mail
from django.db import transaction
from django.dispatch import Signal

from config.celery import app
from team_notifications import broker, fanout
from team_notifications.delivery import groups, mailings, outbox
from team_notifications.delivery.channels.email import errors
from team_notifications.models import Delivery, Mailing
from team_notifications.models.delivery import DeliveryQuerySet


@contextmanager
def taken_out(names: Collection[str]) -> Iterator[None]:
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(WITHOUT[name]())
        yield


@contextmanager
def _no_lease() -> Iterator[None]:
    """What one worker has, another gets as well."""
    with (
        mock.patch.object(DeliveryQuerySet, "unleased", lambda rows, now: rows),
        mock.patch.object(groups.Row, "is_leased", return_value=False),
    ):
        yield


def _no_last_look() -> AbstractContextManager[Any]:
    return mock.patch.object(outbox, "still_ours", return_value=True)


def _no_token() -> AbstractContextManager[Any]:
    """A worker that comes back writes, whoever has the deliveries now."""

    def held(deliveries: Collection[Delivery]) -> DeliveryQuerySet:
        return Delivery.objects.pending().filter(pk__in=[delivery.pk for delivery in deliveries])

    return mock.patch.object(outbox, "_held", held)


def _no_mailing_before() -> AbstractContextManager[Any]:
    """Which mailing it is, is not written down before it is sent."""
    return mock.patch.object(outbox, "attach", return_value=None)


def _fresh_message_id() -> AbstractContextManager[Any]:
    original = mailings.build

    def build(*arguments: Any, **named: Any) -> Any:
        message = original(*arguments, **named)
        message.extra_headers["Message-ID"] = make_msgid()
        return message

    return mock.patch.object(mailings, "build", build)


@contextmanager
def _recorded_before_sending() -> Iterator[None]:
    write, record = mailings._built, mailings._sent

    def built(mailing: Mailing, deliveries: list[Delivery], *others: Any) -> Any:
        message = write(mailing, deliveries, *others)
        record(mailing, "")
        return message

    with mock.patch.object(mailings, "_built", built), mock.patch.object(mailings, "_sent", return_value=True):
        yield


@contextmanager
def _never_recorded() -> Iterator[None]:
    with (
        mock.patch.object(mailings, "_sent", return_value=True),
        mock.patch.object(outbox, "finish", lambda deliveries, *_: len(deliveries)),
    ):
        yield


def _grouped_anew() -> AbstractContextManager[Any]:
    """A mailing that was tried before takes along what came since."""
    return mock.patch.object(groups, "_as_it_was", lambda rows, now: rows)


def _planned_after_the_commit() -> AbstractContextManager[Any]:
    original = fanout._plan_mail

    def plan(*arguments: Any) -> None:
        transaction.on_commit(lambda: original(*arguments))

    return mock.patch.object(fanout, "_plan_mail", plan)


def _sent_before_the_commit() -> AbstractContextManager[Any]:
    def send(notification: Any, *_: Any) -> None:
        send_mail(notification.title, notification.title, None, ["alice@example.com"])

    return mock.patch.object(fanout, "_plan_mail", send)


def _no_catch_around_a_message() -> AbstractContextManager[Any]:
    def built(mailing: Mailing, deliveries: list[Delivery], *_: Any) -> Any:
        return mailings.build(mailing, [delivery.user_notification for delivery in deliveries])

    return mock.patch.object(mailings, "_built", built)


def _recorded_at_the_end_of_the_batch() -> AbstractContextManager[Any]:
    """That a mail went is written down when all of them are gone."""
    send_all, record = mailings._send_all, mailings._sent

    def send_and_record(*arguments: Any) -> int:
        gone: list[tuple[Mailing, str]] = []
        with mock.patch.object(mailings, "_sent", lambda *sent: gone.append(sent) or True):
            count = send_all(*arguments)
        return count - [record(*sent) for sent in gone].count(False)

    return mock.patch.object(mailings, "_send_all", send_and_record)


def _no_catch_around_sending() -> AbstractContextManager[Any]:
    """What a mail server says of one mail ends the batch."""
    return mock.patch.object(mailings, "_failed", _raise)


def _raise(mailing: Any, deliveries: Any, error: Exception) -> None:
    raise error


def _nothing_is_final() -> AbstractContextManager[Any]:
    return mock.patch.object(errors, "_is_final", return_value=False)


def _no_broker_time_outs() -> AbstractContextManager[Any]:
    return mock.patch.object(app.conf, "broker_transport_options", {})


@contextmanager
def _no_catch_around_the_broker() -> Iterator[None]:
    """Neither where it is called, nor around whatever listens to what was reported."""
    with (
        mock.patch.object(broker, "OperationalError", ZeroDivisionError),
        mock.patch.object(Signal, "send_robust", Signal.send),
    ):
        yield


def _digests_of_the_last_day() -> AbstractContextManager[Any]:
    """A digest has what happened within a day of it, and not all that is owed."""

    def due(rows: DeliveryQuerySet, channel: str, now: datetime) -> DeliveryQuerySet:
        return rows.pending().filter(channel=channel, due_at__lte=now, created_at__gte=now - timedelta(days=1))

    return mock.patch.object(DeliveryQuerySet, "due", due)


WITHOUT: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "lease": _no_lease,
    "last look": _no_last_look,
    "token": _no_token,
    "mailing before": _no_mailing_before,
    "stable Message-ID": _fresh_message_id,
    "record after sending": _recorded_before_sending,
    "record": _never_recorded,
    "mailing as it was": _grouped_anew,
    "plan in the transaction": _planned_after_the_commit,
    "mail after the commit": _sent_before_the_commit,
    "catch around a message": _no_catch_around_a_message,
    "catch around sending": _no_catch_around_sending,
    "final answers": _nothing_is_final,
    "record before the next mail": _recorded_at_the_end_of_the_batch,
    "digests that have no window": _digests_of_the_last_day,
    "broker time-outs": _no_broker_time_outs,
    "catch around the broker": _no_catch_around_the_broker,
}
