"""Writing a template in the admin, with and without JavaScript. The console complains of nothing, CSP included."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from team_notifications.models import NotificationTemplate
from tests.browser.steps import SignIn
from tests.cast import Cast
from tests.kinds import kind, registered

ADD = "/admin/team_notifications/notificationtemplate/add/"


@pytest.fixture(autouse=True)
def clustered() -> Iterator[None]:
    with registered(kind()):
        yield


def test_the_preview_follows_what_is_typed(page: Page, cast: Cast, sign_in: SignIn) -> None:
    sign_in(page, cast.sue)
    page.goto(ADD)
    preview = page.locator("#template-preview")
    expect(preview).to_contain_text("Choose a kind.")
    page.get_by_label("Kind").select_option("ai-cluster-complete")
    expect(preview).to_contain_text("{keywords}")
    page.get_by_label("Channel").select_option("Email")
    page.get_by_label("Title").press_sequentially("{clusters} <b>groups</b>")
    expect(preview).to_contain_text("12 <b>groups</b>")
    page.get_by_label("Body").fill("{user.__class__}")
    expect(preview).to_contain_text("'{user.__class__}' is no placeholder")
    assert not NotificationTemplate.objects.exists()
    page.get_by_label("Body").fill("Of {keywords}")
    expect(preview).to_contain_text("Of 340")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert NotificationTemplate.objects.get().body == "Of {keywords}"


def test_without_javascript_the_preview_opens_beside_the_form(
    without_javascript: Page, cast: Cast, sign_in: SignIn
) -> None:
    page = without_javascript
    sign_in(page, cast.sue)
    page.goto(ADD)
    page.get_by_label("Kind").select_option("ai-cluster-complete")
    page.get_by_label("Title").fill("{clusters} groups")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Preview").click()
    expect(opened.value.locator("#template-preview")).to_contain_text("12 groups")
    expect(page.get_by_label("Title")).to_have_value("{clusters} groups")
