"""The last look before something leaves: may this member still know, do they still want to, and is it time?

Asked for a whole batch at once: who may know by one statement for each audience, and never by one for each member.
"""

import logging
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max

from team_notifications.delivery.channels.email.suppression import suppressed
from team_notifications.delivery.rules import Scope, Wishes
from team_notifications.delivery.schedule import send_at
from team_notifications.directory import UnknownPermission
from team_notifications.models import Delivery, Notification, UserNotification
from team_notifications.recipients import Audience, Recipients
from team_notifications.sql import writing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Send it now; or hold it until a time; or drop it, for a reason that the admin shows."""

    hold_until: datetime | None = None
    drop: str = ""

    @property
    def send(self) -> bool:
        return not self.drop and self.hold_until is None


SEND = Verdict()
ASK_AGAIN = timedelta(minutes=1)


def check(deliveries: list[Delivery], wishes: Mapping[Scope, Wishes], now: datetime) -> dict[Delivery, Verdict]:
    """A verdict for each, and on each whether a floor demands it. Raises nothing for what is wrong with one of them."""
    reached, unanswered = _still_reached(deliveries)
    newest = _newest_revisions(deliveries)
    blocked = suppressed({delivery.user.email for delivery in deliveries if delivery.user.email})

    def verdict(delivery: Delivery) -> Verdict:
        row = delivery.user_notification
        if reason := _settled(row, now):
            return Verdict(drop=reason)
        if not delivery.user.email:
            return Verdict(drop="The member has no email address.")
        if delivery.user.email.lower() in blocked:
            return Verdict(drop="The address takes no mail; its owner can lift that in their preferences.")
        if newest[row.pk] > delivery.revision:
            return Verdict(drop="It happened again, and that is told instead.")
        if row.notification_id in unanswered:
            return Verdict(hold_until=now + ASK_AGAIN)
        chosen = reached.get((row.notification_id, delivery.user_id))
        delivery.is_demanded = chosen is False
        if chosen is None:
            return Verdict(drop="The member may no longer know, or no longer wants a mail.")
        at = send_at(
            wishes[delivery.user_id, delivery.team_id].rules,
            level=row.notification.severity,
            happened_at=delivery.created_at,
            now=now,
        )
        if row.snoozed_until is not None:
            at = max(at, row.snoozed_until)
        return Verdict(hold_until=at) if at > now else SEND

    return {delivery: verdict(delivery) for delivery in deliveries}


def _settled(row: UserNotification, now: datetime) -> str:
    """Why there is nothing left to tell about; empty when there is."""
    if row.notification.is_resolved:
        return "The thread was resolved."
    if row.notification.is_expired(now):
        return "The thread expired."
    if row.is_read:
        return "The member had read it."
    if row.archived_at is not None:
        return "The member had archived it."
    if row.muted_until is not None and row.muted_until > now:
        return "The member had muted the thread."
    return ""


def _newest_revisions(deliveries: Iterable[Delivery]) -> dict[int, int]:
    """The last revision that is owed, or was, for each row: it says what the thread says now, so one mail is enough."""
    rows = writing(Delivery).filter(user_notification__in={delivery.user_notification_id for delivery in deliveries})
    return dict(rows.values_list("user_notification").annotate(Max("revision")))


def _still_reached(deliveries: Iterable[Delivery]) -> tuple[dict[tuple[int, Any], bool], set[int]]:
    """Keys of (thread, user) whom a mail would reach if it happened now, and of threads for which nobody could say.

    True: as they chose. False: because a floor demands it. What the host's directory raises for one thread does not
    hold up the others.
    """
    audiences: dict[Hashable, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        audiences[_audience(delivery.user_notification.notification)].append(delivery)
    reached: dict[tuple[int, Any], bool] = {}
    unanswered: set[int] = set()
    for asked in audiences.values():
        threads = {delivery.user_notification.notification_id for delivery in asked}
        try:
            users = _reached(asked[0].user_notification.notification, {delivery.user_id for delivery in asked})
        except Exception:
            logger.exception("Who may know of notifications %s could not be asked; it is, again, in a minute.", threads)
            unanswered |= threads
        else:
            reached.update({(thread_id, user_id): users[user_id] for thread_id in threads for user_id in users})
    return reached, unanswered


def _audience(thread: Notification) -> Hashable:
    """Threads for which it is the same are for the same people: it is asked once for all of them."""
    source = thread.source_app, thread.source_model, thread.source_id
    return thread.team_id, thread.user_id, thread.slug, thread.severity.weight, tuple(thread.permissions), source


def _reached(thread: Notification, users: set[Any]) -> dict[Any, bool]:
    """Those of `users` whom a mail reaches, each with whether they chose so."""
    try:
        recipients = Recipients(replace(Audience.of(thread), only=users))
    except UnknownPermission:  # it is gone, so nobody holds it
        return {}
    reached = recipients.between().filter(to_email=True)
    if recipients.has_floor("email"):
        return dict(reached.annotate(chose=F("chose_email")).values_list("pk", "chose"))
    return dict.fromkeys(reached.values_list("pk", flat=True), True)
