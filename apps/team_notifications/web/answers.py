"""What every form of the inbox has in common: the threads that it names, and what the person is told afterwards."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.translation import gettext
from django_htmx.http import trigger_client_event

from team_notifications import filters, inbox
from team_notifications.models.notification import UserNotificationQuerySet
from team_notifications.web import marks
from team_notifications.web.filtering import capped
from team_notifications.web.reader import Request, readable, unread
from team_notifications.web.until import MUTES, SNOOZES, labels


def posted(request: Request) -> dict[int, int]:
    """The threads that the form names and what was seen of them: those selected, or all that it shows."""
    return marks.seen(request.POST.getlist("shown" if "all" in request.POST else "thread"))


def named(request: Request, seen: Mapping[int, int]) -> UserNotificationQuerySet:
    """The person's rows among these. Raises Http404 when there are none, unless none were named."""
    rows = readable(request).filter(pk__in=seen)
    if seen and not rows.exists():
        raise Http404(f"No thread with the id {', '.join(map(str, seen))}.")
    return rows


def in_place(request: Request, seen: Mapping[int, int], status: str, undo: str = "") -> HttpResponse:
    """The threads stay where they are and show what changed."""
    if not request.htmx:
        return _back(request, status, undo, anchor=f"#thread-{next(iter(seen))}" if len(seen) == 1 else "")
    rows = inbox.page(named(request, seen), size=len(seen) or 1).rows
    numbers = filters.counts(request.user, readable(request))
    counts = {"unread": numbers.unread, "snoozed": numbers.snoozed, "archived": numbers.archived}
    counts["team-personal"] = numbers.personal
    counts |= {f"team-{team.pk}": team.tn_unread for team in filters.teams_with_unread(request.user, readable(request))}
    context = {
        "rows": rows,
        "gone": set(seen) - {row.pk for row in rows},
        "counts": {key: capped(number) for key, number in counts.items()},
    }
    return render(request, "team_notifications/_changed.html", {**context, **_said(request, status, undo)})


def moved(request: Request, status: str, undo: str = "") -> HttpResponse:
    """The list is another one now; the page fetches it."""
    if not request.htmx:
        return _back(request, status, undo)
    response = render(request, "team_notifications/_changed.html", _said(request, status, undo))
    return trigger_client_event(response, "inbox-changed", after="settle")


def for_threads(here: str) -> dict[str, Any]:
    """What the template of a thread needs besides its row: where its forms lead back to, and what they offer."""
    return {"here": here, "snoozes": labels(SNOOZES), "mutes": labels(MUTES)}


def _said(request: Request, status: str, undo: str) -> dict[str, Any]:
    said = {"status": status, "undo": undo, "unread": unread(request), "oob": True}
    return {**said, **for_threads(marks.way_back(request))}


def _back(request: Request, status: str, undo: str, anchor: str = "") -> HttpResponse:
    if undo:
        # Its form stands on the page, so that a host that shows messages in its own way shows this one too.
        button = '{} <button class="link-button" type="submit" form="undo" name="token" value="{}">{}</button>'
        status = format_html(button, status, undo, gettext("Undo"))
    messages.success(request, status, fail_silently=True)  # a host may do without django.contrib.messages
    return HttpResponseRedirect(marks.way_back(request) + anchor)
