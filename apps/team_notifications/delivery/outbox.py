"""The outbox: take what is due, and write down what became of it.

Taking is a lease with a fencing token. The token is new each time, and every later write asks for it: a worker that was
thought dead and comes back cannot write over the work of the one that followed.
"""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.db import connections, router, transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.utils import timezone

from team_notifications import conf
from team_notifications.delivery.groups import Group, Row, next_batch
from team_notifications.models import Delivery, Mailing
from team_notifications.models.delivery import DeliveryQuerySet
from team_notifications.sql import prepared, writing
from team_notifications.wording import word_mails

LARGEST_BATCH = 5_000  # deliveries that a worker holds in memory, but for a single member to whom more are owed

# For many at once, in one round trip; Django's CASE over all of them takes longer to write than to run.
ATTACH = "UPDATE {table} SET mailing_id = %s WHERE id = %s"


def claim(channel: str, limit: int | None = None) -> list[Delivery]:
    """Takes what is due for at most `limit` members (default ``DELIVERY_BATCH``), a member's in one team together.

    Nobody else has these deliveries until the lease ends. Returns them with everything that deciding needs.
    """
    now, token = timezone.now(), uuid.uuid4()
    limit, after = limit or conf.settings().delivery_batch, None
    with transaction.atomic(using=router.db_for_write(Delivery)):
        while first := _first_due(channel, now, limit, after):
            due = Delivery.objects.due(channel, now).filter(user__in={row["user_id"] for row in first})
            groups = next_batch(_rows(due), now, LARGEST_BATCH)
            if _lease(groups, now, token):
                break
            after = first[-1]  # others have all of these at this moment
    mine = writing(Delivery).filter(lease_token=token, state=Delivery.State.PENDING)
    claimed = loaded(mine)
    # What is owed to a member, or about a row, that was deleted in the moment of the event.
    mine.exclude(pk__in=[delivery.pk for delivery in claimed]).delete()
    return claimed


def loaded(deliveries: QuerySet[Delivery]) -> list[Delivery]:
    """With everything that deciding and writing needs: afterwards a mail is written without another question.

    Threads and teams are shared by many of them, and are loaded once each.
    """
    own = deliveries.select_related("user_notification", "user", "mailing")
    found = list(own.prefetch_related("user_notification__notification__team", "team").order_by("pk"))
    word_mails([delivery.user_notification.notification for delivery in found])
    return found


def still_ours(deliveries: Collection[Delivery]) -> bool:
    """Whether the lease holds for the time that it takes to send them; extends it when half of it is over.

    False when another worker took them over: leave them alone then.
    """
    lease = conf.settings().delivery_lease
    now = timezone.now()
    if all(delivery.lease_until and now < delivery.lease_until - lease / 2 for delivery in deliveries):
        return True
    return _held(deliveries).update(lease_until=now + lease) == len(deliveries)


def ours(deliveries: Collection[Delivery]) -> list[Delivery]:
    """Those that no other worker took over, locked until the commit: what is decided of them now will hold."""
    keys = set(_held(deliveries).select_for_update(no_key=True).values_list("pk", flat=True))
    return [delivery for delivery in deliveries if delivery.pk in keys]


