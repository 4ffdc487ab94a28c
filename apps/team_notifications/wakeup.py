"""Wakes workers after the commit."""

from typing import Any

from team_notifications.broker import broker
from team_notifications.models import EventLog, Notification
from team_notifications.signals import event_dispatched, event_published, notification_recorded
from team_notifications.tasks import call_handler, deliver, dispatch_event, finish_fanout


def connect() -> None:
    notification_recorded.connect(_wake, dispatch_uid="team_notifications.wakeup")
    event_published.connect(_dispatch, dispatch_uid="team_notifications.wakeup")
    event_dispatched.connect(_handle, dispatch_uid="team_notifications.wakeup")


def _wake(notification: Notification, notified: int, unfinished: bool, **kwargs: Any) -> None:
    if unfinished:
        broker.call(finish_fanout, notification.pk)
    elif notified:
        broker.call(deliver)


def _dispatch(event: EventLog, **kwargs: Any) -> None:
    broker.call(dispatch_event, event.pk)


def _handle(runs: list[int], **kwargs: Any) -> None:
    for run_id in runs:
        call_handler(run_id)
