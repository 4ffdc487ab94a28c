"""The bell in the header of every page, and what it opens."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import Client, RequestFactory
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import inbox
from tests.cast import Cast
from tests.web import BELL, HTMX, INBOX, tell

TAG = Template("{% load team_notifications %}{% notification_bell %}")


def test_the_name_of_the_bell_carries_the_count(client: Client, cast: Cast) -> None:
    for number in range(3):
        tell(cast.acme, f"thread-{number}")
    client.force_login(cast.vera)
    assertContains(client.get("/"), "Notifications, 3 unread")
    inbox.mark_read(inbox.visible_to(cast.vera))
    assertContains(client.get("/"), "Notifications, none unread")


def test_the_count_stops_at_the_cap(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "UNREAD_CAP": 2}
    client.force_login(cast.vera)
    for number, expected in enumerate(["1 unread", "2 unread", "2+ unread", "2+ unread"]):
        tell(cast.acme, f"thread-{number}")
        assertContains(client.get("/"), f"Notifications, {expected}")


def test_the_bell_leads_to_the_inbox_without_javascript(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assertContains(client.get("/"), f'<a class="bell-link" href="{INBOX}">')
    assertRedirects(client.get(BELL), INBOX)


def test_there_is_no_bell_for_nobody(client: Client, db: None) -> None:
    assertNotContains(client.get("/"), "data-bell")
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert TAG.render(Context({"request": request})).strip() == ""


def test_a_page_without_a_request_has_no_bell() -> None:
    assert TAG.render(Context()).strip() == ""


def test_it_opens_the_newest_threads(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "BELL_SIZE": 2}
    for number in range(3):
        tell(cast.acme, f"thread-{number}")
    client.force_login(cast.vera)
    response = client.get(BELL, headers=HTMX)
    assert [row.notification.slug for row in response.context["rows"]] == ["thread-2", "thread-1"]
    assertContains(response, "Notifications, 3 unread")
    assertContains(response, "Mark all read")


@pytest.mark.parametrize("person", ["oscar", "sue"])
def test_it_opens_nothing_for_an_outsider(client: Client, cast: Cast, person: str) -> None:
    tell(cast.acme)
    client.force_login(getattr(cast, person))
    assertContains(client.get(BELL, headers=HTMX), "Nothing here")


def test_it_offers_to_mark_only_what_is_unread(client: Client, cast: Cast) -> None:
    tell(cast.acme)
    inbox.mark_read(inbox.visible_to(cast.vera))
    client.force_login(cast.vera)
    assertNotContains(client.get(BELL, headers=HTMX), "Mark all read")
