"""Writes the members' rows: one statement for all of them, however many they are.

A member is notified when their row is new, or was read or archived, or the level rose above what they were last told,
or the thread was opened anew since. Then the row is unread again, no longer snoozed, and its revision grows. A row that
is still unread is not written at all, so a storm on an unread thread costs next to nothing. The reasons and the
measurements are in docs/decisions/0001-one-statement-fan-out.md.

*Lost wake-ups.* Members who are unread already are left out before the insert, so the statement never waits for a
reader who is marking such a row read at this moment. It is the reader who waits: `inbox.mark_read` first takes a shared
lock on the thread, which the event holds exclusively until its commit.
"""

import logging
from dataclasses import dataclass
from typing import Any

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, QuerySet
from django.utils import timezone

from team_notifications import conf
from team_notifications.directory import UnknownPermission
from team_notifications.models import Delivery, Notification, UnfinishedFanout, UserNotification
from team_notifications.recipients import Audience, Recipients, all_users, bounds, members
from team_notifications.sql import embed, prepared, writing

logger = logging.getLogger(__name__)

RESOLVED = "The thread was resolved."

# How many chunks the worker tells in one statement. Each statement finds the holders in the whole team anew, which in
# chunks of 5,000 was most of the time for 100,000 members (2.6 to 4 times the floor, in chunks of 50,000 1.0 to 1.5);
# nobody waits for the worker, except who reports the same event in just that second.
WORKER_CHUNKS = 10


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one fan-out did: how many members it notified, and whether others of a large team are still to be told."""

    notified: int
    unfinished: bool = False


def fan_out(notification: Notification, users: Recipients, *, at_once: bool = False) -> Told:
    """Notifies `users` of what the thread says now. The caller holds its lock.

    In a team of more than ``FANOUT_CHUNK`` members the first chunk is told here and the rest by `finish`, unless they
    shall all be told `at_once`.
    """
    rest_from = None if at_once else _leave_rest_for_later(notification)
    notified = _tell(notification, users, end=rest_from)
    return Told(notified=notified, unfinished=rest_from is not None)


def finish(notification_id: int) -> int:
    """Tells the rest of a large team, a chunk in each transaction, and returns how many members it notified.

    May be stopped anywhere and called again, also by several processes at once: the cursor moves with the chunk's rows.
    """
    notified = 0
    while (told := _next_chunk(notification_id)) is not None:
        notified += told
    return notified


def unfinished() -> list[int]:
    """The keys of the threads that wait for `finish`, the oldest first."""
    return list(writing(UnfinishedFanout).order_by("created_at").values_list("pk", flat=True))


def tell_one(notification: Notification, user: Any, *, in_app: bool, by_email: bool) -> UserNotification:
    """Notifies `user`, whom alone a new thread is for, through these channels. Returns their row."""
    at = notification.last_event_at
    row = UserNotification.objects.create(
        notification=notification,
        user=user,
        team=notification.team,
        in_app=in_app,
        notified_at=at,
        notified_level=notification.level,
    )
    if by_email:
        Delivery.objects.create(
            user_notification=row,
            user=user,
            team=notification.team,
            revision=row.revision,
            channel="email",
            created_at=at,
            due_at=at,
        )
    return row


def has_reached_somebody(notification: Notification) -> bool:
    """Whether a member was told of the thread, or is about to be. The caller holds the thread's lock."""
    rows = writing(UserNotification).filter(notification=notification)
    return rows.exists() or writing(UnfinishedFanout).filter(pk=notification.pk).exists()


def settle(notification: Notification) -> None:
    """Marks the thread, which is resolved, as read for everyone, and tells nobody else. The caller holds its lock."""
    unread = UserNotification.objects.filter(notification=notification, is_read=False)
    unread.update(is_read=True, read_at=notification.resolved_at)
    owed = Delivery.objects.pending().filter(user_notification__notification=notification)
    owed.unleased(timezone.now()).update(state=Delivery.State.DROPPED, last_error=RESOLVED)
    UnfinishedFanout.objects.filter(pk=notification.pk).delete()


