"""The page of those who look after a team: its defaults and its floors."""

import re
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from team_notifications import floors, preferences
from team_notifications.delivery import mailings
from team_notifications.levels import Threshold
from team_notifications.models import Delivery, Floor, Preference
from team_notifications.notify import create_notification
from teams.models import Team
from tests.cast import Cast, join
from tests.crowd import crowd
from tests.web import EVERY_CHOICE, PREFERENCES, TEAM_SETTINGS, text, unread_slugs
from users.models import User

ADMINS = "teams.change_team"
GONE = "teams.fly_team"
INHERIT = dict.fromkeys(preferences.fields(), "inherit")
NONE = {f"floor-{channel}:{name}": "none" for name in ("", ADMINS) for channel in ("in_app", "email")}
EMAIL_FOR_ADMINS = f"floor-email:{ADMINS}"


def of(team: Team) -> str:
    return f"{TEAM_SETTINGS}{team.pk}/"


def floors_of(team: Team) -> str:
    return f"{TEAM_SETTINGS}{team.pk}/floors/"


def hidden(response: HttpResponse) -> dict[str, str]:
    """What the page says that it showed: a browser sends it along."""
    found = re.findall(r'<input type="hidden" name="(initial-[^"]+)" value="([^"]*)"', response.content.decode())
    return dict(found)


def kept(team: Team) -> set[tuple[str, str, int]]:
    return set(Floor.objects.filter(team=team).values_list("channel", "permission", "level"))


# ---- who may --------------------------------------------------------------------------------------------------------


def gone_away(cast: Cast) -> User:
    cast.acme.memberships.filter(user=cast.alice).delete()
    return cast.alice


def without_role(cast: Cast) -> User:
    cast.acme.memberships.get(user=cast.alice).roles.clear()
    return cast.alice


NOT_THEM: dict[str, Any] = {
    "a member without the permission": lambda cast: cast.ed,
    "an admin of another team": lambda cast: cast.grace,
    "a member who is an admin elsewhere": lambda cast: cast.bob,
    "an outsider": lambda cast: cast.oscar,
    "a superuser outside": lambda cast: cast.sue,
    "a former member": gone_away,
    "who was an admin": without_role,
}


