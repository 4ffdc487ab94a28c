"""Taking back: exactly what was changed, by whom it was changed, once, and not too late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from team_notifications import inbox, undo
from team_notifications.models import Notification, UserNotification
from team_notifications.notify import notify_user, resolve_notification
from tests.cast import Cast
from tests.web import row_of, tell, unread_slugs
from users.models import User

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def rows_of(user: User) -> list[dict[str, object]]:
    return list(UserNotification.objects.filter(user=user).order_by("pk").values())


def take_out(user: User, *threads: Notification) -> str:
    """Deletes the user's rows of these threads; returns what takes that back."""
    seen = {row_of(user, thread).pk: thread.occurrences for thread in threads}
    taken = inbox.take_out(inbox.readable_by(user), seen)
    return undo.token_of_deleted(user, taken, at=timezone.now())


def test_reading_is_taken_back_where_it_was_changed_and_nowhere_else(cast: Cast, clock: time_machine.Traveller) -> None:
    before, now = (row_of(cast.vera, tell(cast.acme, slug)) for slug in ("read-before", "read-now"))
    inbox.mark_read(inbox.visible_to(cast.vera).filter(pk=before.pk))
    clock.shift(timedelta(minutes=1))
    at = timezone.now()
    inbox.mark_read(inbox.visible_to(cast.vera), at=at)
    token = undo.token(cast.vera, undo.READ, [before.pk, now.pk], at=at)
    assert undo.undo(cast.vera, token) == 1
    assert unread_slugs(cast.vera) == {"read-now"}
    assert undo.undo(cast.vera, token) == 0


def test_archiving_is_taken_back(cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    inbox.archive(inbox.visible_to(cast.vera), at=NOON)
    token = undo.token(cast.vera, undo.ARCHIVE, [row.pk], at=NOON)
    assert inbox.unread_count(cast.vera) == 0
    assert undo.undo(cast.vera, token) == 1
    assert inbox.unread_count(cast.vera) == 1
    assert undo.undo(cast.vera, token) == 0


def test_what_was_archived_again_in_another_tab_stays_archived(cast: Cast, clock: time_machine.Traveller) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    inbox.archive(inbox.visible_to(cast.vera), at=NOON)
    token = undo.token(cast.vera, undo.ARCHIVE, [row.pk], at=NOON)
    inbox.unarchive(inbox.readable_by(cast.vera))
    clock.shift(timedelta(minutes=1))
    inbox.archive(inbox.visible_to(cast.vera))
    assert undo.undo(cast.vera, token) == 0
    assert inbox.unread_count(cast.vera) == 0


def test_what_was_deleted_is_back_as_it_was(cast: Cast) -> None:
    one, two = tell(cast.acme, "one"), tell(cast.acme, "two", level="error")
    notify_user(cast.vera, "Your export is ready")
    own = Notification.objects.get(user=cast.vera)
    inbox.mute(inbox.visible_to(cast.vera).filter(notification=one), inbox.FOREVER)
    inbox.mark_read(inbox.visible_to(cast.vera).filter(notification=two))
    before = rows_of(cast.vera)
    token = take_out(cast.vera, one, two, own)
    assert rows_of(cast.vera) == []
    assert undo.undo(cast.vera, token) == 3
    assert rows_of(cast.vera) == before
    assert undo.undo(cast.vera, token) == 0
    assert rows_of(cast.vera) == before


def test_others_keep_theirs_and_get_no_more(cast: Cast) -> None:
    thread = tell(cast.acme)
    before = rows_of(cast.alice)
    undo.undo(cast.vera, take_out(cast.vera, thread))
    assert rows_of(cast.alice) == before


def test_what_happened_again_since_it_was_shown_is_not_deleted(cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    tell(cast.acme)
    assert inbox.take_out(inbox.readable_by(cast.vera), {row.pk: 1}) == []
    assert inbox.archive(inbox.readable_by(cast.vera), {row.pk: 1}) == 0
    assert inbox.unread_count(cast.vera) == 1


def test_a_thread_that_is_gone_does_not_come_back(cast: Cast) -> None:
    gone, kept = tell(cast.acme, "gone"), tell(cast.acme, "kept")
    token = take_out(cast.vera, gone, kept)
    Notification.objects.filter(pk=gone.pk).delete()
    assert undo.undo(cast.vera, token) == 1
    assert unread_slugs(cast.vera) == {"kept"}


def test_who_was_told_anew_meanwhile_keeps_the_newer_row(cast: Cast) -> None:
    thread = tell(cast.acme)
    inbox.mark_read(inbox.visible_to(cast.vera))
    token = take_out(cast.vera, thread)
    tell(cast.acme)
    assert undo.undo(cast.vera, token) == 0
    assert inbox.unread_count(cast.vera) == 1


def test_what_was_resolved_meanwhile_comes_back_read(cast: Cast, clock: time_machine.Traveller) -> None:
    token = take_out(cast.vera, tell(cast.acme))
    clock.shift(timedelta(minutes=1))
    resolve_notification(team=cast.acme, slug="server-down")
    assert undo.undo(cast.vera, token) == 1
    assert inbox.unread_count(cast.vera) == 0
    assert inbox.visible_to(cast.vera).get().read_at == timezone.now()


def test_somebody_else_cannot_take_it_back(cast: Cast) -> None:
    token = take_out(cast.vera, tell(cast.acme))
    with pytest.raises(undo.NotYours):
        undo.undo(cast.grace, token)
    assert rows_of(cast.vera) == rows_of(cast.grace) == []


def test_a_former_member_can_take_back_nothing_that_they_may_not_see(cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    inbox.archive(inbox.visible_to(cast.vera), at=NOON)
    token = undo.token(cast.vera, undo.ARCHIVE, [row.pk], at=NOON)
    cast.acme.memberships.filter(user=cast.vera).delete()
    assert undo.undo(cast.vera, token) == 0


def test_after_ten_minutes_it_is_too_late(cast: Cast, clock: time_machine.Traveller) -> None:
    token = take_out(cast.vera, tell(cast.acme))
    clock.shift(undo.MAX_AGE + timedelta(seconds=1))
    with pytest.raises(undo.InvalidToken):
        undo.undo(cast.vera, token)
    assert rows_of(cast.vera) == []


@pytest.mark.parametrize("text", ["", "nonsense", "a:b:c", "\x00", "é" * 50])
def test_a_forged_token_changes_nothing(cast: Cast, text: str) -> None:
    with pytest.raises(undo.InvalidToken):
        undo.undo(cast.vera, text)


def test_what_was_signed_for_something_else_is_no_token(cast: Cast) -> None:
    said = {"user": str(cast.vera.pk), "action": "read", "at": NOON.isoformat(), "rows": [1]}
    with pytest.raises(undo.InvalidToken):
        undo.undo(cast.vera, signing.dumps(said, salt="another"))


def test_50_rows_fit_into_8_kilobytes_and_come_back_by_as_many_queries_as_2(cast: Cast) -> None:
    threads = [tell(cast.acme, f"thread-{number}") for number in range(52)]
    few, many = take_out(cast.vera, *threads[:2]), take_out(cast.vera, *threads[2:])
    assert len(many) < 8_192
    with CaptureQueriesContext(connection) as of_few:
        undo.undo(cast.vera, few)
    with CaptureQueriesContext(connection) as of_many:
        undo.undo(cast.vera, many)
    assert len(of_few) == len(of_many)
    assert inbox.unread_count(cast.vera) == 52
