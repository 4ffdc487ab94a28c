"""From the outbox to the mail server: claim, look again, send outside of any transaction, write down.

Every step may be the last. A worker that is killed leaves deliveries behind whose lease ends, and the next one takes
them; only a mail that the server accepted in the very moment before may go out twice, with the same Message-ID.
"""

import logging
import math
import traceback
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from time import monotonic
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.db import connections, router, transaction
from django.utils import timezone

from team_notifications import conf
from team_notifications.delivery import outbox
from team_notifications.delivery.channels.email.channel import EmailChannel
from team_notifications.delivery.channels.email.errors import in_our_words
from team_notifications.delivery.channels.email.letters import Letters
from team_notifications.delivery.channels.email.message import build, new_message_id
from team_notifications.delivery.checking import ASK_AGAIN, Verdict, check
from team_notifications.delivery.retry import ChannelError, decide
from team_notifications.delivery.rules import Scope, Wishes, wishes_of
from team_notifications.models import Delivery, Mailing
from team_notifications.sql import prepared, writing
from team_notifications.texts import clean_message

logger = logging.getLogger(__name__)

EMAIL = "email"
SESSION = 120.0  # seconds that one task goes on sending; well under the time limit of tasks, and under the lease
FRESH = 10.0  # seconds for which it counts that the batch was looked at

Wishlist = Mapping[Scope, Wishes]


def deliver(seconds: float = SESSION) -> int:
    """Sends the mail that is due, for as long as `seconds`, and returns how many mails that were.

    A task that ran until nothing is due would be killed in the middle of a large backlog; the sweeper goes on with it.
    """
    sent, end = 0, monotonic() + seconds
    with EmailChannel() as channel:
        while monotonic() < end and (claimed := outbox.claim(EMAIL)):
            try:
                wishes = wishes_of(claimed)
                mailings = _ready(claimed, wishes)
            except Exception:
                logger.exception("What is due could not be made ready; it is tried again in a minute.")
                outbox.hold(claimed, timezone.now() + ASK_AGAIN, asked_at=timezone.now())
                continue
            sent += _send_all(channel, mailings, wishes, end)
    _end_mailings_without_deliveries()
    return sent


# ---- before ---------------------------------------------------------------------------------------------------------


def _ready(claimed: list[Delivery], wishes: Wishlist) -> dict[Mailing, list[Delivery]]:
    """Drops and holds what shall not go now, and gathers the rest into mailings. Committed before anything is sent."""
    asked_at = timezone.now()
    claimed = _not_deadly(_not_sent_yet(claimed))
    verdicts = check(claimed, wishes, asked_at)
    with transaction.atomic(using=router.db_for_write(Delivery)):
        groups: dict[Scope, list[Delivery]] = defaultdict(list)
        for delivery in outbox.ours(claimed):
            if verdicts[delivery].send:
                groups[delivery.user_id, delivery.team_id].append(delivery)
        mailings = _mailings(groups.values())
        _put_aside(verdicts, asked_at, going={mailing.pk for mailing in mailings})
    return mailings


def _not_sent_yet(claimed: list[Delivery]) -> list[Delivery]:
    """Without those whose mail went out, and whose worker ended before it wrote that down for each of them."""
    gone = [delivery for delivery in claimed if delivery.mailing and delivery.mailing.state == Mailing.State.SENT]
    outbox.finish(gone, Delivery.State.SENT)
    return [delivery for delivery in claimed if delivery not in gone] if gone else claimed


def _not_deadly(claimed: list[Delivery]) -> list[Delivery]:
    """Without those that no worker survives. Such a group is claimed alone, so nobody else's mail is among them."""
    limit = conf.settings().max_attempts
    deadly = [delivery for delivery in claimed if delivery.takeovers >= limit]
    if deadly:
        error = ChannelError(f"{limit} workers ended while they were at it, and did not say why.", permanent=True)
        _failed(deadly[0].mailing, deadly, error)
    return [delivery for delivery in claimed if delivery.takeovers < limit]


