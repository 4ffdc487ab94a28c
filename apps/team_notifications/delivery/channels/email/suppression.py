"""Addresses that no mail goes to, because it bounced for good or was reported as spam."""

from collections.abc import Iterable
from datetime import datetime

from django.db import router, transaction
from django.utils import timezone

from team_notifications.models import Suppression


def suppress(address: str, reason: Suppression.Reason, at: datetime | None = None) -> None:
    """From now on no mail goes to `address`. `at` is when it happened; None is now.

    Who is suppressed already stays so since the first time; only a complaint takes the place of a bounce.
    """
    address, at = address.lower(), at or timezone.now()
    with transaction.atomic(using=router.db_for_write(Suppression)):
        # One statement: the same bounce may be reported to two web processes at once.
        Suppression.objects.bulk_create([Suppression(address=address, reason=reason, at=at)], ignore_conflicts=True)
        if reason == Suppression.Reason.COMPLAINED:
            bounced = Suppression.objects.filter(address=address, reason=Suppression.Reason.BOUNCED)
            bounced.update(reason=reason, at=at)


def lift(address: str) -> bool:
    """Mail may go to `address` again. False when nothing held it back."""
    deleted, _ = Suppression.objects.filter(address=address.lower()).delete()
    return deleted > 0


def suppressed(addresses: Iterable[str]) -> dict[str, Suppression]:
    """The suppressions among `addresses`, by the address in lower case. One query."""
    among = Suppression.objects.filter(address__in={address.lower() for address in addresses})
    return {suppression.address: suppression for suppression in among}
