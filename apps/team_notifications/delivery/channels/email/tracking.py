"""What a provider reports of a mail, by Anymail's webhooks.

Events come twice, in any order, and before we have written down that the mail was sent. The mailing was committed
before it was sent, so it is found; a conditional UPDATE moves its status forward only, and what follows from an event
(an address is suppressed, a member unsubscribed) follows in the same transaction, once.
"""

import logging
import uuid
from typing import Any

from anymail.signals import EventType, tracking
from django.db import router, transaction
from django.db.models import Q
from django.utils import timezone

from team_notifications.delivery.channels.email.bounces import is_for_good, is_old_complaint, may_pass
from team_notifications.delivery.channels.email.payload import storable, text
from team_notifications.delivery.channels.email.suppression import suppress
from team_notifications.delivery.channels.email.unsubscribe import Subscription
from team_notifications.models import Mailing, Suppression

logger = logging.getLogger(__name__)

Status = Mailing.ProviderStatus

# Rejected and failed: the provider did not even try, which to the reader is the same.
STATUS = {
    EventType.DELIVERED: Status.DELIVERED,
    EventType.BOUNCED: Status.BOUNCED,
    EventType.REJECTED: Status.BOUNCED,
    EventType.FAILED: Status.BOUNCED,
    EventType.UNSUBSCRIBED: Status.UNSUBSCRIBED,
    EventType.COMPLAINED: Status.COMPLAINED,
}


def connect() -> None:
    tracking.connect(record, dispatch_uid="team_notifications.tracking")


def record(event: Any, esp_name: str, **kwargs: Any) -> None:
    """Writes down an `AnymailTrackingEvent`, and does what follows from it. Nothing in an event makes it raise."""
    mailing = _mailing_of(event)
    if mailing is None:  # every mail of the host's is reported here
        logger.info("%s reported %s of a mail that is none of ours.", esp_name, event.event_type)
    elif may_pass(event, esp_name):
        _keep(mailing, event)
    elif event.event_type in STATUS:
        _advance(mailing, STATUS[event.event_type], event)
    else:
        logger.info("%s reported %s of mailing %s, which changes nothing.", esp_name, event.event_type, mailing.pk)


def _mailing_of(event: Any) -> Mailing | None:
    """By our own id, which Anymail sent along as metadata; where a provider drops that, by the id of the message."""
    mailings = Mailing.objects.select_related("user", "team")
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    try:
        key = uuid.UUID(str(metadata.get("mailing")))
    except ValueError:
        given = text(event.message_id or "")
        return mailings.filter(Q(provider_message_id=given) | Q(message_id=given)).first() if given else None
    return mailings.filter(pk=key).first()


def _keep(mailing: Mailing, event: Any) -> None:
    """What may still end well is kept until there is something definite."""
    Mailing.objects.filter(pk=mailing.pk, provider_status="").update(provider_event=storable(event.esp_event))


def _advance(mailing: Mailing, status: Mailing.ProviderStatus, event: Any) -> None:
    behind = Status.values[: Status.values.index(status)]
    earlier = Mailing.objects.filter(pk=mailing.pk, provider_status__in=["", *behind])
    with transaction.atomic(using=router.db_for_write(Mailing)):
        # Zero: the same event was here before, or a later one overtook it.
        moved = earlier.update(provider_status=status, provider_event=storable(event.esp_event))
        if moved:
            _follow(mailing, status, event)
        elif status == Status.UNSUBSCRIBED and _complained(mailing):
            _unsubscribe(mailing)  # the complaint that came first did not say so


def _complained(mailing: Mailing) -> bool:
    return Mailing.objects.filter(pk=mailing.pk, provider_status=Status.COMPLAINED).exists()


def _unsubscribe(mailing: Mailing) -> None:
    Subscription(user=mailing.user, team=mailing.team).stop()


def _follow(mailing: Mailing, status: Mailing.ProviderStatus, event: Any) -> None:
    """The address is the one that we wrote to: what an event says there may be a forwarded one."""
    at = event.timestamp if event.timestamp and timezone.is_aware(event.timestamp) else None
    if status == Status.COMPLAINED or is_old_complaint(event):
        suppress(mailing.address, Suppression.Reason.COMPLAINED, at)
    elif status == Status.UNSUBSCRIBED:
        _unsubscribe(mailing)
    elif is_for_good(event):
        suppress(mailing.address, Suppression.Reason.BOUNCED, at)
