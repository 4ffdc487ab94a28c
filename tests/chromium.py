"""The system's Chromium. Playwright drives it; the browsers that Playwright downloads are not needed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_IT = f"No {', '.join(NAMES)} on this machine. On Debian and Ubuntu: apt-get install chromium"


def executable() -> str | None:
    """The path of the first one found."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. Its sandbox needs rights that containers do not give, and it sees our own pages only."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        yield browser
        browser.close()
