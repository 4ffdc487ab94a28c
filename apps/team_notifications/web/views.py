"""The inbox and the bell. Views parse and render; `team_notifications.inbox` acts."""

from collections.abc import Mapping

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from team_notifications import conf, inbox
from team_notifications.models.notification import UserNotificationQuerySet
from team_notifications.personal import PERSONAL
from team_notifications.web import marks
from team_notifications.web.access import sign_in_required
from team_notifications.web.reader import Request, unread, visible

BELL_PANEL = "bell-panel"  # the element that the bell opens


@require_safe
@never_cache
@sign_in_required
def inbox_page(request: Request) -> HttpResponse:
    """All threads, or with ``?team=personal`` the personal ones. Of nonsense in the address it says so."""
    named = request.GET.get("team", "")
    place = PERSONAL if named == PERSONAL.pk else None
    rows = visible(request).of(place) if place else visible(request)
    cursor_is_invalid = False
    try:
        page = inbox.page(rows, after=request.GET.get("after", ""))
    except inbox.InvalidCursor:
        page, cursor_is_invalid = inbox.page(rows), True
    context = {
        "page": page,
        "cursor_is_invalid": cursor_is_invalid,
        "personal": PERSONAL,
        "place": place,
        "place_is_unknown": bool(named) and place is None,
    }
    return render(request, "team_notifications/inbox.html", context)


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
    seen = marks.seen(request.POST.getlist("thread"))
    changed = inbox.mark_read(_named(request, seen), seen)
    return _marked(request, seen, ngettext("%d thread marked read.", "%d threads marked read.", changed) % changed)


@require_POST
@sign_in_required
def mark_unread(request: Request) -> HttpResponse:
    seen = marks.seen(request.POST.getlist("thread"))
    changed = inbox.mark_unread(_named(request, seen))
    return _marked(request, seen, ngettext("%d thread marked unread.", "%d threads marked unread.", changed) % changed)


def _named(request: Request, seen: Mapping[int, int]) -> UserNotificationQuerySet:
    """The person's rows among these. Raises Http404 when there are none, unless none were named."""
    rows = visible(request).filter(pk__in=seen)
    if seen and not rows.exists():
        raise Http404(f"No thread with the id {', '.join(map(str, seen))}.")
    return rows


def _marked(request: Request, seen: Mapping[int, int], status: str) -> HttpResponse:
    if not request.htmx:
        anchor = f"#thread-{next(iter(seen))}" if len(seen) == 1 else ""
        return HttpResponseRedirect(marks.way_back(request) + anchor)
    if request.htmx.target == BELL_PANEL:
        return trigger_client_event(_panel(request), "notifications-read", after="settle")
    rows = inbox.page(_named(request, seen), size=len(seen) or 1).rows
    context = {
        "rows": rows,
        "gone": set(seen) - {row.pk for row in rows},
        "status": status,
        "unread": unread(request),
    }
    return render(request, "team_notifications/_changed.html", context)


def _panel(request: Request) -> HttpResponse:
    rows = inbox.page(visible(request), size=conf.settings().bell_size).rows
    context = {"rows": rows, "shown_unread": [row for row in rows if not row.is_read], "unread": unread(request)}
    return render(request, "team_notifications/bell.html", context)
