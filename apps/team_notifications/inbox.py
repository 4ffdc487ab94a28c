"""What a user may see, and what they do with it: the one place behind every page, count and interface.

`visible_to` asks again, each time, what fan-out asked when it wrote the rows: is the user in the team now, do they hold
the permissions now? So leaving a team or losing a role works at once, and a list and its count cannot disagree.

The functions below it act on querysets of the member's own rows, which must not be sliced, and return how many they
changed. A queryset knows the time and the permissions of the moment in which it was made; make a new one for each
request.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import connections, router, transaction
from django.db.models import Q
from django.utils import timezone

from team_notifications import conf
from team_notifications.cursors import InvalidCursor as InvalidCursor  # `page` raises it
from team_notifications.cursors import cursor, parse_cursor
from team_notifications.directory import SourceGrant
from team_notifications.models import Notification, UserNotification
from team_notifications.models.lookups import HeldInTeam
from team_notifications.models.notification import UserNotificationQuerySet
from team_notifications.recipients import active_users
from team_notifications.signals import threads_snoozed
from team_notifications.sql import embed

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)  # for `mute`; later dates overflow in some time zones


@dataclass(frozen=True, kw_only=True)
class Page:
    """`rows` with thread and team already fetched; `next` is the cursor of the page after, empty on the last one."""

    rows: list[UserNotification]
    next: str = ""


# ---- reading --------------------------------------------------------------------------------------------------------


def readable_by(user: Any) -> UserNotificationQuerySet:
    """The user's rows whose threads they may see now, archived and snoozed ones included."""
    now = timezone.now()
    rows = UserNotification.objects.filter(user=user.pk, in_app=True) if user.pk else UserNotification.objects.none()
    unexpired = Q(notification__expires_at=None) | Q(notification__expires_at__gt=now)
    return rows.filter(unexpired, _permitted(user))


def visible_to(user: Any) -> UserNotificationQuerySet:
    """What the inbox of `user` shows: readable, neither archived nor snoozed. Nothing for an inactive user."""
    return readable_by(user).in_inbox(timezone.now())


def unread_count(user: Any, team: Any = None) -> int:
    """How many unread threads the inbox shows, of a team, `PERSONAL` or all; at most one more than ``UNREAD_CAP``."""
    rows = visible_to(user).unread()
    return count(rows if team is None else rows.of(team))


def count(rows: UserNotificationQuerySet) -> int:
    """How many rows there are, counting no further than one past ``UNREAD_CAP``: 100 is shown as 99+."""
    return rows[: conf.settings().unread_cap + 1].count()


def page(rows: UserNotificationQuerySet, *, after: str = "", size: int | None = None) -> Page:
    """The newest `size` (default ``PAGE_SIZE``) of `rows` that come after the cursor. One query.

    Raises InvalidCursor, naming it, for a cursor that is none.
    """
    size = size or conf.settings().page_size
    if after:
        at, thread_id = parse_cursor(after)
        earlier = Q(notification__last_event_at__lt=at) | Q(notification__lt=thread_id)
        rows = rows.filter(earlier, notification__last_event_at__lte=at)
    found = list(rows.newest_first().select_related("notification", "team")[: size + 1])
    shown = found[:size]
    if len(found) <= size:
        return Page(rows=shown)
    last = shown[-1].notification
    return Page(rows=shown, next=cursor(last.last_event_at, last.pk))


# ---- acting ---------------------------------------------------------------------------------------------------------


def mark_read(
    rows: UserNotificationQuerySet, seen: int | Mapping[int, int] | None = None, *, at: datetime | None = None
) -> int:
    """Marks rows read, as of `at` (default: now).

    `seen` is how many occurrences the reader saw, one number for all the rows or one for each by its key. A thread that
    happened once more meanwhile stays unread, and so does a row that the mapping leaves out. None: read as it stands.
    """
    with transaction.atomic(using=router.db_for_write(UserNotification)):
        unread = _seen(_with_threads_held(rows.unread()), seen)
        return unread.update(is_read=True, read_at=at or timezone.now())


