"""A cleanup and an event, a reader or a worker at the same moment, step by step, on two connections (PostgreSQL).

Each test holds one side open before its commit. Either the other side does not wait for it, or the test waits until the
database says that it does.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from team_notifications import cleanup, inbox
from team_notifications.delivery import outbox
from team_notifications.models import Delivery, Notification, Occurrence, UserNotification
from team_notifications.notify import create_notification
from team_notifications.retention import Ages
from team_notifications.sources import remove_notifications
from tests.aged import ago, tell
from tests.cast import Cast
from tests.contract.test_lost_wake_ups import PATIENCE, _and_close, wait_until_it_waits

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

Elsewhere = Callable[..., Future[Any]]


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """Runs work on another connection, and gives up when it waits for ever."""
    with ThreadPoolExecutor(2) as executor:

        def submit(work: Callable[..., Any], *arguments: Any) -> Future[Any]:
            return executor.submit(_and_close, work, *arguments)

        yield submit


def clean_up() -> dict[str, int]:
    rows = {}
    for chunk in cleanup.run():
        rows[chunk.table.__name__] = rows.get(chunk.table.__name__, 0) + chunk.rows
    return {name: count for name, count in rows.items() if count}


def event(cast: Cast, **changes: Any) -> int:
    return create_notification(team=cast.acme, slug="server-down", title="Server down", **changes).occurrences


def remove(table: Any, step: int = 0) -> int:
    """The first range of the steps of that table; of several steps, the `step`-th. In the transaction that is open."""
    steps = [one for one in cleanup.plan(Ages.of_settings()) if one.table is table]
    return steps[step].remove(steps[step].rows, cleanup.Q())


def read_long_ago(cast: Cast, *users: Any) -> Notification:
    thread = tell(cast.acme, days=1_000)
    rows = UserNotification.objects.filter(user__in=users) if users else UserNotification.objects.all()
    rows.update(is_read=True, read_at=ago(999))
    return thread


def unread(cast: Cast) -> int:
    return inbox.unread_count(cast.vera)


# ---- threads that come back -----------------------------------------------------------------------------------------


def empty_thread(cast: Cast) -> Notification:
    thread = tell(cast.acme, days=1_000)
    UserNotification.objects.all().delete()
    return thread


def test_a_thread_that_an_event_brings_back_at_this_moment_stays(cast: Cast, elsewhere: Elsewhere) -> None:
    thread = empty_thread(cast)
    with transaction.atomic():
        assert event(cast) == 2
        removed = elsewhere(clean_up).result(PATIENCE)  # it does not wait for the event
    assert "Notification" not in removed
    assert (Notification.objects.get(), unread(cast)) == (thread, 1)


def test_an_event_about_a_thread_that_is_being_removed_waits_and_begins_anew(cast: Cast, elsewhere: Elsewhere) -> None:
    thread = empty_thread(cast)
    with transaction.atomic():
        remove(Occurrence)
        assert remove(Notification) == 1
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    assert second.result(PATIENCE) == 1
    assert Notification.objects.get() != thread
    assert unread(cast) == 1


def test_a_thread_that_came_back_between_two_looks_stays(
    cast: Cast, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is committed after the cleanup saw that nobody has the thread, and before it takes hold of it."""
    thread = empty_thread(cast)
    original = cleanup._hold

    def hold(threads: Any) -> Any:
        elsewhere(event, cast).result(PATIENCE)
        return original(threads)

    monkeypatch.setattr(cleanup, "_hold", hold)
    Occurrence.objects.all().delete()
    with transaction.atomic():
        assert remove(Notification) == 0
    assert (Notification.objects.get(), unread(cast)) == (thread, 1)


@pytest.mark.parametrize("table", [UserNotification, Occurrence])
def test_a_thread_that_got_something_between_the_look_and_the_lock_stays(
    cast: Cast, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, table: Any
) -> None:
    """Something that does not change the thread itself, as the rest of a large team would not."""
    thread = empty_thread(cast)
    Occurrence.objects.all().delete()
    original = cleanup._hold
    added: dict[str, Any] = {"user": cast.vera} if table is UserNotification else {"at": ago(1), "level": 20}

    def hold(threads: Any) -> Any:
        seen = list(threads.values_list("pk", flat=True))
        elsewhere(partial(table.objects.create, notification=thread, **added)).result(PATIENCE)
        return original(Notification.objects.filter(pk__in=seen))

    monkeypatch.setattr(cleanup, "_hold", hold)
    with transaction.atomic():
        assert remove(Notification) == 0
    assert table.objects.get().notification == thread


def test_a_thread_that_got_a_row_after_it_was_taken_hold_of_cannot_be(cast: Cast, elsewhere: Elsewhere) -> None:
    thread = empty_thread(cast)
    Occurrence.objects.all().delete()

    def add() -> None:
        UserNotification.objects.create(notification=thread, user=cast.vera, team=cast.acme)

    with transaction.atomic():
        cleanup._hold(Notification.objects.filter(pk=thread.pk))
        late = elsewhere(add)
        wait_until_it_waits(late)
        assert remove(Notification) == 1
    assert late.exception(PATIENCE) is not None  # there is no such thread any more
    assert not UserNotification.objects.exists()


