"""The inbox and the bell. Views parse and render; `team_notifications.inbox` acts."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from team_notifications import conf, filters, inbox, undo
from team_notifications.filters import INBOX, InboxFilter
from team_notifications.personal import PERSONAL
from team_notifications.web import answers, filtering
from team_notifications.web.access import sign_in_required
from team_notifications.web.days import by_day
from team_notifications.web.reader import Request, readable, unread, visible

BELL_PANEL = "bell-panel"  # the element that the bell opens


@require_safe
@never_cache
@sign_in_required
def inbox_page(request: Request) -> HttpResponse:
    """The threads that the filters in the address let through. Of nonsense in the address it says so.

    The plain address brings back the filters that this person used last in this browser.
    """
    if not request.GET and not request.htmx and (last := filtering.remembered(request)):
        return HttpResponseRedirect(f"{request.path}?{last}")
    teams = filters.teams_with_unread(request.user, readable(request))
    found = InboxFilter(request.GET, readable(request), teams=teams)
    after, cursor_is_invalid = request.GET.get("after", ""), False
    try:
        page = inbox.page(found.qs, after=after)
    except inbox.InvalidCursor:
        page, cursor_is_invalid = inbox.page(found.qs), True
    context = {
        "page": page,
        "days": by_day(page.rows),
        "older": filtering.address(found.understood, after=page.next),
        "after": after if not cursor_is_invalid else "",
        "cursor_is_invalid": cursor_is_invalid,
        "why_empty": _why_empty(found, after if not cursor_is_invalid else ""),
        **_filters(request, found, teams),
        **answers.for_threads(request.get_full_path() if request.GET else f"{request.path}?state={INBOX}"),
    }
    response = render(request, "team_notifications/inbox.html", context)
    if not request.htmx:
        filtering.remember(request, response, found)
    return response


@require_safe
@never_cache
@sign_in_required
def bell(request: Request) -> HttpResponse:
    """What the bell opens. Only a part of a page, so whoever comes here otherwise gets the inbox."""
    return _panel(request) if request.htmx else redirect("team_notifications:inbox")


@require_POST
@sign_in_required
def mark_read(request: Request) -> HttpResponse:
    """Marks the posted threads read, unless they happened again since the person saw them."""
    seen, at = answers.posted(request), timezone.now()
    changed = inbox.mark_read(answers.named(request, seen), seen, at=at)
    if request.htmx and request.htmx.target == BELL_PANEL:
        return trigger_client_event(_panel(request), "notifications-read", after="settle")
    token = undo.token(request.user, undo.READ, list(seen), at=at) if changed else ""
    status = ngettext("%d thread marked read.", "%d threads marked read.", changed) % changed
    return answers.in_place(request, seen, status, token)


@require_POST
@sign_in_required
def mark_unread(request: Request) -> HttpResponse:
    seen = answers.posted(request)
    changed = inbox.mark_unread(answers.named(request, seen))
    status = ngettext("%d thread marked unread.", "%d threads marked unread.", changed) % changed
    return answers.in_place(request, seen, status)


def _filters(request: Request, found: InboxFilter, teams: list[Any]) -> dict[str, Any]:
    counts = filters.counts(request.user, readable(request))
    return {
        "filter": found,
        "states": filtering.states(found, counts),
        "places": filtering.places(found, counts, teams),
        "active": filtering.active(found),
        "kind_groups": filtering.kind_groups(found),
        "hidden": filtering.hidden(found),
        "problems": filtering.problems(found),
        "clear": filtering.address(found.understood, **dict.fromkeys(found.understood, "")),
        "newest": filtering.address(found.understood),
    }


def _why_empty(found: InboxFilter, after: str) -> str:
    """What a list without threads would say."""
    if after:
        return "older"
    narrowing = dict(found.narrowing.lists())
    if narrowing == {"team": [PERSONAL.pk]} and found.state_name == INBOX:
        return "personal"
    return "filtered" if narrowing else found.state_name


def _panel(request: Request) -> HttpResponse:
    rows = inbox.page(visible(request), size=conf.settings().bell_size).rows
    context = {"rows": rows, "shown_unread": [row for row in rows if not row.is_read], "unread": unread(request)}
    return render(request, "team_notifications/bell.html", context)
