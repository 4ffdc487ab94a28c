"""The page of one thread, and the one where a team admin asks why a member did not get it."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from team_notifications import conf, explain, history, kinds, people
from team_notifications.cursors import InvalidCursor
from team_notifications.inbox import FOREVER
from team_notifications.models import Notification, UserNotification
from team_notifications.readers import Readers, readers
from team_notifications.recipients import members
from team_notifications.web import sentences
from team_notifications.web.access import looked_after_by, sign_in_required
from team_notifications.web.chart import Drawing
from team_notifications.web.reader import Request, readable

MEMBERS_SHOWN = 100  # to choose from; the others are found by their names


@require_safe
@never_cache
@sign_in_required
def thread_page(request: Request, key: str) -> HttpResponse:
    """What it says now, when it happened, why the person got it, and, for who may know that, who has read it."""
    row = _named(request, key)
    thread, now = row.notification, timezone.now()
    past, cursor_is_invalid = _history(thread, request.GET.get("after", ""))
    context = {
        "row": row,
        "thread": thread,
        "kind": kinds.find(thread.slug),
        "is_put_away": row.archived_at is not None or _is_to_come(row.snoozed_until),
        "snoozed_until": row.snoozed_until if _is_to_come(row.snoozed_until) else None,
        "muted_until": row.muted_until if _is_to_come(row.muted_until) and row.muted_until != FOREVER else None,
        "is_muted_for_good": row.muted_until == FOREVER,
        "history": past,
        "cursor_is_invalid": cursor_is_invalid,
        "drawing": Drawing(history.chart(thread, now=now)),
        "reasons": [sentences.of_reason(reason, thread) for reason in explain.why(row, request.user)],
        "readers": _readers(request, thread),
        "may_ask_why_not": _looks_after(request, thread),
    }
    return render(request, "team_notifications/thread.html", context)


@require_safe
@never_cache
@sign_in_required
def why_not_page(request: Request, key: str) -> HttpResponse:
    """Which rule kept the thread from ``?member=``, for who looks after the team and may read the thread themselves."""
    row = _named(request, key)
    if not _looks_after(request, row.notification):
        raise PermissionDenied("Only who looks after the team may ask that.")
    team = members(row.team)
    text = request.GET.get("q", "").strip()
    found = list(people.by_name(people.find(team, text))[: MEMBERS_SHOWN + 1])
    member = _member(team, request.GET["member"]) if request.GET.get("member") else None
    shown = found[:MEMBERS_SHOWN]
    if member is not None and member not in shown:
        shown.append(member)
    context = {
        "row": row,
        "thread": row.notification,
        "members": shown,
        "are_more": len(found) > MEMBERS_SHOWN,
        "has_search": bool(text) or len(found) > MEMBERS_SHOWN,
        "text": text,
        "member": member,
        "answer": sentences.of_answer(explain.why_not(row.notification, member), row.notification) if member else None,
    }
    return render(request, "team_notifications/why_not.html", context)


def _named(request: Request, key: str) -> UserNotification:
    """The person's row of that key, with thread and team. Raises Http404 where there is none that they may read."""
    number = int(key) if key.isascii() and key.isdecimal() and len(key) < 19 else 0
    row = readable(request).filter(pk=number).select_related("notification__team", "team").first()
    if row is None:
        raise Http404(f"No thread with the id {key!r}.")
    return row


def _history(thread: Notification, after: str) -> tuple[history.Page, bool]:
    try:
        return history.page(thread, after=after), False
    except InvalidCursor:
        return history.page(thread), True


def _readers(request: Request, thread: Notification) -> Readers | None:
    """None for who may not know."""
    if thread.team is None or not _holds(request, thread.team, conf.settings().readers_permission):
        return None
    page = request.GET.get("readers", "")
    return readers(thread, int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1)


def _looks_after(request: Request, thread: Notification) -> bool:
    return thread.team is not None and thread.team.pk in looked_after_by(request.user)


def _holds(request: Request, team: Any, permission: str) -> bool:
    return bool(permission) and conf.directory().holders(team, [permission]).filter(pk=request.user.pk).exists()


def _is_to_come(until: Any) -> bool:
    return until is not None and until > timezone.now()


def _member(team: QuerySet[Any, Any], key: str) -> Any:
    """Raises Http404 for who is not in the team, be there such a user or not."""
    try:
        member = team.filter(pk=key).first()
    except (ValueError, ValidationError, OverflowError):
        member = None
    if member is None:
        raise Http404(f"No member with the id {key!r}.")
    return member
