"""After the commit an event is owed to each of its handlers: one row for each, which their tasks work off."""

from functools import partial

from django.db import router, transaction
from django.utils import timezone

from team_notifications.events import handlers, runs, types
from team_notifications.models import EventLog, HandlerRun
from team_notifications.models.event import EventLogQuerySet
from team_notifications.signals import event_dispatched
from team_notifications.sql import writing

BATCH = 1_000  # events that one look finds


def dispatch(event_id: int) -> None:
    """Owes the event to its handlers, once however often it is called, and says so after the commit."""
    with transaction.atomic(using=router.db_for_write(EventLog)):
        owed = owe(event_id)
        if owed:
            announce = partial(event_dispatched.send_robust, sender=EventLog, runs=owed)
            transaction.on_commit(announce, using=router.db_for_write(EventLog))


def owe(event_id: int) -> list[int]:
    """The keys of the new runs. Empty when there is no handler, when the event was dispatched before, or is unknown."""
    with transaction.atomic(using=router.db_for_write(EventLog)):
        # Of several that a message woke, and the sweeper, one finds it undispatched; the others wait for its commit.
        if not _waiting().filter(pk=event_id).update(dispatched_at=timezone.now()):
            return []
        event = writing(EventLog).get(pk=event_id)
        new = [HandlerRun(event=event, handler=path) for path in handlers.paths_for(event.name)]
        # Somebody may have emptied dispatched_at by hand, for a handler that came later: what there is, stays.
        HandlerRun.objects.bulk_create(new, ignore_conflicts=True)
        owed = writing(HandlerRun).filter(event=event, state=HandlerRun.State.PENDING)
        return list(owed.order_by("pk").values_list("pk", flat=True))


def undispatched(after: int = 0) -> list[int]:
    """The keys beyond `after` of events that no message led to, the oldest first, at most a batch."""
    waiting = _waiting().using(router.db_for_write(EventLog)).filter(pk__gt=after)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _waiting() -> EventLogQuerySet:
    """Of those that this process knows. One of a later release waits for a worker that knows who listens to it."""
    return EventLog.objects.undispatched().filter(name__in=types.names())


def handle_now(event_id: int) -> None:
    """Dispatches the event and runs its handlers, here and one after another. What fails is retried by the sweeper."""
    for run_id in owe(event_id):
        runs.run(run_id)
