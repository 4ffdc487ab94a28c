"""Filtering the list and acting on it: in place with JavaScript, and without it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from team_notifications import inbox
from tests.browser.steps import SignIn, bell, thread
from tests.cast import Cast
from tests.web import INBOX, tell


@pytest.fixture
def inbox_page(page: Page, cast: Cast, sign_in: SignIn) -> Page:
    return opened(page, cast, sign_in)


def opened(page: Page, cast: Cast, sign_in: SignIn) -> Page:
    """Vera's inbox with three unread threads, of which one is an error."""
    for title, level in {"first": "info", "second": "info", "third": "error"}.items():
        tell(cast.acme, title, level=level)
    sign_in(page, cast.vera)
    page.goto(INBOX)
    return page


def menu(page: Page, title: str) -> Locator:
    """What can be done to one thread, opened."""
    found = thread(page, title).locator(".menu")
    found.locator("summary").first.click()
    return found


def select(page: Page, *titles: str) -> Locator:
    """What can be done to these threads, after selecting them."""
    for title in titles:
        thread(page, title).get_by_role("checkbox").check()
    return page.get_by_role("group", name="With what is selected")


def expect_titles(page: Page, *titles: str) -> None:
    expect(page.locator(".thread-title bdi")).to_have_text(list(titles))


