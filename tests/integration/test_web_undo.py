"""The Undo button: after reading, archiving and deleting, with JavaScript and without."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import inbox
from team_notifications.models import UserNotification
from tests.cast import Cast
from tests.web import ARCHIVE, DELETE, HTMX, INBOX, MUTE, READ, UNDO, row_of, tell, token_of, unread_slugs
from users.models import User

UNDONE = pytest.mark.parametrize("address", [READ, ARCHIVE, DELETE])


def rows_of(user: User) -> list[dict[str, object]]:
    return list(UserNotification.objects.filter(user=user).order_by("pk").values())


def posted(user: User) -> list[str]:
    return [f"{row.pk}:{row.notification.occurrences}" for row in inbox.visible_to(user)]


@UNDONE
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_what_was_done_to_several_is_undone(client: Client, cast: Cast, address: str, headers: dict[str, str]) -> None:
    for slug in ("one", "two"):
        tell(cast.acme, slug)
    client.force_login(cast.vera)
    before = rows_of(cast.vera)
    data = {"thread": posted(cast.vera), "next": f"{INBOX}?level=info"}
    response = client.post(address, data, headers=headers, follow=True)
    assert unread_slugs(cast.vera) == set()
    assertContains(response, "Undo")
    response = client.post(UNDO, {"token": token_of(response), "next": f"{INBOX}?level=info"}, headers=headers)
    if headers:
        assertContains(response, "2 threads are as they were.")
        assert response["HX-Trigger-After-Settle"] == '{"inbox-changed": {}}'
    else:
        assertRedirects(response, f"{INBOX}?level=info")
    assert rows_of(cast.vera) == before


@UNDONE
def test_a_second_undo_changes_nothing(client: Client, cast: Cast, address: str) -> None:
    tell(cast.acme)
    client.force_login(cast.vera)
    token = token_of(client.post(address, {"thread": posted(cast.vera)}, headers=HTMX))
    client.post(UNDO, {"token": token})
    before = rows_of(cast.vera)
    assertContains(client.post(UNDO, {"token": token}, headers=HTMX), "There is nothing left to undo.")
    assert rows_of(cast.vera) == before


@UNDONE
@pytest.mark.parametrize("person", ["alice", "grace", "oscar", "sue"])
def test_the_token_of_somebody_else_is_forbidden(client: Client, cast: Cast, address: str, person: str) -> None:
    tell(cast.acme)
    client.force_login(cast.vera)
    token = token_of(client.post(address, {"thread": posted(cast.vera)}, headers=HTMX))
    before = list(UserNotification.objects.order_by("pk").values())
    client.force_login(getattr(cast, person))
    assert client.post(UNDO, {"token": token}).status_code == 403
    assert list(UserNotification.objects.order_by("pk").values()) == before


@UNDONE
def test_after_ten_minutes_it_is_refused(client: Client, cast: Cast, address: str) -> None:
    tell(cast.acme)
    client.force_login(cast.vera)
    token = token_of(client.post(address, {"thread": posted(cast.vera)}, headers=HTMX))
    before = rows_of(cast.vera)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert client.post(UNDO, {"token": token}).status_code == 400
    assert rows_of(cast.vera) == before


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "\x00", "x" * 10_000])
def test_a_forged_token_is_refused(client: Client, cast: Cast, token: str) -> None:
    client.force_login(cast.vera)
    assert client.post(UNDO, {"token": token}).status_code == 400


def test_nobody_undoes_nothing(client: Client, cast: Cast) -> None:
    assertRedirects(client.post(UNDO, {"token": "x"}), f"/sign-in/?next={UNDO}", fetch_redirect_response=False)


def test_a_get_undoes_nothing(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assert client.get(UNDO, {"token": "x"}).status_code == 405


def test_where_nothing_changed_there_is_nothing_to_undo(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    client.post(READ, {"thread": f"{row.pk}:1"})
    assertNotContains(client.post(READ, {"thread": f"{row.pk}:1"}, headers=HTMX), "Undo")
    assertNotContains(client.post(MUTE, {"thread": f"{row.pk}:1", "for": "day"}, headers=HTMX), "Undo")


def test_markup_in_a_thread_never_reaches_the_message(client: Client, cast: Cast) -> None:
    tell(cast.acme, title="<script>alert(1)</script>")
    client.force_login(cast.vera)
    response = client.post(DELETE, {"thread": posted(cast.vera)}, follow=True)
    assertNotContains(response, "<script>alert(1)")
    assertContains(response, '<button class="link-button" type="submit" form="undo" name="token"')


@pytest.mark.parametrize("page", ["thread", "inbox"])
def test_without_javascript_the_button_has_its_form_wherever_one_is_led_back_to(
    client: Client, cast: Cast, page: str
) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    back = f"{INBOX}thread/{row.pk}/" if page == "thread" else f"{INBOX}?state=inbox"
    response = client.post(READ, {"thread": f"{row.pk}:1", "next": back}, follow=True)
    assertContains(response, f'<form id="undo" method="post" action="{UNDO}"')
    client.post(UNDO, {"token": token_of(response)})
    assert unread_slugs(cast.vera) == {"server-down"}
