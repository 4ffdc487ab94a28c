"""Removes what nobody needs any more, a little in each transaction.

The steps of `plan` go through one table each, in ranges of its primary key, so that they need no index that an event
would have to maintain. A range is one transaction. It never waits for a row that somebody is working on: that one is
left for the next time, and so the cleanup is part of no deadlock. What it did is committed, and what is left to do is
seen from the tables: it can be stopped anywhere, and run again, also by two at once.

Rows that an event would otherwise take for settled are removed while their threads are held, as `inbox` does: see
`team_notifications.fanout` about lost wake-ups.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.db import router, transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from team_notifications import conf, retention
from team_notifications.events import types
from team_notifications.models import (
    Delivery,
    EventLog,
    HandlerRun,
    Mailing,
    Notification,
    Occurrence,
    UnfinishedFanout,
    UserNotification,
)
from team_notifications.retention import Ages
from team_notifications.sql import delete_idle, writing

logger = logging.getLogger(__name__)

SESSION = 480.0  # seconds that one task goes on; under the time limit of tasks
DAY = 86_400.0  # seconds

Rows = QuerySet[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """The `rows` of one table that go, and what removes those among them that are within a range of keys."""

    rows: Rows
    remove: Callable[[Rows, Q], int]

    @property
    def table(self) -> type[Model]:
        return self.rows.model


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What was done with one range: how many rows of `table` went, and which share of all is behind us, 0 to 1."""

    table: type[Model]
    rows: int
    share: float


def run(*, max_age_days: Any = None, dry_run: bool = False) -> Iterator[Chunk]:
    """Cleans up, a chunk with each `next`. `dry_run` counts what would go, and changes nothing.

    `max_age_days` stands for the setting ``MAX_AGE_DAYS``. Raises ValueError, naming it, for what is no age.
    """
    return _chunks(plan(Ages.of_settings(max_age_days), ahead=dry_run), dry_run)


def clean_up(seconds: float = SESSION) -> Counter[type[Model]]:
    """Cleans up for as long as `seconds`, and leaves the rest to the next; returns how many rows went, by table."""
    removed: Counter[type[Model]] = Counter()
    end = monotonic() + seconds
    for chunk in run():
        removed[chunk.table] += chunk.rows
        if monotonic() > end:
            logger.warning("The cleanup was not finished within %s s; the next one goes on.", seconds)
            break
    logger.info("Removed %s.", summary(removed))
    return removed


class Daily:
    """Cleans up once a day, a little at a time, in a process that has other things to do as well."""

    def __init__(self) -> None:
        self._next_at = monotonic()
        self._chunks: Iterator[Chunk] = iter(())

    def go_on(self, seconds: float, *, unless: Callable[[], bool]) -> None:
        """Does what is due for as long as `seconds`, `unless` it shall stop. A failure is logged and waits a day."""
        end = monotonic() + seconds
        try:
            if monotonic() >= self._next_at:
                self._next_at = monotonic() + DAY
                self._chunks = run()
            while not unless() and monotonic() < end and next(self._chunks, None):
                pass
        except Exception:
            logger.exception("The cleanup failed. It goes on tomorrow.")


def summary(rows: Counter[type[Model]]) -> str:
    """``12 user notifications, 0 deliveries``, in the order of the steps."""
    return ", ".join(f"{count:,} {_name(table, count)}" for table, count in rows.items())


def _name(table: type[Model], count: int) -> str:
    return str(table._meta.verbose_name if count == 1 else table._meta.verbose_name_plural)


# ---- what is done, in this order ------------------------------------------------------------------------------------


