"""What a member sees, and what they do with it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser

from team_notifications import inbox
from team_notifications.models import Notification, Preference, UserNotification
from team_notifications.notify import create_notification
from teams.models import Team
from tests.cast import Cast
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MANAGE = ["teams.change_team"]


def tell(team: Team, slug: str = "server-down", **changes: object) -> Notification:
    return create_notification(**{"team": team, "slug": slug, "title": slug, **changes})  # type: ignore[arg-type]


def slugs(user: User) -> list[str]:
    return [row.notification.slug for row in inbox.visible_to(user).newest_first()]


# ---- what is visible ------------------------------------------------------------------------------------------------


def test_a_member_sees_the_threads_of_all_their_teams_the_newest_first(cast: Cast) -> None:
    tell(cast.acme, "one")
    tell(cast.globex, "two")
    tell(cast.acme, "three")
    assert slugs(cast.bob) == ["three", "two", "one"]
    assert slugs(cast.alice) == ["three", "one"]
    assert slugs(cast.oscar) == slugs(cast.sue) == []


def test_a_member_who_left_no_longer_sees_the_thread(cast: Cast) -> None:
    tell(cast.acme)
    cast.acme.memberships.filter(user=cast.vera).delete()
    assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == ([], 0)


def test_a_member_who_comes_back_sees_their_own_rows_again(cast: Cast) -> None:
    tell(cast.acme)
    cast.acme.memberships.filter(user=cast.vera).delete()
    cast.acme.memberships.create(user=cast.vera)
    assert slugs(cast.vera) == ["server-down"]


def test_a_member_who_lost_the_role_no_longer_sees_the_thread(cast: Cast) -> None:
    tell(cast.acme, permissions=MANAGE)
    assert inbox.unread_count(cast.alice) == 1
    cast.acme.memberships.get(user=cast.alice).roles.clear()
    assert (slugs(cast.alice), inbox.unread_count(cast.alice)) == ([], 0)


def test_a_deactivated_member_sees_nothing(cast: Cast) -> None:
    tell(cast.acme)
    User.objects.filter(pk=cast.vera.pk).update(is_active=False)
    assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == ([], 0)


def test_nobody_sees_nothing(cast: Cast) -> None:
    tell(cast.acme)
    assert inbox.unread_count(AnonymousUser()) == 0


def test_an_expired_thread_leaves_list_and_count(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        tell(cast.acme, expires_at=NOON + timedelta(hours=1))
        assert inbox.unread_count(cast.vera) == 1
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == ([], 0)


def test_rows_that_are_not_for_the_inbox_are_never_visible(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, in_app_enabled=False, email_level=20)
    tell(cast.acme)
    assert UserNotification.objects.filter(user=cast.vera).exists()
    assert not inbox.readable_by(cast.vera).exists()


def test_the_count_can_be_that_of_one_team(cast: Cast) -> None:
    tell(cast.acme, "one")
    tell(cast.acme, "two")
    tell(cast.globex, "three")
    assert inbox.unread_count(cast.bob) == 3
    assert inbox.unread_count(cast.bob, cast.acme) == 2
    assert inbox.unread_count(cast.alice, cast.globex) == 0


def test_the_count_is_capped(cast: Cast, settings: object) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "UNREAD_CAP": 2}  # type: ignore[attr-defined]
    for number in range(5):
        tell(cast.acme, f"thread-{number}")
    assert inbox.unread_count(cast.vera) == 3  # "2+"


# ---- reading --------------------------------------------------------------------------------------------------------


def test_reading_takes_the_thread_out_of_the_count_and_leaves_it_in_the_list(cast: Cast) -> None:
    tell(cast.acme)
    with time_machine.travel(NOON, tick=False):
        assert inbox.mark_read(inbox.visible_to(cast.vera)) == 1
    assert inbox.unread_count(cast.vera) == 0
    row = inbox.visible_to(cast.vera).get()
    assert (row.is_read, row.read_at) == (True, NOON)
    assert inbox.mark_read(inbox.visible_to(cast.vera)) == 0


def test_reading_is_each_members_own(cast: Cast) -> None:
    tell(cast.acme)
    inbox.mark_read(inbox.visible_to(cast.vera))
    assert inbox.unread_count(cast.alice) == 1


def test_a_thread_that_happened_once_more_than_the_reader_saw_stays_unread(cast: Cast) -> None:
    tell(cast.acme)
    tell(cast.acme)
    assert inbox.mark_read(inbox.visible_to(cast.vera), seen=1) == 0
    assert inbox.mark_read(inbox.visible_to(cast.vera), seen=2) == 1


def test_each_row_is_read_by_what_was_seen_of_it(cast: Cast) -> None:
    for slug in ("one", "two", "two", "three"):
        tell(cast.acme, slug)
    key = dict(inbox.visible_to(cast.vera).values_list("notification__slug", "pk"))
    assert inbox.mark_read(inbox.visible_to(cast.vera), seen={key["one"]: 1, key["two"]: 1}) == 1
    unread = inbox.visible_to(cast.vera).unread().values_list("notification__slug", flat=True)
    assert set(unread) == {"two", "three"}


def test_marking_unread_brings_it_back_into_the_count(cast: Cast) -> None:
    tell(cast.acme)
    inbox.mark_read(inbox.visible_to(cast.vera))
    assert inbox.mark_unread(inbox.visible_to(cast.vera)) == 1
    assert inbox.unread_count(cast.vera) == 1
    assert inbox.visible_to(cast.vera).get().read_at is None


# ---- putting away ---------------------------------------------------------------------------------------------------


def test_an_archived_thread_is_out_of_sight_and_can_be_taken_back(cast: Cast) -> None:
    tell(cast.acme)
    assert inbox.archive(inbox.visible_to(cast.vera)) == 1
    assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == ([], 0)
    assert inbox.unarchive(inbox.readable_by(cast.vera)) == 1
    assert slugs(cast.vera) == ["server-down"]


def test_a_snoozed_thread_comes_back_unread_because_time_passes(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        tell(cast.acme)
        inbox.mark_read(inbox.visible_to(cast.vera))
        assert inbox.snooze(inbox.visible_to(cast.vera), NOON + timedelta(hours=3)) == 1
        assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == ([], 0)
        assert inbox.readable_by(cast.vera).snoozed(NOON).count() == 1
    with time_machine.travel(NOON + timedelta(hours=3), tick=False):
        assert (slugs(cast.vera), inbox.unread_count(cast.vera)) == (["server-down"], 1)


def test_a_mute_can_be_taken_back(cast: Cast) -> None:
    tell(cast.acme)
    assert inbox.mute(inbox.visible_to(cast.vera), inbox.FOREVER) == 1
    assert inbox.visible_to(cast.vera).get().muted_until == inbox.FOREVER
    assert inbox.unmute(inbox.visible_to(cast.vera)) == 1
    assert inbox.unmute(inbox.visible_to(cast.vera)) == 0


@pytest.mark.parametrize("act", [inbox.snooze, inbox.mute])
def test_a_time_without_a_zone_is_refused(cast: Cast, act: object) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        act(inbox.visible_to(cast.vera), datetime(2026, 1, 1))  # type: ignore[operator]  # noqa: DTZ001


def test_each_action_says_how_many_rows_it_changed(cast: Cast) -> None:
    for slug in ("one", "two", "three"):
        tell(cast.acme, slug, level="error")
    rows = inbox.visible_to(cast.vera)
    first = rows.filter(notification__slug="one")
    assert [inbox.mark_read(first), inbox.mark_read(rows), inbox.mark_unread(first), inbox.mark_unread(rows)] == [
        1,
        2,
        1,
        2,
    ]
    assert [inbox.archive(first), inbox.archive(inbox.readable_by(cast.vera))] == [1, 2]
    assert [inbox.unarchive(inbox.readable_by(cast.vera)), inbox.unarchive(inbox.readable_by(cast.vera))] == [3, 0]
    assert [inbox.mute(first, inbox.FOREVER), inbox.unmute(rows)] == [1, 1]
    assert [inbox.delete(first), inbox.delete(rows)] == [1, 2]  # mail that is owed goes along, and is not counted


def test_archiving_again_does_not_move_the_time(cast: Cast) -> None:
    tell(cast.acme)
    for hour in (0, 1):
        with time_machine.travel(NOON + timedelta(hours=hour), tick=False):
            inbox.archive(inbox.readable_by(cast.vera))
    assert inbox.readable_by(cast.vera).get().archived_at == NOON


def test_snoozing_brings_an_archived_thread_back_in_its_time(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        tell(cast.acme)
        inbox.archive(inbox.visible_to(cast.vera))
        inbox.snooze(inbox.readable_by(cast.vera), NOON + timedelta(hours=1))
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        assert inbox.unread_count(cast.vera) == 1


def test_more_occurrences_than_there_were_are_seen_as_well(cast: Cast) -> None:
    tell(cast.acme)
    assert inbox.mark_read(inbox.visible_to(cast.vera), seen=7) == 1
    [row] = inbox.visible_to(cast.alice)
    assert inbox.mark_read(inbox.visible_to(cast.alice), seen={row.pk: 7}) == 1


def test_a_deleted_copy_comes_back_when_it_happens_again(cast: Cast) -> None:
    tell(cast.acme)
    assert inbox.delete(inbox.visible_to(cast.vera)) == 1
    assert slugs(cast.vera) == []
    assert slugs(cast.alice) == ["server-down"]
    tell(cast.acme)
    assert inbox.unread_count(cast.vera) == 1


# ---- pages ----------------------------------------------------------------------------------------------------------


def test_pages_go_through_all_rows_once_in_order(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):  # the same time for all: the key has to break the tie
        for number in range(7):
            tell(cast.acme, f"thread-{number}")
    rows, cursor, seen = inbox.visible_to(cast.vera), "", []
    for expected in (3, 3, 1):
        page = inbox.page(rows, after=cursor, size=3)
        assert len(page.rows) == expected
        seen += [row.notification.slug for row in page.rows]
        cursor = page.next
    assert cursor == ""
    assert seen == [f"thread-{number}" for number in reversed(range(7))]


def test_what_arrives_between_two_pages_moves_nothing(cast: Cast) -> None:
    for number in range(4):
        tell(cast.acme, f"thread-{number}")
    first = inbox.page(inbox.visible_to(cast.vera), size=2)
    tell(cast.acme, "newcomer")
    second = inbox.page(inbox.visible_to(cast.vera), after=first.next, size=2)
    assert [row.notification.slug for row in second.rows] == ["thread-1", "thread-0"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "1",
        "1-",
        "-1",
        "1-x",
        "1.5-2",
        "٣-٤",
        "+1-2",
        "1_0-2",
        "9" * 39 + "-1",
        "0-" + "9" * 19,
        "1-2-3",
        "' OR 1=1",
    ],
)
def test_a_text_that_is_no_cursor_is_refused_by_name(cast: Cast, cursor: str) -> None:
    with pytest.raises(inbox.InvalidCursor, match="is no cursor") as error:
        inbox.page(inbox.visible_to(cast.vera), after=cursor)
    assert repr(cursor) in str(error.value)


def test_a_cursor_with_a_huge_key_finds_nothing_more(cast: Cast) -> None:
    tell(cast.acme)
    assert inbox.page(inbox.visible_to(cast.vera), after="0-" + "9" * 18).rows == []
