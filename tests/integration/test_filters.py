"""Filters narrow what a person may see, and say what they did not understand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from team_notifications import filters, inbox
from team_notifications.filters import InboxFilter
from team_notifications.models import Notification
from team_notifications.notify import notify_user
from teams.models import Team
from tests.cast import Cast, join
from tests.kinds import kind, registered
from tests.web import row_of, tell
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def narrowed(user: User, query: str) -> InboxFilter:
    readable = inbox.readable_by(user)
    return InboxFilter(QueryDict(query), readable, teams=filters.teams_with_unread(user, readable))


def slugs(user: User, query: str) -> set[str]:
    found = narrowed(user, query)
    assert found.ignored == []
    return set(found.qs.values_list("notification__slug", flat=True))


def ignored(user: User, query: str) -> list[tuple[str, str]]:
    found = narrowed(user, query)
    assert set(found.qs) == set(inbox.visible_to(user)), "what means nothing hides nothing"
    return [(one.name, one.value) for one in found.ignored]


# ---- each -----------------------------------------------------------------------------------------------------------


def test_without_parameters_it_is_the_inbox(cast: Cast) -> None:
    for slug in ("shown", "archived", "snoozed"):
        tell(cast.acme, slug)
    inbox.archive(inbox.visible_to(cast.vera).filter(notification__slug="archived"))
    inbox.snooze(inbox.visible_to(cast.vera).filter(notification__slug="snoozed"), inbox.FOREVER)
    assert slugs(cast.vera, "") == slugs(cast.vera, "state=inbox") == slugs(cast.vera, "state=&q=&level=") == {"shown"}


def test_by_state(cast: Cast) -> None:
    for slug in ("unread", "read", "snoozed", "archived"):
        tell(cast.acme, slug)
    rows = inbox.readable_by(cast.vera)
    inbox.mark_read(rows.filter(notification__slug="read"))
    inbox.snooze(rows.filter(notification__slug="snoozed"), timezone.now() + timedelta(hours=1))
    inbox.archive(rows.filter(notification__slug="archived"))
    for state in ("unread", "read", "snoozed", "archived"):
        assert slugs(cast.vera, f"state={state}") == {state}


def test_what_was_snoozed_and_then_archived_is_archived(cast: Cast) -> None:
    tell(cast.acme)
    inbox.snooze(inbox.visible_to(cast.vera), inbox.FOREVER)
    inbox.archive(inbox.readable_by(cast.vera))
    assert (slugs(cast.vera, "state=snoozed"), slugs(cast.vera, "state=archived")) == (set(), {"server-down"})


def test_by_team_and_personal(cast: Cast) -> None:
    tell(cast.acme, "acme")
    tell(cast.globex, "globex")
    notify_user(cast.bob, "Your export is ready")
    own = Notification.objects.get(team=None).slug
    assert slugs(cast.bob, f"team={cast.acme.pk}") == {"acme"}
    assert slugs(cast.bob, "team=personal") == {own}
    assert slugs(cast.bob, "") == {"acme", "globex", own}


def test_by_several_levels(cast: Cast) -> None:
    for level in filters.LEVELS:
        tell(cast.acme, level, level=level)
    assert slugs(cast.vera, "level=error") == {"error"}
    assert slugs(cast.vera, "level=error&level=success&level=error") == {"error", "success"}


def test_by_several_kinds_with_and_without_a_registration(cast: Cast) -> None:
    for slug in ("ours", "theirs", "nobodys"):
        tell(cast.acme, slug)
    with registered(kind(slug="ours", params={}), kind(slug="theirs", params={})):
        assert slugs(cast.vera, "kind=ours&kind=nobodys") == {"ours", "nobodys"}
        assert slugs(cast.vera, "kind=never-told") == set()


def test_by_category_which_is_named_alike_in_every_language(cast: Cast) -> None:
    tell(cast.acme, "on-monday")
    tell(cast.acme, "other")
    with registered(kind(slug="on-monday", category=gettext_lazy("Monday"), params={})), translation.override("de"):
        [label] = [label for key, (label, _kinds) in filters.categories().items() if key == "monday"]
        assert label == "Montag"
        assert slugs(cast.vera, "category=monday") == {"on-monday"}


def test_by_source(cast: Cast) -> None:
    tell(cast.acme, "of-acme", source=cast.acme)
    tell(cast.acme, "of-globex", source=cast.globex)
    tell(cast.acme, "of-vera", source=cast.vera)
    tell(cast.acme, "of-nothing")
    assert slugs(cast.vera, "source=teams.team") == {"of-acme", "of-globex"}
    assert slugs(cast.vera, f"source=teams.team:{cast.acme.pk}") == {"of-acme"}
    assert slugs(cast.vera, "source=teams.team:0") == set()


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("UTC", {"at midnight", "in the evening"}), ("Asia/Tokyo", {"the evening before", "at midnight"})],
)
def test_days_are_those_of_the_person_and_both_ends_count(cast: Cast, zone: str, shown: set[str]) -> None:
    times = {
        "the evening before": datetime(2026, 2, 28, 15, tzinfo=UTC),  # midnight in Tokyo
        "at midnight": datetime(2026, 3, 1, tzinfo=UTC),
        "in the evening": datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC),
        "the next day": datetime(2026, 3, 2, tzinfo=UTC),
    }
    for name, at in times.items():
        with time_machine.travel(at, tick=False):
            tell(cast.acme, name.replace(" ", "-"))
    with time_machine.travel(NOON, tick=False), timezone.override(zone):
        found = slugs(cast.vera, "since=2026-03-01&until=2026-03-01")
    assert {slug.replace("-", " ") for slug in found} == shown


def test_every_word_is_looked_for_in_title_and_message_in_any_case(cast: Cast) -> None:
    tell(cast.acme, "one", title="Checkout is down", message="It answered 503")
    tell(cast.acme, "two", title="Checkout is up")
    assert slugs(cast.vera, "q=CHECKOUT+503") == {"one"}
    assert slugs(cast.vera, "q=++checkout++is++") == {"one", "two"}
    assert slugs(cast.vera, "q=checkout+portal") == set()


@pytest.mark.parametrize("sign", ["%", "_", "\\", "'", '"', "<", "100%"])
def test_signs_in_a_search_are_just_signs(cast: Cast, sign: str) -> None:
    tell(cast.acme, "with", title=f"a {sign} b")
    tell(cast.acme, "without", title="a b 100")
    found = QueryDict(mutable=True)
    found["q"] = sign
    assert slugs(cast.vera, found.urlencode()) == {"with"}


def test_all_of_them_combine(cast: Cast) -> None:
    tell(cast.acme, "right", level="error", title="Checkout", source=cast.acme)
    tell(cast.acme, "wrong-level", title="Checkout", source=cast.acme)
    tell(cast.globex, "wrong-team", level="error", title="Checkout", source=cast.acme)
    tell(cast.acme, "wrong-words", level="error", source=cast.acme)
    today = timezone.localdate().isoformat()
    with registered(kind(slug="right", category="Right", params={}), kind(slug="left", category="Left", params={})):
        query = (
            f"q=checkout&state=unread&team={cast.acme.pk}&level=error&level=warning&kind=right&kind=left"
            f"&category=right&source=teams.team&since={today}&until={today}"
        )
        assert slugs(cast.bob, query) == {"right"}
        found = narrowed(cast.bob, query)
    assert set(found.understood) == set(found.base_filters)


# ---- nonsense -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("team", value) for value in ("0", "x", "1' OR 1=1", "Personal", "٣", "9" * 40, "None", "null")),
        *(("level", value) for value in ("20", "ERROR", "fatal", "<b>")),
        *(("kind", value) for value in ("Not a slug", "a--b", "-", "x" * 101, "ä")),
        *(("category", value) for value in ("nope", "<script>")),
        *(("state", value) for value in ("gone", "Inbox", "null")),
        *(("source", value) for value in ("teams", "teams.", ".team", "Teams.Team", "teams.team:", "a.b:\x00")),
        *((day, value) for day in ("since", "until") for value in ("today", "2026-02-30", "1.3.2026", "0001-01-01")),
        *((day, value) for day in ("since", "until") for value in ("9999-12-31", "2026-03-01T00:00", "-1", "\x00")),
        *(("q", value) for value in ("\x00", "w" * 201)),
    ],
)
def test_nonsense_is_ignored_and_named(cast: Cast, name: str, value: str) -> None:
    tell(cast.acme)
    query = QueryDict(mutable=True)
    query[name] = value
    assert ignored(cast.vera, query.urlencode()) == [(name, value)]


def test_what_is_right_beside_nonsense_holds(cast: Cast) -> None:
    for level in ("error", "info"):
        tell(cast.acme, level, level=level)
    found = narrowed(cast.vera, "level=error&level=fatal&team=0&since=never")
    assert {row.notification.slug for row in found.qs} == {"error"}
    assert dict(found.understood.lists()) == {"level": ["error"]}
    assert len(found.ignored) == 3


def test_of_several_values_for_one_the_last_that_means_something_holds(cast: Cast) -> None:
    found = narrowed(cast.vera, "state=read&state=archived&state=gone")
    assert found.understood.getlist("state") == ["archived"]


def test_other_names_are_left_alone(cast: Cast) -> None:
    tell(cast.acme)
    assert ignored(cast.vera, "after=1-2&utm_source=mail&page=3&csrfmiddlewaretoken=x") == []


@pytest.mark.parametrize("person", ["vera", "oscar", "sue"])
def test_the_team_of_others_reads_like_none(cast: Cast, person: str) -> None:
    tell(cast.globex)
    user = getattr(cast, person)
    assert ignored(user, f"team={cast.globex.pk}") == [("team", str(cast.globex.pk))]
    names = {str(label) for _key, label in narrowed(user, "").form.fields["team"].choices}
    assert "Globex" not in names


def test_a_former_member_cannot_name_the_team_any_more(cast: Cast) -> None:
    tell(cast.acme)
    cast.acme.memberships.filter(user=cast.vera).delete()
    assert ignored(cast.vera, f"team={cast.acme.pk}") == [("team", str(cast.acme.pk))]


# ---- counts ---------------------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_lists(cast: Cast, settings: Any) -> None:
    for team in (cast.acme, cast.globex):
        for number in range(5):
            tell(team, f"thread-{number}")
    notify_user(cast.bob, "Your export is ready")
    rows = inbox.readable_by(cast.bob)
    inbox.mark_read(rows.filter(notification__slug="thread-0"))
    inbox.archive(rows.filter(notification__slug="thread-1"))
    inbox.snooze(rows.filter(notification__slug="thread-2", team=cast.acme), inbox.FOREVER)
    found = filters.counts(cast.bob, inbox.readable_by(cast.bob))
    assert found == filters.Counts(unread=6, personal=1, snoozed=1, archived=2)
    of_teams = {str(team): team.tn_unread for team in filters.teams_with_unread(cast.bob, inbox.readable_by(cast.bob))}
    assert of_teams == {"Acme": 2, "Globex": 3}
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "UNREAD_CAP": 1}
    capped = filters.counts(cast.bob, inbox.readable_by(cast.bob))
    assert capped == filters.Counts(unread=2, personal=1, snoozed=1, archived=2)


def test_an_outsider_has_nothing_to_count(cast: Cast) -> None:
    tell(cast.acme)
    for user in (cast.oscar, cast.sue):
        readable = inbox.readable_by(user)
        assert filters.counts(user, readable) == filters.Counts(unread=0, personal=0, snoozed=0, archived=0)
        assert filters.teams_with_unread(user, readable) == []


@pytest.mark.parametrize("teams", [1, 20])
def test_counts_are_two_statements_for_any_number_of_teams(cast: Cast, teams: int) -> None:
    for number in range(teams - 1):
        join(cast.vera, Team.objects.create(name=f"Team {number}", slug=f"team-{number}"), "Viewer")
    thread = tell(cast.acme)
    assert row_of(cast.vera, thread)
    readable = inbox.readable_by(cast.vera)
    with CaptureQueriesContext(connection) as captured:
        filters.counts(cast.vera, readable)
        assert len(filters.teams_with_unread(cast.vera, readable)) == teams
    assert len(captured) == 2
    assert sum(query["sql"].count("LIMIT 100") for query in captured.captured_queries) == 5
