"""The cleanup beside a model of it in plain Python: the same rows go, whatever the state that it finds.

The model knows the rules and no SQL. Ages are whole days, so that many fall on the very edge.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from team_notifications.inbox import FOREVER
from team_notifications.models import (
    Delivery,
    Mailing,
    Notification,
    Occurrence,
    Preference,
    UnfinishedFanout,
    UserNotification,
)
from tests.aged import DAY, NOW, ago, clean_up
from tests.cast import Cast

NOBODY = 10_000_000  # the key of a user who is gone
AGES = [0, 1, 2, 5, 30, 31, 89, 90, 91, 200]
WISHES = [1, 5, 30, 90, 200]
TABLES = (UserNotification, UnfinishedFanout, Delivery, Mailing, Occurrence, Notification)


# ---- what there may be ----------------------------------------------------------------------------------------------


@dataclass
class Sent:
    """A delivery, and the mailing that told it."""

    state: str
    created: int
    due: int
    leased: bool
    mailing: str  # its state, or empty
    mailed: int


@dataclass
class Row:
    user: str
    told: int
    read: int | None
    archived: int | None
    marked_read: bool  # read without a time
    muted: int | None  # days ago; negative: to come
    snoozed: int | None
    in_app: bool
    sent: list[Sent]


@dataclass
class Thread:
    team: str | None
    last: int
    expires: int | None  # days ago; negative: to come
    removed: bool  # its source was deleted
    unfinished: bool
    history: list[int]
    rows: list[Row]


@dataclass
class World:
    max_age: int
    unread_max_age: int | None
    default: int | None
    wishes: dict[tuple[str | None, str | None], int] = field(default_factory=dict)
    threads: list[Thread] = field(default_factory=list)


ages = st.sampled_from(AGES)
maybe = st.none() | ages
users = st.sampled_from(["alice", "ed", "vera", "bob", "nobody"])
teams = st.sampled_from(["acme", "globex"])

sent = st.builds(
    Sent,
    state=st.sampled_from(Delivery.State.values),
    created=ages,
    due=ages,
    leased=st.booleans(),
    mailing=st.sampled_from(["", *Mailing.State.values]),
    mailed=ages,
)
rows = st.builds(
    Row,
    user=users,
    told=ages,
    read=maybe,
    archived=maybe,
    marked_read=st.booleans(),
    muted=st.sampled_from([None, None, -30, -1, 0, 5]),
    snoozed=st.sampled_from([None, None, -1, 0, 31, 200]),
    in_app=st.sampled_from([True, True, True, False]),
    sent=st.lists(sent, max_size=2),
)
threads = st.builds(
    Thread,
    team=st.none() | teams,
    last=ages,
    expires=st.sampled_from([None, None, None, -1, 0, 5]),
    removed=st.booleans(),
    unfinished=st.sampled_from([False, False, True]),
    history=st.lists(ages, max_size=3),
    rows=st.lists(rows, min_size=2, max_size=5, unique_by=lambda row: row.user),
)
wishes = st.dictionaries(
    st.tuples(st.none() | users.filter(lambda name: name != "nobody"), st.none() | teams).filter(any),
    st.sampled_from(WISHES),
    max_size=8,
)
worlds = st.builds(
    World,
    max_age=st.sampled_from([1, 5, 30, 90]),
    unread_max_age=st.none() | st.sampled_from([1, 30, 200]),
    default=st.none() | st.sampled_from([1, 5]),
    wishes=wishes,
    threads=st.lists(threads, min_size=6, max_size=12) | st.lists(threads, max_size=1),
)


# ---- the rules ------------------------------------------------------------------------------------------------------


def in_force(days: int | None) -> bool:
    return days is not None and days < 0


def over(days: int | None) -> bool:
    """A time that has come."""
    return days is not None and days >= 0


def days_kept(world: World, row: Row, thread: Thread) -> int:
    asked = [(row.user, thread.team), (row.user, None), (None, thread.team)]
    answers = [world.wishes[scope] for scope in asked if scope in world.wishes]
    return min(world.max_age, (answers or [world.default or world.max_age])[0])


def row_goes(world: World, row: Row, thread: Thread) -> bool:
    if row.user == "nobody":
        return True
    if over(thread.expires) and thread.removed:
        return True
    if in_force(row.muted):
        return False
    if over(thread.expires):
        return True
    owed = any(one.state == "pending" for one in row.sent)
    is_read = row.read is not None or row.marked_read
    seen = is_read or row.archived is not None
    last_change = min(age for age in (row.told, row.read, row.archived) if age is not None)
    mailed_only = not row.in_app and not owed and row.told > 1
    if (seen or mailed_only) and last_change > days_kept(world, row, thread):
        return True
    if world.unread_max_age is None or seen or owed:
        return False
    back = [] if row.snoozed is None else [row.snoozed]
    return min([row.told, thread.last, *back]) > world.unread_max_age


def delivery_goes(world: World, one: Sent, row: Row, thread: Thread) -> bool:
    if row_goes(world, row, thread) and not one.leased:
        return True
    return one.state != "pending" and min(one.created, one.due) > world.max_age


def mailing_goes(world: World, one: Sent, row: Row, thread: Thread) -> bool:
    is_over = one.mailing != "pending" and one.mailed > world.max_age
    return is_over and delivery_goes(world, one, row, thread)


def fanout_goes(thread: Thread) -> bool:
    return over(thread.expires)


def thread_goes(world: World, thread: Thread) -> bool:
    held = any(not row_goes(world, row, thread) for row in thread.rows)
    to_be_told = thread.unfinished and not fanout_goes(thread)
    return not held and not to_be_told and (over(thread.expires) or thread.last > 1)


def history_that_goes(world: World, thread: Thread) -> list[bool]:
    newest_first = sorted(range(len(thread.history)), key=lambda n: (thread.history[n], -n))
    last = newest_first[:1]
    whole = thread_goes(world, thread)
    return [whole or (age > world.max_age and [n] != last) for n, age in enumerate(thread.history)]


# ---- the same in the database ---------------------------------------------------------------------------------------


@dataclass
class Found:
    """The keys of what stays by the model, by table."""

    stays: dict[Any, set[Any]] = field(default_factory=lambda: {table: set() for table in TABLES})

    def note(self, made: Any, goes: bool) -> None:
        if not goes:
            self.stays[type(made)].add(made.pk)


def at(days: int | None) -> datetime | None:
    return None if days is None else FOREVER if days == -30 else ago(days)


def write(world: World, cast: Cast) -> Found:
    found = Found()
    for (user, team), days in world.wishes.items():
        Preference.objects.create(
            user=getattr(cast, user) if user else None,
            team=getattr(cast, team) if team else None,
            retention_days=days,
        )
    for number, thread in enumerate(world.threads):
        _write_thread(world, thread, number, cast, found)
    return found


def _write_thread(world: World, thread: Thread, number: int, cast: Cast, found: Found) -> None:
    made = Notification.objects.create(
        user=None if thread.team else cast.alice,
        team=getattr(cast, thread.team) if thread.team else None,
        identifier=f"removed-{number}" if thread.removed else f"{number}",
        slug="a-b",
        title="x",
        last_event_at=ago(thread.last),
        expires_at=at(thread.expires),
    )
    found.note(made, thread_goes(world, thread))
    for age, goes in zip(thread.history, history_that_goes(world, thread), strict=True):
        found.note(Occurrence.objects.create(notification=made, at=ago(age), title="x", level=20), goes)
    if thread.unfinished:
        found.note(UnfinishedFanout.objects.create(notification=made, next_user=cast.alice), fanout_goes(thread))
    for row in thread.rows:
        _write_row(world, thread, row, made, cast, found)


def _write_row(world: World, thread: Thread, row: Row, made: Notification, cast: Cast, found: Found) -> None:
    user = NOBODY if row.user == "nobody" else getattr(cast, row.user).pk
    own = UserNotification.objects.create(
        notification=made,
        user_id=user,
        team=made.team,
        in_app=row.in_app,
        is_read=row.read is not None or row.marked_read,
        read_at=at(row.read),
        archived_at=at(row.archived),
        muted_until=at(row.muted),
        snoozed_until=at(row.snoozed),
        notified_at=ago(row.told),
    )
    found.note(own, row_goes(world, row, thread))
    for revision, one in enumerate(row.sent):
        _write_sent(world, thread, row, one, revision, own, cast, found)


def _write_sent(
    world: World, thread: Thread, row: Row, one: Sent, revision: int, own: Any, cast: Cast, found: Found
) -> None:
    mailing = None
    if one.mailing:
        mailing = Mailing.objects.create(
            user=cast.alice,
            address="a@example.com",
            kind="instant",
            state=one.mailing,
            message_id=f"{own.pk}-{revision}",
            created_at=ago(one.mailed),
            sent_at=ago(one.mailed) if one.mailing == "sent" else None,
        )
        found.note(mailing, mailing_goes(world, one, row, thread))
    delivery = Delivery.objects.create(
        user_notification=own,
        user_id=own.user_id,
        team=own.team,
        channel="email",
        revision=revision,
        state=one.state,
        created_at=ago(one.created),
        due_at=ago(one.due),
        lease_until=NOW + DAY if one.leased else None,
        mailing=mailing,
    )
    found.note(delivery, delivery_goes(world, one, row, thread))


def left() -> dict[Any, set[Any]]:
    return {table: set(keys(table)) for table in TABLES}


def keys(table: Any) -> Iterable[Any]:
    found: Iterable[Any] = table.objects.values_list("pk", flat=True)
    return found


def empty() -> None:
    for table in (Delivery, Mailing, Notification, Preference):
        table.objects.all().delete()  # type: ignore[attr-defined]


@pytest.fixture
def people(cast: Cast, settings: Any) -> Any:
    """The cast, and what sets the ages."""

    def set_ages(world: World) -> None:
        settings.TEAM_NOTIFICATIONS = {
            **settings.TEAM_NOTIFICATIONS,
            "MAX_AGE_DAYS": world.max_age,
            "UNREAD_MAX_AGE_DAYS": world.unread_max_age,
            "DEFAULTS": {"retention_days": world.default} if world.default else {},
            "CLEANUP_CHUNK": 2,
        }

    return cast, set_ages


@hypothesis_settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(world=worlds)
def test_what_goes_and_what_stays_is_what_the_rules_say(people: Any, world: World) -> None:
    cast, set_ages = people
    empty()
    set_ages(world)
    stays = write(world, cast).stays
    before = left()
    counted = clean_up(dry_run=True)
    assert left() == before
    removed = clean_up()
    after = left()
    assert after == stays
    assert (
        counted
        == removed
        == {table.__name__: len(before[table] - after[table]) for table in TABLES if before[table] - after[table]}
    )
    assert clean_up() == {}
