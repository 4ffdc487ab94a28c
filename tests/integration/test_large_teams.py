"""Teams of more than one chunk: the first chunk at once, the rest later, and nobody twice."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from guardian.models import UserObjectPermission
from guardian.shortcuts import assign_perm

from team_notifications import fanout, inbox, sweeper
from team_notifications.levels import Level
from team_notifications.models import Notification, Preference, UnfinishedFanout, UserNotification
from team_notifications.notify import create_notification, resolve_notification
from teams.models import Team
from tests.crowd import crowd
from users.models import User

CHUNK = 2
WORKER_CHUNK = fanout.WORKER_CHUNKS * CHUNK
SIZE = CHUNK + 2 * WORKER_CHUNK + 3  # one chunk at once, three for the worker


@pytest.fixture(autouse=True)
def small_chunks(settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": CHUNK}


@pytest.fixture
def team(db: None) -> Team:
    return crowd(SIZE)


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets `fanout.finish` tell so many chunks, and then raises as a killed worker would stop."""

    def arrange(chunks: int) -> None:
        original, left = fanout._next_chunk, [chunks]

        def next_chunk(notification_id: int) -> int | None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return original(notification_id)

        monkeypatch.setattr(fanout, "_next_chunk", next_chunk)

    return arrange


def event(team: Team, **changes: Any) -> Notification:
    return create_notification(**{"team": team, "slug": "server-down", "title": "Server down", **changes})


def revisions() -> list[int]:
    return sorted(UserNotification.objects.values_list("revision", flat=True))


def test_the_first_chunk_is_told_at_once_and_the_rest_by_the_worker(team: Team) -> None:
    notification = event(team)
    assert revisions() == [1] * CHUNK
    assert fanout.unfinished() == [notification.pk]
    assert fanout.finish(notification.pk) == SIZE - CHUNK
    assert revisions() == [1] * SIZE
    assert fanout.unfinished() == []


def test_members_are_told_in_the_order_of_their_keys(team: Team) -> None:
    event(team)
    told = UserNotification.objects.order_by("user").values_list("user", flat=True)
    assert list(told) == list(User.objects.order_by("pk").values_list("pk", flat=True)[:CHUNK])


def test_a_team_of_exactly_one_chunk_leaves_nothing_for_later(db: None) -> None:
    event(crowd(CHUNK))
    assert revisions() == [1] * CHUNK
    assert fanout.unfinished() == []