@pytest.mark.parametrize("expires_at", ["never", "long ago"])
def test_an_expired_thread_that_comes_back_at_this_moment_loses_no_wake_up(
    cast: Cast, elsewhere: Elsewhere, expires_at: str
) -> None:
    tell(cast.acme, days=1_000, expires_at=ago(900))
    again = {} if expires_at == "never" else {"expires_at": ago(1)}
    with transaction.atomic():
        event(cast, **again)
        assert elsewhere(clean_up).result(PATIENCE) == {}
    assert UserNotification.objects.filter(revision=2).count() == 4
    assert unread(cast) == (1 if expires_at == "never" else 0)
    clean_up()
    assert Notification.objects.count() == (1 if expires_at == "never" else 0)


def test_an_event_on_an_expired_thread_waits_until_its_rows_are_removed_and_tells_all_anew(
    cast: Cast, elsewhere: Elsewhere
) -> None:
    tell(cast.acme, days=1_000, expires_at=ago(900))
    with transaction.atomic():
        assert remove(UserNotification, step=1) == 4
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    assert second.result(PATIENCE) == 2
    assert unread(cast) == 1


def test_an_expired_thread_that_came_back_between_two_looks_keeps_its_rows(
    cast: Cast, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(cast.acme, days=1_000, expires_at=ago(900))
    original = cleanup._hold

    def hold(threads: Any) -> Any:
        elsewhere(event, cast).result(PATIENCE)
        return original(threads)

    monkeypatch.setattr(cleanup, "_hold", hold)
    with transaction.atomic():
        assert remove(UserNotification, step=1) == 0
    assert unread(cast) == 1


# ---- rows that come back --------------------------------------------------------------------------------------------


def test_a_row_that_an_event_makes_unread_at_this_moment_stays_and_nobody_waits(
    cast: Cast, elsewhere: Elsewhere
) -> None:
    read_long_ago(cast)
    with transaction.atomic():
        event(cast)
        assert elsewhere(clean_up).result(PATIENCE).get("UserNotification") is None
    assert unread(cast) == 1


def test_an_event_that_comes_while_read_rows_are_removed_writes_them_anew(cast: Cast, elsewhere: Elsewhere) -> None:
    read_long_ago(cast)
    with transaction.atomic():
        assert remove(UserNotification) == 4
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    assert second.result(PATIENCE) == 2
    assert unread(cast) == 1


def test_a_row_that_was_marked_unread_before_it_was_locked_stays(
    cast: Cast, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_long_ago(cast, cast.vera)
    with transaction.atomic():
        inbox.mark_unread(inbox.readable_by(cast.vera))
        removed = elsewhere(clean_up).result(PATIENCE)
    assert "UserNotification" not in removed
    assert unread(cast) == 1


def test_unread_rows_that_have_an_age_lose_no_wake_up(cast: Cast, elsewhere: Elsewhere, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "UNREAD_MAX_AGE_DAYS": 200}
    tell(cast.acme, days=1_000)
    with transaction.atomic():  # an event writes no row of those who are unread
        event(cast)
        assert "UserNotification" not in elsewhere(clean_up).result(PATIENCE)
    assert unread(cast) == 1
    Notification.objects.update(last_event_at=ago(1_000))
    with transaction.atomic():
        assert remove(UserNotification, step=1) == 4
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    second.result(PATIENCE)
    assert unread(cast) == 1


def test_what_a_worker_is_writing_down_is_left_to_it(cast: Cast, elsewhere: Elsewhere) -> None:
    tell(cast.acme, days=1_000, level="error")
    claimed = outbox.claim("email")
    with transaction.atomic():
        outbox.finish(outbox.ours(claimed), Delivery.State.SENT)
        assert elsewhere(clean_up).result(PATIENCE) == {}
    assert elsewhere(clean_up).result(PATIENCE) == {"Delivery": 4}


def test_two_cleanups_at_once_remove_everything_once_and_do_not_wait(cast: Cast, elsewhere: Elsewhere) -> None:
    read_long_ago(cast)
    with transaction.atomic():
        assert remove(UserNotification) == 4
        assert elsewhere(clean_up).result(PATIENCE) == {}
    assert elsewhere(clean_up).result(PATIENCE) == {"Occurrence": 1, "Notification": 1}


# ---- removal with the source ----------------------------------------------------------------------------------------


def test_deleting_the_source_waits_for_an_event_about_it_and_takes_it_along(cast: Cast, elsewhere: Elsewhere) -> None:
    event(cast, source=cast.globex)
    with transaction.atomic():
        event(cast, source=cast.globex)
        deleted = elsewhere(_remove_source, cast)
        wait_until_it_waits(deleted)
    assert deleted.result(PATIENCE) == 1
    assert unread(cast) == 0


def test_an_event_that_waits_for_the_deletion_of_its_source_begins_anew(cast: Cast, elsewhere: Elsewhere) -> None:
    event(cast, source=cast.globex)
    with transaction.atomic():
        assert _remove_source(cast) == 1
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    assert second.result(PATIENCE) == 1
    assert unread(cast) == 1


def _remove_source(cast: Cast) -> int:
    return remove_notifications(type(cast.globex), [cast.globex.pk])
