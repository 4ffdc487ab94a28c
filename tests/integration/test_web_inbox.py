"""What the inbox page shows, and to whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import inbox
from team_notifications.models import UserNotification
from team_notifications.notify import resolve_notification
from tests.cast import Cast
from tests.web import BELL, HTMX, INBOX, PREFERENCES, READ, UNREAD, row_of, shown, tell, text

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


# ---- who sees what --------------------------------------------------------------------------------------------------


def test_a_member_sees_the_threads_of_all_their_teams_with_the_team_named(client: Client, cast: Cast) -> None:
    threads = [tell(cast.acme, "one"), tell(cast.globex, "two")]
    client.force_login(cast.bob)
    response = client.get(INBOX)
    assert shown(response) == [row_of(cast.bob, thread).pk for thread in reversed(threads)]
    assert "two Info Globex just now" in text(response)
    assert "one Info Acme just now" in text(response)


def test_a_member_without_the_permission_sees_nothing_of_it(client: Client, cast: Cast) -> None:
    tell(cast.acme, "secret", permissions=["teams.change_team"])
    client.force_login(cast.vera)
    assertNotContains(client.get(INBOX), "secret")


@pytest.mark.parametrize("person", ["oscar", "sue", "grace"])
def test_an_outsider_sees_nothing(client: Client, cast: Cast, person: str) -> None:
    tell(cast.acme)
    client.force_login(getattr(cast, person))
    response = client.get(INBOX)
    assert shown(response) == []
    assertContains(response, "Nothing here")
    assertContains(response, "Notifications, none unread")


def test_a_former_member_sees_nothing(client: Client, cast: Cast) -> None:
    tell(cast.acme)
    cast.acme.memberships.filter(user=cast.vera).delete()
    client.force_login(cast.vera)
    assert shown(client.get(INBOX)) == []
    assertContains(client.get(BELL, headers=HTMX), "Nothing here")


@pytest.mark.parametrize("address", [INBOX, BELL, PREFERENCES])
def test_nobody_is_sent_to_sign_in(client: Client, db: None, address: str) -> None:
    assertRedirects(client.get(address), f"/sign-in/?next={address}", fetch_redirect_response=False)


@pytest.mark.parametrize("address", [READ, UNREAD])
def test_nobody_marks_nothing(client: Client, cast: Cast, address: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    response = client.post(address, {"thread": f"{row.pk}:1"})
    assertRedirects(response, f"/sign-in/?next={address}", fetch_redirect_response=False)
    row.refresh_from_db()
    assert not row.is_read


def test_when_htmx_meets_an_ended_sign_in_the_whole_page_goes_to_sign_in(client: Client, db: None) -> None:
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{INBOX}?after=1-2"}
    response = client.get(BELL, headers=headers)
    assert response["HX-Redirect"] == f"/sign-in/?next={INBOX}%3Fafter%3D1-2"


# ---- a thread -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["info", "success", "warning", "error"])
def test_the_level_is_a_word_and_an_icon_besides_the_colour(client: Client, cast: Cast, level: str) -> None:
    tell(cast.acme, level=level)
    client.force_login(cast.vera)
    response = client.get(INBOX)
    assertContains(response, f'<span class="level">{level.capitalize()}</span>', html=True)
    assertContains(response, f'class="thread is-{level} is-unread"')


def test_each_level_has_its_own_icon(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    icons = set()
    for level in ("info", "success", "warning", "error"):
        tell(cast.acme, level, level=level)
        icons.add(client.get(INBOX).content.decode().split('<span class="thread-icon">')[1].split("</span>")[0])
    assert len(icons) == 4


def test_times_are_relative_with_the_exact_one_in_the_zone_of_the_person(client: Client, cast: Cast) -> None:
    cast.vera.time_zone = "Asia/Tokyo"
    cast.vera.save()
    client.force_login(cast.vera)
    with time_machine.travel(NOON, tick=False):
        tell(cast.acme)
    with time_machine.travel(NOON + timedelta(hours=3, minutes=20), tick=False):
        response = client.get(INBOX)
    exact = "March 2, 2026, 9 p.m. JST"
    read_out = f'<span class="visually-hidden">, {exact}</span>'
    shown = f'<time datetime="2026-03-02T21:00:00+09:00" title="{exact}">3\xa0hours ago{read_out}</time>'
    assertContains(response, shown, html=True)


def test_it_says_how_often_it_happened_and_when_it_was_resolved(client: Client, cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        tell(cast.acme)
        tell(cast.acme)
    with time_machine.travel(NOON + timedelta(minutes=5), tick=False):
        resolve_notification(team=cast.acme, slug="server-down")
    client.force_login(cast.vera)
    with time_machine.travel(NOON + timedelta(minutes=7), tick=False):
        response = client.get(INBOX)
    resolved, last = "March 2, 2026, 12:05 p.m. UTC", "March 2, 2026, noon UTC"
    assert f"2 times Resolved 2 minutes ago , {resolved} 7 minutes ago , {last}" in text(response)
    assertContains(response, "is-resolved")


def test_links_are_chips_in_their_order(client: Client, cast: Cast) -> None:
    tell(cast.acme, links={"Second letter": "/b", "A first": "https://a.example/?x=1&y=2"})
    client.force_login(cast.vera)
    content = client.get(INBOX).content.decode()
    assert content.index('href="/b"') < content.index('href="https://a.example/?x=1&amp;y=2"')


def test_markup_is_shown_and_not_run(client: Client, cast: Cast) -> None:
    bad = "<script>alert(1)</script>"
    tell(cast.acme, title=bad, message=bad, links={bad: "/"})
    client.force_login(cast.vera)
    for response in (client.get(INBOX), client.get(BELL, headers=HTMX)):
        assertNotContains(response, bad)
        assertContains(response, "&lt;script&gt;alert(1)&lt;/script&gt;")


def test_a_long_message_begins_with_its_first_lines_and_can_be_opened(client: Client, cast: Cast) -> None:
    tell(cast.acme, message="\n".join(f"line {number}" for number in range(10)))
    client.force_login(cast.vera)
    response = client.get(INBOX)
    assertContains(response, "<p dir='auto'>line 0\nline 1\nline 2 …</p>", html=True)
    assertContains(response, "line 9", count=1)


# ---- pages ----------------------------------------------------------------------------------------------------------


def test_older_leads_through_all_threads_once(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "PAGE_SIZE": 2}
    rows = [row_of(cast.vera, tell(cast.acme, f"thread-{number}")).pk for number in range(5)]
    client.force_login(cast.vera)
    response, seen = client.get(INBOX), []
    while cursor := response.context["page"].next:
        seen += shown(response)
        assertContains(response, f'href="?after={cursor}"')
        response = client.get(INBOX, {"after": cursor})
    assert seen + shown(response) == rows[::-1]
    assertNotContains(response, "Older")
    assertContains(response, "Newest")


@pytest.mark.parametrize("cursor", ["nonsense", "1-", "9" * 50, "<script>"])
def test_a_nonsense_cursor_shows_the_newest_and_says_so(client: Client, cast: Cast, cursor: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    response = client.get(INBOX, {"after": cursor})
    assert shown(response) == [row.pk]
    assertContains(response, "This address names a page that does not exist.")


def test_behind_the_last_thread_there_is_nothing_older(client: Client, cast: Cast) -> None:
    tell(cast.acme)
    client.force_login(cast.vera)
    assertContains(client.get(INBOX, {"after": "0-1"}), "There are no older threads.")


# ---- GET ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [INBOX, BELL, PREFERENCES])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_get_changes_nothing(client: Client, cast: Cast, address: str, headers: dict[str, str]) -> None:
    tell(cast.acme)
    client.force_login(cast.vera)
    before = list(UserNotification.objects.order_by("pk").values())
    client.get(address, headers=headers)
    assert list(UserNotification.objects.order_by("pk").values()) == before
    assert inbox.unread_count(cast.vera) == 1


@pytest.mark.parametrize("address", [READ, UNREAD])
def test_marking_by_get_is_refused(client: Client, cast: Cast, address: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    assert client.get(address, {"thread": f"{row.pk}:1"}).status_code == 405
    assert inbox.unread_count(cast.vera) == 1


@pytest.mark.parametrize("address", [INBOX, BELL])
def test_pages_of_a_person_are_kept_by_no_cache(client: Client, cast: Cast, address: str) -> None:
    client.force_login(cast.vera)
    assert "no-store" in client.get(address, headers=HTMX)["Cache-Control"]
