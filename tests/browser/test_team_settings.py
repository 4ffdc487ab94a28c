"""Looking after a team: its floors and its defaults, with and without JavaScript."""

import pytest
from playwright.sync_api import Page, expect

from team_notifications import floors, preferences
from team_notifications.levels import Threshold
from team_notifications.models import Floor
from tests.browser.steps import SignIn
from tests.cast import Cast
from tests.web import PREFERENCES, TEAM_SETTINGS, row_of, tell

KINDS = ["page", "without_javascript"]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_always_reach_admins_by_email(
    request: pytest.FixtureRequest, kind: str, cast: Cast, sign_in: SignIn
) -> None:
    page: Page = request.getfixturevalue(kind)
    sign_in(page, cast.alice)
    page.goto("/teams/acme/")
    page.get_by_role("main").get_by_role("link", name="Settings").click()
    admins = page.get_by_role("row", name="Can change team")
    expect(admins.get_by_role("rowheader")).to_contain_text("1 member holds this permission now")
    admins.get_by_label("Can change team, Email").select_option("Errors")
    page.get_by_role("form", name="Floors").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Acme.")
    expect(admins.get_by_label("Can change team, Email").locator("option:checked")).to_have_text("Errors")
    assert floors.held_by(cast.alice) == {cast.acme.pk: {"email": Threshold.ERROR}}
    assert floors.held_by(cast.vera) == {}

    page.get_by_role("link", name="Your preferences").click()
    email = page.get_by_role("form", name="Acme").get_by_role("group", name="Email")
    rule = "Errors reach you by email whatever you choose: a rule of Acme."
    expect(email).to_have_accessible_description(rule)
    email.get_by_label("By email").select_option("Off")
    page.get_by_role("form", name="Acme").get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Acme")).to_contain_text("Email: Errors only, at once")
    row = row_of(cast.alice, tell(cast.acme, level="error"))
    assert row.deliveries.count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_of_the_team_holds_for_its_members(
    request: pytest.FixtureRequest, kind: str, cast: Cast, sign_in: SignIn
) -> None:
    page: Page = request.getfixturevalue(kind)
    sign_in(page, cast.alice)
    page.goto(f"{PREFERENCES}{cast.acme.pk}/")
    page.get_by_role("link", name="Team settings").click()
    defaults = page.get_by_role("form", name="Defaults")
    defaults.get_by_role("group", name="Email").get_by_label("How often").select_option("Every day")
    defaults.get_by_text("Digest and quiet hours").click()
    defaults.get_by_label("Digest at").select_option("6 p.m.")
    defaults.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Acme.")
    expect(defaults.get_by_role("group", name="Email")).to_contain_text("Chosen for the team")
    *_others, acme = preferences.scopes(cast.vera)
    assert (acme.choices["email_frequency"].effective, acme.choices["digest_hour"].effective) == ("daily", 18)


def test_two_who_have_the_page_before_them_keep_each_others_floors(page: Page, cast: Cast, sign_in: SignIn) -> None:
    sign_in(page, cast.alice)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{TEAM_SETTINGS}{cast.acme.pk}/")
    for tab, row, channel in ((page, "Can change team", "Email"), (other, "Every member", "Inbox")):
        tab.get_by_label(f"{row}, {channel}").select_option("Warnings and errors")
        tab.get_by_role("form", name="Floors").get_by_role("button", name="Save").click()
        expect(tab.get_by_role("status")).to_have_text("Saved for Acme.")
    expect(other.get_by_label("Can change team, Email").locator("option:checked")).to_have_text("Warnings and errors")
    assert Floor.objects.filter(team=cast.acme, level=Threshold.WARNING).count() == 2
