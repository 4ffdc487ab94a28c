"""Mails as they arrive: built, serialised, and read again by Python's parser."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from team_notifications.delivery.channels.email.message import build, new_message_id
from team_notifications.models import Mailing, Notification, UserNotification
from teams.models import Team
from tests.web import row_of
from users.models import User


def mailing_to(user: User, team: Team | None, kind: str = Mailing.Kind.INSTANT) -> Mailing:
    mailing = Mailing(user=user, team=team, address=user.email, kind=kind)
    mailing.message_id = new_message_id(mailing.pk)
    return mailing


def rows(user: User, *threads: Notification) -> list[UserNotification]:
    return [row_of(user, thread) for thread in threads]


def arrives(
    user: User, *threads: Notification, team: Team | None = None, wanted: dict[str, Any] | None = None
) -> EmailMessage:
    """The mail to `user` about their rows of `threads`, parsed."""
    mailing = mailing_to(user, team or threads[0].team)
    raw = build(mailing, rows(user, *threads), wanted).message().as_bytes()
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    """The ``plain`` or ``html`` part, as text."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())
