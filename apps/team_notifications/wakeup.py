"""Wakes a worker after the commit. Only a call: when it is lost, the next sweep finds the work."""

import logging
from time import monotonic
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

from team_notifications.events.limit import hard_limit
from team_notifications.models import EventLog, Notification
from team_notifications.signals import event_dispatched, event_published, notification_recorded
from team_notifications.tasks import deliver, dispatch_event, finish_fanout, run_handler

logger = logging.getLogger(__name__)

PAUSE = 30.0  # seconds: the sweeper comes by as often


class Broker:
    """A broker that was down a moment ago is not asked again at once: each caller would wait for the time-outs."""

    def __init__(self) -> None:
        self._down_until = 0.0

    def call(self, task: Task[..., Any], *arguments: Any, **options: Any) -> None:
        """Sends the task with these arguments; the options are Celery's."""
        if not task.app.conf.broker_url or monotonic() < self._down_until:  # a host without a broker sweeps
            return
        try:
            # No retry: whoever reported the event waits for this.
            task.apply_async(arguments, retry=False, **options)
        except OperationalError as error:
            self._down_until = monotonic() + PAUSE
            logger.warning("The broker does not answer (%s). The sweeper does what is due.", error)


broker = Broker()


def connect() -> None:
    notification_recorded.connect(_wake, dispatch_uid="team_notifications.wakeup")
    event_published.connect(_dispatch, dispatch_uid="team_notifications.wakeup")
    event_dispatched.connect(_run_each, dispatch_uid="team_notifications.wakeup")


def _wake(notification: Notification, notified: int, unfinished: bool, **kwargs: Any) -> None:
    if unfinished:
        broker.call(finish_fanout, notification.pk)
    elif notified:
        broker.call(deliver)


def _dispatch(event: EventLog, **kwargs: Any) -> None:
    broker.call(dispatch_event, event.pk)


def _run_each(runs: list[int], **kwargs: Any) -> None:
    """Each handler as a task of its own: none waits for another, and what takes its worker along takes only itself."""
    for run_id in runs:
        broker.call(run_handler, run_id, time_limit=hard_limit().total_seconds())