@pytest.mark.parametrize("person", NOT_THEM)
def test_for_everybody_else_it_is_not_found_and_nothing_is_written(client: Client, cast: Cast, person: str) -> None:
    client.force_login(NOT_THEM[person](cast))
    answers = [
        client.get(of(cast.acme)),
        client.post(of(cast.acme), {**INHERIT, "in_app_enabled": "False"}),
        client.post(floors_of(cast.acme), {**NONE, EMAIL_FOR_ADMINS: "40"}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert "Acme" not in answers[0].content.decode().partition("<main")[2]
    assert not Preference.objects.exists()
    assert not Floor.objects.exists()


@pytest.mark.parametrize("who", ["nobody", "somebody inactive"])
def test_nobody_is_sent_to_sign_in(client: Client, cast: Cast, who: str) -> None:
    if who == "somebody inactive":
        client.force_login(cast.alice)
        User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    for address in (of(cast.acme), floors_of(cast.acme)):
        assertRedirects(client.post(address, INHERIT), f"/sign-in/?next={address}")
    assertRedirects(client.get(of(cast.acme)), f"/sign-in/?next={of(cast.acme)}")
    assert not Preference.objects.exists()


def test_who_was_granted_the_permission_on_the_team_may(client: Client, cast: Cast) -> None:
    assign_perm(ADMINS, cast.ed, cast.acme)
    client.force_login(cast.ed)
    assert client.get(of(cast.acme)).status_code == 200


def test_a_superuser_who_is_a_member_may(client: Client, cast: Cast) -> None:
    join(cast.sue, cast.acme)
    client.force_login(cast.sue)
    assert client.get(of(cast.acme)).status_code == 200


def test_the_permission_is_a_setting(client: Client, cast: Cast, settings: Any) -> None:
    permission = "custom_actions.change_customaction"
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "TEAM_SETTINGS_PERMISSION": permission}
    client.force_login(cast.ed)
    assert client.get(of(cast.acme)).status_code == 200


@pytest.mark.parametrize("key", ["0", "nonsense", "999999", "-1", "acme", "personal", "1e0"])
def test_an_unknown_team_is_not_found(client: Client, cast: Cast, key: str) -> None:
    client.force_login(cast.alice)
    assert client.get(f"{TEAM_SETTINGS}{key}/").status_code == 404


def test_looking_changes_nothing(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    client.get(of(cast.acme))
    assert client.get(floors_of(cast.acme)).status_code == 405
    assert not Preference.objects.exists()
    assert not Floor.objects.exists()


def test_it_is_linked_for_those_who_may_and_for_nobody_else(client: Client, cast: Cast) -> None:
    pages = [f"{PREFERENCES}{cast.acme.pk}/", "/teams/acme/"]
    for user, there in ((cast.alice, True), (cast.vera, False)):
        client.force_login(user)
        for page in pages:
            assert (f'href="{of(cast.acme)}"' in client.get(page).content.decode()) is there
    client.force_login(cast.bob)
    assertNotContains(client.get(PREFERENCES), TEAM_SETTINGS)  # it stands in the section of the team


# ---- defaults -------------------------------------------------------------------------------------------------------


def test_a_default_holds_for_who_chose_nothing(client: Client, cast: Cast) -> None:
    preferences.choose(cast.vera, in_app_level=Threshold.INFO)
    client.force_login(cast.alice)
    response = client.post(of(cast.acme), {**INHERIT, "in_app_level": "40"}, follow=True)
    assertRedirects(response, of(cast.acme))
    assertContains(response, "Saved for Acme.")
    create_notification(team=cast.acme, slug="slow", title="Slow", level="warning")
    assert unread_slugs(cast.vera) == {"slow"}
    assert unread_slugs(cast.ed) == set()


def test_it_shows_what_the_team_chose_and_what_it_inherits(client: Client, cast: Cast) -> None:
    preferences.choose_for_team(cast.acme, email_frequency="weekly")
    client.force_login(cast.alice)
    page = text(client.get(of(cast.acme)))
    assert "How often Inherit: At once At once Every hour Every day Every week Chosen for the team" in page
    assert "In the inbox Inherit: On On Off From the default" in page


def test_a_default_is_taken_back(client: Client, cast: Cast) -> None:
    preferences.choose_for_team(cast.acme, in_app_level=Threshold.ERROR)
    client.force_login(cast.alice)
    client.post(of(cast.acme), INHERIT)
    assert not Preference.objects.exists()


def test_each_default_can_be_chosen_and_is_shown_as_chosen(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    assertRedirects(client.post(of(cast.acme), EVERY_CHOICE), of(cast.acme))
    row = Preference.objects.get()
    assert (row.user, row.team) == (None, cast.acme)
    assert {name: str(getattr(row, name)) for name in EVERY_CHOICE} == EVERY_CHOICE
    shown = client.get(of(cast.acme)).content.decode().partition('id="defaults"')[2]
    assert re.findall(r'<option value="([^"]*)" selected>', shown) == list(EVERY_CHOICE.values())


@pytest.mark.parametrize("field", INHERIT)
@pytest.mark.parametrize("sent", ["nonsense", "", "<b>", None], ids=str)
def test_nonsense_in_a_default_is_named_and_nothing_is_written(
    client: Client, cast: Cast, field: str, sent: str | None
) -> None:
    client.force_login(cast.alice)
    values = {**INHERIT, "in_app_enabled": "False", field: sent}
    response = client.post(of(cast.acme), {name: value for name, value in values.items() if value is not None})
    assert response.status_code == 400
    page = text(response)
    assert f": Select a valid choice. {sent} is not one of" in page if sent else ": no value was sent." in page
    assert not Preference.objects.exists()


def test_what_is_held_back_is_looked_at_again_after_the_commit(
    client: Client, cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    preferences.choose_for_team(cast.acme, email_frequency="weekly", email_instant_level=Threshold.ERROR)
    create_notification(team=cast.acme, slug="slow", title="Slow", level="warning", recipients=[cast.vera])
    mailings.deliver()
    assert mail.outbox == []
    client.force_login(cast.alice)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(of(cast.acme), {**INHERIT, "email_frequency": "instant"})
    mailings.deliver()
    assert [message.to for message in mail.outbox] == [["vera@example.com"]]
    assert Delivery.objects.get().state == Delivery.State.SENT


# ---- floors ---------------------------------------------------------------------------------------------------------


def test_a_floor_is_set_raised_and_taken_away(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    response = client.post(floors_of(cast.acme), {**NONE, EMAIL_FOR_ADMINS: "40"}, follow=True)
    assertRedirects(response, of(cast.acme))
    assertContains(response, "Saved for Acme.")
    assert kept(cast.acme) == {("email", ADMINS, 40)}
    client.post(floors_of(cast.acme), {**NONE, EMAIL_FOR_ADMINS: "30", "floor-in_app:": "20"})
    assert kept(cast.acme) == {("email", ADMINS, 30), ("in_app", "", 20)}
    shown = re.findall(r'<option value="([^"]*)" selected>', client.get(of(cast.acme)).content.decode())
    assert shown[:4] == ["20", "none", "none", "30"]
    client.post(floors_of(cast.acme), NONE)
    assert kept(cast.acme) == set()
    assert not Preference.objects.exists()


def test_the_permission_goes_by_its_own_name_with_how_many_hold_it(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    page = text(client.get(of(cast.acme)))
    assert "Every member 4 members now" in page
    assert "Can change team 1 member holds this permission now" in page


def test_which_permissions_are_offered_is_a_setting(client: Client, cast: Cast, settings: Any) -> None:
    client.force_login(cast.alice)
    names = ["custom_actions.view_customaction", "custom_actions.change_customaction", GONE]
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FLOOR_PERMISSIONS": names}
    page = text(client.get(of(cast.acme)))
    assert "Can view custom action 4 members" in page
    assert "Can change custom action 2 members" in page
    assert "Can change team" not in page
    assert "fly_team" not in page  # no floor is for it
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "FLOOR_PERMISSIONS": []}
    assert "Can" not in text(client.get(of(cast.acme))).partition("Defaults")[0]


def test_a_floor_for_a_permission_that_is_gone_says_so_stays_and_can_be_taken_away(client: Client, cast: Cast) -> None:
    Floor.objects.create(team=cast.acme, channel="email", level=40, permission=GONE)
    client.force_login(cast.alice)
    page = text(client.get(of(cast.acme)))
    assert "fly_team There is no such permission any more: this reaches nobody." in page
    stays = {**NONE, f"floor-email:{GONE}": "40", f"floor-in_app:{GONE}": "none"}
    assertRedirects(client.post(floors_of(cast.acme), stays), of(cast.acme))
    assert kept(cast.acme) == {("email", GONE, 40)}
    for channel in ("in_app", "email"):
        assert client.post(floors_of(cast.acme), {**stays, f"floor-{channel}:{GONE}": "20"}).status_code == 400
    client.post(floors_of(cast.acme), {**stays, f"floor-email:{GONE}": "none"})
    assert kept(cast.acme) == set()


@pytest.mark.parametrize("field", NONE)
@pytest.mark.parametrize("sent", ["25", "nonsense", "<b>", "", None], ids=str)
def test_nonsense_in_a_floor_is_named_and_nothing_is_written(
    client: Client, cast: Cast, field: str, sent: str | None
) -> None:
    client.force_login(cast.alice)
    values = {**dict.fromkeys(NONE, "40"), field: sent}
    response = client.post(floors_of(cast.acme), {name: value for name, value in values.items() if value is not None})
    assert response.status_code == 400
    page = text(response)
    assert f": Select a valid choice. {sent} is not one of" in page if sent else ": no value was sent." in page
    assert not Floor.objects.exists()


def test_a_permission_that_is_not_on_the_page_is_not_taken(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    client.post(floors_of(cast.acme), {**NONE, "floor-email:custom_actions.view_customaction": "20"})
    assert not Floor.objects.exists()


# ---- two at once ----------------------------------------------------------------------------------------------------


def test_of_two_admins_neither_takes_back_what_the_other_set(client: Client, cast: Cast) -> None:
    join(cast.grace, cast.acme, "Admin")
    client.force_login(cast.alice)
    page = client.get(of(cast.acme))  # both have it before them
    other = Client()
    other.force_login(cast.grace)
    other.post(floors_of(cast.acme), {**NONE, **hidden(page), EMAIL_FOR_ADMINS: "40"})
    other.post(of(cast.acme), {**INHERIT, **hidden(page), "email_level": "40"})
    client.post(floors_of(cast.acme), {**NONE, **hidden(page), "floor-in_app:": "30"})
    client.post(of(cast.acme), {**INHERIT, **hidden(page), "email_frequency": "daily"})
    assert kept(cast.acme) == {("email", ADMINS, 40), ("in_app", "", 30)}
    row = Preference.objects.get()
    assert (row.email_level, row.email_frequency) == (40, "daily")


def test_of_two_who_change_the_same_the_second_holds(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    page = client.get(of(cast.acme))
    for level in ("40", "20"):
        client.post(floors_of(cast.acme), {**NONE, **hidden(page), EMAIL_FOR_ADMINS: level})
    assert kept(cast.acme) == {("email", ADMINS, 20)}


def test_nonsense_about_what_the_page_showed_is_taken_for_a_change(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    shown = {f"initial-{name}": "<nonsense>" for name in (*NONE, *INHERIT)}
    client.post(floors_of(cast.acme), {**NONE, **shown, EMAIL_FOR_ADMINS: "40"})
    client.post(of(cast.acme), {**INHERIT, **shown, "in_app_level": "40"})
    assert kept(cast.acme) == {("email", ADMINS, 40)}
    assert Preference.objects.get().in_app_level == 40


# ---- what members see -----------------------------------------------------------------------------------------------


def test_a_member_sees_which_floors_hold_and_what_that_comes_to(client: Client, cast: Cast) -> None:
    floors.choose(cast.acme, {("email", ADMINS): 40, ("in_app", ""): 30})
    for user in (cast.alice, cast.vera):
        preferences.choose(user, cast.acme, email_enabled=False, in_app_level=Threshold.ERROR)
    client.force_login(cast.alice)
    page = text(client.get(f"{PREFERENCES}{cast.acme.pk}/"))
    assert "Acme Inbox: Warnings and errors Email: Errors only, at once" in page
    assert "Errors reach you by email whatever you choose: a rule of Acme." in page
    assert "Warnings and errors come to your inbox whatever you choose: a rule of Acme." in page
    client.force_login(cast.vera)
    page = text(client.get(f"{PREFERENCES}{cast.acme.pk}/"))
    assert "Acme Inbox: Warnings and errors Email: off" in page
    assert "by email whatever you choose" not in page


def test_who_chose_more_than_the_floor_gets_what_they_chose(client: Client, cast: Cast) -> None:
    floors.choose(cast.acme, {("email", ""): 40})
    preferences.choose(cast.vera, email_level=Threshold.INFO)
    client.force_login(cast.vera)
    assert "Acme Inbox: Everything Email: Everything, at once" in text(client.get(PREFERENCES))


def test_the_other_sections_have_no_floors(client: Client, cast: Cast) -> None:
    floors.choose(cast.acme, {("email", ""): 40})
    client.force_login(cast.bob)
    for key in ("", "personal/", f"{cast.globex.pk}/"):
        assertNotContains(client.get(f"{PREFERENCES}{key}"), "whatever you choose")


# ---- what it costs --------------------------------------------------------------------------------------------------


def test_4_members_cost_as_many_as_300_and_1_team_as_many_as_20(client: Client, cast: Cast) -> None:
    floors.choose(cast.acme, {("email", ADMINS): 40, ("in_app", ""): 30})
    client.force_login(cast.alice)

    def costs() -> list[int]:
        found = []
        for address in (of(cast.acme), f"{PREFERENCES}{cast.acme.pk}/"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            found.append(len(captured))
        return found

    few = costs()
    for user in crowd(300).members.all():
        join(user, cast.acme, "Viewer")
    for number in range(19):
        team = Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        join(cast.alice, team, "Admin")
        floors.choose(team, {("email", ADMINS): 40})
    assert costs() == few