def plan(ages: Ages, *, ahead: bool = False) -> list[Step]:
    """The steps. Rows go before what they hang on, and each step is told what the ones before it leave.

    That is what is in the tables by then; or, with `ahead`, when nothing is removed in between, what would be.
    """
    threads = writing(Notification)
    rows, fanouts, deliveries = (Table(model, ahead) for model in (UserNotification, UnfinishedFanout, Delivery))
    steps = [Step(rows=rows.take(retention.over(ages)), remove=_idle)]
    # One look each, so that no walk is made that finds nothing.
    if rows.left.filter(retention.of_nobody(at_once=True)).exists():
        steps += [Step(rows=rows.take(retention.of_nobody()), remove=_idle)]
    if threads.filter(retention.expired(ages)).exists():
        steps += [
            Step(rows=rows.take(retention.of_expired(ages)), remove=_with_threads_held),
            Step(rows=fanouts.take(retention.pointless(ages)), remove=_with_threads_held),
        ]
    if ages.unread is not None:
        steps += [Step(rows=rows.take(retention.unread_too_long(ages, ages.unread)), remove=_with_threads_held)]
    unheld = threads.filter(retention.unheld(ages, rows.left, fanouts.left))
    return [
        *steps,
        Step(rows=deliveries.take(retention.ended(ages, rows.left)), remove=_idle),
        Step(rows=writing(Mailing).filter(retention.told(ages, deliveries.left)), remove=_idle),
        Step(rows=writing(Occurrence).filter(retention.forgotten(ages, unheld)), remove=_idle),
        Step(rows=unheld, remove=_emptied),
        Step(rows=writing(HandlerRun).filter(retention.of_past_events(ages, types.names())), remove=_idle),
        Step(rows=writing(EventLog).filter(retention.past_events(ages, types.names())), remove=_without_runs),
    ]


class Table:
    """What the steps so far leave of a table."""

    def __init__(self, table: type[Model], ahead: bool) -> None:
        self.left: Rows = writing(table)
        self.ahead = ahead

    def take(self, condition: Q) -> Rows:
        rows = self.left.filter(condition)
        if self.ahead:
            self.left = self.left.exclude(condition)
        return rows


# ---- how ------------------------------------------------------------------------------------------------------------


def _chunks(steps: list[Step], dry_run: bool) -> Iterator[Chunk]:
    for number, step in enumerate(steps):
        for keys, share in _ranges(step.table):
            rows = step.rows.filter(keys).count() if dry_run else _remove(step, keys)
            yield Chunk(table=step.table, rows=rows, share=(number + share) / len(steps))


def _ranges(table: type[Model]) -> Iterator[tuple[Q, float]]:
    """Ranges of the primary key with ``CLEANUP_CHUNK`` rows each, and which share of the keys is behind each of them.

    The last one, which may be empty, has no end.
    """
    keys = writing(table).order_by("pk").values_list("pk", flat=True)
    first, last = int(keys.first() or 0), int(keys.last() or 0)  # a number or a UUID
    chunk, within = conf.settings().cleanup_chunk, Q()
    while (end := next(iter(keys.filter(within)[chunk - 1 : chunk]), None)) is not None:
        yield within & Q(pk__lte=end), (int(end) - first) / (last - first or 1)
        within = Q(pk__gt=end)
    yield within, 1.0


def _remove(step: Step, keys: Q) -> int:
    # Durable: inside a transaction of the caller's all of them would be one.
    with transaction.atomic(using=router.db_for_write(step.table), durable=True):
        return step.remove(step.rows, keys)


def _idle(rows: Rows, keys: Q) -> int:
    """Removes those that nobody is working on at this moment.

    To lock them first costs as much again as to delete them. But a DELETE that has some rows and waits for another one
    would sooner or later wait for an event that waits for those.
    """
    return delete_idle(rows.filter(keys))


def _with_threads_held(rows: Rows, keys: Q) -> int:
    """Removes those of threads on which nothing happens at this moment, nor until the commit.

    An event that does not write a row, because its member is told already, would otherwise not see that the row goes.
    """
    threads = set(rows.filter(keys).values_list("notification", flat=True))
    held = _hold(writing(Notification).filter(pk__in=threads))
    return _idle(rows.filter(notification__in=held), keys)


def _emptied(threads: Rows, keys: Q) -> int:
    """Removes threads of which nothing is left, as they are when nothing can be added to them any more."""
    held = _hold(threads.filter(keys))
    history = writing(Occurrence).filter(notification=OuterRef("pk"))
    return _idle(threads.filter(~Exists(history), pk__in=held), keys)


def _without_runs(events: Rows, keys: Q) -> int:
    """Removes events whose handlers' records are gone: the step before may have left one that somebody worked on."""
    return _idle(events.filter(retention.without_runs()), keys)


def _hold(threads: Rows) -> list[Any]:
    """The keys of those that are locked now until the commit, which are those that nobody else had locked."""
    return list(threads.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True))
