"""The thread's own row. Written for `notify` alone, in one statement that locks it until the commit.

Two processes that report the same event wait for each other there, so that neither loses the other's occurrence and
they cannot deadlock over the members' rows.
"""

from collections.abc import Collection
from typing import Any

from django.db import connections, router
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from team_notifications.models import Notification
from team_notifications.models.notification import REMOVED
from team_notifications.report import Report
from team_notifications.sql import column_names, prepared

# What the last report says, and what adds up over all of them.
REFRESHED = (
    "params",
    "title",
    "message",
    "own_title",
    "own_message",
    "level",
    "links",
    "permissions",
    "source_app",
    "source_model",
    "source_id",
    "expires_at",
)

UPSERT = """
INSERT INTO {table} ({columns}) VALUES ({values})
ON CONFLICT (team_id, identifier) {on_conflict}
RETURNING *
"""

IS_OPEN = "({table}.resolved_at IS NULL AND ({table}.expires_at IS NULL OR {table}.expires_at > excluded.created_at))"

# The times never run backwards: of two processes the one that waited for the lock may have read the clock first.
BRING_UP_TO_DATE = """DO UPDATE SET
    {refreshed},
    occurrences = {table}.occurrences + 1,
    last_event_at = {greatest}({table}.last_event_at, excluded.last_event_at),
    opened_at = CASE WHEN {is_open} THEN {table}.opened_at
                     ELSE {greatest}({table}.last_event_at, excluded.last_event_at) END,
    opened_with = CASE WHEN {is_open} THEN {table}.opened_with ELSE {table}.occurrences + 1 END,
    resolved_at = NULL
"""


def record(report: Report) -> Notification:
    """Begins the thread or brings it up to date, and keeps the occurrence. Two statements."""
    [notification] = _upsert(report, BRING_UP_TO_DATE)
    _keep_occurrence(notification)
    return notification


def begin(report: Report) -> Notification | None:
    """Begins the thread, and keeps the occurrence; None, and nothing is changed, when there already is one.

    Waits for whoever is beginning the same thread at this moment.
    """
    for notification in _upsert(report, "DO NOTHING"):
        _keep_occurrence(notification)
        return notification
    return None


def resolve(notification: Notification) -> None:
    """Sets `resolved_at`. The caller holds the lock. Never before the last event, however the clocks differ."""
    notification.resolved_at = max(timezone.now(), notification.last_event_at)
    notification.save(update_fields=["resolved_at"])


def lock(*, team: Any, identifier: str) -> Notification | None:
    """The thread of that identifier, locked until the commit; None when there is none."""
    threads = Notification.objects.select_for_update(no_key=True)
    return threads.filter(team=team, identifier=identifier).first()


def remove(*, app: str, model: str, keys: Collection[str]) -> int:
    """Takes the threads about these objects from everybody, for good; returns how many. One statement.

    They expire now, so that nobody sees them and nothing is sent, and give up their identifier: what is reported from
    now on begins anew. Their rows are left to the cleanup, so it costs the same however many members were told. Waits
    for an event on one of them that is not committed yet. Call it in a transaction.
    """
    about = Notification.objects.filter(source_app=app, source_model=model, source_id__in=keys)
    # In the order in which readers and features take several, so that none of them deadlocks with us.
    held = about.order_by("identifier").select_for_update()
    return Notification.objects.filter(pk__in=held.values("pk")).update(
        expires_at=timezone.now(),
        identifier=Concat(Value(REMOVED), Cast("pk", CharField()), output_field=CharField()),
        # Of another object that may get the same key they say nothing.
        source_app="",
        source_model="",
        source_id="",
    )


def _keep_occurrence(notification: Notification) -> None:
    notification.history.create(
        at=notification.last_event_at,
        title=notification.title,
        message=notification.message,
        level=notification.level,
        links=notification.links,
    )


def _upsert(report: Report, on_conflict: str) -> list[Notification]:
    connection = connections[router.db_for_write(Notification)]
    now = timezone.now()
    values = prepared(
        Notification,
        connection,
        **vars(report) | {"team": getattr(report.team, "pk", None), "user": getattr(report.user, "pk", None)},
        occurrences=1,
        created_at=now,
        opened_at=now,
        opened_with=1,
        last_event_at=now,
    )
    table = Notification._meta.db_table
    statement = UPSERT.format(
        table=table,
        columns=", ".join(column_names(Notification, values)),
        values=", ".join(f"%({name})s" for name in values),
        on_conflict=on_conflict.format(
            table=table,
            is_open=IS_OPEN.format(table=table),
            refreshed=",\n    ".join(f"{name} = excluded.{name}" for name in REFRESHED),
            greatest="GREATEST" if connection.vendor == "postgresql" else "MAX",
        ),
    )
    written = list(Notification.objects.using(connection.alias).raw(statement, values))
    for notification in written:
        # Not another query for what the caller brought.
        notification.team, notification.user = report.team, report.user
    return written
