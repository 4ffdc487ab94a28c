"""What the person behind a request may see, found once: the bell and the page below it share it."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from team_notifications import conf, inbox
from team_notifications.models.notification import UserNotificationQuerySet


class Request(HttpRequest):
    """A request that passed HtmxMiddleware."""

    htmx: HtmxDetails


def readable(request: HttpRequest) -> UserNotificationQuerySet:
    """The rows whose threads the signed-in person may see, archived and snoozed ones included."""
    if not hasattr(request, "_team_notifications"):
        request._team_notifications = inbox.readable_by(request.user)  # type: ignore[attr-defined]
    return cast(UserNotificationQuerySet, request._team_notifications)  # type: ignore[attr-defined]


def visible(request: HttpRequest) -> UserNotificationQuerySet:
    """The rows that the inbox of the signed-in person shows: `inbox.visible_to`, found once for each request."""
    return readable(request).in_inbox(timezone.now())


def unread(request: HttpRequest) -> str:
    """How many of them are unread, as the bell says it: "", "3", "99+"."""
    cap = conf.settings().unread_cap
    count = inbox.count(visible(request).unread())
    return f"{cap}+" if count > cap else str(count or "")


def say(request: HttpRequest, text: str) -> None:
    """Tells the person on the next page that something was done."""
    messages.success(request, text, fail_silently=True)  # a host may do without django.contrib.messages
