"""Personal notifications: the user's own in the inbox and in the preferences."""

import re
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import inbox, preferences
from team_notifications.models import Preference, UserNotification
from team_notifications.notify import notify_user
from team_notifications.personal import PERSONAL
from tests.cast import Cast
from tests.web import BELL, DO_NOT_DISTURB, HTMX, INBOX, PREFERENCES, READ, UNREAD, row_of, shown, tell, text
from users.models import User

PLACE = f"{INBOX}?team=personal"
CHOICES = f"{PREFERENCES}personal/"
INHERIT = dict.fromkeys(preferences.fields(), "inherit")
OTHERS = pytest.mark.parametrize("person", ["alice", "oscar", "sue"], ids=["colleague", "outsider", "superuser"])


def notice(user: User, title: str = "Your export is ready", **changes: Any) -> UserNotification:
    row = notify_user(user, title, **changes)
    assert row is not None
    return row


def places(response: HttpResponse) -> dict[str, str]:
    """The teams to choose from, without their counts, and which of them the page shows."""
    nav = response.content.decode().partition('<nav id="places"')[2].partition("</nav>")[0]
    return {name: current for current, name in re.findall(r'<a [^>]*?(?:aria-current="(\w+)")?><bdi>(.*?)</bdi>', nav)}


# ---- whose it is ----------------------------------------------------------------------------------------------------


@OTHERS
def test_nobody_else_sees_it(client: Client, cast: Cast, person: str) -> None:
    notice(cast.vera)
    other = getattr(cast, person)
    client.force_login(other)
    for response in (client.get(INBOX), client.get(PLACE), client.get(BELL, headers=HTMX)):
        assertNotContains(response, "Your export is ready")
    assert (inbox.unread_count(other), inbox.unread_count(other, PERSONAL)) == (0, 0)


@OTHERS
@pytest.mark.parametrize("address", [READ, UNREAD])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_for_anybody_else_it_is_not_found(
    client: Client, cast: Cast, person: str, address: str, headers: dict[str, str]
) -> None:
    row = notice(cast.vera)
    UserNotification.objects.update(is_read=address == UNREAD)
    client.force_login(getattr(cast, person))
    assert client.post(address, {"thread": f"{row.pk}:1"}, headers=headers).status_code == 404
    row.refresh_from_db()
    assert row.is_read is (address == UNREAD)


@OTHERS
def test_nobody_else_does_anything_with_it(cast: Cast, person: str) -> None:
    row = notice(cast.vera)
    theirs = inbox.readable_by(getattr(cast, person)).filter(pk=row.pk)
    done = [inbox.mark_read(theirs), inbox.archive(theirs), inbox.mute(theirs, inbox.FOREVER), inbox.delete(theirs)]
    assert done == [0, 0, 0, 0]
    assert inbox.unread_count(cast.vera) == 1


@OTHERS
def test_a_row_of_somebody_elses_personal_thread_shows_nothing(cast: Cast, person: str) -> None:
    """Nothing writes one. Should it be there, the thread still says whose it is."""
    other = getattr(cast, person)
    UserNotification.objects.create(notification=notice(cast.vera).notification, user=other)
    assert not inbox.readable_by(other).exists()


def test_a_deactivated_user_sees_nothing(cast: Cast) -> None:
    notice(cast.oscar)
    User.objects.filter(pk=cast.oscar.pk).update(is_active=False)
    assert (inbox.unread_count(cast.oscar), inbox.visible_to(cast.oscar).count()) == (0, 0)


def test_it_stays_with_who_leaves_all_teams(cast: Cast) -> None:
    notice(cast.vera)
    cast.acme.memberships.filter(user=cast.vera).delete()
    assert inbox.unread_count(cast.vera) == 1


def test_who_has_it_reads_archives_and_takes_it_back(cast: Cast) -> None:
    notice(cast.oscar)
    assert inbox.archive(inbox.visible_to(cast.oscar)) == 1
    assert inbox.unarchive(inbox.readable_by(cast.oscar)) == 1
    assert inbox.mark_read(inbox.visible_to(cast.oscar), seen=1) == 1
    assert inbox.unread_count(cast.oscar) == 0


# ---- its place in the inbox -----------------------------------------------------------------------------------------


def test_counts_are_of_all_of_one_team_or_of_the_personal_ones(cast: Cast) -> None:
    for title in ("one", "two"):
        notice(cast.bob, title)
    tell(cast.acme)
    tell(cast.globex)
    assert inbox.unread_count(cast.bob) == 4
    assert inbox.unread_count(cast.bob, cast.acme) == inbox.unread_count(cast.bob, cast.globex) == 1
    assert inbox.unread_count(cast.bob, PERSONAL) == 2
    inbox.mark_read(inbox.visible_to(cast.bob).of(PERSONAL))
    assert (inbox.unread_count(cast.bob), inbox.unread_count(cast.bob, PERSONAL)) == (2, 0)


