"""What a person does to one thread, to those selected, and to all that are shown."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django.asserts import assertContains, assertRedirects

from team_notifications import inbox
from team_notifications.kind_preferences import kind_choices
from team_notifications.models import Preference, UserNotification
from team_notifications.notify import notify_user
from tests.cast import Cast
from tests.kinds import kind, registered
from tests.web import (
    ARCHIVE,
    DELETE,
    HTMX,
    INBOX,
    MUTE,
    MUTE_KIND,
    READ,
    SNOOZE,
    UNARCHIVE,
    UNMUTE,
    UNREAD,
    row_of,
    shown,
    tell,
)
from users.models import User

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
# Each action with what its form posts besides the threads.
VERBS = pytest.mark.parametrize(
    ("address", "more"),
    [
        *((address, {}) for address in (READ, UNREAD, ARCHIVE, UNARCHIVE, UNMUTE, MUTE_KIND, DELETE)),
        (SNOOZE, {"for": "tomorrow"}),
        (MUTE, {"for": "ever"}),
    ],
)


def all_rows() -> list[dict[str, object]]:
    return list(UserNotification.objects.order_by("pk").values())


def archived(user: User) -> set[str]:
    return set(inbox.readable_by(user).archived().values_list("notification__slug", flat=True))


def named(user: User, *slugs: str) -> list[str]:
    rows = UserNotification.objects.filter(user=user).select_related("notification")
    return [f"{row.pk}:{row.notification.occurrences}" for row in rows if row.notification.slug in slugs]


# ---- who may --------------------------------------------------------------------------------------------------------


@VERBS
def test_nobody_is_sent_to_sign_in(client: Client, cast: Cast, address: str, more: dict[str, str]) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    before = all_rows()
    response = client.post(address, {"thread": f"{row.pk}:1", **more})
    assertRedirects(response, f"/sign-in/?next={address}", fetch_redirect_response=False)
    assert all_rows() == before


@VERBS
@pytest.mark.parametrize("person", ["oscar", "sue", "grace", "alice"])
def test_the_row_of_somebody_else_is_not_found(
    client: Client, cast: Cast, address: str, more: dict[str, str], person: str
) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(getattr(cast, person))
    before = all_rows()
    assert client.post(address, {"thread": f"{row.pk}:1", **more}).status_code == 404
    assert all_rows() == before


@VERBS
def test_for_a_former_member_it_is_not_found(client: Client, cast: Cast, address: str, more: dict[str, str]) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    cast.acme.memberships.filter(user=cast.vera).delete()
    client.force_login(cast.vera)
    before = all_rows()
    assert client.post(address, {"thread": f"{row.pk}:1", **more}).status_code == 404
    assert all_rows() == before


@VERBS
def test_rows_of_others_among_ones_own_are_left_alone(
    client: Client, cast: Cast, address: str, more: dict[str, str]
) -> None:
    thread = tell(cast.acme)
    mine, other = row_of(cast.vera, thread), row_of(cast.alice, thread)
    before = UserNotification.objects.filter(pk=other.pk).values().get()
    client.force_login(cast.vera)
    response = client.post(address, {"thread": [f"{mine.pk}:1", f"{other.pk}:1"], **more})
    assert response.status_code == 302
    assert UserNotification.objects.filter(pk=other.pk).values().get() == before


@VERBS
def test_a_get_is_refused(client: Client, cast: Cast, address: str, more: dict[str, str]) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    before = all_rows()
    assert client.get(address, {"thread": f"{row.pk}:1", **more}).status_code == 405
    assert all_rows() == before


@VERBS
@pytest.mark.parametrize("value", ["", "x", "1", "-1:1", "٣:1"])
def test_nonsense_is_refused(client: Client, cast: Cast, address: str, more: dict[str, str], value: str) -> None:
    client.force_login(cast.vera)
    assert client.post(address, {"thread": value, **more}).status_code == 400


@VERBS
def test_with_nothing_selected_nothing_changes(client: Client, cast: Cast, address: str, more: dict[str, str]) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    before = all_rows()
    assertRedirects(client.post(address, {"shown": f"{row.pk}:1", "next": INBOX, **more}), INBOX)
    assert all_rows() == before


def test_more_than_a_page_holds_is_refused(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assert client.post(ARCHIVE, {"thread": [f"{number}:1" for number in range(1, 102)]}).status_code == 400


# ---- what it does ---------------------------------------------------------------------------------------------------


def test_selected_threads_are_archived_and_come_back(client: Client, cast: Cast) -> None:
    for slug in ("one", "two", "three"):
        tell(cast.acme, slug)
    client.force_login(cast.vera)
    selected = named(cast.vera, "one", "two")
    response = client.post(ARCHIVE, {"thread": selected, "next": f"{INBOX}?level=info"}, follow=True)
    assertRedirects(response, f"{INBOX}?level=info")
    assertContains(response, "2 threads archived.")
    assert archived(cast.vera) == {"one", "two"}
    assert archived(cast.alice) == set()
    assertContains(client.get(INBOX, {"state": "archived"}), "Back to the inbox")
    client.post(UNARCHIVE, {"thread": selected})
    assert archived(cast.vera) == set()


def test_all_that_is_shown_is_what_the_page_showed(client: Client, cast: Cast) -> None:
    for slug in ("one", "two"):
        tell(cast.acme, slug)
    client.force_login(cast.vera)
    seen = named(cast.vera, "one", "two")
    tell(cast.acme, "three")
    client.post(ARCHIVE, {"all": "shown", "shown": seen, "thread": seen[:1]})
    assert archived(cast.vera) == {"one", "two"}


@pytest.mark.parametrize("address", [READ, ARCHIVE, DELETE])
def test_what_happened_again_on_a_stale_page_is_left_alone_and_said(client: Client, cast: Cast, address: str) -> None:
    tell(cast.acme, "one")
    tell(cast.acme, "two")
    client.force_login(cast.vera)
    stale = named(cast.vera, "one", "two")
    tell(cast.acme, "one")
    client.post(address, {"thread": stale})
    assert set(inbox.visible_to(cast.vera).unread().values_list("notification__slug", flat=True)) == {"one"}


@pytest.mark.parametrize(
    ("choice", "back"),
    [
        ("later", NOON + timedelta(hours=3)),
        ("tomorrow", datetime(2026, 3, 4, 23, tzinfo=UTC)),  # 8 in the morning of Tokyo
        ("week", datetime(2026, 3, 8, 23, tzinfo=UTC)),  # Monday
    ],
)
def test_a_snoozed_thread_comes_back_unread_by_itself(client: Client, cast: Cast, choice: str, back: datetime) -> None:
    cast.vera.time_zone = "Asia/Tokyo"
    cast.vera.save()
    with time_machine.travel(NOON, tick=False):
        tell(cast.acme)
        inbox.mark_read(inbox.visible_to(cast.vera))
        client.force_login(cast.vera)
        client.post(SNOOZE, {"thread": named(cast.vera, "server-down"), "for": choice})
        assert not inbox.visible_to(cast.vera).exists()
    with time_machine.travel(back - timedelta(seconds=1), tick=False):
        assert inbox.unread_count(cast.vera) == 0
    with time_machine.travel(back, tick=False):
        assert inbox.unread_count(cast.vera) == 1


def test_a_chosen_time_is_that_of_the_person(client: Client, cast: Cast) -> None:
    cast.vera.time_zone = "Asia/Tokyo"
    cast.vera.save()
    row = row_of(cast.vera, tell(cast.acme))
    with time_machine.travel(NOON, tick=False):
        client.force_login(cast.vera)
        client.post(SNOOZE, {"thread": f"{row.pk}:1", "until": "2026-03-05T09:30"})
    row.refresh_from_db()
    assert row.snoozed_until == datetime(2026, 3, 5, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "why"),
    [
        ("", "Choose a time."),
        ("2026-03-04T11:59", "This time is over."),
        ("2028-01-01T00:00", "At most a year from now."),
        ("soon", "Enter a valid date/time."),
        ("9999-12-31T23:59", "At most a year from now."),
    ],
)
@pytest.mark.parametrize("address", [SNOOZE, MUTE])
def test_a_time_that_makes_no_sense_changes_nothing_and_is_said(
    client: Client, cast: Cast, address: str, until: str, why: str
) -> None:
    with time_machine.travel(NOON, tick=False):
        row = row_of(cast.vera, tell(cast.acme))
        client.force_login(cast.vera)
        before = all_rows()
        response = client.post(address, {"thread": f"{row.pk}:1", "until": until}, follow=True)
        assertContains(response, why)
    assert all_rows() == before


@pytest.mark.parametrize("address", [SNOOZE, MUTE])
def test_a_choice_that_no_button_sends_is_refused(client: Client, cast: Cast, address: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    assert client.post(address, {"thread": f"{row.pk}:1", "for": "a-while"}).status_code == 400


@pytest.mark.parametrize(
    ("choice", "until"),
    [
        ("hours", NOON + timedelta(hours=8)),
        ("day", NOON + timedelta(days=1)),
        ("week", NOON + timedelta(days=7)),
        ("ever", inbox.FOREVER),
    ],
)
def test_a_muted_thread_counts_on_quietly_until_then(client: Client, cast: Cast, choice: str, until: datetime) -> None:
    with time_machine.travel(NOON, tick=False):
        row = row_of(cast.vera, tell(cast.acme))
        client.force_login(cast.vera)
        client.post(MUTE, {"thread": f"{row.pk}:1", "for": choice})
        inbox.mark_read(inbox.visible_to(cast.vera))
        tell(cast.acme)
        assert inbox.unread_count(cast.vera) == 0
        row.refresh_from_db()
        assert (row.muted_until, row.notification.occurrences) == (until, 2)
        client.post(UNMUTE, {"thread": f"{row.pk}:2"})
        tell(cast.acme)
        assert inbox.unread_count(cast.vera) == 1


def test_muting_a_kind_holds_in_its_team_alone(client: Client, cast: Cast) -> None:
    with registered(kind(slug="noisy", params={}), kind(slug="other", params={})):
        tell(cast.acme, "noisy")
        client.force_login(cast.bob)
        response = client.post(MUTE_KIND, {"thread": named(cast.bob, "noisy")}, follow=True)
        assertContains(response, "1 kind muted in its team.")
        assert kind_choices(cast.bob, cast.acme)["noisy"].effective == frozenset()
        assert kind_choices(cast.bob, cast.globex)["noisy"].own is None
        assert kind_choices(cast.bob, cast.acme)["other"].own is None
        inbox.delete(inbox.visible_to(cast.bob))
        tell(cast.acme, "noisy")
        tell(cast.globex, "noisy")
    assert [row.team for row in inbox.visible_to(cast.bob)] == [cast.globex]


def test_what_has_no_kind_and_what_is_personal_has_no_kind_to_mute(client: Client, cast: Cast) -> None:
    tell(cast.acme, "nobodys")
    notify_user(cast.vera, "Your export is ready")
    client.force_login(cast.vera)
    rows = [f"{row.pk}:1" for row in inbox.visible_to(cast.vera)]
    response = client.post(MUTE_KIND, {"thread": rows}, follow=True)
    assertContains(response, "0 kinds muted in their teams.")
    assert not Preference.objects.exists()
    assert "in this team" not in response.content.decode()


# ---- two tabs -------------------------------------------------------------------------------------------------------


def test_a_thread_archived_in_one_tab_can_be_read_in_the_other(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    client.post(ARCHIVE, {"thread": f"{row.pk}:1"})
    response = client.post(READ, {"thread": f"{row.pk}:1"}, headers=HTMX)
    assertContains(response, "1 thread marked read.")
    assertContains(response, "<span>Archived</span>", html=True)
    row.refresh_from_db()
    assert row.is_read
    assert row.archived_at


def test_a_thread_deleted_in_one_tab_is_not_found_in_the_other(client: Client, cast: Cast) -> None:
    row, other = row_of(cast.vera, tell(cast.acme)), row_of(cast.vera, tell(cast.acme, "other"))
    client.force_login(cast.vera)
    client.post(DELETE, {"thread": f"{row.pk}:1"})
    assert client.post(ARCHIVE, {"thread": f"{row.pk}:1"}).status_code == 404
    response = client.post(READ, {"thread": [f"{row.pk}:1", f"{other.pk}:1"]}, headers=HTMX)
    assert shown(response) == [other.pk]
    assertContains(response, f'<li id="thread-{row.pk}" hx-swap-oob="delete"></li>', html=True)


def test_archiving_in_both_tabs_changes_it_once(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    client.post(ARCHIVE, {"thread": f"{row.pk}:1"})
    row.refresh_from_db()
    at = row.archived_at
    response = client.post(ARCHIVE, {"thread": f"{row.pk}:1"}, headers=HTMX)
    assertContains(response, "0 threads archived.")
    row.refresh_from_db()
    assert row.archived_at == at


def test_htmx_is_told_to_fetch_the_list_and_gets_count_and_status(client: Client, cast: Cast) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    response = client.post(ARCHIVE, {"thread": f"{row.pk}:1"}, headers=HTMX)
    assert response["HX-Trigger-After-Settle"] == '{"inbox-changed": {}}'
    assertContains(response, "Notifications, none unread")
    assertContains(response, "1 thread archived.")