def attach(deliveries: Collection[Delivery]) -> None:
    """Writes down which mailing each belongs to. In the transaction that found them still ours."""
    connection = connections[router.db_for_write(Delivery)]
    rows = (prepared(Delivery, connection, mailing=each.mailing_id, id=each.pk) for each in deliveries)
    values = [(row["mailing"], row["id"]) for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(ATTACH.format(table=Delivery._meta.db_table), values)


def hold(
    deliveries: Collection[Delivery], until: datetime, *, asked_at: datetime, leaving: Collection[Any] = ()
) -> None:
    """Gives them back; they are due at another time. Those of a mailing that is `leaving` without them stay behind.

    What `reconsider` made due since `asked_at` stays due: the answer is out of date.
    """
    left_behind = Case(When(mailing__in=leaving, then=None), default=F("mailing"))
    as_asked = _held(deliveries).filter(due_at__lte=asked_at)
    as_asked.update(due_at=until, mailing=left_behind, last_error="", lease_token=None, lease_until=None)
    release(deliveries)


def release(deliveries: Collection[Delivery]) -> None:
    """Gives them back as they are; whoever comes next takes them."""
    _held(deliveries).update(lease_token=None, lease_until=None)


def retry(deliveries: Collection[Delivery], at: datetime, reason: str) -> int:
    """Gives them back after a failure that may pass. Returns how many; fewer when the lease was lost."""
    return _held(deliveries).update(
        due_at=at, attempts=F("attempts") + 1, last_error=reason, lease_token=None, lease_until=None
    )


def finish(deliveries: Collection[Delivery], state: Delivery.State, reason: str = "") -> int:
    """Ends them: sent, dropped or failed. Returns how many; fewer when the lease was lost."""
    return _held(deliveries).update(
        state=state, attempts=F("attempts") + 1, last_error=reason, lease_token=None, lease_until=None
    )


def try_again(deliveries: DeliveryQuerySet) -> int:
    """Owes those of `deliveries` that failed once more, from now on and with all their tries; returns how many.

    They go as the mailing that they were, with its Message-ID. What somebody else tried again before us is left alone.
    """
    failed = deliveries.order_by().filter(state=Delivery.State.FAILED)
    with transaction.atomic(using=router.db_for_write(Delivery)):
        mailings = Mailing.objects.filter(state=Mailing.State.FAILED, deliveries__in=failed.values("pk"))
        mailings.update(state=Mailing.State.PENDING)
        return failed.update(
            state=Delivery.State.PENDING,
            due_at=timezone.now(),
            attempts=0,
            takeovers=0,
            lease_token=None,
            lease_until=None,
        )


def reconsider(*, user: Any = None, team: Any = None) -> int:
    """Makes what is held due, because it is wanted differently now. Returns how many.

    With a `user`, what is held for them; without, what is held for anybody in `team`, whose default changed. Either may
    be named by its key.

    The worker looks at their preferences again, and holds what shall wait. What waits after a failure goes on waiting:
    the other side may have asked for that.
    """
    now = timezone.now()
    whose = {"team": team} if user is None else {"user": user}
    held = Delivery.objects.pending().filter(**whose, last_error="")
    # Those that a worker has as well: it asked before this, and must not put them aside on that answer.
    return held.filter(Q(due_at__gt=now) | Q(lease_until__gt=now)).update(due_at=now)


def _first_due(channel: str, now: datetime, limit: int, after: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The next `limit` that are due, in the order of an index: what it costs does not depend on how much is due."""
    due = Delivery.objects.due(channel, now).unleased(now).order_by("due_at", "pk")
    if after is not None:
        later = Q(due_at__gt=after["due_at"]) | Q(pk__gt=after["pk"])
        due = due.filter(later, due_at__gte=after["due_at"])
    return [dict(row) for row in due.values("pk", "due_at", "user_id")[:limit]]


def _rows(due: DeliveryQuerySet) -> Iterator[Row]:
    names = [field.name for field in fields(Row)]
    return (Row(**values) for values in due.order_by("due_at", "pk").values(*names))


def _lease(groups: list[Group], now: datetime, token: uuid.UUID) -> int:
    """Takes those groups whose head nobody else is taking at this moment. Returns how many deliveries that are."""
    heads = Delivery.objects.pending().unleased(now).filter(pk__in=[group.head.pk for group in groups])
    # Skips what another worker is taking; SQLite, which has one writer at a time, ignores it.
    free = set(heads.select_for_update(skip_locked=True).values_list("pk", flat=True))
    taken = [row.pk for group in groups if group.head.pk in free for row in group.rows]
    # And still unleased: without row locks another worker may have been first.
    return (
        Delivery.objects.pending()
        .unleased(now)
        .filter(pk__in=taken)
        .update(
            lease_token=token,
            lease_until=now + conf.settings().delivery_lease,
            takeovers=Case(When(lease_token=None, then=F("takeovers")), default=F("takeovers") + 1),
        )
    )


def _held(deliveries: Collection[Delivery]) -> DeliveryQuerySet:
    """Those of `deliveries` that are still ours."""
    tokens = {delivery.lease_token for delivery in deliveries}
    return Delivery.objects.pending().filter(pk__in=[delivery.pk for delivery in deliveries], lease_token__in=tokens)
