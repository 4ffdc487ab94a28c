"""A feature says that something happened, and leaves it to handlers who should hear of it."""

from collections.abc import Mapping
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from team_notifications import conf
from team_notifications.events import dispatch
from team_notifications.events.types import event_type
from team_notifications.models import EventLog
from team_notifications.report import check_team
from team_notifications.signals import event_published


def publish(name: str, payload: Mapping[str, Any], *, team: Any = None) -> EventLog:
    """Records that something happened. One statement, however many handlers there are.

    Call it inside the transaction of the change that it tells of: a rollback takes it back, and no handler runs before
    the commit. With the setting ``EVENTS_SYNCHRONOUS`` they run right after it, before the caller goes on; otherwise a
    worker is woken. What a handler raises never reaches the caller.

    Args:
        name: a registered event, ``product.created``.
        payload: JSON values by the names that the event is registered with; at most ``EVENT_MAX_BYTES``.
        team: the saved team that it concerns; None for what concerns none.

    Raises:
        UnknownEvent: a ValueError that names those that there are.
        TypeError, ValueError: naming the bad key or the limit, before anything is written.
    """
    checked = event_type(name).check(payload)
    now = timezone.now()
    event: EventLog = EventLog.objects.create(
        name=name,
        payload=checked,
        team=None if team is None else check_team(team),
        created_at=now,
        delete_at=now + conf.settings().event_retention,
    )
    # No partial: to log what a robust one raises, Django asks for a name, which a partial has not.
    transaction.on_commit(lambda: _announce(event), using=router.db_for_write(EventLog), robust=True)
    return event


def _announce(event: EventLog) -> None:
    if conf.settings().events_synchronous:
        dispatch.handle_now(event.pk)
    else:
        event_published.send_robust(sender=EventLog, event=event)
