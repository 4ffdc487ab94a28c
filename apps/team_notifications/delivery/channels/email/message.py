"""Writes the mail of a mailing: HTML and plain text, in the reader's language and time zone.

A project overrides any of the templates in ``team_notifications/email/``. Building asks the database nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from team_notifications import conf
from team_notifications.delivery.channels.email import unsubscribe
from team_notifications.delivery.channels.email.content import absolute, content
from team_notifications.delivery.channels.email.headers import headers, new_message_id, one_line, recipient, sender
from team_notifications.delivery.rules import zone_of
from team_notifications.models import Mailing, UserNotification

try:
    from css_inline import CSSInliner
except ImportError:  # the extra is not installed; the mail programs that read a stylesheet find it in the head
    inline: Callable[[str], str] = str
else:
    # At-rules stay in the head: dark mode and small screens cannot be said in an attribute.
    inline = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline

__all__ = ["build", "new_message_id"]

TEMPLATES = "team_notifications/email"
# Anymail refuses what a provider does not have. Reports of these find the mailing by the provider's own id.
WITHOUT_METADATA = {"anymail.backends.mailersend.EmailBackend", "anymail.backends.postal.EmailBackend"}


def build(
    mailing: Mailing, rows: Sequence[UserNotification], wanted: Mapping[str, Any] | None = None
) -> EmailMultiAlternatives:
    """The message of `mailing` about `rows`: one row for each thread, with `notification` loaded.

    The caller has made sure that the reader may see all of them. `wanted` are the reader's effective preferences by
    name, for the sentence on why they get it. More threads than ``DIGEST_LINES`` are counted, and not shown.

    Raises ChannelError for an address that is none, and whatever a template raises.
    """
    unsubscribe_url = absolute(unsubscribe.path_for(mailing.user, mailing.team))
    with timezone.override(zone_of(mailing.user)), translation.override(_language_of(mailing.user)):
        context = content(mailing, rows, wanted, unsubscribe_url)
        name = "digest" if len(rows) > 1 else "instant"
        subject = one_line(render_to_string(f"{TEMPLATES}/{name}_subject.txt", context), fallback=context["team"])
        text = render_to_string(f"{TEMPLATES}/{name}.txt", context)
        html = inline(render_to_string(f"{TEMPLATES}/{name}.html", {**context, "subject": subject}))
    message = EmailMultiAlternatives(
        subject,
        text,
        from_email=sender(mailing.team),
        to=[recipient(mailing)],
        headers=headers(mailing, rows, unsubscribe_url),
    )
    message.attach_alternative(html, "text/html")
    _mark_for_provider(message, mailing)
    return message


def _mark_for_provider(message: EmailMultiAlternatives, mailing: Mailing) -> None:
    """What Anymail hands over besides the mail. Django's own backends take no notice."""
    if settings.EMAIL_BACKEND not in WITHOUT_METADATA:
        message.metadata = {"mailing": str(mailing.pk)}  # type: ignore[attr-defined]
    # One tag: five of the providers have no room for a second.
    message.tags = [f"team-notifications-{mailing.kind}"]  # type: ignore[attr-defined]


def _language_of(user: Any) -> str:
    """The language that the user's own field names, else the one of the site."""
    code = getattr(user, conf.settings().language_field, "")
    return code if code and translation.check_for_language(code) else settings.LANGUAGE_CODE