def _next_chunk(notification_id: int) -> int | None:
    """Tells one chunk and returns how many members it notified; None when nobody is left to tell."""
    with transaction.atomic(using=router.db_for_write(UnfinishedFanout)):
        # The thread first, as an event does: two processes then wait for each other instead of for ever.
        thread = Notification.objects.select_for_update(no_key=True).filter(pk=notification_id).first()
        rest = writing(UnfinishedFanout).filter(pk=notification_id).first()
        if thread is None or rest is None:
            return None
        if thread.is_resolved or thread.is_expired(timezone.now()):
            rest.delete()
            return None
        try:
            users = Recipients(Audience.of(thread))
        except UnknownPermission:
            logger.exception("Notification %s: nobody else can hold its permissions, so nobody is told.", thread.pk)
            rest.delete()
            return None
        first, end = rest.next_user_id, _first_of_next_chunk(thread, since=rest.next_user_id)
        _advance(rest, end)
        return _tell(thread, users, first, end)


def _tell(thread: Notification, users: Recipients, first: Any = None, end: Any = None) -> int:
    """Notifies the users of a range of keys, and plans what is owed to them outside."""
    notified = _notify(thread, users.between(first, end))
    _plan_mail(thread, users, first, end)
    return notified


def _first_of_next_chunk(thread: Notification, since: Any) -> Any | None:
    chunk = WORKER_CHUNKS * conf.settings().fanout_chunk
    rest = members(thread.team).filter(pk__gte=since).values_list("pk", flat=True)
    return next(iter(rest[chunk : chunk + 1]), None)


def _advance(rest: UnfinishedFanout, next_user: Any | None) -> None:
    if next_user is None and rest.again_from_id is None:
        rest.delete()
        return
    if next_user is None:
        next_user, rest.again_from_id = rest.again_from_id, None
    rest.next_user_id = next_user  # type: ignore[assignment]  # whatever the host's key is
    rest.save()


def _leave_rest_for_later(notification: Notification) -> Any | None:
    """Where the second chunk of a large team begins, and a row that says so; None in a team of one chunk."""
    connection = connections[router.db_for_write(UnfinishedFanout)]
    chunk = conf.settings().fanout_chunk
    first_of_rest = members(notification.team).annotate(tn_user=F("pk")).values("tn_user")[chunk : chunk + 1]
    rest, values = embed(first_of_rest, connection, prefix="rest_")
    statement = LEAVE_REST.format(table=UnfinishedFanout._meta.db_table, rest=rest)
    own = prepared(UnfinishedFanout, connection, notification=notification.pk, created_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, **own})
        row = cursor.fetchone()
    return None if row is None else UnfinishedFanout._meta.get_field("next_user").target_field.to_python(row[0])


def _notify(notification: Notification, users: QuerySet[Any, Any]) -> int:
    """Writes the rows of those among `users` who are to be notified, and returns how many they are."""
    connection = connections[router.db_for_write(UserNotification)]
    told, values = embed(users.annotate(tn_user=F("pk")).values("tn_user", "to_in_app"), connection, prefix="told_")
    table = UserNotification._meta.db_table
    statement = NOTIFY.format(
        table=table,
        recipients=told,
        settled_before=SETTLED.format(row="held", to_in_app="told.to_in_app"),
        settled_meanwhile=SETTLED.format(row=table, to_in_app="excluded.in_app"),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, **_values_of(notification, connection)})
        return int(cursor.rowcount)


