"""Endpoints for the demo's own actions to watch, and for its sites to publish to."""

import asyncio
import json

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

SLOW = 2.0  # seconds
REFUSES = 20  # seconds of each minute that the flaky endpoint takes no article
SPELL = 30  # seconds that the flaky endpoint is well, and then is not


def healthy(request: HttpRequest) -> HttpResponse:
    return _say("I am well.")


async def slow(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(SLOW)
    return _say("I am well, and took my time.")


def flaky(request: HttpRequest) -> HttpResponse:
    """Down for the first half of each minute. By the clock, so that every process agrees."""
    if timezone.now().timestamp() % (2 * SPELL) < SPELL:
        return _refuse("Ask me again in half a minute.")
    return _say("I am well again.")


@csrf_exempt
@require_POST
def articles(request: HttpRequest) -> HttpResponse:
    """Takes an article, or the list of all of them, and keeps neither: it is the other side of a demo."""
    try:
        sent = json.loads(request.body)
    except ValueError as error:
        return _say(f"This is not JSON: {error}", status=400)
    if not isinstance(sent, dict) or not {"title", "articles"} & sent.keys():
        return _say("Send an article with a title, or a list of articles.", status=400)
    return _say("Taken.", status=201)


@csrf_exempt
@require_POST
def flaky_articles(request: HttpRequest) -> HttpResponse:
    """The same, but for the last third of each minute."""
    if timezone.now().timestamp() % 60 >= 60 - REFUSES:
        return _refuse("Send it again in a moment.")
    return articles(request)


def _refuse(text: str) -> HttpResponse:
    response = _say(text, status=503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's mark: this error is not one of ours
    return response


def _say(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")
