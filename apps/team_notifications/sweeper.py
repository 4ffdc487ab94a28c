"""Finds and does what is due, whoever left it behind: a lost message, a killed worker, a host without a broker."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from team_notifications import fanout
from team_notifications.delivery import mailings

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was done: members notified of what a large team's first chunk knew already, and mails sent."""

    notified: int
    mails: int


def sweep() -> Swept:
    """Does all that is due now. One failure never holds up the others."""
    unfinished = _try("finding large teams of whom not all were told", fanout.unfinished) or []
    return Swept(notified=sum(map(finish_fanout, unfinished)), mails=deliver())


def finish_fanout(notification_id: int) -> int:
    """Tells the rest of a large team; returns how many members were notified."""
    return _try(f"telling the rest of notification {notification_id}", partial(fanout.finish, notification_id)) or 0


def deliver() -> int:
    """Sends what is due; returns how many mails that were."""
    return _try("sending what is due", mailings.deliver) or 0


def _try(what: str, work: Callable[[], Result]) -> Result | None:
    """Whatever goes wrong (the database is away, the host's directory raises) is logged, and tried with the next sweep.

    Each piece of work is committed by itself, so nothing that was done before is lost with it.
    """
    try:
        return work()
    except Exception:
        logger.exception("Failed: %s. The next sweep tries again.", what)
        return None
