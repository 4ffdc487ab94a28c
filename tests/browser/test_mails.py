"""Our mails in a browser, light and dark, with pictures and without: all can be read, and nothing is missing."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from team_notifications.levels import Level
from tests.cast import Cast
from tests.contrast import ENOUGH, contrast
from tests.mails import arrives, part
from tests.web import tell

LINKS = {"Open the action": "/actions/", "History": "/history/"}

# Each text that is seen, with its colour and that of the first thing behind it that has one.
TEXTS = """() => {
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return getComputedStyle(document.documentElement).colorScheme;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (text && element.checkVisibility()) found.push([text, getComputedStyle(element).color, behind(element)]);
  }
  return found;
}"""

# Pictures that are asked of nobody, because the mail brings them along.
PICTURES = """() => [...document.querySelectorAll("*")].filter(element =>
  element.matches("img, svg, picture, object, video") || getComputedStyle(element).backgroundImage !== "none"
).map(element => element.outerHTML)"""


def tell_all(cast: Cast) -> list[Any]:
    """A thread of each level, the gravest last, each with all that a thread may have."""
    return [
        tell(cast.acme, level.slug, level=level, title=f"{level.label} of ours", message="Answered 503.", links=LINKS)
        for level in Level
    ]


MAILS: dict[str, Callable[[Cast], Any]] = {
    "instant": lambda cast: arrives(cast.vera, tell_all(cast)[-1]),
    "digest": lambda cast: arrives(cast.vera, *tell_all(cast)),
}


@pytest.fixture(params=MAILS)
def mail(request: pytest.FixtureRequest, cast: Cast) -> Any:
    return MAILS[request.param](cast)


def opened(context: BrowserContext, mail: Any) -> Page:
    page = context.new_page()
    page.set_content(part(mail, "html"))
    return page


def colour_of_the_sheet(page: Page) -> str:
    return str(page.locator(".sheet").evaluate("sheet => getComputedStyle(sheet).backgroundColor"))


@pytest.mark.parametrize(("scheme", "sheet"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(27, 30, 34)")])
def test_every_text_of_a_mail_can_be_read(
    new_context: Callable[..., BrowserContext], mail: Any, scheme: str, sheet: str
) -> None:
    page = opened(new_context(color_scheme=scheme), mail)
    assert colour_of_the_sheet(page) == sheet
    texts = page.evaluate(TEXTS)
    assert len(texts) >= 10
    hard_to_read = [(text, colour, behind) for text, colour, behind in texts if contrast(colour, behind) < ENOUGH]
    assert hard_to_read == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_of_a_mail_is_lost_without_pictures(
    new_context: Callable[..., BrowserContext], mail: Any, scheme: str
) -> None:
    with_pictures = opened(new_context(color_scheme=scheme), mail)
    context = new_context(color_scheme=scheme)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.route("**/*", lambda route: route.abort())
    page = opened(context, mail)
    assert page.inner_text("body") == with_pictures.inner_text("body")
    assert asked == []  # it has none, and asks for nothing else either
    assert page.evaluate(PICTURES) == []
    seen = page.inner_text("body")
    for said in ("Acme", "Answered 503.", "Error", *LINKS, "You get this because", "Stop mail from Acme"):
        assert said in seen
    plain = part(mail, "plain")
    assert [
        level.label for level in Level if (f"{level.label} of ours" in plain) != (f"{level.label} of ours" in seen)
    ] == []
    for link in page.get_by_role("link").all():
        assert link.is_visible()
        assert link.inner_text().strip()
