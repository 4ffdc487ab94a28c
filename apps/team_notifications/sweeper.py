"""Finds and does what is due, whoever left it behind: a lost message, a killed worker, a host without a broker."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

from team_notifications import fanout
from team_notifications.delivery import mailings
from team_notifications.events import dispatch, runs

logger = logging.getLogger(__name__)

EVENTS_SESSION = 60.0  # seconds for the events of one sweep, at most half of them dispatching; under a task's limit

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was done: members notified of what a large team's first chunk knew already, mails sent, handlers run."""

    notified: int
    mails: int
    handled: int = 0


def sweep(handle: Callable[[int], bool] | None = None) -> Swept:
    """Does all that is due now. One failure never holds up the others. `handle` is as in `handle_events`."""
    unfinished = _try("finding large teams of whom not all were told", fanout.unfinished) or []
    # Handlers are the host's code and come last: one that takes the process along keeps nobody's mail back.
    return Swept(notified=sum(map(finish_fanout, unfinished)), mails=deliver(), handled=handle_events(handle))


def finish_fanout(notification_id: int) -> int:
    """Tells the rest of a large team; returns how many members were notified."""
    return _try(f"telling the rest of notification {notification_id}", partial(fanout.finish, notification_id)) or 0


def deliver() -> int:
    """Sends what is due; returns how many mails that were."""
    return _try("sending what is due", mailings.deliver) or 0


def handle_events(handle: Callable[[int], bool] | None = None, seconds: float = EVENTS_SESSION) -> int:
    """Dispatches the events that no message led to, and runs the handlers that are due; returns how many ran.

    `handle` gets the key of each run instead, and says whether that went well: to hand it over to another worker.
    """
    end = monotonic() + seconds
    _dispatch_backlog(until=end - seconds / 2)
    handled, last = 0, None
    # Page by page: what was handed over is still due, and what cannot even be begun shall not keep the sweep here.
    while due := _try("finding handlers that are due", partial(runs.due, last)) or []:
        for _, run_id in due:
            if monotonic() > end:
                return handled
            handled += (handle or run_handler)(run_id)
        last = due[-1]
    return handled


def _dispatch_backlog(until: float) -> None:
    """At least a page of it, so that each sweep gets on. Without messages: the sweep comes to the handlers next."""
    last = 0
    while page := _try("finding events that were not dispatched", partial(dispatch.undispatched, last)) or []:
        for event_id in page:
            _try(f"dispatching event {event_id}", partial(dispatch.owe, event_id))
        if monotonic() > until:
            return
        last = page[-1]


def dispatch_event(event_id: int) -> None:
    """Owes an event to its handlers."""
    _try(f"dispatching event {event_id}", partial(dispatch.dispatch, event_id))


def run_handler(run_id: int) -> bool:
    """Runs a handler for an event if that is due; returns whether it ran to its end."""
    return _try(f"run {run_id} of a handler", partial(runs.run, run_id)) or False


def _try(what: str, work: Callable[[], Result]) -> Result | None:
    """Whatever goes wrong (the database is away, the host's directory raises) is logged, and tried with the next sweep.

    Each piece of work is committed by itself, so nothing that was done before is lost with it.
    """
    try:
        return work()
    except Exception:
        logger.exception("Failed: %s. The next sweep tries again.", what)
        return None
