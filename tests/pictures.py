"""Takes pictures of every page, wide and narrow, light and dark: ``python -m tests.pictures FOLDER [PAGE …]``.

``python -m tests.pictures docs/images --readme`` takes the two that the README shows. Everything happens on a server
and in a database of its own, which end with the command.
"""

import argparse
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.chromium import chromium

SIZES = {"wide": (1280, 800), "narrow": (360, 740)}
SCHEMES = ("light", "dark")
PASSWORD = "pictures-only"
SEED = f"from tests.pictures_seed import seed; seed({PASSWORD!r})"
WRITE_MAILS = "from tests.pictures_mails import write; write({folder!r})"


def at(path: str, status: int = 200) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        response = page.goto(path)
        assert response is not None
        assert response.status == status, f"{path} answered {response.status}."

    return go


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("/")


def refused_action(page: Page) -> None:
    page.goto("/teams/harbour-logistics/actions/1/change/")
    page.get_by_label("URL").fill("ftp://checkout.harbour.example/")
    page.get_by_label("Timeout").fill("31")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("does not start with").wait_for()


def refused_keywords(page: Page) -> None:
    page.goto("/teams/harbour-logistics/content/1/keywords/")
    page.get_by_label("Keywords").fill("container tracking\n" + "w" * 101)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("has 101 characters").wait_for()


def open_bell(page: Page) -> None:
    page.goto("/teams/harbour-logistics/")
    page.get_by_role("button", name="Notifications").click()
    page.get_by_role("link", name="View all").wait_for()


def open_thread(title: str, *, unfold: bool = False) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.goto("/notifications/")
        page.get_by_role("main").get_by_role("link", name=title).first.click()
        page.get_by_role("heading", name="Why you got this").wait_for()
        if unfold:
            page.get_by_text("As a table").click()

    return go


def why_not(page: Page) -> None:
    open_thread("Berth 4 has no power")(page)
    page.get_by_role("link", name="Why did somebody not get it?").click()
    page.get_by_label("Member").select_option(label="Amara Okafor (amara@example.com)")
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("heading", name="Amara Okafor").wait_for()


def open_folded(page: Page) -> None:
    page.goto("/notifications/preferences/")
    page.get_by_role("main").get_by_role("link", name="Northwind Studio").click()
    page.wait_for_url("**/preferences/2/#scope-2")
    while (folded := page.locator("main details:not([open]) > summary")).count():
        folded.first.click()


def select(page: Page) -> None:
    page.goto("/notifications/?team=1")
    for box in page.get_by_role("checkbox", name="Select", exact=True).all()[:2]:
        box.check()


def open_menu(page: Page) -> None:
    page.goto("/notifications/?state=inbox")
    page.locator(".menu > summary").first.click()
    page.get_by_text("Mute", exact=True).locator("visible=true").click()


def archive(page: Page) -> None:
    """And see what to do if that was a mistake."""
    page.goto("/notifications/?state=inbox")
    page.locator(".menu > summary").first.click()
    page.get_by_role("button", name="Archive").locator("visible=true").click()
    page.get_by_role("button", name="Undo").wait_for()


def open_filters(page: Page) -> None:
    page.goto("/notifications/?level=error&level=warning&since=2020-01-01&q=is&team=gone&kind=custom-action-down")
    if (folded := page.locator("#filters > summary")).is_visible():
        folded.click()


def refused_floor(page: Page) -> None:
    page.goto("/notifications/team/1/")
    page.get_by_role("row", name="Every member").get_by_label("Email").evaluate(
        "select => { select.options[1].value = 'loud'; select.selectedIndex = 1 }"
    )
    page.get_by_role("form", name="Floors").get_by_role("button", name="Save").click()
    page.get_by_text("Select a valid choice").wait_for()


def stop_mail(page: Page) -> None:
    """As a person does who reads the mail."""
    page.goto("/mails/instant.html")
    page.get_by_role("link", name="Stop mail from").click()
    page.get_by_role("button", name="Stop mail").wait_for()


def stopped_mail(page: Page) -> None:
    stop_mail(page)
    page.get_by_role("button", name="Stop mail").click()
    page.get_by_role("heading", name="is stopped").wait_for()


