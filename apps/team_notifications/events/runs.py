"""A handler runs for an event: claimed by a conditional update, with its effects and its record in one transaction.

A claim is a lease with a fencing token. It counts the try before it begins, so that a handler which takes its worker
along each time has failed in the end. When the lease is over, the next worker takes the run; if the first one is still
at it and comes back, its token is out of date, and what it wrote is rolled back.
"""

import logging
import traceback
import uuid
from datetime import datetime

from django.db import router, transaction
from django.db.models import Case, F, Q, TextField, Value, When
from django.db.models.functions import Concat
from django.utils import timezone

from team_notifications import conf
from team_notifications.backoff import wait_after
from team_notifications.events.handlers import MissingHandler, find
from team_notifications.events.limit import answers_to_signals, ends_the_process, lease, stop_queries, time_limit
from team_notifications.models import HandlerRun
from team_notifications.models.event import HandlerRunQuerySet
from team_notifications.sql import writing

logger = logging.getLogger(__name__)

BATCH = 500  # runs that one look finds
ERROR_MAX_LENGTH = 20_000  # characters of a traceback; the end says most

Due = tuple[datetime, int]  # since when a run is due, and its key

LOST = "The last try did not come back: its worker was killed, or it went on past its time limit."


class Overtaken(Exception):
    """The lease ended meanwhile, and another worker has the run."""


def run(run_id: int) -> bool:
    """Runs the handler if that is due and nobody else is at it. Returns whether it ran to its end.

    What the handler raises is written down and retried later. Raises only what the database does, and what ends the
    process by a signal.
    """
    claimed = _claim(run_id)
    if claimed is None:
        return False
    if claimed.attempts > conf.settings().event_max_attempts:  # and the last of them did not come back
        _end_lost(claimed)
        return False
    answers = answers_to_signals()
    try:
        _carry_out(claimed)
    except Overtaken:
        logger.warning("%s took longer than its lease; another worker has it, and it is rolled back here.", claimed)
    except MissingHandler as error:
        _fail(claimed, _noted(claimed.last_error, str(error)))
    except BaseException as error:
        # Also what only wants to look so, such as sys.exit() in a handler: the others shall run, and a caller go on.
        if ends_the_process(error, answers):
            raise
        reason = _storable("".join(traceback.format_exception(error)))
        logger.warning("%s failed (try %s).\n%s", claimed, claimed.attempts, reason)
        _fail(claimed, reason)
    else:
        return True
    return False


def due(after: Due | None = None) -> list[Due]:
    """The runs that are due and that nobody is at, the longest overdue first, at most a batch; those behind `after`."""
    waiting = HandlerRun.objects.due(timezone.now()).using(router.db_for_write(HandlerRun))
    if after is not None:
        at, key = after
        waiting = waiting.filter(Q(due_at__gt=at) | Q(pk__gt=key), due_at__gte=at)
    return list(waiting.order_by("due_at", "pk").values_list("due_at", "pk")[:BATCH])


def try_again(runs: HandlerRunQuerySet) -> int:
    """Owes those of `runs` that failed once more, from now on and with all their tries; returns how many."""
    failed = runs.order_by().filter(state=HandlerRun.State.FAILED)
    # What somebody else tried again before us is left alone.
    return failed.update(
        state=HandlerRun.State.PENDING, due_at=timezone.now(), attempts=0, lease_token=None, finished_at=None
    )


def _claim(run_id: int) -> HandlerRun | None:
    """Takes the run, and counts the try. None when it is not due: whoever else was woken for it was first."""
    now, token = timezone.now(), uuid.uuid4()
    taken = HandlerRun.objects.filter(pk=run_id).free(now)
    mark = Case(  # as `_noted` does; the lease is known to the statement alone
        When(Q(lease_token=None) | Q(last_error__endswith=LOST), then=F("last_error")),
        When(last_error="", then=Value(LOST)),
        default=Concat("last_error", Value(f"\n{LOST}")),
        output_field=TextField(),
    )
    if not taken.update(lease_token=token, due_at=now + lease(), attempts=F("attempts") + 1, last_error=mark):
        return None
    # None as well when its event was deleted in this moment, with its team.
    return writing(HandlerRun).select_related("event__team").filter(pk=run_id, lease_token=token).first()


def _carry_out(claimed: HandlerRun) -> None:
    """The handler's effects and the record that it is done are committed together, or neither is."""
    handler = find(claimed.event.name, claimed.handler)
    using = router.db_for_write(HandlerRun)
    with transaction.atomic(using=using):
        try:
            with time_limit():
                handler(claimed.event)
        finally:
            stop_queries()
        done = _held(claimed).update(
            state=HandlerRun.State.DONE, finished_at=timezone.now(), lease_token=None, last_error=""
        )
        if not done:
            raise Overtaken


def _fail(claimed: HandlerRun, reason: str) -> None:
    """Gives it back for another try, or ends it when that was the last one."""
    if claimed.attempts >= conf.settings().event_max_attempts:
        _end(claimed, reason)
        return
    _held(claimed).update(due_at=timezone.now() + wait_after(claimed.attempts), lease_token=None, last_error=reason)


def _end(claimed: HandlerRun, reason: str) -> None:
    ended = _held(claimed).update(
        state=HandlerRun.State.FAILED,
        attempts=claimed.attempts,
        finished_at=timezone.now(),
        lease_token=None,
        last_error=reason,
    )
    if ended:
        logger.error("%s has failed for good. It can be run again in the admin.", claimed)


def _end_lost(claimed: HandlerRun) -> None:
    claimed.attempts -= 1  # this was none
    _end(claimed, claimed.last_error)


def _held(claimed: HandlerRun) -> HandlerRunQuerySet:
    """The run, as long as it is ours."""
    return HandlerRun.objects.pending().filter(pk=claimed.pk, lease_token=claimed.lease_token)


def _noted(earlier: str, reason: str) -> str:
    """`reason` below what was known before: it says nothing of the handler, whose last traceback is still wanted."""
    return earlier if earlier.endswith(reason) else f"{earlier}\n{reason}".lstrip()[-ERROR_MAX_LENGTH:]


def _storable(reason: str) -> str:
    """What a database and a log take: handlers may raise with whatever text they were given."""
    return reason.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()[-ERROR_MAX_LENGTH:]
