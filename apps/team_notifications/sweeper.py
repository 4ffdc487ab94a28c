"""Finds and does what is due, whoever left it behind: a lost message, a killed worker, a host without a broker."""

import logging

from django.db import DatabaseError

from team_notifications import fanout

logger = logging.getLogger(__name__)


def sweep() -> int:
    """Does all that is due now and returns how much that was. One failure never holds up the others."""
    return sum(finish_fanout(notification_id) for notification_id in fanout.unfinished())


def finish_fanout(notification_id: int) -> int:
    """Tells the rest of a large team; returns how many members were notified. A failure is logged, and tried again."""
    try:
        return fanout.finish(notification_id)
    except DatabaseError:
        logger.exception("Notification %s did not reach everyone yet; it goes on with the next sweep.", notification_id)
        return 0
