"""What one call does: the thread, its occurrences, and the members' rows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from team_notifications import inbox
from team_notifications.directory import UnknownPermission
from team_notifications.levels import Level
from team_notifications.models import Delivery, Notification, Occurrence, Preference, UserNotification
from team_notifications.notify import create_notification, resolve_notification
from team_notifications.signals import notification_recorded, notification_resolved
from teams.models import Team
from tests.cast import Cast
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def told(notification: Notification) -> set[str]:
    """The first names of those who have the thread, unread, in their inbox."""
    rows = UserNotification.objects.filter(notification=notification, in_app=True, is_read=False)
    return set(rows.values_list("user__first_name", flat=True))


def down(team: Team, **changes: Any) -> Notification:
    return create_notification(**{"team": team, "slug": "custom-action-down", "title": "Checkout is down", **changes})


# ---- the thread -----------------------------------------------------------------------------------------------------


def test_a_first_event_makes_a_thread_with_one_occurrence(cast: Cast) -> None:
    notification = down(
        cast.acme,
        message="Answered 503.",
        level="error",
        event_data={"action_id": 7},
        links={"Zulu": "/z", "Alpha": "https://example.com/a"},
        permissions=["teams.view_team"],
        source=cast.acme,
        expires_at=NOON + timedelta(days=36_500),
    )
    stored = Notification.objects.get()
    assert stored == notification
    assert (stored.team, stored.slug, stored.event_data) == (cast.acme, "custom-action-down", {"action_id": 7})
    assert (stored.title, stored.message, stored.level) == ("Checkout is down", "Answered 503.", Level.ERROR)
    assert list(stored.links.items()) == [("Zulu", "/z"), ("Alpha", "https://example.com/a")]
    assert stored.permissions == ["teams.view_team"]
    assert (stored.source_app, stored.source_model, stored.source_id) == ("teams", "team", str(cast.acme.pk))
    assert (stored.occurrences, stored.history.count()) == (1, 1)


def test_the_same_event_again_brings_the_same_thread_up_to_date(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        first = down(cast.acme, event_data={"a": 1, "b": 2})
    with time_machine.travel(NOON + timedelta(minutes=5), tick=False):
        again = down(cast.acme, event_data={"b": 2, "a": 1}, title="Checkout is still down", level=Level.ERROR)
    assert again.pk == first.pk
    thread = Notification.objects.get()
    assert (thread.title, thread.level, thread.occurrences) == ("Checkout is still down", Level.ERROR, 2)
    assert (thread.created_at, thread.last_event_at) == (NOON, NOON + timedelta(minutes=5))
    assert list(Occurrence.objects.order_by("at").values_list("title", "level", "at")) == [
        ("Checkout is down", Level.INFO, NOON),
        ("Checkout is still down", Level.ERROR, NOON + timedelta(minutes=5)),
    ]


def test_other_event_data_another_slug_and_another_team_are_other_threads(cast: Cast) -> None:
    down(cast.acme, event_data={"action_id": 7})
    down(cast.acme, event_data={"action_id": 8})
    down(cast.acme, slug="custom-action-slow", event_data={"action_id": 7})
    down(cast.globex, event_data={"action_id": 7})
    assert Notification.objects.count() == 4


def test_the_times_of_a_thread_never_run_backwards(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        down(cast.acme)
    with time_machine.travel(NOON - timedelta(seconds=1), tick=False):
        again = down(cast.acme)
    assert again.last_event_at == NOON


# ---- who is told ----------------------------------------------------------------------------------------------------


def test_every_active_member_is_told_when_no_permission_is_asked_for(cast: Cast) -> None:
    assert told(down(cast.acme)) == {"Alice", "Ed", "Vera", "Bob"}


def test_only_members_who_hold_all_the_permissions_in_that_team_are_told(cast: Cast) -> None:
    assert told(down(cast.acme, permissions=["custom_actions.change_customaction"])) == {"Alice", "Ed"}
    both = ["custom_actions.change_customaction", "teams.change_team"]
    assert told(down(cast.acme, slug="both-needed", permissions=both)) == {"Alice"}


def test_a_role_in_another_team_counts_for_nothing(cast: Cast) -> None:
    assert "Bob" not in told(down(cast.acme, permissions=["teams.change_team"]))
    assert "Bob" in told(down(cast.globex, permissions=["teams.change_team"]))


def test_recipients_narrow_the_audience_and_never_widen_it(cast: Cast) -> None:
    narrowed = down(cast.acme, recipients=[cast.alice, cast.vera, cast.oscar], permissions=["teams.change_team"])
    assert told(narrowed) == {"Alice"}
    queryset = User.objects.filter(first_name__in=["Ed", "Oscar"])
    assert told(down(cast.acme, slug="by-queryset", recipients=queryset)) == {"Ed"}
    assert told(down(cast.acme, slug="to-nobody", recipients=[])) == set()


def test_a_single_recipient_has_the_thread_alone_until_it_happens_to_all(cast: Cast) -> None:
    alone = down(cast.acme, recipients=[cast.vera], level="error")
    assert told(alone) == {"Vera"}
    assert set(Delivery.objects.values_list("user", flat=True)) == {cast.vera.pk}
    assert not inbox.visible_to(cast.alice).exists()
    assert told(down(cast.acme)) == {"Alice", "Ed", "Vera", "Bob"}


@pytest.mark.parametrize("person", ["oscar", "grace", "sue"])
def test_a_single_recipient_who_is_not_in_the_team_is_not_told(cast: Cast, person: str) -> None:
    assert told(down(cast.acme, recipients=[getattr(cast, person)])) == set()


def test_a_single_recipient_below_the_threshold_or_without_the_permission_is_not_told(cast: Cast) -> None:
    Preference.objects.create(user=cast.ed, in_app_level=Level.ERROR, email_enabled=False)
    assert told(down(cast.acme, slug="too-light", recipients=[cast.ed], level="warning")) == set()
    assert told(down(cast.acme, slug="grave-enough", recipients=[cast.ed], level="error")) == {"Ed"}
    assert told(down(cast.acme, slug="secret", recipients=[cast.vera], permissions=["teams.change_team"])) == set()


def test_recipients_may_come_from_anything_that_gives_them_one_by_one_and_twice(cast: Cast) -> None:
    lazy = SimpleLazyObject(lambda: cast.vera)  # what a request has for its user
    assert told(down(cast.acme, recipients=(person for person in (cast.ed, lazy, cast.ed)))) == {"Ed", "Vera"}


def test_inactive_members_are_not_told(cast: Cast) -> None:
    User.objects.filter(pk=cast.ed.pk).update(is_active=False)
    assert told(down(cast.acme)) == {"Alice", "Vera", "Bob"}


# ---- thresholds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "level", "reached"),
    [
        (Level.INFO, Level.INFO, True),
        (Level.INFO, Level.SUCCESS, True),
        (Level.WARNING, Level.SUCCESS, False),
        (Level.WARNING, Level.WARNING, True),
        (Level.ERROR, Level.WARNING, False),
        (Level.ERROR, Level.ERROR, True),
    ],
)
def test_a_threshold_lets_its_own_level_and_graver_ones_through(
    cast: Cast, threshold: Level, level: Level, reached: bool
) -> None:
    Preference.objects.create(user=cast.vera, team=cast.acme, in_app_level=threshold)
    assert ("Vera" in told(down(cast.acme, level=level))) is reached


def test_the_first_answer_wins_team_everywhere_team_default_setting(cast: Cast) -> None:
    Preference.objects.create(team=cast.acme, in_app_level=Level.ERROR)
    assert told(down(cast.acme, slug="step-1")) == set()
    Preference.objects.create(user=cast.vera, in_app_level=Level.INFO)
    assert told(down(cast.acme, slug="step-2")) == {"Vera"}
    Preference.objects.create(user=cast.vera, team=cast.acme, in_app_level=Level.WARNING)
    assert told(down(cast.acme, slug="step-3")) == set()
    Preference.objects.filter(user=cast.vera, team=cast.acme).update(in_app_level=None)
    assert told(down(cast.acme, slug="step-4")) == {"Vera"}


def test_each_field_is_inherited_by_itself(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, team=cast.acme, in_app_level=Level.ERROR)
    Preference.objects.create(user=cast.vera, in_app_enabled=False)
    assert "Vera" not in told(down(cast.acme, slug="switched-off", level=Level.ERROR))
    Preference.objects.filter(user=cast.vera, team=None).update(in_app_enabled=True, in_app_level=Level.INFO)
    assert "Vera" in told(down(cast.acme, slug="switched-on", level=Level.ERROR))
    assert "Vera" not in told(down(cast.acme, slug="too-light", level=Level.WARNING))


def test_a_preference_for_another_team_counts_for_nothing(cast: Cast) -> None:
    Preference.objects.create(user=cast.bob, team=cast.globex, in_app_enabled=False)
    assert "Bob" in told(down(cast.acme))
    assert "Bob" not in told(down(cast.globex))


def test_whom_only_email_reaches_has_a_row_that_the_inbox_does_not_show(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, team=cast.acme, in_app_enabled=False, email_level=Level.INFO)
    Preference.objects.create(user=cast.ed, team=cast.acme, in_app_enabled=False, email_enabled=False)
    notification = down(cast.acme)
    assert UserNotification.objects.get(notification=notification, user=cast.vera).in_app is False
    assert not UserNotification.objects.filter(notification=notification, user=cast.ed).exists()
    assert not inbox.visible_to(cast.vera).exists()


# ---- again ----------------------------------------------------------------------------------------------------------


def test_a_repeat_marks_it_unread_again_for_those_who_had_read_or_archived_it(cast: Cast) -> None:
    down(cast.acme)
    inbox.mark_read(inbox.visible_to(cast.alice))
    inbox.archive(inbox.visible_to(cast.ed))
    again = down(cast.acme)
    assert told(again) == {"Alice", "Ed", "Vera", "Bob"}
    revisions = dict(UserNotification.objects.values_list("user__first_name", "revision"))
    assert revisions == {"Alice": 2, "Ed": 2, "Vera": 1, "Bob": 1}
    assert inbox.visible_to(cast.ed).count() == 1


def test_a_repeat_does_not_write_rows_that_are_still_unread(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        down(cast.acme)
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        down(cast.acme)
    assert set(UserNotification.objects.values_list("notified_at", "revision")) == {(NOON, 1)}


def test_a_graver_level_notifies_again_and_a_lighter_one_does_not(cast: Cast) -> None:
    down(cast.acme, level=Level.SUCCESS)
    down(cast.acme, level=Level.INFO)
    assert set(UserNotification.objects.values_list("revision", flat=True)) == {1}
    down(cast.acme, level=Level.WARNING)
    down(cast.acme, level=Level.INFO)
    assert set(UserNotification.objects.values_list("revision", "notified_level")) == {(2, Level.WARNING)}


def test_success_after_info_is_no_graver(cast: Cast) -> None:
    down(cast.acme, level=Level.INFO)
    down(cast.acme, level=Level.SUCCESS)
    assert set(UserNotification.objects.values_list("revision", flat=True)) == {1}


def test_a_muted_thread_counts_on_and_leaves_the_member_alone_until_the_mute_ends(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        down(cast.acme)
        inbox.mark_read(inbox.visible_to(cast.alice))
        inbox.mute(inbox.visible_to(cast.alice), NOON + timedelta(hours=8))
    with time_machine.travel(NOON + timedelta(hours=7), tick=False):
        muted = down(cast.acme, level=Level.ERROR)
    assert muted.occurrences == 2
    assert "Alice" not in told(muted)
    with time_machine.travel(NOON + timedelta(hours=9), tick=False):
        assert "Alice" in told(down(cast.acme, level=Level.ERROR))


def test_whom_only_email_reaches_is_told_again_after_a_day_at_most(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, in_app_enabled=False, email_level=Level.INFO)
    revision = UserNotification.objects.filter(user=cast.vera).values_list("revision", flat=True)
    for hours, expected in [(0, 1), (1, 1), (23, 1), (25, 2), (26, 2)]:
        with time_machine.travel(NOON + timedelta(hours=hours), tick=False):
            down(cast.acme)
        assert revision.get() == expected


def test_who_switches_the_inbox_on_sees_the_thread_when_it_happens_again(cast: Cast) -> None:
    preference = Preference.objects.create(user=cast.vera, in_app_enabled=False, email_level=Level.INFO)
    down(cast.acme)
    preference.in_app_enabled = True
    preference.save()
    assert "Vera" in told(down(cast.acme))


def test_a_new_member_does_not_see_what_was_told_before_they_came(cast: Cast) -> None:
    down(cast.acme)
    cast.acme.memberships.create(user=cast.oscar)
    assert not inbox.visible_to(cast.oscar).exists()
    assert "Oscar" in told(down(cast.acme))


def test_once_leaves_a_thread_alone_that_already_reached_someone(cast: Cast) -> None:
    first = down(cast.acme, once=True)
    inbox.mark_read(inbox.visible_to(cast.alice))
    again = down(cast.acme, once=True, title="Other words")
    assert (again.pk, again.occurrences, again.title) == (first.pk, 1, "Checkout is down")
    assert "Alice" not in told(first)
    assert Occurrence.objects.count() == 1


def test_once_tells_what_reached_nobody_yet(cast: Cast) -> None:
    down(cast.acme, once=True, recipients=[])
    assert told(down(cast.acme, once=True)) == {"Alice", "Ed", "Vera", "Bob"}


# ---- resolving ------------------------------------------------------------------------------------------------------


def test_resolving_marks_the_thread_read_for_everyone(cast: Cast) -> None:
    down(cast.acme, event_data={"action_id": 7})
    resolved = resolve_notification(team=cast.acme, slug="custom-action-down", event_data={"action_id": 7})
    assert resolved is not None
    assert Notification.objects.get().is_resolved
    assert told(resolved) == set()
    assert inbox.visible_to(cast.alice).count() == 1


def test_the_next_occurrence_reopens_a_resolved_thread_and_notifies_as_a_new_one_does(cast: Cast) -> None:
    down(cast.acme, level=Level.ERROR)
    resolve_notification(team=cast.acme, slug="custom-action-down")
    inbox.mark_unread(inbox.visible_to(cast.vera))
    again = down(cast.acme, level=Level.INFO)
    assert not again.is_resolved
    assert told(again) == {"Alice", "Ed", "Vera", "Bob"}
    assert set(UserNotification.objects.values_list("revision", flat=True)) == {2}


def test_whom_only_email_reaches_is_told_again_when_the_thread_reopens(cast: Cast) -> None:
    Preference.objects.create(user=cast.vera, in_app_enabled=False, email_level=Level.INFO)
    down(cast.acme)
    resolve_notification(team=cast.acme, slug="custom-action-down")
    down(cast.acme)
    assert UserNotification.objects.get(user=cast.vera).revision == 2


def test_there_may_be_nothing_to_resolve(cast: Cast) -> None:
    assert resolve_notification(team=cast.acme, slug="custom-action-down") is None
    down(cast.globex)
    assert resolve_notification(team=cast.acme, slug="custom-action-down") is None
    assert resolve_notification(team=cast.globex, slug="custom-action-down") is not None
    assert resolve_notification(team=cast.globex, slug="custom-action-down") is None


# ---- bad input: an error that names the value, and nothing is written -----------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"permissions": ["custom_actions.fly"]}, UnknownPermission, "custom_actions.fly"),
        ({"permissions": ["teams.view_team", "nonsense"]}, UnknownPermission, "nonsense"),
        ({"permissions": [""]}, UnknownPermission, "''"),
        ({"permissions": "teams.view_team"}, TypeError, "teams.view_team"),
        ({"permissions": [Permission]}, TypeError, "named by text"),
        ({"team": None}, TypeError, "None"),
        ({"team": "acme"}, TypeError, "acme"),
        ({"team": Team(name="New")}, ValueError, "not saved yet"),
        ({"team": Team(pk=999, name="Gone")}, ValueError, "999"),
        ({"event_data": {"when": timezone.now}}, TypeError, "when"),
        ({"slug": "Bad Slug"}, ValueError, "Bad Slug"),
        ({"links": {"Open": "javascript:alert(1)"}}, ValueError, "javascript:alert"),
        ({"title": "\x00"}, ValueError, "no readable character"),
        ({"title": None}, TypeError, "None"),
        ({"message": 7}, TypeError, "7"),
        ({"level": "fatal"}, ValueError, "fatal"),
        ({"source": Team(name="New")}, ValueError, "not saved yet"),
        ({"source": 7}, TypeError, "7"),
        ({"recipients": "alice"}, TypeError, "alice"),
        ({"recipients": [7]}, TypeError, "7"),
        ({"recipients": [User(email="new@example.com")]}, ValueError, "not saved yet"),
        ({"recipients": Team.objects.all()}, TypeError, "teams.Team"),
        ({"expires_at": datetime(2026, 1, 1)}, ValueError, "no time zone"),  # noqa: DTZ001
        ({"expires_at": "tomorrow"}, TypeError, "tomorrow"),
        ({"expires_at": datetime.max.replace(tzinfo=ZoneInfo("America/New_York"))}, ValueError, "too far away"),
        ({"source": Session("x" * 101)}, ValueError, "more than 100 characters"),
    ],
)
def test_bad_input_raises_an_error_that_names_the_value_and_writes_nothing(
    cast: Cast, changes: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=r".") as raised:
        down(cast.acme, **changes) if "team" not in changes else down(**changes)
    assert text in str(raised.value)
    assert not Notification.objects.exists()
    assert not Occurrence.objects.exists()
    assert not UserNotification.objects.exists()


def test_an_unknown_permission_leaves_an_existing_thread_as_it_was(cast: Cast) -> None:
    down(cast.acme)
    with pytest.raises(UnknownPermission):
        down(cast.acme, title="Changed", permissions=["nobody.knows"])
    thread = Notification.objects.get()
    assert (thread.title, thread.occurrences) == ("Checkout is down", 1)


def test_a_title_is_cleaned_and_cut(cast: Cast) -> None:
    assert down(cast.acme, title="a\x00\u202eb\nc" + "x" * 5_000).title == "ab c" + "x" * 196


# ---- transactions and signals ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_row_and_sends_no_signal(cast: Cast) -> None:
    received: list[dict[str, Any]] = []

    def receiver(**kwargs: Any) -> None:
        received.append(kwargs)

    notification_recorded.connect(receiver)
    try:
        with transaction.atomic():
            down(cast.acme)
            transaction.set_rollback(True)
        assert not Notification.objects.exists()
        assert not received
        with transaction.atomic():
            notification = down(cast.acme)
            assert not received
    finally:
        notification_recorded.disconnect(receiver)
    [arguments] = received
    assert arguments["notification"] == notification
    assert (arguments["created"], arguments["reopened"], arguments["notified"], arguments["unfinished"]) == (
        True,
        False,
        4,
        False,
    )


def test_the_signal_says_what_was_new_and_how_many_were_notified(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    received: list[tuple[Any, ...]] = []

    def receiver(created: bool, reopened: bool, notified: int, **kwargs: Any) -> None:
        received.append((created, reopened, notified))

    notification_recorded.connect(receiver)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            down(cast.acme)
            inbox.mark_read(inbox.visible_to(cast.alice))
            down(cast.acme)
            down(cast.acme)
            resolve_notification(team=cast.acme, slug="custom-action-down")
            down(cast.acme)
    finally:
        notification_recorded.disconnect(receiver)
    assert received == [(True, False, 4), (False, False, 1), (False, False, 0), (False, True, 4)]


def test_a_receiver_that_raises_stops_neither_the_caller_nor_the_other_receivers(
    cast: Cast, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    received: list[Notification] = []

    def broken(**kwargs: Any) -> None:
        raise RuntimeError("out of order")

    def working(notification: Notification, **kwargs: Any) -> None:
        received.append(notification)

    notification_resolved.connect(broken)
    notification_resolved.connect(working)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            down(cast.acme)
            resolved = resolve_notification(team=cast.acme, slug="custom-action-down")
    finally:
        notification_resolved.disconnect(broken)
        notification_resolved.disconnect(working)
    assert received == [resolved]
    assert "out of order" in caplog.text