def test_a_worker_that_stops_in_between_is_followed_by_one_that_goes_on(
    team: Team, stop_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    notification = event(team)
    stop_after(1)
    with pytest.raises(KeyboardInterrupt):
        fanout.finish(notification.pk)
    assert revisions() == [1] * (CHUNK + WORKER_CHUNK)
    monkeypatch.undo()
    fanout.finish(notification.pk)
    assert revisions() == [1] * SIZE


def test_the_sweeper_finishes_what_a_lost_message_left_behind(team: Team) -> None:
    event(team)
    event(team, slug="disk-full")
    assert sweeper.sweep().notified == 2 * (SIZE - CHUNK)
    assert sweeper.sweep().notified == 0


def test_the_command_finishes_it_without_any_broker(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    event(team)
    call_command("run_notifications", "--once")
    assert revisions() == [1] * SIZE
    assert capsys.readouterr().out == f"Notified {SIZE - CHUNK} more members, sent 0 mails.\n"


def test_a_repeat_before_the_rest_is_told_notifies_everyone_once(team: Team) -> None:
    notification = event(team)
    event(team)
    fanout.finish(notification.pk)
    assert revisions() == [1] * SIZE


def test_a_repeat_while_the_rest_is_being_told_goes_round_once_more(
    team: Team, stop_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    notification = event(team)
    stop_after(1)
    with pytest.raises(KeyboardInterrupt):
        fanout.finish(notification.pk)
    monkeypatch.undo()
    inbox.mark_read(UserNotification.objects.all())  # all who know by now
    event(team)
    fanout.finish(notification.pk)
    assert UserNotification.objects.filter(is_read=False).count() == SIZE
    assert revisions() == [1] * (WORKER_CHUNK + 3) + [2] * (CHUNK + WORKER_CHUNK)
    assert fanout.unfinished() == []


def test_a_storm_does_not_keep_the_last_chunk_from_being_told(team: Team) -> None:
    notification = event(team)
    for _ in range(3):  # each time the worker tells one chunk, it happens again
        fanout._next_chunk(notification.pk)
        event(team)
    assert revisions() == [1] * SIZE


def test_a_graver_repeat_tells_the_rest_the_graver_level(team: Team) -> None:
    notification = event(team, level=Level.INFO)
    event(team, level=Level.ERROR)
    fanout.finish(notification.pk)
    assert set(UserNotification.objects.values_list("notified_level", flat=True)) == {Level.ERROR}


def test_resolving_withdraws_what_was_not_told_yet(team: Team) -> None:
    notification = event(team)
    resolve_notification(team=team, slug="server-down")
    assert fanout.finish(notification.pk) == 0
    assert revisions() == [1] * CHUNK


def test_the_rest_is_told_by_the_permissions_that_hold_by_then(team: Team) -> None:
    notification = event(team, permissions=["teams.change_team"])
    last = team.memberships.order_by("user").last()
    assert last is not None
    last.roles.clear()
    fanout.finish(notification.pk)
    assert len(revisions()) == SIZE - 1


def test_a_permission_that_is_gone_by_then_tells_nobody_and_says_so(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    notification = event(team, permissions=["teams.change_team"])
    Notification.objects.update(permissions=["teams.no_longer"])
    assert fanout.finish(notification.pk) == 0
    assert "nobody else can hold its permissions" in caplog.text
    assert fanout.unfinished() == []


def test_a_thread_that_was_resolved_in_the_meantime_is_not_told_to_the_rest(team: Team) -> None:
    notification = event(team)
    Notification.objects.update(resolved_at=notification.created_at)
    assert fanout.finish(notification.pk) == 0
    assert not UnfinishedFanout.objects.exists()


def test_the_rest_is_told_by_the_defaults_of_the_team(team: Team) -> None:
    notification = event(team)
    Preference.objects.create(team=team, in_app_level=Level.ERROR)
    assert fanout.finish(notification.pk) == 0


def test_a_grant_on_the_source_counts_for_the_rest_too(team: Team) -> None:
    last = team.memberships.order_by("user").last()
    assert last is not None
    last.roles.clear()
    assign_perm("teams.change_team", last.user, team)
    other = Team.objects.create(name="Other", slug="other")
    assign_perm("teams.change_team", last.user, other)
    notification = event(team, permissions=["teams.change_team"], source=other)
    UserObjectPermission.objects.filter(object_pk=str(team.pk)).delete()
    fanout.finish(notification.pk)
    assert len(revisions()) == SIZE


def test_once_leaves_a_thread_alone_that_is_about_to_reach_somebody(team: Team) -> None:
    first = team.members.order_by("pk").values("pk")[:CHUNK]
    Preference.objects.bulk_create(
        Preference(user_id=user["pk"], in_app_enabled=False, email_enabled=False) for user in first
    )
    assert event(team, once=True).occurrences == 1
    assert revisions() == []
    assert event(team, once=True).occurrences == 1


def test_one_thread_that_cannot_be_told_does_not_hold_up_the_others(
    team: Team, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = event(team)
    event(team, slug="disk-full")
    original = fanout._next_chunk

    def next_chunk(notification_id: int) -> int | None:
        if notification_id == broken.pk:
            raise RuntimeError("the host's directory is out of order")
        return original(notification_id)

    monkeypatch.setattr(fanout, "_next_chunk", next_chunk)
    assert sweeper.sweep().notified == SIZE - CHUNK
    assert fanout.unfinished() == [broken.pk]
    assert "out of order" in caplog.text


def test_a_source_that_makes_no_sense_any_more_is_none(team: Team) -> None:
    notification = event(team, source=team)
    Notification.objects.update(source_id="no key of a team")
    assert fanout.finish(notification.pk) == SIZE - CHUNK


def test_the_oldest_is_finished_first(team: Team) -> None:
    keys = [event(team, slug=slug).pk for slug in ("one", "two", "three")]
    assert fanout.unfinished() == keys


def test_an_expired_thread_is_not_told_to_the_rest(team: Team) -> None:
    notification = event(team)
    Notification.objects.update(expires_at=notification.created_at)
    assert fanout.finish(notification.pk) == 0
    assert not UnfinishedFanout.objects.exists()


def test_an_audience_that_the_caller_narrowed_is_told_at_once(team: Team) -> None:
    event(team, recipients=team.members.all())
    assert revisions() == [1] * SIZE


def test_the_cursor_may_name_a_user_who_is_deleted_by_now(team: Team) -> None:
    notification = event(team)
    User.objects.get(pk=UnfinishedFanout.objects.get().next_user_id).delete()
    fanout.finish(notification.pk)
    assert len(revisions()) == SIZE - 1


def test_finishing_a_thread_that_is_gone_does_nothing(db: None) -> None:
    assert fanout.finish(12345) == 0
