"""Feature code starts here: say what happened, to which team, and who may know."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import router, transaction
from django.db.models import Model
from django.dispatch import Signal
from django.utils.functional import Promise

from team_notifications import fanout, kinds, single, threads, wording
from team_notifications.identifiers import check_slug, identifier_for
from team_notifications.levels import Level
from team_notifications.models import Notification, UserNotification
from team_notifications.recipients import Audience, Recipients, team_defaults
from team_notifications.report import Report, check_recipients, check_team
from team_notifications.signals import notification_recorded, notification_resolved


def create_notification(
    *,
    team: Any,
    slug: str,
    title: str | Promise | None = None,
    message: str | Promise | None = None,
    level: Level | int | str | None = None,
    event_data: Mapping[str, Any] | None = None,
    params: Mapping[str, object] | None = None,
    permissions: Collection[str] | None = None,
    links: Mapping[str, str] | None = None,
    source: Model | None = None,
    recipients: Iterable[Any] | None = None,
    expires_at: datetime | None = None,
    once: bool = False,
) -> Notification:
    """Tells the members of `team` who hold all the `permissions` and want to know that something happened.

    The same slug and event data are the same thread: it is brought up to date, counts one more occurrence, and is
    unread again for everyone who had read or archived it. The number of queries does not depend on the team's size.

    Title, message, level and permissions that are not given come from the kind that is registered for the slug. Without
    a kind there must be a title; the message is then empty, the level INFO, and the audience every member.

    Args:
        team: the saved team.
        slug: the kind of thing that happened, ``custom-action-down``.
        title: plain text; cleaned, and cut at 200 characters. Escape it where it is shown.
        message: plain text, cleaned.
        level: a `Level`, its number or its name.
        event_data: the JSON values that tell one subject from another, ``{"action_id": 7}``.
        params: the JSON values that the texts of the kind are filled with, one for each of its params. A call with a
            title of its own and no params needs none; then nothing is said but what it says.
        permissions: names such as ``teams.change_team``, all of which a reader holds. An empty list means every member.
        links: label → URL; http, https or a path on this site. The first is the one that a click follows.
        source: the saved object that it is about. Object permissions on it count.
        recipients: members to whom the audience is narrowed; it never widens it. Of thousands, give a queryset.
        expires_at: a time, with its zone, after which nobody sees it.
        once: leave the thread alone when it already reached somebody.

    Call it inside the transaction of the change that it tells of: a rollback takes it back, and nothing leaves the
    machine before the commit. Several in one transaction: in the order of `identifier_for`, or two processes that
    report the same ones may deadlock.

    Returns:
        The thread.

    Raises:
        TypeError, ValueError: naming the bad value, before anything is written.
        UnknownPermission: a ValueError; an unknown name never means "everyone".
    """
    kind = kinds.find(check_slug(slug))
    defaults = kind or kinds.ANY
    words = wording.choose(slug, kind, title=title, message=message, params=params)
    report = Report.check(
        team=team,
        slug=slug,
        event_data=event_data,
        params=words.params,
        title=words.title,
        message=words.message,
        own_title=words.own_title,
        own_message=words.own_message,
        level=defaults.level if level is None else level,
        permissions=defaults.permissions if permissions is None else permissions,
        links=links,
        source=source,
        expires_at=expires_at,
    )
    only = check_recipients(recipients)
    with transaction.atomic(using=router.db_for_write(Notification)):
        audience = Audience(
            team=team,
            slug=slug,
            level=report.level,
            permissions=report.permissions,
            source=source,
            only=only,
            defaults=team_defaults(team, slug, report.level),
        )
        users = Recipients(audience)
        notification = threads.begin(report) if once else threads.record(report)
        if notification is None:
            known = threads.lock(team=team, identifier=report.identifier)
            if known is not None and fanout.has_reached_somebody(known):
                return known
            notification = threads.record(report)
        told = fanout.fan_out(notification, users, at_once=only is not None)
        _announce(
            notification_recorded,
            notification=notification,
            created=notification.occurrences == 1,
            reopened=notification.occurrences > 1 and notification.was_just_opened,
            notified=told.notified,
            unfinished=told.unfinished,
        )
        if words.failure is not None:
            transaction.on_commit(words.count_failure, using=router.db_for_write(Notification), robust=True)
    return notification


def notify_user(
    user: Any,
    title: str | Promise,
    message: str | Promise = "",
    level: Level | int | str = "info",
    url: str = "",
    source_app: str = "",
    source_model: str = "",
    source_id: str = "",
    deduplicate: bool = False,
    expires_at: datetime | None = None,
    team: Any = None,
) -> UserNotification | None:
    """Tells one user something. For code that knows whom to tell; each call is a notification of its own.

    Args:
        user: the saved user.
        title, message: plain text, as in `create_notification`.
        level: a `Level`, its number or its name in any case; ``danger`` is ERROR.
        url: the one link; http, https or a path on this site.
        source_app, source_model, source_id: the object that it is about, by app label, model and primary key as text.
        deduplicate: say nothing when a notice about the same source is in the user's inbox, unread.
        expires_at: a time, with its zone, after which nobody sees it.
        team: the saved team that it is about; None makes it personal.

    Returns:
        The user's row. None, and nothing is written, when `deduplicate` found one; when the user has notifications
        off or the level is under their threshold, for inbox and email both; and when they are inactive or not a member
        of the team.

    Raises:
        TypeError, ValueError: naming the bad value, before anything is written.
    """
    notice = single.Notice.check(
        user=user,
        title=title,
        message=message,
        level=level,
        url=url,
        source=(source_app, source_model, source_id),
        deduplicate=deduplicate,
        expires_at=expires_at,
        team=team,
    )
    with transaction.atomic(using=router.db_for_write(Notification)):
        row = single.tell(notice)
        if row is not None:
            _announce(
                notification_recorded,
                notification=row.notification,
                created=True,
                reopened=False,
                notified=1,
                unfinished=False,
            )
    return row


def resolve_notification(*, team: Any, slug: str, event_data: Mapping[str, Any] | None = None) -> Notification | None:
    """Says that the condition is over: the thread is resolved, read for everyone, and nobody else is told of it.

    The next occurrence opens it again and notifies as a new thread does.

    Returns:
        The thread; None when there is none, or it was resolved before.

    Raises:
        TypeError, ValueError: naming the bad team, slug or event data.
    """
    with transaction.atomic(using=router.db_for_write(Notification)):
        notification = threads.lock(team=check_team(team), identifier=identifier_for(slug, event_data))
        if notification is None or notification.is_resolved:
            return None
        threads.resolve(notification)
        fanout.settle(notification)
        _announce(notification_resolved, notification=notification)
    return notification


def _announce(signal: Signal, **arguments: Any) -> None:
    """Sends `signal` after the commit. A receiver that raises is logged and stops neither the others nor the caller."""
    send = partial(signal.send_robust, sender=Notification, **arguments)
    transaction.on_commit(send, using=router.db_for_write(Notification))
