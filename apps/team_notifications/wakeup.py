"""Wakes a worker after the commit. Only a call: when it is lost, the next sweep finds the work."""

import logging
from typing import Any

from kombu.exceptions import OperationalError

from team_notifications.models import Notification
from team_notifications.signals import notification_recorded
from team_notifications.tasks import finish_fanout

logger = logging.getLogger(__name__)


def connect() -> None:
    notification_recorded.connect(_finish_large_team, dispatch_uid="team_notifications.wakeup")


def _finish_large_team(notification: Notification, unfinished: bool, **kwargs: Any) -> None:
    if not unfinished or not finish_fanout.app.conf.broker_url:  # a host without a broker sweeps
        return
    try:
        # No retry: whoever reported the event waits for this call, and the sweeper comes by anyway.
        finish_fanout.apply_async((notification.pk,), retry=False)
    except OperationalError as error:
        logger.warning("No broker (%s): the sweeper finishes notification %s.", error, notification.pk)
