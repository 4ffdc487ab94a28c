"""What a form that marks threads says: which threads, what the person saw of them, and where to go back to."""

import re
from collections.abc import Iterable

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from team_notifications import conf

MOST = 100  # unless pages are set to hold more
THREAD = re.compile(r"([0-9]{1,18}):([0-9]{1,9})")


def seen(values: Iterable[str]) -> dict[int, int]:
    """Id → occurrences that the person saw, from values such as ``7:3``.

    Raises BadRequest, naming the value, for anything else, and for more threads than a page holds.
    """
    threads = dict(_thread(value) for value in values)
    most = max(MOST, conf.settings().page_size, conf.settings().bell_size)
    if len(threads) > most:
        raise BadRequest(f"These are {len(threads)} threads; at most {most} are taken at once.")
    return threads


def _thread(value: str) -> tuple[int, int]:
    match = THREAD.fullmatch(value)
    if match is None:
        raise BadRequest(f"{value!r} is no thread; one is named like '7:3', by its id and how often it had happened.")
    return int(match[1]), int(match[2])


def way_back(request: HttpRequest) -> str:
    """The page that the form stood on; the inbox when it names none, or one on another site."""
    page = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return page
    return reverse("team_notifications:inbox")
