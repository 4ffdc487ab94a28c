"""The one-line call for code that knows whom to tell."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from team_notifications import inbox, preferences
from team_notifications.levels import Level
from team_notifications.models import Delivery, Notification, Occurrence, Preference, UserNotification
from team_notifications.notify import create_notification, notify_user
from team_notifications.personal import PERSONAL
from team_notifications.signals import notification_recorded
from teams.models import Team
from tests.cast import Cast
from tests.crowd import crowd
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ARTICLE = {"source_app": "content", "source_model": "article", "source_id": "7"}
LIMIT = 10  # queries, those of the savepoint around the call included


def slugs_and_titles(user: User) -> list[str]:
    return [row.notification.title for row in inbox.visible_to(user).newest_first()]


def nothing_is_written() -> bool:
    models = (Notification, Occurrence, UserNotification, Delivery)
    return not any(model.objects.exists() for model in models)  # type: ignore[attr-defined]


# ---- the call -------------------------------------------------------------------------------------------------------


def test_the_interface_is_the_one_that_code_was_written_against() -> None:
    parameters = inspect.signature(notify_user).parameters.values()
    assert all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)
    assert {parameter.name: parameter.default for parameter in parameters} == {
        "user": inspect.Parameter.empty,
        "title": inspect.Parameter.empty,
        "message": "",
        "level": "info",
        "url": "",
        "source_app": "",
        "source_model": "",
        "source_id": "",
        "deduplicate": False,
        "expires_at": None,
        "team": None,
    }


def test_everything_can_be_given_by_its_place(cast: Cast) -> None:
    expires = timezone.now() + HOUR
    row = notify_user(
        cast.vera, "Ready", "214 rows.", "danger", "/x/?a=1", "content", "Article", "7", True, expires, cast.acme
    )
    assert row is not None
    thread = row.notification
    assert (thread.title, thread.message, thread.level) == ("Ready", "214 rows.", Level.ERROR)
    assert (thread.source_app, thread.source_model, thread.source_id) == ("content", "article", "7")
    assert (thread.links, thread.expires_at, thread.slug) == ({"Open": "/x/?a=1"}, expires, "user-notice")
    assert (thread.team, thread.user, row.user, row.team) == (cast.acme, None, cast.vera, cast.acme)
    assert Notification.objects.get() == thread


def test_without_a_team_it_is_personal(cast: Cast) -> None:
    row = notify_user(cast.oscar, "Welcome")
    assert row is not None
    stored = Notification.objects.get()
    assert (stored.team, stored.user, stored.links, stored.occurrences) == (None, cast.oscar, {}, 1)
    assert stored.history.get().title == "Welcome"
    assert slugs_and_titles(cast.oscar) == ["Welcome"]


def test_with_a_team_it_is_the_members_alone(cast: Cast) -> None:
    assert notify_user(cast.vera, "Your role changed", team=cast.acme)
    assert slugs_and_titles(cast.vera) == ["Your role changed"]
    assert [slugs_and_titles(person) for person in (cast.alice, cast.bob, cast.sue)] == [[], [], []]
    cast.acme.memberships.filter(user=cast.vera).delete()
    assert slugs_and_titles(cast.vera) == []


def test_each_call_is_a_notification_of_its_own(cast: Cast) -> None:
    for team in (None, None, cast.acme, cast.acme):
        notify_user(cast.vera, "Ready", team=team, **ARTICLE)
    assert slugs_and_titles(cast.vera) == ["Ready"] * 4
    assert Notification.objects.filter(occurrences=1).count() == 4


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("info", Level.INFO),
        ("SUCCESS", Level.SUCCESS),
        ("Warning", Level.WARNING),
        ("error", Level.ERROR),
        ("danger", Level.ERROR),
        ("DANGER", Level.ERROR),
        (Level.WARNING, Level.WARNING),
        (30, Level.WARNING),
    ],
)
def test_levels_are_words_in_any_case_or_levels(cast: Cast, level: Any, expected: Level) -> None:
    row = notify_user(cast.vera, "Ready", level=level)
    assert row is not None
    assert (row.notification.severity, row.notified_level) == (expected, expected)


@pytest.mark.parametrize("source", [{}, {"source_app": "content"}, {"source_app": "a", "source_model": "b"}], ids=len)
def test_a_source_may_end_early(cast: Cast, source: dict[str, str]) -> None:
    assert notify_user(cast.vera, "Ready", **source)


def test_the_user_of_a_request_may_be_lazy(cast: Cast) -> None:
    assert notify_user(SimpleLazyObject(lambda: cast.vera), "Ready")
    assert slugs_and_titles(cast.vera) == ["Ready"]


def test_after_it_expires_it_is_gone(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        notify_user(cast.vera, "Ready", expires_at=NOON + HOUR)
        assert inbox.unread_count(cast.vera) == 1
    with time_machine.travel(NOON + HOUR, tick=False):
        assert (inbox.unread_count(cast.vera), slugs_and_titles(cast.vera)) == (0, [])


# ---- when nobody is told --------------------------------------------------------------------------------------------

OFF = {"in_app_enabled": False, "email_enabled": False}
ERRORS_ONLY = {"in_app_level": Level.ERROR, "email_level": Level.ERROR}


@pytest.mark.parametrize("chosen", [OFF, ERRORS_ONLY], ids=["off", "under the threshold"])
@pytest.mark.parametrize("where", ["everywhere", "here"])
@pytest.mark.parametrize("place", ["personal", "team"])
def test_who_does_not_want_it_is_not_told(cast: Cast, place: str, where: str, chosen: dict[str, Any]) -> None:
    team = cast.acme if place == "team" else None
    preferences.choose(cast.vera, (team or PERSONAL) if where == "here" else None, **chosen)
    assert notify_user(cast.vera, "Careful", level="warning", team=team) is None
    assert nothing_is_written()
    assert notify_user(cast.alice, "Careful", level="warning", team=team)


def test_a_graver_one_gets_through_the_threshold(cast: Cast) -> None:
    preferences.choose(cast.vera, **ERRORS_ONLY)
    assert notify_user(cast.vera, "Broken", level="error")


def test_what_is_chosen_for_one_place_says_nothing_about_another(cast: Cast) -> None:
    preferences.choose(cast.bob, PERSONAL, **OFF)
    preferences.choose(cast.bob, cast.globex, **OFF)
    assert notify_user(cast.bob, "Ready") is None
    assert notify_user(cast.bob, "Ready", team=cast.globex) is None
    assert notify_user(cast.bob, "Ready", team=cast.acme)


def test_for_personal_ones_the_first_answer_wins_personal_everywhere_setting(cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "DEFAULTS": OFF}
    Preference.objects.create(team=cast.acme, in_app_enabled=True)  # no team's choice is asked
    Preference.objects.create(user=cast.vera, team=cast.acme, in_app_enabled=True)
    assert notify_user(cast.vera, "Step 1") is None
    preferences.choose(cast.vera, in_app_enabled=True)
    assert notify_user(cast.vera, "Step 2")
    preferences.choose(cast.vera, PERSONAL, in_app_enabled=False)
    assert notify_user(cast.vera, "Step 3") is None
    preferences.choose(cast.vera, in_app_enabled=False)
    preferences.choose(cast.vera, PERSONAL, in_app_enabled=True)
    assert notify_user(cast.vera, "Step 4")


def test_in_a_team_its_default_counts(cast: Cast) -> None:
    Preference.objects.create(team=cast.acme, **OFF)
    assert notify_user(cast.vera, "Ready", team=cast.acme) is None
    assert notify_user(cast.vera, "Ready")


def test_whom_only_email_reaches_has_a_row_that_the_inbox_does_not_show(cast: Cast) -> None:
    preferences.choose(cast.vera, PERSONAL, in_app_enabled=False)
    row = notify_user(cast.vera, "Careful", level="warning")
    assert row is not None
    assert (row.in_app, slugs_and_titles(cast.vera)) == (False, [])
    owed = Delivery.objects.get()
    assert (owed.user_notification, owed.user, owed.team, owed.revision) == (row, cast.vera, None, 1)


def test_whom_only_the_inbox_reaches_is_owed_no_mail(cast: Cast) -> None:
    row = notify_user(cast.vera, "Ready", level="info")  # by default mail begins with warnings
    assert row is not None
    assert (row.in_app, Delivery.objects.exists()) == (True, False)


@pytest.mark.parametrize("place", ["personal", "team"])
def test_who_is_inactive_or_gone_is_not_told(cast: Cast, place: str) -> None:
    team = cast.acme if place == "team" else None
    User.objects.filter(pk=cast.vera.pk).update(is_active=False)
    User.objects.filter(pk=cast.ed.pk).delete()
    for user in (cast.vera, cast.ed):
        assert notify_user(user, "Ready", team=team) is None
    assert nothing_is_written()


@pytest.mark.parametrize("person", ["grace", "oscar", "sue"])
def test_who_is_not_in_the_team_is_not_told(cast: Cast, person: str) -> None:
    assert notify_user(getattr(cast, person), "Ready", team=cast.acme) is None
    assert nothing_is_written()


# ---- deduplicate ----------------------------------------------------------------------------------------------------


def once(user: User, **changes: Any) -> UserNotification | None:
    return notify_user(user, "Ready", **{**ARTICLE, "deduplicate": True, **changes})


@pytest.mark.parametrize("place", ["personal", "team"])
def test_nothing_is_said_while_one_about_the_same_source_is_unread(cast: Cast, place: str) -> None:
    team = cast.acme if place == "team" else None
    assert once(cast.vera, team=team)
    assert once(cast.vera, team=team) is None
    assert once(cast.vera, team=team, level="error") is None
    assert inbox.unread_count(cast.vera) == 1
    inbox.mark_read(inbox.visible_to(cast.vera))
    assert once(cast.vera, team=team)
    assert inbox.visible_to(cast.vera).count() == 2


def test_one_that_was_written_without_deduplicate_counts_and_a_call_without_it_goes_through(cast: Cast) -> None:
    assert notify_user(cast.vera, "Ready", **ARTICLE)
    assert once(cast.vera) is None
    assert notify_user(cast.vera, "Ready", **ARTICLE)


def test_the_source_is_named_in_any_case_of_its_model(cast: Cast) -> None:
    assert once(cast.vera, source_model="Article")
    assert once(cast.vera, source_model="article") is None


@pytest.mark.parametrize(
    "changes", [{"source_id": "8"}, {"source_model": "site"}, {"source_app": "shop"}, {"team": "acme"}], ids=str
)
def test_another_source_or_place_is_something_else(cast: Cast, changes: dict[str, Any]) -> None:
    assert once(cast.vera)
    assert once(cast.vera, **{name: getattr(cast, value, value) for name, value in changes.items()})


def test_another_users_notice_and_a_teams_thread_about_the_source_do_not_count(cast: Cast) -> None:
    create_notification(team=cast.acme, slug="team-renamed", title="x", source=cast.acme)
    about_acme = {"source_app": "teams", "source_model": "team", "source_id": str(cast.acme.pk), "team": cast.acme}
    assert once(cast.alice, **about_acme)
    assert once(cast.vera, **about_acme)


def archive(row: UserNotification) -> None:
    inbox.archive(inbox.visible_to(row.user).filter(pk=row.pk))


def delete(row: UserNotification) -> None:
    inbox.delete(inbox.visible_to(row.user).filter(pk=row.pk))


def snooze(row: UserNotification) -> None:
    inbox.snooze(inbox.visible_to(row.user).filter(pk=row.pk), timezone.now() + HOUR)


@pytest.mark.parametrize(("act", "counts"), [(archive, False), (delete, False), (snooze, True)])
def test_what_was_put_away_counts_no_more_but_a_snoozed_one_does(
    cast: Cast, act: Callable[[UserNotification], None], counts: bool
) -> None:
    row = once(cast.vera)
    assert row is not None
    act(row)
    assert (once(cast.vera) is None) is counts


def test_what_expired_counts_no_more(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        assert once(cast.vera, expires_at=NOON + HOUR)
        assert once(cast.vera) is None
    with time_machine.travel(NOON + HOUR, tick=False):
        assert once(cast.vera)


def test_whom_only_email_reaches_is_told_again_after_a_day(cast: Cast) -> None:
    preferences.choose(cast.vera, in_app_enabled=False)
    for hours, expected in [(0, 1), (1, 1), (23, 1), (25, 2), (26, 2)]:
        with time_machine.travel(NOON + hours * HOUR, tick=False):
            once(cast.vera, level="error")
        assert Delivery.objects.count() == expected


# ---- bad input: an error that names the value, and nothing is written -----------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"user": None}, TypeError, "None"),
        ({"user": 7}, TypeError, "7"),
        ({"user": User(email="new@example.com")}, ValueError, "not saved yet"),
        ({"title": ""}, ValueError, "no readable character"),
        ({"title": None}, TypeError, "None"),
        ({"message": 7}, TypeError, "7"),
        ({"level": "fatal"}, ValueError, "'fatal'"),
        ({"level": 35}, ValueError, "35"),
        ({"url": "javascript:alert(1)"}, ValueError, "javascript:alert(1)"),
        ({"url": "//evil.example"}, ValueError, "//evil.example"),
        ({"url": "data:text/html,x"}, ValueError, "data:text/html,x"),
        ({"url": None}, TypeError, "None"),
        ({"source_app": 7}, TypeError, "source_app is text, not 7."),
        ({"source_app": None}, TypeError, "source_app is text, not None."),
        ({"source_id": "7"}, ValueError, "source_id '7' says nothing without a source_model."),
        ({"source_app": "content", "source_id": "7"}, ValueError, "source_id '7' says nothing without a source_model."),
        ({"source_model": "article"}, ValueError, "source_model 'article' says nothing without a source_app."),
        ({**ARTICLE, "source_id": "7" * 101}, ValueError, "source_id has at most 100 characters, this one 101"),
        ({**ARTICLE, "source_model": "m" * 101}, ValueError, "source_model has at most 100 characters"),
        ({"source_app": "a" * 101}, ValueError, "source_app has at most 100 characters"),
        ({**ARTICLE, "source_id": "7\x00"}, ValueError, "'7\\x00'"),
        ({**ARTICLE, "source_id": "\ud800"}, ValueError, "'\\ud800'"),
        ({"deduplicate": True}, ValueError, "source_app is ''"),
        ({"expires_at": datetime(2026, 1, 1)}, ValueError, "no time zone"),  # noqa: DTZ001
        ({"expires_at": "tomorrow"}, TypeError, "tomorrow"),
        ({"team": "acme"}, TypeError, "'acme'"),
        ({"team": Team(name="New")}, ValueError, "not saved yet"),
        ({"team": Team(pk=999, name="Gone")}, ValueError, "999"),
        ({"team": PERSONAL}, TypeError, "PERSONAL"),
    ],
)
def test_bad_input_raises_an_error_that_names_the_value_and_writes_nothing(
    cast: Cast, changes: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as raised:
        notify_user(**{"user": cast.vera, "title": "Ready", **changes})
    assert text in str(raised.value)
    assert nothing_is_written()


def test_texts_are_cleaned(cast: Cast) -> None:
    row = notify_user(cast.vera, "a\u202eb\nc" + "x" * 5_000, "one\r\ntwo")
    assert row is not None
    assert (row.notification.title, row.notification.message) == ("ab c" + "x" * 196, "one\ntwo")


# ---- transactions, the signal, the cost -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_row_and_the_signal_comes_after_the_commit(cast: Cast) -> None:
    received: list[dict[str, Any]] = []

    def receiver(**kwargs: Any) -> None:
        received.append(kwargs)

    notification_recorded.connect(receiver)
    try:
        with transaction.atomic():
            notify_user(cast.vera, "Ready")
            transaction.set_rollback(True)
        assert nothing_is_written()
        with transaction.atomic():
            row = notify_user(cast.vera, "Ready")
            assert received == []
        preferences.choose(cast.ed, **OFF)
        assert notify_user(cast.ed, "Ready") is None
    finally:
        notification_recorded.disconnect(receiver)
    [arguments] = received
    assert row is not None
    assert arguments["notification"] == row.notification
    assert [arguments[name] for name in ("created", "reopened", "notified", "unfinished")] == [True, False, 1, False]


def test_who_was_made_a_moment_ago_in_the_same_transaction_is_told(db: None) -> None:
    assert notify_user(User.objects.create_user("new@example.com"), "Welcome")


def queries(work: Callable[[], UserNotification | None]) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert work()
    return len(captured)


@pytest.mark.parametrize("place", ["personal", "team"])
def test_it_costs_the_same_few_queries_among_10_and_among_300(db: None, place: str) -> None:
    costs = []
    for size in (10, 300):  # members, and notices that the user has already
        team = crowd(size, name=f"crowd-{size}")
        user = team.members.first()
        here = team if place == "team" else None
        plain = queries(lambda user=user, here=here: notify_user(user, "Ready", level="error", team=here))  # type: ignore[misc]
        for _ in range(size):
            notify_user(user, "Ready", source_app="content", team=here)
        costs.append((plain, queries(lambda user=user, here=here: once(user, level="error", team=here))))  # type: ignore[misc]
    assert costs[0] == costs[1]
    assert max(costs[0]) <= LIMIT
