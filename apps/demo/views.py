"""Endpoints for the demo's own actions to watch."""

import asyncio

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

SLOW = 2.0  # seconds
SPELL = 30  # seconds that the flaky endpoint is well, and then is not


def healthy(request: HttpRequest) -> HttpResponse:
    return _say("I am well.")


async def slow(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(SLOW)
    return _say("I am well, and took my time.")


def flaky(request: HttpRequest) -> HttpResponse:
    """Down for the first half of each minute. By the clock, so that every process agrees."""
    if timezone.now().timestamp() % (2 * SPELL) < SPELL:
        response = _say("Ask me again in half a minute.", status=503)
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's mark: this error is not one of ours
        return response
    return _say("I am well again.")


def _say(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
