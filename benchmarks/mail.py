"""Mails a second through the outbox, beside a bare loop of `smtplib.SMTP.send_message` over the same messages.

``make bench`` runs it on PostgreSQL, with one worker and a mail server of its own process that takes everything.
"""

import argparse
import logging
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from functools import partial
from multiprocessing import Event, Process
from multiprocessing.synchronize import Event as EventType
from statistics import median

from benchmarks.frame import empty_database, timed  # isort: skip  (sets Django up)

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from team_notifications.delivery import mailings
from team_notifications.models import Delivery, Mailing
from team_notifications.notify import create_notification
from teams.models import Team
from tests.crowd import crowd
from tests.ports import free_port

SMTP = "django.core.mail.backends.smtp.EmailBackend"
IN_MEMORY = "django.core.mail.backends.locmem.EmailBackend"


def main(mails: int, runs: int) -> None:
    team = crowd(mails)
    ours, bare = [], []
    with mail_server() as port:
        for _ in range(runs):
            owe(team)
            with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port):
                ours.append(mails / timed(mailings.deliver))
            written = messages(team)
            bare.append(mails / timed(partial(hand_over, written, port)))
    print(f"\n{mails:,} mails to a server on this machine, one worker, medians of {runs} runs\n")
    print(f"{'':<28}{'mails/s':>10}{'ratio':>9}")
    print(f"{'bare smtplib':<28}{median(bare):>10.0f}{1:>9.2f}")
    print(f"{'the outbox':<28}{median(ours):>10.0f}{median(ours) / median(bare):>9.2f}")
    small, large = planning(crowd(10, name="ten")), planning(crowd(10_000, name="tenthousand"))
    print(f"\nstatements of an event that plans 10 deliveries: {small}, 10,000 deliveries: {large}")


def owe(team: Team) -> None:
    """A new event that owes a mail to everyone in the team."""
    Delivery.objects.all().delete()
    number = Mailing.objects.count()
    create_notification(team=team, slug="down", title="Down", level="error", event_data={"number": number})
    assert Delivery.objects.pending().count() == team.members.count()


_written: list[Message] = []


def messages(team: Team) -> list[Message]:
    """What the outbox would send, as the standard library holds a mail. Written once, and not timed."""
    if not _written:
        owe(team)
        with override_settings(EMAIL_BACKEND=IN_MEMORY):
            mailings.deliver()
        _written.extend(message_from_bytes(message.message().as_bytes()) for message in mail.outbox)
    return _written


def hand_over(written: list[Message], port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for message in written:
            server.send_message(message)


def planning(team: Team) -> int:
    connection.queries_log.clear()  # full: it keeps the last 9,000
    with CaptureQueriesContext(connection) as captured:
        create_notification(team=team, slug="planned", title="Planned", level="error")
    return len(captured)


@contextmanager
def mail_server() -> Iterator[int]:
    port, ready, stop = free_port(), Event(), Event()
    process = Process(target=_serve, args=(port, ready, stop))
    process.start()
    try:
        assert ready.wait(30), "the mail server did not start"
        yield port
    finally:
        stop.set()
        process.join()


def _serve(port: int, ready: EventType, stop: EventType) -> None:
    logging.disable()  # of each connection and command
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    ready.set()
    stop.wait()
    controller.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with empty_database():
        main(arguments.mails, arguments.runs)
