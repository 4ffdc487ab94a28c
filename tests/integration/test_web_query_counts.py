"""A page costs the same queries for few threads, members and teams as for many."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from team_notifications.kind_preferences import choose_channels_of_kinds
from team_notifications.models import Notification, UserNotification
from teams.models import Team
from tests.cast import Cast, join
from tests.kinds import kind, registered
from tests.web import ARCHIVE, BELL, DELETE, HTMX, INBOX, MUTE, PREFERENCES, READ, SNOOZE, UNDO, token_of
from users.models import User

ALL_FILTERS = (
    f"{INBOX}?q=x&state=unread&team=personal&level=info&level=error&category=sync&kind=a-b&kind=sync-failed"
    "&source=teams.team:1&since=2020-01-01&until=2029-01-01&nonsense=x"
)
LIMIT = 13  # the session, the person, their teams for the header; the rest is ours


def add_threads(cast: Cast, size: int) -> list[UserNotification]:
    threads = Notification.objects.bulk_create(
        Notification(team=team, identifier=f"{size}-{number}", slug="a-b", title="x")
        for team in (cast.acme, cast.globex)
        for number in range(size // 2)
    )
    return UserNotification.objects.bulk_create(
        UserNotification(notification=thread, user=cast.bob, team=thread.team) for thread in threads
    )


def queries(client: Client, address: str, **posted: object) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = client.post(address, posted, headers=HTMX) if posted else client.get(address, headers=HTMX)
    assert response.status_code == 200
    return len(captured)


@pytest.mark.parametrize("address", [INBOX, BELL, f"{INBOX}?kind=a-b&q=x&level=info&state=unread", ALL_FILTERS])
def test_10_threads_cost_as_many_as_1000(client: Client, cast: Cast, address: str) -> None:
    client.force_login(cast.bob)
    add_threads(cast, 10)
    few = queries(client, address)
    add_threads(cast, 1_000)
    assert queries(client, address) == few <= LIMIT


def test_marking_2_threads_costs_as_many_as_marking_50(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    rows = [f"{row.pk}:1" for row in add_threads(cast, 52)]
    assert queries(client, READ, thread=rows[:2]) == queries(client, READ, thread=rows[2:])


@pytest.mark.parametrize(
    ("address", "more"), [(ARCHIVE, {}), (DELETE, {}), (SNOOZE, {"for": "later"}), (MUTE, {"for": "ever"})]
)
def test_acting_on_2_threads_costs_as_many_as_on_50(
    client: Client, cast: Cast, address: str, more: dict[str, str]
) -> None:
    client.force_login(cast.bob)
    rows = [f"{row.pk}:1" for row in add_threads(cast, 52)]
    assert queries(client, address, thread=rows[:2], **more) == queries(client, address, thread=rows[2:], **more)


def test_undoing_50_threads_costs_as_many_as_2(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    rows = [f"{row.pk}:1" for row in add_threads(cast, 52)]
    few, many = (token_of(client.post(DELETE, {"thread": named}, headers=HTMX)) for named in (rows[:2], rows[2:]))
    assert queries(client, UNDO, token=few) == queries(client, UNDO, token=many)


def test_1_team_costs_as_many_as_20(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    pages = (INBOX, ALL_FILTERS, PREFERENCES, "/")
    few = [queries(client, address) for address in pages]
    for number in range(19):
        join(cast.vera, Team.objects.create(name=f"Team {number}", slug=f"team-{number}"), "Viewer")
    assert [queries(client, address) for address in pages] == few


def test_choosing_by_kind_costs_one_query_for_2_kinds_and_for_30_whatever_is_chosen(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    pages = [PREFERENCES, f"{PREFERENCES}{cast.acme.pk}/"]
    few = [queries(client, page) for page in pages]
    assert few == [queries(client, f"{PREFERENCES}personal/") + 1] * 2  # where there is nothing to choose by kind
    slugs = [f"kind-{number}" for number in range(30)]
    with registered(*(kind(slug=slug) for slug in slugs)):
        assert [queries(client, page) for page in pages] == few
        for team in (None, cast.acme):
            choose_channels_of_kinds(cast.vera, dict.fromkeys(slugs, ("email",)), team)
        assert [queries(client, page) for page in pages] == few


def test_4_members_cost_as_many_as_60(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    few = queries(client, "/teams/acme/")
    for number in range(56):
        join(User.objects.create_user(f"member-{number}@example.com"), cast.acme, "Editor")
    assert queries(client, "/teams/acme/") == few
