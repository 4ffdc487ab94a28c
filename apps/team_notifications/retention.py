"""What is kept, and for how long. Each function names the rows of one table that go, as a condition.

What a member read or archived is kept for as many days as hold for them: the first answer of the cascade (member in the
team, member everywhere, team, setting), and never longer than ``MAX_AGE_DAYS``. Its age is counted from the last thing
that happened to the row: the member was told, read it, or archived it. It is unread again when it happened again, and
then it stays. So does what is muted, for as long as it is: the row is where that wish is kept.

Every condition is true or false, never NULL, because its negation is asked for as well. They are subqueries and no
joins; see `sql.delete_idle`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import IsNull, LessThan, LessThanOrEqual
from django.utils import timezone

from team_notifications import conf
from team_notifications.models import (
    Delivery,
    EventLog,
    HandlerRun,
    Mailing,
    Notification,
    Occurrence,
    Preference,
    UserNotification,
)
from team_notifications.models.notification import REMOVED
from team_notifications.recipients import all_users
from team_notifications.sql import writing

DAY = timedelta(days=1)
LONGEST = 36_500  # days; dates that lie further back overflow
IDLE = 1  # day for which a thread without members is let be after it happened: somebody may be at it

ENDED = [Delivery.State.SENT, Delivery.State.DROPPED, Delivery.State.FAILED]

LAST_CHANGE = Greatest("notified_at", Coalesce("read_at", "notified_at"), Coalesce("archived_at", "notified_at"))


@dataclass(frozen=True, kw_only=True)
class Ages:
    """The moment of a cleanup, and how old things may be by then, in days. `unread` None: as old as they like."""

    now: datetime
    ceiling: int  # for what was read, and for history
    default: int  # for a member for whom nobody chose
    shortest: int  # that holds for anybody
    unread: int | None

    @classmethod
    def of_settings(cls, max_age_days: Any = None) -> "Ages":
        """Those of the settings; `max_age_days` stands for ``MAX_AGE_DAYS``. One query.

        Raises ValueError, naming it, for what is no age.
        """
        settings = conf.settings()
        ceiling = check_days(settings.max_age_days if max_age_days is None else max_age_days)
        default = min(ceiling, settings.defaults.get("retention_days") or ceiling)
        chosen = writing(Preference).aggregate(least=Min("retention_days"))["least"]
        return cls(
            now=timezone.now(),
            ceiling=ceiling,
            default=default,
            shortest=min(default, chosen or ceiling),
            unread=None if settings.unread_max_age_days is None else check_days(settings.unread_max_age_days),
        )

    def ago(self, days: int) -> datetime:
        return self.now - days * DAY


def check_days(value: Any) -> int:
    """A whole number of days, at least 1. Raises ValueError, naming it, for anything else."""
    is_number = not isinstance(value, bool) and re.fullmatch("[0-9]{1,6}", str(value))
    if not is_number or not 1 <= int(value) <= LONGEST:
        raise ValueError(f"{value!r} is no age; give a whole number of days from 1 to {LONGEST}.")
    return int(value)


# ---- members' rows --------------------------------------------------------------------------------------------------


def over(ages: Ages) -> Q:
    """The member is done with it: read or archived; or told by mail alone, so that there is nothing to read."""
    seen = Q(is_read=True) | Q(archived_at__isnull=False)
    # Not before its time to tell them again, which the row knows.
    mailed = Q(~_found(_owed()), in_app=False, notified_at__lt=ages.now - conf.settings().renotify_after)
    return Q(seen | mailed, _unmuted(ages.now), _older_than_wished(ages))


def of_nobody(*, at_once: bool = False) -> Q:
    """The user or the team is gone. Written in the moment in which they were deleted: there is no constraint.

    `at_once`: to ask for the whole table in one statement.
    """
    found = Exists if at_once else _found
    user = all_users().filter(pk=OuterRef("user"))
    team = conf.team_model()._base_manager.filter(pk=OuterRef("team"))
    return Q(~found(user)) | Q(~found(team), team__isnull=False)


def of_expired(ages: Ages) -> Q:
    """The thread has expired. It may come back, and is muted then for whoever muted it; but not without its source."""
    unmuted = LessThanOrEqual(Coalesce(OuterRef("muted_until"), Value(ages.now)), ages.now)
    return _found(_its_thread().filter(expired(ages), Q(identifier__startswith=REMOVED) | Q(unmuted)))


def unread_too_long(ages: Ages, days: int) -> Q:
    """Nobody read it, nothing happened since and nothing is owed. A snoozed one is as old as the end of its snooze."""
    long_ago = ages.ago(days)
    back = Q(snoozed_until=None) | Q(snoozed_until__lt=long_ago)
    unread = Q(is_read=False, archived_at=None, notified_at__lt=long_ago)
    quiet = _its_thread().filter(quiet_for(ages, days))
    return Q(unread, back, _unmuted(ages.now), ~_found(_owed()), _found(quiet))


def _unmuted(now: datetime) -> Q:
    return Q(muted_until=None) | Q(muted_until__lte=now)


def _owed() -> QuerySet[Delivery]:
    """What is not over yet. Said so, and not as "pending", lest the whole index of what is due be read for each row."""
    return writing(Delivery).filter(user_notification=OuterRef("pk")).exclude(state__in=ENDED)


def _older_than_wished(ages: Ages) -> Q:
    """What is past the ceiling goes whatever was chosen; the preferences are asked for what is between alone."""
    past_ceiling = Q(LessThan(LAST_CHANGE, ages.ago(ages.ceiling)))
    if ages.shortest >= ages.ceiling:
        return past_ceiling
    kept_for = ExpressionWrapper(_days(ages.default) * Value(DAY), DurationField())  # SQLite wants to be told
    kept_from = ExpressionWrapper(Value(ages.now) - kept_for, DateTimeField())
    return past_ceiling | Q(
        LessThan(LAST_CHANGE, ages.ago(ages.shortest)),
        LessThan(LAST_CHANGE, kept_from),
    )


def _days(default: int) -> Coalesce:
    """How many days the member of the row wants it kept. The first answer wins."""
    chosen = writing(Preference).values("retention_days")
    here = chosen.filter(user=OuterRef("user"), team=OuterRef("team"))
    personal = chosen.filter(IsNull(OuterRef("team"), True), user=OuterRef("user"), personal=True)
    everywhere = chosen.filter(user=OuterRef("user"), team=None, personal=False)
    in_the_team = chosen.filter(user=None, team=OuterRef("team"))
    answers = (Subquery(here), Subquery(personal), Subquery(everywhere), Subquery(in_the_team), Value(default))
    return Coalesce(*answers, output_field=IntegerField())


def _its_thread() -> QuerySet[Notification]:
    return writing(Notification).filter(pk=OuterRef("notification"))


# ---- threads --------------------------------------------------------------------------------------------------------


def expired(ages: Ages) -> Q:
    """Over for everybody, by their time or because the source was deleted."""
    return Q(expires_at__isnull=False, expires_at__lte=ages.now)


def quiet_for(ages: Ages, days: int) -> Q:
    return Q(last_event_at__lt=ages.ago(days))


def unheld(ages: Ages, rows_left: QuerySet[UserNotification], fanouts_left: QuerySet[Any]) -> Q:
    """Nobody has it, nobody is about to be told, and it expired or did not happen for a day."""
    idle = expired(ages) | quiet_for(ages, IDLE)
    rows = rows_left.filter(notification=OuterRef("pk"))
    fanouts = fanouts_left.filter(notification=OuterRef("pk"))
    return Q(idle, ~_found(rows, "notification", "user"), ~_found(fanouts))


# ---- what hangs on them ---------------------------------------------------------------------------------------------


def pointless(ages: Ages) -> Q:
    """Of unfinished fan-outs: the thread has expired, so nobody else is told of it."""
    return _found(_its_thread().filter(expired(ages)))


def ended(ages: Ages, rows_left: QuerySet[UserNotification]) -> Q:
    """Of deliveries: what it tells is gone, and no worker has it; or it ended, and both event and turn are long ago."""
    long_ago = ages.ago(ages.ceiling)
    old = Q(state__in=ENDED, created_at__lt=long_ago, due_at__lt=long_ago)
    unleased = Q(lease_until=None) | Q(lease_until__lte=ages.now)
    return old | Q(unleased, ~_found(rows_left.filter(pk=OuterRef("user_notification"))))


def told(ages: Ages, deliveries_left: QuerySet[Delivery]) -> Q:
    """Of mailings: over, long ago, and nothing that is kept says what it told."""
    long_ago = ages.ago(ages.ceiling)
    old = Q(created_at__lt=long_ago) & (Q(sent_at=None) | Q(sent_at__lt=long_ago))
    return Q(old, ~Q(state=Mailing.State.PENDING), ~_found(deliveries_left.filter(mailing=OuterRef("pk"))))


def forgotten(ages: Ages, threads_that_go: QuerySet[Notification]) -> Q:
    """Of occurrences: long ago, and not the last of its thread; or the thread goes."""
    same_thread = writing(Occurrence).filter(notification=OuterRef("notification"))
    later = same_thread.filter(at__gt=OuterRef("at"))
    at_the_same_time = same_thread.filter(at=OuterRef("at"), pk__gt=OuterRef("pk"))
    old = Q(Exists(later) | Exists(at_the_same_time), at__lt=ages.ago(ages.ceiling))
    return old | _found(threads_that_go.filter(pk=OuterRef("notification")))


# ---- events ---------------------------------------------------------------------------------------------------------


def past_events(ages: Ages, known: Collection[str]) -> Q:
    """Of events: their time is over, and no handler is owed them, however long an outage was.

    What was not dispatched is owed to whoever listens, unless its name is none of those `known`: it waited for a
    release that knows it, and none came.
    """
    over = Q(dispatched_at__isnull=False) | ~Q(name__in=known)
    owed = _runs().exclude(state__in=[HandlerRun.State.DONE, HandlerRun.State.FAILED])
    return Q(over, ~_found(owed, "event", "handler"), delete_at__lte=ages.now)


def of_past_events(ages: Ages, known: Collection[str]) -> Q:
    """Of the records of handlers: their event goes."""
    return _found(writing(EventLog).filter(past_events(ages, known), pk=OuterRef("event")))


def without_runs() -> Q:
    """Of events: the records of their handlers are gone."""
    return ~_found(_runs(), "event", "handler")


def _runs() -> QuerySet[HandlerRun]:
    return writing(HandlerRun).filter(event=OuterRef("pk"))


# ---- how ------------------------------------------------------------------------------------------------------------


def _found(rows: QuerySet[Any, Any], *index: str) -> Q:
    """Whether there are such rows: looked up, for each row of a range, in the order of an index where there are many.

    Not EXISTS: PostgreSQL would turn that into a join, and read the whole other table once for each range.
    """
    return Q(IsNull(Subquery(rows.order_by(*index).values("pk")[:1]), False))
