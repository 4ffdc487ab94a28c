"""How long a handler may take for one event, what ends it, and what ends its process."""

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import CodeType
from typing import Any

from django.db import connections

from team_notifications import conf

AGAIN = 0.25  # of the limit: after which a handler that goes on is ended once more, and then once more
HARD = 1.25  # of the limit: then a worker that can ends the process of a handler that did not let itself be stopped
LEASE = 1.5  # of the limit: then it is given up, wherever it was

QUERY_UNDER_WAY = 1  # libpq's PQTRANS_ACTIVE


class HandlerTimeout(TimeoutError):
    """Raised inside a handler that takes longer than ``EVENT_TIME_LIMIT``."""


class HandlerStopped(BaseException):
    """Raised inside a handler that goes on after that: what catches each Exception in a loop shall not catch this."""


def hard_limit() -> timedelta:
    return conf.settings().event_time_limit * HARD


def lease() -> timedelta:
    """How long nobody else takes a run that somebody began."""
    return conf.settings().event_time_limit * LEASE


@contextmanager
def time_limit() -> Iterator[None]:
    """Raises HandlerTimeout inside when it takes longer than ``EVENT_TIME_LIMIT``, and HandlerStopped when it goes on.

    HandlerTimeout at the end as well when all of that was caught inside: what was interrupted is not done.

    By the process's alarm, which is heard in its main thread only: there are the handlers of `run_notifications` and of
    Celery's usual pool. Elsewhere (a pool of threads, a web process) nothing can stop a handler; its lease ends.
    """
    if not _has_the_alarm():
        yield
        return
    seconds, rang = conf.settings().event_time_limit.total_seconds(), 0
    reason = f"It took longer than {seconds:g} s (EVENT_TIME_LIMIT)."

    def ring(*_: Any) -> None:
        nonlocal rang
        rang += 1
        # Set anew when it was heard, and no interval: a wait in C that each alarm restarts would never let it be heard.
        signal.setitimer(signal.ITIMER_REAL, seconds * AGAIN)
        raise HandlerTimeout(reason) if rang == 1 else HandlerStopped(reason)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # also when the alarm came in between
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if rang:
        raise HandlerTimeout(reason)


def stop_queries() -> None:
    """Ends what the alarm interrupted: at the server a query would go on that nobody waits for, with all its locks.

    Whatever became of the interruption: a handler may have caught it, or raised something else from it. None is under
    way otherwise, and then nothing is asked of the server.
    """
    for database in connections.all(initialized_only=True):
        if database.vendor != "postgresql" or database.connection is None:
            continue
        if database.connection.info.transaction_status == QUERY_UNDER_WAY:
            database.connection.cancel()
            database.close()  # it could take no other statement, not even to roll back


def answers_to_signals() -> set[CodeType]:
    """The functions with which this process answers at this moment. Asked before they run: some unset themselves."""
    answers = (getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals())
    return {answer for answer in answers if answer is not None}


def ends_the_process(error: BaseException, answers: set[CodeType]) -> bool:
    """Whether somebody else wants that (Ctrl-C, a worker that is shut down), and not only a handler that says so."""
    if isinstance(error, Exception | HandlerStopped):
        return False
    raised_in = (frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__))
    return isinstance(error, KeyboardInterrupt) or any(code in answers for code in raised_in)


def _has_the_alarm() -> bool:
    """Whether it can be heard here, and nobody else (a handler around this one) has set it."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return hasattr(signal, "setitimer") and in_main_thread and not any(signal.getitimer(signal.ITIMER_REAL))
