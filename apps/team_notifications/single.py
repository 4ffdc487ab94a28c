"""Telling one user: what `notify_user` does inside its transaction.

Each call is a notification of its own, with a thread that nobody shares. It belongs to a team when one is given, and is
personal otherwise.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections, router
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext

from team_notifications import conf, fanout, threads
from team_notifications.identifiers import identifier_for
from team_notifications.levels import Level
from team_notifications.links import check_links
from team_notifications.models import Notification, UserNotification
from team_notifications.recipients import Audience, Recipients, team_defaults
from team_notifications.report import SOURCE_ID_MAX_LENGTH, Report, check_recipients, check_team, check_time
from team_notifications.sql import take_turns, writing
from team_notifications.texts import clean_message, clean_title

SLUG = "user-notice"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What is to be told, and to whom; `deduplicate`: unless something about the same source still waits for them."""

    user: Any
    report: Report
    deduplicate: bool

    @classmethod
    def check(
        cls,
        *,
        user: Any,
        title: str | Promise,
        message: str | Promise,
        level: Level | int | str,
        url: str,
        source: tuple[str, str, str],
        deduplicate: bool,
        expires_at: datetime | None,
        team: Any,
    ) -> "Notice":
        """Raises TypeError or ValueError, naming the value, for anything that cannot be told."""
        check_recipients([user])
        app, model, key = check_source_names(*source)
        if deduplicate and not app:
            raise ValueError("deduplicate goes by the source, but source_app is ''.")
        event_data = {"notice": uuid.uuid4().hex}
        report = Report(
            team=None if team is None else check_team(team),
            user=user if team is None else None,
            identifier=identifier_for(SLUG, event_data),
            slug=SLUG,
            event_data=event_data,
            params={},
            title=clean_title(title),
            message=clean_message(message),
            level=Level.parse(level),
            permissions=[],
            # Stored as it reads now: in the language that the caller wrote the title in.
            links=check_links({gettext("Open"): url} if url != "" else None),
            source_app=app,
            source_model=model,
            source_id=key,
            expires_at=check_time(expires_at),
        )
        return cls(user=user, report=report, deduplicate=deduplicate)


def check_source_names(app: str, model: str, key: str) -> tuple[str, str, str]:
    """Returns them as Django names an object: app label, model in lower case, primary key.

    They may end early: an app alone, or an app and a model. Raises TypeError or ValueError, naming field and value.
    """
    names = {"source_app": app, "source_model": model, "source_id": key}
    for name, value in names.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} is text, not {value!r}.")
        if len(value) > SOURCE_ID_MAX_LENGTH:
            raise ValueError(f"{name} has at most {SOURCE_ID_MAX_LENGTH} characters, this one {len(value)}: {value!r}.")
        if not value.isprintable():
            raise ValueError(f"{name} holds a character that is none to read: {value!r}.")
    if key and not model:
        raise ValueError(f"source_id {key!r} says nothing without a source_model.")
    if model and not app:
        raise ValueError(f"source_model {model!r} says nothing without a source_app.")
    return str.__str__(app), str.__str__(model).lower(), str.__str__(key)


def tell(notice: Notice) -> UserNotification | None:
    """Writes the thread, the user's row and what is owed to them. None, and nothing is written, when it shall not be.

    In a transaction. `notification` is loaded on the row.
    """
    channels = _channels(notice)
    if channels is None or (notice.deduplicate and _is_waiting(notice)):
        return None
    return fanout.tell_one(
        threads.record(notice.report), notice.user, in_app=channels["to_in_app"], by_email=channels["to_email"]
    )


def _channels(notice: Notice) -> dict[str, bool] | None:
    """Which channels let it through; None when none does, or the user is inactive or not in the team."""
    team = notice.report.team
    audience = Audience(
        team=team,
        user=notice.user.pk,
        slug=SLUG,
        level=notice.report.level,
        only=[notice.user.pk],
        defaults=team_defaults(team, SLUG, notice.report.level),
    )
    # Where it is written: a user who was made a moment ago may not have reached a replica.
    users = Recipients(audience).between().using(router.db_for_write(UserNotification))
    return users.values("to_in_app", "to_email").first()


def _is_waiting(notice: Notice) -> bool:
    """Whether a notice about the same source is before the user, unread; snoozed ones come back by themselves.

    No one else finds out the same until the commit, so of two at the same time one is written. Whom only email reached
    has nothing to read: it waits for as long as it does in a thread that happens again.
    """
    report, now = notice.report, timezone.now()
    source = {name: getattr(report, name) for name in ("source_app", "source_model", "source_id")}
    team = getattr(report.team, "pk", None)
    take_turns(repr((SLUG, notice.user.pk, team, *source.values())), connections[router.db_for_write(Notification)])
    told_lately = Q(in_app=True) | Q(notified_at__gt=now - conf.settings().renotify_after)
    unexpired = Q(notification__expires_at=None) | Q(notification__expires_at__gt=now)
    waiting = writing(UserNotification).filter(user=notice.user.pk, team=team, is_read=False, archived_at=None)
    about_it = {f"notification__{name}": value for name, value in source.items()}
    return waiting.filter(told_lately, unexpired, notification__slug=SLUG, **about_it).exists()
