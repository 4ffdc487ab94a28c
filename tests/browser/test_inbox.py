"""Reading the inbox: in place with JavaScript, and without it."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from team_notifications.notify import notify_user
from tests.browser.steps import SignIn, bell, thread
from tests.cast import Cast
from tests.web import INBOX, tell, unread_slugs


@pytest.fixture
def inbox_page(page: Page, cast: Cast, sign_in: SignIn) -> Page:
    """Vera's inbox with two unread threads."""
    tell(cast.acme, "first")
    tell(cast.acme, "second")
    sign_in(page, cast.vera)
    page.goto(INBOX)
    return page


def test_marking_a_thread_read_changes_it_and_the_badge_in_place(inbox_page: Page, cast: Cast) -> None:
    inbox_page.evaluate("window.sameDocument = true")
    button = thread(inbox_page, "first").get_by_role("button")
    button.focus()
    inbox_page.keyboard.press("Enter")
    expect(bell(inbox_page, "1 unread")).to_be_visible()
    expect(button).to_have_accessible_name("Mark unread")
    expect(button).to_be_focused()
    expect(inbox_page.get_by_role("status").filter(has_text="1 thread marked read.")).to_be_attached()
    assert unread_slugs(cast.vera) == {"second"}
    button.click()
    expect(bell(inbox_page, "2 unread")).to_be_visible()
    assert inbox_page.evaluate("window.sameDocument")


def test_a_thread_that_happened_again_stays_unread_and_says_how_often(inbox_page: Page, cast: Cast) -> None:
    tell(cast.acme, "first")
    thread(inbox_page, "first").get_by_role("button", name="Mark read").click()
    expect(thread(inbox_page, "first")).to_contain_text("2 times")
    expect(bell(inbox_page, "2 unread")).to_be_visible()
    thread(inbox_page, "first").get_by_role("button", name="Mark read").click()
    expect(bell(inbox_page, "1 unread")).to_be_visible()


def test_personal_ones_have_a_place_where_mark_all_read_leaves_the_teams_alone(inbox_page: Page, cast: Cast) -> None:
    notify_user(cast.vera, "Your export is ready")
    inbox_page.get_by_role("main").get_by_role("link", name="Personal").click()
    expect(inbox_page.get_by_role("article")).to_have_count(1)
    inbox_page.get_by_role("main").get_by_role("button", name="Mark all read").click()
    expect(bell(inbox_page, "2 unread")).to_be_visible()
    inbox_page.get_by_role("main").get_by_role("link", name="All", exact=True).click()
    expect(inbox_page.get_by_role("article")).to_have_count(3)


def test_mark_all_read_marks_what_is_shown(inbox_page: Page, cast: Cast) -> None:
    thread(inbox_page, "first").get_by_role("button", name="Mark read").click()
    expect(bell(inbox_page, "1 unread")).to_be_visible()
    tell(cast.acme, "newer")
    tell(cast.acme, "first")
    mark_all = inbox_page.get_by_role("main").get_by_role("button", name="Mark all read")
    mark_all.click()
    expect(inbox_page.locator(".threads .is-unread")).to_have_count(0)
    expect(mark_all).to_be_focused()
    assert unread_slugs(cast.vera) == {"first", "newer"}


def test_a_thread_that_one_may_no_longer_see_leaves_the_page(
    inbox_page: Page, cast: Cast, complaints: list[str]
) -> None:
    cast.acme.memberships.filter(user=cast.vera).delete()
    thread(inbox_page, "first").get_by_role("button", name="Mark read").click()
    expect(inbox_page.get_by_role("heading", name="Nothing here")).to_be_visible()
    assert all("404" in complaint for complaint in complaints)
    complaints.clear()


def test_pages_go_back_and_forth(page: Page, cast: Cast, sign_in: SignIn, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "PAGE_SIZE": 2}
    for number in range(3):
        tell(cast.acme, f"thread-{number}")
    sign_in(page, cast.vera)
    page.goto(INBOX)
    expect(page.get_by_role("article")).to_have_count(2)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("article")).to_have_count(1)
    thread(page, "thread-0").get_by_role("button", name="Mark read").click()
    expect(bell(page, "2 unread")).to_be_visible()
    expect(thread(page, "thread-0")).to_be_visible()
    page.get_by_role("link", name="Newest").click()
    expect(thread(page, "thread-2")).to_be_visible()


def test_a_long_message_opens(page: Page, cast: Cast, sign_in: SignIn) -> None:
    tell(cast.acme, message="\n".join(f"line {number}." for number in range(10)))
    sign_in(page, cast.vera)
    page.goto(INBOX)
    expect(page.get_by_text("line 9.")).to_be_hidden()
    page.get_by_text("Whole message").click()
    expect(page.get_by_text("line 9.")).to_be_visible()
    expect(page.get_by_text("line 0.").locator("visible=true")).to_have_count(1)


def test_the_essentials_work_without_javascript(
    without_javascript: Page, cast: Cast, sign_in: SignIn, settings: Any
) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "PAGE_SIZE": 2}
    page = without_javascript
    for number in range(3):
        tell(cast.acme, f"thread-{number}")
    sign_in(page, cast.vera)
    page.goto(INBOX)
    page.get_by_role("link", name="Older").click()
    older = page.url
    thread(page, "thread-0").get_by_role("button", name="Mark read").click()
    assert page.url.partition("#")[0] == older
    thread(page, "thread-0").get_by_role("button", name="Mark unread").click()
    expect(page.get_by_role("link", name="Notifications, 3 unread")).to_be_visible()
    page.get_by_role("link", name="Newest").click()
    page.get_by_role("button", name="Mark all read").click()
    expect(page.get_by_role("link", name="Notifications, 1 unread")).to_be_visible()
    assert unread_slugs(cast.vera) == {"thread-0"}
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("main").get_by_role("link", name="Sign in")).to_be_visible()
