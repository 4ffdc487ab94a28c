"""Every page, for everyone: axe in both themes, narrow windows, right to left."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from products.models import Product
from team_notifications import floors
from team_notifications.delivery.channels.email.suppression import suppress
from team_notifications.delivery.channels.email.unsubscribe import token_for
from team_notifications.models import Floor, Suppression
from team_notifications.notify import notify_user, resolve_notification
from tests.browser.steps import SignIn, bell, panel, thread
from tests.cast import Cast, join
from tests.web import INBOX, PREFERENCES, TEAM_SETTINGS, UNSUBSCRIBE, tell

PAGES = [
    *("/", "/teams/acme/", "/teams/acme/actions/", "/teams/acme/products/", "/teams/acme/content/"),
    *(INBOX, f"{INBOX}?team=personal", f"{INBOX}?level=error&q=e&kind=a-b&team=0", PREFERENCES),
    *(f"{INBOX}?state={state}" for state in ("unread", "snoozed", "archived")),
]
TEAM_PAGES = [f"{PREFERENCES}{{team}}/", f"{TEAM_SETTINGS}{{team}}/"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


@pytest.fixture
def many_threads(cast: Cast) -> None:
    for level in ("info", "success", "warning", "error"):
        tell(cast.acme, level, level=level, links={"Open": "/", "History": "/"}, message="line\n" * 10)
    tell(cast.acme, "resolved", level="error")
    resolve_notification(team=cast.acme, slug="resolved")
    tell(cast.acme, "long", title="W" * 200, message="W" * 500, links={"W" * 200: "/"})
    tell(cast.acme, "right-to-left", title="שרת התשלומים חזר לפעול", message="הכול תקין")
    notify_user(cast.vera, "Your export is ready", url="/")
    suppress(cast.vera.email, Suppression.Reason.BOUNCED)
    Product.objects.create(team=cast.acme, name="W" * 100, url=f"https://a.example/{'w' * 200}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    new_context: Callable[..., BrowserContext],
    many_threads: None,
    cast: Cast,
    sign_in: SignIn,
    scheme: str,
    complaints: list[str],
) -> None:
    page = new_context(color_scheme=scheme, reduced_motion="reduce").new_page()
    stop = f"{UNSUBSCRIBE}{token_for(cast.vera, cast.acme)}/"
    for address in ("/", "/sign-in/", stop, f"{UNSUBSCRIBE}nonsense/"):
        page.goto(address)
        assert violations(page) == []
    sign_in(page, cast.vera)
    for address in PAGES:
        page.goto(address)
        assert violations(page) == [], address
    bell(page, "7 unread").click()
    expect(panel(page).get_by_role("listitem")).to_have_count(8)
    assert violations(page) == []
    page.goto(f"{INBOX}?state=inbox")
    page.get_by_role("checkbox", name="Select", exact=True).first.check()
    thread(page, "warning").locator(".menu > summary").click()
    for folded in thread(page, "warning").locator(".choice > summary").all():
        folded.click()
        assert violations(page) == []
    thread(page, "warning").get_by_role("button", name="Archive").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Undo").click()
    expect(thread(page, "warning")).to_be_visible()
    join(cast.vera, cast.globex, "Admin")
    Floor.objects.create(team=cast.globex, channel="email", level=40, permission="teams.fly_team")
    floors.choose(cast.globex, {("email", ""): 40, ("in_app", "teams.change_team"): 20})
    for address in (f"{PREFERENCES}{cast.acme.pk}/", *TEAM_PAGES):
        page.goto(address.format(team=cast.globex.pk))
        for folded in page.get_by_role("main").locator("summary").all():
            folded.click()
        assert violations(page) == [], address
    complaints.clear()  # of the link that does not work


@pytest.mark.parametrize("width", [320, 640])  # 640: a window of 1280 at a zoom of 200 %
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_scrolls_sideways(
    new_context: Callable[..., BrowserContext],
    many_threads: None,
    cast: Cast,
    sign_in: SignIn,
    width: int,
    direction: str,
) -> None:
    page = new_context(viewport={"width": width, "height": 700}).new_page()
    sign_in(page, cast.vera)
    join(cast.vera, cast.globex, "Admin")
    Floor.objects.create(team=cast.globex, channel="email", level=40, permission=f"teams.{'w' * 100}")
    floors.choose(cast.globex, {("email", ""): 40, ("in_app", "teams.change_team"): 20})
    for address in (*PAGES, *(address.format(team=cast.globex.pk) for address in TEAM_PAGES)):
        page.goto(address)
        page.evaluate("direction => document.documentElement.dir = direction", direction)
        page.evaluate("document.querySelectorAll('main details').forEach(folded => folded.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    bell(page, "7 unread").click()
    expect(panel(page).get_by_role("listitem")).to_have_count(8)
    box = panel(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_the_first_tab_skips_to_the_content(page: Page, cast: Cast, sign_in: SignIn) -> None:
    sign_in(page, cast.vera)
    page.goto(INBOX)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