def _mailings(groups: Iterable[list[Delivery]]) -> dict[Mailing, list[Delivery]]:
    """The mailing of each group: the one that was tried before, or a new one. Two statements for all the new ones."""
    mailings = {_tried_before(group) or _new_mailing(group): group for group in groups}
    new = {mailing: group for mailing, group in mailings.items() if group[0].mailing is None}
    Mailing.objects.bulk_create(new)
    for mailing, group in new.items():
        for delivery in group:
            delivery.mailing = mailing
    outbox.attach([delivery for group in new.values() for delivery in group])
    return mailings


def _tried_before(group: list[Delivery]) -> Mailing | None:
    if (mailing := group[0].mailing) is not None:
        mailing.user, mailing.team = group[0].user, group[0].team  # which are at hand
        if mailing.address != group[0].user.email:  # now: what the provider reports may come before our own record
            mailing.address = group[0].user.email
            mailing.save(update_fields=["address"])
    return mailing


def _new_mailing(group: list[Delivery]) -> Mailing:
    threads = {delivery.user_notification_id for delivery in group}
    mailing = Mailing(
        user=group[0].user,
        team=group[0].team,
        address=group[0].user.email,
        kind=Mailing.Kind.DIGEST if len(threads) > 1 else Mailing.Kind.INSTANT,
    )
    mailing.message_id = new_message_id(mailing.pk)
    return mailing


def _put_aside(verdicts: dict[Delivery, Verdict], asked_at: datetime, going: set[Any]) -> None:
    held: dict[datetime, list[Delivery]] = defaultdict(list)
    dropped: dict[str, list[Delivery]] = defaultdict(list)
    for delivery, verdict in verdicts.items():
        if verdict.hold_until is not None:
            held[verdict.hold_until].append(delivery)
        elif verdict.drop:
            dropped[verdict.drop].append(delivery)
    for until, deliveries in held.items():
        outbox.hold(deliveries, until, asked_at=asked_at, leaving=going)
    for reason, deliveries in dropped.items():
        outbox.finish(deliveries, Delivery.State.DROPPED, reason)


def _end_mailings_without_deliveries() -> None:
    """Mailings that were tried before, and of which nothing is left to send."""
    pending = Mailing.objects.filter(state=Mailing.State.PENDING)
    pending.exclude(deliveries__state=Delivery.State.PENDING).update(state=Mailing.State.DROPPED)


# ---- sending --------------------------------------------------------------------------------------------------------


def _send_all(
    channel: EmailChannel, mailings: dict[Mailing, list[Delivery]], wishes: Wishlist, end: float = math.inf
) -> int:
    """What fails is written down, and the others go on; what is left at the `end` goes back.

    That a mail went is written down before the next one is sent, on the mailing. Its deliveries follow all together.
    """
    gone: dict[Mailing, list[Delivery]] = {}
    letters, checked = Letters(), monotonic()
    for mailing, deliveries in mailings.items():
        if monotonic() > end:
            outbox.release(deliveries)
            continue
        if not outbox.still_ours(deliveries):
            logger.warning("Mailing %s was taken over by another worker.", mailing.pk)
            continue
        if monotonic() - checked > FRESH:
            deliveries = _checked_again(mailing, deliveries, wishes)
        if deliveries and _send(channel, mailing, deliveries, wishes, letters):
            gone[mailing] = deliveries
    outbox.finish([delivery for deliveries in gone.values() for delivery in deliveries], Delivery.State.SENT)
    return len(gone)