def mark_unread(rows: UserNotificationQuerySet) -> int:
    return rows.filter(is_read=True).update(is_read=False, read_at=None)


def archive(
    rows: UserNotificationQuerySet, seen: int | Mapping[int, int] | None = None, *, at: datetime | None = None
) -> int:
    """Puts rows away, as of `at` (default: now), until it happens again. `seen` is that of `mark_read`."""
    with transaction.atomic(using=router.db_for_write(UserNotification)):
        return _seen(_with_threads_held(rows.filter(archived_at=None)), seen).update(archived_at=at or timezone.now())


def unarchive(rows: UserNotificationQuerySet) -> int:
    return rows.archived().update(archived_at=None)


def snooze(rows: UserNotificationQuerySet, until: datetime) -> int:
    """Hides rows until a time, when they are back, unread, by themselves; sooner when it becomes graver or starts anew.

    Mail that waits for the end of another snooze is looked at again. Raises ValueError for a time without zone.
    """
    until, database = _aware(until), router.db_for_write(UserNotification)
    with transaction.atomic(using=database):
        users = set(rows.using(database).values_list("user", flat=True))  # asked now: the rows may not be found later
        changed = rows.update(snoozed_until=until, archived_at=None, is_read=False, read_at=None)
        told = partial(threads_snoozed.send_robust, sender=UserNotification, users=users)
        transaction.on_commit(told, using=database)
    return changed


def mute(rows: UserNotificationQuerySet, until: datetime) -> int:
    """Lets the threads happen without a word until a time, or `FOREVER`. Raises ValueError for a time without zone."""
    return rows.update(muted_until=_aware(until))


def unmute(rows: UserNotificationQuerySet) -> int:
    return rows.filter(muted_until__isnull=False).update(muted_until=None)


def delete(rows: UserNotificationQuerySet) -> int:
    """Removes the member's own copies. Should it happen again, they are told anew."""
    with transaction.atomic(using=router.db_for_write(UserNotification)):
        return _delete(_with_threads_held(rows))


def take_out(rows: UserNotificationQuerySet, seen: Mapping[int, int]) -> list[UserNotification]:
    """Deletes those of `rows` whose threads did not happen again since the reader saw them, and returns them.

    `seen` is the mapping of `mark_read`. What is returned is what `restore` takes.
    """
    database = router.db_for_write(UserNotification)
    with transaction.atomic(using=database):
        taken = list(_seen(_with_threads_held(rows), seen).using(database))
        _delete(rows.filter(pk__in=[row.pk for row in taken]))
    return taken


def restore(user: Any, rows: Iterable[UserNotification], *, taken_at: datetime) -> int:
    """Puts back what `take_out` took from `user` at a time, and returns how many rows that were.

    A row stays away when its thread is gone, or when the member has it again. What was resolved meanwhile is read, as
    it is for everybody. Mail that was still owed for a row is not owed again.
    """
    database = router.db_for_write(UserNotification)
    by_thread = {row.notification_id: row for row in rows}
    with transaction.atomic(using=database):
        # Nothing happens on these threads until the commit, and nobody removes them.
        threads = Notification.objects.using(database).select_for_update(no_key=True).filter(pk__in=by_thread)
        found = {thread.pk: thread for thread in threads.order_by("identifier")}
        held = UserNotification.objects.using(database).filter(user=user.pk, notification__in=list(found))
        for thread_id in held.values_list("notification", flat=True):
            del found[thread_id]
        missing = [_row_of(user, thread, by_thread[thread.pk], taken_at) for thread in found.values()]
        # Conflicts: a personal thread may be told anew by a call that does not wait for its lock.
        UserNotification.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)


# ---- how ------------------------------------------------------------------------------------------------------------


