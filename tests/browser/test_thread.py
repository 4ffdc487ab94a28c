"""The page of one thread as people use it: by mouse, by keyboard, without a script, and by what reads it out."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from team_notifications import inbox, preferences
from team_notifications.levels import Threshold
from team_notifications.models import Notification, Occurrence, UserNotification
from tests.browser.steps import SignIn, bell
from tests.browser.test_accessibility import violations
from tests.cast import Cast
from tests.web import INBOX, tell, thread_page


@pytest.fixture
def down(cast: Cast) -> Notification:
    """It happened through weeks, now milder; some have read it, and Vera does not want it."""
    preferences.choose(cast.vera, cast.acme, in_app_level=Threshold.ERROR)
    tell(cast.acme, title="Checkout is slow", message="line\n" * 12, level="warning")
    thread = tell(cast.acme, title="Checkout is down", level="error", links={"Open": "/", "W" * 200: "/"})
    Occurrence.objects.bulk_create(
        Occurrence(
            notification=thread,
            at=timezone.now() - timedelta(days=number),
            title="W" * 200,
            message="W" * 500,
            level=30,
        )
        for number in range(1, 40)
    )
    Notification.objects.filter(pk=thread.pk).update(occurrences=41)
    inbox.mark_read(UserNotification.objects.filter(user=cast.ed))
    return thread


def test_from_the_inbox_to_the_thread_and_back(page: Page, cast: Cast, down: Notification, sign_in: SignIn) -> None:
    sign_in(page, cast.alice)
    page.goto(INBOX)
    page.get_by_role("link", name="Checkout is down").click()
    expect(page.get_by_role("heading", level=1, name="Checkout is down")).to_be_visible()
    expect(page.get_by_role("region", name="Why you got this").get_by_role("listitem")).to_have_count(3)
    bell(page, "1 unread").wait_for()
    page.get_by_role("button", name="Mark read").click()
    bell(page, "none unread").wait_for()
    page.get_by_role("button", name="Mark unread").click()
    bell(page, "1 unread").wait_for()
    page.get_by_role("navigation", name="Back").get_by_role("link").click()
    page.wait_for_url(f"**{INBOX}")


def test_the_chart_is_a_table_for_who_does_not_see_it(
    page: Page, cast: Cast, down: Notification, sign_in: SignIn
) -> None:
    sign_in(page, cast.alice)
    page.goto(thread_page(cast.alice, down))
    chart = page.get_by_role("region", name="Happened 41 times")
    expect(chart.locator("svg rect")).to_have_count(40)
    expect(chart.get_by_role("img")).to_have_count(0)
    page.keyboard.press("Tab")
    chart.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(chart.get_by_role("row")).to_have_count(41)


def test_the_whole_page_works_without_a_script(
    without_javascript: Page, cast: Cast, down: Notification, sign_in: SignIn
) -> None:
    page = without_javascript
    sign_in(page, cast.alice)
    page.goto(thread_page(cast.alice, down))
    page.get_by_role("button", name="Mark read").click()
    expect(page.get_by_role("button", name="Mark unread")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("region", name="History").get_by_role("listitem")).to_have_count(16)
    page.get_by_role("link", name="Newest").click()
    page.get_by_role("link", name="Why did somebody not get it?").click()
    page.get_by_label("Member").select_option(label="Ed (ed@example.com)")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="Ed")).to_contain_text("They got it, and it is read since")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    new_context: Callable[..., BrowserContext], cast: Cast, down: Notification, sign_in: SignIn, scheme: str
) -> None:
    page = new_context(color_scheme=scheme, reduced_motion="reduce").new_page()
    sign_in(page, cast.alice)
    page.goto(thread_page(cast.alice, down))
    page.get_by_text("As a table").click()
    assert violations(page) == []
    page.goto(f"{thread_page(cast.alice, down, 'why-not')}?member={cast.vera.pk}&q=v")
    expect(page.get_by_role("region", name="Vera")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("width", [320, 640])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_scrolls_sideways(
    new_context: Callable[..., BrowserContext],
    cast: Cast,
    down: Notification,
    sign_in: SignIn,
    width: int,
    direction: str,
) -> None:
    page = new_context(viewport={"width": width, "height": 700}).new_page()
    sign_in(page, cast.alice)
    for address in (thread_page(cast.alice, down), thread_page(cast.alice, down, "why-not") + "?q=v"):
        page.goto(address)
        page.evaluate("direction => document.documentElement.dir = direction", direction)
        page.evaluate("document.querySelectorAll('main details').forEach(folded => folded.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
