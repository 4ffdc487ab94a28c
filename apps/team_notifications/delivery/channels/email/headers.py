"""What mail programs and providers read of a mail: who it is from, what it belongs to, how to stop it."""

import re
from collections.abc import Sequence
from email.header import Header
from email.utils import parseaddr, quote
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.encoding import punycode

from team_notifications import conf
from team_notifications.delivery.retry import ChannelError
from team_notifications.models import Mailing, UserNotification
from team_notifications.texts import clean_title

# The header by which a provider knows a mail that it took before: by backend, or by SMTP host. It is the mailing's key,
# a UUID as Brevo asks for. Resend's API wants an HTTP header, which Anymail cannot set; the others have nothing of the
# kind. (Brevo: "Idempotency for batch emails", 30 minutes. Resend: "Idempotency keys", 24 hours.)
IDEMPOTENCY_HEADERS = {
    "anymail.backends.brevo.EmailBackend": "idempotencyKey",
    "smtp.resend.com": "Resend-Idempotency-Key",
}

ENCODED_WORD = re.compile(r"=\?(?=[^\s?]+\?[bBqQ]\?)")  # how one begins (RFC 2047 §2)


def headers(mailing: Mailing, rows: Sequence[UserNotification], unsubscribe_url: str) -> dict[str, str]:
    """All headers but From, To and Subject. Plain ASCII: not every provider encodes what it is given."""
    root = _root(mailing, rows)
    return {
        "Message-ID": mailing.message_id,
        "In-Reply-To": root,
        "References": root,
        "Auto-Submitted": "auto-generated",  # RFC 3834 §5
        "X-Auto-Response-Suppress": "OOF, AutoReply",  # Exchange reads this one instead (MS-OXCMAIL §2.2.3.2.14)
        **_list_headers(mailing.team, unsubscribe_url),
        **_idempotency_header(mailing),
    }


def new_message_id(mailing_pk: Any) -> str:
    """The same each time for the same mailing, so that a mail which goes twice is one mail to its reader."""
    return f"<{mailing_pk}@{domain()}>"


def domain() -> str:
    """The site's host name, or the sender's domain."""
    host = urlsplit(conf.settings().site_url).hostname or parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return punycode(host or "localhost")


def sender(team: Any) -> str:
    """Our own address, named for the team and the site. In plain ASCII where the names are: more programs show it."""
    site_name = one_line(conf.settings().site_name, fallback=domain())
    name = f"{team_name(team)} ({site_name})" if team else site_name
    return f'"{quote(name)}" <{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}>'


def recipient(mailing: Mailing) -> str:
    """Raises ChannelError for an address that is none, or would break out of its header."""
    if not mailing.address or not mailing.address.isprintable():
        raise ChannelError(f"{mailing.address!r} is no email address.", permanent=True)
    return mailing.address


def team_name(team: Any) -> str:
    return one_line(str(team), fallback=f"#{team.pk}")


def one_line(text: str, *, fallback: str) -> str:
    """`text` as it may stand in a header; `fallback` when nothing is left of it.

    What looks like an encoded word is none any more: mail programs would decode it, and what was cleaned away is back.
    """
    try:
        return ENCODED_WORD.sub("= ?", clean_title(text))
    except ValueError:
        return fallback


def _root(mailing: Mailing, rows: Sequence[UserNotification]) -> str:
    """What mail programs gather under one another: the mails about one thread, or a member's digests of one team.

    No mail has this id. It is made of nothing that changes, so the first mail does not have to be known.
    """
    if len(rows) == 1:
        return f"<thread-{rows[0].notification_id}@{domain()}>"
    return f"<digest-{mailing.user_id}-{mailing.team_id or 'personal'}@{domain()}>"


def _list_headers(team: Any, unsubscribe_url: str) -> dict[str, str]:
    found = {}
    if team is not None:
        found["List-Id"] = f"{_phrase(team_name(team))} <team-{team.pk}.notifications.{domain()}>"  # RFC 2919 §2
    if conf.settings().site_url:
        found["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058 §3.1
    return found


def _phrase(name: str) -> str:
    """A name in front of an angle bracket: quoted, or in encoded words on one line (RFC 5322 §3.2.5, RFC 2047 §5)."""
    return f'"{quote(name)}"' if name.isascii() else Header(name, "utf-8").encode(linesep="")


def _idempotency_header(mailing: Mailing) -> dict[str, str]:
    name = IDEMPOTENCY_HEADERS.get(settings.EMAIL_BACKEND) or IDEMPOTENCY_HEADERS.get(settings.EMAIL_HOST)
    return {name: str(mailing.pk)} if name else {}
