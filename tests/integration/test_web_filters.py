"""The filters of the inbox page: in the address, in what is shown, and as the person left them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import inbox
from team_notifications.notify import notify_user
from team_notifications.web.filtering import COOKIE
from tests.cast import Cast
from tests.web import BELL, HTMX, INBOX, READ, row_of, shown, tell, text

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_filters_in_the_address_combine(client: Client, cast: Cast) -> None:
    row = row_of(cast.bob, tell(cast.acme, "right", level="error", title="Checkout is down"))
    tell(cast.acme, "wrong-level", title="Checkout is up")
    tell(cast.globex, "wrong-team", level="error", title="Checkout is down")
    client.force_login(cast.bob)
    assert shown(client.get(INBOX, {"team": cast.acme.pk, "level": ["error", "warning"], "q": "checkout"})) == [row.pk]


def test_paging_keeps_the_filters(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "PAGE_SIZE": 2}
    rows = [row_of(cast.vera, tell(cast.acme, f"thread-{number}", level="error")).pk for number in range(3)]
    tell(cast.acme, "other")
    client.force_login(cast.vera)
    response = client.get(INBOX, {"level": "error", "q": "thread"})
    assert shown(response) == [rows[2], rows[1]]
    older = parse_qs(urlsplit(response.context["older"]).query)
    assert set(older) == {"level", "q", "after"}
    response = client.get(INBOX + response.context["older"])
    assert shown(response) == [rows[0]]
    assertContains(response, 'href="?q=thread&amp;level=error">Newest')


def test_each_filter_can_be_cleared_by_itself_and_all_together(client: Client, cast: Cast) -> None:
    tell(cast.acme, level="error")
    client.force_login(cast.vera)
    response = client.get(INBOX, {"level": ["error", "info"], "team": cast.acme.pk, "q": "down", "state": "unread"})
    assert [(link.label, link.address) for link in response.context["active"]] == [
        ("Search: down", f"?state=unread&team={cast.acme.pk}&level=error&level=info"),
        ("Team: Acme", "?q=down&state=unread&level=error&level=info"),
        ("Level: Error", f"?q=down&state=unread&team={cast.acme.pk}&level=info"),
        ("Level: Info", f"?q=down&state=unread&team={cast.acme.pk}&level=error"),
    ]
    assertContains(response, 'href="?state=inbox">Clear all')
    assertContains(response, "4 active")


def test_states_and_teams_say_how_many_there_are(client: Client, cast: Cast) -> None:
    for slug in ("one", "two", "three"):
        tell(cast.acme, slug)
    tell(cast.globex, "four")
    notify_user(cast.bob, "Your export is ready")
    inbox.archive(inbox.visible_to(cast.bob).filter(notification__slug="one"))
    inbox.snooze(inbox.visible_to(cast.bob).filter(notification__slug="two"), inbox.FOREVER)
    client.force_login(cast.bob)
    said = text(client.get(INBOX))
    assert "Inbox Unread 3 Read Snoozed 1 Archived 1" in said
    assert "All Personal 1 Acme 1 Globex 1" in said


def test_counts_stop_at_the_cap(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "UNREAD_CAP": 2}
    for slug in ("one", "two", "three"):
        tell(cast.acme, slug)
    client.force_login(cast.vera)
    assert "Unread 2+ Read" in text(client.get(INBOX))


@pytest.mark.parametrize("name", ["team", "level", "kind", "category", "state", "source", "since", "until", "q"])
def test_nonsense_is_ignored_and_said_and_not_run(client: Client, cast: Cast, name: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    bad = "<script>\x00" if name == "q" else "<script>alert(1)</script>"
    response = client.get(INBOX, {name: bad})
    assert shown(response) == [row.pk]
    assertContains(response, f"asks for “{name}” to be “&lt;script&gt;")
    assertNotContains(response, "<script>alert")


def test_nonsense_in_every_filter_at_once(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    names = ["team", "level", "kind", "category", "state", "source", "since", "until"]
    response = client.get(INBOX, dict.fromkeys(names, "N O N" * 100) | {"after": "nonsense", "other": "x"})
    assert shown(response) == [row.pk]
    assertContains(response, "which means nothing here", count=len(names))
    assertContains(response, "This address names a page that does not exist.")


def test_the_team_of_others_reads_like_one_that_does_not_exist(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    foreign, unknown = (text(client.get(INBOX, {"team": pk})) for pk in (cast.globex.pk, 99_999))
    assert foreign.replace(str(cast.globex.pk), "") == unknown.replace("99999", "")
    assert "Globex" not in foreign


# ---- why there is nothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("state=inbox", "Nothing here"),
        ("state=unread", "All read"),
        ("state=read", "Nothing read"),
        ("state=snoozed", "Nothing snoozed"),
        ("state=archived", "Nothing archived"),
        ("q=unicorn", "Nothing matches"),
        ("team=personal", "What is addressed to you alone"),
        ("team=personal&level=error", "Nothing matches"),
        ("after=0-1", "There are no older threads."),
        ("level=nonsense", "Nothing here"),
    ],
)
def test_an_empty_list_says_why(client: Client, cast: Cast, query: str, why: str) -> None:
    client.force_login(cast.vera)
    assertContains(client.get(f"{INBOX}?{query}"), why)


# ---- days -----------------------------------------------------------------------------------------------------------


def days(response: HttpResponse) -> list[str]:
    """The headings of the days and the titles under them, in their order."""
    found = re.findall(
        r'class="day-name"[^>]*>([^<]+)|-title">(?:<span.*?</span>)?<a[^>]*><bdi>([^<]+)', response.content.decode()
    )
    return [heading or title for heading, title in found]


def test_threads_stand_under_the_days_of_the_person(client: Client, cast: Cast) -> None:
    cast.vera.time_zone = "Asia/Tokyo"
    cast.vera.save()
    for slug, ago in {"d": 300 * 24, "c": 50, "b": 22, "a": 20, "now": 0}.items():
        with time_machine.travel(NOON - timedelta(hours=ago), tick=False):
            tell(cast.acme, slug)
    with time_machine.travel(NOON, tick=False):
        client.force_login(cast.vera)
        found = days(client.get(INBOX))
    assert found == [
        *("Today", "now", "a"),  # 1 in the morning of Tokyo
        *("Yesterday", "b"),
        *("Saturday, February 28", "c"),
        *("Tuesday, May 6, 2025", "d"),
    ]


def test_today_ends_at_midnight_of_the_person(client: Client, cast: Cast) -> None:
    cast.vera.time_zone = "Asia/Tokyo"
    cast.vera.save()
    with time_machine.travel(datetime(2026, 3, 2, 14, 59, tzinfo=UTC), tick=False) as clock:
        tell(cast.acme, "late")
        client.force_login(cast.vera)
        assert days(client.get(INBOX)) == ["Today", "late"]
        clock.shift(timedelta(minutes=1))
        assert days(client.get(INBOX)) == ["Yesterday", "late"]


# ---- as the person left it ------------------------------------------------------------------------------------------


def test_without_having_filtered_the_plain_address_is_the_inbox(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    response = client.get(INBOX)
    assert response.status_code == 200
    assert COOKIE not in response.cookies


def test_the_plain_address_brings_back_how_the_person_left_it(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    response = client.get(INBOX, {"level": "error", "q": "a b", "after": "1-2", "kind": "NONSENSE", "utm": "x"})
    cookie = response.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", INBOX)
    assertRedirects(client.get(INBOX), f"{INBOX}?q=a+b&level=error")


def test_clearing_really_clears(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    clear = client.get(INBOX, {"level": "error"}).context["clear"]
    assert client.get(INBOX).status_code == 302
    response = client.get(INBOX + clear)
    assert response.cookies[COOKIE]["max-age"] == 0
    assert client.get(INBOX).status_code == 200


def test_neither_htmx_nor_a_post_is_sent_elsewhere(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    client.get(INBOX, {"level": "error"})
    assert client.get(INBOX, headers=HTMX).status_code == 200
    assert client.post(INBOX).status_code == 405
    assertRedirects(client.post(READ, {"next": f"{INBOX}?state=inbox"}), f"{INBOX}?state=inbox")


def test_another_person_at_the_same_browser_begins_anew(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    client.get(INBOX, {"team": cast.acme.pk})
    client.force_login(cast.grace)
    assert client.get(INBOX).status_code == 200


@pytest.mark.parametrize("value", ["", "level=error", "level=error:forged", "x" * 5_000, "é"])
def test_a_forged_cookie_means_nothing(client: Client, cast: Cast, value: str) -> None:
    client.force_login(cast.vera)
    client.cookies[COOKIE] = value
    assert client.get(INBOX).status_code == 200


def test_what_is_too_long_for_a_cookie_is_not_kept(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    response = client.get(INBOX, {"kind": [f"{number}-" + "x" * 90 for number in range(20)]})
    assert COOKIE not in response.cookies


def test_a_team_that_the_person_left_is_said_and_forgotten(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    client.get(INBOX, {"team": cast.acme.pk})
    cast.acme.memberships.filter(user=cast.vera).delete()
    response = client.get(INBOX, follow=True)
    assertContains(response, "which means nothing here")
    assert client.get(INBOX).status_code == 200


def test_a_muted_and_a_snoozed_thread_say_until_when(client: Client, cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        tell(cast.acme)
        inbox.mute(inbox.visible_to(cast.vera), inbox.FOREVER)
        client.force_login(cast.vera)
        assertContains(client.get(INBOX), "Muted for good")
        inbox.mute(inbox.visible_to(cast.vera), timezone.now() + timedelta(hours=2))
        assertContains(client.get(INBOX), "Muted until 2 p.m.")
        inbox.snooze(inbox.visible_to(cast.vera), timezone.now() + timedelta(days=2))
        assertContains(client.get(INBOX, {"state": "snoozed"}), "Snoozed until March 4, noon")


def test_the_bell_leads_to_its_thread_whatever_the_person_left_filtered(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    client.get(INBOX, {"level": "error"})
    content = client.get(BELL, headers=HTMX).content.decode()
    [address] = re.findall(rf'href="([^"]*)#thread-{row.pk}"', content)
    assert shown(client.get(address)) == [row.pk]
