"""Marking threads read and unread from the pages."""

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import inbox
from tests.cast import Cast
from tests.web import HTMX, INBOX, READ, UNREAD, posted_by_mark_all, row_of, shown, tell, unread_slugs

PANEL = {**HTMX, "HX-Target": "bell-panel"}
VERBS = pytest.mark.parametrize("address", [READ, UNREAD])


def test_a_member_marks_a_thread_read_and_is_back_at_it(client: Client, cast: Cast) -> None:
    tell(cast.acme, "other")
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    response = client.post(READ, {"thread": f"{row.pk}:1", "next": f"{INBOX}?after=1-2"})
    assertRedirects(response, f"{INBOX}?after=1-2#thread-{row.pk}", fetch_redirect_response=False)
    assert unread_slugs(cast.vera) == {"other"}
    assert unread_slugs(cast.alice) == {"other", "server-down"}


def test_a_member_marks_a_thread_unread(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    inbox.mark_read(inbox.visible_to(cast.vera))
    client.force_login(cast.vera)
    client.post(UNREAD, {"thread": f"{row.pk}:1"})
    assert inbox.unread_count(cast.vera) == 1


@VERBS
def test_the_row_of_another_member_is_not_found(client: Client, cast: Cast, address: str) -> None:
    row = row_of(cast.alice, tell(cast.acme))
    row.is_read = address == UNREAD
    row.save()
    client.force_login(cast.vera)
    assert client.post(address, {"thread": f"{row.pk}:1"}).status_code == 404
    before = row.is_read
    row.refresh_from_db()
    assert row.is_read == before


@VERBS
@pytest.mark.parametrize("person", ["oscar", "sue"])
def test_for_an_outsider_it_is_not_found(client: Client, cast: Cast, address: str, person: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(getattr(cast, person))
    assert client.post(address, {"thread": f"{row.pk}:1"}).status_code == 404


@VERBS
def test_for_a_former_member_their_own_row_is_not_found(client: Client, cast: Cast, address: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    cast.acme.memberships.filter(user=cast.vera).delete()
    client.force_login(cast.vera)
    assert client.post(address, {"thread": f"{row.pk}:1"}).status_code == 404
    row.refresh_from_db()
    assert not row.is_read


@VERBS
def test_for_a_member_who_lost_the_role_their_own_row_is_not_found(client: Client, cast: Cast, address: str) -> None:
    row = row_of(cast.alice, tell(cast.acme, permissions=["teams.change_team"]))
    cast.acme.memberships.get(user=cast.alice).roles.clear()
    client.force_login(cast.alice)
    assert client.post(address, {"thread": f"{row.pk}:1"}).status_code == 404


@VERBS
@pytest.mark.parametrize("value", ["", "x", "1", "1:", ":1", "-1:1", "1:1:1", "٣:1", "1" * 40 + ":1", "1:" + "1" * 40])
def test_nonsense_is_refused(client: Client, cast: Cast, address: str, value: str) -> None:
    tell(cast.acme)
    client.force_login(cast.vera)
    assert client.post(address, {"thread": value}).status_code == 400
    assert inbox.unread_count(cast.vera) == 1


def test_mark_all_posts_exactly_what_is_shown(client: Client, cast: Cast) -> None:
    rows = [row_of(cast.vera, tell(cast.acme, slug)) for slug in ("one", "two", "read")]
    tell(cast.acme, "one")
    inbox.mark_read(inbox.visible_to(cast.vera).filter(pk=rows[2].pk))
    client.force_login(cast.vera)
    page = client.get(INBOX)
    assert set(posted_by_mark_all(page)) == {f"{rows[0].pk}:2", f"{rows[1].pk}:1"}


def test_mark_all_marks_exactly_what_was_shown(client: Client, cast: Cast) -> None:
    tell(cast.acme, "shown")
    tell(cast.acme, "happens-again")
    client.force_login(cast.vera)
    posted = posted_by_mark_all(client.get(INBOX))
    tell(cast.acme, "happens-again")
    tell(cast.acme, "not-shown-yet")
    assertRedirects(client.post(READ, {"thread": posted, "next": INBOX}), INBOX)
    assert unread_slugs(cast.vera) == {"happens-again", "not-shown-yet"}


def test_mark_all_with_nothing_unread_changes_nothing(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assertRedirects(client.post(READ, {"next": INBOX}), INBOX)


@pytest.mark.parametrize(
    "page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", "", "\x00"]
)
def test_the_way_back_stays_on_this_site(client: Client, cast: Cast, page: str) -> None:
    client.force_login(cast.vera)
    assertRedirects(client.post(READ, {"next": page}), INBOX)


# ---- with htmx ------------------------------------------------------------------------------------------------------


def test_htmx_gets_the_thread_and_the_count_of_the_bell(client: Client, cast: Cast) -> None:
    tell(cast.acme, "other")
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    response = client.post(READ, {"thread": f"{row.pk}:1"}, headers=HTMX)
    assert shown(response) == [row.pk]
    assertContains(response, f'<li id="thread-{row.pk}" class="thread is-info" hx-swap-oob="true">')
    assertContains(response, '<span id="bell-count" hx-swap-oob="true">')
    assertContains(response, '<div id="inbox-status" class="inbox-status" role="status" hx-swap-oob="true">')
    assertContains(response, '<span id="count-unread" class="count" hx-swap-oob="true">1</span>', html=True)
    assertContains(response, "Mark unread")
    assertContains(response, "Notifications, 1 unread")
    assertContains(response, "1 thread marked read.")
    assertNotContains(response, "<html")


def test_htmx_sees_that_a_thread_happened_again_and_stays_unread(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    tell(cast.acme)
    client.force_login(cast.vera)
    response = client.post(READ, {"thread": f"{row.pk}:1"}, headers=HTMX)
    assertContains(response, "is-unread")
    assertContains(response, "2 times")
    assertContains(response, f'value="{row.pk}:2"')


def test_htmx_takes_a_thread_off_the_page_that_may_no_longer_be_seen(client: Client, cast: Cast) -> None:
    mine = row_of(cast.bob, tell(cast.globex))
    gone = row_of(cast.bob, tell(cast.acme))
    cast.acme.memberships.filter(user=cast.bob).delete()
    client.force_login(cast.bob)
    response = client.post(READ, {"thread": [f"{mine.pk}:1", f"{gone.pk}:1"]}, headers=HTMX)
    assert shown(response) == [mine.pk]
    assertContains(response, f'<li id="thread-{gone.pk}" hx-swap-oob="delete"></li>', html=True)


def test_the_panel_of_the_bell_gets_itself_and_tells_the_page(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    response = client.post(READ, {"thread": f"{row.pk}:1"}, headers=PANEL)
    assertContains(response, "View all")
    assertContains(response, "Notifications, none unread")
    assert response["HX-Trigger-After-Settle"] == '{"notifications-read": {}}'
