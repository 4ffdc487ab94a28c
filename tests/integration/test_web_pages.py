"""The project's own pages: the start, a team, signing in and out, and what goes wrong."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from tests.cast import Cast
from tests.web import INBOX

TEAM = "/teams/acme/"


def test_the_start_says_what_this_is_and_where_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/")
    assertContains(response, "one thread in their inbox")
    assertContains(response, 'href="/sign-in/"')


def test_the_start_shows_the_teams_and_roles_of_the_person(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    response = client.get("/")
    assertContains(response, "Acme")
    assertContains(response, "Admin")
    assertNotContains(response, "Globex")


def test_somebody_in_no_team_is_told_so(client: Client, cast: Cast) -> None:
    client.force_login(cast.oscar)
    assertContains(client.get("/"), "You are in no team yet")


def test_a_member_sees_the_team_its_members_and_where_to_go(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    response = client.get(TEAM)
    for expected in ("4 members", "alice@example.com", "Editor", 'href="/teams/acme/actions/"', f'href="{INBOX}"'):
        assertContains(response, expected)
    assertNotContains(response, "grace@example.com")


@pytest.mark.parametrize("person", ["grace", "oscar", "sue"])
def test_for_an_outsider_the_team_is_not_found(client: Client, cast: Cast, person: str) -> None:
    client.force_login(getattr(cast, person))
    response = client.get(TEAM)
    assert response.status_code == 404
    assertContains(response, "Page not found", status_code=404)
    assertNotContains(response, "Acme", status_code=404)


def test_for_a_former_member_the_team_is_not_found(client: Client, cast: Cast) -> None:
    cast.acme.memberships.filter(user=cast.vera).delete()
    client.force_login(cast.vera)
    assert client.get(TEAM).status_code == 404


def test_a_member_who_is_not_active_is_not_listed(client: Client, cast: Cast) -> None:
    cast.ed.is_active = False
    cast.ed.save()
    client.force_login(cast.vera)
    assertNotContains(client.get(TEAM), "ed@example.com")


def test_nobody_is_sent_to_sign_in(client: Client, cast: Cast) -> None:
    assertRedirects(client.get(TEAM), f"/sign-in/?next={TEAM}")


def test_signing_in_leads_to_where_one_wanted_to_go(client: Client, cast: Cast) -> None:
    cast.vera.set_password("a long secret")
    cast.vera.save()
    form = {"username": "Vera@Example.com", "password": "a long secret", "next": INBOX}
    assertRedirects(client.post("/sign-in/", form), INBOX)


def test_a_wrong_password_is_said(client: Client, cast: Cast) -> None:
    response = client.post("/sign-in/", {"username": "vera@example.com", "password": "wrong"})
    assertContains(response, "Please enter a correct email address and password.")
    assertContains(response, 'role="alert"')


def test_signing_out_is_a_post(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    assert client.get("/sign-out/").status_code == 405
    assertRedirects(client.post("/sign-out/"), "/")
    assertContains(client.get("/"), "Sign in")


def test_an_error_of_ours_is_a_page_that_asks_nothing_of_the_database(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("team_notifications.inbox.page", broken)
    client = Client(raise_request_exception=False)
    client.force_login(cast.vera)
    assertContains(client.get(INBOX), "Something broke", status_code=500)


def test_no_page_has_inline_scripts_or_styles(client: Client, cast: Cast) -> None:
    client.force_login(cast.vera)
    for address in ("/", TEAM, INBOX, f"{INBOX}preferences/"):
        content = client.get(address).content.decode()
        assert "<style" not in content
        assert " style=" not in content
        assert " onclick=" not in content
        assert content.count("<script") == content.count("<script src=") + content.count('<script type="module" src=')


def test_in_a_project_without_pages_of_its_own_those_of_the_module_stand_by_themselves(
    client: Client, cast: Cast, settings: Any
) -> None:
    (templates,) = settings.TEMPLATES
    settings.TEMPLATES = [{**templates, "DIRS": []}]
    client.force_login(cast.vera)
    for address in (INBOX, f"{INBOX}preferences/"):
        response = client.get(address)
        assertContains(response, "Notifications, none unread")
        assertContains(response, "Skip to the content")
        assertNotContains(response, "Sign out")


def test_browsers_find_the_icon_where_they_look_for_it_by_themselves(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/team_notifications/icon.svg"


def test_staff_find_the_admin_and_others_do_not(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    assertNotContains(client.get("/"), "/admin/")
    client.force_login(cast.sue)
    assertContains(client.get("/"), 'href="/admin/"')


def test_the_demo_says_who_can_sign_in(client: Client, db: None) -> None:
    response = client.get("/sign-in/")
    assertContains(response, "alice@example.com")
    assertContains(response, "Acme: Admin")


@pytest.mark.urls("tests.urls_without_demo")
def test_without_the_demo_nobody_is_named(client: Client, db: None) -> None:
    assertNotContains(client.get("/sign-in/"), "example.com")
