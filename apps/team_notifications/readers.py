"""Who of a team has read a thread: the members who may know of it now, and what became of it with each."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from django.db.models import Count, F, FilteredRelation, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from team_notifications import conf
from team_notifications.directory import UnknownPermission
from team_notifications.models import Notification
from team_notifications.people import by_name
from team_notifications.recipients import all_users, find_source

PAGE_SIZE = 50


class State(Enum):
    READ = _("Read")
    CLOSED = _("Resolved before they read it")
    UNREAD = _("Unread")
    NOT_TOLD = _("Not told in the inbox")


@dataclass(frozen=True, kw_only=True)
class Reader:
    user: Any
    state: State
    read_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Readers:
    """One page of them by name, of `pages`, and how many of all have read it."""

    people: list[Reader]
    page: int
    pages: int
    read: int
    total: int


def readers(thread: Notification, page: int = 1) -> Readers:
    """Who may know of a team's thread now, `PAGE_SIZE` at a time; past the last page the last one.

    A constant number of queries. Raises ValueError for a personal one: whether it was read is nobody else's business.
    """
    if thread.team is None:
        raise ValueError(f"{thread!r} is personal.")
    told = Q(tn_row__in_app=True)
    read = told & Q(tn_row__is_read=True)
    if thread.resolved_at is not None:  # resolving marks it read for all who had not read it
        read &= Q(tn_row__read_at__lt=thread.resolved_at) | Q(tn_row__read_at__gt=thread.resolved_at)
    users = _who_may_know(thread)
    counts = users.aggregate(total=Count("pk"), read=Count("pk", filter=read))
    pages = max(1, -(-counts["total"] // PAGE_SIZE))
    page = min(max(page, 1), pages)
    with_state = by_name(users).annotate(
        tn_in_app=F("tn_row__in_app"), tn_is_read=F("tn_row__is_read"), tn_read_at=F("tn_row__read_at")
    )
    shown = with_state[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return Readers(people=[_reader(user, thread) for user in shown], page=page, pages=pages, **counts)


def _who_may_know(thread: Notification) -> QuerySet[Any, Any]:
    """Each once, with their row, if they have one, as `tn_row`."""
    source = find_source(thread) if thread.permissions else None
    try:
        holders = conf.directory().holders(thread.team, thread.permissions, source)
    except UnknownPermission:  # it is gone, so nobody holds it
        holders = all_users().none()
    own = FilteredRelation("user_notifications", condition=Q(user_notifications__notification=thread))
    users: QuerySet[Any, Any] = all_users().filter(pk__in=holders.values("pk")).alias(tn_row=own)
    return users


def _reader(user: Any, thread: Notification) -> Reader:
    if not user.tn_in_app:
        state = State.NOT_TOLD
    elif not user.tn_is_read:
        state = State.UNREAD
    else:
        state = State.CLOSED if thread.is_resolved and user.tn_read_at == thread.resolved_at else State.READ
    return Reader(user=user, state=state, read_at=user.tn_read_at if state is State.READ else None)
