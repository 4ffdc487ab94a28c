"""The bell opens a panel, by mouse and by keyboard."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import SignIn, bell, panel
from tests.cast import Cast
from tests.web import INBOX, row_of, tell, unread_slugs


@pytest.fixture
def start(page: Page, cast: Cast, sign_in: SignIn) -> Page:
    """Vera on the start page, with two unread threads."""
    tell(cast.acme, "first")
    tell(cast.acme, "second", level="error")
    sign_in(page, cast.vera)
    page.goto("/")
    return page


def test_a_click_opens_the_newest_threads_and_another_closes_them(start: Page) -> None:
    expect(bell(start, "2 unread")).to_have_attribute("aria-expanded", "false")
    bell(start, "2 unread").click()
    expect(panel(start).get_by_role("listitem")).to_have_count(2)
    expect(panel(start).get_by_role("listitem").first).to_contain_text("second")
    expect(bell(start, "2 unread")).to_have_attribute("aria-expanded", "true")
    bell(start, "2 unread").click()
    expect(panel(start)).to_be_hidden()


def test_a_click_outside_closes_it(start: Page) -> None:
    bell(start, "2 unread").click()
    expect(panel(start)).to_be_visible()
    start.get_by_role("heading", name="Your teams").click()
    expect(panel(start)).to_be_hidden()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_opens_it_and_escape_returns_to_the_bell(start: Page, key: str) -> None:
    bell(start, "2 unread").focus()
    start.keyboard.press(key)
    expect(panel(start).get_by_role("button", name="Mark all read")).to_be_visible()
    for focused in ("Mark all read", "Unread: second", "Unread: first", "View all"):
        start.keyboard.press("Tab")
        expect(panel(start).locator(":focus")).to_have_text(focused)
    start.keyboard.press("Escape")
    expect(panel(start)).to_be_hidden()
    expect(bell(start, "2 unread")).to_be_focused()


def test_it_closes_when_the_keyboard_goes_on(start: Page) -> None:
    bell(start, "2 unread").click()
    panel(start).get_by_role("link", name="View all").focus()
    start.keyboard.press("Tab")
    expect(panel(start)).to_be_hidden()
    expect(start.get_by_role("button", name="Sign out")).to_be_focused()


def test_mark_all_read_marks_what_it_shows_and_empties_the_badge(start: Page, cast: Cast) -> None:
    bell(start, "2 unread").click()
    expect(panel(start).get_by_role("listitem")).to_have_count(2)
    tell(cast.acme, "first")
    tell(cast.acme, "newer")
    panel(start).get_by_role("button", name="Mark all read").click()
    expect(bell(start, "2 unread")).to_be_visible()
    expect(panel(start).get_by_role("listitem")).to_have_count(3)
    assert unread_slugs(cast.vera) == {"first", "newer"}
    panel(start).get_by_role("button", name="Mark all read").press("Enter")
    expect(bell(start, "none unread")).to_be_visible()
    expect(panel(start)).to_be_focused()  # the button that was pressed is gone
    assert unread_slugs(cast.vera) == set()


def test_on_the_inbox_the_page_behind_follows(start: Page) -> None:
    start.goto(INBOX)
    expect(start.locator(".threads .is-unread")).to_have_count(2)
    bell(start, "2 unread").click()
    panel(start).get_by_role("button", name="Mark all read").click()
    expect(start.locator(".threads .is-unread")).to_have_count(0)
    start.get_by_role("main").get_by_role("button", name="Mark unread").first.click()
    expect(bell(start, "1 unread")).to_be_visible()


def test_it_shows_what_happened_since_the_page_was_loaded(start: Page, cast: Cast) -> None:
    tell(cast.acme, "third")
    bell(start, "2 unread").click()
    expect(panel(start).get_by_role("listitem").first).to_contain_text("third")
    expect(bell(start, "3 unread")).to_be_visible()


def test_a_thread_leads_to_its_place_in_the_inbox(start: Page, cast: Cast) -> None:
    pk = row_of(cast.vera, tell(cast.acme, "first")).pk
    bell(start, "2 unread").click()
    panel(start).get_by_role("link", name="first").click()
    start.wait_for_url(f"**{INBOX}?state=inbox#thread-{pk}")
    expect(start.locator(f"#thread-{pk}")).to_be_in_viewport()


def test_view_all_leads_to_the_inbox(start: Page) -> None:
    bell(start, "2 unread").click()
    panel(start).get_by_role("link", name="View all").click()
    expect(start.get_by_role("heading", name="Inbox")).to_be_visible()


def test_who_was_signed_out_meanwhile_goes_to_sign_in_and_comes_back(start: Page, cast: Cast, sign_in: SignIn) -> None:
    start.context.clear_cookies()
    bell(start, "2 unread").click()
    start.wait_for_url("**/sign-in/?next=/")


def test_without_javascript_it_is_a_link_to_the_inbox(without_javascript: Page, cast: Cast, sign_in: SignIn) -> None:
    page = without_javascript
    tell(cast.acme)
    sign_in(page, cast.vera)
    page.goto("/")
    page.get_by_role("link", name="Notifications, 1 unread").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
