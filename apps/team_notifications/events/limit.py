"""How long a handler may take for one event, and what ends it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connections

from team_notifications import conf

HARD = 1.25  # of the limit: then a worker that can ends the process of a handler that did not let itself be stopped
LEASE = 1.5  # of the limit: then it is given up, wherever it was

QUERY_UNDER_WAY = 1  # libpq's PQTRANS_ACTIVE


class HandlerTimeout(TimeoutError):
    """Raised inside a handler that takes longer than ``EVENT_TIME_LIMIT``."""


def hard_limit() -> timedelta:
    return conf.settings().event_time_limit * HARD


def lease() -> timedelta:
    """How long nobody else takes a run that somebody began."""
    return conf.settings().event_time_limit * LEASE


@contextmanager
def time_limit() -> Iterator[None]:
    """Raises HandlerTimeout inside when it takes longer than ``EVENT_TIME_LIMIT``.

    By the process's alarm, which is heard in its main thread only: there are the handlers of `run_notifications` and of
    Celery's usual pool. Elsewhere (a pool of threads, a web process) nothing can stop a handler; its lease ends.
    """
    if not _has_the_alarm():
        yield
        return
    limit = conf.settings().event_time_limit

    def end(*_: Any) -> None:
        raise HandlerTimeout(f"It took longer than {limit.total_seconds():g} s (EVENT_TIME_LIMIT).")

    before = signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, limit.total_seconds())
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # also when the alarm came in between
        signal.signal(signal.SIGALRM, before)


def stop_query(using: str) -> None:
    """Ends what the alarm interrupted: at the server a query would go on that nobody waits for, with all its locks."""
    database = connections[using]
    if database.vendor != "postgresql" or database.connection is None:
        return
    if database.connection.info.transaction_status == QUERY_UNDER_WAY:
        database.connection.cancel()


def _has_the_alarm() -> bool:
    """Whether it can be heard here, and nobody else (a handler around this one) has set it."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return hasattr(signal, "setitimer") and in_main_thread and not any(signal.getitimer(signal.ITIMER_REAL))