# page → who looks (empty: nobody is signed in), and how they get there
PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "welcome": ("", at("/")),
    "sign-in": ("", at("/sign-in/?next=/notifications/")),
    "landing": ("ines@example.com", at("/")),
    "team": ("ines@example.com", at("/teams/harbour-logistics/")),
    "actions": ("ines@example.com", at("/teams/harbour-logistics/actions/")),
    "actions-empty": ("noor@example.com", at("/teams/lighthouse/actions/")),
    "action": ("ines@example.com", at("/teams/harbour-logistics/actions/1/")),
    "action-history": ("ines@example.com", at("/teams/harbour-logistics/actions/1/history/")),
    "action-add": ("ines@example.com", at("/teams/harbour-logistics/actions/add/")),
    "action-refused": ("ines@example.com", refused_action),
    "action-delete": ("ines@example.com", at("/teams/harbour-logistics/actions/1/delete/")),
    "products": ("ines@example.com", at("/teams/harbour-logistics/products/")),
    "products-empty": ("noor@example.com", at("/teams/lighthouse/products/")),
    "product": ("ines@example.com", at("/teams/harbour-logistics/products/1/")),
    "product-add": ("ines@example.com", at("/teams/harbour-logistics/products/add/")),
    "content": ("ines@example.com", at("/teams/harbour-logistics/content/")),
    "content-empty": ("noor@example.com", at("/teams/lighthouse/content/")),
    "content-import": ("ines@example.com", at("/teams/harbour-logistics/content/1/keywords/")),
    "content-refused": ("ines@example.com", refused_keywords),
    "inbox": ("ines@example.com", at("/notifications/")),
    "inbox-empty": ("noor@example.com", at("/notifications/")),
    "inbox-extremes": ("tomas@example.com", at("/notifications/")),
    "inbox-personal": ("ines@example.com", at("/notifications/?team=personal")),
    "inbox-personal-empty": ("noor@example.com", at("/notifications/?team=personal")),
    "inbox-filters": ("ines@example.com", open_filters),
    "inbox-filtered": ("ines@example.com", at("/notifications/?level=error&team=1")),
    "inbox-nothing-matches": ("ines@example.com", at("/notifications/?q=unicorn")),
    "inbox-archived-empty": ("ines@example.com", at("/notifications/?state=archived")),
    "inbox-selected": ("ines@example.com", select),
    "inbox-menu": ("ines@example.com", open_menu),
    "inbox-undo": ("yuki@example.com", archive),
    "thread": ("ines@example.com", open_thread("Checkout API is down")),
    "thread-table": ("ines@example.com", open_thread("Checkout API is down", unfold=True)),
    "thread-resolved": ("ines@example.com", open_thread("Customer portal is down")),
    "thread-old": ("ines@example.com", open_thread("Berth 4 has no power")),
    "thread-personal": ("ines@example.com", open_thread("Your export is ready")),
    "thread-long": ("tomas@example.com", open_thread("W" * 200)),
    "thread-right-to-left": ("tomas@example.com", open_thread("שרת התשלומים חזר לפעול")),
    "thread-ten-lines": ("tomas@example.com", open_thread("Deployment 4,217")),
    "why-not": ("ines@example.com", why_not),
    "bell": ("ines@example.com", open_bell),
    "preferences": ("ines@example.com", at("/notifications/preferences/")),
    "preferences-open": ("ines@example.com", open_folded),
    "preferences-personal": ("ines@example.com", at("/notifications/preferences/personal/")),
    "preferences-floor": ("ines@example.com", at("/notifications/preferences/1/")),
    "team-settings": ("ines@example.com", at("/notifications/team/1/")),
    "team-settings-refused": ("ines@example.com", refused_floor),
    "preferences-suppressed": ("marek@example.com", at("/notifications/preferences/")),
    "stop-mail": ("", stop_mail),
    "stopped-mail": ("", stopped_mail),
    "stop-mail-invalid": ("", at("/notifications/unsubscribe/nonsense/", status=404)),
    "mail-instant": ("", at("/mails/instant.html")),
    "mail-digest": ("", at("/mails/digest.html")),
    "mail-extremes": ("", at("/mails/extremes.html")),
    "not-found": ("ines@example.com", at("/teams/nobodys/", status=404)),
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the project runs, and the folder of mails that it would send."""

    address: str
    mails: Path


def take(browser: Browser, site: Site, name: str, file: Path, *, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=site.address, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.route("**/mails/*", lambda route: route.fulfill(path=site.mails / Path(route.request.url).name))
    page = context.new_page()
    who, go = PAGES[name]
    if who:
        sign_in(page, who)
    go(page)
    page.wait_for_load_state()  # what was clicked may have led to a page whose stylesheet is still coming
    page.screenshot(path=file, full_page=True)
    context.close()


@contextmanager
def server() -> Iterator[Site]:
    """The project on a fresh database with the people and threads of tests/pictures_seed.py."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        site = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/pictures.sqlite3",
            "DEBUG": "0",
            "DEMO": "0",
            "SITE_URL": site,
        }
        write_mails = WRITE_MAILS.format(folder=folder)
        shell = ["shell", "--verbosity=0", "--command"]
        for command in (["migrate", "--verbosity=0"], [*shell, SEED], [*shell, write_mails]):
            subprocess.run([sys.executable, "manage.py", *command], env=environment, check=True)
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", f"--port={port}", "--log-level=warning"]
        process = subprocess.Popen(command, env=environment)
        try:
            wait_for(site)
            yield Site(address=site, mails=Path(folder))
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(site: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(site).close()
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"No server at {site} after 10 s.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", nargs="*", default=list(PAGES), help=f"of {', '.join(PAGES)}")
    parser.add_argument("--readme", action="store_true", help="the two pictures of the README")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with server() as site, chromium() as browser:
        if arguments.readme:
            take(browser, site, "inbox", arguments.folder / "inbox.png", size="wide", scheme="light")
            take(browser, site, "inbox", arguments.folder / "inbox-dark.png", size="wide", scheme="dark")
            return
        for name, size, scheme in itertools.product(arguments.pages, SIZES, SCHEMES):
            take(browser, site, name, arguments.folder / f"{name}-{size}-{scheme}.png", size=size, scheme=scheme)


if __name__ == "__main__":
    main()
