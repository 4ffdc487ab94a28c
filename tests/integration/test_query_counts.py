"""The same number of queries for a small team and a large one, for a short list and a long one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from team_notifications import inbox, preferences
from team_notifications.kind_preferences import choose_channels_of_kinds, kind_choices
from team_notifications.models import KindPreference, Notification, UserNotification
from team_notifications.notify import create_notification, resolve_notification
from teams.models import Team
from tests.cast import Cast
from tests.crowd import crowd
from tests.kinds import kind, registered

# Those of the savepoint around the call count as well; in a transaction of its own it costs them not.
LIMIT = 10


def queries(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def event(team: Team) -> Callable[[], Notification]:
    return lambda: create_notification(
        team=team,
        slug="server-down",
        title="Server down",
        level="error",
        permissions=["teams.change_team", "custom_actions.change_customaction"],
        source=team,
    )


@pytest.mark.parametrize("chunk", [100_000, 5_000], ids=["in one go", "in chunks"])
def test_an_event_costs_the_same_queries_for_10_members_and_for_10000(db: None, settings: Any, chunk: int) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FANOUT_CHUNK": chunk}
    costs = []
    for size in (10, 10_000):
        team = crowd(size, name=f"crowd-{size}")
        first = queries(event(team))
        repeat_unread = queries(event(team))
        UserNotification.objects.update(is_read=True)
        repeat_read = queries(event(team))
        resolve = queries(lambda team=team: resolve_notification(team=team, slug="server-down"))  # type: ignore[misc]
        assert Notification.objects.get(team=team).user_notifications.count() == min(size, chunk)
        costs.append((first, repeat_unread, repeat_read, resolve))
    assert costs[0] == costs[1]
    assert max(costs[0]) <= LIMIT


@pytest.mark.parametrize("changes", [{"once": True}, {"recipients": "all"}, {"level": "info"}], ids=str)
def test_an_event_of_any_kind_stays_under_the_limit(db: None, changes: dict[str, Any]) -> None:
    costs = []
    for size in (10, 1_000):
        team = crowd(size, name=f"crowd-{size}")
        said = {name: team.members.all() if value == "all" else value for name, value in changes.items()}
        costs.append(
            queries(lambda team=team, said=said: create_notification(team=team, slug="a-b", title="x", **said))
        )  # type: ignore[misc]
    assert costs[0] == costs[1] <= LIMIT


def test_who_chose_channels_for_the_kind_costs_no_query_however_many_they_are(db: None) -> None:
    costs = []
    for size in (10, 1_000):
        team = crowd(size, name=f"crowd-{size}")
        before = queries(event(team))
        KindPreference.objects.bulk_create(
            KindPreference(user=user, team=scope, slug="server-down", channels=["email"])
            for user in team.members.all()
            for scope in (team, None)
        )
        UserNotification.objects.update(is_read=True)
        costs.append((before, queries(event(team))))
        Notification.objects.all().delete()
        costs[-1] += (queries(event(team)),)
        assert not UserNotification.objects.filter(in_app=True).exists()
        KindPreference.objects.all().delete()
    assert costs[0] == costs[1]
    first, _repeat, first_with_choices = costs[0]
    assert first == first_with_choices <= LIMIT


def test_where_nobody_chose_for_the_kind_no_choice_is_looked_up(cast: Cast) -> None:
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            event(cast.acme)()
        return [query["sql"] for query in captured if KindPreference._meta.db_table in query["sql"]]

    elsewhere = [(cast.bob, cast.globex, "server-down"), (cast.vera, cast.acme, "server-up"), (cast.vera, None, "up")]
    for user, team, slug in elsewhere:
        KindPreference.objects.create(user=user, team=team, slug=slug, channels=[])
    [asked] = statements()
    assert "EXISTS" in asked
    KindPreference.objects.create(user=cast.vera, slug="server-down", channels=[])
    assert len(statements()) > 1


def test_reading_and_snoozing_cost_the_same_queries_for_10_threads_and_for_1000(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    def read() -> None:
        inbox.page(inbox.visible_to(cast.bob))
        inbox.unread_count(cast.bob)

    def snooze() -> None:
        with django_capture_on_commit_callbacks(execute=True):  # what is held is looked at again
            inbox.snooze(inbox.readable_by(cast.bob), timezone.now() + timedelta(hours=1))

    costs = []
    for upto in (10, 1_000):
        threads = Notification.objects.bulk_create(
            Notification(team=team, identifier=f"{upto}-{team.pk}-{number}", slug="a-b", title="x")
            for team in (cast.acme, cast.globex)
            for number in range(upto // 2)
        )
        UserNotification.objects.bulk_create(
            UserNotification(notification=thread, user=cast.bob, team=thread.team) for thread in threads
        )
        costs.append((queries(read), queries(snooze)))
    assert costs[0] == costs[1]


def test_the_preferences_cost_the_same_queries_for_1_team_and_for_20(cast: Cast) -> None:
    before = queries(lambda: preferences.scopes(cast.vera))
    for number in range(20):
        Team.objects.create(name=f"Team {number}", slug=f"team-{number}").memberships.create(user=cast.vera)
    assert len(preferences.scopes(cast.vera)) == 23
    assert queries(lambda: preferences.scopes(cast.vera)) == before


def test_the_choices_for_kinds_cost_one_query_and_writing_them_the_same_for_1_kind_and_for_30(cast: Cast) -> None:
    slugs = [f"kind-{number}" for number in range(30)]
    with registered(*(kind(slug=slug) for slug in slugs)):
        costs = []
        for some in (slugs[:1], slugs):
            none = dict.fromkeys(some, ())
            write = queries(lambda none=none: choose_channels_of_kinds(cast.vera, none, cast.acme))  # type: ignore[misc]
            costs.append((write, queries(lambda: kind_choices(cast.vera, cast.acme))))
        assert costs[0] == costs[1]
        assert costs[0][1] == 1


def test_a_repeat_that_notifies_nobody_writes_no_member_row(db: None) -> None:
    team = crowd(50)
    event(team)()
    rows = list(UserNotification.objects.order_by("pk").values())
    event(team)()
    assert list(UserNotification.objects.order_by("pk").values()) == rows
    new = UserNotification.objects.create(
        notification=event(team)(), user=crowd(1, name="late").members.get(), team=team
    )
    assert new.pk == rows[-1]["id"] + 1  # no key was used up either
