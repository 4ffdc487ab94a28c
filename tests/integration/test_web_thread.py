"""The page of one thread, who sees what on it, and the page that says why a member did not get it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import inbox, preferences
from team_notifications.levels import Threshold
from team_notifications.models import Notification, Occurrence, UserNotification
from team_notifications.notify import notify_user, resolve_notification
from team_notifications.readers import State, readers
from tests.cast import Cast
from tests.crowd import crowd
from tests.kinds import kind, registered
from tests.web import INBOX, READ, UNREAD, row_of, tell, text, thread_page
from users.models import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BAD = "<script>alert(1)</script>"


# ---- who sees the page ----------------------------------------------------------------------------------------------


def test_a_member_sees_the_page_of_their_own_row_and_of_no_other(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme, message="503")
    client.force_login(cast.vera)
    assertContains(client.get(thread_page(cast.vera, thread)), "503")
    assert client.get(thread_page(cast.ed, thread)).status_code == 404


@pytest.mark.parametrize("more", [(), ("why-not",)])
@pytest.mark.parametrize("person", ["oscar", "sue", "grace"])
def test_an_outsider_finds_no_page_even_with_a_row_of_their_own(
    client: Client, cast: Cast, person: str, more: tuple[str, ...]
) -> None:
    user, thread = getattr(cast, person), tell(cast.acme)
    UserNotification.objects.create(notification=thread, user=user, team=cast.acme)
    client.force_login(user)
    assert client.get(thread_page(user, thread, *more)).status_code == 404


@pytest.mark.parametrize("more", [(), ("why-not",)])
def test_a_former_member_finds_no_page(client: Client, cast: Cast, more: tuple[str, ...]) -> None:
    thread = tell(cast.acme)
    cast.acme.memberships.get(user=cast.alice).delete()
    client.force_login(cast.alice)
    assert client.get(thread_page(cast.alice, thread, *more)).status_code == 404


@pytest.mark.parametrize("more", [(), ("why-not",)])
def test_a_team_admin_who_may_not_read_the_thread_finds_no_page(
    client: Client, cast: Cast, more: tuple[str, ...]
) -> None:
    thread = tell(cast.acme)
    Notification.objects.update(permissions=["teams.delete_team"])
    client.force_login(cast.alice)
    assert client.get(thread_page(cast.alice, thread, *more)).status_code == 404


@pytest.mark.parametrize("more", [(), ("why-not",)])
def test_nobody_is_sent_to_sign_in(client: Client, cast: Cast, more: tuple[str, ...]) -> None:
    address = thread_page(cast.vera, tell(cast.acme), *more)
    assertRedirects(client.get(address), f"/sign-in/?next={address}", fetch_redirect_response=False)


@pytest.mark.parametrize("key", ["nonsense", "0", "9" * 18, "9" * 40, "-1", "１", "1.5"])
def test_a_key_that_is_none_is_not_found(client: Client, cast: Cast, key: str) -> None:
    client.force_login(cast.alice)
    assert client.get(f"/notifications/thread/{key}/").status_code == 404
    assert client.get(f"/notifications/thread/{key}/why-not/").status_code == 404


def test_what_is_archived_or_snoozed_has_its_page_and_what_expired_has_none(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    address, rows = thread_page(cast.vera, thread), UserNotification.objects.filter(user=cast.vera)
    client.force_login(cast.vera)
    inbox.archive(rows)
    assert "Archived just now" in text(client.get(address))
    inbox.snooze(rows, timezone.now() + DAY)
    response = client.get(address)
    assert "Snoozed until" in text(response)
    assertNotContains(response, 'value="Mark')
    Notification.objects.update(expires_at=timezone.now())
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("more", [(), ("why-not",)])
def test_get_changes_nothing_and_the_page_is_kept_by_no_cache(
    client: Client, cast: Cast, more: tuple[str, ...]
) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.alice)
    before = list(UserNotification.objects.order_by("pk").values())
    response = client.get(thread_page(cast.alice, thread, *more), {"member": cast.vera.pk})
    assert "no-store" in response["Cache-Control"]
    assert list(UserNotification.objects.order_by("pk").values()) == before
    assert client.post(thread_page(cast.alice, thread, *more)).status_code == 405


# ---- what it says ---------------------------------------------------------------------------------------------------


def test_it_says_all_of_what_the_thread_says_now(client: Client, cast: Cast) -> None:
    message = "\n".join(f"line {number}" for number in range(20))
    with time_machine.travel(NOON, tick=False), registered(kind(slug="server-down", label="Server down")):
        tell(cast.acme, level="warning")
        thread = tell(cast.acme, level="error", message=message, links={"Open": "/a/?b=1&c=2"}, expires_at=NOON + DAY)
        client.force_login(cast.vera)
        response = client.get(thread_page(cast.vera, thread))
    assertContains(response, f'<p class="message" dir="auto">{message}</p>', html=True)
    assertContains(response, '<a class="chip" href="/a/?b=1&amp;c=2"><bdi>Open</bdi></a>', html=True)
    said = text(response)
    assert "Error Acme Server down AI operations Open Expires March 3, 2026, noon" in said
    assert "Happened 2 times" in said
    assert "State Unread Told last just now" in said


def test_a_resolved_thread_says_so_and_that_it_is_read(client: Client, cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        thread = tell(cast.acme)
        resolve_notification(team=cast.acme, slug="server-down")
    client.force_login(cast.vera)
    with time_machine.travel(NOON + 2 * HOUR, tick=False):
        said = text(client.get(thread_page(cast.vera, thread)))
    assert "Resolved 2\xa0hours ago" in said or "Resolved 2 hours ago" in said
    assert "State Done when it was resolved" in said


@pytest.mark.parametrize(("until", "said"), [(inbox.FOREVER, "Muted for good"), (NOON + DAY, "Muted until March 3")])
def test_a_mute_is_said_with_its_end(client: Client, cast: Cast, until: datetime, said: str) -> None:
    with time_machine.travel(NOON, tick=False):
        thread = tell(cast.acme)
        inbox.mute(UserNotification.objects.filter(user=cast.vera), until)
        client.force_login(cast.vera)
        page = text(client.get(thread_page(cast.vera, thread)))
        assert said in page
        assert "You muted it" in page
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        assert ("Muted" in text(client.get(thread_page(cast.vera, thread)))) == (until == inbox.FOREVER)


def test_a_personal_thread_has_its_page_without_readers_and_without_why_not(client: Client, cast: Cast) -> None:
    row = notify_user(cast.alice, "Your export is ready")
    assert row is not None
    client.force_login(cast.alice)
    response = client.get(thread_page(cast.alice, row.notification))
    assert "Info Personal Open" in text(response)
    assertContains(response, "It is addressed to you alone")
    assertContains(response, 'href="/notifications/preferences/personal/"')
    assertNotContains(response, "who may know")
    assertNotContains(response, "why-not")
    assert client.get(thread_page(cast.alice, row.notification, "why-not")).status_code == 403


def test_markup_is_shown_and_not_run(client: Client, cast: Cast) -> None:
    cast.acme.name = cast.vera.first_name = BAD
    cast.acme.save()
    cast.vera.save()
    tell(cast.acme, title=f"Before {BAD}", message=f"Before {BAD}", level="error")
    thread = tell(cast.acme, title=BAD, message=BAD, links={BAD: "/"})
    client.force_login(cast.alice)
    page = client.get(thread_page(cast.alice, thread))
    asked = client.get(thread_page(cast.alice, thread, "why-not"), {"member": cast.vera.pk, "q": "vera"})
    for response in (page, asked):
        assertNotContains(response, BAD)
        assertContains(response, "&lt;script&gt;alert(1)&lt;/script&gt;")
    assertContains(page, "Before &lt;script&gt;alert(1)&lt;/script&gt;", count=2)


def test_the_inbox_leads_here(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.vera)
    assertContains(
        client.get(INBOX), f'<a href="{thread_page(cast.vera, thread)}"><bdi>server-down</bdi></a>', html=True
    )


def test_marking_leads_back_here(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    row, address = row_of(cast.vera, thread), thread_page(cast.vera, thread)
    client.force_login(cast.vera)
    for action, other in ((READ, UNREAD), (UNREAD, READ)):
        assertContains(client.get(address), f'action="{action}"')
        response = client.post(action, {"thread": f"{row.pk}:1", "next": address})
        assertRedirects(response, f"{address}#thread-{row.pk}", fetch_redirect_response=False)
        assertContains(client.get(address), f'action="{other}"')


def test_what_happened_since_the_page_was_shown_stays_unread(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.vera)
    posted = f"{row_of(cast.vera, thread).pk}:1"
    assertContains(client.get(thread_page(cast.vera, thread)), f'name="thread" value="{posted}"')
    tell(cast.acme)
    client.post(READ, {"thread": posted})
    assert inbox.unread_count(cast.vera) == 1


# ---- its history ----------------------------------------------------------------------------------------------------


def test_the_history_goes_on_by_a_cursor_25_at_a_time(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    thread.history.all().delete()
    Occurrence.objects.bulk_create(
        Occurrence(notification=thread, at=NOON + number * HOUR, title=f"number-{number}.", level=20)
        for number in range(30)
    )
    client.force_login(cast.vera)
    address = thread_page(cast.vera, thread)
    first = client.get(address)
    second = client.get(address, {"after": first.context["history"].next})
    assert [f"number-{number}." in text(first) for number in (29, 5, 4)] == [True, True, False]
    assert [f"number-{number}." in text(second) for number in (5, 4, 0)] == [False, True, True]
    assertNotContains(second, "Older")
    assertContains(second, "Newest")


@pytest.mark.parametrize("cursor", ["nonsense", "1-", "9" * 50, "<b>"])
def test_a_nonsense_cursor_shows_the_newest_and_says_so(client: Client, cast: Cast, cursor: str) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.vera)
    response = client.get(thread_page(cast.vera, thread), {"after": cursor, "readers": cursor})
    assertContains(response, "This address names a page that does not exist.")
    assert len(response.context["history"].entries) == 1


def test_the_chart_is_drawn_for_the_eye_and_written_as_a_table_for_everyone(client: Client, cast: Cast) -> None:
    cast.vera.time_zone = "Asia/Tokyo"
    cast.vera.save()
    with time_machine.travel(NOON, tick=False):
        thread = tell(cast.acme)
        tell(cast.acme)
        client.force_login(cast.vera)
        response = client.get(thread_page(cast.vera, thread))
    assertContains(response, '<svg viewBox="0 0 600 72" preserveAspectRatio="none" aria-hidden="true"')
    assertContains(response, "<rect x=", count=24)
    assertContains(response, "<tr><th scope='row'>9 p.m.</th><td>2</td></tr>", html=True)
    assertNotContains(response, "style=")


# ---- who has read it ------------------------------------------------------------------------------------------------


def test_who_may_sees_who_has_read_it_and_the_others_see_nothing_of_it(client: Client, cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        thread = tell(cast.acme)
    with time_machine.travel(NOON + HOUR, tick=False):
        inbox.mark_read(UserNotification.objects.filter(user__in=[cast.ed, cast.bob]))
    with time_machine.travel(NOON + 2 * HOUR, tick=False):
        client.force_login(cast.alice)
        said = text(client.get(thread_page(cast.alice, thread)))
        assert "Read by 2 of 4 who may know" in said
        assert "Alice you Unread Bob Read 1\xa0hour ago" in said or "Alice you Unread Bob Read 1 hour ago" in said
        client.force_login(cast.vera)
        assertNotContains(client.get(thread_page(cast.vera, thread)), "who may know")


def test_the_permission_to_see_readers_counts_in_the_team_of_the_thread_alone(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.bob)  # an Admin of Globex
    assertNotContains(client.get(thread_page(cast.bob, thread)), "who may know")


def test_without_a_permission_in_the_settings_nobody_sees_readers(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "READERS_PERMISSION": ""}
    thread = tell(cast.acme)
    client.force_login(cast.alice)
    assertNotContains(client.get(thread_page(cast.alice, thread)), "who may know")


def states(thread: Notification) -> dict[str, State]:
    thread = Notification.objects.select_related("team").get(pk=thread.pk)
    return {reader.user.first_name: reader.state for reader in readers(thread).people}


def test_readers_are_the_members_who_may_know_now_with_what_became_of_it(cast: Cast) -> None:
    preferences.choose(cast.bob, in_app_enabled=False)
    thread = tell(cast.acme, level="error", permissions=["teams.view_team"])
    inbox.mark_read(UserNotification.objects.filter(user=cast.ed))
    inbox.delete(UserNotification.objects.filter(user=cast.alice))
    expected = {"Alice": State.NOT_TOLD, "Bob": State.NOT_TOLD, "Ed": State.READ, "Vera": State.UNREAD}
    assert states(thread) == expected
    cast.acme.memberships.get(user=cast.vera).roles.clear()
    cast.acme.memberships.get(user=cast.ed).delete()
    assert states(thread) == {"Alice": State.NOT_TOLD, "Bob": State.NOT_TOLD}
    Notification.objects.update(permissions=["gone.gone"])
    assert states(thread) == {}


def test_who_had_not_read_it_when_it_was_resolved_did_not_read_it(cast: Cast) -> None:
    with time_machine.travel(NOON, tick=False):
        thread = tell(cast.acme)
    with time_machine.travel(NOON + HOUR, tick=False):
        inbox.mark_read(UserNotification.objects.filter(user=cast.ed))
    with time_machine.travel(NOON + DAY, tick=False):
        resolve_notification(team=cast.acme, slug="server-down")
        thread.refresh_from_db()
        assert states(thread)["Ed"] is State.READ
        assert states(thread)["Vera"] is State.CLOSED
        assert (readers(thread).read, readers(thread).total) == (1, 4)


def test_readers_come_50_at_a_time_by_name(db: None) -> None:
    thread = tell(crowd(120))
    seen = [reader.user.email for page in (1, 2, 3) for reader in readers(thread, page).people]
    assert seen == sorted(f"crowd{number}@example.com" for number in range(120))
    assert [readers(thread, page).page for page in (0, 1, 99)] == [1, 1, 3]


def test_nobody_asks_who_has_read_what_is_personal(cast: Cast) -> None:
    row = notify_user(cast.alice, "Your export is ready")
    assert row is not None
    with pytest.raises(ValueError, match="is personal"):
        readers(row.notification)


def test_the_pages_of_readers_are_in_the_address(client: Client, db: None) -> None:
    team = crowd(60)
    thread, admin = tell(team), User.objects.get(email="crowd7@example.com")
    client.force_login(admin)
    address = thread_page(admin, thread)
    assertContains(client.get(address), 'href="?readers=2#readers"')
    response = client.get(address, {"readers": "2"})
    assertContains(response, 'href="?readers=1#readers"')
    assert len(response.context["readers"].people) == 10


# ---- why not --------------------------------------------------------------------------------------------------------


def test_a_team_admin_is_told_the_first_rule_that_kept_it_from_a_member(client: Client, cast: Cast) -> None:
    preferences.choose(cast.vera, cast.acme, in_app_level=Threshold.ERROR)
    thread = tell(cast.acme)
    client.force_login(cast.alice)
    assertContains(client.get(thread_page(cast.alice, thread)), thread_page(cast.alice, thread, "why-not"))
    response = client.get(thread_page(cast.alice, thread, "why-not"), {"member": cast.vera.pk})
    assert "Vera Its level is Info, and their inbox takes this: Errors only. They chose that." in text(response)
    response = client.get(thread_page(cast.alice, thread, "why-not"), {"member": cast.ed.pk})
    assert "Ed They got it, and it is unread since" in text(response)


@pytest.mark.parametrize("person", ["vera", "ed", "bob"])
def test_a_member_who_does_not_look_after_the_team_may_not_ask(client: Client, cast: Cast, person: str) -> None:
    user, thread = getattr(cast, person), tell(cast.acme)
    client.force_login(user)
    assertNotContains(client.get(thread_page(user, thread)), "why-not")
    assert client.get(thread_page(user, thread, "why-not"), {"member": cast.alice.pk}).status_code == 403


def test_who_may_ask_is_said_by_a_setting(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "TEAM_SETTINGS_PERMISSION": "teams.view_team"}
    thread = tell(cast.acme)
    client.force_login(cast.vera)
    assert client.get(thread_page(cast.vera, thread, "why-not")).status_code == 200


@pytest.mark.parametrize("key", ["oscar", "grace", "sue", "nonsense", "0", "9" * 40, "-1"])
def test_nobody_is_told_anything_of_an_outsider(client: Client, cast: Cast, key: str) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.alice)
    outsider = getattr(cast, key).pk if hasattr(cast, key) else key
    response = client.get(thread_page(cast.alice, thread, "why-not"), {"member": outsider})
    assert response.status_code == 404


def test_the_members_are_the_first_100_and_the_others_are_found_by_name_or_address(client: Client, db: None) -> None:
    team = crowd(130)
    admin = User.objects.get(email="crowd0@example.com")
    User.objects.filter(email="crowd99@example.com").update(first_name="Zora", last_name="Quist")
    thread = tell(team)
    client.force_login(admin)
    address = thread_page(admin, thread, "why-not")
    assert len(client.get(address).context["members"]) == 100
    for words in ("zora", "quist ZORA", "crowd99@"):
        response = client.get(address, {"q": words})
        assert [member.email for member in response.context["members"]] == ["crowd99@example.com"]
    assertContains(client.get(address, {"q": "nobody"}), "Nobody in the team is called that.")


def test_a_small_team_needs_no_search(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.alice)
    response = client.get(thread_page(cast.alice, thread, "why-not"))
    assert [member.first_name for member in response.context["members"]] == ["Alice", "Bob", "Ed", "Vera"]
    assertNotContains(response, "Find a member")


# ---- what it costs --------------------------------------------------------------------------------------------------


def queries(client: Client, address: str, **data: object) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address, data).status_code == 200
    return [query["sql"] for query in captured]


def test_10_occurrences_and_members_cost_as_many_queries_as_1000(client: Client, db: None) -> None:
    costs = []
    for size in (10, 1_000):
        team = crowd(size, name=f"Crowd{size}")
        admin = User.objects.get(email=f"crowd{size}0@example.com")
        thread = tell(team, permissions=["teams.view_team"])
        Occurrence.objects.bulk_create(
            Occurrence(notification=thread, at=thread.last_event_at - number * HOUR, title="x", level=20)
            for number in range(size - 1)
        )
        client.force_login(admin)
        page = queries(client, thread_page(admin, thread))
        asked = queries(client, thread_page(admin, thread, "why-not"), member=admin.pk)
        costs.append((len(page), len(asked)))
    assert costs[0] == costs[1]
    assert max(costs[0]) <= 40


def test_who_may_not_see_readers_does_not_pay_for_them(client: Client, cast: Cast) -> None:
    thread = tell(cast.acme)
    client.force_login(cast.vera)
    few = queries(client, thread_page(cast.vera, thread))
    client.force_login(cast.alice)
    many = queries(client, thread_page(cast.alice, thread))
    assert len(many) == len(few) + 2


def test_the_admin_role_holds_the_permission_to_see_readers(cast: Cast) -> None:
    permission = Permission.objects.get(content_type__app_label="team_notifications", codename="view_readers")
    assert {group.name for group in permission.group_set.all()} == {"Admin"}
