"""What a repeat changes, and what it leaves: the edges of a thread's life."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction

from team_notifications import inbox
from team_notifications.levels import Level
from team_notifications.models import Notification, Occurrence, Preference, UserNotification
from team_notifications.notify import create_notification, resolve_notification
from team_notifications.signals import notification_recorded
from teams.models import Team
from tests.cast import Cast

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def happen(team: Team, at: datetime = NOON, **changes: Any) -> Notification:
    with time_machine.travel(at, tick=False):
        return create_notification(**{"team": team, "slug": "server-down", "title": "Server down", **changes})


def test_a_repeat_brings_everything_that_is_said_up_to_date(cast: Cast) -> None:
    happen(cast.acme, links={"Old": "/old"}, permissions=["teams.view_team"], expires_at=NOON + HOUR)
    said = {
        "message": "Worse.",
        "level": Level.ERROR,
        "links": {"New": "/new"},
        "permissions": ["teams.change_team"],
        "source": cast.acme,
        "expires_at": NOON + 2 * HOUR,
    }
    happen(cast.acme, NOON + timedelta(minutes=1), title="Server on fire", **said)
    thread = Notification.objects.get()
    assert (thread.title, thread.message, thread.level) == ("Server on fire", "Worse.", Level.ERROR)
    assert (thread.links, thread.permissions) == ({"New": "/new"}, ["teams.change_team"])
    assert (thread.source_id, thread.expires_at) == (str(cast.acme.pk), NOON + 2 * HOUR)


def test_a_repeat_that_asks_for_more_is_gone_for_those_who_do_not_hold_it(cast: Cast) -> None:
    happen(cast.acme)
    assert inbox.unread_count(cast.vera) == 1
    happen(cast.acme, permissions=["teams.change_team"])
    assert inbox.unread_count(cast.vera) == 0


def test_a_repeat_of_an_expired_thread_notifies_as_a_new_one_does(cast: Cast) -> None:
    happen(cast.acme, expires_at=NOON + HOUR)
    happen(cast.acme, NOON + 2 * HOUR)
    assert set(UserNotification.objects.values_list("revision", flat=True)) == {2}


def test_a_snoozed_thread_that_becomes_graver_or_starts_anew_is_back_at_once(cast: Cast) -> None:
    happen(cast.acme)
    inbox.snooze(inbox.readable_by(cast.vera), inbox.FOREVER)
    happen(cast.acme)
    assert inbox.unread_count(cast.vera) == 0
    happen(cast.acme, level=Level.ERROR)
    assert inbox.unread_count(cast.vera) == 1
    inbox.snooze(inbox.readable_by(cast.vera), inbox.FOREVER)
    resolve_notification(team=cast.acme, slug="server-down")
    happen(cast.acme, level=Level.ERROR)
    assert inbox.unread_count(cast.vera) == 1


def test_what_the_inbox_shows_it_goes_on_showing_when_only_email_lets_a_repeat_through(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, in_app_level=Level.ERROR, email_level=Level.INFO)
    happen(cast.acme, level=Level.ERROR)
    inbox.mark_read(inbox.visible_to(cast.vera))
    happen(cast.acme, level=Level.INFO)
    assert inbox.visible_to(cast.vera).count() == 1


def test_a_repeat_whose_clock_is_behind_opens_nothing(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    received: list[tuple[bool, bool]] = []

    def receiver(created: bool, reopened: bool, **kwargs: Any) -> None:
        received.append((created, reopened))

    notification_recorded.connect(receiver)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            happen(cast.acme)
            happen(cast.acme, NOON - timedelta(milliseconds=1))
    finally:
        notification_recorded.disconnect(receiver)
    assert received == [(True, False), (False, False)]


def test_resolving_says_when_it_was_read_and_a_repeat_forgets_it(cast: Cast) -> None:
    happen(cast.acme)
    with time_machine.travel(NOON + HOUR, tick=False):
        resolve_notification(team=cast.acme, slug="server-down")
    assert set(UserNotification.objects.values_list("read_at", flat=True)) == {NOON + HOUR}
    happen(cast.acme, NOON + 2 * HOUR)
    assert set(UserNotification.objects.values_list("read_at", flat=True)) == {None}


def test_a_thread_is_never_resolved_before_it_happened_last(cast: Cast) -> None:
    happen(cast.acme)
    with time_machine.travel(NOON - HOUR, tick=False):
        resolved = resolve_notification(team=cast.acme, slug="server-down")
    assert resolved is not None
    assert resolved.resolved_at == NOON


def test_resolving_for_something_that_is_no_team_raises(cast: Cast) -> None:
    with pytest.raises(TypeError, match="not 'acme'"):
        resolve_notification(team="acme", slug="server-down")


def test_an_inner_rollback_takes_back_its_event_alone(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    received: list[str] = []

    def receiver(notification: Notification, **kwargs: Any) -> None:
        received.append(notification.slug)

    notification_recorded.connect(receiver)
    try:
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            happen(cast.acme, slug="kept")
            with transaction.atomic():
                happen(cast.acme, slug="taken-back")
                transaction.set_rollback(True)
    finally:
        notification_recorded.disconnect(receiver)
    assert received == ["kept"]
    assert Notification.objects.get().slug == "kept"


def test_a_failure_between_the_thread_and_the_rows_leaves_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("team_notifications.fanout._notify", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        happen(cast.acme)
    assert not Notification.objects.exists()
    assert not Occurrence.objects.exists()


def test_a_failure_while_resolving_leaves_the_thread_open(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    happen(cast.acme)
    monkeypatch.setattr("team_notifications.fanout.settle", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        resolve_notification(team=cast.acme, slug="server-down")
    assert not Notification.objects.get().is_resolved


def test_a_permission_that_is_named_twice_is_asked_for_once(cast: Cast) -> None:
    assert happen(cast.acme, permissions=["teams.view_team", "teams.view_team"]).permissions == ["teams.view_team"]
