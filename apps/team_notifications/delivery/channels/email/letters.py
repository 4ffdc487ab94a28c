"""What a mail says, written once for all who get the same threads in the same words.

An event in a large team is the same mail ten thousand times but for the reader's own links. So those are marks while
the templates are rendered, and are filled in for each reader. A template may do with a link whatever keeps plain
letters and digits as they are.
"""

import re
import secrets
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from team_notifications import conf
from team_notifications.delivery.channels.email.content import absolute, content, reason
from team_notifications.delivery.channels.email.headers import one_line
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
    """Subject, plain text and HTML; the two texts with marks."""

    subject: str
    text: str
    html: str

    def to(self, token: str, rows: Sequence[UserNotification]) -> "Letter":
        """The letter with the links of one reader. Raises ValueError for a template that spoilt one of them."""
        own = {"token": token, **{str(row.notification_id): str(row.pk) for row in rows}}
        text, html = (MARKS.sub(lambda mark: own[mark[1]], part) for part in (self.text, self.html))
        if LEFT_OVER in text.lower() or LEFT_OVER in html.lower():
            raise ValueError("A template cuts a link, or changes its letters: it would lead nowhere.")
        return Letter(subject=self.subject, text=text, html=html)


class Letters:
    """The letters of one batch."""

    def __init__(self) -> None:
        self._written: dict[Hashable, Letter] = {}

    def write(
        self,
        mailing: Mailing,
        rows: Sequence[UserNotification],
        wanted: Mapping[str, Any] | None,
        token: str,
        demanded: int | None = None,
    ) -> Letter:
        """The letter of `mailing`, in its reader's language and time zone. Raises whatever a template raises."""
        zone, language = zone_of(mailing.user), _language_of(mailing.user)
        with timezone.override(zone), translation.override(language):
            why = reason(mailing, wanted, demanded)
            key = _same_words(mailing, rows, zone, language, why)
            if key not in self._written:
                self._written[key] = _render(mailing, rows, why)
        return self._written[key].to(token, rows)


def unsubscribe_url(token: str) -> str:
    return absolute(reverse("team_notifications:unsubscribe", args=[token]))


def _same_words(mailing: Mailing, rows: Sequence[UserNotification], zone: tzinfo, language: str, why: str) -> Hashable:
    """What the words depend on. A thread says something else when it happens again, or its template was changed."""
    threads = tuple(
        (row.notification_id, row.notification.occurrences, row.notification.in_mail, row.in_app) for row in rows
    )
    return mailing.team_id, threads, zone, language, why


def _render(mailing: Mailing, rows: Sequence[UserNotification], why: str) -> Letter:
    context = content(
        mailing.team,
        rows,
        reason=why,
        key=lambda row: f"{MARK}{row.notification_id}",
        unsubscribe_url=unsubscribe_url(TOKEN),
    )
    name = "digest" if len(rows) > 1 else "instant"
    subject = one_line(render_to_string(f"{TEMPLATES}/{name}_subject.txt", context), fallback=context["team"])
    return Letter(
        subject=subject,
        text=render_to_string(f"{TEMPLATES}/{name}.txt", context),
        html=inline(render_to_string(f"{TEMPLATES}/{name}.html", {**context, "subject": subject})),
    )


def _language_of(user: Any) -> str:
    """The language that the user's own field names, else the one of the site."""
    code = getattr(user, conf.settings().language_field, "")
    return code if code and translation.check_for_language(code) else settings.LANGUAGE_CODE
