"""Choosing what reaches one, and stopping mail, with and without JavaScript."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from team_notifications import preferences
from team_notifications.delivery.channels.email.suppression import suppress
from team_notifications.delivery.channels.email.unsubscribe import token_for
from team_notifications.kind_preferences import kind_choices
from team_notifications.models import Suppression
from tests.browser.steps import SignIn
from tests.cast import Cast
from tests.web import PREFERENCES, UNSUBSCRIBE


@pytest.mark.parametrize("kind", ["page", "without_javascript"])
def test_a_member_chooses_and_sees_what_the_teams_inherit(
    request: pytest.FixtureRequest, kind: str, cast: Cast, sign_in: SignIn
) -> None:
    page: Page = request.getfixturevalue(kind)
    sign_in(page, cast.bob)
    page.goto(PREFERENCES)
    everywhere = page.get_by_role("form", name="Everywhere")
    everywhere.get_by_role("group", name="Email").get_by_label("Threshold").select_option("Errors only")
    everywhere.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Everywhere.")
    page.get_by_role("main").get_by_role("link", name="Globex").click()
    globex = page.get_by_role("form", name="Globex")
    email = globex.get_by_role("group", name="Email")
    expect(email.get_by_label("Threshold").locator("option:checked")).to_have_text("Inherit: Errors only")
    expect(email).to_contain_text("From your setting for everywhere")
    email.get_by_label("How often").select_option("Every day")
    globex.get_by_text("Digest and quiet hours").click()
    globex.get_by_label("Digest at").select_option("6 p.m.")
    globex.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Globex.")
    _everywhere, _personal, acme, globex_scope = preferences.scopes(cast.bob)
    assert acme.choices["email_frequency"].effective == "instant"
    assert globex_scope.choices["email_frequency"].effective == "daily"
    assert globex_scope.choices["digest_hour"].effective == 18


@pytest.mark.parametrize("kind", ["page", "without_javascript"])
def test_a_member_chooses_the_channels_of_a_kind(
    request: pytest.FixtureRequest, kind: str, cast: Cast, sign_in: SignIn
) -> None:
    page: Page = request.getfixturevalue(kind)
    sign_in(page, cast.bob)
    page.goto(f"{PREFERENCES}{cast.acme.pk}/")
    page.get_by_role("main").get_by_text("By kind").click()
    form = page.get_by_role("form", name="By kind")
    down = form.get_by_role("group", name="Monitoring").get_by_label("Action down")
    expect(down.locator("option:checked")).to_have_text("Inherit: Inbox and email")
    expect(down).to_have_accessible_description(re.compile("From the default"))
    down.select_option("Inbox only")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Acme.")
    expect(down.locator("option:checked")).to_have_text("Inbox only")
    expect(down).to_be_visible()  # what was chosen stays in sight
    assert kind_choices(cast.bob, cast.acme)["custom-action-down"].own == {"in_app"}
    assert kind_choices(cast.bob, cast.globex)["custom-action-down"].own is None


def test_not_being_disturbed_is_one_click_and_ends_with_another(page: Page, cast: Cast, sign_in: SignIn) -> None:
    sign_in(page, cast.vera)
    page.goto(PREFERENCES)
    group = page.get_by_role("group", name="Do not disturb")
    group.get_by_role("button", name="For an hour").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Everywhere.")
    expect(group).to_contain_text("Until")
    group.get_by_role("button", name="End it").click()
    expect(group.get_by_role("button", name="For an hour")).to_be_visible()


def test_another_time_is_entered_and_a_time_that_is_over_refused(
    page: Page, cast: Cast, sign_in: SignIn, complaints: list[str]
) -> None:
    sign_in(page, cast.vera)
    page.goto(PREFERENCES)
    page.get_by_text("Until another time").click()
    page.get_by_label("Do not disturb until").fill("2020-01-01T08:00")
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_label("Do not disturb until")).to_have_accessible_description("This time is over.")
    assert all("400" in complaint for complaint in complaints)
    complaints.clear()
    tomorrow = timezone.now() + timedelta(days=1)
    page.get_by_label("Do not disturb until").fill(f"{tomorrow:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Everywhere.")


@pytest.mark.parametrize("kind", ["page", "without_javascript"])
def test_mail_is_stopped_by_its_link_without_signing_in(request: pytest.FixtureRequest, kind: str, cast: Cast) -> None:
    page: Page = request.getfixturevalue(kind)
    page.goto(f"{UNSUBSCRIBE}{token_for(cast.bob, cast.acme)}/")
    expect(page.get_by_role("heading", name="Stop mail from Acme?")).to_be_visible()
    page.get_by_role("button", name="Stop mail").click()
    expect(page.get_by_role("heading", name="Mail from Acme is stopped")).to_be_visible()
    _everywhere, _personal, acme, globex = preferences.scopes(cast.bob)
    assert acme.choices["email_enabled"].effective is False
    assert globex.choices["email_enabled"].effective is True


def test_an_address_that_no_mail_goes_to_is_freed_by_its_owner(page: Page, cast: Cast, sign_in: SignIn) -> None:
    suppress(cast.vera.email, Suppression.Reason.COMPLAINED)
    sign_in(page, cast.vera)
    page.goto(PREFERENCES)
    expect(page.get_by_role("group", name="No mail goes to vera@example.com")).to_contain_text("spam")
    page.get_by_role("button", name="Send mail to it again").click()
    expect(page.get_by_role("status")).to_have_text("Mail goes to vera@example.com again.")
