"""What a mail says, as its templates see it. Texts are as they are written; the templates escape them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from team_notifications import conf, floors
from team_notifications.delivery.channels.email.headers import team_name
from team_notifications.levels import WHAT, Level, Threshold
from team_notifications.models import Mailing, Notification, UserNotification
from team_notifications.models.preference import Frequency
from team_notifications.personal import PERSONAL
from team_notifications.wording import as_mailed


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thread as a mail says it, with how often it happened and when last. `links` are absolute.

    `url` is its page; empty when the inbox does not show it.
    """

    thread: Notification
    level: Level
    facts: str
    links: dict[str, str]
    url: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """The threads of one level: how many there are, and those that the mail shows."""

    level: Level
    count: int
    lines: list[Line]


def content(
    team: Any,
    rows: Sequence[UserNotification],
    *,
    reason: str,
    key: Callable[[UserNotification], str],
    unsubscribe_url: str,
) -> dict[str, Any]:
    """The context of all templates of one mail about `team` (None: personal). `key` names a row in addresses."""
    limit = conf.settings().digest_lines
    inbox_url = absolute(reverse("team_notifications:inbox"))
    gravest_first = sorted(rows, key=_gravest_and_newest, reverse=True)
    lines = [_line(row, absolute(reverse("team_notifications:thread", args=[key(row)]))) for row in gravest_first]
    counts = Counter(line.level for line in lines)
    scope = PERSONAL.pk if team is None else team.pk
    return {
        "team": team_name(team) if team else "",
        "site_name": conf.settings().site_name,
        "line": lines[0],
        "count": len(lines),
        "counts": sorted(counts.items(), reverse=True),
        "errors": counts[Level.ERROR],
        "warnings": counts[Level.WARNING],
        "groups": [
            Group(level=level, count=counts[level], lines=list(shown))
            for level, shown in groupby(lines[:limit], key=lambda line: line.level)
        ],
        "more": max(len(lines) - limit, 0),
        "more_in_inbox": all(line.url for line in lines[limit:]),
        "reason": reason,
        "inbox_url": inbox_url,
        "preferences_url": absolute(reverse("team_notifications:preferences", args=[scope])),
        "unsubscribe_url": unsubscribe_url,
    }


def absolute(url: str) -> str:
    """`url`, with the site in front when it is a path."""
    return f"{conf.settings().site_url.rstrip('/')}{url}" if url.startswith("/") else url


def _line(row: UserNotification, url: str) -> Line:
    thread = as_mailed(row.notification)
    return Line(
        thread=thread,
        level=thread.severity,
        facts=_facts(thread),
        links={label: absolute(url) for label, url in thread.links.items()},
        url=url if row.in_app else "",
    )


def _facts(thread: Notification) -> str:
    at = timezone.localtime(thread.last_event_at)
    when = f"{date_format(at, 'DATETIME_FORMAT')} {at:%Z}"
    text = ngettext("%(when)s", "%(times)s times, most recently on %(when)s", thread.occurrences)
    return text % {"when": when, "times": thread.occurrences}


def _gravest_and_newest(row: UserNotification) -> tuple[Any, ...]:
    return row.notification.level, row.notification.last_event_at, row.notification_id


# ---- why this person gets it ----------------------------------------------------------------------------------------

HOW: dict[str, Promise] = {
    Frequency.INSTANT: _("%(what)s reach you by email at once."),
    Frequency.HOURLY: _("%(what)s reach you by email every hour%(but)s."),
    Frequency.DAILY: _("%(what)s reach you by email every day%(but)s."),
    Frequency.WEEKLY: _("%(what)s reach you by email every week%(but)s."),
}
BUT: dict[int, Promise] = {
    Threshold.WARNING: _(", warnings and errors at once"),
    Threshold.ERROR: _(", errors at once"),
}


REASON_NAMES = ("email_level", "email_instant_level", "email_frequency")  # of the preferences, what `reason` asks for


def reason(mailing: Mailing, wanted: Mapping[str, Any] | None, demanded: int | None = None) -> str:
    """`wanted` are the reader's effective preferences; `demanded` is the level from which a floor brings it anyway."""
    why = (
        gettext("You get this because you are in %(team)s.") % {"team": team_name(mailing.team)}
        if mailing.team
        else gettext("You get this because it is addressed to you.")
    )
    how = [_how(wanted)] if wanted else []
    anyway = [floors.sentence("email", demanded, team_name(mailing.team))] if demanded else []
    return " ".join([why, *how, *anyway])


def _how(wanted: Mapping[str, Any]) -> str:
    threshold, instant = wanted["email_level"], wanted["email_instant_level"]
    frequency = wanted["email_frequency"]
    if instant <= threshold:  # nothing is left for a digest
        frequency = Frequency.INSTANT
    return str(HOW[frequency]) % {"what": WHAT[threshold], "but": BUT.get(instant, "")}
