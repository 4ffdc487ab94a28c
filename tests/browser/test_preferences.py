"""Choosing what reaches the inbox, with and without JavaScript."""

import pytest
from playwright.sync_api import Page, expect

from team_notifications import preferences
from tests.browser.steps import SignIn
from tests.cast import Cast
from tests.web import PREFERENCES


@pytest.mark.parametrize("kind", ["page", "without_javascript"])
def test_a_member_chooses_and_sees_what_the_teams_inherit(
    request: pytest.FixtureRequest, kind: str, cast: Cast, sign_in: SignIn
) -> None:
    page: Page = request.getfixturevalue(kind)
    sign_in(page, cast.bob)
    page.goto(PREFERENCES)
    everywhere = page.get_by_role("form", name="All teams")
    everywhere.get_by_label("Threshold").select_option("Warnings and errors")
    everywhere.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved for All teams.")
    globex = page.get_by_role("form", name="Globex")
    expect(globex).to_contain_text("Inherited from your setting for all teams: Warnings and errors")
    globex.get_by_label("In the inbox").select_option("Off")
    globex.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved for Globex.")
    _everywhere, acme, globex_scope = preferences.scopes(cast.bob)
    assert acme.choices["in_app_enabled"].effective is True
    assert globex_scope.choices["in_app_enabled"].effective is False
