"""How the mails look, light and dark: what a browser computes of it is in tests/browser/test_mails.py."""

import re
from collections.abc import Callable

import pytest

from team_notifications.levels import Level
from tests.cast import Cast
from tests.contrast import ENOUGH, contrast
from tests.mails import arrives, part
from tests.web import tell

DARK_SHEET = "#1b1e22"


def instant(cast: Cast) -> str:
    return part(
        arrives(cast.vera, tell(cast.acme, level="error", message="503", links={"Open": "/", "Log": "/"})), "html"
    )


def digest(cast: Cast) -> str:
    about = [
        tell(cast.acme, level.slug, level=level, message="503", links={"Open": "/", "Log": "/"}) for level in Level
    ]
    return part(arrives(cast.vera, *about), "html")


def in_attributes(html: str) -> dict[str, dict[str, str]]:
    """Class or tag → what its style attribute says. Of several classes the attribute says what all of them come to."""
    found = {}
    for tag, attributes in re.findall(r"<(\w+)([^>]* style=\"[^>]*)>", html.partition("<body")[2]):
        names = re.search(r'class="([^"]*)"', attributes)
        style = re.search(r'style="([^"]*)"', attributes)
        assert style
        found[names[1] if names else tag] = declarations(style[1])
    return found


def when_dark(html: str) -> dict[str, dict[str, str]]:
    """Selector → what it says when the reader's screen is dark."""
    rules = html.partition("@media (prefers-color-scheme: dark)")[2].partition("</style>")[0]
    found: dict[str, dict[str, str]] = {}
    for selectors, said in re.findall(r"([^{}]+)\{([^{}]+)\}", rules.partition("{")[2]):
        for selector in selectors.split(","):
            found.setdefault(selector.strip(), {}).update(declarations(said))
    return found


def declarations(said: str) -> dict[str, str]:
    pairs = (declaration.partition(":") for declaration in said.split(";") if declaration.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


@pytest.mark.parametrize("level", Level, ids=lambda level: level.slug)
def test_the_digest_has_each_level_as_word_and_colour(cast: Cast, level: Level) -> None:
    html = digest(cast)
    light = in_attributes(html)[f"level level-{level.slug}"]
    assert contrast(light["color"], light["background-color"]) >= ENOUGH
    assert re.search(rf'class="level level-{level.slug}"[^>]*>{level.label}</span>', html)
    dark = when_dark(html)[f".level-{level.slug}"]
    colours = [dark[name].removesuffix(" !important") for name in ("color", "background-color")]
    assert contrast(*colours) >= ENOUGH
    assert (light["color"], light["background-color"]) != tuple(colours)


def test_the_levels_differ_in_both_themes(cast: Cast) -> None:
    html = digest(cast)
    light, dark = in_attributes(html), when_dark(html)
    assert len({light[f"level level-{level.slug}"]["color"] for level in Level}) == len(Level)
    assert len({dark[f".level-{level.slug}"]["color"] for level in Level}) == len(Level)


@pytest.mark.parametrize("mail", [instant, digest])
def test_whatever_has_a_colour_of_text_has_another_in_the_dark(cast: Cast, mail: Callable[[Cast], str]) -> None:
    """Who adds a class to the light theme alone writes dark letters on a dark sheet."""
    html = mail(cast)
    dark = when_dark(html)
    selectors = {name.rpartition(" ")[2].lstrip(".") for name, said in dark.items() if "color" in said}
    coloured = {names for names, said in in_attributes(html).items() if "color" in said}
    assert coloured
    assert [names for names in coloured if not selectors & set(names.split())] == []


@pytest.mark.parametrize("mail", [instant, digest])
def test_the_dark_rules_win_over_the_attributes(cast: Cast, mail: Callable[[Cast], str]) -> None:
    rules = when_dark(mail(cast))
    assert rules[".sheet"]["background-color"] == f"{DARK_SHEET} !important"
    said = [value for rule in rules.values() for value in rule.values()]
    assert len(said) > 20
    assert [value for value in said if not value.endswith("!important")] == []


@pytest.mark.parametrize("mail", [instant, digest])
def test_a_mail_needs_no_picture_no_script_and_nothing_from_elsewhere(cast: Cast, mail: Callable[[Cast], str]) -> None:
    html = mail(cast)
    assert not re.search(r"<(img|picture|svg|video|script|link|iframe|object)\b", html)
    assert not re.search(r"url\(|@import|src=|background=", html)
    assert '<meta name="color-scheme" content="light dark">' in html.partition("<body")[0]
