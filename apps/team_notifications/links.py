"""Links of a notification: label → URL, nothing that a browser would run."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from team_notifications.texts import clean_title

URL_MAX_LENGTH = 2_000
SCHEMES = {"http", "https"}


def check_links(links: Mapping[str, str] | None) -> dict[str, str]:
    """Returns the links with clean labels, in the order given; None becomes an empty dict.

    Raises ValueError, naming the URL, unless each is http, https or a path on this site.
    """
    if links is None:
        return {}
    if not isinstance(links, Mapping):
        raise TypeError(f"Links are a dict of label → URL, not {links!r}.")
    checked = {clean_title(label, "label of a link"): check_url(url) for label, url in links.items()}
    if len(checked) < len(links):
        raise ValueError(f"Two links have the same label: {list(links)!r}.")
    return checked


def check_url(url: str) -> str:
    """Returns `url`. Raises ValueError unless it is http, https or a path on this site."""
    if not isinstance(url, str):
        raise TypeError(f"A URL is text, not {url!r}.")
    if len(url) > URL_MAX_LENGTH:
        raise ValueError(f"A URL has at most {URL_MAX_LENGTH} characters, this one {len(url)}: {url[:60]!r}…")
    if not _is_safe(url):
        raise ValueError(f"{url!r} is no link: use http, https or a path on this site that starts with '/'.")
    return url


def _is_safe(url: str) -> bool:
    # Browsers drop tabs and line ends inside a URL and read a backslash as a slash: "/\t/evil.example" is another site.
    if any(character <= " " or character in "\\\x7f" or "\ud800" <= character <= "\udfff" for character in url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises when it is no number
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme in SCHEMES and bool(host)
    return url.startswith("/") and not url.startswith("//")
