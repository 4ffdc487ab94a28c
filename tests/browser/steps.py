"""Where things are on the pages, in the words of those who use them."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page

from users.models import User

SignIn = Callable[[Page, User], None]


def bell(page: Page, count: str) -> Locator:
    """The bell, while its name says this: ``2 unread``, ``none unread``."""
    return page.get_by_role("button", name=f"Notifications, {count}", exact=True)


def panel(page: Page) -> Locator:
    """What the bell opens."""
    return page.get_by_role("region", name="Newest threads")


def thread(page: Page, title: str) -> Locator:
    return page.get_by_role("article").filter(has_text=title)
