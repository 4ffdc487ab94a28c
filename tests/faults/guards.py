"""Takes guards out of the code, by name: a check that does not fail then proves nothing."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from email.utils import make_msgid
from typing import Any
from unittest import mock

from django.core.mail import send_mail
from django.db import transaction

from config.celery import app
from team_notifications import fanout
from team_notifications.delivery import groups, mailings, outbox
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


def _no_broker_time_outs() -> AbstractContextManager[Any]:
    return mock.patch.object(app.conf, "broker_transport_options", {})


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
    "broker time-outs": _no_broker_time_outs,
}