def _seen(rows: UserNotificationQuerySet, seen: int | Mapping[int, int] | None) -> UserNotificationQuerySet:
    """Those of `rows` whose threads did not happen again since; a mapping leaves out the rows that it does not name."""
    if isinstance(seen, Mapping):
        database = router.db_for_write(UserNotification)
        stands = rows.using(database).filter(pk__in=seen).values_list("pk", "notification__occurrences")
        return rows.filter(pk__in=[pk for pk, occurrences in stands if occurrences <= seen[pk]])
    return rows if seen is None else rows.filter(notification__occurrences__lte=seen)


def _delete(rows: UserNotificationQuerySet) -> int:
    _, by_model = rows.delete()
    return by_model.get(UserNotification._meta.label, 0)


def _row_of(user: Any, thread: Notification, taken: UserNotification, taken_at: datetime) -> UserNotification:
    """The row as it was taken; whose it is and which team it belongs to is asked anew."""
    fields = {field.attname: getattr(taken, field.attname) for field in UserNotification._meta.concrete_fields}
    row = UserNotification(**{**fields, "user_id": user.pk, "team_id": thread.team_id})
    if thread.resolved_at and thread.resolved_at >= taken_at and not row.is_read:
        row.is_read, row.read_at = True, thread.resolved_at
    return row


def _permitted(user: Any) -> Q:
    """The user's rows of teams they are in now, whose threads ask for nothing that they do not hold now; and their own.

    A personal thread is shown to the one whom it belongs to, whoever has a row of it.
    """
    directory = conf.directory()
    held = directory.permissions(user)
    grants = list(directory.source_grants(user))
    active = active_users().filter(pk=user.pk).values("pk")
    own = Q(team=None, notification__user=user.pk, user__in=active)
    return own | Q(_holds_all(held, grants), team__in=list(held))


def _holds_all(held: Mapping[Any, frozenset[str]], grants: Iterable[SourceGrant]) -> Q:
    """Every permission of the thread is held in its team, or else granted on its source."""
    on_source: dict[str, Q] = defaultdict(Q)
    for grant in grants:
        on_source[grant.permission] |= _is_about(grant)
    in_team_or_granted = {team_id: names.union(on_source) for team_id, names in held.items()}
    holds_all = Q(HeldInTeam("notification__permissions", "team", in_team_or_granted))
    for permission, granted in on_source.items():
        asked_for = Q(notification__permissions__includes=[permission])
        held_in = [team_id for team_id, names in held.items() if permission in names]
        holds_all &= ~asked_for | Q(team__in=held_in) | granted
    return holds_all


def _is_about(grant: SourceGrant) -> Q:
    """The thread's source is one of the grant's objects, in a team where the grant counts."""
    app, model = grant.model.split(".")
    source = Q(
        notification__source_app=app,
        notification__source_model=model,
        notification__source_id__in=grant.object_ids,
    )
    return source if grant.team_ids is None else source & Q(team__in=grant.team_ids)


def _with_threads_held(rows: UserNotificationQuerySet) -> UserNotificationQuerySet:
    """Those of `rows` whose threads are now held by a shared lock, so that nothing happens on them until the commit.

    Without it a wake-up is lost: an event leaves out the members who are unread, and cannot know that one of them is
    being marked read by a transaction that is not committed yet. See `team_notifications.fanout`. Events take the
    lock for themselves, so one of the two waits, and whoever is second sees what the first did. In the order in which
    features report several, so that the two cannot deadlock.

    SQLite has one writer at a time, which is lock enough.
    """
    connection = connections[router.db_for_write(Notification)]
    if connection.vendor == "sqlite":
        return rows
    threads = Notification.objects.filter(pk__in=rows.values("notification")).order_by("identifier").values("pk")
    sql, values = embed(threads, connection, prefix="thread_")
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} FOR SHARE", values)
        return rows.filter(notification__in=[thread_id for (thread_id,) in cursor.fetchall()])


def _aware(until: datetime) -> datetime:
    if timezone.is_naive(until):
        raise ValueError(f"{until!r} has no time zone.")
    return until
