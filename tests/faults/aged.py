"""Very many rows of known ages, made by a few statements, and what is left of them. For processes of their own."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest import mock

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.test import override_settings
from django.utils import timezone

from team_notifications import cleanup
from team_notifications.models import Delivery, EventLog, HandlerRun, Notification, Occurrence, UserNotification
from teams.models import Team
from tests.crowd import crowd
from tests.faults.work import die
from users.models import User

BETWEEN, WITHIN = "between two chunks", "within a chunk"

# By the last digit of user + thread. Of each ten rows four go: two that were read and two that were archived long ago.
ROWS = """
INSERT INTO {rows} (notification_id, user_id, team_id, in_app, is_read, read_at, archived_at, revision, notified_at,
                    notified_level)
SELECT thread.id, member.user_id, thread.team_id, {true}, digit.n IN (0, 1, 2, 3),
       CASE WHEN digit.n IN (0, 1) THEN %(long_ago)s WHEN digit.n IN (2, 3) THEN %(lately)s END,
       CASE WHEN digit.n IN (4, 5) THEN %(long_ago)s WHEN digit.n = 6 THEN %(lately)s END,
       1, %(before)s, 20
FROM {threads} AS thread
CROSS JOIN teams_membership AS member
JOIN (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6
      UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) AS digit ON digit.n = (thread.id + member.user_id) %% 10
"""
DELIVERIES = """
INSERT INTO {deliveries} (user_notification_id, user_id, team_id, channel, revision, state, created_at, due_at,
                          attempts, last_error)
SELECT id, user_id, team_id, 'email', 1, CASE WHEN user_id %% 2 = 0 THEN 'sent' ELSE 'pending' END,
       %(lately)s, %(lately)s, 0, ''
FROM {rows} WHERE notification_id %% 10 = 0
"""


@dataclass(frozen=True, kw_only=True)
class Left:
    """How many rows there are by table, and the sum of the keys of the members' rows."""

    rows: dict[str, int]
    keys: int


def fill(members: int, threads: int) -> Left:
    """Members × threads rows; returns what a cleanup has to leave of them."""
    empty()
    team = crowd(members)
    now = timezone.now()
    times = {
        "before": now - timedelta(days=300),
        "long_ago": now - timedelta(days=91),
        "lately": now - timedelta(days=9),
    }
    Notification.objects.bulk_create(
        Notification(team=team, identifier=f"{number}", slug="a-b", title="x", last_event_at=times["before"])
        for number in range(threads)
    )
    with connection.cursor() as cursor:
        for statement in (ROWS, DELIVERIES):
            cursor.execute(_named(statement), times)
    Notification.objects.create(team=team, identifier="empty", slug="a-b", title="x", last_event_at=times["before"])
    Occurrence.objects.bulk_create(
        Occurrence(notification=thread, at=times["before"] + timedelta(days=day), title="x", level=20)
        for thread in Notification.objects.all()
        for day in range(3)
    )
    _log_events(threads)
    return _to_be_left()


def _log_events(count: int) -> None:
    """Four times as many, each with two handlers. Of each four two go: one that was handled, and one that failed."""
    now = timezone.now()
    done, failed, pending = HandlerRun.State.DONE, HandlerRun.State.FAILED, HandlerRun.State.PENDING
    for state, day in ((done, -1), (failed, -1), (done, 1), (pending, -1)):
        stays = day > 0 or state == pending
        events = EventLog.objects.bulk_create(
            EventLog(
                name="product.created",
                payload={"stays": stays},
                dispatched_at=now,
                delete_at=now + timedelta(days=day),
            )
            for _ in range(count)
        )
        HandlerRun.objects.bulk_create(
            HandlerRun(event=event, handler=handler, state=its)
            for event in events
            for handler, its in (("a.b", done), ("a.c", state))
        )


def _named(statement: str) -> str:
    return statement.format(
        rows=UserNotification._meta.db_table,
        threads=Notification._meta.db_table,
        deliveries=Delivery._meta.db_table,
        true="true" if connection.vendor == "postgresql" else "1",
    )


def _to_be_left() -> Left:
    """Not by the conditions of the cleanup, but by how the rows were made."""
    long_ago = timezone.now() - timedelta(days=90)
    goes = Q(read_at__lt=long_ago) | Q(archived_at__lt=long_ago)
    stays = UserNotification.objects.filter(~goes | Q(read_at=None, archived_at=None))
    kept = stays.aggregate(count=Count("pk"), keys=Sum("pk"))
    rows = {
        "UserNotification": kept["count"],
        "Delivery": Delivery.objects.filter(user_notification__in=stays.values("pk")).count(),
        "Occurrence": Notification.objects.exclude(identifier="empty").count(),
        "Notification": Notification.objects.exclude(identifier="empty").count(),
        "EventLog": EventLog.objects.filter(payload={"stays": True}).count(),
        "HandlerRun": HandlerRun.objects.filter(event__payload={"stays": True}).count(),
    }
    return Left(rows=rows, keys=kept["keys"])


def left() -> Left:
    tables: tuple[Any, ...] = (UserNotification, Delivery, Occurrence, Notification, EventLog, HandlerRun)
    keys = UserNotification.objects.aggregate(keys=Sum("pk"))["keys"]
    return Left(rows={table.__name__: table.objects.count() for table in tables}, keys=keys)


def empty() -> None:
    """By statements: Django would load what hangs on what."""
    with connection.cursor() as cursor:
        for table in (Delivery, UserNotification, Occurrence, Notification, HandlerRun, EventLog):
            cursor.execute(f"DELETE FROM {table._meta.db_table}")
    Team.objects.all().delete()
    User.objects.all().delete()


def clean_up(chunk: int) -> Counter[str]:
    """Returns how many rows went, by the name of their table."""
    rows: Counter[str] = Counter()
    with override_settings(TEAM_NOTIFICATIONS={**settings.TEAM_NOTIFICATIONS, "CLEANUP_CHUNK": chunk}):
        for done in cleanup.run():
            rows[done.table.__name__] += done.rows
    return +rows


def clean_up_together(number: int, chunk: int) -> Counter[str]:
    return clean_up(chunk)


def clean_up_and_die(chunk: int, where: str, chunks: int, in_one_transaction: bool = False) -> None:
    """Is killed after so many chunks, or in the middle of the next one."""
    small = override_settings(TEAM_NOTIFICATIONS={**settings.TEAM_NOTIFICATIONS, "CLEANUP_CHUNK": chunk})
    with ExitStack() as stack:
        stack.enter_context(small)
        if in_one_transaction:
            stack.enter_context(mock.patch.object(cleanup, "_remove", lambda step, keys: step.remove(step.rows, keys)))
            stack.enter_context(transaction.atomic())
        work = cleanup.run()
        for _ in range(chunks):
            next(work)
        if where == WITHIN:
            stack.enter_context(mock.patch.object(cleanup, "delete_idle", _delete_and_die))
            next(work)
        die()


def _delete_and_die(rows: Any) -> int:
    _original(rows)
    die()
    return 0


_original = cleanup.delete_idle
