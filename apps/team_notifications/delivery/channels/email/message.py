"""The message of a mailing. A project overrides any of the templates in ``team_notifications/email/``.

Building asks the database nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from team_notifications.delivery.channels.email import unsubscribe
from team_notifications.delivery.channels.email.headers import headers, new_message_id, recipient
from team_notifications.delivery.channels.email.letters import Letters, fill_marks
from team_notifications.delivery.channels.email.mime import MailMessage
from team_notifications.models import Mailing, UserNotification

__all__ = ["build", "new_message_id"]

# Anymail refuses what a provider does not have. Reports of these find the mailing by the provider's own id.
WITHOUT_METADATA = {"anymail.backends.mailersend.EmailBackend", "anymail.backends.postal.EmailBackend"}


def build(
    mailing: Mailing,
    rows: Sequence[UserNotification],
    wanted: Mapping[str, Any] | None = None,
    letters: Letters | None = None,
    demanded: int | None = None,
) -> EmailMultiAlternatives:
    """The message of `mailing` about `rows`: one row for each thread, with `notification` loaded.

    The caller has made sure that the reader may see all of them. `wanted` are the reader's effective preferences by
    name, for the sentence on why they get it, and `demanded` is the level from which a floor brings it anyway; None
    where one of them is not the reason. More threads than ``DIGEST_LINES`` are counted, and not shown. Mails that
    say the same are written once for all that are given the same `letters`.

    Raises ChannelError for an address that is none, and whatever a template raises.
    """
    token = unsubscribe.token_for(mailing.user, mailing.team)
    letter = (letters or Letters()).write(mailing, rows, wanted, demanded)
    message = MailMessage(
        letter.subject,
        fill_marks(letter.text, token, rows),
        from_email=letter.sender,
        to=[recipient(mailing)],
        headers=headers(mailing, rows, fill_marks(letter.unsubscribe_url, token, rows)),
    )
    message.attach_alternative(fill_marks(letter.html, token, rows), "text/html")
    _mark_for_provider(message, mailing)
    return message


def _mark_for_provider(message: EmailMultiAlternatives, mailing: Mailing) -> None:
    """What Anymail hands over besides the mail. Django's own backends take no notice."""
    if settings.EMAIL_BACKEND not in WITHOUT_METADATA:
        message.metadata = {"mailing": str(mailing.pk)}  # type: ignore[attr-defined]
    # One tag: five of the providers have no room for a second.
    message.tags = [f"team-notifications-{mailing.kind}"]  # type: ignore[attr-defined]