def _plan_mail(notification: Notification, users: Recipients, first: Any, end: Any) -> None:
    """Owes a mail to whom in the range this event notified and email lets through to. One statement for all of them.

    Who may know was decided a moment ago and stands in the rows; only the thresholds are asked once more.
    """
    connection = connections[router.db_for_write(Delivery)]
    at = notification.last_event_at
    rows = UserNotification.objects.filter(notification=notification, notified_at=at, **bounds(first, end, "user"))
    wanting = users.wanting(all_users().filter(pk__in=rows.values("user")), first, end).filter(to_email=True)
    owed = rows.filter(user__in=wanting.values("pk")).values("pk", "user_id", "team_id", "revision")
    rows_sql, values = embed(owed, connection, prefix="owed_")
    own = prepared(
        Delivery,
        connection,
        channel="email",
        state=Delivery.State.PENDING,
        created_at=at,
        due_at=at,
        attempts=0,
        last_error="",
    )
    statement = PLAN.format(table=Delivery._meta.db_table, owed=rows_sql)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, **own})


def _values_of(notification: Notification, connection: BaseDatabaseWrapper) -> dict[str, Any]:
    at = notification.last_event_at
    own = prepared(
        UserNotification,
        connection,
        notification=notification.pk,
        team=notification.team_id,
        is_read=False,
        notified_at=at,
        notified_level=notification.level,
    )
    times = {"opened_at": notification.opened_at, "told_lately": at - conf.settings().renotify_after}
    adapt = connection.ops.adapt_datetimefield_value
    return {
        **own,
        "weight": notification.severity.weight,
        **{name: adapt(value) for name, value in times.items()},
    }


# ---- the statements -------------------------------------------------------------------------------------------------

# A row that the event leaves alone. Every part is true or false, never NULL, because its negation is asked for as well.
SETTLED = """(
    ({row}.muted_until IS NOT NULL AND {row}.muted_until > %(notified_at)s)
    OR (NOT {row}.is_read
        AND {row}.archived_at IS NULL
        AND {row}.notified_level >= %(weight)s
        AND {row}.notified_at >= %(opened_at)s
        AND ({row}.in_app OR (NOT {to_in_app} AND {row}.notified_at > %(told_lately)s)))
)"""

# In the order of users, so that two statements of one thread could not deadlock even without the lock on the thread.
# SQLite wants the WHERE, or it takes ON CONFLICT for a join condition.
NOTIFY = """
INSERT INTO {table} (notification_id, user_id, team_id, in_app, is_read, revision, notified_at, notified_level)
SELECT %(notification)s, told.tn_user, %(team)s, told.to_in_app, %(is_read)s, 1, %(notified_at)s, %(notified_level)s
FROM ({recipients}) AS told
WHERE NOT EXISTS (
    SELECT 1 FROM {table} AS held
    WHERE held.notification_id = %(notification)s AND held.user_id = told.tn_user AND {settled_before}
)
ORDER BY told.tn_user
ON CONFLICT (notification_id, user_id) DO UPDATE SET
    in_app = {table}.in_app OR excluded.in_app,
    is_read = excluded.is_read,
    read_at = NULL,
    archived_at = NULL,
    snoozed_until = NULL,
    revision = {table}.revision + 1,
    notified_at = excluded.notified_at,
    notified_level = excluded.notified_level
WHERE NOT {settled_meanwhile}
"""

# What is owed already stays as it is: the same revision is never owed twice.
PLAN = """
INSERT INTO {table} (user_notification_id, user_id, team_id, revision,
                     channel, state, created_at, due_at, attempts, last_error)
SELECT owed.pk, owed.user_id, owed.team_id, owed.revision,
       %(channel)s, %(state)s, %(created_at)s, %(due_at)s, %(attempts)s, %(last_error)s
FROM ({owed}) AS owed
WHERE 1 = 1
ON CONFLICT (user_notification_id, channel, revision) DO NOTHING
"""

# One statement whether the team is large or not: it writes nothing where there is no member past the first chunk.
LEAVE_REST = """
INSERT INTO {table} (notification_id, next_user_id, created_at)
SELECT %(notification)s, rest.tn_user, %(created_at)s FROM ({rest}) AS rest WHERE 1 = 1
ON CONFLICT (notification_id) DO UPDATE SET again_from_id = excluded.next_user_id
RETURNING COALESCE(again_from_id, next_user_id)
"""
