"""A reader and an event at the same moment, step by step, on two connections (PostgreSQL).

Each test holds one side open before its commit, waits until the database says that the other side waits for it, and
then lets go. Without the shared lock of `inbox._with_threads_held` the other side does not wait, and the tests fail.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest
from django.db import connection, transaction

from team_notifications import inbox
from team_notifications.models import UserNotification
from team_notifications.models.notification import UserNotificationQuerySet
from team_notifications.notify import create_notification
from tests.cast import Cast

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

PATIENCE = 30


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Future[Any]]]:
    """Runs work on another connection."""
    with ThreadPoolExecutor(1) as executor:

        def submit(work: Callable[..., Any], *arguments: Any) -> Future[Any]:
            return executor.submit(_and_close, work, *arguments)

        yield submit


def _and_close(work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return work(*arguments)
    finally:
        connection.close()


def wait_until_it_waits(work: Future[Any]) -> None:
    """Returns when the database reports a connection that waits for a lock."""
    deadline = monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            assert not work.done(), "it did not wait"
    raise AssertionError("nobody waits")


def event(cast: Cast) -> int:
    return create_notification(team=cast.acme, slug="server-down", title="Server down").occurrences


def row(cast: Cast) -> UserNotification | None:
    return UserNotification.objects.filter(user=cast.vera).first()


def rows(cast: Cast) -> UserNotificationQuerySet:
    return inbox.visible_to(cast.vera)


def test_an_event_that_starts_before_a_read_is_committed_marks_it_unread_again(
    cast: Cast, elsewhere: Callable[..., Future[Any]]
) -> None:
    event(cast)
    with transaction.atomic():
        assert inbox.mark_read(rows(cast)) == 1
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    assert second.result(PATIENCE) == 2
    after = row(cast)
    assert after is not None
    assert (after.is_read, after.revision) == (False, 2)


def test_a_read_that_starts_before_an_event_is_committed_does_not_swallow_it(
    cast: Cast, elsewhere: Callable[..., Future[Any]]
) -> None:
    event(cast)
    with transaction.atomic():
        event(cast)
        reader = elsewhere(lambda: inbox.mark_read(rows(cast), seen=1))
        wait_until_it_waits(reader)
    assert reader.result(PATIENCE) == 0
    assert inbox.unread_count(cast.vera) == 1


def test_each_row_of_a_page_is_read_by_what_was_seen_of_it_although_an_event_is_under_way(
    cast: Cast, elsewhere: Callable[..., Future[Any]]
) -> None:
    event(cast)
    seen = dict.fromkeys(rows(cast).values_list("pk", flat=True), 1)
    with transaction.atomic():
        event(cast)
        reader = elsewhere(lambda: inbox.mark_read(rows(cast), seen=seen))
        wait_until_it_waits(reader)
    assert reader.result(PATIENCE) == 0
    assert inbox.unread_count(cast.vera) == 1


def test_an_event_that_starts_before_an_archiving_is_committed_brings_the_thread_back(
    cast: Cast, elsewhere: Callable[..., Future[Any]]
) -> None:
    event(cast)
    with transaction.atomic():
        assert inbox.archive(rows(cast)) == 1
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    second.result(PATIENCE)
    assert inbox.unread_count(cast.vera) == 1


def test_an_event_that_starts_before_a_deletion_is_committed_tells_the_member_anew(
    cast: Cast, elsewhere: Callable[..., Future[Any]]
) -> None:
    event(cast)
    with transaction.atomic():
        assert inbox.delete(rows(cast)) == 1
        second = elsewhere(event, cast)
        wait_until_it_waits(second)
    second.result(PATIENCE)
    assert inbox.unread_count(cast.vera) == 1


def test_two_readers_of_one_thread_do_not_wait_for_each_other(
    cast: Cast, elsewhere: Callable[..., Future[Any]]
) -> None:
    event(cast)
    with transaction.atomic():
        assert inbox.mark_read(rows(cast)) == 1
        other = elsewhere(lambda: inbox.mark_read(inbox.visible_to(cast.alice)))
        assert other.result(PATIENCE) == 1
