"""Wakes a worker after the commit. Only a call: when it is lost, the next sweep finds the work."""

import logging
from time import monotonic
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

from team_notifications.models import Notification
from team_notifications.signals import notification_recorded
from team_notifications.tasks import deliver, finish_fanout

logger = logging.getLogger(__name__)

PAUSE = 30.0  # seconds: the sweeper comes by as often


class Broker:
    """A broker that was down a moment ago is not asked again at once: each caller would wait for the time-outs."""

    def __init__(self) -> None:
        self._down_until = 0.0

    def call(self, task: Task[..., Any], *arguments: Any) -> None:
        if not task.app.conf.broker_url or monotonic() < self._down_until:  # a host without a broker sweeps
            return
        try:
            # No retry: whoever reported the event waits for this.
            task.apply_async(arguments, retry=False)
        except OperationalError as error:
            self._down_until = monotonic() + PAUSE
            logger.warning("The broker does not answer (%s). The sweeper does what is due.", error)


broker = Broker()


def connect() -> None:
    notification_recorded.connect(_wake, dispatch_uid="team_notifications.wakeup")


def _wake(notification: Notification, notified: int, unfinished: bool, **kwargs: Any) -> None:
    if unfinished:
        broker.call(finish_fanout, notification.pk)
    elif notified:
        broker.call(deliver)