def _checked_again(mailing: Mailing, deliveries: list[Delivery], wishes: Wishlist) -> list[Delivery]:
    """Those that may still go. The mails before took long, and much may have changed since the batch was looked at."""
    keys = [delivery.pk for delivery in deliveries]
    now_so = outbox.loaded(writing(Delivery).filter(pk__in=keys))
    asked_at = timezone.now()
    verdicts = check(now_so, wishes, asked_at)
    going = [delivery for delivery in now_so if verdicts[delivery].send]
    _put_aside(verdicts, asked_at, going={mailing.pk} if going else set())
    return going


def _send(
    channel: EmailChannel, mailing: Mailing, deliveries: list[Delivery], wishes: Wishlist, letters: Letters
) -> bool:
    try:
        provider_message_id = channel.send(_built(mailing, deliveries, wishes, letters))
    except ChannelError as error:
        _failed(mailing, deliveries, error)
        return False
    return _sent(mailing, provider_message_id)


def _built(mailing: Mailing, deliveries: list[Delivery], wishes: Wishlist, letters: Letters) -> EmailMultiAlternatives:
    """The message. Whatever a template raises is this mailing's own failure, and none that passes by itself."""
    rows = {delivery.user_notification_id: delivery.user_notification for delivery in deliveries}
    wanted = wishes[mailing.user_id, mailing.team_id].preferences
    demanded = [
        delivery.user_notification.notification.severity.weight for delivery in deliveries if delivery.is_demanded
    ]
    chosen = None if len(demanded) == len(deliveries) else wanted
    try:
        return build(mailing, list(rows.values()), chosen, letters, min(demanded, default=None))
    except ChannelError:  # an address that is none
        raise
    except Exception as error:
        told = clean_message("".join(traceback.format_exception(error)))  # no log takes half characters either
        logger.error("Mailing %s cannot be written.\n%s", mailing.pk, told)
        raise in_our_words(error, permanent=True) from error


# ---- after ----------------------------------------------------------------------------------------------------------


# Written out: it runs for each mail, and Django takes longer to put it together than the database to do it.
RECORD = """
UPDATE {table}
SET state = %(sent)s, sent_at = %(sent_at)s, provider_message_id = %(provider_message_id)s,
    address = %(address)s, last_error = ''
WHERE id = %(id)s AND state <> %(sent)s
"""


def _sent(mailing: Mailing, provider_message_id: str) -> bool:
    """One statement for a mail of many deliveries: the mailing is the record, and who takes them next looks there.

    It went, whatever others may have thought of it meanwhile, to whom its deliveries seemed to be gone.
    """
    connection = connections[router.db_for_write(Mailing)]
    values = prepared(
        Mailing,
        connection,
        id=mailing.pk,
        sent_at=timezone.now(),
        provider_message_id=provider_message_id,
        address=mailing.address,
    )
    with connection.cursor() as cursor:
        statement = RECORD.format(table=Mailing._meta.db_table)
        cursor.execute(statement, {**values, "sent": Mailing.State.SENT.value})
        recorded = bool(cursor.rowcount)
    if not recorded:
        logger.warning("Mailing %s was sent, and meanwhile by another worker, too.", mailing.pk)
    return recorded


def _failed(mailing: Mailing | None, deliveries: list[Delivery], error: ChannelError) -> None:
    """Owes them again later, or ends them. `mailing` is None for those that no worker came to make one of."""
    attempts = 1 + max(delivery.attempts for delivery in deliveries)
    decision = decide(error, attempts=attempts, max_attempts=conf.settings().max_attempts, now=timezone.now())
    logger.warning("Mailing %s failed (try %s): %s", mailing and mailing.pk, attempts, error)
    with transaction.atomic(using=router.db_for_write(Delivery)):
        if decision.again_at is not None:
            written = outbox.retry(deliveries, decision.again_at, str(error))
            state = Mailing.State.PENDING
        else:
            written = outbox.finish(deliveries, Delivery.State.FAILED, str(error))
            state = Mailing.State.FAILED
        if written and mailing:  # or another worker has it, and knows better
            Mailing.objects.filter(pk=mailing.pk).update(state=state, last_error=str(error))