def test_it_stands_among_the_threads_of_teams_and_is_called_personal(client: Client, cast: Cast) -> None:
    tell(cast.acme, "one")
    notice(cast.vera)
    client.force_login(cast.vera)
    for response in (client.get(INBOX), client.get(BELL, headers=HTMX)):
        assert "Your export is ready Info Personal just now" in text(response)
        assert "one Info Acme just now" in text(response)
    assertContains(client.get("/"), "Notifications, 2 unread")


def test_personal_ones_have_a_place_of_their_own(client: Client, cast: Cast) -> None:
    tell(cast.acme)
    row = notice(cast.vera)
    client.force_login(cast.vera)
    everything = client.get(INBOX)
    assert places(everything) == {"All": "page", "Personal": "", "Acme": ""}
    place = client.get(PLACE)
    assert shown(place) == [row.pk]
    assert places(place) == {"All": "", "Personal": "page", "Acme": ""}
    assertContains(place, "<title>Personal · Inbox")


def test_its_pages_stay_there(client: Client, cast: Cast, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "PAGE_SIZE": 2}
    rows = []
    for number in range(5):
        rows.append(notice(cast.vera, f"Notice {number}").pk)
        tell(cast.acme, f"thread-{number}")
    client.force_login(cast.vera)
    response, seen = client.get(PLACE), []
    while cursor := response.context["page"].next:
        seen += shown(response)
        assertContains(response, f'href="?team=personal&amp;after={cursor}"')
        response = client.get(f"{PLACE}&after={cursor}")
    assert seen + shown(response) == rows[::-1]
    [newest] = re.findall(r'href="([^"]*)">Newest', response.content.decode())
    assert "team=personal" in newest
    assert "after=" not in newest


def test_who_marks_one_there_is_back_there(client: Client, cast: Cast) -> None:
    row = notice(cast.vera)
    client.force_login(cast.vera)
    response = client.post(READ, {"thread": f"{row.pk}:1", "next": PLACE})
    assertRedirects(response, f"{PLACE}#thread-{row.pk}", fetch_redirect_response=False)
    assert inbox.unread_count(cast.vera) == 0


def test_where_there_are_none_it_says_what_comes_there(client: Client, cast: Cast) -> None:
    tell(cast.acme)
    client.force_login(cast.vera)
    response = client.get(PLACE)
    assertContains(response, "What is addressed to you alone, and to no team, appears here.")
    assertContains(response, f'href="{CHOICES}"')


@pytest.mark.parametrize("place", ["nonsense", "987654", "PERSONAL", "<script>"])
def test_a_place_that_does_not_exist_is_all_of_them_and_says_so(client: Client, cast: Cast, place: str) -> None:
    row = row_of(cast.vera, tell(cast.acme))
    client.force_login(cast.vera)
    response = client.get(INBOX, {"team": place})
    assert shown(response) == [row.pk]
    assertContains(response, f"asks for “team” to be “{escape(place)}”, which means nothing here.")


def test_its_place_costs_no_more_queries_than_the_inbox(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    costs = []
    for address in (INBOX, PLACE, PLACE):
        notice(cast.vera)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        costs.append(len(captured))
    assert len(set(costs)) == 1


# ---- their place in the preferences ---------------------------------------------------------------------------------


def test_they_have_a_section_of_their_own_that_inherits_from_everywhere(client: Client, cast: Cast) -> None:
    preferences.choose(cast.oscar, in_app_level=40)
    client.force_login(cast.oscar)  # who is in no team
    assertContains(client.get(PREFERENCES), f'<a href="{CHOICES}#scope-personal"><bdi>Personal</bdi></a>', html=True)
    page = text(client.get(CHOICES))
    assert "What is addressed to you alone, and to no team." in page
    assert "Threshold Inherit: Errors only" in page
    assert "From your setting for everywhere" in page


def test_what_is_chosen_there_is_for_personal_ones_alone(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    response = client.post(CHOICES, {**INHERIT, "in_app_enabled": "False", "email_enabled": "False"}, follow=True)
    assertRedirects(response, CHOICES)
    assertContains(response, "Saved for Personal.")
    assert notify_user(cast.vera, "Ready", level="error") is None
    tell(cast.acme)
    assert inbox.unread_count(cast.vera) == 1
    client.post(CHOICES, INHERIT)
    assert not Preference.objects.exists()
    assert notify_user(cast.vera, "Ready", level="error")


def test_what_is_chosen_for_a_team_or_by_somebody_else_says_nothing_about_them(cast: Cast) -> None:
    preferences.choose(cast.vera, cast.acme, in_app_enabled=False)
    preferences.choose(cast.alice, PERSONAL, in_app_enabled=False)
    [everywhere, personal, acme] = preferences.scopes(cast.vera)
    chosen = [scope.choices["in_app_enabled"].effective for scope in (everywhere, personal, acme)]
    assert chosen == [True, True, False]


def test_not_being_disturbed_can_be_for_them_alone(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assertRedirects(client.post(f"{DO_NOT_DISTURB}personal/", {"quick": "hour"}), CHOICES)
    preference = Preference.objects.get()
    assert (preference.personal, preference.team) == (True, None)
    assert preference.do_not_disturb_until is not None