def test_filters_narrow_clear_and_come_back(inbox_page: Page) -> None:
    inbox_page.get_by_label("Error").check()
    inbox_page.get_by_role("button", name="Apply").click()
    expect_titles(inbox_page, "third")
    inbox_page.get_by_role("searchbox", name="Search").fill("nothing")
    inbox_page.keyboard.press("Enter")
    expect(inbox_page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    inbox_page.get_by_role("link", name="Clear: Search: nothing").click()
    expect_titles(inbox_page, "third")
    inbox_page.goto(INBOX)
    expect_titles(inbox_page, "third")
    inbox_page.get_by_role("link", name="Clear all").click()
    expect_titles(inbox_page, "third", "second", "first")
    inbox_page.goto(INBOX)
    expect_titles(inbox_page, "third", "second", "first")


def test_archiving_one_takes_it_away_and_undo_brings_it_back(inbox_page: Page, cast: Cast) -> None:
    inbox_page.evaluate("window.sameDocument = true")
    menu(inbox_page, "second").get_by_role("button", name="Archive").click()
    expect_titles(inbox_page, "third", "first")
    expect(bell(inbox_page, "2 unread")).to_be_visible()
    expect(inbox_page.get_by_role("link", name="Archived 1")).to_be_visible()
    expect(inbox_page.get_by_role("status").filter(has_text="1 thread archived.")).to_be_visible()
    inbox_page.get_by_role("button", name="Undo").click()
    expect_titles(inbox_page, "third", "second", "first")
    expect(bell(inbox_page, "3 unread")).to_be_visible()
    assert inbox_page.evaluate("window.sameDocument")
    assert inbox.unread_count(cast.vera) == 3


def test_the_focus_goes_on_to_the_next_thread(inbox_page: Page) -> None:
    menu(inbox_page, "second").get_by_role("button", name="Archive").focus()
    inbox_page.keyboard.press("Enter")
    expect_titles(inbox_page, "third", "first")
    expect(thread(inbox_page, "first").locator(".menu > summary")).to_be_focused()


def test_what_is_selected_is_deleted_and_undo_brings_it_back(inbox_page: Page, cast: Cast) -> None:
    expect(inbox_page.get_by_role("group", name="With what is selected")).to_be_hidden()
    select(inbox_page, "first", "third").get_by_role("button", name="Delete").click()
    expect_titles(inbox_page, "second")
    inbox_page.get_by_role("button", name="Undo").click()
    expect_titles(inbox_page, "third", "second", "first")


def test_selecting_all_selects_what_is_shown(inbox_page: Page, cast: Cast) -> None:
    boxes = inbox_page.locator(".threads").get_by_role("checkbox")
    inbox_page.get_by_label("Select all shown").check()
    for box in boxes.all():
        expect(box).to_be_checked()
    boxes.first.uncheck()
    expect(inbox_page.get_by_label("Select all shown")).not_to_be_checked()
    inbox_page.get_by_role("group", name="With what is selected").get_by_role("button", name="Read").first.click()
    expect(bell(inbox_page, "1 unread")).to_be_visible()
    expect(inbox_page.get_by_role("link", name="Unread 1")).to_be_visible()
    assert inbox.unread_count(cast.vera) == 1


def test_snoozing_and_muting_say_until_when(inbox_page: Page) -> None:
    opened_menu = menu(inbox_page, "first")
    opened_menu.get_by_text("Mute", exact=True).click()
    opened_menu.get_by_role("button", name="For good").click()
    expect(thread(inbox_page, "first")).to_contain_text("Muted for good")
    opened_menu = menu(inbox_page, "first")
    opened_menu.get_by_text("Snooze", exact=True).click()
    opened_menu.get_by_role("button", name="Tomorrow").click()
    expect_titles(inbox_page, "third", "second")
    inbox_page.get_by_role("link", name="Snoozed 1").click()
    expect(thread(inbox_page, "first")).to_contain_text("Snoozed until")


def test_escape_closes_a_menu_and_returns(inbox_page: Page) -> None:
    opened_menu = menu(inbox_page, "first")
    opened_menu.get_by_role("button", name="Archive").focus()
    inbox_page.keyboard.press("Escape")
    expect(opened_menu.get_by_role("button", name="Archive")).to_be_hidden()
    expect(opened_menu.locator("summary").first).to_be_focused()


def test_two_tabs_at_once(inbox_page: Page, context: BrowserContext, cast: Cast) -> None:
    other = context.new_page()
    other.goto(INBOX)
    menu(inbox_page, "first").get_by_role("button", name="Archive").click()
    expect_titles(inbox_page, "third", "second")
    thread(other, "first").get_by_role("button", name="Mark read").click()
    expect(bell(other, "2 unread")).to_be_visible()
    expect(thread(other, "first")).to_contain_text("Archived")
    select(inbox_page, "second").get_by_role("button", name="Delete").click()
    expect_titles(inbox_page, "third")
    select(other, "second", "third").get_by_role("button", name="Archive").click()
    expect(other.get_by_role("heading", name="Nothing here")).to_be_visible()
    expect(other.get_by_role("status").filter(has_text="1 thread archived.")).to_be_visible()


def test_on_a_narrow_window_the_filters_fold_and_say_how_many_hold(
    new_context: Callable[..., BrowserContext], cast: Cast, sign_in: SignIn
) -> None:
    page = opened(new_context(viewport={"width": 360, "height": 740}).new_page(), cast, sign_in)
    expect(page.get_by_role("searchbox", name="Search")).to_be_hidden()
    page.goto(f"{INBOX}?level=error&q=third")
    page.get_by_text("Filters 2 active").click()
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("third")


def test_all_of_it_works_without_javascript(without_javascript: Page, cast: Cast, sign_in: SignIn) -> None:
    page = opened(without_javascript, cast, sign_in)
    page.get_by_label("Info").check()
    page.get_by_role("button", name="Apply").click()
    filtered = page.url
    expect_titles(page, "second", "first")
    page.get_by_label("Select all shown").check()
    page.get_by_role("group", name="With what is selected").get_by_role("button", name="Archive").click()
    assert page.url == filtered
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect_titles(page, "second", "first")
    opened_menu = menu(page, "first")
    opened_menu.get_by_text("Snooze", exact=True).click()
    opened_menu.get_by_label("Another time").fill("2026-01-01T08:00")
    opened_menu.get_by_role("button", name="Snooze until then").click()
    expect(page.get_by_text("This time is over.")).to_be_visible()
    menu(page, "first").get_by_role("button", name="Delete").click()
    expect_titles(page, "second")
    page.get_by_role("link", name="Clear all").click()
    expect_titles(page, "third", "second")
