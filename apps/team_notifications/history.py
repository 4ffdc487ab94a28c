"""When a thread happened: its occurrences page by page, and how many fell into each hour, day or week.

What the cleanup removed of the history is in neither; the thread's own count still has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Trunc
from django.utils import timezone

from team_notifications.cursors import cursor, parse_cursor
from team_notifications.levels import Level
from team_notifications.models import Notification, Occurrence

PAGE_SIZE = 25
MOST_BUCKETS = 60
HALF_AN_HOUR = timedelta(minutes=30)  # clocks are changed by no less
FEWEST = {"hours": 23, "days": 13}  # before now: what happened twice in a minute is a bar of a day, and not all of it


class Unit(Enum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday on


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """How often it happened from `start`, in the zone that was asked for, for one unit long."""

    start: datetime
    count: int


@dataclass(frozen=True, kw_only=True)
class Chart:
    """At most `MOST_BUCKETS`, without a gap and the last one now. `earlier` counts what they do not go back to."""

    unit: Unit
    buckets: list[Bucket]
    earlier: int

    @property
    def highest(self) -> int:
        return max(bucket.count for bucket in self.buckets)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One occurrence: when, and what it said that the thread does not say now. None and empty: the same."""

    at: datetime
    level: Level | None
    title: str
    message: str

    @property
    def is_same(self) -> bool:
        return self.level is None and not self.title and not self.message


@dataclass(frozen=True, kw_only=True)
class Page:
    """The newest first; `next` is the cursor of the page after, empty on the last one."""

    entries: list[Entry]
    next: str = ""


def page(thread: Notification, *, after: str = "", size: int = PAGE_SIZE) -> Page:
    """The newest `size` occurrences that come after the cursor. One query. Raises InvalidCursor, naming it."""
    occurrences = _of(thread)
    if after:
        at, key = parse_cursor(after)
        occurrences = occurrences.filter(Q(at__lt=at) | Q(pk__lt=key), at__lte=at)
    found = list(occurrences.order_by("-at", "-pk")[: size + 1])
    entries = [_entry(occurrence, thread) for occurrence in found[:size]]
    last = found[size - 1] if len(found) > size else None
    return Page(entries=entries, next=cursor(last.at, last.pk) if last else "")


def chart(thread: Notification, *, zone: tzinfo | None = None, now: datetime | None = None) -> Chart:
    """How often it happened when, counted by the database on the clocks of `zone` (default: the current one).

    Two queries, however often it happened.
    """
    zone, now = zone or timezone.get_current_timezone(), now or timezone.now()
    first = _of(thread).order_by("at").values_list("at", flat=True).first() or thread.last_event_at
    unit, starts = _buckets(min(first, now), now, zone)
    shown = _of(thread).filter(at__gte=starts[0])
    counted = shown.values_list(Trunc("at", unit.value, tzinfo=zone)).annotate(Count("pk")).order_by()
    # By what the clocks show: an hour that they show twice is one bucket, on every database.
    counts = {start.replace(tzinfo=None): count for start, count in counted}
    buckets = [Bucket(start=start, count=counts.get(start.replace(tzinfo=None), 0)) for start in starts]
    return Chart(unit=unit, buckets=buckets, earlier=max(thread.occurrences - sum(counts.values()), 0))


def _of(thread: Notification) -> QuerySet[Occurrence]:
    return Occurrence.objects.filter(notification=thread)


def _entry(occurrence: Occurrence, thread: Notification) -> Entry:
    return Entry(
        at=occurrence.at,
        level=Level(occurrence.level) if occurrence.level != thread.level else None,
        title=occurrence.title if occurrence.title != thread.title else "",
        message=occurrence.message if occurrence.message != thread.message else "",
    )


def _buckets(first: datetime, now: datetime, zone: tzinfo) -> tuple[Unit, list[datetime]]:
    """The smallest unit of which few enough go from `first` to `now`, and where each begins."""
    hours = list(_hours(min(first, now - timedelta(hours=FEWEST["hours"])), now, zone, limit=MOST_BUCKETS + 1))
    if len(hours) <= MOST_BUCKETS:
        return Unit.HOUR, hours
    days = list(_days(min(first, now - timedelta(days=FEWEST["days"])), now, zone, step=1, limit=MOST_BUCKETS + 1))
    if len(days) <= MOST_BUCKETS:
        return Unit.DAY, days
    monday = now.astimezone(zone) - timedelta(days=now.astimezone(zone).weekday())
    since = max(first, monday - timedelta(weeks=MOST_BUCKETS - 1))
    return Unit.WEEK, list(_days(since, now, zone, step=7, limit=MOST_BUCKETS))


def _hours(first: datetime, now: datetime, zone: tzinfo, limit: int) -> Iterator[datetime]:
    """Each hour that the clocks show, once. Gone through in UTC, so that one which they skip is none of them."""
    at, before = _floor(first.astimezone(zone)).astimezone(UTC), None
    while at <= now and limit:
        start = _floor(at.astimezone(zone))
        if start != before:  # of one zone: compared by what the clocks show
            yield start
            limit -= 1
        at, before = at + HALF_AN_HOUR, start


def _floor(local: datetime) -> datetime:
    return local.replace(minute=0, second=0, microsecond=0, fold=0)


def _days(first: datetime, now: datetime, zone: tzinfo, step: int, limit: int) -> Iterator[datetime]:
    day, last = first.astimezone(zone).date(), now.astimezone(zone).date()
    if step > 1:
        day -= timedelta(days=day.weekday())
    for _ in range(limit):
        if day > last:
            return
        yield datetime(day.year, day.month, day.day, tzinfo=zone)
        day += timedelta(days=step)
