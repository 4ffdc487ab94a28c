"""What a mail says, written once for all who get the same threads in the same words.

An event in a large team is the same mail ten thousand times but for the reader's own links. So those are marks while
the templates are rendered, and are filled in for each reader. A template may do with a link whatever keeps plain
letters and digits as they are.
"""

import re
import secrets
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from team_notifications import conf
from team_notifications.delivery.channels.email.content import REASON_NAMES, absolute, content, reason
from team_notifications.delivery.channels.email.headers import one_line, sender
from team_notifications.delivery.rules import zone_of
from team_notifications.models import Mailing, UserNotification

try:
    from css_inline import CSSInliner
except ImportError:  # the extra is not installed; the mail programs that read a stylesheet find it in the head
    inline: Callable[[str], str] = str
else:
    # At-rules stay in the head: dark mode and small screens cannot be said in an attribute.
    inline = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline

TEMPLATES = "team_notifications/email"
MARK = f"mark{secrets.token_hex(8)}of"  # nobody can write it into a text of theirs
TOKEN = f"{MARK}token"
LEFT_OVER = MARK[:12]  # enough of it to know it by
MARKS = re.compile(rf"{MARK}(token|\d+)")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Who it is from, subject, plain text and HTML; the two texts, and the link that stops it, with marks."""

    sender: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str

    def __post_init__(self) -> None:
        """Raises ValueError for a template that spoilt a mark."""
        for part in (self.text, self.html):
            if LEFT_OVER in MARKS.sub("", part).lower():
                raise ValueError("A template cuts a link, or changes its letters: it would lead nowhere.")


def fill_marks(part: str, token: str, rows: Sequence[UserNotification]) -> str:
    """A part of a letter with the links of one reader."""
    own = {"token": token, **{str(row.notification_id): str(row.pk) for row in rows}}
    return MARKS.sub(lambda mark: own[mark[1]], part)


class Letters:
    """The letters of one batch."""

    def __init__(self) -> None:
        self._written: dict[Hashable, Letter] = {}

    def write(
        self,
        mailing: Mailing,
        rows: Sequence[UserNotification],
        wanted: Mapping[str, Any] | None,
        demanded: int | None = None,
    ) -> Letter:
        """The letter of `mailing`, in its reader's language and time zone; their own links are still to be filled in.

        Raises whatever a template raises.
        """
        zone, language = zone_of(mailing.user), _language_of(mailing.user)
        choices = wanted and tuple(wanted[name] for name in REASON_NAMES)
        key = mailing.team_id, _same_words(rows), zone, language, choices, demanded
        if key not in self._written:
            with timezone.override(zone), translation.override(language):
                self._written[key] = _render(mailing, rows, reason(mailing, wanted, demanded))
        return self._written[key]


def _same_words(rows: Sequence[UserNotification]) -> Hashable:
    """What the lines depend on. A thread says something else when it happens again, or its template was changed."""
    return tuple(
        (row.notification_id, row.notification.occurrences, row.notification.in_mail, row.in_app) for row in rows
    )


def _render(mailing: Mailing, rows: Sequence[UserNotification], why: str) -> Letter:
    stop = absolute(reverse("team_notifications:unsubscribe", args=[TOKEN]))
    context = content(
        mailing.team,
        rows,
        reason=why,
        key=lambda row: f"{MARK}{row.notification_id}",
        unsubscribe_url=stop,
    )
    name = "digest" if len(rows) > 1 else "instant"
    subject = one_line(render_to_string(f"{TEMPLATES}/{name}_subject.txt", context), fallback=context["team"])
    return Letter(
        sender=sender(mailing.team),
        subject=subject,
        text=render_to_string(f"{TEMPLATES}/{name}.txt", context),
        html=inline(render_to_string(f"{TEMPLATES}/{name}.html", {**context, "subject": subject})),
        unsubscribe_url=stop,
    )


def _language_of(user: Any) -> str:
    """The language that the user's own field names, else the one of the site."""
    code = getattr(user, conf.settings().language_field, "")
    return code if code and translation.check_for_language(code) else settings.LANGUAGE_CODE
